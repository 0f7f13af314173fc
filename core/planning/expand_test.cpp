// SPDX-License-Identifier: Apache-2.0
#include "core/planning/expand.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

// The cases of Kubernetes' own expansion_test.go, by kind.
TEST(ExpandVariables, FollowsKubelet) {
  const std::map<std::string, std::string> variables = {
      {"VAR_A", "A"}, {"VAR_B", "B"}, {"VAR_REF", "$(VAR_A)"}, {"VAR_EMPTY", ""}};
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"$(VAR_A)", "A"},
      {"___$(VAR_B)___", "___B___"},
      {"$(VAR_A)$(VAR_B)", "AB"},
      {"$(VAR_REF)", "$(VAR_A)"},
      {"f$(VAR_EMPTY)g", "fg"},
      {"$(UNKNOWN)", "$(UNKNOWN)"},
      {"$$(VAR_A)", "$(VAR_A)"},
      {"$$$(VAR_A)", "$A"},
      {"$$$$(VAR_A)", "$$(VAR_A)"},
      {"$VAR_A", "$VAR_A"},
      {"$", "$"},
      {"$$", "$"},
      {"foo$", "foo$"},
      {"$(VAR_A", "$(VAR_A"},
      {"$()", "$()"},
      {"\n$(VAR_A)\n", "\nA\n"},
      {"@{tasks.a.results.r#5f2c}", "@{tasks.a.results.r#5f2c}"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(expand_variables(text, variables), expected) << text;
  }
}

} // namespace
} // namespace taskgroup
