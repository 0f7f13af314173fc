// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/value.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// What a pod's journal (docs/journal.md) has told so far. Times are milliseconds since the Unix
// epoch by the coordinator's clock. States and reasons are the journal's words.
struct StepProgress {
  std::string name;
  std::string state; // empty: nothing heard; Running, Terminated
  std::optional<int> exit_code;
  std::string reason;
  std::string message;
  std::int64_t started = 0;  // 0: never
  std::int64_t finished = 0; // 0: not yet
  std::string paused;        // a breakpoint holds it: BeforeStep, OnFailure
};

struct TaskProgress {
  std::string name;
  bool is_finally = false;
  std::string state = "Pending";
  std::string reason;
  std::string message;
  int attempts = 0;
  std::int64_t started = 0;        // of the first attempt
  std::int64_t finished = 0;       // of the final state
  std::vector<StepProgress> steps; // of the last attempt, in the order heard
  std::vector<StepProgress> sidecars;
};

struct Progress {
  std::uint64_t lines = 0;   // number of the last line read; 0: nothing read
  std::uint64_t foreign = 0; // lines that were no records
  bool gap = false;          // lines are missing and no snapshot has made up for them yet
  bool finally_begun = false;
  std::string stopping;            // reason; empty: not stopping
  std::vector<TaskProgress> tasks; // in plan order
  std::uint64_t changes = 0;       // grows with each new state of a task or hold of a step

  // Of the `end` line.
  bool ended = false;
  std::string state; // Succeeded, Failed, Cancelled
  std::string reason;
  std::string message;
  std::map<std::string, Value> results;         // the group's
  std::map<std::string, std::uint64_t> omitted; // sizes in bytes of those too large for a journal
};

// The versions of the journal that this release reads: its own, and that of the release before it,
// whose pods still run when a controller is replaced (docs/journal.md).
inline constexpr int oldest_journal_version = 1;
inline constexpr int journal_version = 1;

// Reads a journal in pieces of any size, from its beginning or from a place in the middle: lines
// that were read before are skipped by their number, a snapshot or the end makes up for lines that
// are gone. Lines that are no records (a container runtime's own) are counted and skipped, and so
// is what a later release may have added.
class JournalReader {
public:
  // The longest line in bytes, its line break not included; a longer one is no record.
  static constexpr std::size_t max_line = std::size_t{16} << 20U;

  // Read the next piece. The piece may end in the middle of a line or of a character.
  void feed(std::string_view bytes);

  // The stream begins anew (a follow has been opened again): forget the unfinished line.
  void restart();

  const Progress& progress() const { return m_progress; }

  // Return why nothing more can be read (a version that this release does not know); empty: nothing
  // is wrong.
  const std::string& error() const { return m_error; }

private:
  void read_line(std::string_view text);

  Progress m_progress;
  std::string m_rest; // of a line that is not complete; at most max_line bytes
  bool m_skipping = false;
  std::string m_error;
};

} // namespace taskgroup
