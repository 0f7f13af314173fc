# SPDX-License-Identifier: Apache-2.0
"""Admission: what validation finds is refused when an object is written, with its path.

The cases are those of the library's own tests (core/planning/validation_cases/).
"""

import json
import re
import subprocess
import time

import yaml

from harness import (API_VERSION, DEADLINE, ROOT, SYSTEM, ApiError, ClusterTest, alone, group,
                     task)
from install_test import CONFIGURATION, figure, upgrade

DENIED = "denied the request: "


def cases():
    for path in sorted((ROOT / "core" / "planning" / "validation_cases").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text())["cases"]:
            case["spec"] = yaml.safe_load(case["spec"])
            case.setdefault("finds", [])
            yield case


def embedded(spec):
    return {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}


# Where a group stands: the kind of object, the path of its spec, the object's spec around it.
FORMS = [
    ("TaskGroup", "spec", lambda spec: spec),
    ("CustomRun", "spec.customSpec.spec", lambda spec: {"customSpec": embedded(spec)}),
    ("Pipeline", "spec.tasks[0].taskSpec.spec",
     lambda spec: {"tasks": [{"name": "group", "taskSpec": embedded(spec)}]}),
    ("PipelineRun", "spec.pipelineSpec.tasks[0].taskSpec.spec",
     lambda spec: {"pipelineSpec": {"tasks": [{"name": "group", "taskSpec": embedded(spec)}]}}),
]
VERSIONS = {"TaskGroup": API_VERSION, "CustomRun": "tekton.dev/v1beta1"}


def in_object(finding, path):
    """A case's finding, with the path that it has in another object, and without a line."""
    finding = re.sub(r"^\d+: ", "", finding)
    finding = re.sub(r" in line \d+.*", "", finding)
    return re.sub(r"^((?:error|warning): )?spec\b", rf"\g<1>{path}", finding)


