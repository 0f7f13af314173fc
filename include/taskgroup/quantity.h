// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace taskgroup {

// Kubernetes quantities (apimachinery's resource.Quantity): a decimal number with one of the
// suffixes n, u, m, k, M, G, T, P, E; Ki, Mi, Gi, Ti, Pi, Ei; or an exponent, `1e3`.

// Return cpu in thousandths of a core, rounded up; nothing if the text is no quantity, is negative
// or does not fit.
std::optional<std::int64_t> parse_cpu(std::string_view text);

// Return bytes (or whatever else is counted in whole units), rounded up; nothing as above.
std::optional<std::int64_t> parse_amount(std::string_view text);

} // namespace taskgroup
