#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the chart renders, with every value turned on, is valid to Kubernetes 1.29 to 1.35.

Strictly: a field that a version does not know is an error. Objects of other projects (monitors,
rules, cert-manager's) have no schema here; taskgroup_test.py looks at them.
"""
import copy
import functools
import json
import re
import subprocess
import sys
import unittest
import zipfile

import jsonschema

sys.dont_write_bytecode = True
from taskgroup_test import HERE, merged, render  # noqa: E402

VERSIONS = [f"1.{minor}" for minor in range(29, 36)]
PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
STRINGS = {"example.dev/a": "b"}
PLACE = {
    "tolerations": [{"key": "ci", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]}}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "rack",
                                   "whenUnsatisfiable": "DoNotSchedule"}],
    "priorityClassName": "system-cluster-critical",
    "podLabels": STRINGS,
    "podAnnotations": STRINGS,
    "extraArgs": ["--log-level=debug"],
}
MONITOR = {"namespace": "monitoring", "labels": STRINGS, "annotations": STRINGS, "interval": "30s",
           "scrapeTimeout": "10s", "relabelings": [{"action": "labeldrop", "regex": "pod"}],
           "metricRelabelings": [{"action": "labeldrop", "regex": "pod"}]}
EVERYTHING = {
    "commonLabels": STRINGS,
    "controller": {"imagePullSecrets": ["puller"], "workers": 4, "logLevel": "debug", **PLACE},
    "agent": {"imagePullSecrets": ["puller"], "requests": {"cpu": "20m", "memory": "32Mi"}},
    "checkSecrets": True,
    "webhook": {"replicas": 3, "timeoutSeconds": 10, "excludedNamespaces": ["kube-system", "vault"],
                "configurationAnnotations": STRINGS, "serviceAnnotations": STRINGS, "port": 10250,
                "adminPort": 10251, "hostNetwork": True, "logLevel": "warning",
                "serviceAccount": {"annotations": STRINGS}, **PLACE},
    "networkPolicy": {"enabled": True,
                      "webhookFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
                      "metricsFrom": [{"namespaceSelector": {"matchLabels": STRINGS}}],
                      "apiServerTo": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]},
    "metrics": {"serviceMonitor": {"enabled": True, **MONITOR},
                "dashboards": {"enabled": True, "namespace": "monitoring", "annotations": STRINGS},
                "prometheusRule": {"enabled": True, "namespace": "monitoring", "labels": STRINGS}},
    "serviceAccount": {"annotations": STRINGS},
    "test": {"namespace": "ci", "timeoutSeconds": 60},
}
WAYS = {
    "as it is": {},
    "with everything set": EVERYTHING,
    "scraped by pods": merged(EVERYTHING, {"metrics": {
        "serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True, **MONITOR}}}),
    "in one namespace": {"watchNamespace": "ci", "rbac": {"aggregate": False}},
    "with cert-manager": {"webhook": {"certificates": {"mode": "certManager"}}},
    "with a certificate of yours": {"webhook": {"certificates": {
        "mode": "secret", "secretName": "mine", "caBundle": PEM}}},
}
OTHERS = ("monitoring.coreos.com/", "cert-manager.io/")


class Schemas:
    """Those of one version of Kubernetes."""

    archive = None

    def __init__(self, version):
        if Schemas.archive is None:
            path = subprocess.run([HERE / "schemas"], stdout=subprocess.PIPE, text=True, check=True)
            Schemas.archive = zipfile.ZipFile(path.stdout.strip())
        self.folder = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict"
        definitions = self.read("_definitions")
        self.resolver = jsonschema.RefResolver(
            "", {}, store={"https://kubernetes.io/api/_definitions.json": definitions})

    def read(self, name):
        return json.loads(self.archive.read(f"{self.folder}/{name}.json"))

    @functools.lru_cache(maxsize=None)
    def validator(self, kind, version):
        group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", version)
        schema = self.read(f"{kind.lower()}-{group}")
        return jsonschema.Draft202012Validator(schema, resolver=self.resolver)

    def errors(self, thing):
        """Return what is wrong with an object, each with its path."""
        validator = self.validator(thing["kind"], thing["apiVersion"])
        return [f"{thing['kind']} {thing['metadata']['name']}: {error.json_path}: {error.message}"
                for error in validator.iter_errors(thing)]


class Rendered(unittest.TestCase):
    def test_every_object_is_valid_in_every_version(self):
        things = {}
        for values in WAYS.values():
            for thing in render(values, tests=True).values():
                if not thing["apiVersion"].startswith(OTHERS):
                    things[json.dumps(thing, sort_keys=True)] = thing
        for version in VERSIONS:
            schemas = Schemas(version)
            errors = [error for thing in things.values() for error in schemas.errors(thing)]
            self.assertEqual(errors, [], version)
        print(f"{len(things)} objects of {len(WAYS)} ways to install: valid in Kubernetes "
              f"{', '.join(VERSIONS)}")

    def test_what_is_wrong_is_found(self):
        deployment = render()["Deployment", "taskgroup-controller"]
        pod = ("spec", "template", "spec")
        for path, value in ((pod + ("serviceAcountName",), "typo"), (pod + ("hostNetwork",), "yes"),
                            (("spec", "replicas"), "two"), (pod + ("containers",), {})):
            wrong = copy.deepcopy(deployment)
            here = wrong
            for key in path[:-1]:
                here = here[key]
            here[path[-1]] = value
            for version in (VERSIONS[0], VERSIONS[-1]):
                self.assertTrue(Schemas(version).errors(wrong), path)


if __name__ == "__main__":
    unittest.main()
