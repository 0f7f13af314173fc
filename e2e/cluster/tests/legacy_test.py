# SPDX-License-Identifier: Apache-2.0
"""Tekton's former kind Run (tekton.dev/v1alpha1), where the API server still has it."""

from harness import API_VERSION, ClusterTest, group, task


class Legacy(ClusterTest):
    def setUp(self):
        super().setUp()
        if not self.api.find("CustomResourceDefinition", "runs.tekton.dev"):
            self.skipTest("this cluster's Tekton has no Run any more")

    def test_an_embedded_group(self):
        spec = group(
            task("a", "printf x > $(results.r.path)", results=["r"]),
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start_legacy(spec).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"r": "x"})
        (owner,) = run.pod()["metadata"]["ownerReferences"]
        self.assertEqual((owner["apiVersion"], owner["kind"]), ("tekton.dev/v1alpha1", "Run"))

    def test_a_reference_to_a_group_that_is_not_there(self):
        reference = {"apiVersion": API_VERSION, "kind": "TaskGroup", "name": "nowhere"}
        run = self.follow(
            self.apply(
                {
                    "apiVersion": "tekton.dev/v1alpha1",
                    "kind": "Run",
                    "metadata": {"name": "run"},
                    "spec": {"ref": reference},
                }
            )
        ).wait()
        self.assert_failed(run, "CouldntGetTaskGroup", "nowhere")

    def test_its_own_reasons(self):
        run = self.start_legacy(group(task("a", "sleep 100000")))
        run.wait_running()
        run.cancel("Run cancelled as the PipelineRun it belongs to has been cancelled.")
        self.assert_failed(run.wait(), "RunCancelled")
