# SPDX-License-Identifier: Apache-2.0
"""The cluster itself: what all other tests rely on."""

from harness import ApiError, ClusterTest, OwnCluster, IMAGE, own_cluster


class Cluster(ClusterTest):
    def make_pod(self, name, **fields):
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name},
                "spec": {"restartPolicy": "Never", **fields},
            }
        )

    def wait_phase(self, name, phase):
        for _, pod in self.api.watch("Pod", self.namespace, name):
            if pod["status"].get("phase") == phase:
                return pod
        self.fail(f"pod {name} is not {phase}")

    def test_a_pod_runs_and_reaches_the_api_server(self):
        script = "wget -q -O- --no-check-certificate https://$KUBERNETES_SERVICE_HOST/version"
        self.make_pod(
            "pod", containers=[{"name": "a", "image": IMAGE, "command": ["sh", "-c", script]}]
        )
        self.wait_phase("pod", "Succeeded")
        self.assertIn("gitVersion", self.api.log("pod", "a", self.namespace))

    @own_cluster
    def test_an_image_that_is_not_there_is_not_found(self):
        self.make_pod("pod", containers=[{"name": "a", "image": "nobody/has/this:1"}])
        for _, pod in self.api.watch("Pod", self.namespace, "pod"):
            statuses = pod["status"].get("containerStatuses", [])
            waiting = statuses[0]["state"].get("waiting", {}) if statuses else {}
            if waiting.get("reason") == "ErrImagePull":
                self.assertIn("not found", waiting["message"])
                return
        self.fail("no ErrImagePull")

    @own_cluster
    def test_a_private_image_needs_its_secret(self):
        self.apply("""
            apiVersion: v1
            kind: Secret
            metadata: {name: puller}
            type: kubernetes.io/dockerconfigjson
            stringData:
              .dockerconfigjson: |
                {"auths": {"docker.io": {"username": "puller", "password": "secret"}}}
            """)
        containers = [{"name": "a", "image": "private/busybox", "command": ["true"]}]
        self.make_pod("pod", containers=containers, imagePullSecrets=[{"name": "puller"}])
        self.wait_phase("pod", "Succeeded")

    def start_any(self, **fields):
        return self.start_custom_run(
            {"customSpec": {"apiVersion": "example.dev/v1", "kind": "Nobody", "spec": {}}, **fields}
        )

    @own_cluster
    def test_the_webhook_sets_defaults_and_turns_numbers_into_text(self):
        run = self.start_any(params=[{"name": "n", "value": 5}])
        self.assertEqual(run.object["spec"]["serviceAccountName"], "default")
        self.assertEqual(run.object["spec"]["params"][0]["value"], "5")

    @own_cluster
    def test_the_webhook_refuses_two_kinds_of_work(self):
        with self.assertRaisesRegex(ApiError, "expected exactly one, got both"):
            self.start_any(customRef={"apiVersion": "example.dev/v1", "kind": "Nobody"})

    def test_custom_run_prunes_what_tekton_does_not_know(self):
        run = self.start_any(podTemplate={"nodeSelector": {"a": "b"}})
        self.assertNotIn("podTemplate", run.object["spec"])

    @own_cluster
    def test_the_audit_log_counts_writes(self):
        self.start_any()
        made = [
            (entry["verb"], entry["objectRef"]["resource"])
            for entry in OwnCluster().writes(self.namespace)
        ]
        self.assertIn(("create", "customruns"), made)
