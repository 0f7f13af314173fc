// SPDX-License-Identifier: Apache-2.0
#include "controller/reconciler.h"

#include "controller/cleanup.h"
#include "controller/controller_metrics.h"
#include "controller/pod_view.h"
#include "controller/reasons.h"
#include "controller/run_status.h"
#include "controller/time_text.h"
#include "controller/trace_context.h"
#include "kube/json_fields.h"
#include "kube/resources.h"
#include "service/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace taskgroup {

namespace {

using kube::ApiError;

// A run takes a handful of steps at a time; more of them at once is a fault of ours.
constexpr int most_steps = 64;

// How long to leave a journal alone that could not be read.
constexpr std::int64_t journal_pause = 2'000;
constexpr std::int64_t quota_pause = 15'000;

std::string uid_of(const Json& object) { return text_at(object_at(object, "metadata"), "uid"); }

bool refused(const ApiError& error) {
  return error.kind == ApiError::Kind::forbidden || error.kind == ApiError::Kind::invalid;
}

// Return a JSON patch of a pod without what it says of containers.
Json without_images(const Json& patch) {
  Json rest = Json::array();
  for (const Json& operation : patch) {
    if (!text_at(operation, "path").starts_with("/spec/containers/"))
      rest.push_back(operation);
  }
  return rest;
}

bool over_quota(const ApiError& error) {
  return error.kind == ApiError::Kind::forbidden
         && error.message.find("exceeded quota") != std::string::npos;
}

// Not so: a token that has just expired, and a quota that somebody else has changed meanwhile,
// which the API server calls a conflict.
bool is_refusal(const ApiError& error) {
  using Kind = ApiError::Kind;
  return error.kind == Kind::forbidden || error.kind == Kind::invalid
         || error.kind == Kind::bad_request || error.kind == Kind::too_large;
}

// Return when a run was created. Its creationTimestamp has whole seconds; a process that has
// watched it come knows better.
std::int64_t created_at(std::int64_t timestamp, std::int64_t first_seen) {
  constexpr std::int64_t second = 1'000;
  if (timestamp == 0)
    return first_seen;
  const bool watched = first_seen < timestamp + second + second / 2;
  return watched ? std::clamp(first_seen, timestamp, timestamp + second) : timestamp + second / 2;
}

// Return when the first step of a pod was started; 0: none was.
std::int64_t first_step_started(const Progress& progress) {
  std::int64_t first = 0;
  for (const TaskProgress& task : progress.tasks) {
    for (const StepProgress& step : task.steps) {
      if (step.started != 0 && (first == 0 || step.started < first))
        first = step.started;
    }
  }
  return first;
}

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

} // namespace

// One reconcile of one run.
class Reconciler::Pass {
public:
  Pass(Reconciler& shell, const RunKey& key, CustomRun run, std::stop_token stop)
      : m_shell(shell), m_key(key), m_stop(std::move(stop)) {
    m_world.agent_image = m_shell.m_settings.agent_image;
    take_run(std::move(run));
  }

  Reconciled go() {
    for (int step = 0; step < most_steps && !m_stop.stop_requested(); ++step) {
      m_world.now = m_shell.m_clock();
      look_at_journal();
      const Next next = decide(m_world);
      if (const auto over = perform(next))
        return earlier(*over, clean_pods());
    }
    return {Reconciled::Kind::try_again, 0, true};
  }

