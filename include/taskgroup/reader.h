// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>
#include <taskgroup/node.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Bound what a file may cost. Every refusal names the limit that it hit.
struct ReadLimits {
  std::size_t bytes = 10U * 1024 * 1024; // of one file
  std::size_t depth = 100;               // of nested lists and objects, aliases expanded
  std::size_t nodes = 750'000;           // of one file, keys counted and aliases expanded
  std::size_t anchors = 10'000;          // of one file
  std::size_t indicators = 150'000;      // of YAML syntax in one value (see yaml_parser.cpp)
  std::size_t errors = 100;              // reported before the reader gives up on a file
};

// Read every document of a file: YAML, several of them separated by `---`, or JSON. Empty documents
// are dropped. Scalars, keys, merge keys and aliases mean what sigs.k8s.io/yaml makes of them, and
// what it takes silently though no author means it (duplicate keys, a merge that overwrites an
// explicit key, unknown tags) is an error. Return all errors found unless the text cannot be
// parsed. `file_name` appears in positions only. Holds no state: any thread may call it.
tl::expected<std::vector<Node>, Diagnostics>
read_documents(std::string_view bytes, std::string file_name, const ReadLimits& limits = {});

// Read one JSON value (RFC 8259) that a program wrote, such as an object of the API server. Any
// character of UTF-8 may stand in it; a key that is there twice is an error. There are no lines to
// speak of: positions have the line 0, and columns count the bytes of the whole text, so that
// findings keep its order. Otherwise as read_documents().
tl::expected<Node, Diagnostics> read_json(std::string_view bytes, std::string file_name,
                                          const ReadLimits& limits = {});

} // namespace taskgroup
