// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

// What one instance of a matrix gets: values by the names of params.
using Combination = std::map<std::string, std::string>;

// A matrix with its values (docs/matrix.md of Tekton).
struct MatrixValues {
  std::vector<std::pair<std::string, std::vector<std::string>>> params;
  std::vector<Combination> include;
};

// Return the combinations of a matrix in upstream's order, the first param varying fastest: the
// product of the params, extended by each include that contradicts none of a combination's values,
// then the includes of which no value is found in any combination (matrix_types.go, FanOut).
// Nothing if there would be more than `most`. A param without values makes no combinations at all.
std::optional<std::vector<Combination>> fan_out(const MatrixValues& matrix, std::size_t most);

} // namespace taskgroup
