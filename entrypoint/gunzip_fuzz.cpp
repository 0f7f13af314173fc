// SPDX-License-Identifier: Apache-2.0
// Whatever comes, unpacking ends, within its limit and without harm.
#include "entrypoint/gunzip.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t limit = 100'000;
  const auto text = taskgroup::gunzip({reinterpret_cast<const char*>(data), size}, limit);
  if (text && text->size() > limit) {
    std::abort();
  }
  return 0;
}
