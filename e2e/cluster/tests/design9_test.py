# SPDX-License-Identifier: Apache-2.0
"""Faults that the design (its section 9) names, and no other file has.

docs/design/controller.md lists all of them, with where each is shown.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import install
from harness import (
    SYSTEM,
    ApiError,
    ClusterTest,
    OwnCluster,
    alone,
    container_statuses,
    group,
    own_cluster,
    step,
    task,
)

FOREVER = "echo begun; sleep 100000"
CONTROLLERS = "app.kubernetes.io/component=controller"


def one_result():
    return [{"name": "r", "value": "$(tasks.a.results.r)"}]


class TaskEvents:
    """What containerd tells of containers' processes while a block runs."""

    def __enter__(self):
        self._process = subprocess.Popen(["ctr", "events"], stdout=subprocess.PIPE, text=True)
        # The subscription is there once something is heard; a label on a namespace is something.
        self._announce()
        return self

    def _announce(self):
        heard = threading.Event()

        def ask():
            while not heard.wait(0.05):
                subprocess.run(["ctr", "namespaces", "label", "k8s.io", "heard=yes"], check=True)

        asking = threading.Thread(target=ask)
        asking.start()
        self._process.stdout.readline()
        heard.set()
        asking.join()

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def wait_coordinator(self, topic, seconds=60):
        """Return the id of the next coordinator's process of which containerd tells this."""
        late = threading.Timer(seconds, self._process.kill)
        late.start()
        try:
            for line in self._process.stdout:
                if topic in line.split():
                    pid = json.loads(line[line.index("{") :])["pid"]
                    if becomes_coordinator(pid):
                        return pid
        finally:
            late.cancel()
        raise AssertionError(f"no coordinator came to {topic} in {seconds} s")


