// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review.h"

#include <taskgroup/diagnostic.h>

#include "webhook/admission/objects.h"
#include "webhook/admission/request.h"
#include "webhook/admission/response.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace taskgroup {
namespace {

using admission::Request;

// The kinds that are looked at. Updates of a run are not: cancelling one must always be possible,
// and what it runs cannot be changed any more.
struct ReviewedKind {
  std::string_view group;
  std::string_view kind;
  bool updates;
};

constexpr std::array<ReviewedKind, 4> reviewed_kinds = {{
    {"taskgroup.dev", "TaskGroup", true},
    {"tekton.dev", "CustomRun", false},
    {"tekton.dev", "Pipeline", true},
    {"tekton.dev", "PipelineRun", false},
}};

const ReviewedKind* kind_of(const Request& request) {
  const auto* const found =
      std::find_if(reviewed_kinds.begin(), reviewed_kinds.end(), [&](const ReviewedKind& one) {
        return one.group == request.group && one.kind == request.kind;
      });
  return found == reviewed_kinds.end() ? nullptr : found;
}

bool is_being_deleted(const Node& object) {
  const Node* metadata = object.find("metadata");
  const Node* time = metadata == nullptr ? nullptr : metadata->find("deletionTimestamp");
  return time != nullptr && !time->is_null();
}

std::string json_of_spec(const Node& object) {
  const Node* spec = object.find("spec");
  return spec == nullptr ? std::string() : spec->to_json();
}

// Says whether there is anything to look at. What is on its way out, or was let in before, must not
// be held up: a finalizer or a label can then still be changed.
bool is_to_be_checked(const Request& request, const ReviewedKind& kind) {
  if (!request.sub_resource.empty() || is_being_deleted(request.object))
    return false;
  if (request.operation == "CREATE")
    return true;
  return request.operation == "UPDATE" && kind.updates
         && (!request.unreadable.empty()
             || json_of_spec(request.object) != json_of_spec(request.old_object));
}

void check(const Request& request, const FindGroup& find_group, Diagnostics& findings) {
  const bool ours = request.kind == "TaskGroup";
  if (!request.unreadable.empty() && ours)
    findings.add_error({}, request.unreadable);
  else if (!request.unreadable.empty()) // may well be none of ours
    findings.add_warning({}, "TaskGroups in it are not checked: " + request.unreadable);
  else if (ours)
    admission::check_task_group(request, findings);
  else if (request.kind == "CustomRun")
    admission::check_custom_run(request, find_group, findings);
  else
    admission::check_pipeline(request, find_group, findings);
}

Reviewed answer(std::string_view body, const FindGroup& find_group) {
  Reviewed reviewed;
  const auto request = admission::read_request(body);
  if (!request) {
    reviewed.error = printable(request.error());
    reviewed.allowed = false;
    return reviewed;
  }
  reviewed.namespace_name = request->namespace_name;
  reviewed.name = request->name;
  Diagnostics findings;
  if (const ReviewedKind* kind = kind_of(*request)) {
    reviewed.kind = kind->kind;
    if (is_to_be_checked(*request, *kind))
      check(*request, find_group, findings);
  }
  for (const Diagnostic& finding : findings.sorted())
    ++(finding.severity == Diagnostic::Severity::error ? reviewed.errors : reviewed.warnings);
  reviewed.allowed = reviewed.errors == 0;
  reviewed.body = admission::write_response(*request, findings);
  return reviewed;
}

} // namespace

Reviewed review(std::string_view body, const FindGroup& find_group) {
  try {
    return answer(body, find_group);
  } catch (const std::exception& trouble) {
    // Out of memory, or a mistake of ours: the API server's failurePolicy decides.
    Reviewed reviewed;
    reviewed.allowed = false;
    reviewed.error = trouble.what();
    return reviewed;
  }
}

} // namespace taskgroup
