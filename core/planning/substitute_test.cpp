// SPDX-License-Identifier: Apache-2.0
#include "core/planning/late_scope.h"
#include "core/planning/substitute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Draft authored(std::string text) { return Draft::authored(std::move(text)); }

std::string shown(const Draft& draft) {
  std::string result;
  for (const Draft::Piece& piece : draft.pieces())
    result +=
        piece.kind == Draft::Piece::Kind::late ? "<" + piece.reference.name() + ">" : piece.text;
  return result;
}

// One pass over params and one over results and contexts.
class SubstituteTest : public testing::Test {
protected:
  SubstituteTest() {
    m_params.pass("s", {.data = Draft::data("tea")});
    m_params.pass("evil",
                  {.data = Draft::data("$(params.s) $(context.name) $(tasks.t.results.r)")});
    m_params.pass("authored", {.data = authored("<$(context.name)>")});
    m_params.pass("list", {.data = DraftValue::Items{Draft::data("a"), Draft::data("b c")}});
    m_params.pass("none", {.data = DraftValue::Items{}});
    m_params.pass("map", {.data = DraftValue::Fields{{"k", Draft::data("v")}}});
    m_params.pass("a.b", {.data = Draft::data("dotted")});
    m_params.pass("late", {.data = late_whole("l", ValueType::array)});
    m_params.pass("late-map", {.data = late_whole("o", ValueType::object)});
    m_params.pass("mixed", {.data = DraftValue::Items{Draft::data("x"),
                                                      Draft::late(late_whole("l", {}).reference),
                                                      Draft::data("y")}});
    m_names.set("context.name", "run");
    m_names.refuse("artifacts.", "not supported");
    m_spec.results = {{.name = {"r", {}}},
                      {.name = {"l", {}}, .type = ValueType::array},
                      {.name = {"o", {}}, .type = ValueType::object}};
    m_specs["t"] = &m_spec;
  }

  static LateWhole late_whole(std::string result, ValueType type) {
    return {{.task = "t", .result = std::move(result), .part = Reference::Part::star}, type};
  }

  std::string text(const std::string& in) { return shown(m_substitution.text({in, {}})); }

  std::vector<std::string> element(const std::string& in) {
    std::vector<std::string> result;
    for (const Draft& draft : m_substitution.element({in, {}}))
      result.push_back(shown(draft));
    return result;
  }

  std::string error(const std::string& in) {
    m_diagnostics = {};
    text(in);
    return m_diagnostics.to_string();
  }

  ParamScope m_params;
  NameScope m_names;
  TaskSpec m_spec;
  std::map<std::string, const TaskSpec*> m_specs;
  std::set<std::string> m_left_out;
  const GroupSpec m_group;
  const std::map<std::string, MatrixDraft> m_matrices;
  LateScope m_late{LateScope::For::finally, m_group, m_specs, m_matrices, m_left_out};
  ChainScope m_variables{&m_names, &m_late};
  Diagnostics m_diagnostics;
  Substitution m_substitution{{&m_params, &m_variables}, m_diagnostics};
};

TEST_F(SubstituteTest, ReplacesEveryFormOfName) {
  const std::pair<const char*, const char*> cases[] = {
      {"$(params.s)", "tea"},
      {"$(params[\"s\"])", "tea"},
      {"$(params['s'])", "tea"},
      {"$(inputs.params.s)", "tea"},
      {"$(params[\"a.b\"])", "dotted"},
      {"$(params.a.b)", "dotted"},
      {"$(params.list[0])-$(params['list'][1])", "a-b c"},
      {"$(params.map.k)", "v"},
      {"$(context.name)$(params.s)", "runtea"},
      {"$(params.late[2])", "<tasks.t.results.l[2]>"},
      {"$(params.late-map.key)", "<tasks.t.results.o.key>"},
      {"x $(tasks.t.results.r) y", "x <tasks.t.results.r> y"},
      {"$(tasks.t.results.o.k)", "<tasks.t.results.o.k>"},
      {"$(tasks.t.status)$(tasks.status)", "<tasks.t.status><tasks.status>"},
      {"$(params.mixed[0])", "x"},
  };
  for (const auto& [in, expected] : cases)
    EXPECT_EQ(text(in), expected) << in;
  EXPECT_TRUE(m_diagnostics.empty()) << m_diagnostics.to_string();
}

TEST_F(SubstituteTest, LeavesWhatItDoesNotKnow) {
  for (const char* in :
       {"$(params.unknown)", "$(params.s.k)", "$(params.s[*])", "$(params.map.other)", "$(date)",
        "$(params.s", "$params.s", "${params.s}", "$(context.other)", "$(tasks.other.results.r)",
        "$(tasks.t.results.unknown)", "$( params.s )", "$(finally.t.results.r)"})
    EXPECT_EQ(text(in), in);
}

TEST_F(SubstituteTest, TwoDollarsAreNoEscape) { EXPECT_EQ(text("$$(params.s)"), "$tea"); }

TEST_F(SubstituteTest, FindsAVariableInACommandSubstitution) {
  EXPECT_EQ(text("$(echo $(params.s))"), "$(echo tea)");
}

