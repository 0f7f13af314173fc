#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Break the engine one rule at a time and see that the tests notice.

Each mutant replaces one fragment of one source file in a scratch copy, builds core_run_test there
and expects it to fail. `make mutants` runs all of them, `core/run/mutants.py WORD...` those whose
rule contains a word.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_SECONDS = 120  # a mutant that hangs is caught, too

# (file in core/run, fragment that occurs exactly once, what replaces it, the rule it breaks)
MUTANTS = [
    # --- Order ---
    ("decision.cpp", "if (!std::all_of(plan.after.begin()",
     "if (false && !std::all_of(plan.after.begin()",
     "a task starts only when all before it are done"),
    ("decision.cpp", "if (!run.finally_began) {", "if (false) {",
     "finally waits for the DAG"),
    ("engine.cpp", "run.finally_began || !run.all_done(false)", "run.finally_began",
     "finally begins when every DAG task is done"),
    ("engine.cpp", "running >= run.plan.max_parallel", "false",
     "maxParallel holds"),
    ("run.cpp", "return task.outcome.state == TaskState::running;",
     "return task.outcome.state == TaskState::running && !task.resetting;",
     "a task between two attempts counts as running"),
    ("engine.cpp", "event.exit_code != 0 && (!task->carries_on ||", "event.exit_code != 0 && (true ||",
     "a step's onError: continue lets it fail"),
    ("engine.cpp", "if (!event.start_error.empty()) {", "if (false) {",
     "a step that cannot start fails whatever its onError"),
    ("engine.cpp", "if (event.exit_code != 0 && event.out_of_memory) {", "if (false) {",
     "a step out of memory fails whatever its onError"),
    ("engine.cpp", "if (event.exit_code != 0 && event.out_of_memory) {",
     "if (event.out_of_memory) {", "a step that ends well need not mind its memory"),
    ("task_moves.cpp", "|| reason == task_reason::step_out_of_memory", "",
     "a task's onError: continue ignores a step out of memory, too"),
    # --- Breakpoints ---
    ("engine.cpp", "|| event.marked_failed)", ")",
     "a step marked as failed at a breakpoint fails whatever its onError"),
    ("breakpoints.cpp", "task->step_deadline.reset();", "",
     "a step's time does not count while a breakpoint holds it"),
    ("breakpoints.cpp", "|| task->stop != Stop::none", "",
     "a step that is being stopped is not reported as held"),
    ("breakpoints.cpp", "!step_of(task).pause_on_failure", "true",
     "later steps run where failures are held"),
    ("breakpoints.cpp", "if (!it.step_failure) {", "if (true) {",
     "the first failure is the task's message"),
    ("breakpoints.cpp", "it.stop = Stop::none;", "",
     "a step that exceeded its timeout keeps no later one from running"),
    ("task_moves.cpp", "it.step_failure.reset();", "",
     "an attempt begins without the failure of the one before"),
    # --- Skips ---
    ("decision.cpp", "if (run.stopping) {", "if (false) {",
     "after a failure no DAG task starts"),
    ("decision.cpp", "if (run.cancelled) {", "if (false) {",
     "after cancel no DAG task starts"),
    ("decision.cpp", "when_allows(plan.when, values.lookup()) == false", "false",
     "when keeps a task from running"),
    ("when.cpp", "return found != expression.negated;", "return found;",
     "notin is the opposite of in"),
    ("decision.cpp", "was_skipped(run.tasks[i]) && !was_skipped_by_when(run.tasks[i])",
     "was_skipped(run.tasks[i])",
     "a skip by when does not spread"),
    ("decision.cpp", "was_skipped(run.tasks[i]) && !was_skipped_by_when(run.tasks[i])", "false",
     "any other skip spreads"),
    ("decision.cpp", "carries_on(plan, values.lookup())\n", "false\n",
     "a consumer with onError: continue is skipped when results are missing"),
    ("decision.cpp", "was_skipped_by_when(run.tasks[producer.first])", "false",
     "a consumer of a task skipped by when is skipped when results are missing"),
    ("decision.cpp", "if (missing != nullptr) {\n    return {.kind = Decision::Kind::fail,",
     "if (false) {\n    return {.kind = Decision::Kind::fail,",
     "a missing result of a task that ran fails the consumer"),
    ("decision.cpp", "whole == nullptr || !has_part(*whole, need)", "whole == nullptr",
     "an index out of bounds is a missing result"),
    ("decision.cpp", "if (first_missing(plan.needs, values) != nullptr) {", "if (false) {",
     "a finally task is skipped when results are missing"),
    # --- Attempts ---
    ("task_moves.cpp", "run.tasks[task].attempt < plan_of(task).retries",
     "run.tasks[task].attempt <= plan_of(task).retries",
     "no more attempts than retries"),
    ("task_moves.cpp", "plan_of(task).retries && !stopped", "plan_of(task).retries",
     "no retry after cancel, timeouts of the run or failFast"),
    ("engine.cpp", "&& task.attempt == attempt", "",
     "events of an older attempt mean nothing"),
    ("engine.cpp", "std::all_of(task.steps", "std::any_of(task.steps",
     "an attempt begins when every step is reset"),
    ("task_moves.cpp", "it.outcome.results.clear();", "",
     "results of a failed attempt are gone"),
    ("task_moves.cpp", "  it.files.clear();\n", "",
     "result files of a failed attempt are gone"),
    ("task_moves.cpp", "  it.stop = Stop::none;\n", "",
     "what stopped an attempt ends with it"),
    # --- Time ---
    ("engine.cpp", "std::max(state.now, now)", "now",
     "time never goes back"),
    ("engine.cpp", "task->step_deadline = now + *task->step_timeout;", "",
     "a step's timeout stops it"),
    ("task_moves.cpp", "it.deadline = now + *it.timeout;", "",
     "a task's timeout stops it"),
    ("deadlines.cpp", "stop_all(false, Stop::run_timeout);", "dag_stopped = true;",
     "the DAG's time is up: what runs is stopped"),
    ("deadlines.cpp", "stop_all(true, Stop::run_timeout);", "finally_stopped = true;",
     "finally's time is up: what runs is stopped"),
    ("decision.cpp", "if (!run.dag_time_up.empty()) {", "if (false) {",
     "the DAG's time is up: what waits is skipped"),
    ("decision.cpp", "if (!run.finally_time_up.empty()) {", "if (false) {",
     "finally's time is up: what waits is skipped"),
    ("deadlines.cpp", "finally_began_at + *run.plan.finally_timeout",
     "began_at + *run.plan.finally_timeout",
     "finally's timeout counts from when finally began"),
    ("deadlines.cpp", "finally_began_at + min_finally_rest", "finally_began_at",
     "finally gets five minutes at least"),
    # --- Cancel, failFast, lost containers ---
    ("engine.cpp", "stop_all(false, Stop::cancelled);", "dag_stopped = true;",
     "cancel stops what runs"),
    ("engine.cpp", "if (event.finally ? run.cancelled : run.finally_cancelled) {\n    return;\n  }\n",
     "", "a second cancel has no effect"),
    ("engine.cpp", "if (event.finally ? run.cancelled : run.finally_cancelled) {",
     "if (run.cancelled) {", "a cancel without finally may follow one with it"),
    ("engine.cpp", "stop_all(true, Stop::cancelled);", "finally_stopped = true;",
     "a cancel without finally stops the finally tasks that run"),
    ("decision.cpp", "if (run.finally_cancelled) {", "if (false) {",
     "a cancel without finally skips the finally tasks that wait"),
    ("task_moves.cpp", "state == TaskState::failed && run.plan.fail_fast", "false",
     "failFast stops the siblings"),
    ("task_moves.cpp", "if (plan.is_finally || ignores_failure) {", "if (plan.is_finally) {",
     "a failure with onError: continue stops nothing"),
    ("task_moves.cpp", "state == TaskState::failed || state == TaskState::cancelled",
     "state == TaskState::failed",
     "a cancelled task stops the run as a failed one does"),
    ("task_moves.cpp", "!steps[step].lost && !is_from_start", "!is_from_start",
     "a lost container is not released"),
    ("engine.cpp", "task.loss = TaskRun::Loss{event.reason, event.message};", "",
     "a container lost before its task began is remembered"),
    ("engine.cpp", "act(action::StopStep{id(event.id.task), task.attempt});", "",
     "a lost container of another step stops the running one"),
    # --- Sidecars ---
    ("sidecars.cpp", "return sidecar.ready || !sidecar.running;", "return true;",
     "steps wait until sidecars are ready"),
    ("sidecars.cpp", "return sidecar.ready || !sidecar.running;", "return sidecar.ready;",
     "a sidecar that has ended is not waited for"),
    ("sidecars.cpp", "      any = true;", "      any = false;",
     "a task ends when its sidecars are gone"),
    ("sidecars.cpp", "if (failed && (!it.sidecar_failure || out_of_memory)) {", "if (false) {",
     "a sidecar that dies fails its task"),
    ("sidecars.cpp", "  if (it.ending) {\n    go_on_if_gone(event.id.task);\n    return;\n  }\n",
     "  if (it.ending) {\n    go_on_if_gone(event.id.task);\n  }\n",
     "how a sidecar that was stopped ends does not matter"),
    ("sidecars.cpp", "reason != task_reason::step_out_of_memory", "true",
     "StepOOM outweighs SidecarFailed"),
    ("decision.cpp", "!std::all_of(plan.ordered_after.begin()",
     "false && !std::all_of(plan.ordered_after.begin()",
     "tasks that share a port take turns"),
    ("engine.cpp", "task.ending->may_retry = false;", "",
     "a container lost while sidecars are stopped forbids another attempt"),
    # --- Results, outcome ---
    ("task_moves.cpp", "  if (!results.problem.empty()) {", "  if (false) {",
     "results that are not as declared fail the task"),
    ("results.cpp", "!missing.empty()", "false",
     "an object result has its declared keys"),
    ("task_moves.cpp", "enum_problem(plan_of(task), values); !problem.empty()",
     "enum_problem(plan_of(task), values); false",
     "the enum of a late param is checked"),
    ("task_moves.cpp", "policy_problem(plan_of(task), values.lookup()); !problem.empty()",
     "policy_problem(plan_of(task), values.lookup()); false",
     "a task's late onError and timeout are checked"),
    ("task_moves.cpp", "problem = policy_problem(plan, values.lookup());", "",
     "a step's late onError and timeout are checked"),
    ("policy.cpp", "&& *limit != Millis(0)", "",
     "a late timeout of 0 is none"),
    ("task_moves.cpp", "reason == task_reason::step_failed ||", "",
     "an ignored failure has the reason FailureIgnored"),
    ("engine.cpp", "task->files.insert_or_assign(name, content);",
     "task->files.emplace(name, content);",
     "the last content of a result file counts"),
    ("late_values.cpp", "  case TaskState::failed:\n  case TaskState::cancelled:\n",
     "  case TaskState::failed:\n",
     "a cancelled task's status is Failed"),
    ("late_values.cpp", "status = \"Completed\";", "",
     "the group's status is Completed if tasks were skipped"),
    ("outcome.cpp", "stopped_by_time(run, task) ? counts.failed : counts.cancelled",
     "counts.cancelled",
     "a task stopped by the run's time limits counts as failed"),
    ("outcome.cpp", "if (run.cancelled) {", "if (run.cancelled && !run.timed_out) {",
     "Cancelled comes before PipelineRunTimeout"),
    ("outcome.cpp", "return excused ? Found::no : Found::wrong;", "return Found::no;",
     "a group result that a succeeded task did not write fails the run"),
    # --- Matrices ---
    ("combinations.cpp", "for (const std::string& value : values) {\n      for (const Combination& combination : combinations) {",
     "for (const Combination& combination : combinations) {\n      for (const std::string& value : values) {",
     "the first param of a matrix varies fastest"),
    ("combinations.cpp", "!combination.contains(it.first) || has_value(combination, it)", "true",
     "an include extends only what it does not contradict"),
    ("combinations.cpp", "if (is_new(include, combinations)) {", "if (false) {",
     "an include of which nothing is there is a combination of its own"),
    ("matrix_moves.cpp", "by_name.emplace(std::to_string(i),", "by_name.emplace(std::to_string(100 + i),",
     "gathered results are in the order of names as texts"),
    ("decision.cpp", "&& !run.tasks[producer.first].outcome.results.contains(need.result)", "&& false",
     "a DAG task needs the result of a matrix' first instance"),
    ("run.cpp", "{TaskState::running, TaskState::pending, TaskState::cancelled,",
     "{TaskState::cancelled, TaskState::failed,",
     "a matrix fails with its last instance"),
    ("matrix_moves.cpp", "combinations->size() > matrix.count", "false",
     "more combinations than instances fail a matrix"),
    ("matrix_moves.cpp", "speaks ? std::move(decision) : Decision{.kind = Decision::Kind::leave_out}",
     "decision", "a late matrix is skipped as one task"),
    ("task_moves.cpp", "std::string problem = missing_matrix_param(run, task)",
     "std::string problem",
     "an instance whose param has no value fails"),
]


