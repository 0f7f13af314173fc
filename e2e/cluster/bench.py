# SPDX-License-Identifier: Apache-2.0
"""What a group costs on a cluster, against a bare pod with as many containers that do nothing.

  bench.py [ROUNDS]

A group is measured from the moment its CustomRun is created until a watch shows its final
condition; the bare pod from its creation until a watch shows it as Succeeded. It has an init container and one
for the coordinator, of the agent's image, and one for each step, as the group's pod has them; all
end at once. Groups and pods take turns, so that a busy machine is as busy for both. Writes are
those of all clients in the namespace by the audit log, without leases, events and reviews. Where there is
a Tekton, the same five tasks run as a stock Pipeline too, with a claim that they share.
"""

import json
import statistics
import subprocess
import sys
import time

from harness import SYSTEM, Api, OwnCluster, Run, group, step
from harness import task as task_of

SIZES = (1, 5, 10, 20, 40)
IMAGE = "busybox:1"  # with a tag, so that it is pulled only where it is not there
GOAL_TIME = 0.75
GOAL_WRITES = 12


def task(name, script, **fields):
    return task_of(name, steps=[step(script, image=IMAGE)], **fields)


def five_tasks():
    """clone, then lint, test and build beside each other, then image."""
    return group(
        task("clone", "true"),
        *(task(name, "true", runAfter=["clone"]) for name in ("lint", "test", "build")),
        task("image", "true", runAfter=["lint", "test", "build"]),
    )


def chain_of(count):
    if count == 5:
        return five_tasks()
    # Four at a time, so that width and depth both grow.
    return group(
        *(
            task(f"t{index}", "true", runAfter=[f"t{index - 4}"] if index > 3 else [])
            for index in range(count)
        )
    )


class Bench:
    def __init__(self):
        self.api = Api()
        self.own = OwnCluster()
        self.namespace = self.api.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "bench-"}}
        )["metadata"]["name"]
        for _ in self.api.watch("ServiceAccount", self.namespace, "default"):
            break
        self.count = 0
        deployment = self.api.list("Deployment", SYSTEM)[0]
        arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        self.agent = next(a for a in arguments if a.startswith("--agent-image=")).split("=", 1)[1]

    def name(self, prefix):
        self.count += 1
        return f"{prefix}-{self.count}"

    def writes_since(self, offset):
        counted = {}
        for entry in self.own.writes(self.namespace):
            if entry["requestReceivedTimestamp"] >= offset:
                what = f"{entry['verb']} {entry['objectRef']['resource']}"
                counted[what] = counted.get(what, 0) + 1
        return counted

    def settle(self, pod):
        """Wait until kubelet has said its last word about a pod."""
        for _, thing in self.api.watch("Pod", self.namespace, pod):
            if thing["status"].get("phase") in ("Succeeded", "Failed"):
                break
        time.sleep(1.5)

    def group(self, tasks):
        """Run a group; return what it took."""
        name = self.name("group")
        begin, mark = time.time(), now()
        run = Run(self, name)
        run.object = self.api.create(
            {
                "apiVersion": "tekton.dev/v1beta1",
                "kind": "CustomRun",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "customSpec": {
                        "apiVersion": "taskgroup.dev/v1alpha1",
                        "kind": "TaskGroup",
                        "spec": chain_of(tasks),
                    }
                },
            }
        )
        run.wait()
        seconds = time.time() - begin
        if run.state != "True":
            raise SystemExit(run.describe())
        pods = run.pods()
        self.settle(pods[0]["metadata"]["name"])
        journal = [json.loads(line) for line in run.log("coordinator").splitlines()]
        first = next(line["time"] for line in journal if line["event"] == "step")
        writes = self.writes_since(mark)
        run.delete()
        return {
            "seconds": seconds,
            "first": first / 1000 - begin,
            "pods": len(pods),
            "writes": sum(writes.values()),
            "by": writes,
        }

    def bare(self, tasks):
        """Run a bare pod; return what it took."""
        name = self.name("pod")
        nothing = {"image": self.agent, "imagePullPolicy": "IfNotPresent", "args": ["true"]}
        containers = [{"name": "coordinator", **nothing}]
        containers += [
            {"name": f"c{index}", "image": IMAGE, "command": ["true"]} for index in range(tasks)
        ]
        begin, mark = time.time(), now()
        self.api.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": containers,
                    "initContainers": [{"name": "init", **nothing}],
                },
            }
        )
        for _, pod in self.api.watch("Pod", self.namespace, name):
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                break
        seconds = time.time() - begin
        if pod["status"]["phase"] != "Succeeded":
            raise SystemExit(f"the bare pod has {json.dumps(pod['status'], indent=1)}")
        time.sleep(1.5)
        writes = self.writes_since(mark)
        self.api.delete("Pod", name, self.namespace)
        return {"seconds": seconds, "writes": sum(writes.values()), "by": writes}

    def stock(self):
        """Run the five tasks as a stock Pipeline with a claim; return what it took."""
        name = self.name("stock")
        workspace = [{"name": "source"}]
        tasks = five_tasks()["tasks"]
        for one in tasks:
            one["workspaces"] = workspace
            one["taskSpec"]["workspaces"] = workspace
        self.api.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "storageClassName": "e2e",
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Mi"}},
                },
            }
        )
        begin, mark = time.time(), now()
        self.api.create(
            {
                "apiVersion": "tekton.dev/v1",
                "kind": "PipelineRun",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "pipelineSpec": {"workspaces": workspace, "tasks": tasks},
                    "workspaces": [
                        {"name": "source", "persistentVolumeClaim": {"claimName": name}}
                    ],
                },
            }
        )
        for _, run in self.api.watch("PipelineRun", self.namespace, name):
            if (run.get("status", {}).get("conditions") or [{}])[0].get("status") == "True":
                break
        seconds = time.time() - begin
        pods = self.api.list("Pod", self.namespace, labels=f"tekton.dev/pipelineRun={name}")
        time.sleep(1.5)
        writes = self.writes_since(mark)
        return {"seconds": seconds, "pods": len(pods), "writes": sum(writes.values())}

    def forget_images(self):
        """Make the node pull anew."""
        listed = subprocess.run(
            ["ctr", "images", "ls", "-q"], capture_output=True, text=True, check=True
        ).stdout.split()
        mine = [image for image in listed if "pause" not in image and "controller" not in image]
        subprocess.run(["ctr", "images", "rm", "--sync", *mine], check=True, capture_output=True)


