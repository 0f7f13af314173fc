# SPDX-License-Identifier: Apache-2.0
"""Breakpoints in a pod, gone on from by kubectl exec, as docs/authors.md says."""

import os
import pathlib
import re
import subprocess

from harness import DEADLINE, ROOT, ClusterTest, group, step, task

PROGRAM = pathlib.Path(os.environ.get("TASKGROUP_BIN", ROOT / "build/release/bin")) / "taskgroup"


class Breakpoints(ClusterTest):
    def wait_held(self, run, name, reason):
        """Wait until the status says that a step of the first task is held; return the step."""

        def held(seen):
            for told in seen.tasks.values():
                for one in told["steps"]:
                    if one["name"] == name and one.get("paused") == reason:
                        return one
            return None

        run.wait_until(held, f"held at {name}")
        return held(run)

    def kubectl(self, *arguments, check=True):
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def decide(self, *arguments):
        """Go on. What becomes of the run tells whether that was heard: the container may be gone
        before anybody has seen the command end."""
        self.kubectl(*arguments, check=False)

    def told(self, run, words):
        """The command that `taskgroup status` prints for this."""
        status = subprocess.run(
            [PROGRAM, "status", run.name, "--namespace", self.namespace],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        ).stdout
        found = re.search(rf"^kubectl (exec .*{words})$", status, re.M)
        self.assertIsNotNone(found, status)
        return found[1].split()

    # Covers: 2.4.F1
    def test_a_failed_step_is_mended_and_let_pass(self):
        spec = group(
            task(
                "build",
                steps=[
                    step("echo broken > $(results.r.path); exit 3", name="make"),
                    step("echo second", name="check"),
                ],
                results=["r"],
            ),
            run={"breakpoints": [{"task": "build", "onFailure": "enabled", "beforeSteps": ["check"]}]},
            results=[{"name": "r", "value": "$(tasks.build.results.r)"}],
        )
        run = self.start(spec)
        held = self.wait_held(run, "make", "OnFailure")
        self.assertEqual(held["exitCode"], 3)
        self.assertIn("1 step held at a breakpoint", run.message)
        pod, container = run.pod()["metadata"]["name"], held["container"]
        self.assertIn("debug-continue", run.log(container))
        self.kubectl("exec", pod, "-c", container, "--", "sh", "-c", "printf good > /tekton/results/r")
        self.decide(*self.told(run, "/debug-continue"))

        self.wait_held(run, "check", "BeforeStep")
        self.assertEqual(
            [line for line in run.log("step-build-check").splitlines() if line == "second"], []
        )
        self.decide(*self.told(run, "/debug-beforestep-continue"))
        run.wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"r": "good"})
        self.assertNotIn("paused", run.tasks["build"]["steps"][0])

    # Covers: 2.4.F1
    def test_a_failure_stands_and_a_cancel_ends_a_hold(self):
        points = [{"task": name, "onFailure": "enabled"} for name in ("a", "b")]
        run = self.start(
            group(task("a", "exit 3"), task("b", "exit 4"), run={"breakpoints": points})
        )
        self.wait_held(run, "unnamed-0", "OnFailure")
        run.wait_until(lambda seen: "2 steps held" in seen.message, "held twice")
        pod = run.pod()["metadata"]["name"]
        self.decide(
            *("exec", pod, "-c", "step-a-unnamed-0", "--"),
            "/tekton/debug/scripts/debug-fail-continue",
        )
        run.wait_task("a", "Failed")
        self.assertEqual(run.tasks["a"]["reason"], "StepFailed")
        run.cancel()
        run.wait()
        self.assertEqual(run.tasks["b"]["reason"], "TaskRunCancelled")
