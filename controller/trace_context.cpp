// SPDX-License-Identifier: Apache-2.0
#include "controller/trace_context.h"

#include "kube/json_fields.h"

#include <algorithm>
#include <array>

namespace taskgroup {

namespace {

constexpr std::array annotations{"tekton.dev/customrunSpanContext", "tekton.dev/taskrunSpanContext",
                                 "tekton.dev/pipelinerunSpanContext"};

// Tekton writes no longer ones.
constexpr std::size_t max_annotation = 1024;
constexpr std::size_t max_tracestate = 512;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// version "-" trace-id "-" parent-id "-" flags, and more in later versions.
bool is_traceparent(std::string_view text) {
  constexpr std::size_t length = 55;
  if (text.size() < length || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return false;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  const bool ends_well = text.size() == length || (version != "00" && text[length] == '-');
  return ends_well && is_hex(version) && version != "ff" && is_hex(trace) && !is_zero(trace)
         && is_hex(parent) && !is_zero(parent) && is_hex(text.substr(53, 2));
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

TraceContext read(const Json& carrier) {
  return trace_context(text_at(carrier, "traceparent"), text_at(carrier, "tracestate"));
}

} // namespace

std::string TraceContext::trace_id() const {
  return traceparent.empty() ? std::string() : traceparent.substr(3, 32);
}

TraceContext trace_context(std::string_view traceparent, std::string_view tracestate) {
  // A later version may hold what an environment variable or a label may not.
  if (!is_traceparent(traceparent) || !is_printable(traceparent)
      || traceparent.size() > max_tracestate)
    return {};
  const bool keeps_state = tracestate.size() <= max_tracestate && is_printable(tracestate);
  return {std::string(traceparent), keeps_state ? std::string(tracestate) : std::string()};
}

TraceContext trace_of_run(const CustomRun& run) {
  const Json& all = object_at(object_at(run.object, "metadata"), "annotations");
  for (const char* name : annotations) {
    const std::string text = text_at(all, name);
    if (text.empty() || text.size() > max_annotation)
      continue;
    TraceContext context = read(Json::parse(text, nullptr, /*allow_exceptions=*/false));
    if (!context.empty())
      return context;
  }
  return {};
}

TraceContext trace_of_pipeline_run(const Json& pipeline_run) {
  return read(object_at(object_at(pipeline_run, "status"), "spanContext"));
}

TraceContext trace_of_pod(const Json& pod) {
  return trace_context(
      text_at(object_at(object_at(pod, "metadata"), "annotations"), trace_annotation), {});
}

} // namespace taskgroup
