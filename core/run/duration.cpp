// SPDX-License-Identifier: Apache-2.0
#include "core/run/duration.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace taskgroup {
namespace {

constexpr std::array<std::pair<std::string_view, long double>, 8> units = {{
    {"ns", 1.0L},
    {"us", 1e3L},
    {"\u00b5s", 1e3L}, // micro sign
    {"\u03bcs", 1e3L}, // Greek mu
    {"ms", 1e6L},
    {"s", 1e9L},
    {"m", 60e9L},
    {"h", 3600e9L},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

tl::unexpected<std::string> bad(std::string_view text, const std::string& why) {
  return tl::make_unexpected("\"" + std::string(text.substr(0, 40)) + "\" is no duration: " + why
                             + R"(; expected one such as "1h30m", "90s" or "0")");
}

} // namespace

tl::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text) {
  std::string_view rest = text;
  if (rest.empty())
    return bad(text, "it is empty");
  if (rest.front() == '-')
    return bad(text, "it is negative");
  if (rest.front() == '+')
    rest.remove_prefix(1);
  if (rest == "0")
    return std::chrono::milliseconds(0);
  if (rest.empty())
    return bad(text, "it has no number");

  long double nanoseconds = 0;
  while (!rest.empty()) {
    std::size_t at = 0;
    long double number = 0;
    while (at < rest.size() && is_digit(rest[at]))
      number = number * 10 + (rest[at++] - '0');
    std::size_t digits = at;
    if (at < rest.size() && rest[at] == '.') {
      ++at;
      long double scale = 1;
      while (at < rest.size() && is_digit(rest[at])) {
        scale /= 10;
        number += scale * (rest[at++] - '0');
        ++digits;
      }
    }
    if (digits == 0)
      return bad(text, "a number is missing");
    rest.remove_prefix(at);

    at = 0;
    while (at < rest.size() && !is_digit(rest[at]) && rest[at] != '.')
      ++at;
    const std::string_view unit = rest.substr(0, at);
    if (unit.empty())
      return bad(text, "a unit is missing");
    bool known = false;
    for (const auto& [name, factor] : units)
      if (name == unit) {
        nanoseconds += number * factor;
        known = true;
      }
    if (!known)
      return bad(text, "the unit \"" + std::string(unit.substr(0, 10)) + "\" is unknown");
    rest.remove_prefix(at);
  }
  if (nanoseconds > static_cast<long double>(std::numeric_limits<std::int64_t>::max()))
    return bad(text, "it is longer than 292 years");
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(nanoseconds / 1e6L)));
}

} // namespace taskgroup
