// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/quantity.h>

#include "core/planning/ascii.h"

#include <array>
#include <limits>
#include <utility>

namespace taskgroup {
namespace {

__extension__ typedef unsigned __int128 Wide; // `using` cannot be marked as an extension

constexpr Wide max_result = static_cast<Wide>(std::numeric_limits<std::int64_t>::max());

// A suffix: times `factor`, times ten to the power of `exponent`.
struct Scale {
  Wide factor = 1;
  int exponent = 0;
};

constexpr std::array<std::pair<std::string_view, int>, 9> decimal_suffixes{{{"n", -9},
                                                                            {"u", -6},
                                                                            {"m", -3},
                                                                            {"k", 3},
                                                                            {"M", 6},
                                                                            {"G", 9},
                                                                            {"T", 12},
                                                                            {"P", 15},
                                                                            {"E", 18}}};
constexpr std::array<std::string_view, 6> binary_suffixes{"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

std::optional<Scale> parse_suffix(std::string_view suffix) {
  if (suffix.empty())
    return Scale{};
  for (const auto& [name, exponent] : decimal_suffixes) {
    if (suffix == name)
      return Scale{1, exponent};
  }
  for (std::size_t i = 0; i < binary_suffixes.size(); ++i) {
    if (suffix == binary_suffixes[i])
      return Scale{Wide(1) << (10 * (i + 1)), 0};
  }
  if (suffix.front() != 'e' && suffix.front() != 'E')
    return std::nullopt;
  suffix.remove_prefix(1);
  const bool negative = suffix.starts_with('-');
  if (negative || suffix.starts_with('+'))
    suffix.remove_prefix(1);
  constexpr std::size_t max_digits = 4;
  if (suffix.empty() || suffix.size() > max_digits)
    return std::nullopt;
  int exponent = 0;
  for (const char c : suffix) {
    if (!is_digit(c))
      return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  return Scale{1, negative ? -exponent : exponent};
}

// Return the quantity times ten to the power of `exponent`, rounded up.
std::optional<std::int64_t> parse(std::string_view text, int exponent) {
  if (text.starts_with('+'))
    text.remove_prefix(1);
  constexpr int max_digits = 27; // with a factor of 2^60 below 2^128 - and more than int64 can hold
  Wide digits = 0;
  int count = 0;
  bool any = false;
  bool rest = false; // digits other than 0 that were cut off
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c))
      break;
    any = true;
    if (fraction && count >= max_digits) {
      rest = rest || c != '0';
      continue;
    }
    digits = digits * 10 + static_cast<unsigned>(c - '0');
    if (digits != 0 && ++count > max_digits)
      return std::nullopt;
    if (fraction)
      --exponent;
  }
  const std::optional<Scale> scale = parse_suffix(text.substr(at));
  if (!any || !scale)
    return std::nullopt;
  if (digits == 0)
    return rest ? 1 : 0;
  if (scale->factor > 1 && digits > ~Wide(0) / scale->factor)
    return std::nullopt;
  Wide result = digits * scale->factor;
  exponent += scale->exponent;
  for (; exponent > 0; --exponent) {
    if (result > max_result)
      return std::nullopt;
    result *= 10;
  }
  for (; exponent < 0 && result != 0; ++exponent) {
    rest = rest || result % 10 != 0;
    result /= 10;
  }
  if (rest)
    ++result;
  if (result > max_result)
    return std::nullopt;
  return static_cast<std::int64_t>(result);
}

} // namespace

std::optional<std::int64_t> parse_cpu(std::string_view text) {
  constexpr int thousandths = 3;
  return parse(text, thousandths);
}

std::optional<std::int64_t> parse_amount(std::string_view text) { return parse(text, 0); }

} // namespace taskgroup
