// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/objects.h"

#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include "core/planning/check_request.h"
#include "core/planning/embedded_groups.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgroup::admission {
namespace {

constexpr std::string_view own_group = "taskgroup.dev/";
constexpr std::string_view own_version = "taskgroup.dev/v1alpha1";

// A mapping that is put together of parts of others, which keep their positions.
class MappingMaker {
public:
  explicit MappingMaker(Where where) : m_where(std::move(where)) {}

  void add(std::string_view key, Node value) {
    const Where where = value.where();
    m_keys.push_back({std::string(key), where.line, where.column});
    m_values.push_back(std::move(value));
  }

  // Add the fields that `from` has.
  void take(const Node& from, std::initializer_list<std::string_view> fields) {
    for (const std::string_view field : fields)
      if (const Node* value = from.find(field); value != nullptr && !value->is_null())
        add(field, *value);
  }

  Node make() { return Node::mapping(std::move(m_keys), std::move(m_values), m_where); }

private:
  Where m_where;
  std::vector<Node::Key> m_keys;
  std::vector<Node> m_values;
};

Node text_node(std::string_view text) {
  return Node::scalar(Node::Kind::string, std::string(text), {}, {});
}

Node named(std::string_view name) {
  MappingMaker made({});
  made.add("name", text_node(name));
  return made.make();
}

Node empty_object() { return Node::mapping({}, {}, {}); }

const Node& spec_of(const Node& object) {
  static const Node none;
  const Node* spec = object.find("spec");
  return spec == nullptr ? none : *spec;
}

std::string text_of(const Node* object, std::string_view field) {
  const Node* text = object == nullptr ? nullptr : object->find(field);
  return text != nullptr && text->is_string() ? text->text() : std::string();
}

// The server's part of the metadata is left out: what it adds tomorrow is no author's mistake.
Node metadata_of(const Node& object) {
  MappingMaker made(object.where());
  if (const Node* metadata = object.find("metadata"))
    made.take(*metadata, {"name", "generateName", "namespace", "uid"});
  return made.make();
}

// Validate what can be run of the documents, as far as it goes without what they refer to.
void validate_all(const Catalog& catalog, Diagnostics& findings) {
  std::vector<std::string> skipped;
  for (const Runnable& runnable : catalog.runnables)
    validate(runnable.group, Facts{}, findings, skipped);
}

// --- A TaskGroup that is referred to ---

// What the API server has under a name, as a document. Nothing: it cannot be had.
std::optional<Node> find_document(const FindGroup& find_group, const std::string& namespace_name,
                                  const std::string& name) {
  const auto object = find_group ? find_group(namespace_name, name) : std::nullopt;
  if (!object || !object->is_object())
    return std::nullopt;
  const auto node =
      read_json(object->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                fmt::format("TaskGroup \"{}\"", name));
  if (!node)
    return std::nullopt;
  MappingMaker made(node->where());
  made.add("apiVersion", text_node(own_version));
  made.add("kind", text_node("TaskGroup"));
  made.add("metadata", named(name));
  made.take(*node, {"spec"});
  return made.make();
}

// A group of which nothing is known but that it is there.
Node unknown_group(const std::string& name) {
  MappingMaker spec({});
  spec.add("pipelineRef", named(name));
  MappingMaker made({});
  made.add("apiVersion", text_node(own_version));
  made.add("kind", text_node("TaskGroup"));
  made.add("metadata", named(name));
  made.add("spec", spec.make());
  return made.make();
}

void warn_unknown(const Where& where, const std::string& namespace_name, const std::string& name,
                  Diagnostics& findings) {
  findings.add_warning(
      where, fmt::format("there is no TaskGroup \"{}\" in namespace \"{}\" yet, or it could not be "
                         "read; what is passed to it is not checked",
                         name, namespace_name));
}

// Report what was found in another object where that is referred to.
void add_at_reference(const Diagnostics& found, const Where& reference, Diagnostics& findings) {
  for (const Diagnostic& one : found.sorted()) {
    const bool elsewhere = one.where.file && !one.where.file->empty();
    const Where where = elsewhere ? reference : one.where;
    std::string message =
        elsewhere ? fmt::format("{}: {}: {}", *one.where.file, one.where.path, one.message)
                  : one.message;
    if (one.severity == Diagnostic::Severity::error)
      findings.add_error(where, std::move(message));
    else if (!elsewhere) // what its author was warned of is no news to who refers to it
      findings.add_warning(where, std::move(message));
  }
}

} // namespace

