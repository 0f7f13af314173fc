// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.h"

#include "kube/exec_plugin.h"

#include <fstream>
#include <iterator>
#include <utility>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;

// client-go's: kubelet replaces the file long before the token in it ends.
constexpr auto reread_after = 60s;
constexpr auto expiry_leeway = 10s;
constexpr auto plugin_limit = 60s;

} // namespace

Credentials::Credentials(const ClusterConfig& config, std::shared_ptr<Clock> clock)
    : m_token_file(config.token_file),
      m_plugin(config.exec),
      m_clock(std::move(clock)),
      m_current{.token = config.token,
                .certificate = config.client_certificate,
                .key = config.client_key,
                .number = 1} {}

tl::expected<Credential, std::string> Credentials::get(const std::stop_token& stop) {
  const std::scoped_lock lock(m_mutex);
  tl::expected<void, std::string> done;
  if (!m_token_file.empty() && (!m_is_fresh || m_clock->now() - m_read_at >= reread_after)) {
    done = read_file();
  } else if (m_plugin
             && (!m_is_fresh || (m_expires && m_clock->wall() + expiry_leeway >= *m_expires))) {
    done = ask_plugin(stop);
  }
  if (!done) {
    return tl::unexpected(done.error());
  }
  return m_current;
}

bool Credentials::reject(std::uint64_t number) {
  const std::scoped_lock lock(m_mutex);
  if (m_token_file.empty() && !m_plugin) {
    return false;
  }
  if (number == m_current.number) {
    m_is_fresh = false;
  }
  return true;
}

tl::expected<void, std::string> Credentials::read_file() {
  std::ifstream file(m_token_file);
  std::string token{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) {
    token.pop_back();
  }
  if (token.empty()) {
    if (m_current.token.empty()) {
      return tl::unexpected("token file " + m_token_file + " is missing or empty");
    }
    token = m_current.token; // it is being replaced: the one we have is good for some time
  }
  m_is_fresh = true;
  m_read_at = m_clock->now();
  if (token != m_current.token) {
    m_current.token = std::move(token);
    ++m_current.number;
  }
  return {};
}

tl::expected<void, std::string> Credentials::ask_plugin(const std::stop_token& stop) {
  auto given = run_plugin(*m_plugin, plugin_limit, stop);
  if (!given) {
    return tl::unexpected(given.error());
  }
  m_is_fresh = true;
  m_expires = given->expires;
  m_current = {.token = std::move(given->token),
               .certificate = std::move(given->certificate),
               .key = std::move(given->key),
               .number = m_current.number + 1};
  return {};
}

} // namespace taskgroup::kube
