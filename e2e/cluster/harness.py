# SPDX-License-Identifier: Apache-2.0
"""What the tests of a real cluster speak: runs of groups, their conditions, tasks, pods and logs.

Each test has a namespace of its own and makes CustomRuns as Tekton does. Waiting is for changes
that a watch reports; a deadline only ends a test that hangs. A test that needs more than the API
server (the node's processes, its registry, the audit log) says so with `own_cluster`; one that disturbs
others (the controller restarted, the webhook down) with `alone`.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import textwrap
import time
import unittest
import urllib.request

import yaml

import node
from api import Api, ApiError  # noqa: F401  (tests import it from here)

API_VERSION = "taskgroup.dev/v1alpha1"
SYSTEM = "taskgroup-system"
CONTROL = "taskgroup.dev/control"
DEADLINE = 120  # seconds; a busy machine is slow, a test that hangs is slower
IMAGE = os.environ.get("TASKGROUP_E2E_BUSYBOX", "busybox")
ROOT = pathlib.Path(__file__).resolve().parents[2]

# Whether CustomRuns of the tests are made by Tekton, for a PipelineRun of one task, instead of by hand.
# The runner does so in a second pass where there is a Tekton.
THROUGH_PIPELINE_RUNS = False

OWN = os.environ.get("TASKGROUP_E2E_CLUSTER")  # folder of a cluster of ours, or nothing


def own_cluster(thing):
    """Mark a test or class: it needs the node, not only its API server."""
    return unittest.skipUnless(OWN, "needs a cluster that the tests brought up")(thing)


def by_hand(thing):
    """Mark a test: its CustomRun cannot be made by Tekton for a PipelineRun."""
    thing.by_hand = True
    return thing


def alone(thing):
    """Mark a test or class: no other runs at the same time."""
    thing.alone = True
    return thing


def unreviewed(thing):
    """Mark a test: what our webhook would refuse must come through, to see what the controller does."""
    thing.unreviewed = True
    return thing


def load(text):
    """The objects of a YAML text, indented as its place in a test wants."""
    return [thing for thing in yaml.safe_load_all(textwrap.dedent(text)) if thing]


def step(script, image=IMAGE, **fields):
    """A step that runs a shell script."""
    return {"image": image, "script": script, **fields}


def task(name, *scripts, results=(), steps=None, spec=None, **fields):
    """A task of a group with an embedded Task: one step for each script."""
    body = {"steps": steps or [step(script) for script in scripts], **(spec or {})}
    if results:
        body["results"] = [{"name": result} for result in results]
    return {"name": name, "taskSpec": body, **fields}


def group(*tasks, **fields):
    """The spec of a group."""
    return {"tasks": list(tasks), **fields}


class Run:
    """A CustomRun (or a legacy Run) of the test, followed by a watch."""

    def __init__(self, test, name, kind="CustomRun"):
        self.kind = kind
        self.pipeline_run = None  # name of the one that it belongs to, where Tekton made it
        self.test, self.api, self.namespace, self.name = test, test.api, test.namespace, name
        self.object = {}

    # --- What it says ---

    def read(self):
        self.object = self.api.get(self.kind, self.name, self.namespace)
        return self

    @property
    def uid(self):
        return self.object["metadata"]["uid"]

    @property
    def status(self):
        return self.object.get("status") or {}

    @property
    def condition(self):
        """The first condition, which must be Succeeded and the only one; {} before there is one."""
        conditions = self.status.get("conditions") or []
        assert len(conditions) <= 1 and all(
            c["type"] == "Succeeded" for c in conditions
        ), conditions
        return conditions[0] if conditions else {}

    @property
    def state(self):
        """ "True", "False" or "Unknown"; None before anybody has answered."""
        return self.condition.get("status")

    @property
    def reason(self):
        return self.condition.get("reason")

    @property
    def message(self):
        return self.condition.get("message", "")

    @property
    def results(self):
        return {result["name"]: result["value"] for result in self.status.get("results") or []}

    @property
    def extra(self):
        return self.status.get("extraFields") or {}

    @property
    def tasks(self):
        """By name: what extraFields says of each task."""
        return {task["name"]: task for task in self.extra.get("tasks") or []}

    @property
    def states(self):
        """By name: the state of each task."""
        return {name: task.get("state") for name, task in self.tasks.items()}

    # --- Waiting ---

    def wait_until(self, wanted, what, deadline=DEADLINE):
        """Follow it until `wanted(self)`; what it was then stays in `object`."""
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            for kind, thing in self.api.watch(self.kind, self.namespace, self.name, int(left) + 1):
                if kind != "DELETED":
                    self.object = thing
                    if wanted(self):
                        return self
                if time.monotonic() > end:
                    break
        raise AssertionError(f"{self.name}: not {what} after {deadline} s: {self.describe()}")

    def wait(self, deadline=DEADLINE):
        """Follow it, and the PipelineRun that it may belong to, to the final condition."""
        self.wait_until(lambda run: run.state in ("True", "False"), "finished", deadline)
        if self.pipeline_run:
            state = self._state_of_pipeline_run(deadline)
            assert state == self.state, f"its PipelineRun is {state}: {self.describe()}"
        return self

    def _state_of_pipeline_run(self, deadline):
        things = self.api.watch("PipelineRun", self.namespace, self.pipeline_run, deadline)
        for _, thing in things:
            conditions = thing.get("status", {}).get("conditions") or [{}]
            if conditions[0].get("status") in ("True", "False"):
                return conditions[0]["status"]
        return "not finished"

    def wait_answered(self):
        return self.wait_until(lambda run: run.state is not None, "answered")

    def wait_task(self, name, *states):
        return self.wait_until(
            lambda run: run.states.get(name) in states, f"with task {name} {' or '.join(states)}"
        )

    def wait_pod(self, wanted=lambda pod: True, what="there", deadline=DEADLINE):
        """Follow its pods until one is as wanted; return that."""
        end = time.monotonic() + deadline
        while (left := end - time.monotonic()) > 0:
            for kind, pod in self.api.watch("Pod", self.namespace, deadline=int(left) + 1):
                if kind != "DELETED" and self.owns(pod) and wanted(pod):
                    return pod
                if time.monotonic() > end:
                    break
        raise AssertionError(f"{self.name}: no pod {what} after {deadline} s: {self.describe()}")

    def wait_running(self, container=None):
        """Follow its pods until a container, or any step, runs."""

        def running(pod):
            return any(
                "running" in status.get("state", {})
                for status in container_statuses(pod)
                if status["name"] == container
                or container is None
                and status["name"].startswith("step-")
            )

        return self.wait_pod(running, f"with {container or 'a step'} running")

    # --- Its pods ---

    def owns(self, thing):
        return any(
            owner["uid"] == self.uid and owner.get("controller")
            for owner in thing["metadata"].get("ownerReferences", [])
        )

    def pods(self):
        return [pod for pod in self.api.list("Pod", self.namespace) if self.owns(pod)]

    def pod(self):
        """Its pod, which must be the only one."""
        pods = self.pods()
        assert len(pods) == 1, [pod["metadata"]["name"] for pod in pods]
        return pods[0]

    def log(self, container):
        return self.api.log(self.pod()["metadata"]["name"], container, self.namespace)

    def events(self):
        """Kubernetes' events about it, as (type, reason, note)."""
        return [
            (event["type"], event["reason"], event.get("note", ""))
            for event in self.api.list("Event", self.namespace)
            if event.get("regarding", {}).get("uid") == self.uid
        ]

    # --- What a person or Tekton does to it ---

    def cancel(
        self, message="CustomRun cancelled as the PipelineRun it belongs to has been cancelled."
    ):
        """Ask for its end by Tekton's own patch; without a message, as the Dashboard does."""
        if self.pipeline_run:
            patch = {"spec": {"status": "CancelledRunFinally"}}
            self.api.patch("PipelineRun", self.pipeline_run, patch, self.namespace)
            return
        patch = [{"op": "add", "path": "/spec/status", "value": "RunCancelled"}]
        if message:
            patch.append({"op": "add", "path": "/spec/statusMessage", "value": message})
        self.object = self.api.patch(self.kind, self.name, patch, self.namespace)

    def delete(self):
        self.api.delete(self.kind, self.name, self.namespace)

    def describe(self):
        """Everything that helps to see what went wrong."""
        lines = [json.dumps(self.status, indent=1)]
        with contextlib.suppress(ApiError, AssertionError, OSError):
            lines += [f"event: {' '.join(event)}" for event in self.events()]
            for pod in self.pods():
                lines.append(f"pod {pod['metadata']['name']}: {pod['status'].get('phase')}")
                lines += [
                    f"  {status['name']}: {json.dumps(status.get('state'))}"
                    for status in container_statuses(pod)
                ]
                with contextlib.suppress(ApiError):
                    log = self.api.log(pod["metadata"]["name"], "coordinator", self.namespace)
                    lines += ["  journal: " + line for line in log.splitlines()[-8:]]
        return "\n".join(lines)


