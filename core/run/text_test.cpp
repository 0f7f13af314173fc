// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/text.h>

#include <gtest/gtest.h>

#include <map>

namespace taskgroup {
namespace {

const Value* find(const Reference& reference) {
  static const std::map<std::string, Value> results = {
      {"s", "text $(tasks.a.results.s)"},
      {"l", Value::Array{"one", "", "three"}},
      {"o", Value::Object{{"k", "v"}}},
  };
  const auto found = results.find(reference.result);
  return found == results.end() ? nullptr : &found->second;
}

Reference ref(const std::string& tail) {
  return Reference::parse("tasks.a.results." + tail).value();
}

Text text(std::initializer_list<Text> parts) {
  Text joined;
  for (const Text& part : parts) {
    joined.append(part);
  }
  return joined;
}

TEST(Text, JoinsLiteralsAndLeavesOutEmptyOnes) {
  Text joined("a");
  joined.append("");
  joined.append("b");
  EXPECT_TRUE(joined.is_literal());
  EXPECT_EQ(joined.literal(), "ab");
  EXPECT_EQ(joined.segments().size(), 1U);
  EXPECT_TRUE(Text("").empty());
  EXPECT_EQ(Text().literal(), "");
  joined.append(joined);
  EXPECT_EQ(joined, Text("abab"));
}

TEST(Text, KnowsItsReferences) {
  const Text sole(ref("s"));
  ASSERT_NE(sole.sole_reference(), nullptr);
  EXPECT_EQ(sole.sole_reference()->result, "s");
  EXPECT_EQ(text({"x", sole}).sole_reference(), nullptr);
  EXPECT_FALSE(sole.is_literal());
  std::string seen;
  text({Text(ref("s")), "-", Text(ref("o.k"))}).for_each_reference([&](const Reference& r) {
    seen += r.name() + " ";
  });
  EXPECT_EQ(seen, "tasks.a.results.s tasks.a.results.o.k ");
}

TEST(Text, ResolvesOnceAndNeverScansWhatItPutIn) {
  EXPECT_EQ(text({"<", Text(ref("s")), ">"}).resolve(find), "<text $(tasks.a.results.s)>");
  EXPECT_EQ(text({Text(ref("l[2]")), "/", Text(ref("o.k")), Text(ref("l[1]"))}).resolve(find),
            "three/v");
  EXPECT_EQ(Text("$(tasks.a.results.s)").resolve(find), "$(tasks.a.results.s)");
}

TEST(Text, ResultsOfStepsAreWhatTheNotationAsksForAsInStock) {
  const auto resolved = [](const std::string& tail) {
    return text({"<", Text(Reference::parse("steps.a.results." + tail).value()), ">"})
        .resolve(find)
        .value_or("error");
  };
  EXPECT_EQ(resolved("s"), "<text $(tasks.a.results.s)>");
  EXPECT_EQ(resolved("l[2]"), "<three>");
  EXPECT_EQ(resolved("l[3]"), "error");
  EXPECT_EQ(resolved("o.k"), "<v>");
  EXPECT_EQ(resolved("o.x"), "<>");
  EXPECT_EQ(resolved("l"), "<>");
  EXPECT_EQ(resolved("s.k"), "<>");
  EXPECT_EQ(resolved("none"), "<$(steps.a.results.none)>");
  EXPECT_EQ(resolved("l[*]"), "<$(steps.a.results.l[*])>");
  const auto items = [](const std::string& tail) {
    return Text(Reference::parse("steps.a.results." + tail).value()).resolve_items(find).value();
  };
  EXPECT_EQ(items("l[*]"), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(items("l"), (std::vector<std::string>{""}));
  EXPECT_EQ(items("s[*]"), (std::vector<std::string>{""}));
}

TEST(Text, SaysWhatCannotBeResolved) {
  const auto message = [](const std::string& tail) {
    const auto resolved = text({"x", Text(ref(tail))}).resolve(find);
    return resolved ? "resolved" : resolved.error().message;
  };
  EXPECT_EQ(message("none"),
            "$(tasks.a.results.none): task \"a\" did not produce the result \"none\"");
  EXPECT_EQ(message("l[3]"), "$(tasks.a.results.l[3]): the array has 3 elements");
  EXPECT_EQ(message("o.x"), "$(tasks.a.results.o.x): the object has no key \"x\"");
  EXPECT_EQ(message("l"), "$(tasks.a.results.l): an array cannot be part of a text");
  EXPECT_EQ(message("s[0]"), "$(tasks.a.results.s[0]): a value of type string has no index");
  EXPECT_EQ(message("s.k"), "$(tasks.a.results.s.k): a value of type string has no keys");
  EXPECT_NE(message("o[*]"), "resolved");
  EXPECT_EQ(Text(ref("none")).resolve(find).error().reference, ref("none"));
}

TEST(Text, WholeArrayBecomesItems) {
  using Items = std::vector<std::string>;
  EXPECT_EQ(Text(ref("l[*]")).resolve_items(find), (Items{"one", "", "three"}));
  EXPECT_EQ(Text(ref("l")).resolve_items(find), (Items{"one", "", "three"}));
  EXPECT_EQ(Text(ref("l[0]")).resolve_items(find), Items{"one"});
  EXPECT_EQ(text({"-", Text(ref("l[0]"))}).resolve_items(find), Items{"-one"});
  EXPECT_EQ(Text("").resolve_items(find), Items{""});
  EXPECT_FALSE(text({"-", Text(ref("l[*]"))}).resolve_items(find));
  EXPECT_FALSE(Text(ref("o[*]")).resolve_items(find));
}

TEST(Text, MarkersRoundTrip) {
  const Text original =
      text({"@{$(HOME) ", Text(ref("l[*]")), "}@{x#5f2c}", Text(ref("o.k")), "@"});
  const std::string marked = original.to_marked("5f2c");
  EXPECT_EQ(marked, "@{$(HOME) @{tasks.a.results.l[*]#5f2c}}@{x#5f2c}@{tasks.a.results.o.k#5f2c}@");
  EXPECT_EQ(Text::from_marked(marked, "5f2c"), original);
}

TEST(Text, OnlyMarkersWithThisNonceCount) {
  for (const char* marked :
       {"@{tasks.a.results.s#5f2d}", "@{tasks.a.results.s}", "@{tasks.a.results.s#}", "@{#5f2c}",
        "@{tasks.a.results.s#5f2c", "@{params.x#5f2c}", "@{tasks.a.results.s #5f2c}"}) {
    EXPECT_EQ(Text::from_marked(marked, "5f2c"), Text(marked)) << marked;
  }
}

} // namespace
} // namespace taskgroup
