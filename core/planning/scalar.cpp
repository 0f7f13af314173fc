// SPDX-License-Identifier: Apache-2.0
#include "core/planning/scalar.h"

#include "core/planning/ascii.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>

// The rules are those of go.yaml.in/yaml/v2 resolve.go, which sigs.k8s.io/yaml uses: a table of
// words, then by the first character a float, an integer in Go's base 0 syntax or a decimal float.

namespace taskgroup {

namespace {

using Kind = Node::Kind;

struct Word {
  std::string_view text;
  Kind kind;
  std::string_view json;
};

constexpr std::array words{
    Word{"y", Kind::boolean, "true"},
    Word{"Y", Kind::boolean, "true"},
    Word{"yes", Kind::boolean, "true"},
    Word{"Yes", Kind::boolean, "true"},
    Word{"YES", Kind::boolean, "true"},
    Word{"true", Kind::boolean, "true"},
    Word{"True", Kind::boolean, "true"},
    Word{"TRUE", Kind::boolean, "true"},
    Word{"on", Kind::boolean, "true"},
    Word{"On", Kind::boolean, "true"},
    Word{"ON", Kind::boolean, "true"},
    Word{"n", Kind::boolean, "false"},
    Word{"N", Kind::boolean, "false"},
    Word{"no", Kind::boolean, "false"},
    Word{"No", Kind::boolean, "false"},
    Word{"NO", Kind::boolean, "false"},
    Word{"false", Kind::boolean, "false"},
    Word{"False", Kind::boolean, "false"},
    Word{"FALSE", Kind::boolean, "false"},
    Word{"off", Kind::boolean, "false"},
    Word{"Off", Kind::boolean, "false"},
    Word{"OFF", Kind::boolean, "false"},
    Word{"", Kind::null, ""},
    Word{"~", Kind::null, ""},
    Word{"null", Kind::null, ""},
    Word{"Null", Kind::null, ""},
    Word{"NULL", Kind::null, ""},
    Word{".nan", Kind::floating, ".nan"},
    Word{".NaN", Kind::floating, ".nan"},
    Word{".NAN", Kind::floating, ".nan"},
    Word{".inf", Kind::floating, ".inf"},
    Word{".Inf", Kind::floating, ".inf"},
    Word{".INF", Kind::floating, ".inf"},
    Word{"+.inf", Kind::floating, ".inf"},
    Word{"+.Inf", Kind::floating, ".inf"},
    Word{"+.INF", Kind::floating, ".inf"},
    Word{"-.inf", Kind::floating, "-.inf"},
    Word{"-.Inf", Kind::floating, "-.inf"},
    Word{"-.INF", Kind::floating, "-.inf"},
};

// Return the number of decimal digits at the start of `text`.
std::size_t count_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) {
    ++count;
  }
  return count;
}

// Parse all of `text` as digits of `base`, without a sign.
std::optional<std::uint64_t> parse_magnitude(std::string_view text, int base) {
  if (text.empty() || text.front() == '-' || text.front() == '+') {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

// Parse an integer as Go's strconv.ParseInt and then ParseUint do with base 0, and return it in
// decimal: a prefix 0b, 0o, 0x or 0 (octal) names the base; only signed 64 bits may have a sign.
std::optional<std::string> parse_integer(std::string_view text) {
  const bool signed_text = !text.empty() && (text.front() == '-' || text.front() == '+');
  const bool negative = signed_text && text.front() == '-';
  std::string_view digits = text.substr(signed_text ? 1 : 0);
  int base = 10;
  if (digits.size() > 1 && digits.front() == '0') {
    switch (digits[1]) {
    case 'x':
    case 'X':
      base = 16;
      digits.remove_prefix(2);
      break;
    case 'o':
    case 'O':
      base = 8;
      digits.remove_prefix(2);
      break;
    case 'b':
    case 'B':
      base = 2;
      digits.remove_prefix(2);
      break;
    default:
      base = 8;
      digits.remove_prefix(1);
    }
  }
  const auto magnitude = parse_magnitude(digits, base);
  if (!magnitude) {
    return std::nullopt;
  }
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (signed_text && *magnitude > largest + (negative ? 1 : 0)) {
    return std::nullopt;
  }
  return (negative && *magnitude != 0 ? "-" : "") + std::to_string(*magnitude);
}

// Return true for [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like_float(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    text.remove_prefix(1);
  }
  const std::size_t whole = count_digits(text);
  text.remove_prefix(whole);
  std::size_t fraction = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = count_digits(text);
    text.remove_prefix(fraction);
  }
  if (whole == 0 && fraction == 0) {
    return false;
  }
  if (text.empty()) {
    return true;
  }
  if (text.front() != 'e' && text.front() != 'E') {
    return false;
  }
  text.remove_prefix(1);
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    text.remove_prefix(1);
  }
  return !text.empty() && count_digits(text) == text.size();
}

// Parse a text that looks like a float. Return nothing when it is too large; too small is 0.
std::optional<double> parse_float(std::string_view text) {
  if (text.front() == '+') {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    // from_chars does not say which way the number is out of range.
    value = std::strtod(std::string(text).c_str(), nullptr);
    if (std::abs(value) > 1) {
      return std::nullopt;
    }
    return value;
  }
  if (error != std::errc{} || std::isinf(value)) {
    return std::nullopt;
  }
  return value;
}

