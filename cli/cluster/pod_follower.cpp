// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/pod_follower.h"

#include "cli/cluster/pod_shape.h"
#include "cli/cluster/run_view.h"
#include "cli/line_splitter.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>

namespace taskgroup::cluster {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Kind = kube::ApiError::Kind;

// How long the end of a task (of the run) waits for the last lines: kubelet notices within a second
// that a container has ended.
constexpr auto patience_with_streams = 3s;
constexpr auto patience_with_steps = 1s; // of the next step with those before it
constexpr auto pause_between_reads = 500ms;
constexpr std::size_t most_outputs = 4096; // kept; then whoever reads a log waits
constexpr std::size_t longest_record = std::size_t{16} << 20U;
constexpr int journal_version = 1; // the one that docs/journal.md describes

std::uint64_t number_of(const json& record) {
  const auto found = record.is_object() ? record.find("n") : record.end();
  return record.is_object() && found != record.end() && found->is_number_unsigned()
             ? found->get<std::uint64_t>()
             : 0;
}

// Records that are for readers who have lost something, or for launchers.
bool is_shown(const std::string& event) {
  static constexpr std::array<std::string_view, 3> hidden{"launch", "heartbeat", "snapshot"};
  return std::find(hidden.begin(), hidden.end(), event) == hidden.end();
}

std::optional<std::size_t> index_of(const Plan& shape, const std::string& task) {
  for (std::size_t i = 0; i < shape.tasks.size(); ++i) {
    if (shape.tasks[i].name == task)
      return i;
  }
  return std::nullopt;
}

} // namespace

PodFollower::PodFollower(const Cluster& cluster, kube::ObjectKey pod, std::string uid,
                         const Plan& shape, StatusSink& sink)
    : m_cluster(cluster),
      m_pod(std::move(pod)),
      m_uid(std::move(uid)),
      m_shape(shape),
      m_sink(sink) {}

PodFollower::~PodFollower() {
  // The journal's thread first: it makes the others.
  m_journal.request_stop();
  if (m_journal.joinable())
    m_journal.join();
  for (auto& [step, stream] : m_streams)
    stream.thread.request_stop();
  for (auto& [step, stream] : m_streams)
    stream.thread.join();
}

PodFollower::Outcome PodFollower::run() {
  m_journal = std::jthread([this](const std::stop_token& stop) { read_journal(stop); });
  std::unique_lock lock(m_mutex);
  Time shown_at = std::chrono::steady_clock::now(); // the last event
  const auto is_late = [&](Time since) {
    return std::chrono::steady_clock::now() >= std::max(since, shown_at) + patience_with_streams;
  };
  const auto has_event = [&] {
    return !m_events.empty() && (is_ready(m_events.front()) || is_late(m_events.front().arrived));
  };
  const auto is_over = [&] {
    return m_over && m_events.empty() && (open_streams({}) == 0 || is_late(*m_over));
  };
  while (true) {
    const bool woken = m_changed.wait_for(lock, m_outputs.empty() ? 1000ms : 100ms,
                                          [&] { return has_output() || has_event() || is_over(); });
    if (const std::vector<Output> outputs = take_outputs(); !outputs.empty()) {
      m_changed.notify_all();
      lock.unlock();
      for (const Output& output : outputs)
        m_sink.output(output.task, output.step, false, output.line);
      lock.lock();
    } else if (has_event()) {
      const Event event = std::move(m_events.front());
      m_events.pop_front();
      lock.unlock();
      m_sink.event(event.record, event.line);
      shown_at = std::chrono::steady_clock::now();
      if (event.ends_run)
        return {true, {}};
      lock.lock();
    } else if (is_over()) {
      return {false, m_why};
    }
    if (!woken && m_sink.wants_ticks()) {
      lock.unlock();
      m_sink.tick();
      lock.lock();
    }
  }
}

// Output of a step comes after what the journal says before the step begins, and after that of the
// steps before it; whose containers may run on, where the task may be tried again.
bool PodFollower::is_ready(const Output& output) const {
  if (!m_events.empty() && m_events.front().number < output.after)
    return false;
  const auto own = m_streams.find({output.task, output.step});
  const bool first = std::none_of(m_streams.begin(), own, [&](const auto& earlier) {
    return earlier.first.first == output.task && !earlier.second.closed;
  });
  return first || std::chrono::steady_clock::now() >= own->second.opened + patience_with_steps;
}

