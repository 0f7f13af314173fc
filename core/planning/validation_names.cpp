// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>
#include <taskgroup/quantity.h>

#include "core/planning/ascii.h"
#include "core/planning/validation.h"
#include "core/planning/variables.h"

#include <algorithm>

namespace taskgroup::validation {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// Tekton's names of params (task_validation.go): those of objects have no dots, which lead to keys.
bool is_variable_name(std::string_view text, bool with_dots) {
  return !text.empty() && (is_letter(text.front()) || text.front() == '_')
         && std::all_of(text.begin(), text.end(), [&](char c) {
              return is_letter(c) || is_digit(c) || c == '_' || c == '-' || (with_dots && c == '.');
            });
}

void check_name(const ParamSpec& param, Diagnostics& diagnostics) {
  const bool is_object = param.type == ValueType::object;
  if (!param.name.text.empty() && !is_variable_name(param.name.text, !is_object))
    diagnostics.add_error(
        param.name.where,
        fmt::format(
            "found \"{}\", expected letters, digits, dashes{} and underscores, beginning with "
            "a letter or underscore",
            param.name.text.substr(0, 80), is_object ? "" : ", dots"));
  if (is_object)
    for (const std::string& key : param.keys)
      if (!is_variable_name(key, false))
        diagnostics.add_error(
            param.name.where,
            fmt::format("the key \"{}\" of the param \"{}\" is no name; expected "
                        "letters, digits, dashes and underscores, beginning with a "
                        "letter or underscore",
                        key.substr(0, 80), param.name.text));
}

void check_enum(const ParamSpec& param, Diagnostics& diagnostics) {
  if (param.allowed.empty())
    return;
  if (param.type != ValueType::string) {
    diagnostics.add_error(param.allowed.front().where,
                          fmt::format("the param \"{}\" is an {}; only strings can have an enum",
                                      param.name.text, to_string(param.type)));
    return;
  }
  std::vector<std::string_view> allowed;
  for (const Located& value : param.allowed) {
    if (std::find(allowed.begin(), allowed.end(), value.text) != allowed.end())
      diagnostics.add_error(value.where, fmt::format("\"{}\" is in the enum twice", value.text));
    allowed.push_back(value.text);
  }
  const Located* fallback =
      param.default_value ? std::get_if<Located>(&param.default_value->data) : nullptr;
  if (fallback != nullptr && !fallback->text.empty() && !has_variables(fallback->text)
      && std::find(allowed.begin(), allowed.end(), fallback->text) == allowed.end())
    diagnostics.add_error(fallback->where,
                          fmt::format("the default \"{}\" of the param \"{}\" is not in its enum{}",
                                      fallback->text, param.name.text,
                                      did_you_mean(fallback->text, allowed)));
}

void check_default(const ParamSpec& param, Diagnostics& diagnostics) {
  if (!param.default_value)
    return;
  const ValueType found = param.default_value->type();
  if (found == param.type)
    return;
  // A text may be a reference to a whole array or object.
  if (const auto* text = std::get_if<Located>(&param.default_value->data)) {
    const auto variables = find_variables(text->text);
    if (variables.size() == 1 && variables[0].end - variables[0].begin == text->text.size())
      return;
  }
  diagnostics.add_error(param.default_value->where,
                        fmt::format("the default of the param \"{}\" is {} {}, expected {} {}",
                                    param.name.text, found == ValueType::string ? "a" : "an",
                                    to_string(found), param.type == ValueType::string ? "a" : "an",
                                    to_string(param.type)));
}

} // namespace

bool is_dns_label(std::string_view text) {
  const auto is_end = [](char c) { return is_lower(c) || is_digit(c); };
  return !text.empty() && text.size() <= 63 && is_end(text.front()) && is_end(text.back())
         && std::all_of(text.begin(), text.end(), [&](char c) { return is_end(c) || c == '-'; });
}

bool has_variables(std::string_view text) {
  return text.find("$(") != std::string_view::npos && !find_variables(text).empty();
}

void check_one_of(const Located& text, std::span<const std::string_view> allowed,
                  Diagnostics& diagnostics) {
  if (text.text.empty() || has_variables(text.text)
      || std::find(allowed.begin(), allowed.end(), text.text) != allowed.end())
    return;
  std::string expected;
  for (std::size_t i = 0; i < allowed.size(); ++i)
    expected += fmt::format("{}\"{}\"",
                            i == 0                    ? ""
                            : i + 1 == allowed.size() ? " or "
                                                      : ", ",
                            allowed[i]);
  diagnostics.add_error(text.where,
                        fmt::format("found \"{}\", expected {}{}", text.text.substr(0, 80),
                                    expected, did_you_mean(text.text, allowed)));
}

void check_env_name(const Located& name, Diagnostics& diagnostics) {
  if (name.text.find('=') != std::string::npos)
    diagnostics.add_error(
        name.where,
        fmt::format("found \"{}\"; the name of a variable has no \"=\"", name.text.substr(0, 80)));
}

bool is_quantity(std::string_view text) { return parse_amount(text).has_value(); }

void check_param_specs(const std::vector<ParamSpec>& params, NameFormat format,
                       Diagnostics& diagnostics) {
  check_unique(params, "param", diagnostics);
  for (const ParamSpec& param : params) {
    if (format == NameFormat::variable)
      check_name(param, diagnostics);
    if (param.type == ValueType::object && param.keys.empty())
      diagnostics.add_error(
          param.where, fmt::format("the param \"{}\" is an object and lacks `properties`, which "
                                   "name its keys",
                                   param.name.text));
    check_default(param, diagnostics);
    check_enum(param, diagnostics);
  }
}

} // namespace taskgroup::validation
