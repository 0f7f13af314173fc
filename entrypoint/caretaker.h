// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "entrypoint/fd.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace taskgroup {

// Where the commands of probes and hooks run: the sidecar's own environment and folder.
struct CareSurroundings {
  std::vector<std::string> env; // `NAME=value`
  Fd directory;                 // where the sidecar started; none: where this process is
};

// Runs a sidecar's probes and hooks as kubelet would, once its process runs. Whatever may block is
// done by a child process, which the owner reaps and tells of. One sidecar, one attempt, one
// thread; times are those of monotonic_now().
//
// Until a startup or readiness probe has succeeded it is tried more often than its period says, so
// that nobody waits for a server that is there; only one failure in a period counts.
class Caretaker {
public:
  Caretaker(PlanCare care, CareSurroundings surroundings);

  // The sidecar's process has started.
  void started(Millis now);

  // Start what is due, and kill what takes too long.
  void tick(Millis now);

  // Return when tick() is due; nothing: not before something has ended.
  std::optional<Millis> due() const;

  // A child of this process has ended. Ignores those that are not its own.
  void child_ended(pid_t pid, int code, Millis now);

  // The sidecar is to end: no probe runs any longer. Start the preStop hook; return whether there
  // is one to wait for.
  bool begin_stop();
  bool stopping() const { return m_stopping; }
  bool pre_stop_runs() const { return m_pre_stop > 0; }

  // Tell, once, that the sidecar has become ready.
  bool take_ready();

  // Return, once, why the sidecar must be ended: a probe or hook has failed. `grace` is then what
  // it gets between TERM and KILL.
  std::optional<std::string> take_failure(Millis& grace);

private:
  enum class Until { first_success, stopped };

  struct Probing {
    std::optional<PlanProbe> probe;
    const char* name = "";
    Until until = Until::stopped;
    bool active = false;
    pid_t child = 0;
    Millis next{};       // try
    Millis overdue{};    // of the child
    Millis count_from{}; // failures before that do not count
    int successes = 0;
    int failures = 0;
  };

  void begin_probes(Millis now);
  void begin_steady_probes(Millis now);
  void begin(Probing& probing, Millis now) const;
  void ended(Probing& probing, bool success, Millis now);
  void succeeded(const Probing& probing, Millis now);
  void fail(std::string why, const std::optional<Millis>& grace);

  // Start a child process that does it: exit code 0 is success. 0: it could not be started.
  pid_t launch(const PlanHandler& handler, bool any_status) const;

  PlanCare m_care;
  CareSurroundings m_surroundings;
  Probing m_startup;
  Probing m_readiness;
  Probing m_liveness;
  Millis m_started{};
  pid_t m_post_start = 0;
  pid_t m_pre_stop = 0;
  bool m_stopping = false;
  bool m_ready = false;
  std::optional<std::string> m_failure;
  Millis m_failure_grace{};
};

} // namespace taskgroup