bool PodFollower::has_output() const {
  return std::any_of(m_outputs.begin(), m_outputs.end(),
                     [this](const Output& output) { return is_ready(output); });
}

std::vector<PodFollower::Output> PodFollower::take_outputs() {
  const auto ready = std::stable_partition(m_outputs.begin(), m_outputs.end(),
                                           [this](const Output& one) { return !is_ready(one); });
  std::vector<Output> outputs(std::make_move_iterator(ready),
                              std::make_move_iterator(m_outputs.end()));
  m_outputs.erase(ready, m_outputs.end());
  // What a later step wrote may have come first, and have waited for this.
  std::stable_sort(outputs.begin(), outputs.end(),
                   [](const Output& one, const Output& other) { return one.after < other.after; });
  return outputs;
}

bool PodFollower::is_ready(const Event& event) const {
  if (event.ends_run)
    return open_streams({}) == 0;
  return !event.ends_task || open_streams(event.ends_task) == 0;
}

std::size_t PodFollower::open_streams(std::optional<std::size_t> task) const {
  return static_cast<std::size_t>(
      std::count_if(m_streams.begin(), m_streams.end(), [&](const auto& entry) {
        return !entry.second.closed && (!task || entry.first.first == *task);
      }));
}

void PodFollower::give_up(std::string why) {
  const std::scoped_lock lock(m_mutex);
  m_over = std::chrono::steady_clock::now();
  m_why = std::move(why);
  m_changed.notify_all();
}

// Wait until the coordinator runs or has run; return whether it has ended. Nothing: it never will,
// or the pod is gone, and that has been said.
std::optional<bool> PodFollower::wait_for_start(const std::stop_token& stop) {
  std::string told;
  while (!stop.stop_requested()) {
    auto pod = m_cluster.api->get(kube::pods, m_pod, stop);
    if (!pod && pod.error().kind == Kind::not_found) {
      give_up(fmt::format("pod \"{}\" is gone, and its log with it", m_pod.name));
      return std::nullopt;
    }
    if (!pod && pod.error().kind == Kind::forbidden) {
      give_up(failure_of(pod.error(), {"get", kube::pods, {}}, m_cluster).message);
      return std::nullopt;
    }
    if (!pod) {
      m_cluster.clock->sleep(pause_between_reads, stop);
      continue;
    }
    if (text_at(object_at(*pod, "metadata"), "uid") != m_uid) {
      give_up(fmt::format("pod \"{}\" is another one than the run's", m_pod.name));
      return std::nullopt;
    }
    const ContainerState state = container_state(*pod, coordinator);
    if (state != ContainerState::waiting)
      return state == ContainerState::terminated;
    const std::string phase = text_at(object_at(*pod, "status"), "phase");
    if (phase == "Failed" || phase == "Succeeded") {
      give_up(fmt::format("pod \"{}\" has ended ({}) and its coordinator never ran", m_pod.name,
                          text_at(object_at(*pod, "status"), "reason")));
      return std::nullopt;
    }
    // Watch until something has changed; what the watch cannot tell, the next get does.
    std::stop_source changed;
    const std::stop_callback outer(stop, [&changed] { changed.request_stop(); });
    const auto show = [&](const std::string& obstacle) {
      if (!obstacle.empty() && obstacle != std::exchange(told, obstacle))
        std::fprintf(stderr, "pod \"%s\" waits: %s\n", m_pod.name.c_str(), obstacle.c_str());
    };
    show(obstacle_of(*pod));
    const auto watched = m_cluster.api->watch(
        kube::pods,
        {.namespace_name = m_pod.namespace_name,
         .labels = {},
         .fields = "metadata.name=" + m_pod.name},
        text_at(object_at(*pod, "metadata"), "resourceVersion"),
        [&](const kube::WatchEvent& event) {
          if (event.type == kube::WatchEvent::Type::bookmark)
            return;
          show(obstacle_of(event.object));
          if (event.type == kube::WatchEvent::Type::deleted
              || container_state(event.object, coordinator) != ContainerState::waiting)
            changed.request_stop();
        },
        changed.get_token());
    if (!watched && watched.error().kind == Kind::forbidden) {
      give_up(failure_of(watched.error(), {"watch", kube::pods, {}}, m_cluster).message);
      return std::nullopt;
    }
    if (!changed.stop_requested())
      m_cluster.clock->sleep(pause_between_reads, stop);
  }
  return std::nullopt;
}

