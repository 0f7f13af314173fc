# SPDX-License-Identifier: Apache-2.0
"""What our dashboards are made of, as Grafana 9 and later read it.

A dashboard is a list of rows, a row a list of panels that flow from left to right. Expressions are
PromQL in which `JOB` stands for the selector of the jobs that were chosen on top of the dashboard:
many programs export names like workqueue_depth, and ours must not be added up with theirs.
"""

import json

JOB = 'job=~"$job"'
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
TAG = "taskgroup"
DOCUMENTATION = "https://taskgroup.dev/docs"  # as in the alerts' runbook_url

# One meaning, one colour, in every panel: label -> value -> colour.
COLOURS = {
    "outcome": {
        "succeeded": "green",
        "failed": "red",
        "cancelled": "#808080",
        "skipped": "blue",
    },
    "phase": {"running": "green", "pending": "yellow"},
    "result": {
        "success": "green",
        "error": "red",
        "requeue": "yellow",
        "requeue_after": "blue",
    },
}


class Query:
    """An expression and how its lines are named; `{{label}}` stands for the value of a label."""

    def __init__(self, expr, legend="", instant=False):
        self.expr = " ".join(expr.replace("JOB", JOB).split())
        self.legend = legend
        self.instant = instant

    def target(self, index):
        target = {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "range": not self.instant,
            "refId": chr(ord("A") + index),
        }
        if self.instant:
            target["instant"] = True
        return target


class Panel:
    """One panel: a type of Grafana's with its title, what it tells, queries and size."""

    def __init__(self, kind, title, description, queries, width, height):
        self.kind = kind
        self.title = title
        self.description = " ".join(description.split())
        self.queries = queries
        self.width = width
        self.height = height
        self.defaults = {}
        self.overrides = []
        self.options = {}
        self.transformations = []
        self.format = None

    def fields(self):
        if not self.queries:
            return {"options": self.options}
        targets = [query.target(index) for index, query in enumerate(self.queries)]
        if self.format:
            targets = [{**target, "format": self.format} for target in targets]
        made = {
            "datasource": DATASOURCE,
            "fieldConfig": {"defaults": self.defaults, "overrides": self.overrides},
            "options": self.options,
            "targets": targets,
        }
        if self.transformations:
            made["transformations"] = self.transformations
        return made


def thresholds(*steps):
    """Colours from a value on: thresholds("green", (1, "red"))."""
    first, *rest = steps
    return {
        "mode": "absolute",
        "steps": [{"color": first, "value": None}]
        + [{"color": colour, "value": value} for value, colour in rest],
    }


def stat(title, description, query, unit="short", colours=("text",), decimals=None, empty="none",
         width=4):
    """One number, or one for each line of the query."""
    panel = Panel("stat", title, description, [query], width, 4)
    panel.defaults = {
        "color": {"mode": "thresholds"},
        "noValue": empty,
        "thresholds": thresholds(*colours),
        "unit": unit,
    }
    if decimals is not None:
        panel.defaults["decimals"] = decimals
    panel.options = {
        "colorMode": "value",
        "graphMode": "none" if query.instant else "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value_and_name" if "{{" in query.legend else "auto",
    }
    return panel


