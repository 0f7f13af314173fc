// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <array>

namespace taskgroup::metrics {

namespace {

constexpr std::array<std::string_view, 3> type_names{"counter", "gauge", "histogram"};

// Write text so that Markdown shows it as it is.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '|')
      result += "\\|";
    else
      result += c;
  }
  return result;
}

} // namespace

std::string metrics_table(const Registry& registry) {
  std::string table = "| Name | Type | Labels | What it is |\n| --- | --- | --- | --- |\n";
  for (const auto& [family, type] : registry.declared()) {
    table += "| `" + family.name + "` | ";
    table += type_names.at(static_cast<std::size_t>(type));
    table += " | ";
    for (std::size_t i = 0; i < family.labels.size(); ++i)
      table += (i == 0 ? "`" : ", `") + family.labels[i] + "`";
    table += (family.labels.empty() ? "| " : " | ") + escaped(family.help) + " |\n";
  }
  return table;
}

std::string document_section(std::string_view document, std::string_view section) {
  const std::string begin = "<!-- begin " + std::string(section) + " -->\n";
  const std::string end = "<!-- end " + std::string(section) + " -->\n";
  const std::size_t from = document.find(begin);
  const std::size_t to = document.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from)
    return {};
  return std::string(document.substr(from + begin.size(), to - from - begin.size()));
}

} // namespace taskgroup::metrics
