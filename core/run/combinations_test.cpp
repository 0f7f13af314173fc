// SPDX-License-Identifier: Apache-2.0
#include "core/run/combinations.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

// Write combinations as `a=1 b=2; a=2 b=2`.
std::string text_of(const std::optional<std::vector<Combination>>& combinations) {
  if (!combinations) {
    return "too many";
  }
  std::string text;
  for (const Combination& combination : *combinations) {
    text += text.empty() ? "" : "; ";
    std::string one;
    for (const auto& [name, value] : combination) {
      one += (one.empty() ? "" : " ") + name + "=" + value;
    }
    text += one;
  }
  return text;
}

TEST(CombinationsTest, FirstParamVariesFastest) {
  EXPECT_EQ(text_of(fan_out({{{"b", {"1", "2"}}, {"a", {"x", "y"}}}, {}}, 9)),
            "a=x b=1; a=x b=2; a=y b=1; a=y b=2");
}

TEST(CombinationsTest, IncludeAloneIsWhatThereIs) {
  EXPECT_EQ(text_of(fan_out({{}, {{{"a", "1"}}, {{"b", "2"}}, {{"a", "1"}}}}, 9)), "a=1; b=2; a=1");
}

TEST(CombinationsTest, IncludeExtendsWhatItDoesNotContradict) {
  EXPECT_EQ(text_of(fan_out({{{"a", {"1", "2"}}}, {{{"a", "2"}, {"b", "x"}}, {{"c", "y"}}}}, 9)),
            "a=1 c=y; a=2 b=x c=y");
}

TEST(CombinationsTest, ALaterIncludeDoesNotOverwriteAnEarlierOne) {
  EXPECT_EQ(text_of(fan_out({{{"a", {"1"}}}, {{{"b", "x"}}, {{"b", "y"}}}}, 9)), "a=1 b=x; b=y");
}

TEST(CombinationsTest, IncludeOfWhichNothingIsThereIsAdded) {
  EXPECT_EQ(text_of(fan_out({{{"a", {"1", "2"}}}, {{{"a", "3"}}, {{"a", "3"}, {"b", "x"}}}}, 9)),
            "a=1; a=2; a=3");
}

TEST(CombinationsTest, DocumentedExample) { // docs/matrix.md of Tekton
  EXPECT_EQ(text_of(fan_out({{{"GOARCH", {"amd64", "s390x"}}, {"version", {"17", "18"}}},
                             {{{"package", "p"}},
                              {{"GOARCH", "s390x"}, {"flags", "-v"}},
                              {{"version", "17"}, {"context", "c"}},
                              {{"GOARCH", "none"}}}},
                            9)),
            "GOARCH=amd64 context=c package=p version=17; "
            "GOARCH=s390x context=c flags=-v package=p version=17; "
            "GOARCH=amd64 package=p version=18; "
            "GOARCH=s390x flags=-v package=p version=18; GOARCH=none");
}

TEST(CombinationsTest, ParamWithoutValuesMakesNone) {
  EXPECT_EQ(text_of(fan_out({{{"a", {"1"}}, {"b", {}}}, {{{"c", "1"}}}}, 9)), "");
}

TEST(CombinationsTest, NoMoreThanAllowed) {
  const MatrixValues four{{{"a", {"1", "2"}}, {"b", {"1", "2"}}}, {}};
  EXPECT_EQ(fan_out(four, 4)->size(), 4U);
  EXPECT_EQ(text_of(fan_out(four, 3)), "too many");
  EXPECT_EQ(text_of(fan_out({{{"a", {"1"}}}, {{{"a", "2"}}}}, 1)), "too many");
  EXPECT_EQ(text_of(fan_out({{}, {{{"a", "1"}}, {{"a", "2"}}}}, 1)), "too many");
}

} // namespace
} // namespace taskgroup
