# SPDX-License-Identifier: Apache-2.0
"""The ways in which the same thing runs, and what came of it in each."""

import dataclasses
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME_LIMIT = 60  # seconds; what takes longer hangs
REFUSED = "Refused"  # nothing was started
HUNG = "Hung"


class Failure(Exception):
    """Something did not do what it says."""


@dataclasses.dataclass
class Outcome:
    """What came of a run, told alike by every way."""

    state: str  # Succeeded, Failed, Cancelled, Refused, Hung
    reason: str = ""
    message: str = ""  # why it was refused, or of the whole run
    tasks: dict = dataclasses.field(
        default_factory=dict
    )  # name: {state, reason, attempts, results}
    results: dict = dataclasses.field(default_factory=dict)
    steps: dict = dataclasses.field(default_factory=dict)  # task: {step: {reason, exitCode}}
    output: str = ""
    log: str = ""  # what helps to see what went wrong
    typed: bool = True  # results are strings, arrays and objects; else all are text


def program():
    folder = os.environ.get("TASKGROUP_BIN", str(ROOT / "build" / "release" / "bin"))
    return os.path.join(folder, "taskgroup")


def events_of(text):
    """Return the events of `taskgroup run -o json`: one JSON object a line, the last one `end`."""
    found = []
    for line in text.splitlines():
        event = json.loads(line)
        if not isinstance(event, dict) or "event" not in event:
            raise Failure(f"not an event: {line}")
        found.append(event)
    return found


def _last_steps(events):
    steps = {}
    for event in events:
        if event["event"] == "step" and event["state"] == "Terminated":
            steps.setdefault(event["task"], {})[event["step"]] = event
    return steps


class Laptop:
    """`taskgroup run` with one of its runtimes."""

    def __init__(self, taskgroup, runtime="host"):
        self.taskgroup, self.runtime = os.path.abspath(taskgroup), runtime

    def run(self, path, arguments=(), time_limit=TIME_LIMIT):
        """Run what a file holds, in its folder."""
        command = [self.taskgroup, "run", str(path), "-o", "json", *arguments]
        command += ["--runtime", self.runtime]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=time_limit,
                cwd=path.parent,
            )
        except subprocess.TimeoutExpired as expired:
            log = (expired.stderr or b"").decode(errors="replace")
            return Outcome(HUNG, message=f"still running after {time_limit} s", log=log)
        return self.outcome_of(done)

    @staticmethod
    def outcome_of(done):
        log = done.stderr.decode(errors="replace")
        found = events_of(done.stdout.decode())
        if done.returncode == 2:
            started = [one for one in found if one["event"] in ("task", "step", "output")]
            if started:
                raise Failure(f"refused, and yet something was started: {started[0]}")
            return Outcome(REFUSED, message=log, log=log)
        end = found[-1] if found else {}
        if end.get("event") != "end":
            raise Failure(f"exit code {done.returncode} without an `end` event\n{log}")
        if (done.returncode == 0) != (end["state"] == "Succeeded") or done.returncode not in (0, 1):
            raise Failure(f"exit code {done.returncode} of a run that {end['state']}\n{log}")
        return Outcome(
            end["state"],
            end["reason"],
            end.get("message", ""),
            end["tasks"],
            end["results"],
            _last_steps(found),
            "".join(one["line"] + "\n" for one in found if one["event"] == "output"),
            log,
        )