  // See to the pods of earlier attempts, and of runs that are done.
  Reconciled clean_pods() {
    Reconciled result;
    const std::int64_t now = m_shell.m_clock();
    for (const Json& pod : m_shell.m_cache.pods_of(m_key, m_world.run.uid)) {
      const Next next = clean_up(m_world.run, pod, now, m_world.agent_image);
      if (const auto* wait = std::get_if<next::Wait>(&next))
        result = earlier(result, {Reconciled::Kind::wait, wait->until});
      if (const auto* patch = std::get_if<next::PatchPod>(&next)) {
        const auto patched = m_shell.m_api.patch(kube::pods, key_of(pod), kube::PatchType::json,
                                                 patch->patch, m_stop);
        if (patched)
          emit(patch->events);
        else if (patched.error().kind != ApiError::Kind::not_found)
          result = earlier(result, *failed("Could not patch the pod", patched.error()));
      }
      if (const auto* remove = std::get_if<next::DeletePod>(&next)) {
        // It may have begun, even ended, since: then its log is worth keeping.
        const auto fresh = m_shell.m_api.get(kube::pods, key_of(pod), m_stop);
        if (!fresh && fresh.error().kind == ApiError::Kind::not_found)
          continue;
        if (fresh
            && !std::holds_alternative<next::DeletePod>(
                clean_up(m_world.run, *fresh, now, m_world.agent_image)))
          continue; // what the cache will say of it, too
        if (!fresh)
          result = earlier(result, *failed("Could not read the pod", fresh.error()));
        else if (const auto error = remove_pod(remove->name, remove->uid))
          result = earlier(result, *failed("Could not delete the pod", *error));
      }
    }
    return result;
  }

private:
  static Reconciled earlier(const Reconciled& one, const Reconciled& other) {
    using Kind = Reconciled::Kind;
    if (one.kind == Kind::try_again || other.kind == Kind::try_again)
      return {Kind::try_again, 0, one.failed || other.failed};
    if (one.kind == Kind::settled)
      return other;
    if (other.kind == Kind::settled)
      return one;
    return {Kind::wait, std::min(one.until, other.until)};
  }

  static kube::ObjectKey key_of(const Json& object) {
    const Json& metadata = object_at(object, "metadata");
    return {text_at(metadata, "namespace"), text_at(metadata, "name")};
  }

  kube::ObjectKey pod_key() const {
    const CustomRun& run = m_world.run;
    return {run.key.namespace_name, run.pod_name().empty() ? pod_name_of(run) : run.pod_name()};
  }

  // Look at the run anew: everything that hangs on its attempt is forgotten.
  void take_run(CustomRun run) {
    const bool same_attempt = m_world.run.uid == run.uid
                              && m_world.run.attempts_over == run.attempts_over
                              && m_world.run.pod_replacements() == run.pod_replacements();
    m_world.run = std::move(run);
    m_world.last_write = m_shell.remembered(m_world.run.uid).last_write;
    if (same_attempt)
      return;
    m_world.preparation.reset();
    m_world.pod = {false, m_shell.m_cache.pod(pod_key())};
  }

  void look_at_journal() {
    m_world.journal = {};
    if (m_world.run.done() || m_world.run.pod_uid().empty())
      return;
    const std::string uid = m_world.run.pod_uid();
    if (m_world.pod.pod && uid_of(*m_world.pod.pod) == uid) {
      const PodView pod(*m_world.pod.pod);
      if (pod.coordinator().state == ContainerView::State::running
          && !m_shell.m_journals.follow(pod_key(), uid))
        m_shell.m_journals.read(pod_key(), uid, false, m_stop); // too many are followed
      m_shell.remember_pod(m_world.run.uid, uid);
    }
    m_world.journal = m_shell.m_journals.journal(uid);
    measure_first_step();
  }

  // Tell how long the run waited for its first step: once, by the process that leads meanwhile.
  void measure_first_step() {
    const CustomRun& run = m_world.run;
    if (run.attempts_over > 0 || m_shell.remembered(run.uid).step_ran)
      return;
    const std::int64_t started = first_step_started(m_world.journal.progress);
    if (started == 0)
      return;
    m_shell.remember_step(run.uid);
    if (started >= m_shell.m_begun)
      m_shell.m_metrics.first_step_started(std::chrono::milliseconds(started - created()));
  }

  std::int64_t created() const {
    const Json& metadata = object_at(m_world.run.object, "metadata");
    return created_at(parse_time(text_at(metadata, "creationTimestamp")).value_or(0),
                      m_shell.remembered(m_world.run.uid).first_seen);
  }

