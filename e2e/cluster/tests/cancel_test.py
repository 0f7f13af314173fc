# SPDX-License-Identifier: Apache-2.0
"""Cancelling a run at every moment."""

from harness import ClusterTest, OwnCluster, alone, by_hand, group, own_cluster, task

FOREVER = "echo begun; sleep 100000"
TIMED_OUT = "CustomRun cancelled as the PipelineRun it belongs to has timed out."


class Cancel(ClusterTest):
    by_tekton = True

    def long_group(self, **fields):
        spec = group(task("a", FOREVER), task("next", "true", runAfter=["a"]))
        spec["finally"] = [task("cleanup", "printf done > $(results.r.path)", results=["r"])]
        spec["results"] = [{"name": "r", "value": "$(finally.cleanup.results.r)"}]
        return self.start(spec, **fields)

    def assert_cancelled(self, run):
        self.assert_failed(run.wait(), "CustomRunCancelled")
        self.assertEqual(run.status["observedGeneration"], 2)

    # Covers: 2.3.F1 2.3.F2
    def test_contract_18_reason_and_finally_and_the_log_stay(self):
        run = self.long_group()
        run.wait_running()
        run.wait_task("a", "Running")
        run.cancel()
        self.assert_cancelled(run)
        self.assert_states(run, a="Cancelled", next="Skipped", cleanup="Succeeded")
        self.assertEqual(run.results, {"r": "done"})
        self.assertEqual(run.log("step-a-unnamed-0"), "begun\n")

    def test_contract_18_also_when_the_pipeline_run_timed_out(self):
        run = self.long_group()
        run.wait_task("a", "Running")
        run.cancel(TIMED_OUT)
        self.assert_cancelled(run)

    def test_contract_19_another_value_of_status_is_no_cancel(self):
        run = self.start(group(task("a", "sleep 3")))
        run.wait_task("a", "Running")
        self.api.patch("CustomRun", run.name, {"spec": {"status": "Paused"}}, self.namespace)
        self.assert_succeeded(run.wait())

    @by_hand
    def test_contract_20_before_its_pod(self):
        run = self.start(group(task("a", "true")), status="RunCancelled")
        self.assert_failed(run.wait(), "CustomRunCancelled")
        self.assertEqual(run.pods(), [])

    @by_hand
    def test_contract_21_of_a_finished_run(self):
        run = self.start(group(task("a", "true"))).wait()
        before = run.status
        run.cancel()
        run.cancel()
        # Another run, begun and ended after it, shows that the controller has had its time.
        self.start(group(task("a", "true")), "other").wait()
        self.assertEqual(run.read().status, before)

    @by_hand
    def test_contract_22_without_a_message(self):
        run = self.long_group()
        run.wait_task("a", "Running")
        run.cancel(message=None)
        self.assert_cancelled(run)

    def test_contract_23_no_retry_after_it(self):
        run = self.long_group(retries=3)
        run.wait_task("a", "Running")
        run.cancel()
        self.assert_cancelled(run)
        self.assertFalse(run.status.get("retriesStatus"))
        run.pod()

    def test_while_the_pod_cannot_be_scheduled(self):
        spec = group(task("a", "true"), run={"podTemplate": {"nodeSelector": {"no": "node"}}})
        run = self.start(spec)
        run.wait_pod(
            lambda pod: any(
                c["reason"] == "Unschedulable" for c in pod["status"].get("conditions", [])
            ),
            "unschedulable",
        )
        run.cancel()
        self.assert_cancelled(run)

    def test_no_finally_if_the_pipeline_run_is_cancelled_at_once(self):
        spec = group(task("a", FOREVER))
        spec["finally"] = [task("cleanup", "true")]
        run = self.start_owned(spec)
        run.wait_task("a", "Running")
        self.api.patch("PipelineRun", "pr", {"spec": {"status": "Cancelled"}}, self.namespace)
        if not self.api.has_tekton():
            run.cancel()
        self.assert_cancelled(run)
        self.assert_states(run, a="Cancelled", cleanup="Skipped")

    def start_owned(self, spec):
        """A run of the PipelineRun `pr`, made by Tekton where there is one."""
        if self.api.has_tekton():
            return self.start_pipeline_run(spec, "pr")
        owner = self.apply("""
            apiVersion: tekton.dev/v1
            kind: PipelineRun
            metadata: {name: pr}
            spec: {pipelineRef: {name: p}}
            """)
        return self.start_custom_run(
            {
                "customSpec": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "spec": spec,
                }
            },
            ownerReferences=[
                {
                    "apiVersion": "tekton.dev/v1",
                    "kind": "PipelineRun",
                    "name": "pr",
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ],
        )


@own_cluster
@alone
class CancelDuringAPull(ClusterTest):
    def test_it_ends_when_the_pull_does(self):
        from images import write_layout, busybox_layer

        cluster = OwnCluster()
        write_layout(
            cluster.layout.registry / "e2e" / self.namespace,
            busybox_layer(),
            {"Labels": {"of": self.namespace}},
        )
        with cluster.pulls_held():
            run = self.start(
                group(task("a", steps=[{"image": f"e2e/{self.namespace}", "script": "true"}]))
            )
            run.wait_pod(lambda pod: pod["status"].get("containerStatuses"), "being made")
            run.cancel()
        self.assert_failed(run.wait(), "CustomRunCancelled")