def container_statuses(pod):
    status = pod.get("status", {})
    return status.get("initContainerStatuses", []) + status.get("containerStatuses", [])


class ClusterTest(unittest.TestCase):
    """A test with a namespace of its own."""

    def setUp(self):
        self.api = Api()
        name = re.sub(r"[^a-z0-9]+", "-", self._testMethodName.removeprefix("test_").lower())
        labels = {"taskgroup.dev/e2e": "true"}
        if getattr(getattr(self, self._testMethodName), "unreviewed", False):
            labels["taskgroup.dev/review"] = "disabled"
        self.namespace = self.api.create(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "generateName": f"{name[:40].strip('-')}-",
                    "labels": labels,
                },
            }
        )["metadata"]["name"]
        self.addCleanup(self._remove_namespace)
        self._runs = []
        for kind, _ in self.api.watch("ServiceAccount", self.namespace, "default"):
            if kind == "ADDED":
                break

    def _remove_namespace(self):
        if not os.environ.get("KEEP"):
            self.api.delete("Namespace", self.namespace)

    def describe_failure(self):
        """What the runner prints under a failure."""
        return "\n".join(f"--- {run.name}\n{run.describe()}" for run in self._runs)

    # --- Making things ---

    def apply(self, text):
        """Create the objects of a YAML text in the test's namespace; return the last one."""
        things = load(text) if isinstance(text, str) else [text]
        for thing in things:
            thing["metadata"].setdefault("namespace", self.namespace)
            thing = self.api.create(thing)
        return thing

    def start(self, spec, name="run", **fields):
        """Create a CustomRun with an embedded group, as Tekton does; `fields` are of its spec."""
        if THROUGH_PIPELINE_RUNS and set(fields) <= {"params", "workspaces", "retries", "timeout"}:
            return self.start_pipeline_run(spec, name, **fields)
        return self.start_custom_run(
            {
                "customSpec": {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec},
                **fields,
            },
            name,
        )

    def start_pipeline_run(self, spec, name, params=None, workspaces=(), **fields):
        """Let Tekton make the CustomRun."""
        names = [workspace["name"] for workspace in workspaces]
        self.api.create(
            {
                "apiVersion": "tekton.dev/v1",
                "kind": "PipelineRun",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "workspaces": list(workspaces),
                    "pipelineSpec": {
                        "workspaces": [{"name": one} for one in names],
                        "tasks": [
                            {
                                "name": "group",
                                "params": [
                                    {"name": k, "value": v} for k, v in (params or {}).items()
                                ],
                                "workspaces": [{"name": one, "workspace": one} for one in names],
                                "taskSpec": {
                                    "apiVersion": API_VERSION,
                                    "kind": "TaskGroup",
                                    "spec": spec,
                                },
                                **fields,
                            }
                        ],
                    },
                },
            }
        )
        for _, thing in self.api.watch("CustomRun", self.namespace, f"{name}-group"):
            run = self.follow(thing)
            run.pipeline_run = name
            return run
        pipeline_run = self.api.get("PipelineRun", name, self.namespace)
        raise AssertionError(f"no CustomRun of it: {json.dumps(pipeline_run['status'], indent=1)}")

    def start_reference(self, reference, name="run", **fields):
        """Create a CustomRun that refers to a TaskGroup."""
        return self.start_custom_run(
            {
                "customRef": {"apiVersion": API_VERSION, "kind": "TaskGroup", "name": reference},
                **fields,
            },
            name,
        )

    def start_legacy(self, spec, name="run"):
        """Create a Run, CustomRun's forerunner, with an embedded group."""
        what = {"apiVersion": API_VERSION, "kind": "TaskGroup", "spec": spec}
        return self.follow(
            self.apply(
                {
                    "apiVersion": "tekton.dev/v1alpha1",
                    "kind": "Run",
                    "metadata": {"name": name},
                    "spec": {"spec": what},
                }
            )
        )

    def start_custom_run(self, spec, name="run", **metadata):
        if "params" in spec and isinstance(spec["params"], dict):
            spec["params"] = [{"name": k, "value": v} for k, v in spec["params"].items()]
        made = self.api.create(
            {
                "apiVersion": "tekton.dev/v1beta1",
                "kind": "CustomRun",
                "metadata": {"name": name, "namespace": self.namespace, **metadata},
                "spec": spec,
            }
        )
        return self.follow(made)

    def follow(self, custom_run):
        """A CustomRun that was made in another way."""
        run = Run(self, custom_run["metadata"]["name"], custom_run["kind"])
        run.object = custom_run
        self._runs.append(run)
        return run

    def make_claim(self, name, **spec):
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name},
                "spec": {
                    "storageClassName": "e2e",
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Mi"}},
                    **spec,
                },
            }
        )

    # --- Saying how it ended ---

    def assert_succeeded(self, run):
        self.assertEqual(run.state, "True", run.describe())
        self.assert_final(run)

    def assert_failed(self, run, reason, *parts):
        """It is False with this reason, and its message holds each of the parts."""
        self.assertEqual((run.state, run.reason), ("False", reason), run.describe())
        for part in parts:
            self.assertIn(part, run.message)
        self.assert_final(run)

    def assert_final(self, run):
        """What holds of every final condition."""
        self.assertEqual(run.status["completionTime"], run.condition["lastTransitionTime"])
        self.assertEqual(run.status["observedGeneration"], run.object["metadata"]["generation"])

    def assert_states(self, run, **states):
        self.assertEqual({name: run.states.get(name) for name in states}, states, run.describe())


