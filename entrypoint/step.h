// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace taskgroup {

// How a step agent is called.
struct StepOptions {
  std::string socket;    // the coordinator's, for this container alone
  std::string container; // PlanStep::container
  std::string nonce;     // of the markers in `command` and the environment
  std::string root;      // goes before /tekton, /workspace and /sys; empty but in tests
  bool script = false;   // `command` is the arguments of a script that the coordinator sends

  std::vector<std::string> command;
};

// Be the agent of one step: an init process that connects to the coordinator and runs the step when
// it is told to, as often as it is told to, until its task is over. Obeys the coordinator and the
// loss of its socket, and no signal. Return the program's exit code: 0 when the task is over, also
// if it was before this container started; 1 if the coordinator is gone or cannot be understood.
int run_step(const StepOptions& options);

} // namespace taskgroup
