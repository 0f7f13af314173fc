// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/gunzip.h"

#include <zlib.h>

#include <limits>

namespace taskgroup {

namespace {

constexpr int gzip_only = 16 + MAX_WBITS; // no bare zlib stream

} // namespace

bool is_gzip(std::string_view bytes) { return bytes.substr(0, 2) == "\x1f\x8b"; }

tl::expected<std::string, std::string> gunzip(std::string_view bytes, std::size_t limit) {
  z_stream stream{};
  if (bytes.size() > std::numeric_limits<uInt>::max() || inflateInit2(&stream, gzip_only) != Z_OK) {
    return tl::make_unexpected(std::string("it cannot be unpacked"));
  }
  // NOLINTNEXTLINE(*-const-cast): zlib reads only, but says so only where ZLIB_CONST is defined
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  static char buffer[65536];
  int status = Z_OK;
  while (status == Z_OK && out.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  const bool rest = stream.avail_in != 0;
  inflateEnd(&stream);
  if (out.size() > limit) {
    return tl::make_unexpected("unpacked it has more than " + std::to_string(limit) + " bytes");
  }
  if (status != Z_STREAM_END || rest) {
    return tl::make_unexpected(std::string(rest && status == Z_STREAM_END ? "more follows its end"
                                           : status == Z_BUF_ERROR
                                               ? "its end is missing"
                                               : "it is not as gzip writes it"));
  }
  return out;
}

} // namespace taskgroup
