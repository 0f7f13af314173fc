// SPDX-License-Identifier: Apache-2.0
#include "core/planning/names.h"

#include <fmt/format.h>

#include <utility>

namespace taskgroup {
namespace {

constexpr std::size_t hash_digits = 8;

std::string short_hash(std::string_view text) {
  return fmt::format("{:08x}", static_cast<std::uint32_t>(fnv1a(text) ^ (fnv1a(text) >> 32U)));
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string with_hash(std::string_view name, std::string_view hashed, std::size_t limit) {
  std::string head(name.substr(0, limit - hash_digits - 1));
  while (!head.empty() && !is_alphanumeric(head.back()))
    head.pop_back();
  return head + "-" + short_hash(hashed);
}

std::string to_label(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z')
      result += static_cast<char>(c - 'A' + 'a');
    else
      result += is_alphanumeric(c) ? c : '-';
  }
  while (!result.empty() && result.back() == '-')
    result.pop_back();
  return result;
}

} // namespace

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;
  }
  return hash;
}

std::string cut_name(std::string_view name, std::size_t limit) {
  return name.size() <= limit ? std::string(name) : with_hash(name, name, limit);
}

std::string child_name(std::string_view parent, std::string_view child) {
  return cut_name(fmt::format("{}-{}", parent, child));
}

std::string child_uid(std::string_view run_uid, std::string_view task) {
  const std::uint64_t high = fnv1a(fmt::format("{}/{}", run_uid, task));
  const std::uint64_t low = fnv1a(fmt::format("{}/{}", task, run_uid));
  // Version 8 (RFC 9562): free of any claim about how the digits came about.
  return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xffffU,
                     high & 0xfffU, 0x8000U | ((low >> 48U) & 0x3fffU), low & 0xffffffffffffU);
}

std::string NamePool::make(std::string_view wanted, std::string_view identity) {
  const std::string label = to_label(wanted);
  // A name that had to change keeps a hash, so that "a.b" and "a-b" stay apart whatever comes
  // first.
  std::string name = label == wanted ? cut_name(label) : with_hash(label, wanted, max_label);
  if (!m_taken.insert(name).second) {
    name = with_hash(label, identity, max_label);
    m_taken.insert(name);
  }
  return name;
}

} // namespace taskgroup
