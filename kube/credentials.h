// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/cluster_config.h"

#include <tl/expected.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace taskgroup::kube {

// Who we are to the API server at the moment.
struct Credential {
  std::string token;        // empty: none
  std::string certificate;  // PEM; empty: none
  std::string key;          // PEM
  std::uint64_t number = 0; // another one whenever something of it has changed
};

// Keeps the credentials of a config fresh: reads a token file again each minute, runs a plugin
// again when what it gave has expired, and both after a 401. Any thread may call any member.
class Credentials {
public:
  Credentials(const ClusterConfig& config, std::shared_ptr<Clock> clock);

  // Return what to send. May run the plugin, one at a time.
  tl::expected<Credential, std::string> get(const std::stop_token& stop);

  // The server has refused the credential of this number (401). True: get() may have another one.
  bool reject(std::uint64_t number);

private:
  tl::expected<void, std::string> read_file();
  tl::expected<void, std::string> ask_plugin(const std::stop_token& stop);

  const std::string m_token_file;
  const std::optional<ExecPlugin> m_plugin;
  const std::shared_ptr<Clock> m_clock;
  std::mutex m_mutex; // of what follows
  Credential m_current;
  bool m_is_fresh = false;
  Clock::Time m_read_at;
  std::optional<WallTime> m_expires;
};

} // namespace taskgroup::kube