TEST_F(SubstituteTest, NeverLooksAtDataAgain) {
  EXPECT_EQ(text("$(params.evil)"), "$(params.s) $(context.name) $(tasks.t.results.r)");
  EXPECT_THAT(element("$(params.evil)"),
              ElementsAre("$(params.s) $(context.name) $(tasks.t.results.r)"));
}

TEST_F(SubstituteTest, PiecesThatMeetMakeNoVariable) {
  m_params.pass("open", {.data = Draft::data("$(")});
  EXPECT_EQ(text("$(params.open)params.s)"), "$(params.s)");
}

TEST_F(SubstituteTest, LaterPassesSeeWhatAnAuthorWroteIntoAParam) {
  EXPECT_EQ(text("$(params.authored)"), "<run>");
}

TEST_F(SubstituteTest, WholeArraysExpandAsElements) {
  EXPECT_THAT(element("$(params.list[*])"), ElementsAre("a", "b c"));
  EXPECT_THAT(element("$(params.list)"), ElementsAre("a", "b c"));
  EXPECT_THAT(element("$(params.none[*])"), ElementsAre());
  EXPECT_THAT(element("$(params.late[*])"), ElementsAre("<tasks.t.results.l[*]>"));
  EXPECT_THAT(element("$(params.late)"), ElementsAre("<tasks.t.results.l[*]>"));
  EXPECT_THAT(element("$(tasks.t.results.l[*])"), ElementsAre("<tasks.t.results.l[*]>"));
  EXPECT_THAT(element("$(params.mixed[*])"), ElementsAre("x", "<tasks.t.results.l[*]>", "y"));
  EXPECT_THAT(element(""), ElementsAre(""));
}

TEST_F(SubstituteTest, WholesInTextsAreErrors) {
  EXPECT_THAT(error("x $(params.list[*])"), HasSubstr("\"$(params.list[*])\" is an array"));
  EXPECT_THAT(error("$(params.list)"), HasSubstr("is an array"));
  EXPECT_THAT(error("$(params.late[*])"), HasSubstr("is an array"));
  EXPECT_THAT(error("$(tasks.t.results.l)"), HasSubstr("is an array"));
  EXPECT_THAT(error("$(params.map[*])"), HasSubstr("is an object"));
  EXPECT_THAT(error("$(params.late-map)"), HasSubstr("is an object"));
}

TEST_F(SubstituteTest, PartsThatCannotBeAreErrors) {
  EXPECT_THAT(error("$(params.list[2])"), HasSubstr("out of range: the array has 2 elements"));
  EXPECT_THAT(error("$(params.list[99999999999999999999])"), HasSubstr("out of range"));
  EXPECT_THAT(error("$(params.mixed[2])"), HasSubstr("unknown length"));
  EXPECT_THAT(error("$(params.map[0])"), HasSubstr("it is an object"));
  EXPECT_THAT(error("$(tasks.t.results.r[0])"), HasSubstr("declared as a string"));
  EXPECT_THAT(error("$(tasks.t.results.l.key)"), HasSubstr("declared as an array"));
  EXPECT_THAT(error("$(artifacts.path)"), HasSubstr("not supported"));
  EXPECT_THAT(error("$(tasks.t.outputs.image)"), HasSubstr("artifacts are not supported"));
}

TEST_F(SubstituteTest, StringsThatAreOneWholeBecomeIt) {
  const auto value = [this](std::string in) {
    return m_substitution.value({.where = {}, .data = authored(std::move(in))});
  };
  EXPECT_EQ(value("$(params.list[*])").type(), ValueType::array);
  EXPECT_EQ(value("$(params.list)").type(), ValueType::array);
  EXPECT_EQ(value("$(params.map[*])").type(), ValueType::object);
  EXPECT_EQ(value("$(tasks.t.results.l[*])").type(), ValueType::array);
  EXPECT_EQ(value("$(tasks.t.results.o[*])").type(), ValueType::object);
  EXPECT_EQ(value("$(tasks.t.results.r)").type(), ValueType::string);
  EXPECT_TRUE(m_diagnostics.empty()) << m_diagnostics.to_string();
}

TEST_F(SubstituteTest, InputsOfWhenTakeAnArrayAsJson) {
  EXPECT_EQ(shown(m_substitution.input({"$(params.list[*])", {}})), R"(["a","b c"])");
  EXPECT_EQ(shown(m_substitution.input({"$(tasks.t.results.l[*])", {}})), "<tasks.t.results.l[*]>");
  EXPECT_TRUE(m_diagnostics.empty());
  m_substitution.input({"$(params.mixed[*])", {}});
  EXPECT_THAT(m_diagnostics.to_string(), HasSubstr("cannot be the input of a when expression"));
}

TEST_F(SubstituteTest, SomeFieldsMustBeKnown) {
  EXPECT_EQ(m_substitution.known({"go:$(params.s)", {}}, "an image"), "go:tea");
  EXPECT_TRUE(m_diagnostics.empty());
  m_substitution.known({"go:$(tasks.t.results.r)", {}}, "an image");
  EXPECT_THAT(m_diagnostics.to_string(),
              HasSubstr("\"$(tasks.t.results.r)\" is known only while the group runs"));
}

} // namespace
} // namespace taskgroup
