// SPDX-License-Identifier: Apache-2.0
// Everything from a file to a pod on any bytes: it never crashes, and what is built says what it
// is.
#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include "controller/claims.h"
#include "controller/pod_builder.h"
#include "controller/pod_references.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace taskgroup;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto documents = read_documents(bytes, "f", {.nodes = 20'000});
  if (!documents)
    return 0;
  Diagnostics diagnostics;
  Catalog catalog = make_catalog(*documents, diagnostics, Target::pod);
  if (diagnostics.has_errors())
    return 0;
  const Facts facts{.tasks = std::move(catalog.tasks),
                    .pipelines = std::move(catalog.pipelines),
                    .step_actions = std::move(catalog.step_actions)};
  for (Runnable& runnable : catalog.runnables) {
    if (!needs(runnable.group, facts).empty())
      continue;
    std::vector<std::string> skipped;
    Diagnostics found;
    validate(runnable.group, facts, found, skipped);
    if (found.has_errors())
      continue;
    PodRequest request;
    request.name = "run-pod";
    request.owner = {{"kind", "CustomRun"}, {"name", "run"}, {"uid", "u"}};
    request.affinity_assistant = "affinity-assistant-x";
    make_claims(runnable.request, request.owner);
    const auto made =
        plan(runnable.group, runnable.request, facts, {.nonce = "0123abcd", .pod = true}, found);
    if (!made)
      continue;
    // The group's own podTemplate, once more as the PipelineRun's.
    request.pod_template =
        nlohmann::json::parse(made->pod_template, nullptr, /*allow_exceptions=*/false);
    const auto built = build_pod(*made, runnable.group, facts, request, {.image = "agent"});
    if (!built)
      continue;
    references_of(built->pod);
    const auto outline = outline_of(built->pod);
    require(outline.has_value() && outline->tasks.size() == made->tasks.size());
  }
  return 0;
}
