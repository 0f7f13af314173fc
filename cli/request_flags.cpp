// SPDX-License-Identifier: Apache-2.0
#include "cli/request_flags.h"

#include <taskgroup/nearest.h>
#include <taskgroup/node.h>
#include <taskgroup/reader.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

namespace taskgroup {

namespace {

namespace fs = std::filesystem;

Failure bad_flag(std::string_view flag, std::string_view value, std::string_view message) {
  return {ExitCode::bad_input, fmt::format("error: {} {}: {}", flag, value, message)};
}

Where on_command_line(std::string_view flag) {
  Where where;
  where.file = std::make_shared<const std::string>("command line");
  where.path = flag;
  return where;
}

// Split `name=value` at the first `=`.
tl::expected<std::pair<std::string, std::string>, Failure> split(std::string_view flag,
                                                                 const std::string& argument) {
  const auto equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    return tl::unexpected(bad_flag(flag, argument, "expected name=value"));
  }
  return std::pair{argument.substr(0, equals), argument.substr(equals + 1)};
}

template <typename Declared>
const Declared* find_declared(const std::vector<Declared>& declared, const std::string& name) {
  const auto found = std::find_if(declared.begin(), declared.end(),
                                  [&](const Declared& one) { return one.name.text == name; });
  return found == declared.end() ? nullptr : &*found;
}

template <typename Declared>
std::string unknown_name(const std::vector<Declared>& declared, const std::string& name,
                         std::string_view what) {
  std::vector<std::string> names;
  for (const Declared& one : declared) {
    names.push_back(one.name.text);
  }
  if (names.empty()) {
    return fmt::format("there is no {} \"{}\": none is declared", what, name);
  }
  if (const std::string hint = did_you_mean(name, names); !hint.empty()) {
    return fmt::format("there is no {} \"{}\"{}", what, name, hint);
  }
  return fmt::format("there is no {} \"{}\"; declared: {}", what, name, fmt::join(names, ", "));
}

// Return a member of an array or object param as text, as Tekton keeps it.
std::string member_text(const Node& node) {
  return node.is_string() ? node.text() : node.to_json();
}

tl::expected<ParamValue, Failure> parse_param(const std::string& argument, const std::string& value,
                                              const ParamSpec& spec) {
  ParamValue result;
  result.where = on_command_line("-p " + spec.name.text);
  if (spec.type == ValueType::string) {
    result.data = Located{value, result.where};
    return result;
  }
  const std::string expected =
      fmt::format("the param is an {}: expected JSON such as {}", to_string(spec.type),
                  spec.type == ValueType::array ? R"(["a","b"])" : R"({"key":"value"})");
  const auto documents = read_documents(value, "-p " + spec.name.text);
  if (!documents || documents->size() != 1) {
    return tl::unexpected(bad_flag("-p", argument, expected));
  }
  const Node& node = documents->front();
  if (spec.type == ValueType::array && node.is_sequence()) {
    std::vector<Located> items;
    for (const Node& item : node.children()) {
      items.push_back({member_text(item), result.where});
    }
    result.data = std::move(items);
    return result;
  }
  if (spec.type == ValueType::object && node.is_mapping()) {
    std::vector<std::pair<std::string, Located>> fields;
    for (std::size_t i = 0; i < node.size(); ++i) {
      fields.emplace_back(node.keys()[i].name,
                          Located{member_text(node.children()[i]), result.where});
    }
    result.data = std::move(fields);
    return result;
  }
  return tl::unexpected(
      bad_flag("-p", argument, fmt::format("{}, found a {}", expected, kind_name(node.kind()))));
}

tl::expected<WorkspaceBinding, Failure>
parse_workspace(const std::string& argument, const std::string& name, const std::string& value) {
  WorkspaceBinding binding;
  binding.where = on_command_line("-w " + name);
  binding.name = {name, binding.where};
  binding.kind = WorkspaceBinding::Kind::folder;
  std::string path = value;
  for (const std::string_view prefix : {"secret:", "configmap:"}) {
    if (value.rfind(prefix, 0) == 0) {
      path = value.substr(prefix.size());
      binding.read_only = true;
    }
  }
  std::error_code error;
  const fs::path absolute = fs::canonical(path, error);
  if (error) {
    return tl::unexpected(
        bad_flag("-w", argument, fmt::format("cannot use \"{}\": {}", path, error.message())));
  }
  // A Secret or ConfigMap of one key may be given as a file; a workspace is always a folder.
  if (!fs::is_directory(absolute, error)
      && !(binding.read_only && fs::is_regular_file(absolute, error))) {
    return tl::unexpected(bad_flag("-w", argument, fmt::format("\"{}\" is not a folder", path)));
  }
  binding.source = absolute.string();
  return binding;
}

template <typename Named>
void replace_by_name(std::vector<Named>& all, Named one) {
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Named& other) { return other.name.text == one.name.text; });
  if (found == all.end()) {
    all.push_back(std::move(one));
  } else {
    *found = std::move(one);
  }
}

} // namespace

tl::expected<void, Failure> apply_flags(const RequestFlags& flags,
                                        const std::vector<ParamSpec>& declared,
                                        const std::vector<GroupWorkspace>& workspaces,
                                        RunRequest& request) {
  for (const std::string& argument : flags.params) {
    const auto pair = split("-p", argument);
    if (!pair) {
      return tl::unexpected(pair.error());
    }
    const ParamSpec* spec = find_declared(declared, pair->first);
    if (!spec) {
      return tl::unexpected(bad_flag("-p", argument, unknown_name(declared, pair->first, "param")));
    }
    auto value = parse_param(argument, pair->second, *spec);
    if (!value) {
      return tl::unexpected(value.error());
    }
    const Where where = value->where;
    replace_by_name(request.params, Param{where, {pair->first, where}, std::move(*value)});
  }
  for (const std::string& argument : flags.workspaces) {
    const auto pair = split("-w", argument);
    if (!pair) {
      return tl::unexpected(pair.error());
    }
    if (!find_declared(workspaces, pair->first)) {
      return tl::unexpected(
          bad_flag("-w", argument, unknown_name(workspaces, pair->first, "workspace")));
    }
    auto binding = parse_workspace(argument, pair->first, pair->second);
    if (!binding) {
      return tl::unexpected(binding.error());
    }
    replace_by_name(request.workspaces, std::move(*binding));
  }
  if (!flags.timeout.empty()) {
    request.timeout = {flags.timeout, on_command_line("--timeout")};
  }
  return {};
}

} // namespace taskgroup
