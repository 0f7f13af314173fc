// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/memory.h"

#include "entrypoint/files.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace taskgroup {

std::uint64_t kills_for_memory(const std::string& cgroups) {
  constexpr std::string_view key = "oom_kill ";
  constexpr std::size_t max_file = 4096;
  for (const char* const file : {"/memory.events", "/memory/memory.oom_control"}) {
    const auto content = read_file(cgroups + file, max_file);
    if (!content) {
      continue;
    }
    std::string_view rest = *content;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (line.substr(0, key.size()) == key) {
        std::uint64_t count = 0;
        std::from_chars(line.data() + key.size(), line.data() + line.size(), count);
        return count;
      }
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
  return 0;
}

} // namespace taskgroup
