#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`taskgroup validate`, `graph` and `plan`: what they say, and that they start nothing."""

import json
import re

import harness

# a, then b and c side by side: at most 1 + 0.5 CPU at one time, though all steps ask for 2.25.
SPEC = """\
  tasks:
  - name: a
    taskSpec:
      steps:
      - name: s
        image: busybox
        computeResources: {requests: {cpu: 500m, memory: 64Mi}}
        script: touch %(mark)s
  - name: b
    runAfter: [a]
    taskSpec:
      results: [{name: r}]
      steps:
      - name: s
        image: busybox
        computeResources: {requests: {cpu: "1", memory: 128Mi}}
        script: touch %(mark)s
      - name: t
        image: busybox
        computeResources: {requests: {cpu: 250m, memory: 256Mi}}
        script: printf r > $(results.r.path)
  - name: c
    runAfter: [a]
    taskSpec:
      steps:
      - name: s
        image: busybox
        computeResources: {requests: {cpu: 500m, memory: 64Mi}}
        script: touch %(mark)s
  - name: d
    params: [{name: p, value: $(tasks.b.results.r)}]
    taskSpec:
      params: [{name: p}]
      steps: [{name: s, image: busybox, script: touch %(mark)s}]
  finally:
  - name: last
    taskSpec:
      steps: [{name: s, image: busybox, script: touch %(mark)s}]
"""


class Commands(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.mark = self.folder / "mark"
        self.path = self.write("group.yaml", harness.GROUP + SPEC % {"mark": self.mark})

    def output_of(self, *arguments):
        finished = self.run_taskgroup(*arguments)
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assertFalse(self.mark.exists())
        self.assert_nothing_left()
        return finished.stdout

    def test_validate_counts_what_is_valid(self):
        self.assertEqual(self.output_of("validate", self.path), "valid: 1 object\n")
        with open(self.path, "rb") as stdin:
            finished = self.run_taskgroup("validate", "-", stdin=stdin)
        self.assertEqual((finished.code, finished.stdout), (0, "valid: 1 object\n"))

    def test_graph_draws_each_task_once_in_order(self):
        drawn = re.findall(r"[a-z]+$", self.output_of("graph", self.path), re.MULTILINE)
        self.assertEqual([name for name in drawn if len(name) == 1], ["a", "b", "c", "d"])
        self.assertEqual(drawn[-2:], ["finally", "last"])

    def test_graph_as_mermaid_and_dot_has_each_edge(self):
        mermaid = self.output_of("graph", self.path, "-o", "mermaid")
        self.assertTrue(mermaid.startswith("flowchart"))
        names = dict(re.findall(r'(\w+)\["(\w+)"\]', mermaid))
        edges = {(names[a], names[b]) for a, b in re.findall(r"(\w+) --> (\w+)", mermaid)}
        self.assertEqual(edges, {("a", "b"), ("a", "c"), ("b", "d")})
        dot = self.output_of("graph", self.path, "-o", "dot")
        self.assertTrue(dot.startswith("digraph"))
        edges = set(re.findall(r'"(\w+)" -> "(\w+)"', dot))
        self.assertEqual(edges, {("a", "b"), ("a", "c"), ("b", "d")})

    def test_plan_tells_order_and_the_peak_of_the_requests_beside_their_sum(self):
        plan = self.output_of("plan", self.path)
        self.assertLess(plan.index("  a "), plan.index("  d "))
        self.assertRegex(plan, r"cpu: 1500m [^\n]*2250m")
        self.assertRegex(plan, r"memory: 320Mi [^\n]*512Mi")

    def test_plan_of_one_task_leaves_the_others_out(self):
        plan = json.loads(self.output_of("plan", self.path, "--task", "c", "-o", "json"))
        self.assertEqual([task["name"] for task in plan["tasks"]], ["a", "c", "last"])


if __name__ == "__main__":
    harness.main()
