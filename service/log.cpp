// SPDX-License-Identifier: Apache-2.0
#include "service/log.h"

#include "kube/timestamp.h"

#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <cstdio>

namespace taskgroup::log {

namespace {

constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};

std::atomic<Level>& threshold() {
  static std::atomic<Level> level{Level::info};
  return level;
}

} // namespace

void set_level(Level level) { threshold() = level; }

bool level_from(std::string_view name, Level& level) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names.at(i) == name) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

void write(Level level, std::string_view message, const Pairs& pairs) {
  if (level < threshold())
    return;
  nlohmann::ordered_json line;
  line["time"] = kube::to_rfc3339_micro(std::chrono::system_clock::now());
  line["level"] = names.at(static_cast<std::size_t>(level));
  line["msg"] = message;
  for (const auto& [name, value] : pairs) {
    if (!value.empty())
      line[std::string(name)] = value;
  }
  std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr); // one call: lines of threads do not mix
}

} // namespace taskgroup::log
