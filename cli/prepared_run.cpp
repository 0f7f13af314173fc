// SPDX-License-Identifier: Apache-2.0
#include "cli/prepared_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <set>

namespace taskgroup {

namespace {

std::uint64_t random_bits() {
  std::random_device device;
  const auto high = static_cast<std::uint64_t>(device()) << 32U;
  return high | device();
}

// Return 64 random bits in hex: enough that no text of a user's holds a marker by accident.
std::string random_nonce() { return fmt::format("{:016x}", random_bits()); }

// Return what the API server would give a run as its UID: a random UUID (RFC 9562, version 4).
std::string random_uid() {
  const std::uint64_t high = random_bits();
  const std::uint64_t low = random_bits();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xFFFFU,
                     high & 0xFFFU, (low >> 48U & 0x3FFFU) | 0x8000U, low & 0xFFFFFFFFFFFFU);
}

// An embedded group's params may hang on the run of its Pipeline, which is not run here.
tl::expected<void, Failure> check_open_params(const Runnable& runnable, const RunRequest& request) {
  Diagnostics diagnostics;
  for (const Param& open : runnable.open_params) {
    const bool given =
        std::any_of(request.params.begin(), request.params.end(),
                    [&](const Param& param) { return param.name.text == open.name.text; });
    if (!given)
      diagnostics.add_error(
          open.value.where,
          fmt::format("only a run of the whole Pipeline knows this value; give one "
                      "with `-p {}=…`",
                      open.name.text));
  }
  return settle(diagnostics);
}

tl::expected<void, Failure> check_references(const GroupSpec& group, const Facts& facts) {
  Diagnostics diagnostics;
  for (const MissingObject& missing : needs(group, facts)) {
    diagnostics.add_error(missing.where,
                          fmt::format("there is no {} \"{}\" in the given files; add the file that "
                                      "holds it to the command line",
                                      missing.kind, missing.name));
  }
  return settle(diagnostics);
}

} // namespace

Findings check_documents(const Input& input) {
  Findings findings;
  findings.diagnostics = input.diagnostics;
  std::set<std::string> referenced;
  for (const Runnable& runnable : input.catalog.runnables) {
    if (runnable.kind == "Task")
      continue; // its group of one refers to itself
    for (const auto* tasks : {&runnable.group.tasks, &runnable.group.finally}) {
      for (const PipelineTask& task : *tasks) {
        if (task.task_ref)
          referenced.insert(task.task_ref->text);
      }
    }
  }
  for (const Runnable& runnable : input.catalog.runnables) {
    if (runnable.kind == "Task" && referenced.contains(runnable.name))
      continue;
    ++findings.checked;
    validate(runnable.group, input.facts, findings.diagnostics, findings.skipped);
  }
  return findings;
}

tl::expected<void, Failure> settle(const Diagnostics& diagnostics) {
  if (diagnostics.has_errors()) {
    std::string text = diagnostics.to_string();
    if (!text.empty() && text.back() == '\n') {
      text.pop_back();
    }
    return tl::unexpected(Failure{ExitCode::bad_input, std::move(text)});
  }
  std::fputs(diagnostics.to_string().c_str(), stderr);
  return {};
}

tl::expected<CheckedGroup, Failure> check_group(const Input& input, const std::string& group,
                                                const RequestFlags& flags) {
  // With an error in the documents, everything else that is wrong is said in the same run.
  const Diagnostics& found =
      input.diagnostics.has_errors() ? check_documents(input).diagnostics : input.diagnostics;
  if (auto settled = settle(found); !settled) {
    return tl::unexpected(settled.error());
  }
  auto runnable = select_runnable(input.catalog, group);
  if (!runnable) {
    return tl::unexpected(runnable.error());
  }
  // A Pipeline may in turn refer to Tasks; needs() answers for both.
  if (auto complete = check_references(runnable->group, input.facts); !complete) {
    return tl::unexpected(complete.error());
  }
  CheckedGroup checked;
  checked.group = resolve_pipeline_ref(runnable->group, input.facts);
  checked.request = runnable->request;
  if (checked.request.uid.empty())
    checked.request.uid = random_uid();
  checked.no_effect = input.catalog.no_effect_on_host;

  auto applied =
      apply_flags(flags, checked.group.params, checked.group.workspaces, checked.request);
  resolve_task_names(checked.group, checked.request);
  Diagnostics diagnostics;
  std::vector<std::string> skipped;
  validate(checked.group, input.facts, diagnostics, skipped);
  if (auto settled = settle(diagnostics); !settled) {
    return tl::unexpected(settled.error());
  }
  if (!applied) {
    return tl::unexpected(applied.error());
  }
  if (auto known = check_open_params(*runnable, checked.request); !known) {
    return tl::unexpected(known.error());
  }
  return checked;
}

tl::expected<Plan, Failure> plan_group(const CheckedGroup& checked, const Facts& facts,
                                       PlanOptions options) {
  options.nonce = random_nonce();
  Diagnostics diagnostics;
  auto planned = plan(checked.group, checked.request, facts, options, diagnostics);
  if (auto settled = settle(diagnostics); !settled) {
    return tl::unexpected(settled.error());
  }
  if (!planned) {
    return tl::unexpected(
        Failure{ExitCode::internal, "error: no plan and no reason; please report this"});
  }
  return std::move(*planned);
}

} // namespace taskgroup
