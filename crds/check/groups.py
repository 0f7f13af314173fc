#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the TaskGroups of examples/ and of the cases of conformance and validation into a folder, one file each.

The name begins with `run-` where the group runs, else with `refused-`; with `said-` where it is known what the API
server says, which then stands in the annotation `says`. Pipelines that run are written as TaskGroups too: their spec is
one.
"""
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
INVALID = 2  # exit code of a case whose input is refused


def groups_of(documents):
    for document in documents:
        kind, spec = document.get("kind"), document.get("spec", {})
        if kind == "TaskGroup":
            yield document
        elif kind == "Pipeline" and not any(
                "apiVersion" in task.get("taskSpec", {}) for task in spec.get("tasks", [])):
            yield {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                   "metadata": document["metadata"], "spec": spec}


def cases_of_validation():
    """File name and TaskGroup of each case that the library's tests, the webhook's and these share."""
    for path in sorted((ROOT / "core" / "planning" / "validation_cases").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text())["cases"]:
            if case["of"] != "TaskGroup":
                continue
            errors = [one for one in case.get("finds", []) if "warning: " not in one]
            kind = "said" if "api" in case else "refused" if errors else "run"
            yield f"{kind}-{path.stem}-{case['name']}.yaml", {
                "apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                "metadata": {"name": "case", "annotations": {"says": case.get("api", "")}},
                "spec": yaml.safe_load(case["spec"])}


def main():
    folder = Path(sys.argv[1])
    for name, group in cases_of_validation():
        (folder / name).write_text(yaml.safe_dump(group))
    for path in sorted([*(ROOT / "examples").rglob("*.yaml"),
                        *(ROOT / "e2e" / "conformance").glob("*.yaml")]):
        documents = [one for one in yaml.safe_load_all(path.read_text()) if isinstance(one, dict)]
        refused = any(one.get("kind") == "Case" and
                      one["spec"]["expect"].get("exitCode") == INVALID for one in documents)
        for number, group in enumerate(groups_of(documents)):
            name = f"{'refused' if refused else 'run'}-{path.stem}-{number}.yaml"
            (folder / name).write_text(yaml.safe_dump(group))


if __name__ == "__main__":
    main()
