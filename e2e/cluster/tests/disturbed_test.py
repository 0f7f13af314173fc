# SPDX-License-Identifier: Apache-2.0
"""What can happen to a pod: images, agents, memory, coordinator, the pod itself."""

import os
import signal

from harness import (
    ClusterTest,
    OwnCluster,
    by_hand,
    container_statuses,
    group,
    own_cluster,
    step,
    task,
)

FOREVER = "sleep 100000"


class Disturbed(ClusterTest):
    by_tekton = True

    # Covers: 4.1.F7 4.2.F1
    def test_a_bad_image_fails_its_task_only(self):
        spec = group(
            task("good", "true"),
            task("bad", steps=[step("true", image="nobody/has/this:1")]),
            task("next", "true", runAfter=["bad"]),
        )
        spec["finally"] = [task("cleanup", "true")]
        run = self.start(spec).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, good="Succeeded", bad="Failed", next="Skipped", cleanup="Succeeded")
        self.assertRegex(
            run.tasks["bad"]["reason"] + run.tasks["bad"].get("message", ""), "ImagePull"
        )
        self.wait_pod_ended(run)

    def test_a_bad_image_of_a_skipped_task_fails_nothing(self):
        when = [{"input": "a", "operator": "in", "values": ["b"]}]
        run = self.start(
            group(
                task("good", "true"),
                task("skipped", steps=[step("true", image="nobody/has/this:1")], when=when),
            )
        ).wait()
        self.assert_succeeded(run)
        self.assert_states(run, good="Succeeded", skipped="Skipped")
        self.wait_pod_ended(run)

    def test_an_invalid_image_name_fails_its_task_only(self):
        run = self.start(
            group(task("good", "true"), task("bad", steps=[step("true", image="Not An Image")]))
        ).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, good="Succeeded", bad="Failed")
        self.wait_pod_ended(run)

    # Covers: 4.2.F1
    def test_a_container_that_cannot_be_made_fails_its_task_only(self):
        # kubelet refuses it: CreateContainerConfigError.
        bad = step("true", securityContext={"runAsNonRoot": True})
        run = self.start(group(task("good", "true"), task("bad", steps=[bad]))).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, good="Succeeded", bad="Failed")
        self.wait_pod_ended(run)

    def test_a_container_that_cannot_be_started_fails_its_task_only(self):
        # No runtime fits into so little memory: StartError, or an end by OOM before it has begun.
        bad = step("true", computeResources={"limits": {"memory": "64Ki"}})
        run = self.start(group(task("good", "true"), task("bad", steps=[bad]))).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, good="Succeeded", bad="Failed")
        self.wait_pod_ended(run)

    def wait_pod_ended(self, run):
        run.wait_pod(lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"), "ended")

    @own_cluster
    def test_an_agent_killed_names_its_step(self):
        spec = group(
            task("a", steps=[step(FOREVER, name="work")], retries=2),
            task("next", "true", runAfter=["a"]),
        )
        run = self.start(spec)
        pod = run.wait_running("step-a-work")
        os.kill(OwnCluster().processes_of(pod, "step-a-work")[0], signal.SIGKILL)
        run.wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, a="Failed", next="Skipped")
        self.assertEqual(run.tasks["a"]["attempts"], 1, "its agent is gone")
        self.assertEqual(run.tasks["a"]["steps"][0]["state"], "Terminated")

    # Covers: 4.1.F3 4.1.F4 20.R3
    @own_cluster
    def test_a_step_out_of_memory_is_named(self):
        hungry = step("tail /dev/zero", name="eat", computeResources={"limits": {"memory": "24Mi"}})
        run = self.start(group(task("a", steps=[hungry]), task("b", "true"))).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, a="Failed", b="Succeeded")

    @own_cluster
    def test_a_coordinator_killed_fails_the_run(self):
        run = self.start(group(task("a", FOREVER)))
        pod = run.wait_running()
        os.kill(OwnCluster().processes_of(pod, "coordinator")[0], signal.SIGKILL)
        run.wait()
        self.assert_failed(run, "CoordinatorLost")
        ended = run.wait_pod(lambda pod: pod["status"]["phase"] == "Failed", "Failed")
        self.assertFalse([s["name"] for s in container_statuses(ended) if "running" in s["state"]])

    def test_a_deleted_pod_is_lost_and_not_made_again(self):
        run = self.start(group(task("a", FOREVER)))
        pod = run.wait_running()
        run.wait_until(lambda run: run.reason == "Running", "Running")
        self.api.delete("Pod", pod["metadata"]["name"], self.namespace, gracePeriodSeconds=0)
        run.wait()
        self.assert_failed(run, "PodLost")
        self.assertEqual(run.pods(), [])

    def test_a_deleted_pod_is_tried_again_where_retries_are_left(self):
        run = self.start(group(task("a", "sleep 5")), retries=1)
        pod = run.wait_running()
        run.wait_until(lambda run: run.reason == "Running", "Running")
        self.api.delete("Pod", pod["metadata"]["name"], self.namespace, gracePeriodSeconds=0)
        run.wait()
        self.assert_succeeded(run)
        self.assertEqual(len(run.status["retriesStatus"]), 1)
        self.assertEqual(run.status["retriesStatus"][0]["conditions"][0]["reason"], "PodLost")
        self.assertNotEqual(run.pod()["metadata"]["name"], pod["metadata"]["name"])

    @by_hand
    def test_the_pod_goes_with_its_run(self):
        run = self.start(group(task("a", "true"))).wait()
        name = run.pod()["metadata"]["name"]
        run.delete()
        for kind, _ in self.api.watch("Pod", self.namespace, name):
            if kind == "DELETED":
                return
        self.assertIsNone(self.api.find("Pod", name, self.namespace))

    @own_cluster
    def test_an_image_with_another_stop_signal(self):
        run = self.start(group(task("a", steps=[step(FOREVER, image="e2e/stopsignal")])))
        run.wait_running()
        run.cancel()
        self.assert_failed(run.wait(), "CustomRunCancelled")
