# SPDX-License-Identifier: Apache-2.0
"""The cases: what each says, and whether an outcome is as it says. run.py has the format."""

import copy
import difflib
import json
import pathlib
import re

import yaml

from ways import REFUSED, Failure

HERE = pathlib.Path(__file__).resolve().parent
_EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Cancelled": 1, REFUSED: 2}


class Case:
    """One file: `spec` of its first document, and the text of the others with their line numbers."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        head, separator, body = path.read_text().partition("\n---\n")
        if not separator:
            raise Failure("the file has one document only")
        if len(re.findall(r"(?m)^# Rule: ", head)) != 1 or "# Source: " not in head:
            raise Failure("the file does not begin with one `# Rule:` and its `# Source:`")
        first = yaml.safe_load(head)
        if first.get("kind") != "Case":
            raise Failure("the first document is not of kind Case")
        self.head, self.spec = head.partition("\napiVersion")[0], first["spec"]
        self.body = "\n" * (head.count("\n") + 2) + body

    def runs_in(self, way):
        """Tell whether the case says something about a way."""
        return way in self.spec.get("only", [way])

    def expected_in(self, way):
        return {**self.spec["expect"], **self.spec.get("differs", {}).get(way, {})}

    @property
    def arguments(self):
        return [str(argument) for argument in self.spec.get("args", [])]

    def write_files(self, folder):
        for name, content in self.spec.get("files", {}).items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)


def paths_of_cases(filters=()):
    return [
        path
        for path in sorted(HERE.glob("*.yaml"))
        if path.name != "items.yaml" and (not filters or any(part in path.stem for part in filters))
    ]


def picked(expected, actual):
    """Return of `actual` only what `expected` names, so that the two can be compared."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: picked(expected[key], actual[key]) for key in expected if key in actual}
    return actual


def _of_tasks(expected, actual):
    """A task is compared in what the case lists; one that the case does not know is shown whole."""
    return {
        name: {key: task.get(key) for key in expected[name]} if name in expected else task
        for name, task in actual.items()
    }


def _typed(expected, actual):
    """Return text as the array or object that it is expected to be, wherever one is expected."""
    if isinstance(expected, (list, dict)) and isinstance(actual, str):
        try:
            return json.loads(actual)
        except ValueError:
            return actual
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: _typed(expected.get(key), value) for key, value in actual.items()}
    return actual


def _content(path):
    return path.read_text() if path.exists() else None


def _as_text(value):
    return yaml.safe_dump(value, default_flow_style=False, width=1000).splitlines()


def differences(expect, outcome, files):
    """Return what differs from what a case expects, as lines; none if it passed.

    `files` is the folder of the case's files after the run.
    """
    expected = {"exitCode": expect["exitCode"]}
    actual = {"exitCode": _EXIT_CODES.get(outcome.state, outcome.message)}
    if "errors" in expect:
        text = outcome.message + outcome.log
        expected["errors"] = expect["errors"]
        actual["errors"] = [part for part in expect["errors"] if part in text]
    if expect["exitCode"] != 2 and outcome.state != REFUSED:
        for field in ("state", "reason", "tasks"):
            expected[field] = copy.deepcopy(expect[field])
        expected["results"] = expect.get("results", {})
        actual["state"], actual["reason"] = outcome.state, outcome.reason
        actual["tasks"] = _of_tasks(expect["tasks"], outcome.tasks)
        actual["results"] = outcome.results
        if "steps" in expect:
            expected["steps"] = expect["steps"]
            actual["steps"] = picked(expect["steps"], outcome.steps)
        if "output" in expect:
            wanted = expect["output"].get("contains", [])
            unwanted = expect["output"].get("excludes", [])
            expected["output"] = {"contains": wanted, "excludes": unwanted}
            actual["output"] = {
                "contains": [part for part in wanted if part in outcome.output],
                "excludes": [part for part in unwanted if part not in outcome.output],
            }
        if "files" in expect:
            expected["files"] = expect["files"]
            actual["files"] = {name: _content(files / name) for name in expect["files"]}
    if not outcome.typed:
        # Results of tasks leave a pod only as results of a group that can be asked for them.
        if not any("results" in task for task in outcome.tasks.values()):
            for task in (*expected.get("tasks", {}).values(), *actual.get("tasks", {}).values()):
                task.pop("results", None)
        for field in {"tasks", "results"} & set(actual):
            actual[field] = _typed(expected[field], actual[field])
    if expected == actual:
        return []
    return list(
        difflib.unified_diff(
            _as_text(expected), _as_text(actual), "expected", "actual", lineterm="", n=2
        )
    )