  // Do one thing. Nothing returned: ask again.
  std::optional<Reconciled> perform(const Next& next) {
    return std::visit(
        Overloaded{
            [](const next::Nothing&) -> std::optional<Reconciled> { return Reconciled{}; },
            [](const next::Wait& wait) -> std::optional<Reconciled> {
              return Reconciled{Reconciled::Kind::wait, wait.until};
            },
            [&](const next::ReadRun&) { return read_run(); },
            [&](const next::ReadPod&) { return read_pod(); },
            [&](const next::ReadOwner&) { return read_owner(); },
            [&](const next::ReadJournal&) { return read_journal(); },
            [&](const next::Prepare&) { return prepare(); },
            [&](const next::WriteStatus& write) { return write_status(write); },
            [&](const next::CreateObject& create) { return create_object(create); },
            [&](const next::CreatePod& create) { return create_pod(create.pod); },
            [&](const next::PatchPod& patch) { return patch_pod(patch); },
            [&](const next::DeletePod& remove) { return delete_pod(remove); },
        },
        next);
  }

  // Write a line of the log about this run, with what names it first (docs/logging.md).
  void say(log::Level level, std::string_view message, const log::Pairs& pairs = {}) const {
    const CustomRun& run = m_world.run;
    TraceContext trace = trace_of_run(run);
    if (trace.empty() && m_world.pod.pod)
      trace = trace_of_pod(*m_world.pod.pod);
    const bool has_pod = m_world.pod.pod.has_value();
    log::Pairs all{{"namespace", run.key.namespace_name},
                   {"run", run.key.name},
                   {"uid", run.uid},
                   {"pod", has_pod ? key_of(*m_world.pod.pod).name : run.pod_name()},
                   {"podUID", has_pod ? uid_of(*m_world.pod.pod) : run.pod_uid()},
                   {"traceID", trace.trace_id()}};
    all.insert(all.end(), pairs.begin(), pairs.end());
    log::write(level, message, all);
  }

  std::optional<Reconciled> failed(const char* what, const ApiError& error) {
    if (m_stop.stop_requested())
      return Reconciled{};
    // Somebody else wrote first: the cache will tell what.
    const bool usual = error.kind == ApiError::Kind::conflict;
    say(usual ? log::Level::debug : log::Level::warning, what,
        {{"code", std::to_string(error.code)}, {"error", error.message}});
    return Reconciled{Reconciled::Kind::try_again, 0, !usual};
  }

  std::optional<Reconciled> read_run() {
    auto object = m_shell.m_api.get(resource_of(m_key.kind), m_key.object, m_stop);
    if (!object && object.error().kind == ApiError::Kind::not_found)
      return Reconciled{};
    if (!object)
      return failed("Could not read the run", object.error());
    return see_run(*object);
  }

  std::optional<Reconciled> see_run(const Json& object) {
    auto run = custom_run_of(object);
    if (!run || run->uid != m_world.run.uid)
      return Reconciled{}; // another one under its name; its own event tells
    m_world.run_confirmed = true;
    take_run(std::move(*run));
    return std::nullopt;
  }

  std::optional<Reconciled> read_pod() {
    auto pod = m_shell.m_api.get(kube::pods, pod_key(), m_stop);
    if (!pod && pod.error().kind != ApiError::Kind::not_found)
      return failed("Could not read the pod", pod.error());
    m_world.pod = {true, pod ? std::optional(std::move(*pod)) : std::nullopt};
    return std::nullopt;
  }

  std::optional<Reconciled> read_owner() {
    auto wanted = m_shell.m_preparer.finally_wanted(m_world.run, m_stop);
    if (!wanted)
      return failed("Could not read the PipelineRun", wanted.error());
    m_world.finally_wanted = *wanted;
    return std::nullopt;
  }

  std::optional<Reconciled> read_journal() {
    const std::string uid = m_world.run.pod_uid();
    m_shell.m_journals.read(pod_key(), uid, true, m_stop);
    const PodJournal journal = m_shell.m_journals.journal(uid);
    if (journal.read_to_end || journal.unreadable)
      return std::nullopt;
    return Reconciled{Reconciled::Kind::wait, m_world.now + journal_pause};
  }

  std::optional<Reconciled> prepare() {
    auto preparation = m_shell.m_preparer.prepare(m_world.run, m_stop);
    if (!preparation)
      return failed("Could not read what the run needs", preparation.error());
    m_world.preparation = std::move(*preparation);
    return std::nullopt;
  }

