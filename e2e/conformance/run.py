#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases: YAML files whose first document says what the others must come to.

    run.py [--taskgroup PROGRAM] [--jobs N] [--verbose] [FILTER...]

Each case is a file `<topic>-<rule>.yaml` beside this one. Its head says `# Rule:`, `# Source:` and, as
`# Covers:`, the items of items.yaml that it shows (compatibility.py). A FILTER picks the cases whose name
contains it. The program is $TASKGROUP_BIN/taskgroup, else the release build's. Exit code 0: all
cases passed.

The first document, kind Case:

    spec:
      args: […]              extra arguments of `taskgroup run`; {dir}: the case's own folder
      files: {path: text}    made in that folder before the run
      expect:
        exitCode: 0
        state, reason        of the `end` event
        tasks:               exactly the tasks of the `end` event, and of each what is listed:
          NAME: {state: …, reason: …, attempts: …, results: {…}}
        results: {…}         exactly the group's results; none if left out
        steps:               of steps' last events what is listed
          TASK: {STEP: {reason: …, exitCode: …}}
        output: {contains: […], excludes: […]}   text printed by steps
        files: {path: text}  in the folder after the run; null: not there
        errors: […]          text on stderr, for refused input
"""

import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIME_LIMIT = 60  # seconds; a case that takes longer hangs


class Failure(Exception):
    """A case did not do what it says."""


def program():
    folder = os.environ.get("TASKGROUP_BIN", str(ROOT / "build" / "release" / "bin"))
    return os.path.join(folder, "taskgroup")


def read_case(path):
    """Return the case's spec and the text to be run, whose lines keep their numbers."""
    text = path.read_text()
    head, separator, body = text.partition("\n---\n")
    if not separator:
        raise Failure("the file has one document only")
    rules = re.findall(r"(?m)^# Rule: ", head)
    if len(rules) != 1 or "# Source: " not in head:
        raise Failure("the file does not begin with one `# Rule:` and its `# Source:`")
    case = yaml.safe_load(head)
    if case.get("kind") != "Case":
        raise Failure("the first document is not of kind Case")
    return case["spec"], "\n" * (head.count("\n") + 2) + body


def in_folder(value, folder):
    return value.replace("{dir}", str(folder))


def run(taskgroup, path, folder):
    """Run one case; return what is expected, what was found, and the completed process."""
    spec, body = read_case(path)
    for name, content in spec.get("files", {}).items():
        target = folder / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    group = folder / path.name
    group.write_text(body)
    files = folder / "files"
    command = [taskgroup, "run", str(group), "-o", "json"]
    command += [in_folder(argument, files) for argument in spec.get("args", [])]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT, cwd=folder
    )
    return spec["expect"], done, files


def events(done):
    """Return the events on stdout: one JSON object a line, the last one `end`."""
    found = []
    for line in done.stdout.decode().splitlines():
        event = json.loads(line)
        if not isinstance(event, dict) or "event" not in event:
            raise Failure(f"not an event: {line}")
        found.append(event)
    return found


def output_of(found):
    return "".join(event["line"] + "\n" for event in found if event["event"] == "output")


