// SPDX-License-Identifier: Apache-2.0
#include "core/planning/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names(std::string_view text) {
  std::vector<std::string> result;
  for (const Variable& variable : find_variables(text))
    result.push_back(variable.name);
  return result;
}

TEST(FindVariables, FindsEveryFormOfName) {
  EXPECT_THAT(
      names("$(params.a) and $(params[\"a.b\"]) $(params['c/d'][*])$(tasks.t.results.r[0])"),
      ElementsAre("params.a", "params[\"a.b\"]", "params['c/d'][*]", "tasks.t.results.r[0]"));
}

TEST(FindVariables, SaysWhereTheyStand) {
  const std::string text = "x$(params.a)y";
  const auto found = find_variables(text);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(text.substr(found[0].begin, found[0].end - found[0].begin), "$(params.a)");
}

TEST(FindVariables, LeavesTheShellsOwnSyntaxAlone) {
  EXPECT_THAT(names("$(date +%s) $(cat \"$f\") ${params.a} $(params.a $( $() $params.a $(a|b)"),
              IsEmpty());
}

TEST(FindVariables, FindsTheInnerOneOfACommandSubstitution) {
  EXPECT_THAT(names("$(echo $(params.a))"), ElementsAre("params.a"));
  EXPECT_THAT(names("$(params.a$(params.b))"), ElementsAre("params.b"));
}

TEST(FindVariables, TwoDollarsAreNoEscape) {
  EXPECT_THAT(names("$$(params.a)"), ElementsAre("params.a"));
}

TEST(ParseVariableName, QuotesAndDotsAreAlike) {
  EXPECT_THAT(parse_variable_name("params.a").parts, ElementsAre("params", "a"));
  EXPECT_THAT(parse_variable_name("params[\"a.b\"]").parts, ElementsAre("params", "a.b"));
  EXPECT_THAT(parse_variable_name("results['a'].path").parts, ElementsAre("results", "a", "path"));
}

TEST(ParseVariableName, TakesTheIndexApart) {
  EXPECT_EQ(parse_variable_name("params.a").index, "");
  EXPECT_EQ(parse_variable_name("params.a[*]").index, "*");
  const VariableName name = parse_variable_name("params['a.b'][12]");
  EXPECT_THAT(name.parts, ElementsAre("params", "a.b"));
  EXPECT_EQ(name.index, "12");
}

TEST(ParseVariableName, KeepsEmptyPartsSoThatTheyCanBeRefused) {
  EXPECT_THAT(parse_variable_name("params.").parts, ElementsAre("params", ""));
  EXPECT_THAT(parse_variable_name("params..a").parts, ElementsAre("params", "", "a"));
}

} // namespace
} // namespace taskgroup
