// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Said of every variable of artifacts.
inline constexpr std::string_view no_artifacts =
    "artifacts are not supported, for they are reported in the status of a TaskRun and a group has "
    "none; write a result";

// One `$(…)` in a text.
struct Variable {
  std::size_t begin = 0; // of `$`
  std::size_t end = 0;   // after `)`
  std::string name;      // between the parentheses, as written: `params.a`, `params["a.b"][*]`
};

// Find the variables of a text, left to right, not nested. `$$(x)` is no escape for Tekton: the
// variable in it is found (contract.md 12). A `$(` without `)` and names with blanks or other
// characters that no Tekton variable has (`$(date +%s)`) are not variables.
std::vector<Variable> find_variables(std::string_view text);

// A variable's name taken apart: `params["a.b"][*]` is {"params", "a.b"} with index "*". Quoted
// forms (`["x"]`, `['x']`) and dots are alike; `index` is "", "*" or digits.
struct VariableName {
  std::vector<std::string> parts;
  std::string index;
};

VariableName parse_variable_name(std::string_view name);

} // namespace taskgroup
