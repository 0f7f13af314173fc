// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/cluster/cluster.h"
#include "cli/status_sink.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace taskgroup::cluster {

// Follows the journal of a pod and the logs of its steps into a sink, as `taskgroup run` shows a
// run of this machine: a step's log from when the journal says that it runs; a task's end after the
// last line of its steps, and before the first line of whatever begins after it. One thread for the
// journal and for each step that writes.
//
// The cluster may lag behind: a log's end is waited for only so long.
class PodFollower {
public:
  // How it ended.
  struct Outcome {
    bool saw_end = false; // of the journal
    std::string why;      // why not; a sentence
  };

  // `shape` says which tasks to show (pod_shape.h). Everything must outlive it.
  PodFollower(const Cluster& cluster, kube::ObjectKey pod, std::string uid, const Plan& shape,
              StatusSink& sink);
  ~PodFollower();

  // Show everything until the journal's end, or until the pod can tell no more. Blocks; once.
  Outcome run();

private:
  using Time = std::chrono::steady_clock::time_point;

  struct Event {
    std::uint64_t number = 0; // of the record
    nlohmann::json record;
    std::string line;
    Time arrived;
    std::optional<std::size_t> ends_task; // its index in the shape
    bool ends_run = false;
  };
  struct Output {
    std::size_t task = 0;
    std::size_t step = 0;
    std::uint64_t after = 0; // number of the record with which the step began
    std::string line;
  };
  struct Stream {
    std::jthread thread;
    Time opened;
    bool step_ended = false; // the journal says so
    bool closed = false;
  };

  void read_journal(const std::stop_token& stop);
  std::optional<bool> wait_for_start(const std::stop_token& stop);
  void read_record(std::string_view line);
  void read_step(const nlohmann::json& record, std::size_t task, std::uint64_t number);
  void read_stream(std::size_t task, std::size_t step, std::uint64_t after,
                   const std::stop_token& stop);
  void give_up(std::string why);
  bool is_ready(const Event& event) const;
  bool is_ready(const Output& output) const;
  bool has_output() const;
  std::vector<Output> take_outputs();
  std::size_t open_streams(std::optional<std::size_t> task) const;

  const Cluster& m_cluster;
  const kube::ObjectKey m_pod;
  const std::string m_uid;
  const Plan& m_shape;
  StatusSink& m_sink;

  std::uint64_t m_last_record = 0; // of the journal's thread

  std::mutex m_mutex; // of what follows
  std::condition_variable_any m_changed;
  std::deque<Event> m_events;
  std::deque<Output> m_outputs;
  std::map<std::pair<std::size_t, std::size_t>, Stream> m_streams; // by task and step
  bool m_read_end = false;                                         // of the journal
  std::optional<Time> m_over; // since when it is known that no end will come
  std::string m_why;
  std::jthread m_journal;
};

} // namespace taskgroup::cluster
