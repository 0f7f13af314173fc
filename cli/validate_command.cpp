// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/prepared_run.h"

#include <cstdio>
#include <set>
#include <string>

namespace taskgroup {

ExitCode validate_command(const ValidateFlags& flags) {
  const Findings findings = check_documents(read_input(flags.files));
  std::fputs(findings.diagnostics.to_string().c_str(), stderr);
  for (const std::string& line :
       std::set<std::string>(findings.skipped.begin(), findings.skipped.end()))
    std::fprintf(stderr, "note: %s\n", line.c_str());
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
