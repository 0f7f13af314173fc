// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include "core/planning/substitute.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Values of free content on their way from a document into a plan, as JSON texts.
namespace taskgroup {

// Return a raw value's JSON with the variables in its texts replaced; they must be known before the
// group runs. `what` names the field for the message.
std::string known_json(const RawValue& value, const Substitution& substitution,
                       std::string_view what);

// Return a raw value's JSON as it is.
std::string plain_json(const RawValue& value);

// Return a text as JSON.
std::string quoted_json(const std::string& text);

// Return `{"<key>": <value>}`.
std::string json_object(std::string_view key, const std::string& value);

// Return the JSON of an object's field; empty if there is none.
std::string json_field(const std::string& object, std::string_view key);

// Take the member `name` out of a JSON object; return it, and what is left. Empty: it is no text.
std::pair<std::string, std::string> take_name(const std::string& object);

// Put one JSON object over another: objects in it are merged, everything else is replaced, null
// replaces nothing. An empty text is none.
std::string merge_json(const std::string& lower, const std::string& upper);

// Call `visit` for each text in a value (not for the keys of objects).
void for_each_text(const RawValue& value, const std::function<void(const Located&)>& visit);

} // namespace taskgroup
