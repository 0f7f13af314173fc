// SPDX-License-Identifier: Apache-2.0
#include "core/run/combinations.h"

#include <algorithm>

namespace taskgroup {
namespace {

bool has_value(const Combination& combination,
               const std::pair<const std::string, std::string>& it) {
  const auto found = combination.find(it.first);
  return found != combination.end() && found->second == it.second;
}

// Say whether `include` gives another value to none of the combination's params.
bool extends(const Combination& include, const Combination& combination) {
  return std::all_of(include.begin(), include.end(), [&](const auto& it) {
    return !combination.contains(it.first) || has_value(combination, it);
  });
}

bool is_new(const Combination& include, const std::vector<Combination>& combinations) {
  return !include.empty()
         && std::none_of(
             combinations.begin(), combinations.end(), [&](const Combination& combination) {
               return std::any_of(include.begin(), include.end(),
                                  [&](const auto& it) { return has_value(combination, it); });
             });
}

} // namespace

std::optional<std::vector<Combination>> fan_out(const MatrixValues& matrix, std::size_t most) {
  if (matrix.params.empty()) {
    return matrix.include.size() <= most ? std::optional(matrix.include) : std::nullopt;
  }
  std::vector<Combination> combinations(1);
  for (const auto& [name, values] : matrix.params) {
    if (values.empty()) {
      return std::vector<Combination>();
    }
    if (values.size() > most / combinations.size()) {
      return std::nullopt;
    }
    std::vector<Combination> product;
    for (const std::string& value : values) {
      for (const Combination& combination : combinations) {
        product.push_back(combination);
        product.back().insert_or_assign(name, value);
      }
    }
    combinations = std::move(product);
  }
  for (Combination& combination : combinations) {
    for (const Combination& include : matrix.include) {
      if (extends(include, combination)) {
        combination.insert(include.begin(), include.end());
      }
    }
  }
  for (const Combination& include : matrix.include) {
    if (is_new(include, combinations)) {
      combinations.push_back(include);
    }
  }
  return combinations.size() <= most ? std::optional(std::move(combinations)) : std::nullopt;
}

} // namespace taskgroup
