// SPDX-License-Identifier: Apache-2.0
// Everything from a file to a plan on any bytes: it never crashes, and what is planned can be
// written and read back.
#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>
#include <taskgroup/requests.h>

#include <cstdint>
#include <cstdlib>
#include <string>
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
  Catalog catalog = make_catalog(*documents, diagnostics);
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
    if (runnable.request.name.empty())
      runnable.request.name = "run";
    const auto made = plan(runnable.group, runnable.request, facts, {.nonce = "0123abcd"}, found);
    require(made.has_value() != found.has_errors());
    if (!made)
      continue;
    const std::string json = to_json(*made);
    const auto again = plan_from_json(json);
    require(again.has_value() && to_json(*again) == json);
    static_cast<void>(size_requests(*made, false));
  }
  return 0;
}
