// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// How a review was answered.
struct Reviewed {
  // An AdmissionReview of admission.k8s.io/v1 with the response; empty: the request was none, which
  // is answered with the HTTP status 400 and `error`.
  std::string body;
  std::string error;

  // For metrics and the log. `kind` is TaskGroup, CustomRun, Run, Pipeline, PipelineRun, or empty
  // for any other, which is allowed.
  std::string kind;
  std::string namespace_name;
  std::string name;
  bool allowed = true;
  std::size_t errors = 0;
  std::size_t warnings = 0;
};

// Return the TaskGroup that a run refers to as the API server has it. Nothing: there is none, or it
// could not be read in time; then what depends on it is not checked, and a warning says so.
using FindGroup = std::function<std::optional<nlohmann::json>(const std::string& namespace_name,
                                                              const std::string& name)>;

// Answer an AdmissionReview (admission.k8s.io/v1). Always returns, for any bytes; holds no state:
// any thread may call it.
//
// A TaskGroup, a TaskGroup in a run and those in the tasks of a Pipeline or PipelineRun go through
// the library's validation with what is known at admission; what it finds is denied with code 422
// and reason Invalid, all of it at once with each field's path from the reviewed object's root.
// (Tekton takes a CustomRun's denial as final only with this code and reason; contract.md 2.) What
// is legal but likely wrong comes back as admission warnings. An object that is being deleted, or
// whose update leaves the spec as it was, is allowed as it is.
Reviewed review(std::string_view body, const FindGroup& find_group);

} // namespace taskgroup
