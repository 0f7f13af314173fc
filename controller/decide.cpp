// SPDX-License-Identifier: Apache-2.0
#include "controller/decide.h"

#include "controller/cleanup.h"
#include "controller/pod_control.h"
#include "controller/reasons.h"
#include "controller/run_status.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace taskgroup {

namespace {

// A pod that is being deleted has its grace period; a node that is gone never reports its end.
constexpr std::int64_t patience_with_nodes = 30'000;

// How long a pod may be about to start before the run says what keeps it.
constexpr std::int64_t patience_with_start = 10'000;

// docs/design/engine.md, "Time and cancel".
constexpr std::int64_t least_time_of_finally = 300'000;

// How long a coordinator that was told to cancel may take beyond the time of finally.
constexpr std::int64_t patience_with_cancel = 60'000;

RunEvent event_of(const Verdict& verdict) {
  return {!verdict.succeeded, verdict.reason, verdict.message};
}

// --- Ends ----------------------------------------------------------------------------------------

Verdict cancelled_verdict(const CustomRun& run) {
  return {false, cancelled_reason(run.kind),
          run.status_message.empty() ? fmt::format("\"{}\" was cancelled", run.key.name)
                                     : run.status_message,
          false};
}

Verdict timed_out_verdict(const CustomRun& run) {
  return {false, timed_out_reason(run.kind),
          fmt::format("\"{}\" did not finish within {}", run.key.name,
                      run.timeout.empty() ? "60m" : run.timeout),
          true};
}

std::string first_failure(const Progress& progress) {
  for (const TaskProgress& task : progress.tasks) {
    if (task.state != "Failed" || task.reason == "FailureIgnored")
      continue;
    std::string text = fmt::format("Task \"{}\" failed: {}", task.name, task.reason);
    if (!task.message.empty())
      text += fmt::format(": {}", task.message);
    return text + ". ";
  }
  return {};
}

// The journal has no room for results that no object of Kubernetes could hold.
Verdict omitted_verdict(const std::map<std::string, std::uint64_t>& omitted) {
  std::string names;
  for (const auto& [name, bytes] : omitted)
    names += fmt::format("{}\"{}\" has {} bytes", names.empty() ? "" : ", ", name, bytes);
  return {false, std::string(run_reason::results_too_large),
          fmt::format("Results of the group are larger than Kubernetes keeps: {}. Write large "
                      "content to a workspace and report where it is",
                      names),
          false};
}

// What the journal's last line says of the run.
Verdict journal_verdict(const World& world, const PodControl& control) {
  const Progress& progress = world.journal.progress;
  if (progress.state == "Succeeded" && !progress.omitted.empty())
    return omitted_verdict(progress.omitted);
  if (progress.state == "Succeeded")
    return {true, std::string(run_reason::succeeded), progress.message};
  if (progress.state == "Cancelled") {
    if (world.run.cancelled())
      return cancelled_verdict(world.run);
    if (control.cancel && control.cancel->timed_out)
      return timed_out_verdict(world.run);
    return {false, std::string(run_reason::pod_lost),
            "The pod was taken away while it ran. " + progress.message};
  }
  const std::string reason =
      progress.reason == "PipelineRunTimeout" ? timed_out_reason(world.run.kind) : progress.reason;
  return {false, reason.empty() ? std::string(run_reason::failed) : reason,
          first_failure(progress) + progress.message};
}

Json tasks_known(const World& world) {
  if (!world.pod.pod)
    return array_at(world.run.extra, "tasks");
  const auto outline = outline_of(*world.pod.pod);
  if (!outline || world.journal.progress.lines == 0)
    return array_at(world.run.extra, "tasks");
  const PodView view(*world.pod.pod);
  return tasks_of(world.journal.progress, *outline, &view);
}

// The attempt is over: another one follows, or the run is over too.
Next finish(const World& world, const Verdict& verdict) {
  const CustomRun& run = world.run;
  const auto& results = world.journal.progress.results;
  const bool again =
      !verdict.succeeded && verdict.may_retry && !run.cancelled()
      && run.attempts_over < static_cast<std::size_t>(std::max<std::int64_t>(run.retries, 0));
  if (again) {
    RunEvent event = event_of(verdict);
    event.note += ". Another attempt follows";
    return next::WriteStatus{retry_status(run, verdict, results, tasks_known(world), world.now),
                             {event}};
  }
  Json status = final_status(run, verdict, results, tasks_known(world), world.now);
  const Json& condition = status["conditions"][0];
  return next::WriteStatus{status,
                           {{text_at(condition, "status") != "True", text_at(condition, "reason"),
                             text_at(condition, "message")}}};
}

// --- The clock -----------------------------------------------------------------------------------

std::optional<std::int64_t> deadline_of(const CustomRun& run) {
  const auto timeout = timeout_of(run);
  if (!timeout)
    return std::nullopt;
  return run.started + *timeout;
}

bool timed_out(const World& world) {
  const auto deadline = deadline_of(world.run);
  return deadline && world.now >= *deadline;
}

// Wait until the earliest of these; 0 counts for nothing.
Next wait_for(const World& world, std::initializer_list<std::int64_t> times) {
  std::int64_t until = deadline_of(world.run).value_or(0);
  if (until <= world.now)
    until = 0; // it has passed, and was dealt with
  for (const std::int64_t time : times) {
    if (time > 0 && (until == 0 || time < until))
      until = time;
  }
  if (until == 0)
    return next::Nothing{};
  return next::Wait{until};
}

// --- Before there is a pod -----------------------------------------------------------------------

Next begin(const World& world) {
  const CustomRun& run = world.run;
  if (const SpecError error = spec_error(run); !error.message.empty())
    return finish(world, {false, std::string(error.reason), error.message, false});
  // There is no pod yet: none is made before this status is written (contract.md 14: 20).
  if (run.cancelled() && run.attempts_over == 0)
    return finish(world, cancelled_verdict(run));
  return next::WriteStatus{started_status(run, world.now), {}};
}

Next record_pod(const World& world) {
  const PodView pod(*world.pod.pod);
  if (!pod.owned_by(world.run.uid)) {
    return finish(world, {false, std::string(run_reason::pod_creation),
                          fmt::format("There is a pod \"{}\" that does not belong to this run. "
                                      "Delete it, or give the run another name",
                                      pod.name()),
                          false});
  }
  return next::WriteStatus{running_status(world.run, pod.name(), pod.uid(), world.now), {}};
}

Next launch(const World& world) {
  const CustomRun& run = world.run;
  if (world.pod.pod)
    return record_pod(world);
  const bool over = run.cancelled() || timed_out(world);
  if (over && !world.pod.confirmed)
    return next::ReadPod{};
  if (run.cancelled())
    return finish(world, cancelled_verdict(run));
  if (over)
    return finish(world, timed_out_verdict(run));
  if (!world.preparation)
    return next::Prepare{};
  const Preparation& made = *world.preparation;
  if (!made.reason.empty())
    return finish(world, {false, made.reason, made.message, false});
  // A cache may not know yet that a pod was recorded, and is gone: that attempt is over.
  if (!world.run_confirmed)
    return next::ReadRun{};
  if (!made.objects.empty())
    return next::CreateObject{made.objects.front().first, made.objects.front().second};
  return next::CreatePod{made.pod};
}

// --- While there is a pod ------------------------------------------------------------------------

// The recorded pod is not there.
Next without_pod(const World& world) {
  if (!world.pod.confirmed)
    return next::ReadPod{};
  if (world.journal.progress.ended)
    return finish(world, journal_verdict(world, PodControl{}));
  if (world.run.cancelled())
    return finish(world, cancelled_verdict(world.run));
  if (timed_out(world))
    return finish(world, timed_out_verdict(world.run));
  return finish(world, {false, std::string(run_reason::pod_lost),
                        fmt::format("The pod \"{}\" is gone before its end was known. It is not "
                                    "started again within one attempt; `retries` of the task make "
                                    "new ones",
                                    world.run.pod_name())});
}

// A task of this attempt was begun, by the journal or by what the run's status holds of it.
bool any_task_started(const World& world) {
  const auto& tasks = world.journal.progress.tasks;
  const Json& recorded = array_at(world.run.extra, "tasks");
  return std::any_of(tasks.begin(), tasks.end(),
                     [](const TaskProgress& task) { return task.attempts > 0; })
         || std::any_of(recorded.begin(), recorded.end(),
                        [](const Json& task) { return integer_at(task, "attempts") > 0; });
}

// The pod cannot come to anything: no step was started, and none will be.
bool never_started(const World& world, const PodView& pod) {
  // A coordinator that came too late for its hook may have begun a task that nobody carried out.
  if (pod.coordinator().ever_ran && pod.all_came_too_late())
    return true;
  // What was heard once stays true: kubelet that rejects a pod after a restart of its node, drops
  // what the pod's status said of its containers.
  if (any_task_started(world))
    return false;
  const ContainerView& coordinator = pod.coordinator();
  if (!coordinator.ever_ran) {
    // kubelet goes on where the first container cannot be started: the agent is not there then.
    return pod.over()
           || std::any_of(pod.others().begin(), pod.others().end(), [](const ContainerView& other) {
                return other.state == ContainerView::State::terminated;
              });
  }
  return world.journal.progress.lines > 0 || !pod.any_step_ran();
}

std::string why_never_started(const PodView& pod) {
  if (!pod.reason().empty())
    return fmt::format("{}: {}", pod.reason(), pod.message());
  const ContainerView& coordinator = pod.coordinator();
  if (coordinator.state == ContainerView::State::terminated)
    return fmt::format("the coordinator ended with exit code {} ({}) {}", coordinator.exit_code,
                       coordinator.reason, coordinator.message);
  if (!coordinator.reason.empty())
    return fmt::format("the coordinator waits: {}: {}", coordinator.reason, coordinator.message);
  return "its containers could not be started";
}

Next replace_pod(const World& world, const PodView& pod) {
  const std::string why = why_never_started(pod);
  if (world.run.pod_replacements() >= max_pod_replacements) {
    return finish(world,
                  {false, std::string(run_reason::pod_never_started),
                   fmt::format("No step of pod \"{}\" was ever started, nor of the {} before "
                               "it: {}",
                               pod.name(), max_pod_replacements, why)});
  }
  return next::WriteStatus{
      replaced_status(world.run,
                      fmt::format("No step of pod \"{}\" was started ({}). Another pod "
                                  "takes its place",
                                  pod.name(), why),
                      world.now),
      {{true, "PodReplaced", fmt::format("Pod \"{}\": {}", pod.name(), why)}}};
}

// The coordinator has ended, or the whole pod, and the journal has no end.
Next without_end(const World& world, const PodView& pod, const Outline& outline,
                 const PodControl& control) {
  if (world.run.cancelled())
    return finish(world, cancelled_verdict(world.run));
  if (control.cancel && control.cancel->timed_out)
    return finish(world, timed_out_verdict(world.run));
  if (pod.reason() == "Evicted" || pod.reason() == "Preempting" || pod.reason() == "NodeLost"
      || pod.reason() == "Terminated" || pod.reason() == "NodeShutdown")
    return finish(world, {false, std::string(run_reason::pod_lost),
                          fmt::format("The pod \"{}\" was taken away: {}: {}", pod.name(),
                                      pod.reason(), pod.message())});

  const bool coordinator_spoke = !pod.termination_message().empty();
  if (pod.terminating() && !coordinator_spoke)
    return finish(world,
                  {false, std::string(run_reason::pod_lost),
                   fmt::format("The pod \"{}\" was deleted while it ran, and its grace period "
                               "ended before its tasks did",
                               pod.name())});

  const Json said = Json::parse(pod.termination_message(), nullptr, false);
  if (const std::string state = text_at(said, "state"); !state.empty()) {
    // The coordinator came to its end, only its journal is gone.
    if (state == "Succeeded" && outline.results.empty())
      return finish(world, {true, std::string(run_reason::succeeded),
                            fmt::format("{} tasks succeeded", integer_at(said, "succeeded"))});
    if (state == "Succeeded")
      return finish(world, {false, std::string(run_reason::journal_lost),
                            fmt::format("The group has succeeded, but the log of pod \"{}\", which "
                                        "holds its {} results, cannot be read",
                                        pod.name(), outline.results.size())});
    const std::string first = text_at(said, "first");
    return finish(
        world, {false, text_at(said, "reason"),
                first.empty()
                    ? fmt::format("The group is {}; the log of its pod cannot be read", state)
                    : fmt::format("Task \"{}\" failed; the log of the pod cannot be read", first)});
  }
  if (const ContainerView& coordinator = pod.coordinator();
      coordinator.state == ContainerView::State::terminated)
    return finish(world,
                  {false, std::string(run_reason::coordinator_lost),
                   fmt::format("{}The coordinator of pod \"{}\" ended with exit code {} ({}) "
                               "before its tasks did",
                               first_failure(world.journal.progress), pod.name(),
                               coordinator.exit_code, coordinator.reason)});
  return finish(world, {false, std::string(run_reason::pod_lost),
                        fmt::format("The pod \"{}\" is {} ({}: {}) and says nothing of its tasks",
                                    pod.name(), pod.phase(), pod.reason(), pod.message())});
}

bool is_step(const Outline& outline, const std::string& container) {
  for (const Outline::Task& task : outline.tasks) {
    for (const Outline::Step& step : containers_of(task)) {
      if (step.container == container)
        return true;
    }
  }
  return false;
}

// A step's container ends after its task, unless its agent never came to the coordinator, or is
// gone, which the coordinator sees itself. Return when one that has ended counts as lost; 0: never.
std::int64_t lost_at(const World& world, const Outline& outline, const ContainerView& container) {
  constexpr std::int64_t patience_with_journal = 5'000;
  const Progress& progress = world.journal.progress;
  if (container.state != ContainerView::State::terminated || !container.ever_ran
      || progress.lines == 0)
    return 0;
  for (const Outline::Task& task : outline.tasks) {
    const std::vector<Outline::Step> containers = containers_of(task);
    if (std::none_of(containers.begin(), containers.end(),
                     [&](const Outline::Step& step) { return step.container == container.name; }))
      continue;
    const bool over =
        std::any_of(progress.tasks.begin(), progress.tasks.end(), [&](const TaskProgress& heard) {
          return heard.name == task.name && heard.finished != 0;
        });
    const bool ends_by_itself =
        std::any_of(task.sidecars.begin(), task.sidecars.end(), [&](const Outline::Step& sidecar) {
          return sidecar.from_start && sidecar.container == container.name;
        });
    return over || ends_by_itself ? 0 : container.finished + patience_with_journal;
  }
  return 0;
}

// Say what kubelet knows of sidecars that started with the pod, and give those whose tasks are over
// the agent's image: kubelet then ends them (pkg/pod/entrypoint.go, StopSidecars()).
void see_to_sidecars(const World& world, const PodView& pod, const Outline& outline,
                     PodControl& control, Json& patch) {
  for (const Outline::Task& task : outline.tasks) {
    const auto& heard = world.journal.progress.tasks;
    const bool over = std::any_of(heard.begin(), heard.end(), [&](const TaskProgress& one) {
      return one.name == task.name && one.finished != 0;
    });
    for (const Outline::Step& sidecar : task.sidecars) {
      const auto view =
          std::find_if(pod.others().begin(), pod.others().end(),
                       [&](const ContainerView& one) { return one.name == sidecar.container; });
      if (!sidecar.from_start || view == pod.others().end())
        continue;
      if (over) {
        if (view->state == ContainerView::State::running
            && pod.image_of(sidecar.container) != world.agent_image)
          add_image(patch, pod, sidecar.container, world.agent_image);
        continue;
      }
      PodControl::Sidecar& told = control.sidecars[sidecar.container];
      told.ready = told.ready || (view->state == ContainerView::State::running && view->ready);
      if (view->state == ContainerView::State::terminated && view->ever_ran) {
        told.exit_code = view->exit_code;
        told.out_of_memory = view->reason == "OOMKilled";
      }
    }
  }
}

// Return when the next container that has ended counts as lost; 0: none does.
std::int64_t next_lost_at(const World& world, const PodView& pod, const Outline& outline,
                          const PodControl& told) {
  std::int64_t next = 0;
  for (const ContainerView& container : pod.others()) {
    const std::int64_t at =
        told.lost.contains(container.name) ? 0 : lost_at(world, outline, container);
    if (at > 0 && (next == 0 || at < next))
      next = at;
  }
  return next;
}

// Tell the coordinator what it cannot see: containers that will not start, those that have ended
// before they came to it, and a cancel.
std::optional<Next> tell_coordinator(const World& world, const PodView& pod, const Outline& outline,
                                     const PodControl& told) {
  PodControl control = told;
  Json patch = patch_for(pod);
  std::vector<RunEvent> events;
  for (const auto& [container, lost] : pod.lost()) {
    if (!is_step(outline, container) || control.lost.contains(container))
      continue;
    control.lost[container] = {lost.reason, lost.message};
    // With the agent's image it starts, hears that its task is over, and the pod can end.
    if (lost.waiting)
      add_image(patch, pod, container, world.agent_image);
    events.push_back(
        {true, lost.reason,
         fmt::format("Container \"{}\" of pod \"{}\": {}", container, pod.name(), lost.message)});
  }
  for (const ContainerView& container : pod.others()) {
    const std::int64_t at = lost_at(world, outline, container);
    if (at == 0 || world.now < at || control.lost.contains(container.name))
      continue;
    control.lost[container.name] = {
        container.reason == "OOMKilled" ? container.reason : "ContainerLost",
        fmt::format("container \"{}\" ended with exit code {} ({}) before its task did",
                    container.name, container.exit_code, container.reason)};
  }
  const std::size_t before_images = patch.size();
  see_to_sidecars(world, pod, outline, control, patch);
  const bool new_images = patch.size() > before_images;
  if (!control.cancel && (world.run.cancelled() || timed_out(world))) {
    const bool by_timer = !world.run.cancelled();
    if (!by_timer && !world.run.pipeline_run.empty() && !world.finally_wanted)
      return next::ReadOwner{};
    control.cancel = PodControl::Cancel{
        by_timer ? timed_out_verdict(world.run).message : cancelled_verdict(world.run).message,
        by_timer || world.finally_wanted.value_or(true), by_timer, world.now};
  }
  const bool news = control.lost.size() != told.lost.size()
                    || control.cancel.has_value() != told.cancel.has_value()
                    || control.sidecars != told.sidecars;
  if (!news && !new_images)
    return std::nullopt;
  ++control.seq;
  add_control(patch, control);
  return next::PatchPod{patch, events};
}

// When a pod that was told to cancel must be over; 0: not told, or without limit.
std::int64_t cancel_deadline(const World& world, const PodControl& control,
                             const Outline& outline) {
  if (!control.cancel)
    return 0;
  const std::int64_t at = control.cancel->at;
  if (!control.cancel->run_finally)
    return at + patience_with_cancel;
  if (outline.finally_timeout)
    return at + outline.finally_timeout->count() + patience_with_cancel;
  const auto deadline = deadline_of(world.run);
  if (!deadline)
    return 0;
  // The engine gives finally the rest of the whole, and five minutes at least.
  return std::max(*deadline, at + least_time_of_finally) + patience_with_cancel;
}

// Count the steps of a task that breakpoints hold.
std::size_t count_held(const Json& task) {
  const Json& steps = array_at(task, "steps");
  return static_cast<std::size_t>(std::count_if(
      steps.begin(), steps.end(), [](const Json& step) { return step.contains("paused"); }));
}

// The states alone, without times and messages; and which steps are held.
std::vector<std::string> states_of(const Json& tasks) {
  std::vector<std::string> states;
  for (const Json& task : tasks) {
    states.push_back(fmt::format("{}/{}", text_at(task, "state"), integer_at(task, "attempts")));
    for (const Json& step : array_at(task, "steps"))
      states.push_back(text_at(step, "paused"));
  }
  return states;
}

// When changed states are to be written: not sooner than two seconds after the last write, and not
// while they change from one moment to the next, for the end may be one of the next moments.
std::int64_t live_status_due(const World& world) {
  const std::int64_t earliest = world.last_write + live_status_interval;
  std::int64_t newest = 0; // by the coordinator's clock, which may differ from ours
  for (const TaskProgress& task : world.journal.progress.tasks)
    newest = std::max({newest, task.started, task.finished});
  const std::int64_t settled = std::min(newest, world.now) + live_status_settling;
  return std::clamp(settled, earliest, earliest + live_status_interval);
}

// Report what goes on, if anything did, and wait.
Next watch(const World& world, const PodView& pod, const Outline& outline,
           const PodControl& control) {
  const std::int64_t cancel_by = cancel_deadline(world, control, outline);
  const std::int64_t lost_by = pod.terminating() ? pod.gone_by() + patience_with_nodes : 0;
  const std::int64_t silent_by = next_lost_at(world, pod, outline, control);
  if (world.journal.progress.lines > 0) {
    Json tasks = tasks_of(world.journal.progress, outline, &pod);
    const std::vector<std::string> states = states_of(tasks);
    const bool quiet = std::all_of(states.begin(), states.end(), [](const std::string& state) {
      return state.starts_with("Pending");
    });
    if (!quiet && states != states_of(array_at(world.run.extra, "tasks"))) {
      const std::int64_t due = live_status_due(world);
      if (world.now < due)
        return wait_for(world, {due, cancel_by, lost_by, silent_by});
      const auto done = std::count_if(tasks.begin(), tasks.end(), [](const Json& task) {
        const std::string state = text_at(task, "state");
        return state != "Pending" && state != "Running";
      });
      std::string message =
          fmt::format("Running in pod \"{}\": {} of {} tasks done", pod.name(), done, tasks.size());
      std::size_t held = 0;
      for (const Json& task : tasks)
        held += count_held(task);
      if (held > 0)
        message += fmt::format(", {} step{} held at a breakpoint", held, held == 1 ? "" : "s");
      return next::WriteStatus{live_status(world.run, tasks, message, world.now), {}};
    }
    return wait_for(world, {cancel_by, lost_by, silent_by});
  }
  // Nothing heard: say what keeps the pod, once it takes long.
  if (const std::string obstacle = pod.obstacle(); !obstacle.empty()) {
    const std::string message = fmt::format("Pod \"{}\" waits: {}", pod.name(), obstacle);
    const Json& conditions = array_at(object_at(world.run.object, "status"), "conditions");
    const bool said = !conditions.empty() && text_at(conditions[0], "message") == message;
    const std::int64_t due = std::max(world.run.started, world.last_write) + patience_with_start;
    if (!said && world.now >= due)
      return next::WriteStatus{waiting_status(world.run, "Pending", message, world.now), {}};
    if (!said)
      return wait_for(world, {due, cancel_by, lost_by, silent_by});
  }
  return wait_for(world, {cancel_by, lost_by, silent_by});
}

Next follow(const World& world) {
  const CustomRun& run = world.run;
  if (!world.pod.pod || PodView(*world.pod.pod).uid() != run.pod_uid())
    return without_pod(world);
  const PodView pod(*world.pod.pod);
  const PodControl control = control_of(*world.pod.pod);
  const auto outline = outline_of(*world.pod.pod);
  if (!outline)
    return finish(world, {false, std::string(run_reason::journal_version), outline.error(), false});

  if (world.journal.progress.ended) {
    const Json& annotations = object_at(object_at(*world.pod.pod, "metadata"), "annotations");
    if (text_at(annotations, done_annotation) == "Pod" && !pod.over() && !pod.terminating()) {
      // What the pod holds counts somewhere until it is over; a foreign container may never end.
      const ContainerView& ended = pod.coordinator();
      if (ended.state != ContainerView::State::terminated || ended.finished == 0)
        return next::Nothing{};
      return end_pod(*world.pod.pod, ended.finished, world.now, world.agent_image);
    }
    return finish(world, journal_verdict(world, control));
  }
  if (!world.journal.error.empty())
    return finish(world,
                  {false, std::string(run_reason::journal_version), world.journal.error, false});

  const bool stop = run.cancelled() || timed_out(world);
  const ContainerView& coordinator = pod.coordinator();
  const bool over = pod.over() || coordinator.state == ContainerView::State::terminated;
  if (over && coordinator.ever_ran && !world.journal.read_to_end && !world.journal.unreadable)
    return next::ReadJournal{};
  if (!stop && (over || !coordinator.ever_ran) && never_started(world, pod)) {
    if (!pod.over() && !world.pod.confirmed)
      return next::ReadPod{}; // it may have begun since
    return replace_pod(world, pod);
  }
  if (over)
    return without_end(world, pod, *outline, control);
  if (stop && !coordinator.ever_ran) {
    if (!world.pod.confirmed)
      return next::ReadPod{}; // it may have begun behind the cache
    if (!pod.terminating())
      return next::DeletePod{pod.name(), pod.uid()};
    return finish(world, run.cancelled() ? cancelled_verdict(run) : timed_out_verdict(run));
  }
  if (pod.terminating() && world.now >= pod.gone_by() + patience_with_nodes)
    return finish(world, {false, std::string(run_reason::pod_lost),
                          fmt::format("The pod \"{}\" was deleted, and its node does not answer",
                                      pod.name())});
  if (auto told = tell_coordinator(world, pod, *outline, control))
    return *told;
  if (const std::int64_t by = cancel_deadline(world, control, *outline);
      by > 0 && world.now >= by && !end_forced(*world.pod.pod)) {
    Json patch = patch_for(pod);
    add_forced_end(patch);
    return next::PatchPod{
        patch,
        {{true, "PodForcedToEnd",
          fmt::format("Pod \"{}\" did not end after it was cancelled", pod.name())}}};
  }
  return watch(world, pod, *outline, control);
}

} // namespace

Next decide(const World& world) {
  const CustomRun& run = world.run;
  if (run.done() || run.deleted)
    return next::Nothing{};
  if (run.succeeded.empty() || run.started == 0)
    return begin(world);
  if (run.pod_uid().empty())
    return launch(world);
  return follow(world);
}

} // namespace taskgroup
