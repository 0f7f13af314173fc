// SPDX-License-Identifier: Apache-2.0
// The bytes of a watch, in pieces: the first byte says how long they are. However they are cut, the
// same events come out.
#include "kube/watch_decoder.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using taskgroup::kube::WatchDecoder;
using taskgroup::kube::WatchEvent;

std::vector<std::string> events_of(std::string_view bytes, std::size_t piece) {
  WatchDecoder decoder("watch", 4096);
  std::vector<std::string> events;
  const auto keep = [&](const WatchEvent& event) {
    events.push_back(event.object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  };
  while (!bytes.empty() && decoder.feed(bytes.substr(0, piece), keep)) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return events;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (events_of(bytes, std::size_t{data[0]} + 1) != events_of(bytes, bytes.size())) {
    std::abort();
  }
  return 0;
}
