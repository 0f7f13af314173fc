// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>

// The CustomResourceDefinition of TaskGroup, made from the table of fields (fields.h) and from the
// limits and rules of limits.h and rules.h. It keeps unknown fields, so that planning refuses them
// by path; what the table refuses is forbidden with the table's reason.
namespace taskgroup::crds {

using Json = nlohmann::ordered_json;

// Return the CustomResourceDefinition.
Json definition();

// Return it as crds/taskgroup.yaml holds it.
std::string definition_file();

// Return JSON as YAML, in block style, without a `---`.
std::string to_yaml(const Json& json);

} // namespace taskgroup::crds
