// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/prepared_run.h"

#include <cstdio>
#include <set>
#include <string>

namespace taskgroup {

ExitCode validate_command(const ValidateFlags& flags) {
  const Input input = read_input(flags.files, Target::pod);
  const Findings findings = check_documents(input);
  std::fputs(findings.diagnostics.to_string().c_str(), stderr);
  for (const std::string& line :
       std::set<std::string>(findings.skipped.begin(), findings.skipped.end()))
    std::fprintf(stderr, "note: %s\n", line.c_str());
  for (const NoEffect& field : input.catalog.refused_on_host)
    std::fprintf(stderr, "note: %s: for pods; `taskgroup run` refuses it: %s\n", field.path.c_str(),
                 field.reason.c_str());
  if (findings.diagnostics.has_errors())
    return ExitCode::bad_input;
  if (findings.checked == 0)
    return fail({ExitCode::bad_input,
                 "error: nothing to check: no TaskGroup, Pipeline, PipelineRun, Task, TaskRun or "
                 "CustomRun in the files"});
  std::printf("valid: %zu %s\n", findings.checked, findings.checked == 1 ? "object" : "objects");
  return ExitCode::success;
}

} // namespace taskgroup
