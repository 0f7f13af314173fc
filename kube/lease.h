// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/kube_api.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace taskgroup::kube {

// Leadership by one Lease object, as client-go's leader election: whoever renews it leads; whoever
// sees it unrenewed for its duration takes it over. Expiry is judged by this machine's clock since
// the last change was seen, so clocks need not agree.
//
// `api` must give up on a call well before `renew_deadline` (HttpSettings::request_timeout of 5 s).
//
// It does not fence: a leader that was paused may still write once. Writes carry preconditions.
// For one thread.
class LeaderElection {
public:
  struct Settings {
    ObjectKey lease;
    std::string identity; // unique to this process: pod name and a random part
    std::chrono::seconds duration{15};
    std::chrono::seconds renew_deadline{10};
    std::chrono::seconds retry{2};
    std::function<void(const std::string& message)> on_note; // who leads, what fails; may be empty
  };

  LeaderElection(KubeApi& api, Settings settings, std::shared_ptr<Clock> clock = system_clock());

  // Try until this process leads (true) or `stop` (false).
  bool acquire(const std::stop_token& stop);

  // Renew until leadership is lost (returns why; stop all work and exit) or `stop` (nothing).
  std::optional<std::string> hold(const std::stop_token& stop);

  // Give it up at once, so that the next one need not wait: call when all work has ended.
  void release();

private:
  // Tell whether this process has the lease after trying to take or to renew it.
  Result<bool> try_once(const std::stop_token& stop);
  Result<bool> write(const Json& lease, const std::stop_token& stop);
  void see(const Json& lease);
  bool is_expired() const;
  Json record() const; // m_seen, taken or renewed by this process
  void note(const std::string& message);

  KubeApi& m_api;
  Settings m_settings;
  std::shared_ptr<Clock> m_clock;
  std::minstd_rand m_random;
  Json m_seen;           // the lease as last read or written; null: none
  Clock::Time m_seen_at; // when it last changed, as seen from here
  std::string m_noted;   // the last note: a failure is not told each two seconds
};

} // namespace taskgroup::kube