void check_task_group(const Request& request, Diagnostics& findings) {
  MappingMaker document(request.object.where());
  const auto keys = request.object.keys();
  for (std::size_t i = 0; i < keys.size(); ++i)
    document.add(keys[i].name, keys[i].name == "metadata" ? metadata_of(request.object)
                                                          : request.object.children()[i]);
  validate_all(make_catalog({document.make()}, findings, Target::pod), findings);
}

// Only what the controller reads is looked at (controller/planning.cpp): Tekton's own fields are
// Tekton's to check.
void check_custom_run(const Request& request, const FindGroup& find_group, Diagnostics& findings) {
  const Node& spec = spec_of(request.object);
  const Node* reference = spec.find("customRef");
  if (reference != nullptr && reference->is_null())
    reference = nullptr;
  const Node* asked = reference != nullptr ? reference : spec.find("customSpec");
  if (!text_of(asked, "apiVersion").starts_with(own_group))
    return;

  MappingMaker asked_spec(spec.where());
  asked_spec.take(spec, {"params", "workspaces", "timeout"});
  std::vector<Node> documents;
  Where referred;
  if (reference != nullptr) {
    const std::string name = text_of(reference, "name");
    const Node* name_node = reference->find("name");
    referred = (name_node == nullptr ? reference : name_node)->where("spec.customRef.name");
    asked_spec.add("customRef", *reference);
    if (!name.empty()) {
      auto group = find_document(find_group, request.namespace_name, name);
      if (!group)
        warn_unknown(referred, request.namespace_name, name, findings);
      documents.push_back(group ? *std::move(group) : unknown_group(name));
    }
  } else {
    // Absent and null are read like {} (contract.md 14: 4).
    MappingMaker embedded(asked->where());
    embedded.take(*asked, {"apiVersion", "kind", "metadata", "spec"});
    if (const Node* group = asked->find("spec"); group == nullptr || group->is_null())
      embedded.add("spec", empty_object());
    asked_spec.add("customSpec", embedded.make());
  }
  MappingMaker run(request.object.where());
  run.add("apiVersion", text_node("tekton.dev/v1beta1"));
  run.add("kind", text_node("CustomRun"));
  run.add("metadata", metadata_of(request.object));
  run.add("spec", asked_spec.make());
  documents.insert(documents.begin(), run.make());

  Diagnostics found;
  const Catalog catalog = make_catalog(documents, found, Target::pod);
  validate_all(catalog, found);
  if (!found.has_errors())
    for (const Runnable& runnable : catalog.runnables)
      if (runnable.kind == "CustomRun")
        check_request(runnable.group, runnable.request, {}, Facts{}, found);
  add_at_reference(found, referred, findings);
  if (const Node* retries = spec.find("retries");
      retries != nullptr && retries->integer().value_or(0) < 0)
    findings.add_error(retries->where("spec.retries"),
                       fmt::format("must not be negative, found {}", retries->text()));
}

void check_pipeline(const Request& request, const FindGroup& find_group, Diagnostics& findings) {
  const bool is_run = request.kind == "PipelineRun";
  const Node& spec = spec_of(request.object);
  const Node* pipeline = is_run ? spec.find("pipelineSpec") : &spec;
  if (pipeline == nullptr)
    return;
  const ApiVersion version = request.version == "v1beta1" ? ApiVersion::v1beta1 : ApiVersion::v1;
  for (const GroupTask& task : find_group_tasks(*pipeline, is_run ? "spec.pipelineSpec" : "spec",
                                                is_run ? &spec : nullptr, version, findings)) {
    Diagnostics found;
    const std::string& name = task.group_ref.text;
    if (task.group) {
      std::vector<std::string> skipped;
      validate(*task.group, Facts{}, found, skipped);
      if (!found.has_errors())
        check_request(*task.group, task.request, task.open_params, Facts{}, found);
    } else if (!name.empty() && name.find("$(") == std::string::npos) {
      const auto document = find_document(find_group, request.namespace_name, name);
      if (!document) {
        warn_unknown(task.group_ref.where, request.namespace_name, name, findings);
        continue;
      }
      Diagnostics of_group; // its author has heard of them
      const Catalog catalog = make_catalog({*document}, of_group, Target::pod);
      validate_all(catalog, of_group);
      if (!of_group.has_errors() && !catalog.runnables.empty())
        check_request(catalog.runnables.front().group, task.request, task.open_params, Facts{},
                      found);
    }
    add_at_reference(found, task.group_ref.where, findings);
  }
}

} // namespace taskgroup::admission
