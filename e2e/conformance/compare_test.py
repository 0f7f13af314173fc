#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The comparing runner without a cluster: what it reads, makes CustomRuns of, and calls a difference."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import textwrap
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import conversion  # noqa: E402
import documents  # noqa: E402
import pods  # noqa: E402
from ways import HUNG, REFUSED, Outcome  # noqa: E402

_loader = importlib.machinery.SourceFileLoader("compare", str(HERE / "compare"))
compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", _loader))
_loader.exec_module(compare)


def entries(text):
    return documents.entries_of("file.yaml", documents.read_objects(textwrap.dedent(text)))


def group_of(text):
    return conversion.custom_run_of(entries(text)[0])["spec"]["customSpec"]["spec"]


TASK_RUN = """
    apiVersion: tekton.dev/v1
    kind: TaskRun
    metadata: {generateName: brew-, namespace: kitchen}
    spec:
      params: [{name: drink, value: tea}, {name: cups, value: [a, b]}]
      workspaces: [{name: kitchen, emptyDir: {}}]
      retries: 2
      timeout: 5m
      serviceAccountName: cook
      taskRef: {name: brew}
    ---
    apiVersion: tekton.dev/v1beta1
    kind: Task
    metadata: {name: brew}
    spec:
      params: [{name: drink, default: water}]
      workspaces: [{name: kitchen}]
      steps: [{name: brew, image: "busybox:1", script: "true"}]
"""

PIPELINE_RUN = """
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {name: party}
    spec:
      params: [{name: drink, value: tea}, {name: propagated, value: x}]
      timeouts: {pipeline: 10m, tasks: 5m}
      taskRunTemplate: {serviceAccountName: cook, podTemplate: {hostNetwork: false}}
      pipelineRef: {name: party}
    ---
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: party}
    spec:
      params: [{name: drink}]
      results: [{name: cup, value: $(tasks.brew.results.cup)}]
      tasks: [{name: brew, taskSpec: {results: [{name: cup}], steps: []}}]
      finally: [{name: wash, taskSpec: {steps: []}}]
"""


class Documents(unittest.TestCase):
    def test_each_run_of_a_file_is_an_entry_with_the_objects_beside_it(self):
        found = entries(TASK_RUN + "\n    ---\n    {kind: TaskRun, metadata: {name: b}, spec: {}}")
        self.assertEqual([one.name for one in found], ["file.yaml#brew", "file.yaml#b"])
        self.assertEqual([thing["kind"] for thing in found[0].others], ["Task"])

    def test_a_group_is_run_only_where_nothing_runs_it(self):
        group = "{kind: TaskGroup, metadata: {name: g}, spec: {}}\n---\n"
        self.assertEqual([one.run["kind"] for one in entries(group)], ["TaskGroup"])
        both = entries(group + "{kind: CustomRun, metadata: {name: c}, spec: {}}")
        self.assertEqual([one.run["kind"] for one in both], ["CustomRun"])
        self.assertEqual([thing["kind"] for thing in both[0].others], ["TaskGroup"])

    def test_namespaces_are_ours_and_dates_stay_text(self):
        run = entries(TASK_RUN)[0].run
        self.assertNotIn("namespace", run["metadata"])
        self.assertEqual(
            documents.read_objects("{kind: A, day: 2020-01-02}")[0]["day"], "2020-01-02"
        )

    def test_what_is_no_object_is_unreadable(self):
        for text in ("a: [", "- a", "{kind: }"):
            with self.assertRaises(documents.Unreadable):
                documents.read_objects(text)

    def test_the_first_image_that_fits_is_taken_with_or_without_its_tag(self):
        thing = {
            "image": "busybox:1",
            "steps": [{"image": "docker.io/a@sha256:12"}, {"image": "b"}],
        }
        documents.map_images(thing, [("busybox", "x"), ("docker.io/*", "y"), ("busybox:1", "z")])
        self.assertEqual(thing, {"image": "x", "steps": [{"image": "y"}, {"image": "b"}]})


