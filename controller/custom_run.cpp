// SPDX-License-Identifier: Apache-2.0
#include "controller/custom_run.h"

#include "controller/reasons.h"
#include "controller/time_text.h"
#include "core/planning/names.h"
#include "core/run/duration.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

namespace taskgroup {

namespace {

// Names of the fields that differ between the two kinds.
struct Names {
  const char* ref;
  const char* spec;
};

Names names_of(RunKind kind) {
  return kind == RunKind::custom_run ? Names{"customRef", "customSpec"} : Names{"ref", "spec"};
}

std::optional<RunKind> kind_of(const Json& object) {
  const std::string version = text_at(object, "apiVersion");
  const std::string kind = text_at(object, "kind");
  if (version == "tekton.dev/v1beta1" && kind == "CustomRun")
    return RunKind::custom_run;
  if (version == "tekton.dev/v1alpha1" && kind == "Run")
    return RunKind::legacy_run;
  return std::nullopt;
}

// The PipelineRun that controls the run.
std::string pipeline_run_of(const Json& metadata) {
  for (const Json& owner : array_at(metadata, "ownerReferences")) {
    if (text_at(owner, "kind") == "PipelineRun" && bool_at(owner, "controller")
        && text_at(owner, "apiVersion").starts_with("tekton.dev/"))
      return text_at(owner, "name");
  }
  return {};
}

// What a run asks for, if that is a TaskGroup: its customRef or customSpec.
struct Asked {
  RunKind kind;
  bool by_reference;
  const Json* group;
};

std::optional<Asked> asked_in(const Json& object) {
  const auto kind = kind_of(object);
  if (!kind)
    return std::nullopt;
  const Names names = names_of(*kind);
  const Json& spec = object_at(object, "spec");
  const bool by_reference = spec.contains(names.ref) && !spec[names.ref].is_null();
  const Json& asked = object_at(spec, by_reference ? names.ref : names.spec);
  if (text_at(asked, "apiVersion") != api_version || text_at(asked, "kind") != group_kind)
    return std::nullopt;
  return Asked{*kind, by_reference, &asked};
}

// The condition Succeeded, of several the last; {}: there is none.
const Json& succeeded_condition(const Json& status) {
  static const Json none = Json::object();
  const Json* found = &none;
  for (const Json& condition : array_at(status, "conditions")) {
    if (text_at(condition, "type") == "Succeeded")
      found = &condition;
  }
  return *found;
}

void read_status(const Json& status, CustomRun& run) {
  const Json& condition = succeeded_condition(status);
  run.succeeded = text_at(condition, "status");
  run.reason = text_at(condition, "reason");
  run.started = parse_time(text_at(status, "startTime")).value_or(0);
  run.attempts_over = array_at(status, "retriesStatus").size();
  if (const Json& extra = object_at(status, "extraFields"); !extra.empty())
    run.extra = extra;
}

} // namespace

const kube::Resource& resource_of(RunKind kind) {
  static const kube::Resource custom_runs{"tekton.dev", "v1beta1", "customruns"};
  static const kube::Resource runs{"tekton.dev", "v1alpha1", "runs"};
  return kind == RunKind::custom_run ? custom_runs : runs;
}

std::string CustomRun::pod_name() const { return text_at(object_at(extra, "pod"), "name"); }
std::string CustomRun::pod_uid() const { return text_at(object_at(extra, "pod"), "uid"); }

int CustomRun::pod_replacements() const {
  return static_cast<int>(integer_at(extra, "podReplacements"));
}

std::optional<bool> is_done(const Json& object) {
  if (!asked_in(object))
    return std::nullopt;
  const std::string succeeded = text_at(succeeded_condition(object_at(object, "status")), "status");
  return succeeded == "True" || succeeded == "False";
}

std::optional<CustomRun> custom_run_of(const Json& object) {
  const auto found = asked_in(object);
  if (!found)
    return std::nullopt;
  const Json& asked = *found->group;
  const bool by_reference = found->by_reference;

  CustomRun run;
  run.kind = found->kind;
  run.object = object;
  const Json& spec = object_at(object, "spec");
  const Json& metadata = object_at(object, "metadata");
  run.key = {text_at(metadata, "namespace"), text_at(metadata, "name")};
  run.uid = text_at(metadata, "uid");
  run.generation = integer_at(metadata, "generation");
  run.resource_version = text_at(metadata, "resourceVersion");
  run.deleted = !text_at(metadata, "deletionTimestamp").empty();
  run.pipeline_run = pipeline_run_of(metadata);
  run.by_reference = by_reference;
  run.ref_name = by_reference ? text_at(asked, "name") : std::string();
  run.resolver = by_reference ? text_at(asked, "resolver") : std::string();
  run.spec_status = text_at(spec, "status");
  run.status_message = text_at(spec, "statusMessage");
  run.service_account = text_at(spec, "serviceAccountName");
  if (run.service_account.empty())
    run.service_account = "default";
  run.timeout = text_at(spec, "timeout");
  run.retries = integer_at(spec, "retries");
  read_status(object_at(object, "status"), run);
  return run;
}

SpecError spec_error(const CustomRun& run) {
  if (run.by_reference && !run.resolver.empty()) {
    return {
        run_reason::no_group,
        fmt::format(
            "spec.customRef.resolver: TaskGroups are not fetched by a resolver, found \"{}\". Name "
            "a "
            "TaskGroup of this namespace in taskRef.name; if you wrote no resolver, your cluster's "
            "default-resolver-type put it there because there was no name",
            run.resolver)};
  }
  if (run.by_reference && run.ref_name.empty()) {
    return {
        run_reason::no_group,
        "spec.customRef.name: the name of a TaskGroup is missing. Name one of this namespace in "
        "taskRef.name, or write the group itself under taskSpec.spec"};
  }
  if (run.retries < 0)
    return {run_reason::invalid,
            fmt::format("spec.retries: must not be negative, found {}", run.retries)};
  if (!run.timeout.empty()) {
    if (const auto timeout = parse_duration(run.timeout); !timeout)
      return {run_reason::invalid, fmt::format("spec.timeout: {}", timeout.error())};
  }
  return {};
}

std::optional<std::int64_t> timeout_of(const CustomRun& run) {
  constexpr std::int64_t default_timeout = 60LL * 60 * 1000;
  if (run.timeout.empty())
    return run.pipeline_run.empty() ? std::optional(default_timeout) : std::nullopt;
  const auto timeout = parse_duration(run.timeout);
  if (!timeout || timeout->count() == 0)
    return std::nullopt;
  return timeout->count();
}

std::string pod_name_of(const CustomRun& run) {
  std::string hex;
  for (const char c : run.uid) {
    if (c != '-' && hex.size() < 5)
      hex += c;
  }
  std::string suffix = fmt::format("{}-pod", hex);
  if (run.attempts_over > 0)
    suffix += fmt::format("-retry{}", run.attempts_over);
  if (const int replacements = run.pod_replacements(); replacements > 0)
    suffix += fmt::format("-again{}", replacements);
  return child_name(run.key.name, suffix);
}

} // namespace taskgroup
