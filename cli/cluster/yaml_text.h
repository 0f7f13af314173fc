// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace taskgroup::cluster {

// Write JSON as a YAML document, in blocks. Text that a reader of YAML 1.1 or 1.2 could take for
// something else stands in quotes.
std::string yaml_text(const nlohmann::ordered_json& document);

} // namespace taskgroup::cluster