def graph(title, description, *queries, unit="short", width=8, stack=False, bars=False, steps=False,
          limit=None, decimals=None):
    """Lines over time. `stack` adds them up; `bars` is for counts of rare events, `steps` for what
    jumps; `limit` draws a line at what an alert or a goal says."""
    panel = Panel("timeseries", title, description, list(queries), width, 8)
    panel.defaults = {
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": "bars" if bars else "line",
            "fillOpacity": 60 if bars else 30 if stack else 8,
            "lineInterpolation": "stepAfter" if steps else "linear",
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if stack else "none"},
            "thresholdsStyle": {"mode": "dashed" if limit is not None else "off"},
        },
        "min": 0,
        "thresholds": thresholds("transparent", (limit, "orange")) if limit is not None
        else thresholds("green"),
        "unit": unit,
    }
    if decimals is not None:
        panel.defaults["decimals"] = decimals
    panel.overrides = [
        {
            "matcher": {"id": "byName", "options": query.legend.replace(f"{{{{{label}}}}}", value)},
            "properties": [{"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}}],
        }
        for query in queries
        for label, colours in COLOURS.items()
        if f"{{{{{label}}}}}" in query.legend
        for value, colour in colours.items()
    ]
    panel.options = {
        "legend": {
            "calcs": ["mean", "lastNotNull"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def bars(title, description, query, unit="short", width=8, colour="orange"):
    """One bar for each line of the query, the longest on top."""
    panel = Panel("bargauge", title, description, [query], width, 8)
    panel.defaults = {
        "color": {"fixedColor": colour, "mode": "fixed"},
        "decimals": 0,
        "min": 0,
        "noValue": "none",
        "thresholds": thresholds(colour),
        "unit": unit,
    }
    panel.options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": False,
        "valueMode": "text",
    }
    return panel


def heatmap(title, description, expr, unit="s", width=8):
    """A histogram over time: the darker, the more."""
    query = Query(expr, "{{le}}")
    panel = Panel("heatmap", title, description, [query], width, 8)
    panel.options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 32, "exponent": 0.5},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"show": True, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "unit": unit},
    }
    panel.format = "heatmap"
    return panel


def table(title, description, query, columns, width=8):
    """The labels of the query's lines; `columns` names those that are shown, and how."""
    panel = Panel("table", title, description, [query], width, 8)
    panel.defaults = {"custom": {"align": "auto"}}
    panel.options = {"showHeader": True}
    panel.format = "table"
    panel.transformations = [
        {"id": "filterFieldsByName", "options": {"include": {"names": list(columns)}}},
        {"id": "organize", "options": {"renameByName": columns}},
    ]
    return panel


def text(title, content, width=8, height=8):
    """Words, in Markdown."""
    panel = Panel("text", title, "", [], width, height)
    panel.options = {"content": content, "mode": "markdown"}
    return panel


def quantiles(name, title, description, by="", unit="s", width=8, limit=None,
              of=(0.5, 0.95, 0.99), matching=""):
    """A graph of how long things took, from the histogram `name`."""
    labels = f"le, {by}" if by else "le"
    selector = f"JOB, {matching}" if matching else "JOB"
    prefix = f"{{{{{by}}}}} " if by else ""
    return graph(
        title,
        description,
        *(
            Query(
                f"histogram_quantile({quantile},"
                f" sum by ({labels}) (rate({name}_bucket{{{selector}}}[$__rate_interval])))",
                f"{prefix}p{quantile * 100:g}",
            )
            for quantile in of
        ),
        unit=unit,
        width=width,
        limit=limit,
    )


def _variables():
    return [
        {
            "label": "Prometheus",
            "name": "datasource",
            "query": "prometheus",
            "refresh": 1,
            "type": "datasource",
        },
        {
            "datasource": DATASOURCE,
            "definition": "label_values(taskgroup_build_info, job)",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "includeAll": True,
            "label": "Job",
            "multi": True,
            "name": "job",
            "query": {"query": "label_values(taskgroup_build_info, job)", "refId": "job"},
            "refresh": 2,
            "sort": 1,
            "type": "query",
        },
    ]


def _annotations():
    def marks(name, expr, colour, **fields):
        return {
            "datasource": DATASOURCE,
            "enable": True,
            "expr": expr.replace("JOB", JOB),
            "iconColor": colour,
            "name": name,
            **fields,
        }

    return [
        marks(
            "Alerts",
            'ALERTS{alertname=~"TaskGroup.+", alertstate="firing"}',
            "red",
            titleFormat="{{alertname}}",
        ),
        marks(
            "Starts",
            'process_start_time_seconds{JOB} * on (job, instance) group_left (version)'
            " taskgroup_build_info * 1000",
            "blue",
            titleFormat="{{instance}} started",
            textFormat="{{version}}",
            useValueForTime=True,
        ),
    ]


def _place(rows):
    """Give each panel its place and number; a row begins below the one before."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append(
            {
                "collapsed": False,
                "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
                "panels": [],
                "title": title,
                "type": "row",
            }
        )
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            placed.append(
                {
                    "type": panel.kind,
                    "title": panel.title,
                    **({"description": panel.description} if panel.description else {}),
                    "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
                    **panel.fields(),
                }
            )
            x += panel.width
            height = max(height, panel.height)
        y += height
    for number, panel in enumerate(placed, start=1):
        panel["id"] = number
    return placed


def dashboard(uid, title, description, page, rows):
    """The whole, as Grafana imports it; `page` of the documentation is one click away."""
    return {
        "annotations": {"list": _annotations()},
        "description": " ".join(description.split()),
        "editable": True,
        "graphTooltip": 1,
        "links": [
            {
                "asDropdown": False,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "tags": [TAG],
                "title": "",
                "type": "dashboards",
            },
            {
                "icon": "doc",
                "targetBlank": True,
                "title": page.capitalize(),
                "type": "link",
                "url": f"{DOCUMENTATION}/{page}.md",
            },
        ],
        "panels": _place(rows),
        "refresh": "30s",
        "schemaVersion": 36,
        "tags": [TAG],
        "templating": {"list": _variables()},
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "title": title,
        "uid": uid,
    }


def as_text(made):
    """The file that holds a dashboard."""
    return json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
