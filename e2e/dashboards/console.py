# SPDX-License-Identifier: Apache-2.0
"""A dashboard as a console page of Prometheus', for where there is no Grafana.

The panels, their places, titles and queries are those of the dashboard's JSON; lines are drawn by
Prometheus' own console library, numbers stand as they were answered."""

import html
import json
import math
import re

CELL = (60, 34)  # pixels of a cell of Grafana's grid
GAP = 8
COLOURS = {"green": "#56a64b", "red": "#e02f44", "yellow": "#e0b400", "blue": "#3274d9",
           "orange": "#ff780a", "text": "#24292e"}
OTHERS = ["#3274d9", "#ff780a", "#8f3bb8", "#56a64b", "#e0b400", "#e02f44", "#5794f2", "#a16a3e",
          "#37872d", "#fa6400", "#7c2ea3", "#c4162a"]

HEAD = """<!doctype html><html><head><meta charset="utf-8"><title>%(title)s</title>
<link rel="stylesheet" href="/classic/static/rickshaw/rickshaw.min.css">
<link rel="stylesheet" href="/classic/static/css/prom_console.css">
<script src="/classic/static/d3/d3.min.js"></script>
<script src="/classic/static/vendor/rickshaw/vendor/d3.layout.min.js"></script>
<script src="/classic/static/rickshaw/rickshaw.min.js"></script>
<script src="/classic/static/jquery/jquery.min.js"></script>
<script>var PATH_PREFIX = "";</script>
<script src="/classic/static/js/prom_console.js"></script>
<style>
body {font: 12px "DejaVu Sans", sans-serif; background: #f4f5f5; color: #24292e; margin: 8px}
.row, .panel {position: absolute; box-sizing: border-box; overflow: hidden}
.row {font-size: 15px; font-weight: bold; padding: 6px 4px}
.panel {background: #fff; border: 1px solid #dce0e3; border-radius: 2px; padding: 4px 8px}
.panel h2 {font-size: 12px; margin: 0 0 4px 0; text-align: center}
.number {font-size: 26px; text-align: center; margin-top: 18px}
.number small {font-size: 12px; display: block; color: #6e7680}
.numbers {display: flex; justify-content: space-around}
.bar {height: 16px; opacity: 0.85}
td, th {font-size: 11px; padding: 2px 8px; text-align: left; vertical-align: middle}
.rickshaw_legend {background: none !important; color: #24292e !important; padding: 0 !important;
  font-size: 10px !important}
.rickshaw_legend ul {margin: 0; padding: 0}
.rickshaw_legend .line {display: inline-block; padding: 0 8px 0 0 !important;
  clear: none !important}
.rickshaw_legend .label {color: #24292e; font-size: 10px; font-weight: normal; padding: 0}
.prom_graph_xtitle, .prom_graph_ytitle, .prom_graph_link {display: none}
.prom_graph_table {border-spacing: 0}
</style></head><body>
<script>
var units = {
  s: function (x) {
    return x >= 172800 ? +(x / 86400).toFixed(1) + " d" : x >= 7200 ? +(x / 3600).toFixed(1) + " h"
      : x >= 120 ? +(x / 60).toFixed(1) + " min" : x >= 1 ? +x.toFixed(2) + " s"
      : x > 0 ? +(x * 1000).toPrecision(3) + " ms" : "0";
  },
  bytes: function (x) {
    return x >= 1073741824 ? +(x / 1073741824).toPrecision(3) + " GiB"
      : +(x / 1048576).toPrecision(3) + " MiB";
  },
  percentunit: function (x) { return +(x * 100).toFixed(1) + " %%"; },
  other: function (x) { return String(+x.toPrecision(3)); },
};
function draw(id, expr, name, unit, stack, colours, most, width, height) {
  var format = units[unit] || units.other;
  // The library's own names lose what stands behind a label.
  name = name.map(function (legend) {
    return function (labels) {
      return legend.replace(/{(\w+)}/g, function (_, label) { return labels[label] || ""; });
    };
  });
  new PromConsole.Graph({
    node: document.getElementById(id), expr: expr, name: name, width: width, height: height,
    renderer: stack ? "area" : "line", min: 0, max: most || 1, colorScheme: colours,
    yAxisFormatter: format, yHoverFormatter: format,
  });
}
</script>
"""


