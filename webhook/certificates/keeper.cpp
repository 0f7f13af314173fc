// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/keeper.h"

#include "kube/resources.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace taskgroup {

namespace {

using kube::ApiError;
using kube::Json;

// An object, nothing if there is none, or why it cannot be read.
tl::expected<std::optional<Json>, std::string> read(kube::KubeApi& api,
                                                    const kube::Resource& resource,
                                                    const kube::ObjectKey& key,
                                                    const std::stop_token& stop) {
  auto object = api.get(resource, key, stop);
  if (object)
    return std::optional<Json>(std::move(*object));
  if (object.error().kind == ApiError::Kind::not_found)
    return std::optional<Json>();
  return tl::unexpected<std::string>("cannot read " + resource.plural + " " + key.name + ": "
                                     + object.error().message);
}

} // namespace

CertificateKeeper::CertificateKeeper(kube::KubeApi& api, Settings settings,
                                     std::shared_ptr<kube::Clock> clock)
    : m_api(api), m_settings(std::move(settings)), m_clock(std::move(clock)) {}

void CertificateKeeper::run(const std::stop_token& stop) {
  kube::Backoff after_trouble(m_settings.backoff);
  // Somebody may write the opposite each time; then neither is in a hurry.
  kube::Backoff after_write(m_settings.after_write);
  while (!stop.stop_requested()) {
    {
      // Before looking: what changes from here on is seen or ends the sleep.
      const std::scoped_lock lock(m_mutex);
      m_interrupt = std::stop_source();
    }
    const auto until = step(stop);
    if (stop.stop_requested())
      return;
    if (!until) {
      note(until.error(), true);
      m_clock->sleep(after_trouble.next(m_clock->now()), stop);
    } else if (!*until) {
      m_clock->sleep(after_write.next(m_clock->now()), stop);
    } else {
      const std::chrono::nanoseconds left = **until - m_clock->wall();
      sleep(std::clamp<std::chrono::nanoseconds>(left, std::chrono::seconds(1), m_settings.check),
            stop);
    }
  }
}

void CertificateKeeper::wake() {
  const std::scoped_lock lock(m_mutex);
  m_interrupt.request_stop();
}

void CertificateKeeper::sleep(std::chrono::nanoseconds duration, const std::stop_token& stop) {
  std::stop_source interrupt = [this] {
    const std::scoped_lock lock(m_mutex);
    return m_interrupt;
  }();
  const std::stop_callback also(stop, [&interrupt] { interrupt.request_stop(); });
  m_clock->sleep(duration, interrupt.get_token());
}

tl::expected<CertificateWorld, std::string> CertificateKeeper::look(const std::stop_token& stop) {
  CertificateWorld world;
  auto secret = read(m_api, kube::secrets, m_settings.secret, stop);
  if (!secret)
    return tl::unexpected(secret.error());
  auto configuration = read(m_api, webhook_configurations, {{}, m_settings.configuration}, stop);
  if (!configuration)
    return tl::unexpected(configuration.error());
  world.secret = std::move(*secret);
  world.configuration = std::move(*configuration);
  world.now = m_clock->wall();
  const std::string newest = newest_authority(world.secret);
  if (!trusts(world.configuration, newest)) {
    m_trusted.clear();
  } else if (m_trusted != newest) {
    m_trusted = newest;
    m_trusted_since = world.now;
  }
  if (!m_trusted.empty())
    world.trusted_since = m_trusted_since;
  return world;
}

tl::expected<std::optional<kube::WallTime>, std::string>
CertificateKeeper::step(const std::stop_token& stop) {
  const auto world = look(stop);
  if (!world)
    return tl::unexpected(world.error());
  CertificateStep next;
  try {
    next = decide_certificates(m_settings.certificates, *world);
  } catch (const std::runtime_error& failed) {
    return tl::unexpected<std::string>(failed.what());
  }
  kube::Result<Json> written;
  switch (next.kind) {
  case CertificateStep::Kind::wait:
    note(next.why, true);
    return next.until;
  case CertificateStep::Kind::replace_secret:
    written = m_api.replace(kube::secrets, next.body, stop);
    break;
  case CertificateStep::Kind::patch_configuration:
    written = m_api.patch(webhook_configurations, {{}, m_settings.configuration},
                          kube::PatchType::json, next.body, stop);
    break;
  }
  if (!written)
    return tl::unexpected<std::string>("cannot write the certificates: " + written.error().message);
  note(next.why, false);
  return std::nullopt;
}

// The same trouble is told once, until it is over.
void CertificateKeeper::note(const std::string& message, bool is_trouble) {
  if (is_trouble && std::exchange(m_trouble, message) == message)
    return;
  if (!is_trouble)
    m_trouble.clear();
  if (!message.empty() && m_settings.on_note)
    m_settings.on_note(message, is_trouble);
}

} // namespace taskgroup
