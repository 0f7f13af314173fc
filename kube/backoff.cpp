// SPDX-License-Identifier: Apache-2.0
#include "kube/backoff.h"

#include <algorithm>

namespace taskgroup::kube {

Backoff::Backoff(Settings settings)
    : m_settings(settings), m_delay(settings.first), m_random(std::random_device{}()) {}

std::chrono::milliseconds Backoff::next(Clock::Time now) {
  if (now - m_last > m_settings.calm) {
    m_delay = m_settings.first;
  }
  m_last = now;
  const auto delay = m_delay;
  m_delay = std::min(m_delay * 2, m_settings.limit);
  const double part = std::uniform_real_distribution<double>(0, m_settings.jitter)(m_random);
  const double stretched = static_cast<double>(delay.count()) * (1 + part);
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(stretched));
}

} // namespace taskgroup::kube