def spelled(value, unit, decimals=None):
    """A number as people write it."""
    if not math.isfinite(value):
        return "none"
    if decimals is not None and unit in ("short", "percentunit"):
        hundred, sign = (100, " %") if unit == "percentunit" else (1, "")
        return f"{value * hundred:.{decimals}f}{sign}"
    if unit == "s":
        for seconds, name in ((172800, "d"), (7200, "h"), (120, "min")):
            if value >= seconds:
                divisor = {"d": 86400, "h": 3600, "min": 60}[name]
                return f"{value / divisor:.1f} {name}"
        return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"
    if unit == "percentunit":
        return f"{value * 100:.1f} %"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    return f"{value:.4g}" if value < 1e6 else f"{value:.0f}"


def named(legend, labels):
    """The name of a line, as Grafana makes it."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend)


def colour_of_value(panel, value):
    chosen = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"]
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]:
        if value >= step["value"]:
            chosen = step["color"]
    return COLOURS.get(chosen, chosen)


def colours_of_lines(panel, names):
    """A colour for each line: the one that the panel gives its name, else one of the others."""
    given = {
        override["matcher"]["options"]: override["properties"][0]["value"]["fixedColor"]
        for override in panel["fieldConfig"]["overrides"]
    }
    free = iter(OTHERS * (1 + len(names) // len(OTHERS)))
    return [
        COLOURS.get(given[name], given[name]) if name in given else next(free) for name in names
    ]


class Console:
    """Makes pages for one stretch of time; `answers` are lines by (expression, instant)."""

    def __init__(self, answers, replaced):
        self._answers = answers
        self._replaced = replaced

    def page(self, dashboard, rows):
        """The page of the rows with these titles, and its size in pixels."""
        parts, top, chosen = [], None, False
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            if panel["type"] == "row":
                chosen = panel["title"] in rows
            if not chosen:
                continue
            top = place["y"] if top is None else top
            width, height = place["w"] * CELL[0] - GAP, place["h"] * CELL[1] - GAP
            style = (
                f"left:{place['x'] * CELL[0] + GAP}px; top:{(place['y'] - top) * CELL[1] + GAP}px;"
                f" width:{width}px; height:{height}px"
            )
            bottom = (place["y"] - top + place["h"]) * CELL[1] + GAP
            title = html.escape(panel["title"])
            if panel["type"] == "row":
                text = f"{html.escape(dashboard['title'])}: {title}" if not parts else title
                parts.append(f'<div class="row" style="{style}">{text}</div>')
            else:
                body = getattr(self, f"_{panel['type']}")(panel, width, height)
                parts.append(f'<div class="panel" style="{style}"><h2>{title}</h2>{body}</div>')
        head = HEAD % {"title": html.escape(dashboard["title"])}
        return head + "\n".join(parts) + "</body></html>", (24 * CELL[0] + GAP, bottom + GAP)

    def _lines(self, target):
        """(name, values) of each line of a query."""
        return [
            (named(target["legendFormat"], labels), values)
            for labels, values in self._answers[target["expr"], target.get("instant", False)]
        ]

    def _stat(self, panel, *_):
        defaults = panel["fieldConfig"]["defaults"]
        cells = []
        for name, values in self._lines(panel["targets"][0]):
            label = f"<small>{html.escape(name)}</small>" if name != "__auto" else ""
            cells.append(
                f'<div class="number" style="color:{colour_of_value(panel, values[-1])}">'
                f"{spelled(values[-1], defaults['unit'], defaults.get('decimals'))}{label}</div>"
            )
        cells = cells or [f'<div class="number">{defaults["noValue"]}</div>']
        return f'<div class="numbers">{"".join(cells)}</div>'

    def _bargauge(self, panel, width, _):
        lines = self._lines(panel["targets"][0])
        most = max((values[-1] for _, values in lines), default=1)
        colour = panel["fieldConfig"]["defaults"]["color"]["fixedColor"]
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td><div class='bar' style='background:"
            f"{COLOURS.get(colour, colour)}; width:{values[-1] / most * width * 0.4:.0f}px'></div>"
            f"</td><td>{values[-1]:.0f}</td></tr>"
            for name, values in lines
        )
        return f"<table>{rows or '<tr><td>none</td></tr>'}</table>"

    def _table(self, panel, *_):
        columns = panel["transformations"][1]["options"]["renameByName"]
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(labels.get(c, ''))}</td>" for c in columns)
            for labels, _ in self._answers[panel["targets"][0]["expr"], True]
        )
        head = "".join(f"<th>{title}</th>" for title in columns.values())
        return f"<table><tr>{head}</tr>{rows}</table>"

    def _text(self, panel, *_):
        """The little Markdown that our panels have: words, code and a table."""
        words, rows = [], []
        for line in html.escape(panel["options"]["content"]).splitlines():
            line = re.sub(r"`([^`]*)`", r"<code>\1</code>", line)
            if line.startswith("| ---"):
                continue
            if line.startswith("|"):
                rows.append("".join(f"<td>{cell}</td>" for cell in line.strip("|").split("|")))
            else:
                words.append(line)
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<div>{' '.join(words)}</div><table>{table}</table>"

    def _heatmap(self, panel, width, height):
        """A histogram's cells: columns are points in time, rows its buckets."""
        lines = self._answers[panel["targets"][0]["expr"], False]
        lines = sorted(lines, key=lambda line: float(line[0]["le"]))
        columns = 60
        points = max((len(values) for _, values in lines), default=0)
        counts, below = [], [0.0] * columns
        for labels, values in lines:
            values = [0.0] * (points - len(values)) + [v if v == v else 0.0 for v in values]
            upto = [values[int(c * points / columns)] for c in range(columns)]
            counts.append((labels["le"], [max(a - b, 0) for a, b in zip(upto, below)]))
            below = upto
        while counts and not any(counts[-1][1]):
            counts.pop()
        while counts and not any(counts[0][1]):
            counts.pop(0)
        most = max((max(row) for _, row in counts), default=0) or 1
        left, bottom = 44, height - 40
        tall, wide = bottom / max(len(counts), 1), (width - left - 24) / columns
        cells = []
        for index, (bound, row) in enumerate(counts):
            y = bottom - (index + 1) * tall
            cells.append(f'<text x="0" y="{y + tall / 2 + 3:.0f}" font-size="9">{bound} s</text>')
            cells += [
                f'<rect x="{left + c * wide:.1f}" y="{y:.1f}" width="{wide:.1f}"'
                f' height="{tall:.1f}" fill="#ff780a"'
                f' opacity="{0.1 + 0.9 * (value / most) ** 0.5:.2f}"/>'
                for c, value in enumerate(row)
                if value
            ]
        return f'<svg width="{width - 20}" height="{bottom}">{"".join(cells)}</svg>'

    def _timeseries(self, panel, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        lines = [line for target in panel["targets"] for line in self._lines(target)]
        names = [name for name, _ in lines]
        stacking = defaults["custom"]["stacking"]["mode"] == "normal"
        highest = [max((v for v in values if math.isfinite(v)), default=0) for _, values in lines]
        # Of stacked lines that are not highest at one time it is a little too much.
        most = 1.1 * (sum(highest) if stacking else max(highest, default=0))
        legends = [
            re.sub(r"\{\{(\w+)\}\}", r"{\1}", target["legendFormat"])  # no template's
            for target in panel["targets"]
        ]
        call = ", ".join(
            json.dumps(argument)
            for argument in (
                f"panel-{panel['id']}",
                [self._replaced(target["expr"]) for target in panel["targets"]],
                legends,
                defaults["unit"],
                stacking,
                colours_of_lines(panel, names) or None,
                most,
                width - 20,
                height - 30 - 14 * (1 + sum(map(len, names)) // (width // 8)) - 8,
            )
        )
        return f'<div id="panel-{panel["id"]}"></div><script>draw({call});</script>'
