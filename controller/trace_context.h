// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/custom_run.h"

#include <string>
#include <string_view>

namespace taskgroup {

// Where a run stands in a trace (W3C Trace Context level 1, sections 3.2 and 3.3).
struct TraceContext {
  std::string traceparent; // valid, or empty: there is no trace
  std::string tracestate;  // may be empty

  bool empty() const { return traceparent.empty(); }
  std::string trace_id() const; // 32 hexadecimal digits; empty: there is no trace
};

// Read the values of the two headers. A traceparent that is not valid counts as none, as W3C asks
// for; so does a tracestate without one, or one that is longer than 512 characters or not
// printable.
TraceContext trace_context(std::string_view traceparent, std::string_view tracestate);

// Return the context that annotations of a run carry: tekton.dev/customrunSpanContext, which
// Tekton's notifications read, else taskrunSpanContext, else pipelinerunSpanContext, which Tekton
// copies from the PipelineRun to everything it makes. Each is a JSON object {"traceparent": …}.
TraceContext trace_of_run(const CustomRun& run);

// Return the context of a PipelineRun for which Tekton began the trace itself: status.spanContext.
TraceContext trace_of_pipeline_run(const Json& pipeline_run);

// The context of a pod of ours, as an annotation on it, and back.
inline constexpr const char* trace_annotation = "taskgroup.dev/traceparent";
TraceContext trace_of_pod(const Json& pod);

} // namespace taskgroup
