// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// A step that a breakpoint holds, and the command lines with which somebody goes on, each as words.
struct HeldStep {
  std::string task;
  std::string step;
  bool before = false;            // the step runs; otherwise it has failed
  int exit_code = 0;              // of one that failed
  std::vector<std::string> look;  // a shell in the step's container
  std::vector<std::string> go_on; // run it, or count it as succeeded
  std::vector<std::string> fail;
};

// Where a run is shown. One implementation for people, on a terminal or in a log, and one for
// programs, so that the three cannot drift apart. Belongs to one thread.
class StatusSink {
public:
  virtual ~StatusSink() = default;

  // Say something about the run as a whole, before or while it runs.
  virtual void notice(std::string_view text) = 0;

  // Show one event of the journal (docs/journal.md); `line` is its text. The `end` event comes
  // last, after all output.
  virtual void event(const nlohmann::json& event, std::string_view line) = 0;

  // Show one line that a step has written, without its line break, secrets hidden.
  virtual void output(std::size_t task, std::size_t step, bool is_stderr,
                      std::string_view line) = 0;

  // Say how to go on from a breakpoint. Follows the `paused` event.
  virtual void held(const HeldStep& /*step*/) {}

  // Time has passed: a chance to redraw. Called about once a second if wants_ticks().
  virtual void tick() {}
  virtual bool wants_ticks() const { return false; }
};

// What the terminal is like.
struct TerminalTraits {
  bool colour = false; // NO_COLOR is not set and standard output is a terminal
  bool sticky = false; // standard output is a terminal: keep a progress line at the bottom
  int width = 80;
};

// Look at standard output and the environment (NO_COLOR, TERM).
TerminalTraits detect_terminal();

// Return the sink for people: lines with a prefix per task and step, a progress line on a terminal
// and a table at the end. The plan must outlive it.
std::unique_ptr<StatusSink> make_text_sink(const Plan& plan, const TerminalTraits& traits);

// Return the sink for programs: one JSON object a line (docs/journal.md). The plan must outlive it.
std::unique_ptr<StatusSink> make_json_sink(const Plan& plan);

} // namespace taskgroup
