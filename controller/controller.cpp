// SPDX-License-Identifier: Apache-2.0
#include "controller/controller.h"

#include "controller/trace_context.h"
#include "service/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>

namespace taskgroup {

namespace {

// A run that failed all through an outage must not sleep long after it, nor past its timeout.
constexpr std::chrono::milliseconds longest_pause{30'000};

std::int64_t wall_clock() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Keys of the queue: "<kind>/<namespace>/<name>".
std::string text_of(const RunKey& run) {
  return fmt::format("{}/{}/{}", run.kind == RunKind::custom_run ? "customrun" : "run",
                     run.object.namespace_name, run.object.name);
}

RunKey key_of(const std::string& text) {
  const std::size_t first = text.find('/');
  const std::size_t second = text.find('/', first + 1);
  return {text.substr(0, first) == "run" ? RunKind::legacy_run : RunKind::custom_run,
          {text.substr(first + 1, second - first - 1), text.substr(second + 1)}};
}

} // namespace

Controller::Controller(kube::KubeApi& api, ControllerSettings settings, ControllerMetrics& metrics)
    : m_settings(std::move(settings)),
      m_metrics(metrics),
      m_queue({.limit = longest_pause,
               .on_taken = [&metrics](auto queued) { metrics.key_taken(queued); },
               .on_done = [&metrics](auto worked) { metrics.key_done(worked); }}),
      m_cache(api, m_settings.namespace_name, [this](const RunKey& run) { enqueue(run); }),
      m_journals(
          api, m_settings.most_followed,
          [this](const kube::ObjectKey& pod) {
            if (const auto run = m_cache.run_of_pod(pod))
              enqueue(*run);
          },
          [this](const JournalTrouble& trouble) { report(trouble); }),
      m_events(api, {.controller = "taskgroup.dev/taskgroup-controller",
                     .instance = m_settings.instance}),
      m_preparer(api, m_settings.preparer),
      m_reconciler(
          api, m_cache, m_journals, m_preparer,
          ReconcilerSettings{.agent_image = m_settings.preparer.pod.image}, wall_clock,
          [this](const Json& about, const RunEvent& event) {
            m_events.record(about,
                            event.warning ? kube::EventRecorder::Type::warning
                                          : kube::EventRecorder::Type::normal,
                            event.reason, "Reconcile", event.note);
          },
          metrics) {}

Controller::~Controller() { stop(); }

void Controller::start() {
  m_metrics.read_from([this] { return figures(); });
  m_cache.start();
  for (std::size_t i = 0; i < m_settings.workers; ++i)
    m_workers.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

void Controller::stop() {
  m_metrics.read_from({});
  m_queue.shut_down();
  for (std::jthread& worker : m_workers)
    worker.request_stop();
  m_workers.clear(); // joins
  m_cache.stop();
}

bool Controller::is_stuck() const {
  // Each call of a reconcile gives up after 30 s without a byte, and the first failure ends it.
  constexpr std::chrono::minutes patience{10};
  return m_queue.figures().longest_running > patience;
}

ControllerMetrics::Figures Controller::figures() const {
  return {m_queue.figures(), m_settings.workers, m_cache.census(), m_journals.followed()};
}

void Controller::report(const JournalTrouble& trouble) {
  m_metrics.journal_failed(trouble.error);
  const bool is_final =
      trouble.error == JournalError::unreadable || trouble.error == JournalError::version;
  const auto run = m_cache.run_of_pod(trouble.pod);
  const auto pod = m_cache.pod(trouble.pod);
  log::write(is_final ? log::Level::warning : log::Level::info, "Could not read a journal",
             {{"namespace", trouble.pod.namespace_name},
              {"run", run ? run->object.name : ""},
              {"pod", trouble.pod.name},
              {"podUID", trouble.uid},
              {"traceID", pod ? trace_of_pod(*pod).trace_id() : ""},
              {"error", trouble.message}});
}

void Controller::enqueue(const RunKey& run) { m_queue.add(text_of(run)); }

void Controller::work(const std::stop_token& stop) {
  while (const auto text = m_queue.take(stop)) {
    // What is decided on half a cache would be decided again.
    while (!m_cache.has_synced() && !stop.stop_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    Reconciled result{Reconciled::Kind::try_again, 0, true};
    const auto begun = std::chrono::steady_clock::now();
    try {
      result = m_reconciler.reconcile(key_of(*text), stop);
    } catch (const std::exception& error) {
      const kube::ObjectKey run = key_of(*text).object;
      log::error("Reconcile failed",
                 {{"namespace", run.namespace_name}, {"run", run.name}, {"error", error.what()}});
    }
    m_metrics.reconciled(result, std::chrono::steady_clock::now() - begun);
    switch (result.kind) {
    case Reconciled::Kind::settled:
      m_queue.forget(*text);
      break;
    case Reconciled::Kind::wait:
      m_queue.forget(*text);
      m_queue.add_after(
          *text, std::chrono::milliseconds(std::max<std::int64_t>(result.until - wall_clock(), 0)));
      break;
    case Reconciled::Kind::try_again:
      m_queue.add_after_failure(*text);
      break;
    }
    m_queue.done(*text);
  }
}

} // namespace taskgroup
