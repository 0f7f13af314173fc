// SPDX-License-Identifier: Apache-2.0
#include "controller/planning.h"

#include <taskgroup/catalog.h>
#include <taskgroup/reader.h>

#include "controller/claims.h"
#include "controller/reasons.h"
#include "core/planning/names.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace taskgroup {

namespace {

// What the author wrote of an object; the rest of a live object is the server's.
Json document_of(const Json& object) {
  return {{"apiVersion", text_at(object, "apiVersion")},
          {"kind", text_at(object, "kind")},
          {"metadata", {{"name", text_at(object_at(object, "metadata"), "name")}}},
          {"spec", object_at(object, "spec")}};
}

// The CustomRun as the library reads it. What is the controller's own business is left out: status,
// retries, service account. A legacy Run takes the same shape (contract.md 0).
Json document_of(const CustomRun& run) {
  const Json& spec = object_at(run.object, "spec");
  const bool legacy = run.kind == RunKind::legacy_run;
  Json document = {
      {"apiVersion", "tekton.dev/v1beta1"},
      {"kind", "CustomRun"},
      {"metadata",
       {{"name", run.key.name}, {"namespace", run.key.namespace_name}, {"uid", run.uid}}},
      {"spec", Json::object()}};
  Json& asked = document["spec"];
  if (run.by_reference) {
    asked["customRef"] = {
        {"apiVersion", api_version}, {"kind", group_kind}, {"name", run.ref_name}};
  } else {
    const Json& embedded = object_at(spec, legacy ? "spec" : "customSpec");
    // Absent and null are read like {} (contract.md 14: 4).
    asked["customSpec"] = {{"apiVersion", api_version},
                           {"kind", group_kind},
                           {"spec", embedded.contains("spec") && !embedded["spec"].is_null()
                                        ? embedded["spec"]
                                        : Json::object()}};
  }
  for (const char* field : {"params", "workspaces"}) {
    if (const Json& list = array_at(spec, field); !list.empty())
      asked[field] = list;
  }
  // The controller keeps the time of an attempt, since Pending counts; the plan's own limit begins
  // later and is the limit of a finally that follows a cancel.
  const auto timeout = timeout_of(run);
  asked["timeout"] = timeout ? fmt::format("{}ms", *timeout) : "0";
  return document;
}

std::string line_of(const Diagnostic& found) {
  std::string line;
  if (found.where.file && !found.where.file->empty())
    line += *found.where.file + ": ";
  if (!found.where.path.empty())
    line += found.where.path + ": ";
  return line + found.message;
}

// What the library warns of, and what only a run of Tekton's suffers from.
std::vector<std::string> warnings_of(const Diagnostics& diagnostics, const GroupSpec& group) {
  std::vector<std::string> warnings;
  for (const Diagnostic& found : diagnostics.sorted()) {
    if (found.severity == Diagnostic::Severity::warning)
      warnings.push_back(line_of(found));
  }
  for (const GroupResult& result : group.results) {
    if (result.name.text.find('.') != std::string::npos)
      warnings.push_back(
          fmt::format("{}: Tekton reads \"{}\" in $(tasks.<task>.results.{}) as a key "
                      "of an object: tasks that follow cannot use this result. Name "
                      "it without a dot",
                      result.name.where.path, result.name.text, result.name.text));
  }
  return warnings;
}

// One line for each error: the object it stands in, the field, what is wrong. Lines and columns of
// an object that came through the API server mean nothing to its author.
std::string message_of(const Diagnostics& diagnostics) {
  std::string message;
  for (const Diagnostic& found : diagnostics.sorted()) {
    if (found.severity != Diagnostic::Severity::error)
      continue;
    message += (message.empty() ? "" : "\n") + line_of(found);
  }
  return message;
}

Planned refused(std::string_view reason, std::string message) {
  Planned planned;
  planned.reason = reason;
  planned.message = std::move(message);
  return planned;
}

std::string_view reason_for(const std::string& kind) {
  if (kind == "Task" || kind == "StepAction")
    return run_reason::no_task;
  return kind == "Pipeline" ? run_reason::no_pipeline : run_reason::no_group;
}

Planned not_found(const std::string& kind, const std::string& name, const Where& where,
                  const CustomRun& run) {
  return refused(reason_for(kind),
                 fmt::format("{}: there is no {} \"{}\" in namespace \"{}\". Create it, or correct "
                             "the name{}",
                             where.path, kind, name, run.key.namespace_name,
                             kind == "StepAction" ? "; if the cluster knows no StepActions at "
                                                    "all, install a Tekton that has them"
                                                  : ""));
}

} // namespace

