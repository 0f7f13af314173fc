#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/security.md tells what each right of the chart is for: no right without a line, no line
without a right.

Needs helm; charts/helm finds or fetches it.
"""
import json
import re
import subprocess
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
IMAGE = {"repository": "registry.example/one", "digest": "sha256:" + 64 * "0"}
VALUES = {"controller": {"image": IMAGE}, "agent": {"image": IMAGE}, "checkSecrets": True}

# | `group` `resource` `name`: verbs | …: the core group and names are left out.
ROW = re.compile(r"^\| ((?:`[^`]+` ?)+): ([a-z, ]+) \|")


def written():
    """By section of the page: (group, resource, name, verb) for each right in its tables."""
    rights, section = {}, None
    for line in (ROOT / "docs" / "security.md").read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        match = ROW.match(line)
        if not match:
            continue
        words = re.findall(r"`([^`]+)`", match[1])
        group = words.pop(0) if "." in words[0] else ""
        resource, name = (words + [""])[:2]
        for verb in match[2].split(", "):
            rights.setdefault(section, set()).add((group, resource, name, verb))
    return rights


def granted(values):
    """By service account: the same of what the chart renders."""
    done = subprocess.run(
        [ROOT / "charts" / "helm", "template", "taskgroup", str(ROOT / "charts" / "taskgroup"),
         "--namespace", "taskgroup-system", "--kube-version=1.29.0", "--skip-tests", "--values", "-"],
        input=json.dumps({**VALUES, **values}), capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    roles = {(one["kind"], one["metadata"]["name"]): one["rules"]
             for one in objects if one["kind"] in ("Role", "ClusterRole")}
    rights = {}
    for one in objects:
        if one["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        for subject in one["subjects"]:
            for rule in roles[one["roleRef"]["kind"], one["roleRef"]["name"]]:
                rights.setdefault(subject["name"], set()).update(
                    (group, resource, name, verb)
                    for group in rule["apiGroups"] for resource in rule["resources"]
                    for name in rule.get("resourceNames", [""]) for verb in rule["verbs"])
    return rights


class Rights(unittest.TestCase):
    def test_each_is_explained_and_none_is_made_up(self):
        rights = granted({})
        self.assertEqual(set(rights), {"taskgroup", "taskgroup-webhook"})
        page = written()
        self.assertEqual(page["What the controller may do"], rights["taskgroup"])
        self.assertEqual(page["What the webhook may do"], rights["taskgroup-webhook"])

    def test_secrets_only_with_the_switch(self):
        secrets = {one for one in granted({"checkSecrets": False})["taskgroup"] if one[1] == "secrets"}
        self.assertEqual(secrets, set())

    def test_no_wildcards(self):
        for rights in granted({}).values():
            self.assertNotIn("*", {word for right in rights for word in right})


if __name__ == "__main__":
    unittest.main()