  std::optional<Reconciled> write_status(const next::WriteStatus& write) {
    Json object = m_world.run.object;
    object["status"] = write.status;
    auto written = m_shell.m_api.replace_status(resource_of(m_key.kind), object, m_stop);
    if (!written && written.error().kind == ApiError::Kind::not_found)
      return Reconciled{};
    if (!written)
      return failed("Could not write the status", written.error());
    m_shell.remember_write(m_world.run.uid, m_world.now);
    emit(write.events);
    measure(write.status);
    const Json& condition = write.status["conditions"][0];
    say(log::Level::info, "Wrote the status",
        {{"succeeded", text_at(condition, "status")}, {"reason", text_at(condition, "reason")}});
    return see_run(*written);
  }

  // Count what a status that was written says has ended.
  void measure(const Json& status) const {
    const CustomRun& before = m_world.run;
    const Json& condition = status["conditions"][0];
    const bool done = text_at(condition, "status") != "Unknown";
    if (done || array_at(status, "retriesStatus").size() > before.attempts_over) {
      const auto outline = m_world.pod.pod ? outline_of(*m_world.pod.pod) : Outline();
      m_shell.m_metrics.attempt_ended(m_world.journal.progress, outline.value_or(Outline()));
    }
    if (done)
      m_shell.m_metrics.run_ended(text_at(condition, "status") == "True",
                                  text_at(condition, "reason"),
                                  std::chrono::milliseconds(m_world.now - created()));
    if (integer_at(object_at(status, "extraFields"), "podReplacements") > before.pod_replacements())
      m_shell.m_metrics.pod_replaced();
  }

  void emit(const std::vector<RunEvent>& events) const {
    for (const RunEvent& event : events)
      m_shell.m_events(m_world.run.object, event);
  }

  std::optional<Reconciled> create_object(const next::CreateObject& create) {
    auto created = m_shell.m_api.create(create.resource, create.object, m_stop);
    if (!created && created.error().kind != ApiError::Kind::already_exists) {
      if (is_refusal(created.error()))
        return refuse(run_reason::pod_creation, created.error(), text_at(create.object, "kind"));
      return failed("Could not create what the pod needs", created.error());
    }
    auto& objects = m_world.preparation->objects;
    objects.erase(objects.begin());
    return std::nullopt;
  }

  // The API server will not have it, now or later: the run has failed.
  std::optional<Reconciled> refuse(std::string_view reason, const ApiError& error,
                                   const std::string& kind) {
    m_world.preparation->reason = reason;
    m_world.preparation->message =
        fmt::format("The {} of this run was refused: {}", kind, error.message);
    return std::nullopt;
  }

  std::optional<Reconciled> create_pod(const Json& pod) {
    auto created = m_shell.m_api.create(kube::pods, pod, m_stop);
    if (created) {
      m_world.pod = {true, std::move(*created)};
      const bool is_first = m_world.run.attempts_over == 0 && m_world.run.pod_replacements() == 0;
      m_shell.m_metrics.pod_created(
          m_world.preparation->requests,
          is_first ? std::optional(std::chrono::milliseconds(m_shell.m_clock() - this->created()))
                   : std::nullopt);
      say(log::Level::info, "Created the pod");
      for (const std::string& warning : m_world.preparation->warnings)
        emit({{true, "TaskGroupWarning", warning}});
      // An API server drops fields that it does not know, or that are switched off.
      if (object_at(pod, "spec").contains("resources")
          && !object_at(*m_world.pod.pod, "spec").contains("resources"))
        emit({{true, "TaskGroupWarning",
               "`run.resources` is `pod`, but this cluster has no resources of pods (Kubernetes "
               "1.34): the containers ask for the peak, and their limits add up"}});
      return std::nullopt;
    }
    const ApiError& error = created.error();
    if (error.kind == ApiError::Kind::already_exists)
      return read_pod();
    if (over_quota(error))
      return wait_for_quota(error);
    if (error.kind == ApiError::Kind::forbidden)
      return refuse(run_reason::admission, error, "pod");
    if (is_refusal(error))
      return refuse(run_reason::pod_creation, error, "pod");
    return failed("Could not create the pod", error);
  }

