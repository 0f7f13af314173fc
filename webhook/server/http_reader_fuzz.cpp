// SPDX-License-Identifier: Apache-2.0
// Any bytes, cut anywhere: the reader keeps its bounds, and finds the same requests in one piece.
#include "webhook/server/http_reader.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace taskgroup;

constexpr HttpLimits limits{.head = 512, .headers = 8, .body = 1024};

// Every request that is found, then the status of a refusal.
std::vector<std::string> read(std::string_view bytes, std::size_t cut) {
  std::vector<std::string> found;
  HttpReader reader(limits);
  while (!bytes.empty() && reader.state() != HttpReader::State::refused) {
    const auto part = bytes.substr(0, cut);
    bytes.remove_prefix(part.size());
    reader.feed(part);
    while (reader.state() == HttpReader::State::complete) {
      const HttpRequest request = reader.take();
      if (request.body.size() > limits.body)
        std::abort();
      found.push_back(request.method + ' ' + request.path + '?' + request.query + ' '
                      + request.content_type + (request.close ? " close " : " ") + request.body);
    }
    // What is read, what is to come, and what came with it.
    if (reader.kept() > 2 * (limits.head + limits.body + part.size()) + 64)
      std::abort();
  }
  if (reader.state() == HttpReader::State::refused)
    found.push_back(std::to_string(reader.status()));
  return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto in_pieces = read(bytes, 1U + data[0]);
  const auto in_one = read(bytes, bytes.size());
  // A long head is refused before its end has come, so a piece may refuse what the whole reads.
  if (in_pieces != in_one && (in_pieces.empty() || in_pieces.back() != "431"))
    std::abort();
  return 0;
}