@alone
class Admission(ClusterTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(upgrade)
        upgrade("webhook.enabled=true", "webhook.replicas=1")
        for _, found in self.api.watch("ValidatingWebhookConfiguration", name=CONFIGURATION):
            if all(one["clientConfig"].get("caBundle") for one in found.get("webhooks", [])):
                break
        else:
            self.fail(f"{CONFIGURATION} has no caBundle")
        # The API server hears of it a moment later, and ignores a webhook that it cannot trust yet.
        end = time.monotonic() + DEADLINE
        while not self.refusal("CustomRun", {"customSpec": embedded({})}):
            self.assertLess(time.monotonic(), end, "the webhook is never asked")

    def make(self, kind, spec, name="made", **query):
        return self.api.request(
            "POST", self.api.path(kind, self.namespace, **query),
            {"apiVersion": VERSIONS.get(kind, "tekton.dev/v1"), "kind": kind,
             "metadata": {"name": name, "namespace": self.namespace}, "spec": spec})

    def refusal(self, kind, spec):
        """What the API server says about an object; nothing if it takes it."""
        try:
            self.make(kind, spec, dryRun="All")
        except ApiError as error:
            return error
        return None

    def kubectl(self, *arguments, stdin=""):
        return subprocess.run(["kubectl", "--namespace", self.namespace, *arguments], text=True,
                              input=stdin, capture_output=True)

    def test_every_rule_is_refused_with_its_path(self):
        refused, by_schema = 0, 0
        for case in cases():
            of_task = case["of"] == "Task"
            spec = ({"tasks": [{"name": "t", "taskSpec": case["spec"]}]} if of_task
                    else case["spec"])
            errors = [one for one in case["finds"] if "warning: " not in one]
            if of_task and errors:  # a Task by itself sees less, so what is found may be more here
                errors = []
            elif of_task:
                continue
            for kind, path, around in FORMS:
                with self.subTest(f"{case['name']} in a {kind}"):
                    found = self.refusal(kind, around(spec))
                    if not errors and not of_task:
                        self.assertIsNone(found)
                        continue
                    self.assertIsNotNone(found)
                    self.assertEqual((found.code, found.reason), (422, "Invalid"), found)
                    refused += 1
                    if DENIED not in found.message and kind == "TaskGroup":
                        by_schema += 1  # which is asked first
                        self.assertIn(case.get("api", ""), found.message)
                        continue
                    for one in errors:
                        self.assertIn(in_object(one, path), found.message)
        self.assertGreater(refused, 150)
        figure(f"{refused} objects refused with their paths, {by_schema} of them by the schema")

    def test_what_is_hardly_meant_is_a_warning_and_all_errors_come_at_once(self):
        listening = {"env": [{"name": "PORT", "value": "8080"}]}
        spec = group(task("one", "true", spec={"stepTemplate": listening}),
                     task("two", "true", spec={"stepTemplate": listening}))
        made = {"apiVersion": API_VERSION, "kind": "TaskGroup", "metadata": {"name": "made"},
                "spec": spec}
        done = self.kubectl("apply", "--filename=-", stdin=json.dumps(made))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Warning: spec.tasks[1].taskSpec.stepTemplate.env[0].value: the tasks \"one\" "
                      "and \"two\" may run at the same time and both listen on port 8080",
                      done.stderr)

        spec["tasks"][0]["runAfter"] = ["too"]
        spec["tasks"][1]["taskSpec"]["steps"][0]["script"] = "echo $(params.nmae)"
        done = self.kubectl("apply", "--filename=-", stdin=json.dumps(made))
        self.assertEqual(done.returncode, 1)
        self.assertIn("spec.tasks[0].runAfter[0]: there is no task \"too\" (did you mean \"two\"?)",
                      done.stderr)
        self.assertIn("spec.tasks[1].taskSpec.steps[0].script: \"$(params.nmae)\"", done.stderr)

    def test_a_run_is_checked_against_the_group_that_it_names(self):
        self.make("TaskGroup", group(task("one", "true"),
                                     params=[{"name": "color", "enum": ["red", "green"]}]), "choosy")
        reference = {"apiVersion": API_VERSION, "kind": "TaskGroup", "name": "choosy"}
        found = self.refusal("CustomRun", {"customRef": reference,
                                           "params": [{"name": "color", "value": "blue"}]})
        self.assertEqual((found.code, found.reason), (422, "Invalid"))
        self.assertIn("spec.params[0].value: param \"color\" cannot be \"blue\"", found.message)
        self.assertIn("color", self.refusal("Pipeline", {
            "tasks": [{"name": "a", "taskRef": reference}]}).message)
        self.assertIsNone(self.refusal("CustomRun", {
            "customRef": reference, "params": [{"name": "color", "value": "red"}]}))
        self.assertIsNone(self.refusal("CustomRun", {"customRef": {**reference, "name": "not-yet"}}))

        if not self.api.has_tekton():
            return
        # What only the run knows is found when Tekton makes the CustomRun: that ends the PipelineRun.
        self.make("Pipeline", {"params": [{"name": "color"}], "tasks": [
            {"name": "a", "taskRef": reference,
             "params": [{"name": "color", "value": "$(params.color)"}]}]}, "colored")
        self.make("PipelineRun", {"pipelineRef": {"name": "colored"},
                                  "params": [{"name": "color", "value": "blue"}]}, "blue")
        for _, run in self.api.watch("PipelineRun", self.namespace, "blue"):
            condition = (run.get("status", {}).get("conditions") or [{}])[0]
            if condition.get("status") == "False":
                break
        self.assertEqual(condition["reason"], "CreateRunFailed")
        self.assertIn("cannot be \"blue\"", condition["message"])

    def test_others_and_what_was_let_in_before_are_left_alone(self):
        self.make("TaskGroup", group(task("one", "true")))
        self.api.patch("TaskGroup", "made", {"metadata": {"labels": {"a": "b"}}}, self.namespace)
        self.assertIsNone(self.refusal("CustomRun", {
            "customSpec": {"apiVersion": "example.dev/v1", "kind": "TaskGroup", "spec": {"a": 1}}}))
        run = self.start(group(task("one", "sleep 60")))
        run.wait_task("one", "Running")
        run.cancel()
        run.wait()
        self.assertEqual(run.reason, "CustomRunCancelled")

    def test_stock_objects_do_not_depend_on_it(self):
        upgrade("webhook.replicas=0")
        for _ in self.api.watch("Pod", SYSTEM):
            if not self.api.list("Pod", SYSTEM, labels="app.kubernetes.io/component=webhook"):
                break
        stock = {"tasks": [{"name": "a", "taskSpec": {"steps": [{"image": "i", "script": "x"}]}}]}
        self.make("Pipeline", stock, "stock")
        self.make("PipelineRun", {"pipelineSpec": stock}, "stock")
        # Not even those that hold a TaskGroup, though nobody could look at it.
        self.make("Pipeline", {"tasks": [{"name": "a", "taskSpec": embedded({})}]}, "ours")
        run = self.start_custom_run({"customSpec": embedded(group(task("one", "true")))})
        run.wait()
        self.assertEqual(run.state, "True")
        # Our own kind is not taken unseen.
        found = self.refusal("TaskGroup", group(task("one", "true")))
        self.assertEqual(found.code, 500)
        self.assertIn("failed calling webhook \"taskgroups.taskgroup.dev\"", found.message)
