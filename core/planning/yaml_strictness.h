// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// yaml-cpp reads some texts without complaint that Kubernetes' YAML refuses or reads otherwise.
// Each of these functions finds one kind; `text` is the whole file and `at` the offset that
// yaml-cpp gives for a node. They return what to tell the user, or nothing.

// A quoted scalar that the end of the file closes, or that ends with empty lines, which yaml-cpp
// drops. Nothing for other nodes.
std::optional<std::string> find_quoting_defect(std::string_view text, std::size_t at);

// A plain scalar in a flow collection that begins with a colon.
std::optional<std::string> find_colon_defect(std::string_view text, std::size_t at);

// An empty value in a flow collection: nothing before a comma, or a colon without a space (`{a:}`),
// which belongs to the key for Kubernetes. `after_plain_key` says that it is a plain key's value.
std::optional<std::string> find_empty_value_defect(std::string_view text, std::size_t at,
                                                   bool after_plain_key);

// Return the line (from 1) of the first YAML directive, or 0: yaml-cpp ends a document there and
// drops what follows, and no directive means anything to Kubernetes.
int find_directive(std::string_view text);

// Return true when only blanks stand before `at` in its line.
bool is_first_of_line(std::string_view text, std::size_t at);

// Return `text` without the blanks after its last line break: yaml-cpp counts them to a folded
// scalar.
std::string_view without_trailing_blanks(std::string_view text);

} // namespace taskgroup