class Conversion(unittest.TestCase):
    def test_a_task_run_is_a_group_of_one_task(self):
        custom_run = conversion.custom_run_of(entries(TASK_RUN)[0])
        spec = custom_run["spec"]
        self.assertEqual(custom_run["metadata"], {"name": "brew"})
        self.assertEqual((spec["timeout"], spec["serviceAccountName"]), ("0", "cook"))
        self.assertEqual([one["name"] for one in spec["params"]], ["drink", "cups"])
        group = spec["customSpec"]["spec"]
        (task,) = group["tasks"]
        self.assertEqual((task["retries"], task["timeout"]), (2, "5m"))
        self.assertEqual(
            {one["name"]: one["value"] for one in task["params"]},
            {"drink": '$(params["drink"])', "cups": '$(params["cups"][*])'},
        )
        self.assertEqual(group["params"][1], {"name": "cups", "type": "array"})
        self.assertEqual(task["workspaces"], [{"name": "kitchen"}])

    def test_what_a_task_run_says_of_its_pod_is_said_of_the_group(self):
        group = group_of("""
            kind: TaskRun
            metadata: {name: a}
            spec:
              podTemplate: {hostNetwork: true}
              debug: {breakpoints: {onFailure: enabled}}
              computeResources: {requests: {cpu: 1}}
              taskSpec: {steps: []}
        """)
        self.assertEqual(group["run"]["podTemplate"], {"hostNetwork": True})
        self.assertEqual(group["run"]["breakpoints"], [{"task": "a", "onFailure": "enabled"}])
        (spec,) = group["run"]["taskRunSpecs"]
        self.assertEqual(
            spec, {"pipelineTaskName": "a", "computeResources": {"requests": {"cpu": 1}}}
        )

    def test_an_embedded_task_gets_what_it_declares_and_sees_the_rest(self):
        group = group_of("""
            kind: TaskRun
            metadata: {name: a}
            spec:
              params: [{name: own, value: x}, {name: propagated, value: {k: v}}]
              taskSpec: {params: [{name: own}], steps: []}
        """)
        self.assertEqual([one["name"] for one in group["tasks"][0]["params"]], ["own"])
        self.assertEqual(
            group["params"][1],
            {"name": "propagated", "type": "object", "properties": {"k": {"type": "string"}}},
        )

    def test_a_pipeline_run_is_its_pipeline_as_a_group(self):
        spec = conversion.custom_run_of(entries(PIPELINE_RUN)[0])["spec"]
        group = spec["customSpec"]["spec"]
        self.assertEqual((spec["timeout"], spec["serviceAccountName"]), ("10m", "cook"))
        self.assertEqual([one["name"] for one in group["params"]], ["drink", "propagated"])
        self.assertEqual(
            group["run"], {"timeouts": {"tasks": "5m"}, "podTemplate": {"hostNetwork": False}}
        )

    def test_observed_results_become_results_of_the_group(self):
        custom_run = conversion.custom_run_of(entries(PIPELINE_RUN)[0])
        self.assertTrue(
            conversion.observe(custom_run, {"brew": {"l": ["a"]}, "wash": {"a.b": "x"}})
        )
        self.assertEqual(
            {
                one["name"]: one["value"]
                for one in custom_run["spec"]["customSpec"]["spec"]["results"]
            },
            {
                "cup": "$(tasks.brew.results.cup)",
                "observed.brew.l": "$(tasks.brew.results.l[*])",
                "observed.wash.a.b": "$(finally.wash.results['a.b'])",
            },
        )

    def test_a_group_is_the_spec_of_a_pipeline_run(self):
        group = """
            kind: TaskGroup
            metadata: {name: g}
            spec: {run: {timeouts: {tasks: 1m}}, params: [{name: p}], tasks: []}
        """
        run = conversion.pipeline_run_of(conversion.custom_run_of(entries(group)[0]))
        self.assertEqual(run["spec"]["pipelineSpec"], {"params": [{"name": "p"}], "tasks": []})
        self.assertEqual(run["spec"]["timeouts"], {"tasks": "1m"})

    def test_what_only_a_group_has_is_in_no_pipeline_run(self):
        for field in ("run: {failFast: true}", "workspaces: [{name: w, emptyDir: {}}]"):
            group = "{kind: TaskGroup, metadata: {name: g}, spec: {%s}}" % field
            with self.assertRaises(conversion.NotConvertible):
                conversion.pipeline_run_of(conversion.custom_run_of(entries(group)[0]))

    def test_what_cannot_be_run_is_said(self):
        with self.assertRaises(conversion.NotConvertible):
            conversion.custom_run_of(documents.Entry("x", {"kind": "Secret"}))


def compared(**outcomes):
    comparison = compare.Comparison("x", "TaskGroup")
    comparison.outcomes = outcomes
    return comparison


