# SPDX-License-Identifier: Apache-2.0
"""What a Prometheus answers to every query of a dashboard, over one stretch of time."""

import re

RATE_INTERVAL = "40s"  # Grafana takes four scrapes; so short ones would show single runs
POINTS = 240


def targets(dashboard):
    """(title of the panel, query) of each query."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target


class Answers:
    """Looked up by (expression, whether it is instant): the lines, as (labels, values)."""

    def __init__(self, prometheus, start, end):
        self._prometheus = prometheus
        self.start, self.end = start, end
        jobs = {labels["job"] for labels, _ in prometheus.query("taskgroup_build_info", end)}
        self._jobs = "(" + "|".join(sorted(map(re.escape, jobs))) + ")"
        self._known = {}

    def replaced(self, expr):
        """The expression with Grafana's variables filled in."""
        seconds = int(self.end - self.start)
        expr = expr.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", f"{seconds}s")
        return expr.replace("$job", self._jobs.replace("\\", "\\\\"))

    def __getitem__(self, key):
        if key not in self._known:
            expr, instant = key
            self._known[key] = self._ask(self.replaced(expr), instant)
        return self._known[key]

    def _ask(self, expr, instant):
        if instant:
            found = self._prometheus.query(expr, self.end)
            return [(labels, [value]) for labels, value in found]
        step = (self.end - self.start) / POINTS
        return self._prometheus.query_range(expr, self.start, self.end, step)

    def without_data(self, dashboard):
        """(title, expression) of each query that has had no line at any time. One that answers 0
        where there is nothing must have had something too."""
        for title, target in targets(dashboard):
            expr = target["expr"].removesuffix(" or vector(0)")
            if not self._ask(self.replaced(expr), False):
                yield title, expr