# --- The cluster as a machine: only where it is ours ---


class OwnCluster:
    """Programs, registry, webhook and audit log of the cluster that the tests brought up."""

    def __init__(self):
        self.layout = node.Layout(OWN)

    def pid(self, program):
        return json.loads(self.layout.state.read_text())["processes"][program]

    def signal(self, program, number=signal.SIGKILL):
        """Signal a program of the node. One that ends is started again at once."""
        os.kill(self.pid(program), number)

    @contextlib.contextmanager
    def stopped(self, program):
        """Hold a program as it is: to the others it is one that does not answer."""
        pid = self.pid(program)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def webhook_down(self):
        """Let every write of a CustomRun fail, as while Tekton's webhook is down."""
        self._tell_webhook("hold")
        try:
            yield
        finally:
            self._tell_webhook("release")

    @staticmethod
    def _tell_webhook(what):
        import ssl

        url = f"https://{node.ADDRESS}:{node.WEBHOOK_PORT}/{what}"
        context = ssl._create_unverified_context()
        urllib.request.urlopen(url, data=b"", context=context, timeout=10).close()

    @contextlib.contextmanager
    def pulls_held(self):
        """Let every pull of an image that is not on the node take until the end of the block."""
        hold = self.layout.registry / ".hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def processes_of(self, pod, container):
        """Ids of the processes in a container: the first is the container's own."""
        status = next(s for s in container_statuses(pod) if s["name"] == container)
        container_id = status["containerID"].split("//")[1]
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if container_id in (entry / "cgroup").read_text():
                        found.append(int(entry.name))
        return sorted(found)

    def audit(self, namespace=None, user=None, verbs=None):
        """Finished requests, as the audit log has them, in order."""
        for line in self.layout.audit.read_text().splitlines():
            entry = json.loads(line)
            reference = entry.get("objectRef", {})
            if namespace and reference.get("namespace") != namespace:
                continue
            if user and entry["user"]["username"] != user:
                continue
            if verbs and entry["verb"] not in verbs:
                continue
            if entry["stage"] == "ResponseComplete":
                yield entry

    def writes(self, namespace):
        """Writes in a namespace by every client, without leases, events and reviews."""
        uncounted = {"leases", "events", "tokenreviews", "subjectaccessreviews"}
        return [
            entry
            for entry in self.audit(
                namespace, verbs={"create", "update", "patch", "delete", "deletecollection"}
            )
            if entry["objectRef"]["resource"] not in uncounted
            and entry["objectRef"].get("subresource") != "token"
        ]
