# SPDX-License-Identifier: Apache-2.0
"""taskgroup status, logs and cancel, as a person types them."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import yaml

from harness import API_VERSION, DEADLINE, ROOT, ClusterTest, group, step, task
from pipelines import PipelineRun

PROGRAM = pathlib.Path(os.environ.get("TASKGROUP_BIN", ROOT / "build/release/bin")) / "taskgroup"


def documented_rights():
    """By command: the rules of a Role with what docs/commands.md says that one needs."""
    page = (ROOT / "docs" / "commands.md").read_text()
    table = page.split("## What one needs to be allowed")[1].split("\n## ")[0]
    # The page in words is for people; this is what it says.
    words = {
        "status": "`get` and `list` of `customruns.tekton.dev`; with `--watch` also `watch`; of a"
        " PipelineRun the same of `pipelineruns.tekton.dev`",
        "logs": "those, and `get` of `pods` and `pods/log`; with `-f` also `watch` of `pods`",
        "cancel": "those of `status`, and `patch` of `customruns.tekton.dev`",
    }
    for command, text in words.items():
        assert f"| `{command}` | {text} |" in table, command
    tekton = {"apiGroups": ["tekton.dev"], "resources": ["customruns", "pipelineruns"]}
    status = [{**tekton, "verbs": ["get", "list", "watch"]}]
    logs = [
        *status,
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    cancel = [*status, {"apiGroups": ["tekton.dev"], "resources": ["customruns"], "verbs": ["patch"]}]
    return {"status": status, "logs": logs, "cancel": cancel}


class Commands(ClusterTest):
    def taskgroup(self, *arguments, code=0, config=None):
        """Run the program; return what it printed."""
        done = subprocess.run(
            [PROGRAM, *arguments, "--namespace", self.namespace, *self.with_config(config)],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code in (0, 1) else done.stderr

    @staticmethod
    def with_config(config):
        return ["--kubeconfig", config] if config else []

    @contextlib.contextmanager
    def following(self, *arguments):
        """The program, while the block runs; at its end, (exit code, output)."""
        command = [PROGRAM, *arguments, "--namespace", self.namespace]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            result = []
            try:
                yield result
                out, _ = process.communicate(timeout=DEADLINE)
                result += [process.returncode, out]
            finally:
                process.kill()

    def user(self, name, rules):
        """A kubeconfig of a service account that may do this in the namespace."""
        in_namespace = {"name": name, "namespace": self.namespace}
        subject = {"kind": "ServiceAccount", **in_namespace}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": dict(in_namespace)})
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": in_namespace}
        if rules:
            self.apply({**rbac, "kind": "Role", "metadata": dict(in_namespace), "rules": rules})
            self.apply(
                {
                    **rbac,
                    "kind": "RoleBinding",
                    "metadata": dict(in_namespace),
                    "subjects": [subject],
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "Role",
                        "name": name,
                    },
                }
            )
        answer = self.api.request(
            "POST",
            f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        )
        ours = pathlib.Path(os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config"))
        config = yaml.safe_load(ours.read_text())
        for cluster in config["clusters"]:
            if path := cluster["cluster"].get("certificate-authority"):
                cluster["cluster"]["certificate-authority"] = str(ours.parent / path)
        config["users"] = [
            {"name": entry["name"], "user": {"token": answer["status"]["token"]}}
            for entry in config["users"]
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
            yaml.safe_dump(config, file)
        self.addCleanup(os.unlink, file.name)
        return file.name

    def two_tasks(self, last="echo ready"):
        return group(
            task(
                "build",
                steps=[
                    {"name": "compile", **step("echo compiling; printf 1.0 > $(results.v.path)")},
                    {"name": "check", **step("sleep 2; echo checked")},
                ],
                results=["v"],
            ),
            task("test", last, runAfter=["build"]),
            results=[{"name": "v", "value": "$(tasks.build.results.v)"}],
        )

    def test_status_and_logs_of_a_finished_run(self):
        run = self.start_custom_run(self.embedded(self.two_tasks())).wait()
        self.assert_succeeded(run)
        text = self.taskgroup("status", "run")
        for line in (
            r"run: Succeeded in \d",
            r"TASK +STATE +TIME +REASON",
            r"build +Succeeded +\d\S*",
            r"  check +Completed +\d\S*",
            r"test +Succeeded +\d\S*",
            r"result v = 1\.0",
        ):
            self.assertRegex(text, line)
        document = json.loads(self.taskgroup("status", "run", "-o", "json"))
        self.assertEqual(document["state"], "Succeeded")
        self.assertEqual(document["results"], {"v": "1.0"})
        self.assertEqual(document["tasks"], run.extra["tasks"])
        self.assertEqual(yaml.safe_load(self.taskgroup("status", "run", "-o", "yaml")), document)
        self.assertRegex(self.taskgroup("status"), r"run +Succeeded +\d\S* +2/2")

        self.assertEqual(
            self.taskgroup("logs", "run"),
            "build:compile │ compiling\nbuild:check   │ checked\ntest          │ ready\n",
        )
        self.assertEqual(self.taskgroup("logs", "run", "--task", "test"), "test │ ready\n")

    def test_logs_are_followed_to_the_outcome(self):
        run = self.start_custom_run(self.embedded(self.two_tasks("echo no; exit 3")))
        with self.following("logs", "-f", "run") as logs, self.following("status", "-w", "run") as watch:
            self.assert_failed(run.wait(), "Failed")
        code, out = logs
        self.assertEqual(code, 1, out)
        # A task's end comes after its last line, and the table at last.
        self.assertRegex(
            out,
            r"(?s)compile +│ compiling\nbuild:check +│ checked\n✔ build [^\n]+\n"
            r"test +│ no\n✘ test [^\n]+\n\nTASK .*run: Failed in ",
        )
        code, out = watch
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"(?s)run Failed\n.*run/test Failed.*\n\nrun: Failed ")
        self.assertRegex(out, rf"taskgroup logs run -n {self.namespace} --task test\n$")

    def test_all_attempts_are_followed(self):
        run = self.start_custom_run(self.embedded(group(task("a", "echo tried; exit 1")), retries=1))
        with self.following("logs", "-f", "run") as logs:
            self.assert_failed(run.wait(), "Failed")
        code, out = logs
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"(?s)a │ tried\n.*== run, attempt 2 of 2\n.*a │ tried\n")
        self.assertEqual(self.taskgroup("logs", "run", "--attempt", "1"), "a │ tried\n")

    def test_cancel(self):
        spec = group(task("a", "echo begun; sleep 100000"))
        spec["finally"] = [task("cleanup", "echo cleaned")]
        run = self.start_custom_run(self.embedded(spec))
        run.wait_task("a", "Running")
        with self.following("logs", "-f", "run") as logs:
            self.assertIn("run is asked to end", self.taskgroup("cancel", "run"))
            self.assert_failed(run.wait(), "CustomRunCancelled")
        code, out = logs
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"(?s)begun\n.*cleaned\n.*run: Cancelled in ")
        self.assertIn("ended already: Cancelled", self.taskgroup("cancel", "run"))
        self.assertRegex(self.taskgroup("status", "run"), r"^run: Cancelled in ")

    def test_a_pipeline_run_with_two_groups(self):
        def one(name, text, **fields):
            spec = group(task("say", f"echo {text}"))
            what = {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}
            return {"name": name, "taskSpec": what, **fields}

        pipeline = self.apply(
            {
                "apiVersion": "tekton.dev/v1",
                "kind": "Pipeline",
                "metadata": {"name": "two"},
                "spec": {"tasks": [one("first", "1"), one("second", "2", runAfter=["first"])]},
            }
        )
        PipelineRun(self, pipeline).run()
        text = self.taskgroup("status", "pr")
        self.assertRegex(text, r"(?s)pr-first: Succeeded.*pr-second: Succeeded")
        self.assertIn('task "second" of PipelineRun "pr"', text)
        self.assertEqual(
            self.taskgroup("logs", "pipelinerun/pr"), "== pr-first\nsay │ 1\n== pr-second\nsay │ 2\n"
        )
        self.assertEqual(self.taskgroup("logs", "-f", "pr", "--group", "second").splitlines()[0], "say │ 2")
        self.assertIn("it has first, second", self.taskgroup("status", "pr", "--group", "x", code=2))

    def test_rights_are_those_of_the_page(self):
        run = self.start_custom_run(self.embedded(group(task("a", "echo begun; sleep 100000"))))
        run.wait_task("a", "Running")
        nobody = self.user("nobody", [])
        for command, right in (("status", "get"), ("logs", "get"), ("cancel", "get")):
            said = self.taskgroup(command, "run", config=nobody, code=3)
            self.assertIn(f"you may not {right} customruns.tekton.dev", said)
        rights = documented_rights()
        reader = self.user("reader", rights["status"])
        self.assertIn("run: Running", self.taskgroup("status", "run", config=reader))
        self.assertIn("you may not get pods", self.taskgroup("logs", "run", config=reader, code=3))
        self.assertIn(
            "you may not patch customruns.tekton.dev",
            self.taskgroup("cancel", "run", config=reader, code=3),
        )
        canceller = self.user("canceller", rights["cancel"])
        self.assertIn("is asked to end", self.taskgroup("cancel", "run", config=canceller))
        follower = self.user("follower", rights["logs"])
        out = self.taskgroup("logs", "-f", "run", config=follower, code=1)
        self.assertIn("a │ begun\n", out)
        self.assertIn("Cancelled", self.taskgroup("status", "-w", "run", config=reader, code=1))

    def test_what_is_not_there(self):
        self.assertIn("nor any run of a TaskGroup", self.taskgroup("status", "run", code=2))
        self.start_custom_run(self.embedded(group(task("a", "true"))), "build-1").wait()
        self.assertIn('did you mean "build-1"?', self.taskgroup("status", "biuld-1", code=2))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(
                "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n"
            )
            file.flush()
            said = self.taskgroup("status", "run", config=file.name, code=3)
        self.assertIn("no answer from the cluster at https://127.0.0.1:1", said)

    @staticmethod
    def embedded(spec, **fields):
        what = {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}
        return {"customSpec": what, **fields}
