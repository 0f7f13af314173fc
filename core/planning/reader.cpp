// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/reader.h>

#include "core/planning/json_parser.h"
#include "core/planning/tree_builder.h"
#include "core/planning/utf8.h"
#include "core/planning/yaml_parser.h"

#include <memory>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

// What a text begins with decides which parser goes first.
enum class Form { yaml, maybe_json, json };

Form form_of(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) {
    return Form::yaml;
  }
  const std::size_t second = text.find_first_not_of(space, first + 1);
  if (second == std::string_view::npos) {
    return Form::json;
  }
  const std::string_view expected = text[first] == '{' ? "\"}" : "\"[{]-0123456789";
  return expected.find(text[second]) == std::string_view::npos ? Form::maybe_json : Form::json;
}

tl::expected<std::vector<Node>, Diagnostics> finish(TreeBuilder& builder) {
  if (builder.diagnostics().has_errors()) {
    return tl::unexpected(builder.diagnostics());
  }
  return builder.take_documents();
}

tl::expected<std::vector<Node>, Diagnostics>
read_yaml(std::string_view text, const std::string& file_name, const ReadLimits& limits) {
  TreeBuilder builder(file_name, limits);
  try {
    if (const auto line_break = find_foreign_line_break(text)) {
      builder.add_error({line_break->line, line_break->column}, line_break->message);
    }
    parse_yaml(text, builder, limits);
  } catch (const GiveUp&) {
  }
  return finish(builder);
}

} // namespace

// JSON has a parser of its own: YAML's cannot read escaped surrogate pairs, nor tell a missing
// comma from a key. What fails as JSON may still be YAML's flow style.
tl::expected<std::vector<Node>, Diagnostics>
read_documents(std::string_view bytes, std::string file_name, const ReadLimits& limits) {
  TreeBuilder builder(file_name, limits);
  std::optional<JsonSyntaxError> syntax_error;
  try {
    if (bytes.size() > limits.bytes) {
      builder.give_up({}, "the file is larger than " + std::to_string(limits.bytes)
                              + " bytes, which is the limit");
    }
    if (const auto defect = find_encoding_defect(bytes)) {
      builder.give_up({defect->line, defect->column}, defect->message);
    }
    bytes = without_byte_order_mark(bytes);
    if (form_of(bytes) == Form::yaml) {
      return read_yaml(bytes, file_name, limits);
    }
    auto parsed = parse_json(bytes, builder);
    if (!parsed) {
      syntax_error = std::move(parsed).error();
    }
  } catch (const GiveUp&) {
  }
  if (!syntax_error) {
    return finish(builder);
  }
  auto documents = read_yaml(bytes, file_name, limits);
  if (documents || form_of(bytes) == Form::maybe_json) {
    return documents;
  }
  Diagnostics diagnostics = builder.diagnostics();
  diagnostics.add_error({std::make_shared<const std::string>(std::move(file_name)),
                         syntax_error->position.line,
                         syntax_error->position.column,
                         {}},
                        "not valid JSON: " + syntax_error->message);
  return tl::unexpected(std::move(diagnostics));
}

tl::expected<Node, Diagnostics> read_json(std::string_view bytes, std::string file_name,
                                          const ReadLimits& limits) {
  TreeBuilder builder(std::move(file_name), limits);
  try {
    if (bytes.size() > limits.bytes) {
      builder.give_up({}, "the text is larger than " + std::to_string(limits.bytes)
                              + " bytes, which is the limit");
    }
    if (!is_utf8(bytes)) {
      builder.give_up({}, "this is no UTF-8");
    }
    if (const auto parsed = parse_json(bytes, builder, JsonLines::none); !parsed) {
      const auto& [position, message] = parsed.error();
      builder.add_error(position, "not valid JSON at byte " + std::to_string(position.column) + ": "
                                      + message);
    } else if (builder.document_count() != 1) {
      builder.add_error({}, builder.document_count() == 0 ? "there is no JSON value"
                                                          : "there is more than one JSON value");
    }
  } catch (const GiveUp&) {
  }
  if (builder.diagnostics().has_errors()) {
    return tl::unexpected(builder.diagnostics());
  }
  std::vector<Node> documents = builder.take_documents();
  return documents.empty() ? Node() : std::move(documents.front()); // a sole null is dropped
}

} // namespace taskgroup
