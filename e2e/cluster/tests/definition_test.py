# SPDX-License-Identifier: Apache-2.0
"""The definition of TaskGroup, as the API server applies it: what it takes, keeps and forbids."""

import json
import pathlib
import subprocess
import sys
import tempfile

import yaml

from harness import ROOT, ApiError, ClusterTest, group, task, unreviewed

import install

NAME = "taskgroups.taskgroup.dev"


class Definition(ClusterTest):
    def setUp(self):
        super().setUp()
        # The chart brings it; without the controller's image there is no chart.
        if not self.api.find("CustomResourceDefinition", NAME):
            self.api.apply(yaml.safe_load((ROOT / "crds" / "taskgroup.yaml").read_text()))
            install.wait_established(self.api, NAME)

    def make(self, spec, name="group"):
        return self.api.create({"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                                "metadata": {"name": name, "namespace": self.namespace},
                                "spec": spec})

    def refusal(self, spec):
        with self.assertRaises(ApiError) as caught:
            self.make(spec)
        self.assertEqual(caught.exception.code, 422)
        return str(caught.exception)

    def kubectl(self, *arguments):
        return subprocess.run(["kubectl", "--namespace", self.namespace, *arguments], text=True,
                              check=True, capture_output=True).stdout

    def test_its_schema_is_structural(self):
        conditions = {one["type"]: one for one in
                      self.api.get("CustomResourceDefinition", NAME)["status"]["conditions"]}
        self.assertEqual(conditions["Established"]["status"], "True")
        self.assertNotIn("NonStructuralSchema", conditions)

    def test_kubectl_apply_takes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            definition = yaml.safe_load((ROOT / "crds" / "taskgroup.yaml").read_text())
            definition["metadata"]["name"] = "copies.example.dev"
            definition["spec"]["group"] = "example.dev"
            definition["spec"]["names"] = {"plural": "copies", "singular": "copy", "kind": "Copy",
                                           "listKind": "CopyList"}
            path = pathlib.Path(folder) / "copy.yaml"
            path.write_text(json.dumps(definition))
            self.addCleanup(self.api.delete, "CustomResourceDefinition",
                            definition["metadata"]["name"])
            self.kubectl("apply", f"--filename={path}")

    def test_every_group_that_runs_elsewhere_is_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, ROOT / "crds" / "check" / "groups.py", folder],
                           check=True)
            path = pathlib.Path(folder)
            groups = sorted(path.glob("run-*.yaml"))
            self.assertGreater(len(groups), 100)
            for file in groups:
                made = yaml.safe_load(file.read_text())
                made["metadata"] = {"name": "group", "namespace": self.namespace}
                with self.subTest(file.stem):
                    self.api.request(
                        "POST", self.api.path("TaskGroup", self.namespace, dryRun="All"), made)

    def test_a_refused_field_is_forbidden_with_the_reason_of_planning(self):
        message = self.refusal(group(task("one", "true", pipelineSpec={"tasks": []})))
        self.assertIn("spec.tasks[0].pipelineSpec: Forbidden: ", message)

    @unreviewed
    def test_an_unknown_field_is_kept_so_that_planning_refuses_it(self):
        made = self.make({**group(task("one", "true", prioritty="high")), "colour": "green"})
        self.assertEqual(made["spec"]["colour"], "green")
        self.assertEqual(made["spec"]["tasks"][0]["prioritty"], "high")

    def test_two_tasks_of_one_name_are_refused(self):
        self.assertIn("spec.tasks[1]: Duplicate value",
                      self.refusal(group(task("one", "true"), task("one", "true"))))
        self.assertIn("spec.finally: Invalid value",
                      self.refusal(group(task("one", "true"))
                                   | {"finally": [task("one", "true")]}))

    def test_a_group_without_tasks_is_refused(self):
        self.assertIn("spec.tasks: Invalid value", self.refusal({"description": "of nothing"}))

    def test_a_reference_stands_alone(self):
        self.assertIn("spec.tasks: Invalid value: \"object\": given beside pipelineRef",
                      self.refusal(group(task("one", "true"), pipelineRef={"name": "p"})))
        self.make({"pipelineRef": {"name": "p"}})

    def test_a_name_that_no_container_could_have_is_refused(self):
        self.assertIn("spec.tasks[0].name", self.refusal(group(task("Big", "true"))))

    def test_kubectl_get_says_what_it_is_and_knows_the_categories(self):
        self.make(group(task("one", "true"), displayName="Build", description="Says hello"))
        self.assertRegex(self.kubectl("get", "taskgroups"), r"^NAME +DISPLAY NAME +PIPELINE +AGE\n"
                                                            r"group +Build +")
        self.assertIn("Says hello", self.kubectl("get", "taskgroups", "--output=wide"))
        self.assertIn("taskgroup.taskgroup.dev/group",
                      self.kubectl("get", "tekton", "--output=name"))
