// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace taskgroup {

// The longest name that Kubernetes takes for a container, a volume or a label's value (RFC 1123).
inline constexpr std::size_t max_label = 63;

// Return the FNV-1a hash of a text, 64 bits wide. Not for secrets: only to keep cut names apart.
std::uint64_t fnv1a(std::string_view text);

// Return `name` if it is short enough, else its beginning and a hash of the whole, at most `limit`
// long and ending with a letter or digit.
std::string cut_name(std::string_view name, std::size_t limit = max_label);

// Return the name of a child object, at most 63 long, as knative's kmeta.ChildName does: the name
// of the TaskRun that stock would make for a task of this run.
std::string child_name(std::string_view parent, std::string_view child);

// Return a stable uid for a task of a run, in the form of a UUID.
std::string child_uid(std::string_view run_uid, std::string_view task);

// Makes names unique within a plan.
class NamePool {
public:
  // Return `wanted` as a DNS label of at most 63 characters: other characters become `-`. A name
  // that is taken gets a hash of `identity`, which must be unique.
  std::string make(std::string_view wanted, std::string_view identity);

private:
  std::set<std::string, std::less<>> m_taken;
};

} // namespace taskgroup
