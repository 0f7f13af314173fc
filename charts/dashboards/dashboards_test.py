#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart's dashboards are write.py's; every expression evaluates, on exported metrics only.

Needs promtool (Debian: prometheus). Each expression becomes a recording rule over made-up series of
every metric in docs/metrics.md, so promtool parses it, evaluates it, and tells whether it has a
result.
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

import platform_team
import write

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRICS = ROOT / "docs" / "metrics.md"
RULES = ROOT / "charts" / "taskgroup" / "files" / "rules" / "taskgroup.rules.yaml"
RUNBOOK = ROOT / "docs" / "operate.md"
STANDARD = {"ALERTS": ("gauge", ("alertname", "alertstate", "severity"))}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
# Labels that Prometheus gives whatever it scrapes.
OF_TARGETS = {"job", "instance"}
VARIABLES = {"$__rate_interval": "2m", "$__range": "30m", "$job": "taskgroup.*"}

# Values of labels in the made-up series: one that each expression may look for.
VALUES = {
    "outcome": ("succeeded", "failed", "skipped", "cancelled"),
    "reason": ("PodLost", "StepFailed"),
    "phase": ("pending", "running"),
    "controller": ("customrun",),
    "result": ("success", "error"),
    "code": ("200", "503"),
    "webhook": ("/validate",),
    "alertname": ("TaskGroupNoLeader",),
    "alertstate": ("firing",),
}
NAMES_OF = {"workqueue": ("customruns",), "leader_election": ("taskgroup-controller",)}
NOT_SHOWN = {"process_virtual_memory_bytes"}  # process_resident_memory_bytes says what it costs

OPERATORS = {"and", "or", "unless", "bool"}


def exported():
    """Name of each family in docs/metrics.md: its type and labels."""
    found = {}
    for line in METRICS.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and cells[2] in SUFFIXES:
            found[cells[1].strip("`")] = (cells[2], tuple(re.findall(r"`(\w+)`", cells[3])))
    return found


def series_of(families):
    """Name of each series: its labels, those of its target included."""
    return {
        name + suffix: {*labels, *OF_TARGETS, *(("le",) if suffix == "_bucket" else ())}
        for name, (kind, labels) in families.items()
        for suffix in SUFFIXES[kind]
    }


def load(name):
    return json.loads((write.FOLDER / name).read_text())


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions():
    """(where, expression, legend) of each query of each dashboard."""
    for name in write.made():
        dashboard = load(name)
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                where = f"{name}: {panel['title']}, {target['refId']}"
                yield where, target["expr"], target["legendFormat"]
        for mark in dashboard["annotations"]["list"]:
            yield f"{name}: annotation {mark['name']}", mark["expr"], mark["titleFormat"]


def selectors(expr):
    """(series, matchers) of each series that an expression names."""
    plain = re.sub(r"\b(by|on|group_left|without|ignoring) ?\([^)]*\)|\[[^]]*\]", "", expr)
    for match in re.finditer(r'"[^"]*"|\b([a-zA-Z_]\w*)\s*(\{[^{}]*\})?(\s*\()?', plain):
        name, matchers, call = match.groups()
        if name and not call and name not in OPERATORS:
            yield name, matchers or ""


def replaced(expr):
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


def made_up_series(families):
    """Two hours of every series, of two replicas, as promtool takes them."""
    for name, (kind, labels) in families.items():
        values = [
            next((v for start, v in NAMES_OF.items() if name.startswith(start)), ("x",))
            if label == "name"
            else VALUES.get(label, ("x",))
            for label in labels
        ]
        for combination in itertools.product(*values):
            for instance in ("10.0.0.1:8080", "10.0.0.2:8080"):
                pairs = {**dict(zip(labels, combination)), "instance": instance}
                pairs["job"] = "taskgroup-controller"
                for suffix in SUFFIXES[kind]:
                    for bound in ("0.1", "+Inf") if suffix == "_bucket" else ("",):
                        full = {**pairs, **({"le": bound} if bound else {})}
                        text = ",".join(f'{k}="{v}"' for k, v in full.items())
                        growth = "0+2x120" if kind != "gauge" else "1+0x120"
                        yield {"series": f"{name}{suffix}{{{text}}}", "values": growth}


