# SPDX-License-Identifier: Apache-2.0
"""Runs the real `taskgroup` for the tests of this folder.

The program is $TASKGROUP_BIN/taskgroup, else the release build's. Waiting is for events that the
program prints and for processes to end, never for time to pass; DEADLINE only ends a test that
hangs.
"""

import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("TASKGROUP_BIN", ROOT / "build" / "release" / "bin"))
TASKGROUP = str(BIN / "taskgroup")
DEADLINE = 60  # seconds

# What a container engine does is another test's question (e2e/containers).
os.environ.setdefault("TASKGROUP_RUNTIME", "host")

GROUP = """\
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: test}
spec:
"""


class Finished:
    """What a run of the program has left."""

    def __init__(self, code, stdout, stderr, max_rss):
        self.code = code  # exit code; -N: killed by signal N
        self.stdout = stdout
        self.stderr = stderr
        self.max_rss = max_rss  # bytes

    @property
    def events(self):
        """The events of `-o json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def end(self):
        """The last event, which must be `end`."""
        last = self.events[-1]
        assert last["event"] == "end", last
        return last

    def output_of(self, task):
        """The lines that a task's steps printed."""
        return [e["line"] for e in self.events if e["event"] == "output" and e["task"] == task]


class Running:
    """A run in progress, in a session of its own."""

    def __init__(self, arguments, folder, environment, stdin=None, deadline=DEADLINE):
        self.events = []
        self._stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [TASKGROUP, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(deadline, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def wait_for(self, wanted):
        """Read events until one is wanted; return it. The rest stays to be read."""
        for line in iter(self.process.stdout.readline, b""):
            event = json.loads(line)
            self.events.append(event)
            if wanted(event):
                return event
        raise AssertionError(f"the run ended without that event: {self.stderr()}")

    def wait_for_output(self, task, line):
        return self.wait_for(
            lambda event: event["event"] == "output"
            and event["task"] == task
            and event["line"] == line
        )

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self):
        """Wait for the end; return what there is to know."""
        stdout = self.process.stdout.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._watchdog.cancel()
        self.process.stdout.close()
        before = "".join(json.dumps(event) + "\n" for event in self.events)
        text = before + stdout.decode(errors="replace")
        stderr = self.stderr()
        self._stderr.close()
        return Finished(self.process.returncode, text, stderr, usage.ru_maxrss * 1024)

    def finish_unread(self):
        """Wait for the end of a run whose output nobody reads any more."""
        self.process.wait()
        self._watchdog.cancel()
        self._stderr.close()

    def stderr(self):
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def processes(self):
        """Every process that descends from the run, as open pidfds by pid."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = pathlib.Path("/proc", entry, "stat").read_text()
                except OSError:
                    continue
                parent = int(stat[stat.rindex(")") + 2 :].split()[1])
                children.setdefault(parent, []).append(int(entry))
        found = {}
        pending = [self.process.pid]
        while pending:
            for child in children.get(pending.pop(), []):
                try:
                    found[child] = os.pidfd_open(child)
                except ProcessLookupError:
                    continue
                pending.append(child)
        return found


def is_gone(pidfd):
    """Whether the process has ended, waiting for it until DEADLINE."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(DEADLINE * 1000))


def have_ended(processes):
    """Return those that have not ended, after waiting for them; closes the descriptors."""
    left = [pid for pid, pidfd in processes.items() if not is_gone(pidfd)]
    for pidfd in processes.values():
        os.close(pidfd)
    return left


class TestCase(unittest.TestCase):
    """Gives each test a folder, and a folder of its own for temporary files that must end empty."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="taskgroup-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()

    def write(self, name, text):
        """Write a file into the test's folder; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
        return str(path)

    def start(self, *arguments, folder=None, environment=None, **options):
        return Running(
            [str(argument) for argument in arguments],
            folder or self.folder,
            {"TMPDIR": str(self.temporary), **(environment or {})},
            **options,
        )

    def run_taskgroup(self, *arguments, **options):
        return self.start(*arguments, **options).finish()

    def run_group(self, spec, *arguments, **options):
        """Run a TaskGroup of this spec, with events as output."""
        path = self.write("group.yaml", GROUP + spec)
        return self.run_taskgroup("run", path, "-o", "json", *arguments, **options)

    def start_group(self, spec, *arguments, **options):
        path = self.write("group.yaml", GROUP + spec)
        return self.start("run", path, "-o", "json", *arguments, **options)

    def assert_nothing_left(self):
        self.assertEqual(os.listdir(self.temporary), [])


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main(verbosity=2)
