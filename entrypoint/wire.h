// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/value.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What coordinator and agents say to each other: JSON objects, one a line, over one unix stream
// socket for each container. docs/design/wire.md is the contract.
namespace taskgroup::wire {

// The version in `hello`. A coordinator refuses an agent of any other.
inline constexpr int version = 1;

// The longest message in bytes, its line break included.
inline constexpr std::size_t max_message = std::size_t{16} << 20U;

// The most bytes that the results of one step may have together: escaped one by one (`\u0000`) they
// still fit in a message. Stock Tekton's limit is 4096 bytes for each container.
inline constexpr std::size_t max_results = std::size_t{2} << 20U;

// --- From the agent ---

// The agent is there. First message, once.
struct Hello {
  int version = wire::version;
  std::string container;
};

// The step's process runs.
struct Started {
  int attempt = 0;
};

// A breakpoint holds the step: before it runs, or after it has failed and nothing of it is left.
// Started or Exited follows.
struct Paused {
  int attempt = 0;
  bool before = false;
  int code = 0;      // of one that failed
  std::string error; // not empty: it could not be started
};

// The sidecar is ready. Once an attempt.
struct Ready {
  int attempt = 0;
};

// The step's process has ended, and so has every process it left behind; or it could not be
// started, or a result could not be read: then `error` says why.
struct Exited {
  int attempt = 0;
  int code = 0; // 128 + signal if killed by one
  std::string error;
  std::map<std::string, std::string> results; // content of those that exist
  bool out_of_memory = false;                 // the kernel killed one of its processes for that
  std::map<std::string, std::string> step_results; // the same, of the step's own
  bool marked_failed = false; // by somebody at a breakpoint: whatever its onError
};

// The answer to Reset. `error` is empty if everything is as before the first attempt.
struct ResetDone {
  int attempt = 0;
  std::string error;
};

using FromAgent = std::variant<Hello, Started, Paused, Ready, Exited, ResetDone>;

// --- To the agent ---

// Run the step.
struct Start {
  int attempt = 0;
  std::string step;        // its name, for /tekton/steps/step-<name>
  std::size_t index = 0;   // in its task, for /tekton/steps/<index>
  bool carry_on = false;   // onError: continue: the exit code is written for later steps
  std::string working_dir; // empty = the container's own; relative = below /workspace
  std::optional<std::string> script;
  std::map<std::string, Value> values;   // by Reference::name(), whole results
  std::vector<std::string> results;      // names of the results to read
  std::vector<std::string> step_results; // the same, of the step's own
  std::optional<std::string> care;       // it is a sidecar; a PlanCare as JSON
  std::string stdout_path;               // files that get a copy; empty = none
  std::string stderr_path;
  bool skipped = false; // do not run it: write exit code 0 for later steps, and answer with Exited
  bool pause_before = false; // breakpoints: wait for somebody's decision before anything is done
  bool pause_on_failure = false; // the same, where it has failed by itself
};

// End the running step: TERM to every process, KILL after `grace`. Exited follows. No effect if no
// step of that attempt runs.
struct Stop {
  int attempt = 0;
  Millis grace{0};
};

// Kill what is left and empty these folders. ResetDone follows.
struct Reset {
  int attempt = 0; // the one to come
  std::vector<std::string> paths;
};

// The task is over: kill what is left and end with exit code 0.
struct Done {};

using ToAgent = std::variant<Start, Stop, Reset, Done>;

// Write a message as one line, its line break included. Bytes that are not UTF-8 become U+FFFD, as
// stock Tekton sees them (taskrun-semantics.md 3.1).
std::string encode(const FromAgent& message);
std::string encode(const ToAgent& message);

// Read a line without its line break. The error names what is wrong. Unknown fields are ignored,
// unknown types are not.
tl::expected<FromAgent, std::string> decode_from_agent(std::string_view line);
tl::expected<ToAgent, std::string> decode_to_agent(std::string_view line);

// Cuts a stream of bytes into lines, wherever reads happen to end.
class Lines {
public:
  // Take what was read.
  void append(std::string_view bytes);

  // Return the next whole line without its line break, or nothing. It is valid until the next call
  // of append().
  std::optional<std::string_view> next();

  // Tell whether what is there cannot become a message any more: too long. No way back.
  bool overflow() const { return m_data.size() - m_begin >= max_message; }

private:
  std::string m_data;
  std::size_t m_begin = 0;   // of the first line not returned
  std::size_t m_scanned = 0; // no line break between m_begin and here
};

} // namespace taskgroup::wire