def check_table():
    """Every fragment occurs exactly once, so that a mutant breaks what it says."""
    for name, fragment, _, rule in MUTANTS:
        count = (ROOT / "core/run" / name).read_text().count(fragment)
        if count != 1:
            sys.exit(f"mutants: {name}: the fragment for '{rule}' occurs {count} times, not once:\n"
                     f"{fragment}\nUpdate the table in core/run/mutants.py.")


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def build(scratch):
    return run(["cmake", "--build", scratch / "build", "--target", "core_run_test"])


def first_failure(scratch):
    """Return the test that fails, or None. The random runs come last: a rule has its own test."""
    for tests in ("-EngineProperty.*", "EngineProperty.*"):
        try:
            result = run([scratch / "build/bin/core_run_test", "--gtest_fail_fast",
                          f"--gtest_filter={tests}"], timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return "a hang"
        if result.returncode != 0:
            failed = re.search(r"\[  FAILED  \] (\w+\.\w+)", result.stdout)
            return failed.group(1) if failed else "a crash"
    return None


def prepare(scratch):
    for name in ("CMakeLists.txt", "cmake", "include", "core/run"):
        source, target = ROOT / name, scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    top = scratch / "CMakeLists.txt"
    top.write_text(re.sub(r"^ *add_subdirectory\((?!core/run\)).*$", "", top.read_text(), flags=re.M))
    configured = run(["cmake", "-S", scratch, "-B", scratch / "build", "-G", "Ninja",
                      "-DCMAKE_BUILD_TYPE=Mutant", "-DCMAKE_CXX_FLAGS=-D_GLIBCXX_ASSERTIONS",
                      "-DTASKGROUP_TESTS=ON", "-DTASKGROUP_DEV=OFF"])
    built = build(scratch) if configured.returncode == 0 else configured
    if built.returncode != 0:
        sys.exit(f"mutants: the engine does not build as it is:\n{built.stdout}")
    if failure := first_failure(scratch):
        sys.exit(f"mutants: the engine as it is fails {failure}; mend that first")


def catch(scratch, name, fragment, replacement):
    source = scratch / "core/run" / name
    original = source.read_text()
    source.write_text(original.replace(fragment, replacement))
    try:
        built = build(scratch)
        if built.returncode != 0:
            sys.exit(f"mutants: the mutant of {name} does not build:\n{built.stdout}")
        return first_failure(scratch)
    finally:
        source.write_text(original)


def main():
    check_table()
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in m[3] for word in words)]
    began = time.monotonic()
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="taskgroup-mutants-") as folder:
        scratch = pathlib.Path(folder)
        prepare(scratch)
        for name, fragment, replacement, rule in chosen:
            failure = catch(scratch, name, fragment, replacement)
            survivors += failure is None
            print(f"{'caught by ' + failure if failure else 'SURVIVED':58} {name:16} {rule}",
                  flush=True)
    print(f"mutants: {len(chosen) - survivors} of {len(chosen)} caught "
          f"in {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
