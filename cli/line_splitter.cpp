// SPDX-License-Identifier: Apache-2.0
#include "cli/line_splitter.h"

namespace taskgroup {

void LineSplitter::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (end != std::string_view::npos && m_pending.empty() && part.size() <= m_limit) {
      line(part); // the usual case: no copy
      bytes.remove_prefix(end + 1);
      continue;
    }
    const std::size_t room = m_limit - m_pending.size();
    if (part.size() > room) {
      m_pending.append(part.substr(0, room));
      line(m_pending);
      m_pending.clear();
      bytes.remove_prefix(room);
      continue;
    }
    m_pending.append(part);
    if (end == std::string_view::npos) {
      return;
    }
    line(m_pending);
    m_pending.clear();
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish(const std::function<void(std::string_view)>& line) {
  if (!m_pending.empty()) {
    line(m_pending);
    m_pending.clear();
  }
}

} // namespace taskgroup
