// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/decide.h"
#include "controller/progress.h"
#include "kube/kube_api.h"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup {

// Why a journal could not be read.
enum class JournalError {
  follow,     // a follow broke; it is opened again
  read,       // one read failed; another one follows
  unreadable, // the end cannot be read, now or later
  version     // it is of a release that this one does not know
};

// What is known of a failure to read one.
struct JournalTrouble {
  JournalError error = JournalError::read;
  kube::ObjectKey pod;
  std::string uid; // of the pod
  std::string message;
};

// Reads the journals of running pods: follows as many as it may at once, each on a thread of its
// own, and reads others when it is asked to (design.md 4). Thread-safe.
class Journals {
public:
  // Call `on_news` (from any thread) with a pod's key whenever its tasks have changed state, or its
  // journal has ended. At most `most_followed` logs are followed at once. `on_trouble` is told of
  // what could not be read, from any thread.
  Journals(kube::KubeApi& api, std::size_t most_followed,
           std::function<void(const kube::ObjectKey& pod)> on_news,
           std::function<void(const JournalTrouble& trouble)> on_trouble);
  ~Journals(); // ends all follows

  Journals(const Journals&) = delete;
  Journals& operator=(const Journals&) = delete;

  // Follow the journal of a pod whose coordinator runs, unless it is followed, has ended, or the
  // bound is reached. Returns false in the last case.
  bool follow(const kube::ObjectKey& pod, const std::string& uid);

  // Read what there is of a journal that is not followed; or, with `to_end`, all of one whose
  // coordinator has ended. Blocks. An error is kept: after some of them the journal counts as
  // unreadable, at once where the pod is gone.
  void read(const kube::ObjectKey& pod, const std::string& uid, bool to_end,
            const std::stop_token& stop);

  // Return what is known of a journal.
  PodJournal journal(const std::string& uid) const;

  // Drop a journal that nobody will ask for again, and end its follow.
  void forget(const std::string& uid);

  std::size_t followed() const;

private:
  struct Entry {
    mutable std::mutex mutex; // of the reader and what was learnt
    JournalReader reader;
    bool read_to_end = false;
    bool unreadable = false;
    int failures = 0;
    std::stop_source stop;
    bool following = false; // guarded by m_mutex
  };

  std::shared_ptr<Entry> entry_of(const std::string& uid);
  void run(const kube::ObjectKey& pod, const std::string& uid, const std::shared_ptr<Entry>& entry);

  kube::KubeApi& m_api;
  const std::size_t m_most_followed;
  const std::function<void(const kube::ObjectKey&)> m_on_news;
  const std::function<void(const JournalTrouble&)> m_on_trouble;

  mutable std::mutex m_mutex; // of all below
  std::condition_variable_any m_idle;
  std::map<std::string, std::shared_ptr<Entry>> m_entries; // by pod UID
  std::size_t m_followed = 0;
  std::stop_source m_stop;
};

} // namespace taskgroup
