// SPDX-License-Identifier: Apache-2.0
#include "core/planning/decode.h"
#include "core/run/base64.h"

#include <fmt/format.h>

namespace taskgroup {
namespace {

void add_plain(const ObjectReader& reader, const char* field, KeyedData& data) {
  const Node* const node = reader.find(field);
  for (std::size_t i = 0; node != nullptr && i < node->size(); ++i)
    data.insert_or_assign(node->keys()[i].name, node->children()[i].text());
}

// As Go reads a []byte: line breaks in it are no part of it.
void add_encoded(const ObjectReader& reader, const char* field, KeyedData& data) {
  const Node* const node = reader.find(field);
  for (std::size_t i = 0; node != nullptr && i < node->size(); ++i) {
    std::string text = node->children()[i].text();
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
    const std::string& key = node->keys()[i].name;
    if (auto decoded = from_base64(text))
      data.insert_or_assign(key, std::move(*decoded));
    else
      reader.context().diagnostics.add_error(
          node->children()[i].where(fmt::format("{}.{}", reader.path_of(field), key)),
          fmt::format("expected base64; plain text stands in `{}`",
                      reader.kind() == ObjectKind::secret ? "stringData" : "data"));
  }
}

} // namespace

KeyedData decode_config_map(const ObjectReader& reader) {
  KeyedData data;
  add_plain(reader, "data", data);
  add_encoded(reader, "binaryData", data);
  return data;
}

KeyedData decode_secret(const ObjectReader& reader) {
  KeyedData data;
  add_encoded(reader, "data", data);
  add_plain(reader, "stringData", data); // wins, as at the API server
  return data;
}

} // namespace taskgroup
