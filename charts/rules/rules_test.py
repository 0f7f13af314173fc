#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart's alerts: valid, tested in both directions, on exported metrics only.

Needs promtool, which PROMTOOL names. What each alert does is in rules_test.yaml.
"""

import os
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "charts" / "taskgroup" / "files" / "rules" / "taskgroup.rules.yaml"
TESTS = pathlib.Path(__file__).with_name("rules_test.yaml")
METRICS = ROOT / "docs" / "metrics.md"
PROMTOOL = os.environ.get("PROMTOOL", "promtool")

SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "bool"}
OF_TARGETS = {"job", "instance", "namespace", "le"}


def exported():
    """Name of each series in docs/metrics.md: its labels."""
    found = {}
    for line in METRICS.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and cells[2] in SUFFIXES:
            for suffix in SUFFIXES[cells[2]]:
                found[cells[1].strip("`") + suffix] = set(re.findall(r"`(\w+)`", cells[3]))
    return found


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def promtool(*arguments):
    return subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True)


class RulesTest(unittest.TestCase):
    def test_promtool_finds_nothing_wrong(self):
        checked = promtool("check", "rules", RULES)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_alerts_fire_where_they_should(self):
        tested = promtool("test", "rules", TESTS)
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)

    def test_each_alert_fires_in_one_test_and_stays_quiet_in_another(self):
        loud, quiet = set(), set()
        for test in yaml.safe_load(TESTS.read_text())["tests"]:
            fired = {case["alertname"] for case in test["alert_rule_test"] if case["exp_alerts"]}
            loud |= fired
            quiet |= {case["alertname"] for case in test["alert_rule_test"]} - fired
        names = {rule["alert"] for rule in alerts()}
        self.assertEqual(loud, names)
        self.assertEqual(quiet, names)

    def test_each_alert_says_how_bad_it_is_and_where_to_read_on(self):
        for rule in alerts():
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(
                    set(rule["annotations"]), {"summary", "description", "runbook_url"}
                )
                self.assertTrue(rule["annotations"]["summary"].endswith("."))
                self.assertTrue(
                    rule["annotations"]["runbook_url"].endswith(
                        f"/docs/operate.md#{rule['alert'].lower()}"
                    )
                )
                self.assertIn("for", rule)

    def test_expressions_use_exported_metrics_and_their_labels(self):
        known = exported()
        for rule in alerts():
            expr = re.sub(r"\[\w+\]", "", rule["expr"])
            labels_of_series = set().union(OF_TARGETS)
            for name, matchers in re.findall(r"\b([a-z_]+_[a-z_]+)\b\s*(\{[^}]*\})?(?!\s*\()", expr):
                if name in WORDS:
                    continue
                with self.subTest(rule["alert"], name=name):
                    self.assertTrue(name in known, f"{name} is not in docs/metrics.md")
                    matched = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers))
                    self.assertLessEqual(matched, known[name])
                    labels_of_series |= known[name]
            for kept in re.findall(r"\bby \(([^)]*)\)", expr):
                for label in kept.split(","):
                    self.assertIn(label.strip(), labels_of_series, rule["alert"])


if __name__ == "__main__":
    unittest.main()