def now():
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1000 % 10**6:06}Z"
    )


def middle(samples, field):
    return statistics.median(sample[field] for sample in samples)


def spread(samples):
    times = sorted(sample["seconds"] for sample in samples)
    return f"{times[0]:.1f}–{times[-1]:.1f}"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    bench = Bench()
    bench.group(1), bench.bare(1)  # the images are there, the programs warm
    print(
        f"{'tasks':<10} {'group s':>8} {'(range)':>11} {'bare s':>8} {'(range)':>11} {'ratio':>6}"
        f" {'first step s':>13} {'writes':>7} {'bare':>5} {'pods':>5}"
    )
    missed = []
    for label, tasks, cold in [("5 cold", 5, True), *((str(n), n, False) for n in SIZES)]:
        groups, pods = [], []
        for _ in range(rounds):
            if cold:
                bench.forget_images()
            groups.append(bench.group(tasks))
            if cold:
                bench.forget_images()
            pods.append(bench.bare(tasks))
        ratio = middle(groups, "seconds") / middle(pods, "seconds")
        writes = max(sample["writes"] for sample in groups)
        print(
            f"{label:<10} {middle(groups, 'seconds'):8.2f} {spread(groups):>11}"
            f" {middle(pods, 'seconds'):8.2f} {spread(pods):>11} {ratio:6.2f}"
            f" {middle(groups, 'first'):13.2f} {writes:7}"
            f" {middle(pods, 'writes'):5.0f} {groups[0]['pods']:5}",
            flush=True,
        )
        if label == "5":
            print(
                "           writes: "
                + ", ".join(f"{n} {what}" for what, n in sorted(groups[-1]["by"].items()))
            )
            if ratio > GOAL_TIME:
                missed.append(
                    f"5 tasks take {ratio:.2f} of a bare pod's time, more than {GOAL_TIME}"
                )
            if writes > GOAL_WRITES:
                missed.append(f"5 tasks take {writes} writes, more than {GOAL_WRITES}")
    if bench.api.has_tekton():
        samples = [bench.stock() for _ in range(rounds)]
        print(
            f"5 as a stock Pipeline with a claim: {middle(samples, 'seconds'):.2f} s"
            f" ({spread(samples)}), {middle(samples, 'pods'):.0f} pods with the affinity"
            f" assistant's, {middle(samples, 'writes'):.0f} writes"
        )
    bench.api.delete("Namespace", bench.namespace)
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