Json owner_of(const CustomRun& run) {
  return {{"apiVersion", text_at(run.object, "apiVersion")},
          {"kind", text_at(run.object, "kind")},
          {"name", run.key.name},
          {"uid", run.uid}};
}

std::string nonce_of(const CustomRun& run) {
  return fmt::format("{:016x}", fnv1a(fmt::format("{}/{}/{}", run.uid, run.attempts_over,
                                                  run.pod_replacements())));
}

Planned plan_run(const CustomRun& run, const Fetched& fetched, const std::string& nonce) {
  if (run.by_reference && !fetched.contains({"TaskGroup", run.ref_name})) {
    Planned planned;
    planned.missing.emplace_back("TaskGroup", run.ref_name);
    return planned;
  }
  Diagnostics diagnostics;
  std::vector<Node> documents;
  const auto read = [&](const Json& document, const std::string& name) {
    const auto node =
        read_json(document.dump(-1, ' ', false, Json::error_handler_t::replace), name);
    if (!node)
      diagnostics.add(node.error());
    else
      documents.push_back(*node);
  };
  read(document_of(run), "");
  for (const auto& [key, object] : fetched) {
    if (object.is_null() && key.first == "TaskGroup") {
      Where where;
      where.path = "spec.customRef.name";
      return not_found(key.first, key.second, where, run);
    }
    if (!object.is_null())
      read(document_of(object), fmt::format("{} \"{}\"", key.first, key.second));
  }
  Catalog catalog = make_catalog(documents, diagnostics, Target::pod);
  const auto runnable = std::find_if(catalog.runnables.begin(), catalog.runnables.end(),
                                     [](const Runnable& one) { return one.kind == "CustomRun"; });
  if (diagnostics.has_errors() || runnable == catalog.runnables.end())
    return refused(run_reason::invalid, message_of(diagnostics));

  Planned::Ready ready;
  ready.facts.tasks = std::move(catalog.tasks);
  ready.facts.pipelines = std::move(catalog.pipelines);
  ready.facts.step_actions = std::move(catalog.step_actions);
  ready.request = std::move(runnable->request);
  ready.request.service_account = run.service_account;
  Planned planned;
  const auto is_whole = [&](const GroupSpec& group) {
    for (const MissingObject& missing : needs(group, ready.facts)) {
      if (fetched.contains({missing.kind, missing.name})) {
        planned = not_found(missing.kind, missing.name, missing.where, run);
        return false;
      }
      planned.missing.emplace_back(missing.kind, missing.name);
    }
    return planned.missing.empty();
  };
  if (!is_whole(runnable->group))
    return planned;
  ready.group = resolve_pipeline_ref(runnable->group, ready.facts);
  resolve_task_names(ready.group, ready.request);
  if (!is_whole(ready.group))
    return planned;

  std::vector<std::string> skipped;
  validate(ready.group, ready.facts, diagnostics, skipped);
  if (diagnostics.has_errors())
    return refused(run_reason::invalid, message_of(diagnostics));

  PlanOptions options;
  options.nonce = nonce;
  options.pod = true;
  ready.claims = make_claims(ready.request, owner_of(run));
  auto plan_made = plan(ready.group, ready.request, ready.facts, options, diagnostics);
  if (diagnostics.has_errors() || !plan_made)
    return refused(run_reason::invalid, message_of(diagnostics));
  ready.plan = std::move(*plan_made);
  ready.warnings = warnings_of(diagnostics, ready.group);
  planned.ready = std::move(ready);
  return planned;
}

} // namespace taskgroup
