# SPDX-License-Identifier: Apache-2.0
"""The pods of controller/pod_shapes, as the API server sees them: nothing of them is created."""

import json

from harness import ROOT, ClusterTest

SHAPES = ROOT / "controller" / "pod_shapes"


class PodShapes(ClusterTest):
    def ask(self, name):
        """Whether the API server would create it; what it would have become."""
        pod = json.loads((SHAPES / f"{name}.json").read_text())
        pod["metadata"]["namespace"] = self.namespace
        pod["spec"].pop("runtimeClassName", None)  # admission wants it to exist
        return self.api.request("POST", self.api.path("Pod", self.namespace, dryRun="All"), pod)

    def test_every_shape_is_valid(self):
        names = [path.stem for path in SHAPES.glob("*.json")]
        self.assertGreater(len(names), 3)
        for name in names:
            with self.subTest(name):
                self.ask(name)

    def test_our_own_containers_are_allowed_where_only_restricted_ones_are(self):
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.api.patch("Namespace", self.namespace, {"metadata": {"labels": labels}})
        self.ask("shaped")
