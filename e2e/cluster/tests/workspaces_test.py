# SPDX-License-Identifier: Apache-2.0
"""Workspaces of every kind, bound by the run."""

from harness import ClusterTest, by_hand, group, own_cluster, task


class Workspaces(ClusterTest):
    by_tekton = True

    def read(
        self, script="cat $(workspaces.w.path)/key > $(results.r.path)", declared=None, **source
    ):
        """Run a task that reads from its workspace; return the run when it has ended."""
        declared = {"name": "w", **(declared or {})}
        spec = group(
            task(
                "a",
                script,
                spec={"workspaces": [declared]},
                results=["r"],
                workspaces=[{"name": "w"}],
            ),
            workspaces=[{"name": "w"}],
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(spec, workspaces=[{"name": "w", **source}]).wait()
        self.assert_succeeded(run)
        return run.results["r"].strip()

    def make_config_map(self):
        self.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {key: value}}")

    def make_secret(self):
        self.apply("{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {key: value}}")

    def test_config_map(self):
        self.make_config_map()
        self.assertEqual(self.read(configMap={"name": "c"}), "value")

    def test_config_map_with_items(self):
        self.make_config_map()
        source = {"name": "c", "items": [{"key": "key", "path": "deep/file"}]}
        self.assertEqual(
            self.read("cat $(workspaces.w.path)/deep/file > $(results.r.path)", configMap=source),
            "value",
        )

    def test_secret(self):
        self.make_secret()
        self.assertEqual(self.read(secret={"secretName": "s"}), "value")

    # Covers: 6.1.F1
    def test_projected(self):
        self.make_secret()
        self.make_config_map()
        sources = [
            {"secret": {"name": "s"}},
            {"configMap": {"name": "c", "items": [{"key": "key", "path": "other"}]}},
        ]
        self.assertEqual(
            self.read(
                "cat $(workspaces.w.path)/key $(workspaces.w.path)/other > $(results.r.path)",
                projected={"sources": sources},
            ),
            "valuevalue",
        )

    def test_empty_dir(self):
        self.assertEqual(
            self.read(
                "echo text > $(workspaces.w.path)/key; cat $(workspaces.w.path)/key > $(results.r.path)",
                emptyDir={"medium": "Memory", "sizeLimit": "1Mi"},
            ),
            "text",
        )

    def test_read_only(self):
        self.make_config_map()
        script = "touch $(workspaces.w.path)/x && exit 1; printf refused > $(results.r.path)"
        self.assertEqual(self.read(script, {"readOnly": True}, configMap={"name": "c"}), "refused")

    @own_cluster
    def test_claim_with_a_sub_path_keeps_what_was_written(self):
        self.make_claim("claim")
        source = {"persistentVolumeClaim": {"claimName": "claim"}, "subPath": "deep/er"}
        spec = group(
            task(
                "a",
                "echo kept >> $(workspaces.w.path)/file",
                spec={"workspaces": [{"name": "w"}]},
                workspaces=[{"name": "w"}],
            ),
            workspaces=[{"name": "w"}],
        )
        self.assert_succeeded(
            self.start(spec, "first", workspaces=[{"name": "w", **source}]).wait()
        )
        self.assertIn(
            "kept", self.read("cat $(workspaces.w.path)/file > $(results.r.path)", **source)
        )

    # Covers: 6.1.F5
    @own_cluster
    @by_hand
    def test_contract_37_volume_claim_template(self):
        template = {
            "spec": {
                "storageClassName": "e2e",
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Mi"}},
            }
        }
        self.read(
            "touch $(workspaces.w.path)/x; printf x > $(results.r.path)",
            volumeClaimTemplate=template,
        )
        claims = self.api.list("PersistentVolumeClaim", self.namespace)
        self.assertEqual(
            [claim["metadata"]["ownerReferences"][0]["kind"] for claim in claims], ["CustomRun"]
        )

    def test_an_optional_workspace_may_stay_unbound(self):
        spec = group(
            task(
                "a",
                "printf '$(workspaces.w.bound)' > $(results.r.path)",
                results=["r"],
                spec={"workspaces": [{"name": "w", "optional": True}]},
                workspaces=[{"name": "w"}],
            ),
            workspaces=[{"name": "w", "optional": True}],
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"r": "false"})