void PodFollower::read_journal(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // Whether it had ended before it is read: then nothing can come after what is read.
    const std::optional<bool> was_over = wait_for_start(stop);
    if (!was_over)
      return;
    LineSplitter lines(longest_record);
    const auto read = m_cluster.api->pod_log(
        m_pod, coordinator, true,
        [&](std::string_view bytes) {
          lines.feed(bytes, [this](std::string_view line) { read_record(line); });
          const std::scoped_lock lock(m_mutex);
          return !m_read_end && !m_over;
        },
        stop);
    {
      const std::scoped_lock lock(m_mutex);
      if (m_read_end || m_over)
        return;
    }
    if (!read && read.error().kind == Kind::forbidden)
      return give_up(failure_of(read.error(), {"get", kube::pods, "log"}, m_cluster).message);
    if (read && *was_over)
      return give_up(fmt::format("the journal of pod \"{}\" has no end", m_pod.name));
    m_cluster.clock->sleep(pause_between_reads, stop);
  }
}

void PodFollower::read_record(std::string_view line) {
  json record = json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::uint64_t number = number_of(record);
  if (number <= m_last_record) // no record, or read before the log was opened again
    return;
  m_last_record = number;
  const std::string event = text_at(record, "event");
  if (event == "begin" && record.contains("version") && record["version"] != journal_version)
    return give_up(fmt::format("the journal of pod \"{}\" is of version {}, and this program reads "
                               "{}: use the taskgroup of your controller's release",
                               m_pod.name, record["version"].dump(), journal_version));
  if (!is_shown(event))
    return;

  const std::optional<std::size_t> task = index_of(m_shape, text_at(record, "task"));
  if (!task && record.contains("task"))
    return; // not one of those to show
  const std::scoped_lock lock(m_mutex);
  if (event == "step")
    read_step(record, *task, number);
  Event shown{number, std::move(record), std::string(line), std::chrono::steady_clock::now(),
              {},     event == "end"};
  if (event == "task" && text_at(shown.record, "state") != "Running")
    shown.ends_task = task;
  m_read_end = shown.ends_run;
  m_events.push_back(std::move(shown));
  m_changed.notify_all();
}

// Under the lock.
void PodFollower::read_step(const json& record, std::size_t task, std::uint64_t number) {
  const std::vector<PlanStep>& steps = m_shape.tasks[task].steps;
  const std::string name = text_at(record, "step");
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [&](const PlanStep& step) { return step.name == name; });
  if (found == steps.end() || text_at(record, "reason") == "Skipped")
    return;
  const auto step = static_cast<std::size_t>(found - steps.begin());
  const bool is_new = m_streams.find({task, step}) == m_streams.end();
  Stream& stream = m_streams[{task, step}];
  stream.step_ended = text_at(record, "state") == "Terminated";
  if (!is_new)
    return;
  stream.opened = std::chrono::steady_clock::now();
  stream.thread = std::jthread([this, task, step, number](const std::stop_token& stop) {
    read_stream(task, step, number, stop);
  });
}

void PodFollower::read_stream(std::size_t task, std::size_t step, std::uint64_t after,
                              const std::stop_token& stop) {
  const std::string& container = m_shape.tasks[task].steps[step].container;
  LineSplitter lines;
  const auto on_line = [&](std::string_view line) {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, stop, [this] { return m_outputs.size() < most_outputs; });
    m_outputs.push_back({task, step, after, std::string(line)});
    m_changed.notify_all();
  };
  std::size_t delivered = 0; // bytes, over all reads: a log that is opened again begins anew
  while (!stop.stop_requested()) {
    std::size_t skip = delivered;
    const auto read = m_cluster.api->pod_log(
        m_pod, container, true,
        [&](std::string_view bytes) {
          const std::size_t known = std::min(skip, bytes.size());
          skip -= known;
          bytes.remove_prefix(known);
          delivered += bytes.size();
          lines.feed(bytes, on_line);
          return !stop.stop_requested();
        },
        stop);
    const bool refused =
        !read && (read.error().kind == Kind::not_found || read.error().kind == Kind::forbidden);
    {
      const std::scoped_lock lock(m_mutex);
      // An end with a value may also be a connection that was cut: the journal knows better.
      if (refused || m_over || (read && m_streams[{task, step}].step_ended))
        break;
    }
    m_cluster.clock->sleep(pause_between_reads, stop);
  }
  lines.finish(on_line);
  const std::scoped_lock lock(m_mutex);
  m_streams[{task, step}].closed = true;
  m_changed.notify_all();
}

} // namespace taskgroup::cluster