def picked(expected, actual):
    """Return of `actual` only what `expected` names, so that the two can be compared."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: picked(expected[key], actual[key]) for key in expected if key in actual}
    return actual


def last_steps(found):
    steps = {}
    for event in found:
        if event["event"] == "step" and event["state"] == "Terminated":
            steps.setdefault(event["task"], {})[event["step"]] = event
    return steps


def compare(expect, done, files):
    """Return the expected and the actual outcome, each as a value that can be printed."""
    expected = {"exitCode": expect["exitCode"]}
    actual = {"exitCode": done.returncode}

    stderr = done.stderr.decode(errors="replace")
    if "errors" in expect:
        expected["errors"] = expect["errors"]
        actual["errors"] = [text for text in expect["errors"] if text in stderr]
    if expect["exitCode"] == 2:
        # Nothing has started: not one event of a task.
        started = [e for e in events(done) if e["event"] in ("task", "step", "output")]
        expected["started"], actual["started"] = [], started
        return expected, actual

    found = events(done)
    end = found[-1] if found else {}
    if end.get("event") != "end":
        raise Failure("the last line is not the `end` event")
    expected["state"], actual["state"] = expect["state"], end["state"]
    expected["reason"], actual["reason"] = expect["reason"], end["reason"]
    expected["tasks"] = expect["tasks"]
    actual["tasks"] = {
        name: compared_task(expect["tasks"].get(name), task) for name, task in end["tasks"].items()
    }
    expected["results"] = expect.get("results", {})
    actual["results"] = end["results"]
    if "steps" in expect:
        expected["steps"] = expect["steps"]
        actual["steps"] = picked(expect["steps"], last_steps(found))
    if "output" in expect:
        text = output_of(found)
        wanted = expect["output"].get("contains", [])
        unwanted = expect["output"].get("excludes", [])
        expected["output"] = {"contains": wanted, "excludes": unwanted}
        actual["output"] = {
            "contains": [part for part in wanted if part in text],
            "excludes": [part for part in unwanted if part not in text],
        }
    if "files" in expect:
        expected["files"] = expect["files"]
        actual["files"] = {name: content_of(files / name) for name in expect["files"]}
    return expected, actual


def compared_task(expected, actual):
    """A task is compared in what the case lists; one that the case does not know is shown whole."""
    if expected is None:
        return actual
    return {key: actual.get(key) for key in expected}


def content_of(path):
    return path.read_text() if path.exists() else None


def as_text(value):
    return yaml.safe_dump(value, default_flow_style=False, width=1000).splitlines()


def run_case(taskgroup, path):
    """Return (passed, seconds, report)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="conformance-"))
    begin = time.monotonic()
    done = None
    report = []
    try:
        expect, done, files = run(taskgroup, path, folder)
        expected, actual = compare(expect, done, files)
        if expected != actual:
            report += difflib.unified_diff(
                as_text(expected), as_text(actual), "expected", "actual", lineterm="", n=2
            )
    except subprocess.TimeoutExpired as expired:
        report.append(f"still running after {TIME_LIMIT} s")
        report += (expired.stderr or b"").decode(errors="replace").splitlines()
    except (Failure, json.JSONDecodeError, KeyError, OSError, yaml.YAMLError) as error:
        report.append(f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if report and done is not None:
        report.append(f"--- stderr, exit code {done.returncode}")
        report += done.stderr.decode(errors="replace").splitlines()[-20:]
    return not report, time.monotonic() - begin, report


def main():
    parser = argparse.ArgumentParser(description="Runs the conformance cases.")
    parser.add_argument("--taskgroup", default=program(), help="the program under test")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at a time")
    parser.add_argument("--verbose", action="store_true", help="print each case's rule too")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="part of a case's name")
    options = parser.parse_args()

    options.taskgroup = os.path.abspath(options.taskgroup)
    if not os.access(options.taskgroup, os.X_OK):
        sys.exit(f"{options.taskgroup}: no such program; build it, or name one with --taskgroup")
    paths = [
        path
        for path in sorted(HERE.glob("*.yaml"))
        if path.name != "items.yaml"
        and (not options.filters or any(part in path.stem for part in options.filters))
    ]
    if not paths:
        sys.exit("no case matches")

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda path: run_case(options.taskgroup, path), paths)
        for path, (passed, seconds, report) in zip(paths, results):
            failed += not passed
            print(f"{'ok  ' if passed else 'FAIL'}  {path.stem:40} {seconds:6.2f} s", flush=True)
            if options.verbose or not passed:
                head = path.read_text().partition("\napiVersion")[0]
                print("\n".join("      " + line for line in head.splitlines()))
            for line in report:
                print(f"      {line}")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
