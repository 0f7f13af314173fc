// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"

#include <cstdint>

namespace taskgroup::kube {
namespace {

// The value of a digit; -1: none.
int value_of(char digit) {
  if (digit >= 'A' && digit <= 'Z') {
    return digit - 'A';
  }
  if (digit >= 'a' && digit <= 'z') {
    return digit - 'a' + 26;
  }
  if (digit >= '0' && digit <= '9') {
    return digit - '0' + 52;
  }
  return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

} // namespace

std::string encode_base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits <<= 8U;
      if (i + j < bytes.size())
        bits |= static_cast<unsigned char>(bytes[i + j]);
    }
    for (std::size_t j = 0; j < 4; ++j)
      result += i + j > bytes.size() ? '=' : digits[(bits >> (18U - 6U * j)) & 0x3fU];
  }
  return result;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string result;
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      continue;
    }
    if (c == '=') {
      ++padding;
      continue;
    }
    const int value = value_of(c);
    if (value < 0 || padding > 0) {
      return std::nullopt;
    }
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    if (++digits % 4 == 0) {
      result += static_cast<char>((bits >> 16U) & 0xffU);
      result += static_cast<char>((bits >> 8U) & 0xffU);
      result += static_cast<char>(bits & 0xffU);
    }
  }
  const std::size_t rest = digits % 4;
  if (rest == 1 || padding > 2 || (padding > 0 && (rest + padding) % 4 != 0)) {
    return std::nullopt;
  }
  if (rest == 2) {
    result += static_cast<char>((bits >> 4U) & 0xffU);
  } else if (rest == 3) {
    result += static_cast<char>((bits >> 10U) & 0xffU);
    result += static_cast<char>((bits >> 2U) & 0xffU);
  }
  return result;
}

} // namespace taskgroup::kube
