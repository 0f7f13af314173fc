# SPDX-License-Identifier: Apache-2.0
"""What the controller tells Prometheus and the log of real runs, and what steps get of a trace."""

import json
import os
import re
import shutil
import subprocess

from harness import SYSTEM, ClusterTest, alone, by_hand, group, step, task

CONTROLLERS = "app.kubernetes.io/component=controller"
TRACE = "0f57e147e992b304d977436289d10628"
PARENT = f"00-{TRACE}-73d5909e31793992-01"
RESOURCES = {"requests": {"cpu": "20m", "memory": "8Mi"}}


class MetricsTest(ClusterTest):
    def pods(self):
        return [pod["metadata"]["name"] for pod in self.api.list("Pod", SYSTEM, labels=CONTROLLERS)]

    def text(self, pod):
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:8080/proxy/metrics"
        return self.api.request("GET", path)

    def figures(self):
        """By series: its sum over all controllers."""
        figures = {}
        for pod in self.pods():
            for series, value in re.findall(r"^([^# ]\S*(?:\{.*\})?) (\S+)$", self.text(pod), re.M):
                figures[series] = figures.get(series, 0) + float(value)
        return figures

    def log_of(self, run):
        """What controllers have logged of a run."""
        lines = [
            json.loads(line)
            for pod in self.pods()
            for line in self.api.log(pod, "controller", SYSTEM).splitlines()
        ]
        return [
            line
            for line in lines
            if line.get("namespace") == self.namespace and line.get("run") == run.name
        ]


@alone
class Metrics(MetricsTest):
    # Covers: 11.4.F2 17.F2
    def test_a_run_is_measured(self):
        before = self.figures()
        run = self.start(
            group(
                task("build", steps=[
                    step("true", name="compile", computeResources=RESOURCES),
                    step("true", name="check", computeResources=RESOURCES),
                ]),
                task("test", "false", runAfter=["build"], onError="continue"),
                task("ship", "true", when=[{"input": "a", "operator": "in", "values": ["b"]}]),
                **{"finally": [task("tell", "true")]},
            )
        ).wait()
        self.assert_succeeded(run)
        after = self.figures()

        def grown(series):
            return after.get(series, 0) - before.get(series, 0)

        self.assertEqual(grown('taskgroup_runs_total{outcome="succeeded",reason="Succeeded"}'), 1)
        self.assertEqual(grown('taskgroup_run_duration_seconds_count{outcome="succeeded"}'), 1)
        self.assertEqual(grown('taskgroup_tasks_total{outcome="succeeded",reason="Succeeded"}'), 2)
        skipped = "When Expressions evaluated to false"
        self.assertEqual(grown(f'taskgroup_tasks_total{{outcome="skipped",reason="{skipped}"}}'), 1)
        self.assertEqual(grown("taskgroup_run_pod_creation_seconds_count"), 1)
        self.assertEqual(grown("taskgroup_run_first_step_seconds_count"), 1)
        self.assertGreater(grown("taskgroup_run_first_step_seconds_sum"), 0)
        self.assertLess(
            grown("taskgroup_run_first_step_seconds_sum"),
            grown('taskgroup_run_duration_seconds_sum{outcome="succeeded"}'),
        )
        self.assertEqual(grown("taskgroup_step_handover_seconds_count"), 3)
        saved = grown("taskgroup_requests_sum_cpu_cores_total") - grown(
            "taskgroup_requests_peak_cpu_cores_total"
        )
        self.assertAlmostEqual(saved, 0.02, places=3)
        self.assertGreater(grown('rest_client_requests_total{code="201",method="POST"}'), 0)
        self.assertEqual(grown('controller_runtime_reconcile_errors_total{controller="customrun"}'), 0)
        self.assertEqual(after["leader_election_master_status{name=\"taskgroup-controller\"}"], 1)
        for name in ("run_pod_creation_seconds", "run_first_step_seconds", "step_handover_seconds"):
            series = f"taskgroup_{name}_sum"
            print(f"    {series}: {grown(series):.3f} of {grown(series[:-3] + 'count'):.0f}")

    def test_promtool_finds_nothing_wrong(self):
        promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
        if not promtool:
            self.skipTest("there is no promtool")
        self.assert_succeeded(self.start(group(task("a", "true"))).wait())
        for pod in self.pods():
            checked = subprocess.run(
                [promtool, "check", "metrics"], input=self.text(pod), capture_output=True, text=True
            )
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))


class Traces(MetricsTest):
    @by_hand
    def test_steps_get_the_trace_of_the_run(self):
        run = self.start_custom_run(
            {
                "customSpec": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "spec": group(
                        task("a", steps=[
                            step('echo "$TRACEPARENT $TRACESTATE"', name="given"),
                            step('echo "$TRACEPARENT"', name="own",
                                 env=[{"name": "TRACEPARENT", "value": "mine"}]),
                        ])
                    ),
                }
            },
            annotations={
                "tekton.dev/pipelinerunSpanContext": json.dumps(
                    {"traceparent": PARENT, "tracestate": "vendor=$(HOME)"}
                )
            },
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.log("step-a-given"), f"{PARENT} vendor=$(HOME)\n")
        self.assertEqual(run.log("step-a-own"), "mine\n")
        lines = self.log_of(run)
        self.assertGreaterEqual(len(lines), 3)
        for line in lines:
            self.assertEqual((line["uid"], line["traceID"]), (run.uid, TRACE), line)
        self.assertEqual(lines[-1]["podUID"], run.pod()["metadata"]["uid"])
