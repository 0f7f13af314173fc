// SPDX-License-Identifier: Apache-2.0
#include "kube/watch_decoder.h"

#include "kube/answer.h"

#include <utility>

namespace taskgroup::kube {

WatchDecoder::WatchDecoder(std::string subject, std::size_t max_line)
    : m_subject(std::move(subject)), m_max_line(max_line) {}

bool WatchDecoder::feed(std::string_view bytes,
                        const std::function<void(const WatchEvent&)>& on_event) {
  while (!bytes.empty() && !m_error) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (m_rest.size() + piece.size() > m_max_line) {
      m_error = error_of_transport("an event of more than " + std::to_string(m_max_line) + " bytes",
                                   m_subject);
      break;
    }
    if (end == std::string_view::npos) {
      m_rest += piece;
      break;
    }
    bytes.remove_prefix(end + 1);
    if (m_rest.empty()) {
      read_line(piece, on_event);
    } else {
      m_rest += piece;
      const std::string line = std::exchange(m_rest, {});
      read_line(line, on_event);
    }
  }
  return !m_error;
}

void WatchDecoder::read_line(std::string_view line,
                             const std::function<void(const WatchEvent&)>& on_event) {
  if (line.empty() || line == "\r") {
    return;
  }
  auto read = parse_bounded(line);
  const auto refuse = [&](const char* what) {
    m_error =
        error_of_transport(std::string(what) + ": " + std::string(line.substr(0, 200)), m_subject);
  };
  if (!read || !read->is_object() || !read->contains("type") || !(*read)["type"].is_string()
      || !read->contains("object") || !(*read)["object"].is_object()) {
    return refuse("a line that is no event");
  }
  const std::string type = (*read)["type"].get<std::string>();
  Json& object = (*read)["object"];
  if (type == "ERROR") {
    m_error = error_of_status(object, 500, m_subject);
    return;
  }
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object() || !metadata->contains("resourceVersion")
      || !(*metadata)["resourceVersion"].is_string()) {
    return refuse("an event without a resourceVersion");
  }
  WatchEvent event;
  if (type == "ADDED") {
    event.type = WatchEvent::Type::added;
  } else if (type == "MODIFIED") {
    event.type = WatchEvent::Type::modified;
  } else if (type == "DELETED") {
    event.type = WatchEvent::Type::deleted;
  } else if (type == "BOOKMARK") {
    event.type = WatchEvent::Type::bookmark;
  } else {
    return refuse("an event of a type that is not known");
  }
  event.object = std::move(object);
  on_event(event);
}

} // namespace taskgroup::kube
