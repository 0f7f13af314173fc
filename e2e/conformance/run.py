#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases: YAML files whose first document says what the others must come to.

    run.py [--taskgroup PROGRAM] [--runtime host|podman|docker] [--jobs N] [--verbose] [FILTER...]

Each case is a file `<topic>-<rule>.yaml` beside this one. Its head says `# Rule:`, `# Source:` and, as
`# Covers:`, the items of items.yaml that it shows (compatibility.py). A FILTER picks the cases whose
name contains it. The program is $TASKGROUP_BIN/taskgroup, else the release build's. Exit code 0: all
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
      only: [host, …]        the ways of which the case speaks, if not of all: host, podman, docker, pod
      differs: {pod: {…}}    fields of `expect` that are others in a way

The same cases run in pods: e2e/cluster/tests/conformance_test.py.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

import yaml

import cases
import ways


def run_case(laptop, path):
    """Return (word, seconds, report)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="conformance-"))
    begin = time.monotonic()
    report = []
    try:
        case = cases.Case(path)
        if not case.runs_in(laptop.runtime):
            return "    ", 0.0, [f"not for {laptop.runtime}"]
        files = folder / "files"
        case.write_files(files)
        group = folder / path.name
        group.write_text(case.body)
        arguments = [one.replace("{dir}", str(files)) for one in case.arguments]
        outcome = laptop.run(group, arguments)
        report += cases.differences(case.expected_in(laptop.runtime), outcome, files)
        if report:
            report += ["--- stderr", *outcome.log.splitlines()[-20:]]
    except (ways.Failure, json.JSONDecodeError, KeyError, OSError, yaml.YAMLError) as error:
        report.append(f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "FAIL" if report else "ok  ", time.monotonic() - begin, report


def main():
    parser = argparse.ArgumentParser(description="Runs the conformance cases.")
    parser.add_argument("--taskgroup", default=ways.program(), help="the program under test")
    parser.add_argument(
        "--runtime", default="host", help="what runs the steps: host, podman, docker"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at a time")
    parser.add_argument("--verbose", action="store_true", help="print each case's rule too")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="part of a case's name")
    options = parser.parse_args()

    if not os.access(options.taskgroup, os.X_OK):
        sys.exit(f"{options.taskgroup}: no such program; build it, or name one with --taskgroup")
    paths = cases.paths_of_cases(options.filters)
    if not paths:
        sys.exit("no case matches")

    laptop = ways.Laptop(options.taskgroup, options.runtime)
    words = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda path: run_case(laptop, path), paths)
        for path, (word, seconds, report) in zip(paths, results):
            words.append(word)
            print(f"{word}  {path.stem:40} {seconds:6.2f} s", flush=True)
            if options.verbose or word == "FAIL":
                head = path.read_text().partition("\napiVersion")[0]
                print("\n".join("      " + line for line in head.splitlines()))
            for line in report:
                print(f"      {line}")
    print(
        f"{words.count('ok  ')} passed, {words.count('FAIL')} failed, {words.count('    ')} not run"
    )
    return 1 if "FAIL" in words else 0


if __name__ == "__main__":
    sys.exit(main())
