#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart renders what its values say, grants no more than that, and refuses what it does not know.

Needs helm; charts/helm finds or fetches it.
"""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE / "taskgroup"
DEFINITION = HERE.parent / "crds" / "taskgroup.yaml"
# A helm that was built from its module has no idea of a version.
OLDEST = ["--kube-version=1.29.0"]
DIGEST = "sha256:" + 64 * "0"
IMAGES = {"controller": {"image": {"repository": "registry.example/controller", "digest": DIGEST}},
          "agent": {"image": {"repository": "registry.example/agent", "digest": DIGEST}}}


def helm(*arguments, values=None):
    return subprocess.run([HERE / "helm", *arguments], input=json.dumps(values or {}),
                          capture_output=True, text=True)


def merged(base, over):
    """Put one tree of values over another."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {key: merged(base[key], over[key]) if key in base and key in over
            else over.get(key, base.get(key)) for key in {**base, **over}}


def render(values=None, release="taskgroup", namespace="taskgroup-system", chart=CHART):
    """Return the objects by kind and name."""
    done = helm("template", release, str(chart), "--namespace", namespace, *OLDEST, "--values", "-",
                values=merged(IMAGES, values or {}))
    if done.returncode:
        raise AssertionError(done.stderr)
    return {(one["kind"], one["metadata"]["name"]): one
            for one in yaml.safe_load_all(done.stdout) if one}


def only(objects, kind):
    found = [one for (kind_of_one, _), one in objects.items() if kind_of_one == kind]
    if len(found) != 1:
        raise AssertionError(f"found {len(found)} of kind {kind}")
    return found[0]


def arguments(objects):
    return only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]


def rules(role):
    """Return (group, resource, verb) for each right of a role."""
    return {(group, resource, verb) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


class Chart(unittest.TestCase):
    def refusal(self, values):
        done = helm("template", "taskgroup", str(CHART), *OLDEST, "--values", "-", values=values)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_lint_finds_nothing(self):
        done = helm("lint", "--strict", str(CHART), *OLDEST, "--values", "-", values=IMAGES)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_missing_digest_is_refused_and_says_where_it_comes_from(self):
        self.assertIn("build/image/values.yaml", self.refusal({}))

    def test_unknown_value_is_refused(self):
        self.assertIn("replica", self.refusal(merged(IMAGES, {"controller": {"replica": 2}})))

    def test_tag_in_place_of_a_digest_is_refused(self):
        self.assertIn("digest", self.refusal(
            merged(IMAGES, {"agent": {"image": {"digest": "latest"}}})))

    def test_definition_is_the_repositorys(self):
        definition = yaml.safe_load(DEFINITION.read_text())
        self.assertEqual(only(render(), "CustomResourceDefinition"), definition)
        kinds = {kind for kind, _ in render({"crds": {"install": False}})}
        self.assertNotIn("CustomResourceDefinition", kinds)

    def test_package_renders_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            done = helm("package", str(CHART), "--destination", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            package, = Path(folder).glob("*.tgz")
            self.assertEqual(render(chart=package), render())

    def test_images_are_named_by_digest(self):
        objects = render()
        container = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], "registry.example/controller@" + DIGEST)
        self.assertIn("--agent-image=registry.example/agent@" + DIGEST, container["args"])

    def test_pods_pass_the_restricted_profile_without_a_fixed_user(self):
        pod = only(render(), "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["securityContext"],
                         {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
        for container in pod["containers"]:
            self.assertEqual(container["securityContext"],
                             {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                              "capabilities": {"drop": ["ALL"]}})

    def test_roles_hold_no_wildcard_and_no_secrets(self):
        for values in ({}, {"watchNamespace": "ci"}):
            for (kind, name), one in render(values).items():
                if kind in ("Role", "ClusterRole"):
                    for right in rules(one):
                        self.assertNotIn("*", right, name)
                        self.assertNotIn("secrets", right, name)

    def test_secrets_are_read_by_a_switch_and_never_listed(self):
        objects = render({"checkSecrets": True})
        role = objects["ClusterRole", "taskgroup-system-taskgroup"]
        self.assertEqual({right for right in rules(role) if "secrets" in right},
                         {("", "secrets", "get")})
        self.assertIn("--check-secrets", arguments(objects))

    def test_one_namespace_needs_no_right_in_others(self):
        objects = render({"watchNamespace": "ci", "rbac": {"aggregate": False}})
        kinds = {kind for kind, _ in objects}
        self.assertFalse({"ClusterRole", "ClusterRoleBinding"} & kinds)
        role = objects["Role", "taskgroup-system-taskgroup"]
        binding = objects["RoleBinding", "taskgroup-system-taskgroup"]
        self.assertEqual({role["metadata"]["namespace"], binding["metadata"]["namespace"]}, {"ci"})
        self.assertEqual(binding["roleRef"]["kind"], "Role")
        self.assertIn("--namespace=ci", arguments(objects))

    def test_bindings_name_the_role_and_the_account_of_the_deployment(self):
        objects = render({"serviceAccount": {"name": "other"}})
        self.assertIn(("ServiceAccount", "other"), objects)
        pod = only(objects, "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["serviceAccountName"], "other")
        for (kind, _), one in objects.items():
            if kind in ("RoleBinding", "ClusterRoleBinding"):
                self.assertEqual(one["subjects"], [{"kind": "ServiceAccount", "name": "other",
                                                    "namespace": "taskgroup-system"}])
                self.assertIn((one["roleRef"]["kind"], one["roleRef"]["name"]), objects)

    def test_lease_of_the_role_is_that_of_the_arguments(self):
        objects = render(release="two")
        names = [name for rule in objects["Role", "two-lease"]["rules"]
                 for name in rule.get("resourceNames", [])]
        self.assertEqual(names, ["two-controller"])
        self.assertIn("--lease-name=two-controller", arguments(objects))
        self.assertIn("--lease-namespace=taskgroup-system", arguments(objects))

    def test_releases_of_one_name_in_two_namespaces_do_not_meet(self):
        def cluster_wide(namespace):
            return {key for key in render({"crds": {"install": False}}, namespace=namespace)
                    if key[0].startswith("Cluster")}
        self.assertFalse(cluster_wide("one") & cluster_wide("two"))

    def test_pull_secrets_go_to_the_controller_and_to_the_pods_of_groups(self):
        objects = render({"controller": {"imagePullSecrets": ["a"]},
                          "agent": {"imagePullSecrets": ["b", "c"]}})
        pod = only(objects, "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["imagePullSecrets"], [{"name": "a"}])
        self.assertEqual([one for one in arguments(objects) if "secret" in one],
                         ["--agent-image-pull-secret=b", "--agent-image-pull-secret=c"])

    def test_selector_is_in_the_pods_labels_whatever_labels_are_added(self):
        objects = render({"controller": {"podLabels": {"team": "ci"}, "replicas": 2}})
        spec = only(objects, "Deployment")["spec"]
        labels = spec["template"]["metadata"]["labels"]
        self.assertEqual(labels["team"], "ci")
        self.assertLessEqual(spec["selector"]["matchLabels"].items(), labels.items())


if __name__ == "__main__":
    unittest.main()