// Return `text` without underscores, or nothing when one of them does not stand between two digits:
// what strconv.ParseFloat accepts, and resolve.go calls it as is for texts that begin with a dot.
std::optional<std::string> without_digit_separators(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<ScalarType> type_float(std::string_view text) {
  if (!looks_like_float(text)) {
    return std::nullopt;
  }
  if (const auto value = parse_float(text)) {
    return ScalarType{Kind::floating, float_to_json(*value)};
  }
  return std::nullopt;
}

// The shortest decimal digits that read back as the same number: 0.d1d2d3… * 10^point.
struct Decimal {
  bool negative = false;
  std::string digits;
  int point = 0;
};

template <typename Float>
Decimal shortest_decimal(Float value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  Decimal decimal{.negative = std::signbit(value), .digits = {}, .point = 0};
  for (const char c : text.substr(0, e)) {
    if (c != '.') {
      decimal.digits += c;
    }
  }
  const char* exponent = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent, end, decimal.point);
  ++decimal.point;
  return decimal;
}

// Write without an exponent, as Go's format 'f' does.
std::string to_fixed(const Decimal& decimal) {
  std::string text = decimal.negative ? "-" : "";
  const auto& digits = decimal.digits;
  if (decimal.point <= 0) {
    if (digits == "0") {
      return text + "0";
    }
    return text + "0." + std::string(static_cast<std::size_t>(-decimal.point), '0') + digits;
  }
  const auto point = static_cast<std::size_t>(decimal.point);
  if (digits.size() <= point) {
    return text + digits + std::string(point - digits.size(), '0');
  }
  return text + digits.substr(0, point) + "." + digits.substr(point);
}

// Write with an exponent of at least `exponent_digits` digits, as Go's format 'e' does.
std::string to_scientific(const Decimal& decimal, std::size_t exponent_digits) {
  std::string text = decimal.negative ? "-" : "";
  text += decimal.digits.front();
  if (decimal.digits.size() > 1) {
    text += "." + decimal.digits.substr(1);
  }
  const int exponent = decimal.point - 1;
  std::string digits = std::to_string(std::abs(exponent));
  if (digits.size() < exponent_digits) {
    digits.insert(0, exponent_digits - digits.size(), '0');
  }
  return text + (exponent < 0 ? "e-" : "e+") + digits;
}

// Go's FormatFloat(value, 'g', -1, 32), which sigs.k8s.io/yaml uses for keys.
std::string float_to_key(double value) {
  const auto narrow = static_cast<float>(value);
  if (std::isinf(narrow)) {
    return narrow < 0 ? "-.inf" : ".inf";
  }
  const Decimal decimal = shortest_decimal(narrow);
  const int exponent = decimal.point - 1;
  return exponent < -4 || exponent >= 6 ? to_scientific(decimal, 2) : to_fixed(decimal);
}

std::string_view kind_tag(Kind kind) {
  switch (kind) {
  case Kind::null:
    return "!!null";
  case Kind::boolean:
    return "!!bool";
  case Kind::integer:
    return "!!int";
  case Kind::floating:
    return "!!float";
  default:
    return "!!str";
  }
}

} // namespace

std::string float_to_json(double value) {
  const Decimal decimal = shortest_decimal(value);
  const double size = std::abs(value);
  const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
  return scientific ? to_scientific(decimal, 1) : to_fixed(decimal);
}

ScalarType type_plain_scalar(std::string_view text) {
  for (const Word& word : words) {
    if (word.text == text) {
      return {word.kind, std::string(word.json)};
    }
  }
  ScalarType string;
  const char first = text.front();
  if (first == '.') {
    const auto number = without_digit_separators(text);
    return number ? type_float(*number).value_or(string) : string;
  }
  if (!is_digit(first) && first != '-' && first != '+') {
    return string;
  }
  std::string number; // without underscores
  for (const char c : text) {
    if (c != '_') {
      number += c;
    }
  }
  if (auto integer = parse_integer(number)) {
    return {Kind::integer, *std::move(integer)};
  }
  return type_float(number).value_or(string);
}

tl::expected<ScalarType, std::string> type_tagged_scalar(std::string_view tag,
                                                         std::string_view text) {
  constexpr std::string_view prefix = "tag:yaml.org,2002:";
  const bool standard = tag.starts_with(prefix);
  const std::string short_tag =
      standard ? "!!" + std::string(tag.substr(prefix.size())) : std::string(tag);
  if (short_tag == "!!str") {
    return ScalarType{};
  }
  if (short_tag != "!!int" && short_tag != "!!float" && short_tag != "!!bool"
      && short_tag != "!!null") {
    return tl::unexpected("the tag " + short_tag
                          + " is not supported; leave it out (known: !!str, !!int, !!float, "
                            "!!bool, !!null)");
  }
  ScalarType type = type_plain_scalar(text);
  if (kind_tag(type.kind) == short_tag) {
    return type;
  }
  if (short_tag == "!!float" && type.kind == Kind::integer) {
    std::int64_t value = 0;
    const auto* end = type.json.data() + type.json.size();
    if (std::from_chars(type.json.data(), end, value).ec == std::errc{}) {
      return ScalarType{Kind::floating, float_to_json(static_cast<double>(value))};
    }
  }
  return tl::unexpected("\"" + std::string(text.substr(0, 40)) + "\" cannot be read as "
                        + short_tag);
}

std::optional<std::string> key_name(const ScalarType& type, std::string_view text) {
  switch (type.kind) {
  case Kind::string:
    return std::string(text);
  case Kind::boolean:
    return type.json;
  case Kind::integer: {
    std::int64_t value = 0;
    const auto* end = type.json.data() + type.json.size();
    if (std::from_chars(type.json.data(), end, value).ec != std::errc{}) {
      return std::nullopt;
    }
    return type.json;
  }
  case Kind::floating: {
    double value = 0;
    const auto* end = type.json.data() + type.json.size();
    if (std::from_chars(type.json.data(), end, value).ec == std::errc::invalid_argument) {
      return type.json; // .inf, -.inf, .nan
    }
    return float_to_key(value);
  }
  default:
    return std::nullopt;
  }
}

} // namespace taskgroup
