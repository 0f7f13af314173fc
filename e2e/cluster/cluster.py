#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clusters for tests and developers.

  cluster.py up        bring one up and leave it; print how to use it      (make e2e-up)
  cluster.py down      end it, and clean up after one that died            (make e2e-down)
  cluster.py install   install the chart and images once more, after a build
  cluster.py enter [COMMAND...]   run a command (a shell) beside it: kubectl, helm, ctr work
  cluster.py run [REGEX]          run the tests whose name matches         (make e2e T=REGEX)
  cluster.py bench [ROUNDS]       measure a group against a bare pod       (make bench-cluster)
  cluster.py dashboards [MINUTES] draw the dashboards from a load          (make dashboards)

`run` uses the cluster of KUBECONFIG if that is set, else the one that `up` has left, else one of
its own for as long as it takes. A cluster belongs to its checkout: all it leaves is in build/e2e,
and clusters of several checkouts do not meet.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import time

import machine
import node
import programs

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = pathlib.Path(os.environ.get("TASKGROUP_E2E_DIR", ROOT / "build" / "e2e")).resolve()
FOLDER = WORK / "cluster"
KEEPER = WORK / "keeper.json"
LOCK = WORK / "lock"
LOGS = WORK / "logs"  # of the last cluster that was taken down


class Busy(Exception):
    """Another process keeps a cluster in this folder."""


def say(text):
    print(text, flush=True)


@contextlib.contextmanager
def phase(name):
    started = time.monotonic()
    yield
    say(f"{name:<32} {time.monotonic() - started:6.1f} s")


# --- The process that keeps a cluster ---


def _started(pid):
    """When a process began, in the kernel's ticks: tells a process from a later one of its id."""
    try:
        stat = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else fields[19]


def _wait_gone(pid, seconds):
    """Wait for a process to end; tell whether it has."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    gone = bool(poll.poll(seconds * 1000))
    os.close(pidfd)
    return gone


def kept():
    """What is known of the cluster that is up in this checkout, or None."""
    try:
        known = json.loads(KEEPER.read_text())
    except (OSError, ValueError):
        return None
    if not known["init"] or _started(known["init"]) != known["init_started"]:
        return None
    if _started(known["keeper"]) == known["keeper_started"]:
        return known
    # Its keeper was killed; it is about to end.
    _wait_gone(known["init"], 60)
    return None


def _write_keeper(known):
    temporary = KEEPER.with_suffix(".new")
    temporary.write_text(json.dumps(known))
    temporary.rename(KEEPER)


class Cluster:
    """A cluster of this checkout, kept by this process. Use as a context manager."""

    def __enter__(self):
        machine.check()
        WORK.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Busy(
                f"another run uses {WORK}. `make e2e-down` ends a cluster that is kept up"
            ) from None
        self._init = None
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        clean_up()
        with phase("programs"):
            binaries = programs.build()
        FOLDER.mkdir(parents=True)
        os.environ["PATH"] = f"{binaries}:/usr/sbin:{os.environ['PATH']}"
        cgroup = f"taskgroup-e2e-{os.getpid()}-{int(time.time())}"
        known = {
            "keeper": os.getpid(),
            "keeper_started": _started(os.getpid()),
            "cgroup": cgroup,
            "programs": str(binaries),
            "mount_points": machine.make_mount_points(),
        }
        _write_keeper({**known, "init": 0, "init_started": None})
        read, write = os.pipe()

        def first(life):
            node.run(
                life,
                lambda text: os.write(write, (text + "\0").encode()),
                node.Layout(FOLDER),
                binaries,
                cgroup,
            )

        # It has the lock too: the folder is free only when nothing runs in it any more.
        with phase("cluster"):
            self._init, self._life = machine.start(first, [write, self._lock])
            _write_keeper({**known, "init": self._init, "init_started": _started(self._init)})
            os.close(write)
            self._follow(read)

    @staticmethod
    def _follow(read):
        with os.fdopen(read, "rb", buffering=0) as pipe:
            rest = b""
            while True:
                piece = pipe.read(4096)
                if not piece:
                    raise RuntimeError("the cluster's first process is gone")
                *texts, rest = (rest + piece).split(b"\0")
                for text in texts:
                    if text == b"ready":
                        return
                    if text.startswith(b"failed: "):
                        raise RuntimeError(text.removeprefix(b"failed: ").decode())
                    say(text.decode())

    def __exit__(self, *_):
        ignored = [
            signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)
        ]
        if self._init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
            if not _wait_gone(self._init, 60):
                say(f"process {self._init} does not end")
            os.close(self._life)
        clean_up()
        os.close(self._lock)
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), ignored):
            signal.signal(number, handler)


def clean_up():
    """Remove what a cluster of this checkout that does not run any more has left; keep its logs."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(KEEPER.read_text())
        machine.remove_cgroups(known["cgroup"])
        machine.remove_mount_points(known["mount_points"])
    if (FOLDER / "logs").is_dir():
        shutil.rmtree(LOGS, ignore_errors=True)
        (FOLDER / "logs").rename(LOGS)
        with contextlib.suppress(OSError):
            (FOLDER / "audit.log").rename(LOGS / "audit.log")
    shutil.rmtree(FOLDER, ignore_errors=True)
    if FOLDER.exists():  # files that were being made while it was removed
        shutil.rmtree(FOLDER)
    KEEPER.unlink(missing_ok=True)


