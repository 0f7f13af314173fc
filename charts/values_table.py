#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the table of values in taskgroup/README.md from taskgroup/values.yaml and its comments.

  values_table.py            write it
  values_table.py --check    exit with 1 if it is not up to date
"""

import re
import sys
from pathlib import Path

CHART = Path(__file__).resolve().parent / "taskgroup"
README = CHART / "README.md"
BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


def values(text):
    """Yield (path, default, description) of each value that has no keys of the chart's own."""
    parents, comment = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.fullmatch(r" *# ?(.*)", line):
            comment.append(found[1])
        elif found := re.fullmatch(r"( *)([A-Za-z]+):(?: (.+))?", line):
            parents[len(found[1]) // 2 :] = [found[2]]
            if found[3] is not None:
                yield ".".join(parents), found[3], " ".join(comment)
            elif comment:
                raise SystemExit(f"values.yaml:{number}: describe the keys, not what has them")
            comment = []
        elif line.strip():
            raise SystemExit(f"values.yaml:{number}: put the default on the key's own line")
        else:
            comment = []


def table():
    lines = ["| Value | Default | |\n", "| --- | --- | --- |\n"]
    for path, default, comment in values((CHART / "values.yaml").read_text()):
        comment = comment.replace("|", "\\|")
        lines.append(f"| `{path}` | `{default}` | {comment} |\n")
    return "".join(lines)


def main():
    text = README.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    new = before + BEGIN + table() + END + after
    if "--check" in sys.argv:
        if new != text:
            print("charts/taskgroup/README.md is not up to date: charts/values_table.py writes it")
            return 1
        return 0
    README.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