def command_of(pid):
    try:
        return pathlib.Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def becomes_coordinator(pid, seconds=10):
    """Wait until runc has left a container's first process to its program; tell whether it is ours."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        command = command_of(pid)
        if b"coordinate" in command:
            return True
        if not command or b"init" not in command and command != [b""]:
            return False
    return False


class FaultTest(ClusterTest):
    def short(self):
        return group(
            task("a", "echo begun; sleep 1; printf ok > $(results.r.path)", results=["r"]),
            task("b", "true", runAfter=["a"]),
            results=one_result(),
        )

    def assert_ended_once(self, run):
        """It has succeeded, and its task ran in one pod only."""
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"r": "ok"})
        self.assertEqual(run.tasks["a"]["attempts"], 1)
        self.assertFalse(run.status.get("retriesStatus"))
        logs = [self.log_of(pod) for pod in run.pods()]
        self.assertLessEqual(sum(log.count("begun") for log in logs), 1, logs)

    def log_of(self, pod):
        with contextlib.suppress(ApiError):
            return self.api.log(pod["metadata"]["name"], "step-a-unnamed-0", self.namespace)
        return ""

    def owned_by(self, run, kind="Pod"):
        return [thing for thing in self.api.list(kind, self.namespace) if run.owns(thing)]


# --- How a pod begins ---


@own_cluster
@alone
class Beginning(FaultTest):
    # Covers: 20.R1
    def test_first_containers_image_missing(self):
        own = OwnCluster()
        self.assert_succeeded(self.start(group(task("a", "true")), "before").wait())
        images = subprocess.run(
            ["ctr", "images", "ls"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        ours = {line.split()[2] for line in images if "taskgroup-agent" in line.split()[0]}
        names = [line.split()[0] for line in images if line.split()[2] in ours]
        self.assertTrue(names)
        remove = ["ctr", "images", "rm", "--sync", *names]
        subprocess.run(remove, check=True, stdout=subprocess.DEVNULL)
        served = own.layout.registry / "taskgroup-agent"
        away = own.layout.registry / ".taskgroup-agent"
        served.rename(away)
        try:
            run = self.start(self.short())

            def missing(pod):
                first = next((s for s in container_statuses(pod) if s["name"] == "coordinator"), {})
                reason = first.get("state", {}).get("waiting", {}).get("reason", "")
                return reason in ("ErrImagePull", "ImagePullBackOff")

            run.wait_pod(missing, "with the coordinator's image missing")
        finally:
            away.rename(served)
        run.wait()
        self.assert_ended_once(run)
        self.assertEqual(run.extra.get("podReplacements"), 1, run.describe())

    # Covers: 20.R1
    def test_kubelet_restarted_between_start_and_hook(self):
        own = OwnCluster()
        with TaskEvents() as events:
            run = self.start(self.short())
            events.wait_coordinator("/tasks/start")
            own.signal("kubelet")
        run.wait()
        self.assert_ended_once(run)

    def test_a_hook_that_hangs(self):
        # The hook waits for a coordinator that was stopped before it had installed the agent.
        with TaskEvents() as events:
            for attempt in range(20):
                run = self.start(self.short(), f"run-{attempt}")
                pid = events.wait_coordinator("/tasks/create")
                os.kill(pid, signal.SIGSTOP)
                if not os.path.exists(f"/proc/{pid}/root/taskgroup/bin/taskgroup-agent"):
                    break
                # It was faster than we; that run goes on as ever.
                os.kill(pid, signal.SIGCONT)
        run.wait()
        self.assert_ended_once(run)
        self.assertEqual(run.extra.get("podReplacements"), 1, run.describe())


class Start(FaultTest):
    def test_start_error_of_one_step(self):
        # A folder cannot be mounted over a file.
        bad = step("true", volumeMounts=[{"name": "v", "mountPath": "/bin/busybox"}])
        volumes = {"volumes": [{"name": "v", "emptyDir": {}}]}
        run = self.start(
            group(
                task("good", "true"),
                task("bad", steps=[bad], spec=volumes, retries=2),
                task("next", "true", runAfter=["bad"]),
            )
        ).wait()
        self.assert_failed(run, "Failed")
        self.assert_states(run, good="Succeeded", bad="Failed", next="Skipped")
        self.assertIn("StartError", json.dumps(run.tasks["bad"]))
        self.assertEqual(len(run.pods()), 1)


# --- Its run, and its node ---


class Identity(FaultTest):
    def test_a_run_deleted_and_made_again_while_the_old_pod_terminates(self):
        spec = group(task("a", FOREVER))
        spec["finally"] = [task("slow", "sleep 15")]
        old = self.start(spec)
        pod = old.wait_running("step-a-unnamed-0")
        old.delete()
        self.wait_terminating(pod["metadata"]["name"])
        new = self.start(self.short()).wait()
        self.assert_ended_once(new)
        self.assertNotEqual(new.pod()["metadata"]["name"], pod["metadata"]["name"])
        self.assertIsNotNone(
            self.api.find("Pod", pod["metadata"]["name"], self.namespace), "the old pod still ends"
        )

    def wait_terminating(self, name):
        for _, pod in self.api.watch("Pod", self.namespace, name):
            if pod["metadata"].get("deletionTimestamp"):
                return

    def test_finally_longer_than_the_grace_period_after_a_cancel(self):
        spec = group(task("a", FOREVER))
        spec["finally"] = [task("slow", "sleep 33; printf ok > $(results.r.path)", results=["r"])]
        spec["results"] = [{"name": "r", "value": "$(finally.slow.results.r)"}]
        run = self.start(spec)
        run.wait_task("a", "Running")
        run.cancel()
        self.assert_failed(run.wait(), "CustomRunCancelled")
        self.assert_states(run, a="Cancelled", slow="Succeeded")
        self.assertEqual(run.results, {"r": "ok"})

    def test_finally_longer_than_the_grace_period_of_a_deleted_pod(self):
        spec = group(task("a", FOREVER))
        spec["finally"] = [task("slow", "sleep 100000")]
        run = self.start(spec)
        pod = run.wait_running("step-a-unnamed-0")
        run.wait_until(lambda run: run.reason == "Running", "Running")
        self.api.delete("Pod", pod["metadata"]["name"], self.namespace, gracePeriodSeconds=3)
        self.assert_failed(run.wait(), "PodLost")
        self.assertLessEqual({p["metadata"]["uid"] for p in run.pods()}, {pod["metadata"]["uid"]})


@own_cluster
@alone
class NodeGone(FaultTest):
    def test_a_node_that_does_not_answer(self):
        own = OwnCluster()
        run = self.start(group(task("a", FOREVER)))
        pod = run.wait_running("step-a-unnamed-0")
        run.wait_task("a", "Running")
        with own.stopped("kubelet"):
            # As the control plane does with the pods of a node that is gone.
            self.api.delete("Pod", pod["metadata"]["name"], self.namespace, gracePeriodSeconds=1)
            run.wait()
        self.assert_failed(run, "PodLost")
        self.assertEqual(
            [p["metadata"]["uid"] for p in self.owned_by(run)], [pod["metadata"]["uid"]]
        )


# --- Quotas and ranges ---


class Quotas(FaultTest):
    def make(self, kind, **spec):
        self.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": "q"}, "spec": spec})

    def wait_used(self):
        for _, quota in self.api.watch("ResourceQuota", self.namespace, "q"):
            if quota.get("status", {}).get("used"):
                return

    def requests(self, run, resource):
        return {
            container["name"]: container["resources"]["requests"][resource]
            for container in run.pod()["spec"]["containers"]
        }

    def test_cancel_with_a_full_terminating_scoped_quota(self):
        self.make("ResourceQuota", hard={"pods": "1"}, scopes=["Terminating"])
        self.wait_used()
        spec = group(task("a", FOREVER))
        spec["finally"] = [task("cleanup", "true")]
        run = self.start(spec)
        pod = run.wait_running("step-a-unnamed-0")
        used = self.api.get("ResourceQuota", "q", self.namespace)["status"]["used"]
        self.assertEqual(used, {"pods": "1"}, "it is full, of this pod")
        # What forces an end; the fake shows when.
        path = self.api.path("Pod", self.namespace, pod["metadata"]["name"], dryRun="All")
        self.api.request(
            "PATCH",
            path,
            {"spec": {"activeDeadlineSeconds": 1}},
            "application/merge-patch+json",
        )
        run.wait_task("a", "Running")
        run.cancel()
        self.assert_failed(run.wait(), "CustomRunCancelled")
        self.assert_states(run, a="Cancelled", cleanup="Succeeded")

    def three(self, **resources):
        def steps(script):
            return [step(script, computeResources=resources)]

        return group(
            task("a", steps=steps("printf ok > $(results.r.path)"), results=["r"]),
            task("b", steps=steps("true"), runAfter=["a"]),
            task("c", steps=steps("true"), runAfter=["b"]),
            results=one_result(),
        )

    # Covers: 13.F2 18.R12
    def test_limit_range_min(self):
        self.make("LimitRange", limits=[{"type": "Container", "min": {"cpu": "20m"}}])
        run = self.start(self.three(requests={"cpu": "30m"})).wait()
        self.assert_ended_once(run)
        self.assertEqual(set(self.requests(run, "cpu").values()), {"20m"})

    # Covers: 13.F2 18.R12
    def test_limit_range_ratio(self):
        self.make(
            "LimitRange",
            limits=[
                {
                    "type": "Container",
                    "maxLimitRequestRatio": {"cpu": "2"},
                    "default": {"cpu": "40m"},
                    "defaultRequest": {"cpu": "20m"},
                }
            ],
        )
        run = self.start(self.three(requests={"cpu": "30m"}, limits={"cpu": "60m"})).wait()
        self.assert_ended_once(run)
        requests = self.requests(run, "cpu")
        requests.pop("coordinator")
        self.assertEqual(set(requests.values()), {"30m"}, "not scaled")

    def test_quota_on_limits(self):
        hard = {"limits.cpu": "1", "limits.memory": "512Mi", "requests.cpu": "500m"}
        self.make("ResourceQuota", hard=hard)
        self.wait_used()
        run = self.start(
            self.three(requests={"cpu": "30m"}, limits={"cpu": "60m", "memory": "32Mi"})
        ).wait()
        self.assert_ended_once(run)
        for container in run.pod()["spec"]["containers"]:
            self.assertEqual(set(container["resources"]["limits"]), {"cpu", "memory"})


# --- Many containers, and a log that is rotated ---


class Messages(FaultTest):
    # Covers: 3.1.F5 18.R13
    def test_termination_message_of_62_containers(self):
        # kubelet cuts each to 12 KiB divided by the containers.
        first = "the-first-of-the-tasks-that-failed-has-a-name-of-this-length"
        tasks = [task(first, "exit 1")]
        tasks += [task(f"t{index}", *["true"] * 3) for index in range(20)]
        run = self.start(group(*tasks)).wait()
        self.assert_failed(run, "Failed", first)
        self.assertEqual(len(run.pod()["spec"]["containers"]), 62)
        pod = run.wait_pod(lambda pod: pod["status"]["phase"] == "Succeeded", "ended")
        message = next(
            status["state"]["terminated"]["message"]
            for status in container_statuses(pod)
            if status["name"] == "coordinator"
        )
        self.assertLessEqual(len(message.encode()), 190)
        said = json.loads(message)
        self.assertEqual((said["state"], said["succeeded"], said["failed"]), ("Failed", 20, 1))
        self.assertTrue(first.startswith(said["first"].rstrip("…")) and said["first"], message)


@own_cluster
@alone
class Rotation(FaultTest):
    def setUp(self):
        super().setUp()
        own = OwnCluster()
        self.logs = own.layout.logs / "pods"
        file = own.layout.etc / "kubelet.yaml"
        before = file.read_text()
        self.restart_kubelet(file, {**json.loads(before), "containerLogMaxSize": "2Ki"})
        self.addCleanup(lambda: self.restart_kubelet(file, json.loads(before)))

    @staticmethod
    def restart_kubelet(file, settings):
        file.write_text(json.dumps(settings))
        OwnCluster().signal("kubelet")

    def test_the_journal_after_a_forced_rotation(self):
        text = "x" * 500
        tasks = []
        for index in range(12):
            tasks.append(
                task(
                    f"t{index}",
                    f"sleep 1; printf {text} > $(results.r.path)",
                    results=["r"],
                    runAfter=[f"t{index - 1}"] if index else [],
                )
            )
        results = [
            {"name": f"r{index}", "value": f"$(tasks.t{index}.results.r)"} for index in range(12)
        ]
        run = self.start(group(*tasks, results=results))
        run.wait_task("t9", "Running", "Succeeded")
        # Another controller has to make do with what is left of the log.
        for pod in self.api.list("Pod", SYSTEM, labels=CONTROLLERS):
            for pid in OwnCluster().processes_of(pod, pod["spec"]["containers"][0]["name"]):
                os.kill(pid, signal.SIGKILL)
        run.wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {f"r{index}": text for index in range(12)})
        self.assertEqual(set(run.states.values()), {"Succeeded"})
        folder = f"{self.namespace}_{run.pod()['metadata']['name']}_*/coordinator"
        files = [file.name for file in self.logs.glob(f"{folder}/*")]
        self.assertGreater(len(files), 1, "it was rotated")


# --- Users, and what a task may see ---


class Users(FaultTest):
    def as_user(self, uid, **fields):
        return step(
            "id -u | tr -d '\\n' > $(results.uid.path)",
            securityContext={"runAsUser": uid},
            **fields,
        )

    def run_beside(self, coordinator, uid):
        """Results of a step of this user in a pod of another user, whose coordinator is too."""
        run = self.start(
            group(
                task("a", steps=[self.as_user(uid)], results=["uid"]),
                task("b", "id -u | tr -d '\\n' > $(results.uid.path)", results=["uid"]),
                results=[
                    {"name": "a", "value": "$(tasks.a.results.uid)"},
                    {"name": "b", "value": "$(tasks.b.results.uid)"},
                ],
                run={"podTemplate": {"securityContext": {"runAsUser": coordinator}}},
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"a": str(uid), "b": str(coordinator)})
        return run

    def test_a_step_with_uid_1001_beside_a_root_coordinator(self):
        run = self.run_beside(0, 1001)
        users = [
            status["user"]["linux"]["uid"]
            for status in container_statuses(run.pod())
            if status["name"] == "coordinator" and "user" in status
        ]
        self.assertIn(users, ([0], []), "where the runtime tells it")

    def test_a_root_step_beside_a_coordinator_with_uid_1001(self):
        self.run_beside(1001, 0)

    def test_pod_template_run_as_user_0(self):
        self.run_beside(0, 0)


class Isolation(FaultTest):
    # Covers: 18.R1 18.R2 18.R5
    def test_a_task_finds_nothing_of_another(self):
        # `wait` has a script, a result, files at home and an agent that listens, while `look` runs.
        hidden = "".join(["hid", "den-of-the-other"])
        pry = """
            set +e
            exec 2>/dev/null
            a=hid; b=den-of-the-other
            echo "$a$b" > /workspace/own
            for where in /tekton /taskgroup /workspace /tmp /home /root /run /var; do
              grep -rls "$a$b" $where
            done
            for where in socket sockets control plan; do ls -A /taskgroup/$where; done
            find / -xdev -name '.docker*' -o -xdev -type s
            ls -d /proc/[0-9]* | wc -l
            env | grep PLAN_
            touch /taskgroup/bin/x && echo wrote to the agent
            rm -f /taskgroup/bin/taskgroup-agent && echo removed the agent
            echo looked
            """
        other = f"""
            # {hidden}
            printf {hidden} > $(results.r.path)
            mkdir -p ~/.docker /tekton/creds; echo {hidden} | tee ~/.docker/config > /tekton/home/x
            echo {hidden} > /tekton/creds/x; echo {hidden} > /workspace/x; echo {hidden} > /tmp/x
            sleep 8
            """
        run = self.start(
            group(
                task("other", other, results=["r"]),
                task("look", "sleep 2", pry),
            )
        ).wait()
        self.assert_succeeded(run)
        lines = run.log("step-look-unnamed-1").splitlines()
        self.assertEqual(lines[-1], "looked")
        processes = [line for line in lines if line.isdigit()]
        self.assertLess(int(processes[0]), 8, "those of its own container")
        seen = [line for line in lines[:-1] if line not in processes]
        self.assertEqual(seen, ["/workspace/own"], "it finds what it looks for, in its own files")


# --- Two controllers ---


@own_cluster
@alone
class Leaders(FaultTest):
    DEPLOYMENT = LEASE = "taskgroup-controller"

    def setUp(self):
        super().setUp()
        self.scale(2)
        self.addCleanup(self.scale, 1)

    def scale(self, replicas):
        # By helm, which later upgrades would otherwise find in conflict with whoever else did it.
        done = install.helm("upgrade", "taskgroup", install.CHART, *install.SETTINGS,
                            "--set", f"controller.replicas={replicas}")
        self.assertEqual(done.returncode, 0, done.stderr)
        for _, found in self.api.watch("Deployment", SYSTEM, self.DEPLOYMENT):
            status = found["status"]
            if status.get("observedGeneration") == found["metadata"]["generation"] and status.get(
                "readyReplicas"
            ) == replicas == status.get("replicas"):
                break
        else:
            self.fail(f"the controller has not {replicas} replicas")
        # A Deployment counts no pods that are being deleted; the next test may.
        for _ in self.api.watch("Pod", SYSTEM):
            if len(self.api.list("Pod", SYSTEM, labels=CONTROLLERS)) == replicas:
                return
        self.fail("controllers are still being deleted")

    def holder(self, lease=None):
        lease = lease or self.api.get("Lease", self.LEASE, SYSTEM)
        return lease["spec"].get("holderIdentity", "")

    def wait_another(self, before):
        for _, lease in self.api.watch("Lease", SYSTEM, self.LEASE):
            if self.holder(lease) not in ("", before):
                return self.holder(lease)
        self.fail("nobody took over")

    def test_a_leader_paused_past_its_lease(self):
        long = group(
            task("a", "sleep 22; printf ok > $(results.r.path)", results=["r"]),
            task("b", "true", runAfter=["a"]),
            results=one_result(),
        )
        before = self.start(long, "before")
        before.wait_task("a", "Running")
        cancelled = self.start(group(task("a", FOREVER)), "cancelled")
        cancelled.wait_task("a", "Running")
        leader = self.holder()
        pod = next(
            pod
            for pod in self.api.list("Pod", SYSTEM, labels=CONTROLLERS)
            if leader.startswith(pod["metadata"]["name"])
        )
        (pid,) = OwnCluster().processes_of(pod, pod["spec"]["containers"][0]["name"])
        flips = Finals(self, before, cancelled)
        os.kill(pid, signal.SIGSTOP)
        try:
            during = self.start(self.short(), "during")
            self.assertNotEqual(self.wait_another(leader), leader)
            self.assert_ended_once(during.wait())
            cancelled.cancel()
            self.assert_failed(cancelled.wait(), "CustomRunCancelled")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assert_ended_once(before.wait())
        after = self.start(self.short(), "after")
        self.assert_ended_once(after.wait())
        for run in (before, cancelled, during, after):
            self.assertEqual(len(run.pods()), 1, run.name)
        finals = {run.name: run.status for run in (before, cancelled, during)}
        # It hears that it leads no more, and is started again as the one who stands by.
        self.wait_restarted(pod)
        for run in (before, cancelled, during):
            self.assertEqual(run.read().status, finals[run.name], "no write after the end")
        flips.assert_none(self)

    def wait_restarted(self, pod):
        for _, found in self.api.watch("Pod", SYSTEM, pod["metadata"]["name"]):
            if any(status["restartCount"] for status in container_statuses(found)):
                return
        self.fail("the old leader goes on")


class Finals:
    """Watches runs in the background: a final condition must be the last one."""

    def __init__(self, test, *runs):
        self.names = {run.name for run in runs}
        self.seen = {}
        self.flips = []
        self._thread = threading.Thread(target=self._follow, args=(test,), daemon=True)
        self._thread.start()

    def _follow(self, test):
        with contextlib.suppress(ApiError, OSError):
            for _, run in test.api.watch("CustomRun", test.namespace, deadline=120):
                name = run["metadata"]["name"]
                conditions = (run.get("status") or {}).get("conditions") or [{}]
                now = conditions[0].get("status")
                if self.seen.get(name) in ("True", "False") and now != self.seen[name]:
                    self.flips.append((name, self.seen[name], now))
                self.seen[name] = now

    def assert_none(self, test):
        test.assertEqual(self.flips, [])
        test.assertTrue(self.names <= set(self.seen))
