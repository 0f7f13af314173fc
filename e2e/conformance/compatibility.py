#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/compatibility.md, or writes it: what a Task may expect of a group, item by item.

    compatibility.py            exit 1 and say what is wrong
    compatibility.py --write    write the page first
    compatibility.py --todo     list what has no verdict or no test yet

The items are in items.yaml. A test covers items that it names: a case in its head (`# Covers: 7.F1
7.F3`), a test in C++ or Python in a comment just above it (`// Covers: …`, `# Covers: …`).
"""

import argparse
import difflib
import pathlib
import re
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
FOLDERS = ("charts", "cli", "controller", "core", "docs", "e2e", "entrypoint", "kube", "webhook")
COMPLETE = True  # every item has a verdict, every case covers one, and the page is as written

VERDICTS = {"works": "works", "difference": "works with a difference", "refused": "refused"}
_COVERS = re.compile(r"^\s*(?:#|//) Covers: (.*)$")
_CPP_TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)")
_PYTHON_TEST = re.compile(r"^\s*(?:def|class) (\w+)")

HEAD = """\
# What a Task may expect: TaskRun and TaskGroup, item by item

<!-- Written by e2e/conformance/compatibility.py from e2e/conformance/items.yaml and the tests; do not edit. -->

What a Task sees, does and reports as a TaskRun of Tekton v1.15, and what becomes of it in a group. {works} work as there,
{difference} work with the difference that is told, {refused} are refused by name before anything starts.{todo} Each has a
test that fails if it is not so. Fields are in [fields.md](fields.md), reasons in [troubleshooting.md](troubleshooting.md).
"""


class Test:
    """Something that shows an item: a case, or a test of another program."""

    def __init__(self, name, path):
        self.name, self.path = name, path

    @property
    def link(self):
        return f"[{self.name}](../{self.path.relative_to(ROOT)})"


def read_topics():
    return yaml.safe_load((HERE / "items.yaml").read_text())


def covers_of_case(path):
    """Return the ids that the head of a case names."""
    head = path.read_text().partition("\n---\n")[0]
    return [
        name for line in head.splitlines() if (m := _COVERS.match(line)) for name in m[1].split()
    ]


def covers_of_program(path):
    """Yield (ids, name of the test below the comment) of a file with tests."""
    pattern = _CPP_TEST if path.suffix == ".cpp" else _PYTHON_TEST
    ids = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := _COVERS.match(line):
            ids += found[1].split()
        elif ids and (test := pattern.match(line)):
            yield ids, ".".join(test.groups())
            ids = []
        elif ids and not re.match(r"^\s*(#|//|@|$)", line):
            raise SystemExit(f"{path}:{number}: `Covers:` is not just above a test")


def programs():
    for folder in FOLDERS:
        for pattern in ("*_test.cpp", "*_test.py"):
            yield from sorted((ROOT / folder).rglob(pattern))


def read_tests():
    """Return (tests by id, names of cases that cover nothing)."""
    tests, idle = {}, []
    for path in sorted(HERE.glob("*.yaml")):
        if path.name == "items.yaml":
            continue
        ids = covers_of_case(path)
        if not ids:
            idle.append(path.stem)
        for name in ids:
            tests.setdefault(name, []).append(Test(path.stem, path))
    for path in programs():
        for ids, test in covers_of_program(path):
            for name in ids:
                tests.setdefault(name, []).append(Test(test, path))
    return tests, idle


def problems_of(topics, tests, idle):
    """Yield what is wrong, in words."""
    items = [item for topic in topics for item in topic["items"]]
    ids = [item["id"] for item in items]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        yield f"{name} is there twice"
    for name in sorted(set(tests) - set(ids)):
        yield f"{name}, which {tests[name][0].name} covers, is no item of items.yaml"
    for item in items:
        name, verdict, words = item["id"], item["verdict"], item.get("words", "")
        unknown = set(item) - {"id", "verdict", "title", "words"}
        if unknown:
            yield f"{name} has unknown keys: {', '.join(sorted(unknown))}"
        if verdict == "todo":
            if COMPLETE:
                yield f"{name} has no verdict"
            continue
        if verdict not in VERDICTS:
            yield f"{name} has the verdict {verdict}; there are {', '.join(VERDICTS)}"
        if verdict != "works" and not words:
            yield f"{name} is `{verdict}` and has no words: what differs, or what to do instead?"
        if re.search(r"\bignored\b", f"{item['title']} {words}"):
            yield f"{name} says that something is ignored: do it, or refuse it by name"
        if name not in tests:
            yield f"{name} is `{verdict}` and no test covers it"
    if COMPLETE:
        for case in idle:
            yield f"the case {case} has no `# Covers:`"


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def page_of(topics, tests):
    verdicts = [item["verdict"] for topic in topics for item in topic["items"]]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    todo = verdicts.count("todo")
    lines = [HEAD.format(**counts, todo=f" {todo} are not decided yet." if todo else "")]
    for topic in topics:
        lines += [f"## {topic['topic']} {topic['title']}", ""]
        lines += ["| | In a TaskRun | In a group | Tests |", "| --- | --- | --- | --- |"]
        for item in topic["items"]:
            verdict = VERDICTS.get(item["verdict"], "not decided yet")
            words = item.get("words", "")
            answer = f"**{verdict}**" + (f": {words}" if words else "")
            links = ", ".join(test.link for test in tests.get(item["id"], []))
            title = item["title"][0].upper() + item["title"][1:]
            lines.append(f"| {item['id']} | {cell(title)} | {cell(answer)} | {links} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/compatibility.md")
    parser.add_argument("--todo", action="store_true", help="list what is open")
    options = parser.parse_args()

    topics = read_topics()
    tests, idle = read_tests()
    if options.todo:
        for item in (item for topic in topics for item in topic["items"]):
            count = len(tests.get(item["id"], []))
            if item["verdict"] == "todo" or not count:
                print(f"{item['id']:7} {item['verdict']:10} {count} tests  {item['title']}")
        print(f"cases that cover nothing: {' '.join(idle) or 'none'}")
        return 0

    page = page_of(topics, tests)
    if options.write:
        PAGE.write_text(page)
    problems = list(problems_of(topics, tests, idle))
    written = PAGE.read_text() if PAGE.exists() else ""
    if COMPLETE and page != written:
        difference = difflib.unified_diff(
            written.splitlines(),
            page.splitlines(),
            str(PAGE.relative_to(ROOT)),
            "as it should be",
            lineterm="",
            n=0,
        )
        problems.append(
            "docs/compatibility.md is not what the tests say; write it again:"
            f" {pathlib.Path(__file__).relative_to(ROOT)} --write\n" + "\n".join(difference)
        )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
