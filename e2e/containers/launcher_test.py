# SPDX-License-Identifier: Apache-2.0
"""What `taskgroup run` does with a container engine's containers; called by podman.py."""

import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import harness  # noqa: E402
from breakpoints_test import Breakpoints  # noqa: E402, F401

ENGINE = os.environ["TASKGROUP_RUNTIME"]
LABEL = "dev.taskgroup.folder"

SLEEPS = """\
  tasks:
  - name: sleeps
    taskSpec:
      steps:
      - {name: s, image: busybox, script: 'echo sleeping; sleep 1000'}
  finally:
  - name: last
    taskSpec:
      steps:
      - {image: busybox, script: 'echo last'}
"""


def engine(*arguments):
    return subprocess.run(
        [ENGINE, *arguments], capture_output=True, text=True, check=True
    ).stdout.split()


def containers():
    return engine("ps", "--all", "--quiet", f"--filter=label={LABEL}")


class LauncherTest(harness.TestCase):
    def assert_no_container_is_left(self):
        """What removes a container outlives its run by some moments."""
        end = time.monotonic() + harness.DEADLINE
        while containers() and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(containers(), [])

    # Covers: 2.5.F1 2.5.F3
    def test_a_step_without_command_runs_what_its_image_says(self):
        run = self.run_group(
            """\
  tasks:
  - name: both
    taskSpec: {steps: [{image: e2e/entrypoint}]}
  - name: args
    taskSpec: {steps: [{image: e2e/entrypoint, args: [mine]}]}
  - name: user
    taskSpec: {steps: [{image: e2e/user}]}
"""
        )
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(run.output_of("both"), ["entry point"])
        self.assertEqual(run.output_of("args"), ["entry mine"])
        self.assertEqual(run.output_of("user"), ["1234"])

    def test_an_image_that_cannot_be_had_fails_its_task_only(self):
        run = self.run_group(
            """\
  tasks:
  - name: bad
    onError: continue
    taskSpec: {steps: [{image: e2e/missing, imagePullPolicy: Never, script: 'true'}]}
  - name: good
    taskSpec: {steps: [{image: busybox, script: 'true'}]}
  - name: skipped
    when: [{input: a, operator: in, values: [b]}]
    taskSpec: {steps: [{image: e2e/missing, imagePullPolicy: Never, script: 'true'}]}
"""
        )
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(run.end["tasks"]["bad"]["state"], "Failed")
        self.assertIn('no image "e2e/missing"', run.end["tasks"]["bad"]["message"])
        self.assertEqual(run.end["tasks"]["good"]["state"], "Succeeded")

    def test_the_author_says_as_whom_and_how_it_runs(self):
        run = self.run_group(
            """\
  run: {podTemplate: {securityContext: {runAsUser: 1001}}}
  tasks:
  - name: t
    taskSpec:
      steps:
      - {name: pod, image: busybox, script: 'echo pod $(id -u)'}
      - {name: own, image: busybox, securityContext: {runAsUser: 1002, runAsGroup: 5},
         script: 'echo own $(id -u):$(id -g)'}
      - {name: root, image: busybox, securityContext: {readOnlyRootFilesystem: true, runAsUser: 0},
         script: 'touch /here || echo read-only'}
  - name: root
    onError: continue
    taskSpec:
      steps: [{image: busybox, securityContext: {runAsNonRoot: true, runAsUser: 0}, script: 'echo never'}]
"""
        )
        self.assertEqual(run.code, 0, run.stderr)
        output = run.output_of("t")
        self.assertIn("pod 1001", output)
        self.assertIn("own 1002:5", output)
        self.assertIn("read-only", output)
        self.assertEqual(run.output_of("root"), [])
        self.assertIn("runAsNonRoot", run.end["tasks"]["root"]["message"])

    def test_ctrl_c_runs_finally_and_leaves_nothing(self):
        run = self.start_group(SLEEPS)
        run.wait_for_output("sleeps", "sleeping")
        run.signal(2)
        finished = run.finish()
        self.assertEqual(finished.code, 130)
        self.assertEqual(finished.output_of("last"), ["last"])
        self.assert_no_container_is_left()
        self.assert_nothing_left()

    def test_a_killed_run_leaves_nothing(self):
        run = self.start_group(SLEEPS)
        run.wait_for_output("sleeps", "sleeping")
        self.assertNotEqual(containers(), [])
        run.signal(9)
        run.finish_unread()
        self.assert_no_container_is_left()

    def test_containers_of_dead_runs_are_removed(self):
        engine("create", f"--label={LABEL}={self.folder}/gone", "busybox", "true")
        self.assertEqual(len(containers()), 1)
        run = self.run_group("  tasks: [{name: t, taskSpec: {steps: [{image: busybox, script: 'true'}]}}]")
        self.assertEqual(run.code, 0, run.stderr)
        self.assert_no_container_is_left()

    def test_auto_takes_the_engine_and_says_so(self):
        path = self.write(
            "group.yaml",
            harness.GROUP
            + "  tasks: [{name: t, taskSpec: {steps: [{image: busybox, script: 'ls -d /bin/busybox'}]}}]",
        )
        run = self.run_taskgroup("run", path, "--runtime", "auto")
        self.assertEqual(run.code, 0, run.stderr)
        self.assertIn(f"{ENGINE}: steps run in their own images", run.stderr + run.stdout)


if __name__ == "__main__":
    unittest.main()
