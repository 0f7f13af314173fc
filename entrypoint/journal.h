// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/record.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

class JsonWriter;

// Writes the journal: numbered JSON lines (docs/journal.md), the engine's records and the
// coordinator's own `launch`, `heartbeat` and `snapshot`. Never blocks: what the reader is slow to
// take waits in memory, which the journal's size bounds.
class Journal {
public:
  // A snapshot follows each `snapshot_each` bytes, so that a reader whose log was rotated needs no
  // more. Beyond `limit` bytes only snapshots (in the place of heartbeats), launches and the end
  // are written.
  static constexpr std::size_t snapshot_each = std::size_t{256} << 10U;
  static constexpr std::size_t limit = std::size_t{4} << 20U;

  // In a pod the group's results have at most so many bytes together, which is more than any object
  // of Kubernetes may have: the largest are left out, and their sizes told.
  static constexpr std::size_t max_results = std::size_t{2} << 20U;

  // `fd` stays the caller's; the plan must outlive the journal.
  Journal(const Plan& plan, int fd);

  // Add a record.
  void write(const Record& record);

  // Announce the containers to be started, by their index in the plan.
  void launch(const std::vector<std::size_t>& containers);

  // Say that the coordinator lives, and what it has left out.
  void heartbeat();

  // Hand over to the descriptor what it takes at once.
  void flush();

  // Tell whether something waits for the descriptor to become writable.
  bool pending() const { return !m_broken && m_sent < m_waiting.size(); }

  // Tell whether the descriptor has failed: the journal is not complete.
  bool broken() const { return m_broken; }

  int fd() const { return m_fd; }

private:
  // Times are milliseconds since the Unix epoch; 0: never.
  struct Step {
    std::int64_t started = 0;
    std::int64_t finished = 0;
    int exit_code = -1; // -1: none
    std::string reason;
    std::string message;
    std::string paused; // what a breakpoint that holds it waited for
  };
  struct Task {
    TaskState state = TaskState::pending;
    int attempts = 0;
    std::int64_t started = 0; // of the first attempt
    std::int64_t finished = 0;
    std::string reason;
    std::string message;
    std::vector<Step> steps; // of the last attempt
    std::vector<Step> sidecars;
  };

  void write_end(const record::GroupEnded& record);
  void remember(const Record& record, std::int64_t time);
  void remember_task(const record::TaskChanged& changed, std::int64_t time);
  void remember_pause(const record::StepPaused& paused);
  template <typename Changed>
  static void remember_container(std::vector<Step>& containers, std::size_t index,
                                 const Changed& changed, std::int64_t time);
  void write_task(JsonWriter& json, std::size_t index) const;
  void begin(JsonWriter& json, std::string_view event) const;
  void append(const std::string& line);
  void snapshot();

  const Plan& m_plan;
  int m_fd;
  bool m_pipe;
  bool m_broken = false;

  std::uint64_t m_number = 0;
  std::size_t m_size = 0;           // of all lines
  std::size_t m_since_snapshot = 0; // bytes
  bool m_full = false;              // the limit has been reached
  bool m_left_out = false;          // records, since the last snapshot

  std::string m_waiting;
  std::size_t m_sent = 0; // of m_waiting

  // What a snapshot says.
  std::vector<Task> m_tasks;
  bool m_finally = false;
  std::string m_stopping;
};

} // namespace taskgroup