  // As stock, which looks once a minute: the run waits until the quota has room, or its time is up.
  std::optional<Reconciled> wait_for_quota(const ApiError& error) {
    if (m_world.run.reason != run_reason::over_quota) {
      const Json status =
          waiting_status(m_world.run, run_reason::over_quota, error.message, m_world.now);
      if (const auto over =
              write_status({status, {{true, std::string(run_reason::over_quota), error.message}}}))
        return over;
    }
    return Reconciled{Reconciled::Kind::wait, m_world.now + quota_pause};
  }

  std::optional<Reconciled> patch_pod(const next::PatchPod& patch) {
    auto patched =
        m_shell.m_api.patch(kube::pods, pod_key(), kube::PatchType::json, patch.patch, m_stop);
    // A policy may refuse our image; what the coordinator is told must arrive all the same.
    if (const Json words = without_images(patch.patch);
        !patched && refused(patched.error()) && words.size() < patch.patch.size())
      patched = m_shell.m_api.patch(kube::pods, pod_key(), kube::PatchType::json, words, m_stop);
    if (!patched && patched.error().kind == ApiError::Kind::not_found)
      return read_pod();
    if (!patched)
      return failed("Could not patch the pod", patched.error());
    m_world.pod = {true, std::move(*patched)};
    say(log::Level::debug, "Patched the pod");
    emit(patch.events);
    return std::nullopt;
  }

  // Return why the pod could not be deleted; nothing: it is going, or gone.
  std::optional<ApiError> remove_pod(const std::string& name, const std::string& uid) {
    const auto removed =
        m_shell.m_api.remove(kube::pods, {m_world.run.key.namespace_name, name}, uid, m_stop);
    if (removed || removed.error().kind == ApiError::Kind::not_found
        || removed.error().kind == ApiError::Kind::conflict)
      return std::nullopt;
    return removed.error();
  }

  std::optional<Reconciled> delete_pod(const next::DeletePod& remove) {
    if (const auto error = remove_pod(remove.name, remove.uid))
      return failed("Could not delete the pod", *error);
    say(log::Level::info, "Deleted the pod");
    return read_pod();
  }

  Reconciler& m_shell;
  const RunKey& m_key;
  std::stop_token m_stop;
  World m_world;
};

Reconciled Reconciler::reconcile(const RunKey& key, std::stop_token stop) {
  const auto object = m_cache.run(key);
  auto run = object ? custom_run_of(*object) : std::nullopt;
  {
    const std::scoped_lock lock(m_mutex);
    const auto known = m_uids.find(key);
    const std::string uid = run ? run->uid : std::string();
    if (known != m_uids.end() && known->second != uid) {
      forget(known->second);
      m_uids.erase(known);
    }
    if (run)
      m_uids[key] = uid;
    if (run && !run->done()) {
      if (Memory& memory = m_memory[uid]; memory.first_seen == 0)
        memory.first_seen = m_clock();
    }
  }
  if (!run)
    return {};
  if (run->done()) {
    const std::scoped_lock lock(m_mutex);
    forget(run->uid);
  }
  return Pass(*this, key, std::move(*run), std::move(stop)).go();
}

Reconciler::Memory Reconciler::remembered(const std::string& uid) const {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_memory.find(uid);
  return found == m_memory.end() ? Memory{} : found->second;
}

void Reconciler::remember_write(const std::string& uid, std::int64_t time) {
  const std::scoped_lock lock(m_mutex);
  m_memory[uid].last_write = time;
}

void Reconciler::remember_pod(const std::string& uid, const std::string& pod_uid) {
  const std::scoped_lock lock(m_mutex);
  std::string& known = m_memory[uid].pod;
  if (known == pod_uid)
    return;
  if (!known.empty())
    m_journals.forget(known); // of an attempt that is over
  known = pod_uid;
}

void Reconciler::remember_step(const std::string& uid) {
  const std::scoped_lock lock(m_mutex);
  m_memory[uid].step_ran = true;
}

void Reconciler::forget(const std::string& uid) {
  const auto found = m_memory.find(uid);
  if (found == m_memory.end())
    return;
  if (!found->second.pod.empty())
    m_journals.forget(found->second.pod);
  m_memory.erase(found);
}

} // namespace taskgroup