# --- Commands ---


def inside(known, command, **options):
    """Run a command in the namespaces of the cluster that is up, with its kubeconfig."""
    enter = ["nsenter", "-t", str(known["init"]), "--net", "--pid", "--mount"]
    enter += [f"--wd={os.getcwd()}"]
    environment = {
        **os.environ,
        "KUBECONFIG": str(FOLDER / "kubeconfig"),
        "CONTAINERD_ADDRESS": "/run/containerd/containerd.sock",
        "CONTAINERD_NAMESPACE": "k8s.io",
        "TASKGROUP_E2E_CLUSTER": str(FOLDER),
        "PATH": f"{known['programs']}:/usr/sbin:{os.environ['PATH']}",
    }
    return subprocess.run([*enter, *map(str, command)], env=environment, **options).returncode


def install(known):
    """Install what a cluster needs besides itself; a second time, bring it up to date."""
    with phase("install"):
        if inside(known, [sys.executable, HERE / "install.py"]):
            raise RuntimeError("the installation failed; see above")


def keep():
    """Bring a cluster up, say "ready" and keep it until SIGTERM. `up` starts this."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Cluster():
            install(kept())
            say("ready")
            log = os.open(WORK / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            pidfd = os.pidfd_open(kept()["init"])
            select.select([pidfd], [], [])
            say("the cluster's first process has ended")
    except (Busy, programs.Missing, RuntimeError, subprocess.CalledProcessError) as error:
        say(f"{error}")
        return 1
    return 0


def up():
    known = kept()
    if known is None:
        keeper = subprocess.Popen(
            [sys.executable, __file__, "keep"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            for line in keeper.stdout:
                if line == "ready\n":
                    break
                print(line, end="", flush=True)
            else:
                return 1
        except KeyboardInterrupt:
            keeper.terminate()
            keeper.wait()
            return 130
        known = kept()
    say(f"""\
It is up until `make e2e-down`; its files are in {FOLDER}.
  e2e/cluster/enter kubectl get pods -A     kubectl, helm, ctr and a shell, beside it
  make e2e T=regex                          tests run on it
  e2e/cluster/install                       takes a new build of chart and images
or: nsenter -t {known['init']} --net env KUBECONFIG={FOLDER}/kubeconfig \\
      PATH={known['programs']}:$PATH bash""")
    return 0


def down():
    known = kept()
    if known:
        with contextlib.suppress(ProcessLookupError):
            # Without its keeper, the first process ends by itself.
            os.kill(known["keeper"], signal.SIGTERM)
        if not _wait_gone(known["init"], 60):
            say(f"process {known['init']} does not end")
            return 1
        _wait_gone(known["keeper"], 60)
    with contextlib.suppress(FileNotFoundError), open(LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        clean_up()
    return 0


def need(known):
    if known is None:
        raise programs.Missing("no cluster is up here: `make e2e-up`")
    return known


def run(program, arguments):
    """Run a program beside a cluster; its exit code is ours."""
    tests = [sys.executable, HERE / program, *arguments]
    if os.environ.get("KUBECONFIG"):
        say(f"on the cluster of KUBECONFIG={os.environ['KUBECONFIG']}")
        with phase("install"):
            subprocess.run([sys.executable, HERE / "install.py"], check=True)
        return subprocess.run(tests).returncode
    known = kept()
    if known:
        say(f"on the cluster in {FOLDER}")
        install(known)
        return inside(known, tests)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        with Cluster():
            install(kept())
            with phase(program):
                code = inside(kept(), tests)
            ended = time.monotonic()
    except KeyboardInterrupt:
        return 130
    say(f"{'tear-down':<32} {time.monotonic() - ended:6.1f} s")
    say(f"{'all':<32} {time.monotonic() - began:6.1f} s")
    return code


def main(arguments):
    command, *rest = arguments or ["help"]
    try:
        if command == "up":
            return up()
        if command == "keep":
            return keep()
        if command == "down":
            return down()
        if command == "install":
            install(need(kept()))
            return 0
        if command == "enter":
            return inside(need(kept()), rest or [os.environ.get("SHELL", "/bin/sh")])
        if command == "run":
            return run("tests/run.py", rest)
        if command == "bench":
            return run("bench.py", rest)
        if command == "dashboards":
            return run("../dashboards/draw.py", rest)
    except (Busy, programs.Missing) as error:
        say(f"e2e: {error}")
        return 3
    except (RuntimeError, subprocess.CalledProcessError) as error:
        say(f"e2e: {error}")
        return 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
