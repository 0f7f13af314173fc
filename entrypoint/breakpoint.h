// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entrypoint/fd.h"

#include <tl/expected.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Breakpoints (taskrun-semantics.md 2.4): the step's agent waits at a FIFO in /tekton/debug; the
// programs in /tekton/debug/scripts, links to the agent, which knows by its name what it is called
// for, write there. So they need no shell, and each step is held on its own.
namespace taskgroup {

// Where a step is held.
enum class Hold { before_step, on_failure };

// What somebody decided: to run the step, or to count it as succeeded; or that it has failed.
enum class Verdict { go_on, fail };

// One hold, from its announcement to the decision.
class Breakpoint {
public:
  // Lay out `folder` (/tekton/debug) for the step at `index` of its task, and begin to wait there.
  static tl::expected<Breakpoint, std::string> open(const std::string& folder, std::size_t index,
                                                    Hold hold);

  Breakpoint(Breakpoint&& other) noexcept = default;
  Breakpoint& operator=(Breakpoint&& other) noexcept = default;
  Breakpoint(const Breakpoint&) = delete;
  Breakpoint& operator=(const Breakpoint&) = delete;
  ~Breakpoint(); // nobody can decide any more

  Hold hold() const { return m_hold; }

  // The descriptor that becomes readable with a decision.
  int readable() const { return m_fifo.get(); }

  // Return the decision, or nothing as long as there is none.
  std::optional<Verdict> verdict() const;

private:
  Breakpoint(Hold hold, std::string path, Fd fifo)
      : m_hold(hold), m_path(std::move(path)), m_fifo(std::move(fifo)) {}

  Hold m_hold;
  std::string m_path;
  Fd m_fifo;
};

// Tell whether the agent was called by the name of one of the debug scripts.
bool is_debug_script(std::string_view program);

// Be a debug script, `<folder>/scripts/debug-…`; without a slash, that of /tekton/debug. Return the
// program's exit code: 1 if no step is held there.
int run_debug_script(const std::string& program);

} // namespace taskgroup
