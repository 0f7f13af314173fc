# SPDX-License-Identifier: Apache-2.0
"""What a day of a cluster looks like, in minutes: groups that succeed, fail, retry, skip, time out,
are cancelled, lose their pod, and objects that the webhook refuses."""

import contextlib
import random
import socket
import threading
import time

from harness import API_VERSION, SYSTEM, Api, ApiError, Run, group, step, task

IMAGE = "busybox:1"  # with a tag, so that it is pulled only where it is not there
AT_ONCE = 4


def asking(cpu, memory):
    return {"computeResources": {"requests": {"cpu": cpu, "memory": memory}}}


def one(name, script, cpu="20m", memory="16Mi", steps=1, **fields):
    """A task whose steps all do the same."""
    every = [step(script, image=IMAGE, **asking(cpu, memory)) for _ in range(steps)]
    return task(name, steps=every, **fields)


def pipeline():
    """clone, then lint, test and build beside each other, then image; a report at the end."""
    return group(
        one("clone", "sleep 2"),
        one("lint", "sleep 0.5", runAfter=["clone"]),
        one("test", "sleep 1", "40m", "32Mi", steps=2, runAfter=["clone"]),
        one("build", "sleep 1.5", "60m", "48Mi", steps=2, runAfter=["clone"]),
        one("image", "sleep 0.5", runAfter=["lint", "test", "build"]),
        **{"finally": [one("report", "true")]},
    )


def skipping():
    never = [{"input": "main", "operator": "in", "values": ["release"]}]
    return group(
        one("build", "sleep 1"),
        one("sign", "true", runAfter=["build"], when=never),
        one("publish", "true", runAfter=["sign"]),
    )


def retrying():
    return group(one("flaky", "[ $(context.task.retry-count) -ge 2 ] || exit 1", retries=2))


def failing():
    return group(
        one("build", "sleep 1"),
        one("test", "sleep 0.6; exit 1", runAfter=["build"]),
        one("deploy", "true", runAfter=["test"]),
    )


def timing_out():
    return group(one("slow", "sleep 60", timeout="3s"))


def ignored_failure():
    return group(one("lint", "exit 1", onError="continue"), one("build", "true"))


def wide():
    """Twelve tasks beside each other, three at a time."""
    return group(
        *(one(f"part-{n}", "sleep 0.3") for n in range(12)), run={"maxParallel": 3}
    )


def long_one():
    return group(one("wait", "sleep 40"))


# What is run how often, and what is done to it.
MIX = [
    (10, pipeline, None),
    (4, skipping, None),
    (3, retrying, None),
    (3, failing, None),
    (2, wide, None),
    (1, timing_out, None),
    (1, ignored_failure, None),
    (1, long_one, "cancel"),
    (2, long_one, "lose"),  # more than TaskGroupRunsFailing lets pass
]


def mistaken(kind, name):
    """An object with a group whose tasks wait for each other."""
    spec = group(one("a", "true", runAfter=["b"]), one("b", "true", runAfter=["a"]))
    if kind == "TaskGroup":
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    embedded = {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"tasks": [{"name": "group", "taskSpec": embedded}]},
    }


class Load:
    """Runs groups until `stop()`, several at a time, in a namespace of its own."""

    def __init__(self):
        self.api = Api()
        self.random = random.Random(5)  # the same load each time
        self.outcomes = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._count = 0
        self.namespace = self.api.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "dashboards-"}}
        )["metadata"]["name"]
        for _ in self.api.watch("ServiceAccount", self.namespace, "default"):
            break
        self._threads = [threading.Thread(target=self._run_groups) for _ in range(AT_ONCE)]
        self._threads.append(threading.Thread(target=self._make_mistakes))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.api.delete("Namespace", self.namespace)

    def _tell(self, what):
        with self._lock:
            self.outcomes[what] = self.outcomes.get(what, 0) + 1

    def _next(self):
        with self._lock:
            self._count += 1
            weights = [weight for weight, _, _ in MIX]
            return f"run-{self._count}", *self.random.choices(MIX, weights)[0][1:]

    def _run_groups(self):
        while not self._stop.is_set():
            name, make, mishap = self._next()
            try:
                self._run_one(name, make(), mishap)
            except (ApiError, AssertionError, OSError) as error:
                self._tell(f"{type(error).__name__}: {str(error)[:200]}")
                time.sleep(1)

    def _run_one(self, name, spec, mishap):
        run = Run(self, name)
        run.object = self.api.create(
            {
                "apiVersion": "tekton.dev/v1beta1",
                "kind": "CustomRun",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "customSpec": {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}
                },
            }
        )
        if mishap:
            pod = run.wait_running()
            if mishap == "cancel":
                run.cancel()
            else:
                self.api.delete("Pod", pod["metadata"]["name"], self.namespace)
        run.wait(deadline=300)
        self._tell(f"{run.state} {run.reason}")
        run.delete()

    def _make_mistakes(self):
        """What the webhook refuses, and strangers at its door; one of each, every few seconds."""
        number = 0
        while not self._stop.wait(4):
            number += 1
            for kind in ("TaskGroup", "Pipeline"):
                thing = mistaken(kind, f"mistake-{number}")
                thing["metadata"]["namespace"] = self.namespace
                try:
                    self.api.create(thing)
                    self._tell(f"{kind} with a mistake: taken")
                except ApiError as error:
                    self._tell(f"{kind} with a mistake: {error.code} {error.reason}")
            thing = {
                "apiVersion": API_VERSION,
                "kind": "TaskGroup",
                "metadata": {"name": f"good-{number}", "namespace": self.namespace},
                "spec": pipeline(),
            }
            with contextlib.suppress(ApiError):
                self.api.create(thing)
            self._knock()

    def _knock(self):
        """Speak no TLS to the webhook."""
        for pod in self.api.list("Pod", SYSTEM):
            for container in pod["spec"]["containers"]:
                for port in container.get("ports", []):
                    if port.get("name") == "webhook" and pod.get("status", {}).get("podIP"):
                        with contextlib.suppress(OSError):
                            address = (pod["status"]["podIP"], port["containerPort"])
                            with socket.create_connection(address, 2) as connection:
                                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                                connection.recv(100)