class Dashboards(unittest.TestCase):
    def test_committed_ones_are_generated(self):
        for name, text in write.made().items():
            self.assertEqual(
                (write.FOLDER / name).read_text(), text, "run charts/dashboards/write.py"
            )
        self.assertEqual({path.name for path in write.FOLDER.iterdir()}, set(write.made()))

    def test_panels_lie_side_by_side(self):
        for name in write.made():
            taken = {}
            for panel in load(name)["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
                for cell in itertools.product(
                    range(place["x"], place["x"] + place["w"]),
                    range(place["y"], place["y"] + place["h"]),
                ):
                    self.assertNotIn(cell, taken, panel["title"])
                    taken[cell] = panel["title"]

    def test_panels_can_be_told_apart_and_explain_themselves(self):
        for name in write.made():
            every = load(name)["panels"]
            self.assertEqual(len({panel["id"] for panel in every}), len(every))
            shown = panels(load(name))
            self.assertEqual(len({(p["type"], p["title"]) for p in shown}), len(shown), name)
            for panel in shown:
                if panel["type"] == "text":
                    continue
                self.assertRegex(panel["description"], r"^[A-Z0-9].*\.$", panel["title"])
                if panel["type"] not in ("table", "heatmap"):
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
                if len(panel["targets"]) > 1:
                    legends = [target["legendFormat"] for target in panel["targets"]]
                    self.assertEqual(len(set(legends)), len(legends), panel["title"])
                    self.assertNotIn("__auto", legends, panel["title"])

    def test_dashboards_differ_and_lead_to_each_other(self):
        both = [load(name) for name in write.made()]
        self.assertEqual(len({one["uid"] for one in both}), 2)
        self.assertEqual(len({one["title"] for one in both}), 2)
        for one in both:
            self.assertEqual(one["tags"], one["links"][0]["tags"])
            self.assertNotIn("id", one)  # of another Grafana's database


class Expressions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.families = {**exported(), **STANDARD}
        cls.series = series_of(cls.families)

    def test_only_exported_metrics_and_labels(self):
        for where, expr, legend in expressions():
            with self.subTest(where):
                named = list(selectors(expr))
                self.assertTrue(named, expr)
                known = set()
                for name, matchers in named:
                    self.assertIn(name, self.series, expr)
                    labels = self.series[name]
                    known |= labels
                    for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers):
                        self.assertIn(label, labels, expr)
                lists = re.findall(r"\b(?:by|on|group_left) ?\(([^)]*)\)", expr)
                for label in (label for one in lists for label in re.split(r"\W+", one)):
                    self.assertIn(label, known, expr)
                kept = set(re.findall(r"\w+", lists[0])) if " by (" in expr else known
                self.assertLessEqual(set(re.findall(r"\{\{(\w+)\}\}", legend)), kept, expr)

    def test_other_programs_metrics_are_left_out(self):
        for where, expr, _ in expressions():
            for name, matchers in selectors(expr):
                if name not in ("ALERTS", "taskgroup_build_info"):
                    self.assertIn('job=~"$job"', matchers, where)

    def test_histograms_quantiles_and_counters_are_asked_as_such(self):
        for where, expr, _ in expressions():
            with self.subTest(where):
                for name, _ in selectors(expr):
                    base = re.sub(r"_(bucket|sum|count)$", "", name)
                    kind, _ = self.families.get(name, self.families.get(base, ("", ())))
                    rated = re.search(rf"\b(rate|increase)\({name}\b", expr)
                    self.assertEqual(bool(rated), kind in ("counter", "histogram"), name)
                if "histogram_quantile" in expr:
                    self.assertIn("_bucket", expr)
                    self.assertRegex(expr, r"by \((\w+, )*le\b|by \(le\b")

    def test_every_metric_is_shown(self):
        used = {name for _, expr, _ in expressions() for name, _ in selectors(expr)}
        for family, (kind, _) in self.families.items():
            if family not in NOT_SHOWN:
                names = {family + suffix for suffix in SUFFIXES[kind]}
                self.assertTrue(names & used, f"{family} is on no dashboard")

    def test_every_expression_has_a_result(self):
        every = list(expressions())
        rules, tests = [], []
        for number, (_, expr, _) in enumerate(every):
            rules.append({"record": f"panel:{number}", "expr": replaced(expr)})
            tests.append(
                {
                    "expr": f"count(panel:{number}) > bool 0",
                    "eval_time": "1h",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            )
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "rules.yaml").write_text(
                yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]})
            )
            checked = promtool("check", "rules", path / "rules.yaml")
            self.assertEqual(checked.returncode, 0, checked.stderr + checked.stdout)
            test = {
                "interval": "1m",
                "input_series": list(made_up_series(self.families)),
                "promql_expr_test": tests,
            }
            (path / "test.yaml").write_text(
                yaml.safe_dump(
                    {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
                )
            )
            done = promtool("test", "rules", path / "test.yaml")
        wrong = "\n".join(
            f"{every[int(number)][0]}: {every[int(number)][1]}"
            for number in sorted(set(re.findall(r"panel:(\d+)\)", done.stdout + done.stderr)))
        )
        self.assertEqual(done.returncode, 0, f"without a result:\n{wrong}\n{done.stderr[-3000:]}")


class Runbook(unittest.TestCase):
    """Each alert leads to a section that says what to do."""

    @classmethod
    def setUpClass(cls):
        rules = [
            rule
            for group in yaml.safe_load(RULES.read_text())["groups"]
            for rule in group["rules"]
            if "alert" in rule
        ]
        cls.alerts = {rule["alert"]: rule for rule in rules}
        cls.severities = {}
        for rule in rules:
            cls.severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
        cls.sections = dict(
            re.findall(r"^## (TaskGroup\w+)\n(.*?)(?=^## |\Z)", RUNBOOK.read_text(), re.M | re.S)
        )

    def test_one_section_for_each_alert(self):
        self.assertEqual(set(self.sections), set(self.alerts))

    def test_table_has_each_alert_with_its_severity(self):
        rows = re.findall(
            r"^\| \[(\w+)\]\(#(\w+)\) \| ([a-z, ]+) \|", RUNBOOK.read_text(), re.M
        )
        self.assertEqual(
            {name: anchor for name, anchor, _ in rows},
            {name: name.lower() for name in self.alerts},
        )
        self.assertEqual({name: set(said.split(", ")) for name, _, said in rows}, self.severities)

    def test_alerts_name_their_section(self):
        for name, rule in self.alerts.items():
            url = rule["annotations"]["runbook_url"]
            self.assertRegex(url, rf"docs/operate\.md#{name.lower()}$")

    def test_alert_and_dashboard_mean_the_same_by_the_platforms_fault(self):
        self.assertIn(
            f'reason=~"{platform_team.FAULTS}"', self.alerts["TaskGroupRunsFailing"]["expr"]
        )

    def test_sections_say_what_it_means_and_what_to_do(self):
        for name, body in self.sections.items():
            headings = re.findall(r"^\*\*(\w+)\.\*\*", body, re.M)
            self.assertEqual(headings, ["Meaning", "Impact", "Diagnosis", "Mitigation"], name)
            self.assertIn("```sh", body, f"{name} has no command to type")

    def test_metrics_of_the_runbook_are_exported(self):
        known = set(series_of({**exported(), **STANDARD})) | set(exported())
        for block in re.findall(r"```promql\n(.*?)```", RUNBOOK.read_text(), re.S):
            for expr in block.strip().splitlines():
                for name, _ in selectors(expr):
                    self.assertIn(name, known, expr)


def promtool(*arguments):
    program = os.environ.get("PROMTOOL", "promtool")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


if __name__ == "__main__":
    unittest.main()
