#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the tests of this folder whose name matches; several at a time, each in its namespace.

  run.py [REGEX]      names are file.Class.test, as they are printed

TASKGROUP_E2E_JOBS=4 says how many at a time. Those that must be alone come last. KEEP=1 leaves the
namespaces. The exit code is 0 if all passed, 1 if not, 5 if none ran.
"""

import concurrent.futures
import importlib.util
import os
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import harness  # noqa: E402

JOBS = int(os.environ.get("TASKGROUP_E2E_JOBS", "4"))


def find(pattern):
    """Every test whose name matches, in the order of names."""
    for path in sorted(HERE.glob("*_test.py")):
        specification = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(specification)
        sys.modules[path.stem] = module
        specification.loader.exec_module(module)
        suites = [unittest.defaultTestLoader.loadTestsFromModule(module)]
        while suites:
            item = suites.pop(0)
            if isinstance(item, unittest.TestSuite):
                suites[:0] = list(item)
            elif re.search(pattern, item.id()):
                yield item


class Outcome(unittest.TestResult):
    """Of one test."""

    def __init__(self, test):
        super().__init__()
        self.test = test
        self.seconds = 0.0
        self.details = ""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._explain(test)

    def addError(self, test, err):
        super().addError(test, err)
        self._explain(test)

    def _explain(self, test):
        describe = getattr(test, "describe_failure", None)
        try:
            self.details = describe() if describe else ""
        except Exception as error:  # the failure itself must be told in any case
            self.details = f"(nothing more is known: {error})"

    @property
    def word(self):
        if self.skipped:
            return f"not run: {self.skipped[0][1]}"
        return "ok" if self.wasSuccessful() else "FAILED"


_print_lock = threading.Lock()
_stopping = threading.Event()


def run_one(test):
    outcome = Outcome(test)
    if _stopping.is_set():
        return outcome
    started = time.monotonic()
    test.run(outcome)
    outcome.seconds = time.monotonic() - started
    with _print_lock:
        print(f"{test.id():<70} {outcome.word} {outcome.seconds:6.1f} s", flush=True)
        for _, text in outcome.failures + outcome.errors:
            print(text, outcome.details, sep="\n", flush=True)
    return outcome


def is_for_tekton(test):
    method = getattr(test, test._testMethodName)
    return getattr(test, "by_tekton", False) and not getattr(method, "by_hand", False)


def run_together(tests):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        try:
            return list(pool.map(run_one, tests))
        except BaseException:
            _stopping.set()
            raise


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = list(find(pattern))
    alone = [
        test
        for test in tests
        if getattr(test, "alone", False)
        or getattr(getattr(test, test._testMethodName), "alone", False)
    ]
    together = [test for test in tests if test not in alone]
    outcomes = run_together(together)
    if harness.Api().has_tekton():
        print("\nonce more, with CustomRuns that Tekton makes for PipelineRuns:", flush=True)
        harness.THROUGH_PIPELINE_RUNS = True
        outcomes += run_together([test for test in together if is_for_tekton(test)])
        harness.THROUGH_PIPELINE_RUNS = False
    outcomes += [run_one(test) for test in alone]
    again = []
    if os.environ.get("CI"):
        # Machines of CI are shared: what failed may try once more, alone, and the log tells what did.
        for place, outcome in enumerate(outcomes):
            if not outcome.wasSuccessful():
                test = outcome.test
                outcomes[place] = run_one(type(test)(test._testMethodName))
                again.append(test)
    skipped = [outcome for outcome in outcomes if outcome.skipped]
    failed = [outcome for outcome in outcomes if not outcome.wasSuccessful()]
    print(
        f"\n{len(outcomes) - len(skipped) - len(failed)} passed, {len(failed)} failed,"
        f" {len(skipped)} not run"
    )
    for test in again:
        print(f"  TRIED AGAIN {test.id()}")
    for outcome in failed:
        print(f"  FAILED {outcome.test.id()}")
    if not tests or len(skipped) == len(outcomes):
        print(f"no test ran{' whose name matches ' + pattern if pattern else ''}")
        return 5
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
