#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart renders what its values say, grants no more than that, and refuses what it does not know.

What each value is for is in taskgroup/values.yaml.

Needs helm; charts/helm finds or fetches it.
"""
import base64
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import values_table  # noqa: E402

HERE = Path(__file__).resolve().parent
CHART = HERE / "taskgroup"
DEFINITION = HERE.parent / "crds" / "taskgroup.yaml"
# A helm that was built from its module has no idea of a version.
OLDEST = ["--kube-version=1.29.0"]
DIGEST = "sha256:" + 64 * "0"
UNLESS_DISABLED = {"key": "taskgroup.dev/review", "operator": "NotIn", "values": ["disabled"]}
WEBHOOK_ROLE = "taskgroup-system-taskgroup-webhook"
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


def render(values=None, release="taskgroup", namespace="taskgroup-system", chart=CHART, tests=False):
    """Return the objects by kind and name."""
    done = helm("template", release, str(chart), "--namespace", namespace, *OLDEST, "--values", "-",
                *([] if tests else ["--skip-tests"]), values=merged(IMAGES, values or {}))
    if done.returncode:
        raise AssertionError(done.stderr)
    return {(one["kind"], one["metadata"]["name"]): one
            for one in yaml.safe_load_all(done.stdout) if one}


def only(objects, kind):
    found = [one for (kind_of_one, _), one in objects.items() if kind_of_one == kind]
    if len(found) != 1:
        raise AssertionError(f"found {len(found)} of kind {kind}")
    return found[0]


def pod_of(objects, part="controller"):
    """Return the template of the pods of a part."""
    found = [one for (kind, name), one in objects.items()
             if kind == "Deployment" and name.endswith("-" + part)]
    return found[0]["spec"]["template"]


def arguments(objects, part="controller"):
    return pod_of(objects, part)["spec"]["containers"][0]["args"]


def leaves(tree, path=()):
    """Yield the path of each value of values.yaml."""
    for key, value in tree.items():
        if isinstance(value, dict) and value and key not in ("resources", "nodeSelector", "labels"):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


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
        container = pod_of(objects)["spec"]["containers"][0]
        self.assertEqual(container["image"], "registry.example/controller@" + DIGEST)
        self.assertIn("--agent-image=registry.example/agent@" + DIGEST, container["args"])

    def test_pods_pass_the_restricted_profile_without_a_fixed_user(self):
        objects = render(tests=True)
        pods = [pod_of(objects)["spec"], pod_of(objects, "webhook")["spec"], only(objects, "Pod")["spec"]]
        for pod in pods:
            self.assertEqual(pod["securityContext"],
                             {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
            for container in pod["containers"]:
                self.assertEqual(container["securityContext"],
                                 {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                  "capabilities": {"drop": ["ALL"]}})
                self.assertEqual(set(container["resources"]), {"requests", "limits"})

    def test_roles_hold_no_wildcard_and_no_secret_but_the_webhooks_own(self):
        for values in ({}, {"watchNamespace": "ci"}, {"webhook": {"enabled": False}}):
            for (kind, name), one in render(values, tests=True).items():
                if kind not in ("Role", "ClusterRole"):
                    continue
                for right in rules(one):
                    self.assertNotIn("*", right, name)
                for rule in one["rules"]:
                    if "secrets" in rule["resources"]:
                        self.assertEqual((kind, rule["resourceNames"]),
                                         ("Role", ["taskgroup-webhook-certificate"]))

    def test_secrets_are_read_by_a_switch_and_never_listed(self):
        objects = render({"checkSecrets": True})
        role = objects["ClusterRole", "taskgroup-system-taskgroup"]
        self.assertEqual({right for right in rules(role) if "secrets" in right},
                         {("", "secrets", "get")})
        self.assertFalse({right for right in rules(objects["ClusterRole", WEBHOOK_ROLE])
                          if "secrets" in right})
        self.assertIn("--check-secrets", arguments(objects))

    def test_one_namespace_needs_no_right_in_others(self):
        objects = render({"watchNamespace": "ci", "rbac": {"aggregate": False},
                          "webhook": {"certificates": {"mode": "certManager"}}})
        kinds = {kind for kind, _ in objects}
        self.assertFalse({"ClusterRole", "ClusterRoleBinding"} & kinds)
        role = objects["Role", "taskgroup-system-taskgroup"]
        binding = objects["RoleBinding", "taskgroup-system-taskgroup"]
        self.assertEqual({role["metadata"]["namespace"], binding["metadata"]["namespace"]}, {"ci"})
        self.assertEqual(binding["roleRef"]["kind"], "Role")
        self.assertIn("--namespace=ci", arguments(objects))
        self.assertEqual(objects["Role", WEBHOOK_ROLE]["metadata"]["namespace"], "ci")
        self.assertIn("--watch-namespace=ci", arguments(objects, "webhook"))
        for entry in entries(objects).values():
            self.assertEqual(entry["namespaceSelector"],
                             {"matchLabels": {"kubernetes.io/metadata.name": "ci"},
                              "matchExpressions": [UNLESS_DISABLED]})

    def test_one_namespace_with_its_own_certificate_adds_one_right_on_one_object(self):
        objects = render({"watchNamespace": "ci", "rbac": {"aggregate": False}})
        role = only(objects, "ClusterRole")
        self.assertEqual(role["rules"], [
            {"apiGroups": ["admissionregistration.k8s.io"],
             "resources": ["validatingwebhookconfigurations"],
             "resourceNames": ["taskgroup-system-taskgroup"], "verbs": ["get", "patch"]}])

    def test_bindings_name_the_role_and_the_account_of_the_pods(self):
        objects = render({"serviceAccount": {"name": "other"},
                          "webhook": {"serviceAccount": {"name": "another"}}}, tests=True)
        accounts = {"controller": pod_of(objects)["spec"]["serviceAccountName"],
                    "webhook": pod_of(objects, "webhook")["spec"]["serviceAccountName"],
                    "test": only(objects, "Pod")["spec"]["serviceAccountName"]}
        self.assertEqual(accounts, {"controller": "other", "webhook": "another",
                                    "test": "taskgroup-test"})
        bound = set()
        for (kind, _), one in objects.items():
            if kind in ("RoleBinding", "ClusterRoleBinding"):
                account = accounts[one["metadata"]["labels"]["app.kubernetes.io/component"]]
                self.assertEqual(one["subjects"], [{"kind": "ServiceAccount", "name": account,
                                                    "namespace": "taskgroup-system"}])
                self.assertIn(("ServiceAccount", account), objects)
                role = one["roleRef"]["kind"], one["roleRef"]["name"]
                self.assertIn(role, objects)
                bound.add(role)
        # Those of people are bound by the cluster's own roles.
        roles = {key for key in objects if key[0] in ("Role", "ClusterRole")}
        self.assertEqual(roles - bound, {("ClusterRole", "taskgroup-system-taskgroup-edit"),
                                         ("ClusterRole", "taskgroup-system-taskgroup-view")})

    def test_lease_of_the_role_is_that_of_the_arguments(self):
        objects = render(release="two")
        names = [name for rule in objects["Role", "two-lease"]["rules"]
                 for name in rule.get("resourceNames", [])]
        self.assertEqual(names, ["two-controller"])
        self.assertIn("--lease-name=two-controller", arguments(objects))
        self.assertIn("--lease-namespace=taskgroup-system", arguments(objects))
        names = [name for rule in objects["Role", "two-webhook"]["rules"]
                 if "leases" in rule["resources"] for name in rule.get("resourceNames", [])]
        self.assertEqual(names, ["two-webhook"])
        self.assertIn("--lease-name=two-webhook", arguments(objects, "webhook"))

    def test_releases_of_one_name_in_two_namespaces_do_not_meet(self):
        def cluster_wide(namespace):
            return {key for key, one in render({"crds": {"install": False}}, namespace=namespace,
                                               tests=True).items()
                    if one["metadata"].get("namespace") != namespace}
        self.assertFalse(cluster_wide("one") & cluster_wide("two"))

    def test_pull_secrets_go_to_the_controller_and_to_the_pods_of_groups(self):
        objects = render({"controller": {"imagePullSecrets": ["a"]},
                          "agent": {"imagePullSecrets": ["b", "c"]}})
        pod = pod_of(objects)["spec"]
        self.assertEqual(pod["imagePullSecrets"], [{"name": "a"}])
        self.assertEqual([one for one in arguments(objects) if "secret" in one],
                         ["--agent-image-pull-secret=b", "--agent-image-pull-secret=c"])

    def test_selector_is_in_the_pods_labels_whatever_labels_are_added(self):
        mine = {"team": "ci", "app.kubernetes.io/component": "mine"}
        objects = render({"controller": {"podLabels": mine}, "webhook": {"podLabels": mine}})
        selected = {}
        for (kind, name), one in objects.items():
            if kind == "Deployment":
                labels = one["spec"]["template"]["metadata"]["labels"]
                self.assertEqual(labels["team"], "ci")
                self.assertLessEqual(one["spec"]["selector"]["matchLabels"].items(), labels.items())
                selected[name] = labels
        for (kind, name), one in objects.items():
            if kind in ("Service", "PodDisruptionBudget"):
                selector = one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
                matching = [pods for pods, labels in selected.items()
                            if selector.items() <= labels.items()]
                self.assertEqual(matching, [name])

    def test_replicas_are_spread_unless_there_is_one_or_it_is_said_how(self):
        def spread(values, part):
            pod = pod_of(render({part: values}), part)["spec"]
            return [one["topologyKey"] for one in pod.get("topologySpreadConstraints", [])]
        for part in ("controller", "webhook"):
            self.assertEqual(spread({}, part),
                             ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
            self.assertEqual(spread({"replicas": 1}, part), [])
            own = [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]
            self.assertEqual(spread({"topologySpreadConstraints": own}, part), ["rack"])

    def test_switches_take_away_what_they_name(self):
        everything = set(render())
        def gone(values):
            return {kind for kind, _ in everything - set(render(values))}
        self.assertEqual(gone({"podDisruptionBudget": {"enabled": False}}), {"PodDisruptionBudget"})
        self.assertEqual(gone({"crds": {"install": False}}), {"CustomResourceDefinition"})
        self.assertEqual(gone({"serviceAccount": {"create": False},
                               "webhook": {"serviceAccount": {"create": False}}}), {"ServiceAccount"})
        self.assertEqual(gone({"rbac": {"create": False, "aggregate": False}}),
                         {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
        left = render({"webhook": {"enabled": False}}, tests=True)
        self.assertFalse([key for key in left if "webhook" in key[1].lower() or "Webhook" in key[0]])
        self.assertNotIn("--self-test-webhook", only(left, "Pod")["spec"]["containers"][0]["args"])


def entries(objects):
    """Return the webhooks of the configuration by name."""
    return {one["name"].split(".")[0]: one
            for one in only(objects, "ValidatingWebhookConfiguration")["webhooks"]}


class Webhook(unittest.TestCase):
    """What the API server asks whom, when, and whom it trusts."""

    refusal = Chart.refusal

    def mode(self, mode, **certificates):
        return {"webhook": {"certificates": {"mode": mode, **certificates}}}

    def test_only_our_own_kind_can_depend_on_us(self):
        self.assertEqual({name: (entry["failurePolicy"], entry["timeoutSeconds"])
                          for name, entry in entries(render()).items()},
                         {"taskgroups": ("Fail", 5), "customruns": ("Ignore", 5),
                          "pipelines": ("Ignore", 2), "pipelineruns": ("Ignore", 2)})
        for entry in entries(render()).values():
            self.assertEqual(entry["sideEffects"], "None")
            self.assertEqual(entry["admissionReviewVersions"], ["v1"])
            self.assertEqual(entry["matchPolicy"], "Equivalent")

    def test_of_tektons_kinds_only_those_with_a_taskgroup_are_asked_about(self):
        for name, entry in entries(render()).items():
            if name == "taskgroups":
                self.assertNotIn("matchConditions", entry)
            else:
                condition, = entry["matchConditions"]
                self.assertIn("startsWith('taskgroup.dev/')", condition["expression"])
                self.assertIn("== 'TaskGroup'", condition["expression"])

    def test_operations_are_those_of_which_the_spec_can_be_new(self):
        self.assertEqual({name: (rule["resources"], rule["operations"], rule["apiVersions"])
                          for name, entry in entries(render()).items() for rule in entry["rules"]},
                         {"taskgroups": (["taskgroups"], ["CREATE", "UPDATE"], ["*"]),
                          "customruns": (["customruns"], ["CREATE"], ["v1beta1"]),
                          "pipelines": (["pipelines"], ["CREATE", "UPDATE"], ["v1", "v1beta1"]),
                          "pipelineruns": (["pipelineruns"], ["CREATE"], ["v1", "v1beta1"])})
        self.assertEqual(set(entries(render({"webhook": {"reviewPipelines": False}}))),
                         {"taskgroups", "customruns"})

    def test_own_namespace_and_kube_system_and_those_that_say_so_are_left_out(self):
        selectors = {json.dumps(entry["namespaceSelector"]) for entry in entries(render()).values()}
        self.assertEqual(selectors, {json.dumps({"matchExpressions": [UNLESS_DISABLED,
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn",
             "values": ["taskgroup-system", "kube-system"]}]})})

    def test_service_is_the_one_that_the_configuration_names(self):
        objects = render(release="two")
        for entry in entries(objects).values():
            service = entry["clientConfig"]["service"]
            ports = objects["Service", service["name"]]["spec"]["ports"]
            target, = (port["targetPort"] for port in ports if port["port"] == service["port"])
            container = pod_of(objects, "webhook")["spec"]["containers"][0]
            port, = (one["containerPort"] for one in container["ports"] if one["name"] == target)
            self.assertIn(f"--port={port}", container["args"])
            self.assertEqual(service["path"], "/validate")

    def test_self_made_certificate_is_never_the_charts_so_that_upgrades_keep_it(self):
        objects = render()
        secret = objects["Secret", "taskgroup-webhook-certificate"]
        self.assertFalse({"data", "stringData"} & set(secret))
        for mode in ({}, self.mode("certManager")):
            for entry in entries(render(mode)).values():
                self.assertNotIn("caBundle", entry["clientConfig"])
        self.assertLessEqual({"--manage-certificates", "--secret-name=taskgroup-webhook-certificate",
                              "--webhook-configuration=taskgroup-system-taskgroup",
                              "--service-name=taskgroup-webhook", "--namespace=taskgroup-system"},
                             set(arguments(objects, "webhook")))
        configuration = only(objects, "ValidatingWebhookConfiguration")["metadata"]["name"]
        self.assertEqual(configuration, "taskgroup-system-taskgroup")

    def test_cert_manager_makes_the_secret_and_fills_the_configuration_in(self):
        objects = render(self.mode("certManager"))
        self.assertNotIn("Secret", {kind for kind, _ in objects})
        certificate = objects["Certificate", "taskgroup-webhook"]
        self.assertEqual(certificate["spec"]["secretName"], "taskgroup-webhook-certificate")
        self.assertIn("taskgroup-webhook.taskgroup-system.svc", certificate["spec"]["dnsNames"])
        self.assertIn(("Issuer", certificate["spec"]["issuerRef"]["name"]), objects)
        annotations = only(objects, "ValidatingWebhookConfiguration")["metadata"]["annotations"]
        self.assertEqual(annotations["cert-manager.io/inject-ca-from"],
                         "taskgroup-system/taskgroup-webhook")
        self.assertNotIn("--manage-certificates", arguments(objects, "webhook"))
        verbs = {right for right in rules(objects["Role", "taskgroup-webhook"])}
        self.assertEqual(verbs, {("", "secrets", verb) for verb in ("list", "watch")})

    def test_cert_managers_issuer_may_be_yours(self):
        issuer = {"kind": "ClusterIssuer", "name": "ours"}
        objects = render(self.mode("certManager", issuerRef=issuer))
        self.assertEqual(only(objects, "Certificate")["spec"]["issuerRef"], issuer)
        self.assertNotIn("Issuer", {kind for kind, _ in objects})

    def test_your_secret_is_read_and_your_authority_trusted(self):
        pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
        objects = render(self.mode("secret", secretName="mine", caBundle=pem))
        self.assertNotIn("Secret", {kind for kind, _ in objects})
        self.assertIn("--secret-name=mine", arguments(objects, "webhook"))
        for rule in objects["Role", "taskgroup-webhook"]["rules"]:
            self.assertEqual(rule["resourceNames"], ["mine"])
        for entry in entries(objects).values():
            self.assertEqual(base64.b64decode(entry["clientConfig"]["caBundle"]).decode(), pem)

    def test_settings_that_contradict_are_refused_by_name(self):
        for values, named in (
                (self.mode("secret"), "webhook.certificates.secretName"),
                (self.mode("secret", secretName="mine"), "webhook.certificates.caBundle"),
                (self.mode("self", secretName="mine"), "webhook.certificates.secretName"),
                (self.mode("self", issuerRef={"name": "ours"}), "webhook.certificates.issuerRef"),
                (self.mode("self", caBundle="-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"),
                 "webhook.certificates.caBundle"),
                ({"webhook": {"port": 8080}}, "webhook.adminPort"),
                ({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
                 "metrics.podMonitor.enabled")):
            with self.subTest(named):
                self.assertIn(named, self.refusal(merged(IMAGES, values)))


class Monitoring(unittest.TestCase):
    refusal = Chart.refusal

    def test_nothing_of_the_operator_is_there_by_default(self):
        groups = {one["apiVersion"].split("/")[0] for one in render().values()}
        self.assertNotIn("monitoring.coreos.com", groups)
        self.assertNotIn("ConfigMap", {kind for kind, _ in render()})

    def test_monitors_select_what_has_metrics(self):
        for key, kind, endpoints in (("serviceMonitor", "Service", "endpoints"),
                                     ("podMonitor", "Deployment", "podMetricsEndpoints")):
            objects = render({"metrics": {key: {"enabled": True, "labels": {"release": "prometheus"},
                                                "interval": "15s"}}})
            monitor = only(objects, kind.replace("Deployment", "Pod").replace("Service", "Service")
                           + "Monitor")
            self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")
            endpoint, = monitor["spec"][endpoints]
            self.assertEqual((endpoint["port"], endpoint["interval"]), ("metrics", "15s"))
            selector = monitor["spec"]["selector"]["matchLabels"]
            for name in ("taskgroup-controller", "taskgroup-webhook"):
                one = objects[kind, name]
                if kind == "Deployment":
                    one = one["spec"]["template"]
                    ports = one["spec"]["containers"][0]["ports"]
                else:
                    ports = one["spec"]["ports"]
                self.assertLessEqual(selector.items(), one["metadata"]["labels"].items())
                self.assertIn("metrics", {port["name"] for port in ports})

    def test_network_policy_lets_in_reviews_and_metrics_only(self):
        objects = render({"networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]}})
        def ports(name):
            spec = objects["NetworkPolicy", name]["spec"]
            self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
            return {port["port"]: rule.get("from") for rule in spec["ingress"] for port in rule["ports"]}
        self.assertEqual(ports("taskgroup-controller"), {"metrics": [{"podSelector": {}}]})
        self.assertEqual(ports("taskgroup-webhook"), {"webhook": None, "metrics": [{"podSelector": {}}]})

    def test_rules_are_those_of_the_file_but_for_what_is_left_out(self):
        file = yaml.safe_load((CHART / "files" / "rules" / "taskgroup.rules.yaml").read_text())
        on = {"prometheusRule": {"enabled": True, "disabled": []}}
        self.assertEqual(only(render({"metrics": on}), "PrometheusRule")["spec"], file)
        def alerts(groups):
            return [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
        first, *others = alerts(file["groups"])
        on["prometheusRule"]["disabled"] = [first]
        rule = only(render({"metrics": on}), "PrometheusRule")
        self.assertEqual(alerts(rule["spec"]["groups"]), others)
        on["prometheusRule"]["disabled"] = ["NoSuchAlert"]
        self.assertIn(first, self.refusal(merged(IMAGES, {"metrics": on})))

    def test_dashboards_are_the_files(self):
        objects = render({"metrics": {"dashboards": {"enabled": True}}})
        found = {name: text for (kind, _), one in objects.items() if kind == "ConfigMap"
                 for name, text in one["data"].items()}
        files = {path.name: path for path in (CHART / "files" / "dashboards").glob("*.json")}
        self.assertEqual(set(found), set(files))
        for name, path in files.items():
            self.assertEqual(json.loads(found[name]), json.loads(path.read_text()))
        for (kind, _), one in objects.items():
            if kind == "ConfigMap":
                self.assertEqual(one["metadata"]["labels"]["grafana_dashboard"], "1")

    def test_links_lead_to_your_copy_of_the_pages(self):
        objects = render({"metrics": {"documentationUrl": "https://wiki.example.com/taskgroup",
                                      "prometheusRule": {"enabled": True},
                                      "dashboards": {"enabled": True}}})
        text = json.dumps([one for (kind, _), one in objects.items()
                           if kind in ("ConfigMap", "PrometheusRule")])
        self.assertIn("https://wiki.example.com/taskgroup/operate.md#taskgroupcontrollerdown", text)
        self.assertIn("https://wiki.example.com/taskgroup/troubleshooting.md", text)
        self.assertNotIn("https://taskgroup.dev/docs", text)


class Values(unittest.TestCase):
    """values.yaml, its schema and the README's table say the same."""

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    refusal = Chart.refusal

    def schema_of(self, path):
        here = self.schema
        for key in path:
            here = here["properties"][key]
            if "$ref" in here:
                here = self.schema["definitions"][here["$ref"].split("/")[-1]]
        return here

    def test_every_value_is_described(self):
        described = {path: text for path, _, text in values_table.values(
            (CHART / "values.yaml").read_text())}
        self.assertEqual(set(described), {".".join(path) for path in leaves(self.values)})
        self.assertEqual([path for path, text in described.items() if not text], [])

    def test_table_of_the_readme_is_up_to_date(self):
        self.assertEqual((CHART / "README.md").read_text().count(values_table.table()), 1)

    def test_schema_knows_every_value_and_no_other(self):
        def known(schema, path=()):
            if "$ref" in schema:
                schema = self.schema["definitions"][schema["$ref"].split("/")[-1]]
            if "properties" not in schema or path[-1:] in (("resources",), ("affinity",), ("issuerRef",)):
                yield path
                return
            self.assertIs(schema["additionalProperties"], False, path)
            for key, value in schema["properties"].items():
                yield from known(value, (*path, key))
        self.assertEqual(set(known(self.schema)), set(leaves(self.values)) | {("global",)})

    def test_typo_in_any_value_is_refused_by_its_name(self):
        # helm shows all of a schema's errors at once, so that one call tells of all of them.
        wrong = {}
        for path in leaves(self.values):
            here = wrong
            for key in path[:-1]:
                here = here.setdefault(key, {})
            here[path[-1] + "x"] = 1
        refusal = self.refusal(merged(IMAGES, wrong))
        for path in leaves(self.values):
            self.assertIn(path[-1] + "x", refusal)

    def test_value_of_a_wrong_type_is_refused(self):
        for path, value in ((("controller", "replicas"), "two"), (("webhook", "failurePolicy"), "Never"),
                            (("watchNamespace",), "Not_A_Name"), (("controller", "resources"), {"cpu": 1}),
                            (("webhook", "certificates", "mode"), "cert-manager"),
                            (("metrics", "serviceMonitor", "interval"), "15 seconds"),
                            (("webhook", "certificates", "caBundle"), "bm90IFBFTQ==")):
            values = value
            for key in reversed(path):
                values = {key: values}
            with self.subTest(path):
                self.assertIn(path[-1], self.refusal(merged(IMAGES, values)))


if __name__ == "__main__":
    unittest.main()