def done(state="Succeeded", **fields):
    tasks = {"a": {"state": state, "attempts": 1, "results": fields.pop("task_results", {})}}
    return Outcome(state, tasks=tasks, **fields)


class Comparing(unittest.TestCase):
    def test_ways_agree_whether_results_are_typed_or_text(self):
        text = done(results={"r": '["a", "b"]'}, task_results={"o": '{"k":"v"}'})
        comparison = compared(
            host=done(results={"r": ["a", "b"]}, task_results={"o": {"k": "v"}}), pod=text
        )
        self.assertEqual((comparison.verdict, comparison.differences), ("agree", []))

    def test_every_difference_is_told(self):
        other = done("Failed", results={"r": "2"}, task_results={"o": "x"})
        other.tasks["a"]["attempts"] = 2
        comparison = compared(host=done(results={"r": "1"}), pod=other)
        self.assertEqual(comparison.verdict, "differ")
        self.assertEqual(
            comparison.differences,
            [
                "attempts of a: host none, pod 2",
                "result a.o: host none, pod x",
                "result r: host 1, pod 2",
                "state: host Succeeded, pod Failed",
                "task a: host Succeeded, pod Failed",
            ],
        )

    def test_results_of_tasks_are_compared_where_all_ways_tell_them(self):
        quiet = done()
        del quiet.tasks["a"]["results"]
        self.assertEqual(compared(host=done(task_results={"o": "x"}), pod=quiet).verdict, "agree")

    def test_a_task_that_only_one_way_has_is_a_difference(self):
        more = done()
        more.tasks["b"] = {"state": "Skipped"}
        self.assertEqual(
            compared(host=done(), pod=more).differences, ["task b: host none, pod Skipped"]
        )

    def test_a_refusal_is_told_with_its_reason(self):
        said = Outcome(REFUSED, message="f.yaml:1:2: error: spec.x: not here\n  1 | x\n")
        self.assertEqual(compared(host=said, pod=said).verdict, "refused")
        partly = compared(host=said, pod=done())
        self.assertEqual(partly.verdict, "partly")
        self.assertEqual(partly.refusals, {"host": "spec.x: not here"})

    def test_what_tekton_refuses_must_not_run_here(self):
        self.assertEqual(compared(pod=done(), tekton=Outcome(REFUSED)).verdict, "differ")
        self.assertEqual(compared(pod=Outcome(REFUSED), tekton=done()).verdict, "refused")

    def test_tekton_need_not_end_what_we_refuse(self):
        comparison = compared(pod=Outcome(REFUSED), tekton=Outcome(HUNG, message="why"))
        self.assertEqual(comparison.verdict, "refused")
        self.assertEqual(compared(pod=done(), tekton=Outcome(HUNG)).verdict, "differ")

    def test_what_hangs_or_breaks_differs(self):
        for state in (HUNG, "Broken"):
            comparison = compared(host=Outcome(state, message="why"))
            self.assertEqual(
                (comparison.verdict, comparison.differences), ("differ", ["host: why"])
            )


class FakeTekton:
    def __init__(self, task_runs):
        self.task_runs = task_runs

    def get(self, _kind, name, _namespace):
        return self.task_runs[name]


def condition(status, reason):
    return [{"type": "Succeeded", "status": status, "reason": reason}]


