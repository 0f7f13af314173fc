#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples, run as their comments say. They need git and go, which `make test` installs."""

import hashlib
import os
import shutil
import subprocess

import harness

EXAMPLES = harness.ROOT / "examples"


class Examples(harness.TestCase):
    def setUp(self):
        super().setUp()
        # A repository of its own with the example's module: the checkout may be one without .git.
        self.repository = self.folder / "repository"
        self.app = self.repository / "examples" / "golang-ci" / "app"
        shutil.copytree(EXAMPLES / "golang-ci" / "app", self.app)
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "Add app")
        self.commit = self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments):
        command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments]
        done = subprocess.run(
            command, cwd=self.repository, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def run_example(self, name, *arguments):
        return self.run_taskgroup(
            "run",
            EXAMPLES / name,
            "-o",
            "json",
            *arguments,
            folder=self.repository,
            # The distribution's go, whose standard library is compiled already, if there are two.
            environment={"PATH": "/usr/bin:" + os.environ["PATH"]},
            deadline=280,
        )

    def test_golang_ci(self):
        (self.folder / "dist").mkdir()
        finished = self.run_example("golang-ci.yaml", "-w", f"dist={self.folder / 'dist'}")
        self.assertEqual(finished.code, 0, finished.stdout + finished.stderr)
        end = finished.end
        self.assertEqual((end["state"], end["reason"]), ("Succeeded", "Succeeded"))
        self.assertEqual(end["results"]["commit"], self.commit)
        package = self.folder / "dist" / f"app-{self.commit[:12]}.tar"
        self.assertEqual(end["results"]["sha256"], hashlib.sha256(package.read_bytes()).hexdigest())
        self.assertRegex(end["tasks"]["test"]["results"]["coverage"], r"^\d+\.\d%$")
        self.assertEqual(
            finished.output_of("report"),
            [f"{task}: Succeeded" for task in ("clone", "lint", "test", "build", "package")]
            + ["all together: Succeeded"],
        )
        self.assert_nothing_left()

    def test_golang_ci_reports_a_module_that_does_not_build(self):
        (self.app / "main.go").write_text("package main\n\nfunc main() { x }\n")
        self.git("commit", "--quiet", "--all", "-m", "Break")
        finished = self.run_example("golang-ci.yaml")
        self.assertEqual(finished.code, 1, finished.stdout + finished.stderr)
        end = finished.end
        self.assertEqual((end["state"], end["reason"]), ("Failed", "Failed"))
        self.assertEqual(end["tasks"]["package"]["state"], "Skipped")
        self.assertIn("clone: Succeeded", finished.output_of("report"))
        self.assertIn("package: None", finished.output_of("report"))
        self.assertIn("all together: Failed", finished.output_of("report"))

    def test_build_test_deploy(self):
        for fails, code, verdict in (("false", 0, "Succeeded"), ("true", 1, "Failed")):
            with self.subTest(make_tests_fail=fails):
                bucket = self.folder / f"bucket-{fails}"
                bucket.mkdir()
                flags = ["-w", f"bucket={bucket}", "-p", f"make-tests-fail={fails}"]
                finished = self.run_example("build-test-deploy.yaml", *flags)
                self.assertEqual(finished.code, code, finished.stdout + finished.stderr)
                end = finished.end
                self.assertEqual(end["state"], verdict)
                self.assertEqual(end["tasks"]["run-unit-tests"]["state"], verdict)
                self.assertEqual(end["tasks"]["upload-results"]["state"], "Succeeded")
                self.assertEqual(end["results"], {"report": "test-results"})
                report = (bucket / "test-results" / "report.txt").read_text()
                self.assertIn("TestCount", report)
                self.assertEqual("--- FAIL: TestOnDemandFailure" in report, fails == "true")
                written = (bucket / "test-results" / "verdict.txt").read_text()
                self.assertEqual(written, verdict + "\n")
                self.assert_nothing_left()

    def test_results(self):
        finished = self.run_example("results.yaml", "-p", "name=Ada")
        self.assertEqual(finished.code, 0, finished.stdout + finished.stderr)
        self.assertEqual(
            finished.end["results"],
            {"greetings": ["hello, Ada", "good evening, Ada"], "longest": "and a line of its own"},
        )
        self.assertIn("where: St James Square, London", finished.output_of("consume"))

    def test_when_and_finally(self):
        for branch, state in (("feature/tea", "Skipped"), ("main", "Succeeded")):
            with self.subTest(branch):
                finished = self.run_example("when-and-finally.yaml", "-p", f"branch={branch}")
                self.assertEqual(finished.code, 0, finished.stdout + finished.stderr)
                tasks = finished.end["tasks"]
                self.assertEqual(tasks["deploy"]["state"], state)
                self.assertEqual(tasks["announce"]["state"], "Succeeded")
                self.assertEqual(tasks["clean-up"]["state"], "Succeeded")
                self.assertEqual(tasks["apologise"]["state"], "Skipped")

    def test_retries(self):
        finished = self.run_example("retries.yaml")
        self.assertEqual(finished.code, 0, finished.stdout + finished.stderr)
        tasks = finished.end["tasks"]
        self.assertEqual((tasks["flaky"]["state"], tasks["flaky"]["attempts"]), ("Succeeded", 3))
        self.assertEqual(tasks["optional"]["reason"], "FailureIgnored")
        self.assertIn("the step before exited with 3", finished.output_of("punctual"))

    def test_every_example_validates(self):
        finished = self.run_taskgroup("validate", *sorted(EXAMPLES.glob("*.yaml")))
        self.assertEqual(finished.code, 0, finished.stderr)


if __name__ == "__main__":
    harness.main()
