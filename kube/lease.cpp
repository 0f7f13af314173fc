// SPDX-License-Identifier: Apache-2.0
#include "kube/lease.h"

#include "kube/resources.h"

#include <utility>

namespace taskgroup::kube {
namespace {

std::string holder_of(const Json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) {
    return {};
  }
  const auto holder = spec->find("holderIdentity");
  return holder != spec->end() && holder->is_string() ? holder->get<std::string>() : std::string();
}

} // namespace

LeaderElection::LeaderElection(KubeApi& api, Settings settings, std::shared_ptr<Clock> clock)
    : m_api(api),
      m_settings(std::move(settings)),
      m_clock(std::move(clock)),
      m_random(std::random_device{}()) {}

bool LeaderElection::acquire(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto taken = try_once(stop);
    if (taken && *taken) {
      note("Leading as " + m_settings.identity);
      return true;
    }
    note(taken ? "Waiting for the leader, " + holder_of(m_seen)
               : "Cannot get the lease " + m_settings.lease.name + ": " + taken.error().message);
    // As client-go: candidates that began together do not ask together.
    const double part = std::uniform_real_distribution<double>(1, 2.2)(m_random);
    m_clock->sleep(std::chrono::duration_cast<std::chrono::nanoseconds>(m_settings.retry * part),
                   stop);
  }
  return false;
}

std::optional<std::string> LeaderElection::hold(const std::stop_token& stop) {
  Clock::Time renewed = m_clock->now();
  while (m_clock->sleep(m_settings.retry, stop)) {
    const auto renewal = try_once(stop);
    if (stop.stop_requested()) {
      break;
    }
    if (renewal && *renewal) {
      renewed = m_clock->now();
      continue;
    }
    if (renewal) {
      return "lease " + m_settings.lease.name + " was taken over by " + holder_of(m_seen);
    }
    note("Cannot renew the lease " + m_settings.lease.name + ": " + renewal.error().message);
    if (m_clock->now() - renewed >= m_settings.renew_deadline) {
      return "lease " + m_settings.lease.name + " could not be renewed for "
             + std::to_string(m_settings.renew_deadline.count()) + " s: " + renewal.error().message;
    }
  }
  return std::nullopt;
}

void LeaderElection::release() {
  if (holder_of(m_seen) != m_settings.identity) {
    return;
  }
  Json lease = record();
  lease["spec"]["holderIdentity"] = "";
  lease["spec"]["leaseDurationSeconds"] = 1;
  (void)m_api.replace(leases, lease, {}); // if it fails, the next leader waits for the expiry
  m_seen = nullptr;
}

Result<bool> LeaderElection::try_once(const std::stop_token& stop) {
  if (holder_of(m_seen) == m_settings.identity) {
    const auto renewed = write(record(), stop);
    if (renewed || renewed.error().kind != ApiError::Kind::conflict) {
      return renewed;
    }
  }
  const auto found = m_api.get(leases, m_settings.lease, stop);
  if (!found && found.error().kind != ApiError::Kind::not_found) {
    return tl::unexpected(found.error());
  }
  see(found ? *found : Json());
  const std::string holder = holder_of(m_seen);
  if (!holder.empty() && holder != m_settings.identity && !is_expired()) {
    return false;
  }
  return write(record(), stop);
}

Result<bool> LeaderElection::write(const Json& lease, const std::stop_token& stop) {
  const auto stored =
      m_seen.is_null() ? m_api.create(leases, lease, stop) : m_api.replace(leases, lease, stop);
  if (!stored) {
    return tl::unexpected(stored.error());
  }
  see(*stored);
  return true;
}

void LeaderElection::see(const Json& lease) {
  if (lease != m_seen) {
    m_seen = lease;
    m_seen_at = m_clock->now();
  }
}

bool LeaderElection::is_expired() const {
  const Json& spec = m_seen.at("spec");
  const auto duration = spec.find("leaseDurationSeconds");
  const std::chrono::seconds lasts(duration != spec.end() && duration->is_number_integer()
                                       ? duration->get<std::int64_t>()
                                       : m_settings.duration.count());
  return m_clock->now() - m_seen_at > lasts;
}

Json LeaderElection::record() const {
  const std::string now = to_rfc3339_micro(m_clock->wall());
  Json lease = m_seen;
  if (lease.is_null()) {
    lease = {{"apiVersion", api_version_of(leases)},
             {"kind", "Lease"},
             {"metadata",
              {{"name", m_settings.lease.name}, {"namespace", m_settings.lease.namespace_name}}}};
  }
  Json& spec = lease["spec"];
  if (holder_of(m_seen) != m_settings.identity) {
    const auto transitions = spec.find("leaseTransitions");
    spec["leaseTransitions"] = transitions != spec.end() && transitions->is_number_integer()
                                   ? transitions->get<std::int64_t>() + 1
                                   : (m_seen.is_null() ? 0 : 1);
    spec["acquireTime"] = now;
  }
  spec["holderIdentity"] = m_settings.identity;
  spec["leaseDurationSeconds"] = m_settings.duration.count();
  spec["renewTime"] = now;
  return lease;
}

void LeaderElection::note(const std::string& message) {
  if (m_settings.on_note && message != m_noted) {
    m_settings.on_note(message);
  }
  m_noted = message;
}

} // namespace taskgroup::kube