class Clusters(unittest.TestCase):
    def test_a_pipeline_run_of_tekton_is_told_like_ours(self):
        api = FakeTekton(
            {
                "pr-a": {
                    "status": {
                        "conditions": condition("False", "Failed"),
                        "retriesStatus": [{}],
                        "results": [{"name": "r", "value": "x"}],
                    }
                }
            }
        )
        run = {
            "kind": "PipelineRun",
            "metadata": {"name": "pr"},
            "status": {
                "conditions": condition("False", "Failed"),
                "childReferences": [{"kind": "TaskRun", "name": "pr-a", "pipelineTaskName": "a"}],
                "skippedTasks": [{"name": "b", "reason": "PipelineRun was stopping"}],
                "results": [{"name": "out", "value": ["1"]}],
            },
        }
        outcome = pods.Stock(api).outcome_of(run, "ns", "pr")
        self.assertEqual((outcome.state, outcome.results), ("Failed", {"out": ["1"]}))
        self.assertEqual(
            outcome.tasks,
            {
                "a": {
                    "state": "Failed",
                    "reason": "Failed",
                    "message": "",
                    "attempts": 2,
                    "results": {"r": "x"},
                },
                "b": {"state": "Skipped", "reason": "PipelineRun was stopping", "attempts": 0},
            },
        )

    def test_instances_of_a_matrix_are_told_apart(self):
        over = {"status": {"conditions": condition("True", "Succeeded")}}
        names = ["pr-m-0", "pr-m-1", "pr-a"]
        children = [
            {"kind": "TaskRun", "name": name, "pipelineTaskName": name[3]} for name in names
        ]
        run = {
            "kind": "PipelineRun",
            "status": {"conditions": condition("True", "Succeeded"), "childReferences": children},
        }
        outcome = pods.Stock(FakeTekton({name: over for name in names})).outcome_of(run, "ns", "pr")
        self.assertEqual(sorted(outcome.tasks), ["a", "m-0", "m-1"])

    def test_a_custom_run_without_a_pod_was_refused(self):
        status = {"conditions": condition("False", "TaskGroupValidationFailed")}
        outcome = pods.Pod(FakeTekton({})).outcome_of({"status": status}, "ns", None)
        self.assertEqual(outcome.state, REFUSED)

    def test_observed_results_are_those_of_their_tasks(self):
        status = {
            "conditions": condition("True", "Succeeded"),
            "extraFields": {"pod": {"name": "p"}, "tasks": [{"name": "a", "state": "Succeeded"}]},
            "results": [{"name": "observed.a.r.s", "value": "x"}, {"name": "r", "value": "y"}],
        }
        outcome = pods.Pod(FakeTekton({})).outcome_of({"status": status}, "ns", {"a": {"r.s": "x"}})
        self.assertEqual(outcome.results, {"r": "y"})
        self.assertEqual(outcome.tasks["a"]["results"], {"r.s": "x"})


class Program(unittest.TestCase):
    """The whole of it, with a `taskgroup` that says what the run's name is."""

    FAKE = """\
        #!/bin/sh
        name=$(sed -n 's/^ *name: //p' "$2" | head -n 1)
        [ "$name" = refused ] && { echo "error: spec: no" >&2; exit 2; }
        [ "$name" = odd ] && name=$6
        state=Succeeded
        [ "$name" = podman ] && state=Failed
        echo '{"event":"end","state":"'$state'","reason":"'$state'","tasks":{},"results":{}}'
        [ $state = Succeeded ]
        """

    def compare(self, *names, arguments=()):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "taskgroup")
            program.write_text(textwrap.dedent(self.FAKE))
            program.chmod(0o755)
            corpus = pathlib.Path(folder, "corpus")
            corpus.mkdir()
            for name in names:
                thing = {"kind": "TaskRun", "metadata": {"name": name}, "spec": {}}
                (corpus / f"{name}.yaml").write_text(json.dumps(thing))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                flags = ["--taskgroup", str(program), "--ways", "host,podman", *arguments]
                code = compare.main([*flags, str(corpus)])
            return code, out.getvalue()

    def test_it_is_0_where_all_agree(self):
        code, out = self.compare("plain", "refused")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"plain\.yaml +\+ +\+ +agree")
        self.assertRegex(out, r"refused\.yaml +r +r +refused\n    host refuses: spec: no")

    def test_it_is_1_where_two_differ(self):
        code, out = self.compare("plain", "odd")
        self.assertEqual(code, 1)
        self.assertIn("state: host Succeeded, podman Failed", out)
        self.assertIn("1 agree, 0 partly, 0 refused, 1 differ, 0 not tried", out)

    def test_it_is_2_where_nothing_could_be_compared(self):
        self.assertEqual(self.compare()[0], 2)

    def test_machines_read_it_too(self):
        code, out = self.compare("plain", "odd", arguments=["-o", "json"])
        told = json.loads(out)
        self.assertEqual((code, told["counts"]["differ"]), (1, 1))
        verdicts = {run["name"]: run["verdict"] for run in told["runs"]}
        self.assertEqual(verdicts, {"odd.yaml": "differ", "plain.yaml": "agree"})

    @unittest.skipIf(os.environ.get("KUBECONFIG"), "there is a cluster")
    def test_without_a_cluster_the_host_is_the_way(self):
        self.assertEqual(compare.default_ways(), ["host"])


if __name__ == "__main__":
    unittest.main()
