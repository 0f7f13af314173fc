// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace taskgroup {

// A bounded number of threads with two queues of bounded length. One large job at most is done at a
// time, and small ones go first: a parsed review takes some twenty times its bytes, so that many
// large ones at once would take more memory than a pod of this kind has, and a flood of them must
// not keep the ordinary ones waiting.
class Workers {
public:
  using Job = std::function<void()>; // must not throw

  Workers(std::size_t threads, std::size_t most_waiting);
  ~Workers(); // does what was added, then ends

  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Do it on a thread of the pool. False: as many as allowed are waiting. From any thread.
  bool add(Job job, bool large);

private:
  void work();
  bool has_work() const { return !m_small.empty() || (!m_large.empty() && !m_large_is_done); }

  std::size_t m_most_waiting;
  std::mutex m_mutex; // of all below
  std::condition_variable m_changed;
  std::deque<Job> m_small;
  std::deque<Job> m_large;
  bool m_large_is_done = false; // right now
  bool m_ends = false;
  std::vector<std::jthread> m_threads;
};

} // namespace taskgroup
