# SPDX-License-Identifier: Apache-2.0
"""What the chart renders is valid to a real API server, in every way of installing it."""

import json
import subprocess

import yaml

from harness import ROOT, ApiError, ClusterTest

IMAGE = {"image": {"repository": "registry.example/image", "digest": "sha256:" + 64 * "0"}}
WAYS = {
    "as it is": {},
    "in one namespace": {"watchNamespace": "default", "rbac": {"aggregate": False}},
    "with a certificate of yours": {"webhook": {"certificates": {
        "mode": "secret", "secretName": "mine",
        "caBundle": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"}}},
    "with everything set": {
        "controller": {
            **IMAGE,
            "replicas": 2,
            "imagePullSecrets": ["puller"],
            "priorityClassName": "system-cluster-critical",
            "tolerations": [{"operator": "Exists"}],
            "podLabels": {"team": "ci"},
            "podAnnotations": {"example.dev/a": "b"},
        },
        "agent": {**IMAGE, "imagePullSecrets": ["puller"]},
        "checkSecrets": True,
        "serviceAccount": {"annotations": {"example.dev/a": "b"}},
        "commonLabels": {"team": "ci"},
        "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}]},
        "metrics": {"dashboards": {"enabled": True}},
    },
}


class Chart(ClusterTest):
    def render(self, values):
        command = [ROOT / "charts" / "helm", "template", "rendered", ROOT / "charts" / "taskgroup",
                   "--kube-version=1.29.0",
                   "--namespace", self.namespace, "--values", "-"]
        text = json.dumps({"controller": IMAGE, "agent": IMAGE, **values})
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=True)
        return [thing for thing in yaml.safe_load_all(done.stdout) if thing]

    def try_out(self, thing):
        """Apply it without leaving anything."""
        metadata = thing["metadata"]
        if thing["kind"] == "Pod":
            thing["spec"]["serviceAccountName"] = "default"  # its own is not there
        path = self.api.path(thing["kind"], metadata.get("namespace"), metadata["name"],
                             dryRun="All", fieldManager="e2e", force="true",
                             fieldValidation="Strict")
        self.api.request("PATCH", path, thing, "application/apply-patch+yaml")

    def test_every_object_is_valid(self):
        for way, values in WAYS.items():
            for thing in self.render(values):
                with self.subTest(f"{way}: {thing['kind']} {thing['metadata']['name']}"):
                    self.try_out(thing)

    def test_its_pods_are_let_into_a_restricted_namespace(self):
        self.api.patch("Namespace", self.namespace,
                       {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        specs = [thing["spec"] if thing["kind"] == "Pod" else thing["spec"]["template"]["spec"]
                 for thing in self.render({}) if thing["kind"] in ("Deployment", "Pod")]
        self.assertEqual(len(specs), 3)  # controller, webhook, and the chart's own test
        for spec in specs:
            pod = {"apiVersion": "v1", "kind": "Pod",
                   "metadata": {"name": "pod", "namespace": self.namespace},
                   "spec": spec}
            self.try_out(pod)
            pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
            with self.assertRaisesRegex(ApiError, "violates PodSecurity"):
                self.try_out(pod)
