// SPDX-License-Identifier: Apache-2.0
// Whatever a pod's log holds and however it is cut into pieces, the reader tells the same.
#include "controller/progress.h"

#include <cstdint>
#include <cstdlib>

namespace {

bool same(const taskgroup::Progress& a, const taskgroup::Progress& b) {
  return a.lines == b.lines && a.foreign == b.foreign && a.gap == b.gap && a.ended == b.ended
         && a.changes == b.changes && a.state == b.state && a.tasks.size() == b.tasks.size()
         && a.results == b.results && a.omitted == b.omitted;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  // The first byte says how long the pieces are.
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  taskgroup::JournalReader whole;
  whole.feed(text);
  taskgroup::JournalReader pieces;
  for (std::size_t begin = 0; begin < text.size(); begin += piece) {
    pieces.feed(text.substr(begin, piece));
  }
  if (whole.error() != pieces.error() || !same(whole.progress(), pieces.progress())) {
    std::abort();
  }
  // Once more from the beginning: no record is new.
  taskgroup::Progress before = whole.progress();
  whole.restart();
  whole.feed(text);
  before.foreign = whole.progress().foreign;
  if (!same(before, whole.progress())) {
    std::abort();
  }
  return 0;
}
