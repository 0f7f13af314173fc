// SPDX-License-Identifier: Apache-2.0
#include "controller/journals.h"

#include "controller/pod_builder.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace taskgroup {

namespace {

// Reads that failed before a journal counts as unreadable; the caller leaves time between them.
constexpr int most_failures = 10;

constexpr std::chrono::milliseconds first_pause{500};
constexpr std::chrono::milliseconds longest_pause{15'000};

// Sleep, but no longer than the token allows.
void pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
}

} // namespace

Journals::Journals(kube::KubeApi& api, std::size_t most_followed,
                   std::function<void(const kube::ObjectKey&)> on_news,
                   std::function<void(const JournalTrouble&)> on_trouble)
    : m_api(api),
      m_most_followed(most_followed),
      m_on_news(std::move(on_news)),
      m_on_trouble(std::move(on_trouble)) {}

Journals::~Journals() {
  std::unique_lock lock(m_mutex);
  m_stop.request_stop();
  for (const auto& [uid, entry] : m_entries)
    entry->stop.request_stop();
  m_idle.wait(lock, [this] { return m_followed == 0; });
}

std::shared_ptr<Journals::Entry> Journals::entry_of(const std::string& uid) {
  auto& entry = m_entries[uid];
  if (!entry)
    entry = std::make_shared<Entry>();
  return entry;
}

bool Journals::follow(const kube::ObjectKey& pod, const std::string& uid) {
  const std::scoped_lock lock(m_mutex);
  if (m_stop.stop_requested())
    return true;
  const std::shared_ptr<Entry> entry = entry_of(uid);
  {
    const std::scoped_lock entry_lock(entry->mutex);
    if (entry->following || entry->read_to_end || entry->reader.progress().ended)
      return true;
  }
  if (m_followed >= m_most_followed)
    return false;
  ++m_followed;
  entry->following = true;
  try {
    std::thread([this, pod, uid, entry] {
      run(pod, uid, entry);
      // The last words under the lock: the destructor waits for them.
      const std::scoped_lock done(m_mutex);
      entry->following = false;
      --m_followed;
      m_idle.notify_all();
    }).detach();
  } catch (const std::system_error&) { // no more threads here: as if the bound were reached
    entry->following = false;
    --m_followed;
    return false;
  }
  return true;
}

void Journals::run(const kube::ObjectKey& pod, const std::string& uid,
                   const std::shared_ptr<Entry>& entry) {
  const std::stop_token stop = entry->stop.get_token();
  auto wait = first_pause;
  while (!stop.stop_requested()) {
    std::uint64_t told = 0;
    bool heard = false;
    const auto read = m_api.pod_log(
        pod, coordinator_container, true,
        [&](std::string_view bytes) {
          bool news = false;
          bool ended = false;
          {
            const std::scoped_lock lock(entry->mutex);
            if (!std::exchange(heard, true))
              entry->reader.restart();
            entry->reader.feed(bytes);
            const Progress& progress = entry->reader.progress();
            ended = progress.ended || !entry->reader.error().empty();
            news = ended || progress.changes != told;
            told = progress.changes;
          }
          if (news)
            m_on_news(pod);
          return !ended;
        },
        stop);
    {
      const std::scoped_lock lock(entry->mutex);
      if (!entry->reader.error().empty())
        m_on_trouble({JournalError::version, pod, uid, entry->reader.error()});
      if (entry->reader.progress().ended || !entry->reader.error().empty() || entry->read_to_end
          || entry->unreadable)
        return;
    }
    if (!read && read.error().kind == kube::ApiError::Kind::not_found)
      return; // the pod is gone; its event tells the rest
    if (!read && !stop.stop_requested())
      m_on_trouble({JournalError::follow, pod, uid, read.error().message});
    if (read)
      m_on_news(pod); // the container has ended without an end of its journal
    wait = heard ? first_pause : std::min(wait * 2, longest_pause);
    pause(wait, stop);
  }
}

void Journals::read(const kube::ObjectKey& pod, const std::string& uid, bool to_end,
                    const std::stop_token& stop) {
  std::shared_ptr<Entry> entry;
  {
    const std::scoped_lock lock(m_mutex);
    entry = entry_of(uid);
  }
  JournalReader reader;
  const auto read = m_api.pod_log(
      pod, coordinator_container, false,
      [&](std::string_view bytes) {
        reader.feed(bytes);
        return true;
      },
      stop);

  const std::scoped_lock lock(entry->mutex);
  if (read) {
    entry->failures = 0;
    if (!reader.error().empty() && entry->reader.error().empty())
      m_on_trouble({JournalError::version, pod, uid, reader.error()});
    // What was followed may know more: kubelet rotates logs.
    if (reader.progress().lines > entry->reader.progress().lines || !reader.error().empty())
      entry->reader = std::move(reader);
    entry->read_to_end = entry->read_to_end || to_end;
    return;
  }
  if (stop.stop_requested())
    return; // the caller goes; the next one asks again
  if (!to_end) {
    m_on_trouble({JournalError::read, pod, uid, read.error().message});
    return;
  }
  const bool gone = read.error().kind == kube::ApiError::Kind::not_found;
  entry->unreadable = gone || ++entry->failures >= most_failures;
  m_on_trouble({entry->unreadable ? JournalError::unreadable : JournalError::read, pod, uid,
                read.error().message});
}

PodJournal Journals::journal(const std::string& uid) const {
  std::shared_ptr<Entry> entry;
  {
    const std::scoped_lock lock(m_mutex);
    const auto found = m_entries.find(uid);
    if (found == m_entries.end())
      return {};
    entry = found->second;
  }
  const std::scoped_lock lock(entry->mutex);
  return {entry->reader.progress(), entry->reader.error(), entry->read_to_end, entry->unreadable};
}

void Journals::forget(const std::string& uid) {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_entries.find(uid);
  if (found == m_entries.end())
    return;
  found->second->stop.request_stop();
  m_entries.erase(found);
}

std::size_t Journals::followed() const {
  const std::scoped_lock lock(m_mutex);
  return m_followed;
}

} // namespace taskgroup
