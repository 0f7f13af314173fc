#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exit codes 0 to 3, and what a caller may count on with each. 130 and 143: cancel_test.py."""

import shutil
import subprocess
import unittest

import harness

ONE_TASK = """\
  tasks:
  - name: one
    taskSpec:
      steps: [{name: say, image: busybox, script: "%s"}]
"""


class ExitCodes(harness.TestCase):
    def test_success_is_0(self):
        finished = self.run_group(ONE_TASK % "true")
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assert_nothing_left()

    def test_failure_is_1(self):
        finished = self.run_group(ONE_TASK % "exit 42")
        self.assertEqual(finished.code, 1, finished.stderr)
        self.assert_nothing_left()

    def test_timeout_is_1(self):
        finished = self.run_group(ONE_TASK % "sleep 1000", "--timeout", "500ms")
        self.assertEqual(finished.code, 1, finished.stderr)
        self.assertEqual(finished.end["reason"], "PipelineRunTimeout")
        self.assert_nothing_left()

    def test_help_and_version_are_0(self):
        for arguments in (["--help"], ["run", "--help"], ["--version"]):
            with self.subTest(arguments):
                finished = self.run_taskgroup(*arguments)
                self.assertEqual(finished.code, 0)
                self.assertNotEqual(finished.stdout, "")

    def test_wrong_command_line_is_2(self):
        path = self.write("group.yaml", harness.GROUP + ONE_TASK % "true")
        for arguments in (
            [],
            ["walk"],
            ["run"],
            ["run", path, "--no-such-option"],
            ["run", path, "-o", "xml"],
            ["run", path, "--runtime", "moon"],
            ["run", path, "--task", "two"],
            ["run", path, "--group", "other"],
            ["run", path, "--timeout", "soon"],
            ["run", path, "--timeout", "-5s"],
            ["run", path, "-p", "no-equals-sign"],
            ["run", path, "-p", "no-such-param=1"],
            ["run", path, "-w", "no-such-workspace=" + str(self.folder)],
            ["run", str(self.folder / "no-such-file.yaml")],
            ["validate", str(self.folder / "no-such-file.yaml")],
            ["graph", str(self.folder / "no-such-file.yaml")],
            ["plan", str(self.folder / "no-such-file.yaml")],
        ):
            with self.subTest(arguments):
                finished = self.run_taskgroup(*arguments)
                self.assertEqual(finished.code, 2, finished.stderr)
                self.assertNotEqual(finished.stderr, "")
                self.assertNotIn('"task"', finished.stdout)
                self.assert_nothing_left()

    def test_unbindable_workspace_is_2(self):
        spec = "  workspaces: [{name: data}]\n" + ONE_TASK % "true"
        path = self.write("group.yaml", harness.GROUP + spec)
        for binding in (
            "data=" + str(self.folder / "missing"),
            "data=" + path,
            "data=secret:" + str(self.folder / "missing"),
            "data=configmap:",
            "data=",
        ):
            with self.subTest(binding):
                finished = self.run_taskgroup("run", path, "-w", binding)
                self.assertEqual(finished.code, 2, finished.stderr)
                self.assertIn("data", finished.stderr)

    def test_missing_temporary_folder_is_3(self):
        path = self.write("group.yaml", harness.GROUP + ONE_TASK % "true")
        missing = str(self.folder / "missing")
        finished = self.run_taskgroup("run", path, environment={"TMPDIR": missing})
        self.assertEqual(finished.code, 3, finished.stderr)
        self.assertIn("TMPDIR", finished.stderr)

    @unittest.skipUnless(shutil.which("unshare"), "needs unshare(1)")
    def test_forbidden_namespaces_are_3(self):
        path = self.write("group.yaml", harness.GROUP + ONE_TASK % "true")
        # A user namespace in which no other namespace may be made, as in a container.
        forbid = "for kind in mnt pid user; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done"
        inside = forbid + '; exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "sh", "-ec", inside, "sh"]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("this machine forbids user namespaces already")
        finished = subprocess.run(
            [*command, harness.TASKGROUP, "run", path], capture_output=True, text=True, check=False
        )
        self.assertEqual(finished.returncode, 3, finished.stderr)
        self.assertIn("namespace", finished.stderr)


if __name__ == "__main__":
    harness.main()
