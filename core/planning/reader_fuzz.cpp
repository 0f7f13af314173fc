// SPDX-License-Identifier: Apache-2.0
// The reader on any bytes: it neither crashes nor exceeds its limits, every position lies in the
// file, every error has a message, and what it reads means the same when it is written as JSON.
#include <taskgroup/reader.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using taskgroup::Node;
using taskgroup::Where;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

struct File {
  std::string_view text;
  std::ptrdiff_t lines;
};

void require_in_file(const File& file, const Where& where) {
  require(where.line >= 1 && where.line <= file.lines + 1);
  require(where.column >= 1 && std::cmp_less_equal(where.column, file.text.size() + 1));
}

void check(const File& file, const Node& node, std::size_t depth) {
  require(depth <= taskgroup::ReadLimits{}.depth);
  require_in_file(file, node.where());
  require(node.keys().empty() || node.keys().size() == node.size());
  for (std::size_t i = 0; i < node.keys().size(); ++i) {
    require_in_file(file, node.key_where(i));
    require(node.find(node.keys()[i].name) == &node.children()[i]); // no key is there twice
  }
  for (const Node& child : node.children()) {
    check(file, child, depth + 1);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The reader takes chars; the bytes are the same.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const File file{text, std::ranges::count(text, '\n')};

  const taskgroup::ReadLimits limits{.nodes = 20'000}; // so that alias bombs stay cheap
  const auto documents = taskgroup::read_documents(text, "f", limits);
  if (!documents) {
    require(documents.error().has_errors());
    require(documents.error().size() <= limits.errors + 2);
    for (const auto& diagnostic : documents.error().sorted()) {
      require(!diagnostic.message.empty());
      require_in_file(file, diagnostic.where);
      (void)format(diagnostic);
    }
    return 0;
  }
  for (const Node& document : *documents) {
    check(file, document, 0);
    if (document.is_scalar()) {
      continue;
    }
    const std::string json = document.to_json();
    // Escapes may hold what no file may (U+007F), and aliases make the text longer.
    const auto again = taskgroup::read_documents(json, "f", limits);
    require(!again || (again->size() == 1 && again->front().to_json() == json));
  }
  return 0;
}
