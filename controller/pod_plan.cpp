// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_plan.h"

#include <fmt/format.h>

#include <zlib.h>

#include <new>

namespace taskgroup {
namespace {

std::string gzip(std::string_view bytes) {
  constexpr int gzip_window = 15 + 16; // the largest window, with gzip's header and trailer
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY)
      != Z_OK)
    throw std::bad_alloc();
  std::string result(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  // zlib does not write to its input; its type is older than const.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int outcome = deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  if (outcome != Z_STREAM_END)
    throw std::bad_alloc(); // deflateBound() leaves no other reason
  return result;
}

} // namespace

std::string packed_plan(const Plan& plan) { return gzip(to_json(plan, PlanParts::run)); }

nlohmann::json plan_variables(std::string_view base64, std::string_view prefix) {
  nlohmann::json variables = nlohmann::json::array();
  for (std::size_t i = 0; i * plan_piece < base64.size(); ++i)
    variables.push_back({{"name", fmt::format("{}{}", prefix, i)},
                         {"value", base64.substr(i * plan_piece, plan_piece)}});
  return variables;
}

} // namespace taskgroup
