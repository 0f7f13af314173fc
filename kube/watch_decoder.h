// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup::kube {

// Cuts the body of a watch into lines and reads the event in each. Pieces may end anywhere. Memory
// is bounded by the longest line that is allowed.
class WatchDecoder {
public:
  WatchDecoder(std::string subject, std::size_t max_line);

  // Take bytes; call `on_event` for each whole event. False: error() says why nothing more is read.
  bool feed(std::string_view bytes, const std::function<void(const WatchEvent&)>& on_event);

  // Why the watch is broken: what an ERROR event said (410 for one), or a line that is no event.
  const std::optional<ApiError>& error() const { return m_error; }

private:
  void read_line(std::string_view line, const std::function<void(const WatchEvent&)>& on_event);

  std::string m_subject;
  std::size_t m_max_line;
  std::string m_rest;
  std::optional<ApiError> m_error;
};

} // namespace taskgroup::kube
