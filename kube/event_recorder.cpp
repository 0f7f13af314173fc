// SPDX-License-Identifier: Apache-2.0
#include "kube/event_recorder.h"

#include "kube/resources.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;

// client-go's figures: a series ends after six quiet minutes and is written at most so often.
constexpr auto series_lasts = 6min;
constexpr auto series_pause = 30s;
constexpr auto allowance_period = 5min;
constexpr std::size_t max_note = 1024;
constexpr std::size_t max_remembered = 4096;

// Cut a text to the size that an Event may have, not within a character.
std::string cut(std::string text) {
  if (text.size() > max_note) {
    std::size_t end = max_note - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
      --end;
    }
    text.resize(end);
    text += "...";
  }
  return text;
}

Json reference_to(const Json& object) {
  Json reference = {{"apiVersion", object.value("apiVersion", "")},
                    {"kind", object.value("kind", "")}};
  const Json metadata = object.value("metadata", Json::object());
  for (const char* key : {"name", "namespace", "uid", "resourceVersion"}) {
    if (metadata.contains(key)) {
      reference[key] = metadata[key];
    }
  }
  return reference;
}

} // namespace

EventRecorder::EventRecorder(KubeApi& api, Settings settings, std::shared_ptr<Clock> clock)
    : m_api(api), m_settings(std::move(settings)), m_clock(std::move(clock)) {
  m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

EventRecorder::~EventRecorder() = default; // the thread stops first: it is the last member

void EventRecorder::record(const Json& regarding, Type type, const std::string& reason,
                           const std::string& action, const std::string& note) {
  Note taken{.reference = reference_to(regarding),
             .type = type,
             .reason = reason,
             .action = action,
             .text = cut(note)};
  const std::scoped_lock lock(m_mutex);
  if (m_queue.size() >= m_settings.queue) {
    ++m_figures.dropped;
    return;
  }
  m_queue.push_back(std::move(taken));
  m_changed.notify_all();
}

void EventRecorder::flush() {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_queue.empty() && !m_busy; });
}

EventRecorder::Figures EventRecorder::figures() const {
  const std::scoped_lock lock(m_mutex);
  return m_figures;
}

void EventRecorder::run(const std::stop_token& stop) {
  std::unique_lock lock(m_mutex);
  while (m_changed.wait(lock, stop, [&] { return !m_queue.empty(); })) {
    const Note note = std::move(m_queue.front());
    m_queue.pop_front();
    m_busy = true;
    lock.unlock();
    write(note, stop);
    lock.lock();
    m_busy = false;
    m_changed.notify_all();
    if (stop.stop_requested()) {
      break;
    }
  }
  m_figures.dropped += m_queue.size();
  m_queue.clear();
  m_changed.notify_all();
}

void EventRecorder::count(std::uint64_t Figures::* member) {
  const std::scoped_lock lock(m_mutex);
  ++(m_figures.*member);
}

void EventRecorder::write(const Note& note, const std::stop_token& stop) {
  const Clock::Time now = m_clock->now();
  std::erase_if(m_series, [&](const auto& one) { return now - one.second.last > series_lasts; });
  const std::string uid = note.reference.value("uid", std::string());
  const std::string type = note.type == Type::warning ? "Warning" : "Normal";
  const std::string alike = Json({uid, type, note.reason, note.action, note.text})
                                .dump(-1, ' ', false, Json::error_handler_t::replace);

  const auto known = m_series.find(alike);
  if (known != m_series.end() && raise(known->second, now, stop)) {
    return;
  }
  if (!allowed(uid, now)) {
    count(&Figures::dropped);
    return;
  }
  std::string name = note.reference.value("name", std::string("unknown")).substr(0, 200);
  while (name.ends_with('-') || name.ends_with('.')) { // as a cut one may
    name.pop_back();
  }
  const std::string given = note.reference.value("namespace", std::string());
  const std::string namespace_name = given.empty() ? "default" : given;
  const auto since_epoch = m_clock->wall().time_since_epoch();
  std::array<char, 32> suffix{};
  std::snprintf(suffix.data(), suffix.size(), ".%llx",
                static_cast<unsigned long long>(
                    std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count())
                    + m_names++);
  const Json event = {
      {"apiVersion", api_version_of(events)},
      {"kind", "Event"},
      {"metadata", {{"name", name + suffix.data()}, {"namespace", namespace_name}}},
      {"eventTime", to_rfc3339_micro(m_clock->wall())},
      {"reportingController", m_settings.controller},
      {"reportingInstance", m_settings.instance.empty() ? "unknown" : m_settings.instance},
      {"action", note.action},
      {"reason", note.reason},
      {"regarding", note.reference},
      {"type", type},
      {"note", note.text}};
  const auto stored = m_api.create(events, event, stop);
  if (!stored) {
    count(&Figures::failed);
    return;
  }
  count(&Figures::written);
  if (m_series.size() < max_remembered) {
    m_series[alike] = {.key = {.namespace_name = namespace_name, .name = event["metadata"]["name"]},
                       .count = 1,
                       .last = now,
                       .patched = {}};
  }
}

// Count one more of the same. False: the Event is gone, write a new one.
bool EventRecorder::raise(Series& series, Clock::Time now, const std::stop_token& stop) {
  ++series.count;
  series.last = now;
  if (now - series.patched < series_pause) {
    count(&Figures::dropped); // the next one that is written tells of it too
    return true;
  }
  series.patched = now;
  const Json patch = {
      {"series",
       {{"count", series.count}, {"lastObservedTime", to_rfc3339_micro(m_clock->wall())}}}};
  const auto done = m_api.patch(events, series.key, PatchType::merge, patch, stop);
  if (!done && done.error().kind == ApiError::Kind::not_found) {
    return false;
  }
  count(done ? &Figures::written : &Figures::failed);
  return true;
}

bool EventRecorder::allowed(const std::string& uid, Clock::Time now) {
  const double burst = static_cast<double>(m_settings.burst);
  if (m_allowances.size() > max_remembered) {
    // Those that are full again are as good as forgotten.
    std::erase_if(m_allowances, [&](const auto& one) {
      return now - one.second.at > allowance_period * m_settings.burst;
    });
  }
  const auto [found, is_new] = m_allowances.try_emplace(uid, Allowance{.left = burst, .at = now});
  Allowance& allowance = found->second;
  if (!is_new) {
    const auto periods = std::chrono::duration<double>(now - allowance.at)
                         / std::chrono::duration<double>(allowance_period);
    allowance.left = std::min(burst, allowance.left + periods);
    allowance.at = now;
  }
  if (allowance.left < 1) {
    return false;
  }
  --allowance.left;
  return true;
}

} // namespace taskgroup::kube
