#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breakpoints: a step is held until somebody goes on by the command that the program tells.

Also run with a container engine, by e2e/containers/launcher_test.py.
"""

import subprocess

import harness

HELD = """\
  run:
    breakpoints: [{task: build, %s}]
  tasks:
  - name: build
    taskSpec:
      results: [{name: r}]
      steps:
      - name: first
        image: busybox
        onError: continue
        script: |
          echo first
          printf before > $(results.r.path)
          exit 3
      - {name: second, image: busybox, script: 'echo second'}
  results: [{name: r, value: $(tasks.build.results.r)}]
"""

TWINS = """\
  run:
    breakpoints:
    - {task: fan, beforeSteps: [s]}
  tasks:
  - name: fan
    matrix: {params: [{name: which, value: ["0", "1"]}]}
    taskSpec:
      params: [{name: which}]
      steps: [{name: s, image: busybox, script: 'echo ran $(params.which)'}]
"""


class Breakpoints(harness.TestCase):
    def held(self, running, step, task="build"):
        """Wait until a step is held; return how to go on."""
        return running.wait_for(
            lambda event: event["event"] == "held"
            and (event["task"], event["step"]) == (task, step)
        )

    def command(self, words, code=0):
        """Run a command as somebody would who has read it."""
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=harness.DEADLINE, check=False
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def decide(self, words):
        """Go on. What becomes of the run tells whether that was heard: the container may be gone
        before its engine has seen the command end, which podman takes for an error."""
        subprocess.run(words, capture_output=True, timeout=harness.DEADLINE, check=False)

    def steps_of(self, finished):
        return {
            event["step"]: (event["reason"], event.get("exitCode"))
            for event in finished.events
            if event["event"] == "step" and event["state"] == "Terminated"
        }

    # Covers: 2.4.F1
    def test_a_failed_step_is_looked_at_mended_and_let_pass(self):
        running = self.start_group(HELD % "onFailure: enabled")
        told = self.held(running, "first")
        paused = running.events[-2]
        self.assertEqual((paused["event"], paused["reason"]), ("paused", "OnFailure"))
        self.assertEqual(paused["exitCode"], 3)
        beside = told["goOn"][:-1]
        self.assertEqual(self.command([*beside, "cat", "/tekton/results/r"]), "before")
        self.command([*beside, "sh", "-c", "ls -d /tekton/debug/info/0; printf after > /tekton/results/r"])
        self.decide(told["goOn"])
        finished = running.finish()
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assertEqual(
            self.steps_of(finished), {"first": ("Completed", 0), "second": ("Completed", 0)}
        )
        self.assertEqual(finished.end["results"], {"r": "after"})
        self.assert_nothing_left()

    def test_a_failure_stands_whatever_its_on_error_and_later_steps_run(self):
        running = self.start_group(HELD % "onFailure: enabled")
        self.decide(self.held(running, "first")["fail"])
        finished = running.finish()
        self.assertEqual(finished.code, 1)
        self.assertEqual(finished.end["tasks"]["build"]["reason"], "StepFailed")
        self.assertEqual(
            self.steps_of(finished), {"first": ("Error", 1), "second": ("Completed", 0)}
        )

    def test_a_step_is_held_before_it_runs(self):
        running = self.start_group(HELD % "beforeSteps: [second]")
        told = self.held(running, "second")
        self.assertFalse(
            [e for e in running.events if e["event"] == "output" and e["line"] == "second"]
        )
        self.decide(told["goOn"])
        finished = running.finish()
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assertIn("second", finished.output_of("build"))

    def test_a_step_is_failed_before_it_runs_and_the_others_are_skipped(self):
        running = self.start_group(HELD % "beforeSteps: [first]")
        told = self.held(running, "first")
        script = told["goOn"][-1].replace("beforestep-", "")
        self.command([*told["goOn"][:-1], script], code=1)  # it has not failed
        self.decide(told["fail"])
        finished = running.finish()
        self.assertEqual(finished.code, 1)
        self.assertEqual(
            self.steps_of(finished), {"first": ("Error", 1), "second": ("Skipped", None)}
        )
        self.assertNotIn("first", finished.output_of("build"))

    def test_steps_that_are_held_at_one_time_go_on_one_by_one(self):
        running = self.start_group(TWINS)
        told = {}
        while len(told) < 2:
            event = running.wait_for(lambda event: event["event"] == "held")
            told[event["task"]] = event
        self.decide(told["fan-1"]["goOn"])
        running.wait_for_output("fan-1", "ran 1")
        self.assertFalse(
            [e for e in running.events if e["event"] == "output" and e["line"] == "ran 0"]
        )
        self.decide(told["fan-0"]["goOn"])
        finished = running.finish()
        self.assertEqual(finished.code, 0, finished.stderr)

    def test_ctrl_c_ends_it(self):
        running = self.start_group(HELD % "beforeSteps: [first]")
        self.held(running, "first")
        running.signal(2)
        finished = running.finish()
        self.assertEqual(finished.code, 130)
        self.assertEqual(finished.end["tasks"]["build"]["reason"], "TaskRunCancelled")
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
