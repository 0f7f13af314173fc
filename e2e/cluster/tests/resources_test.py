# SPDX-License-Identifier: Apache-2.0
"""What a group's pod asks for, and what its tasks get of the node."""

from harness import ClusterTest, group, step, task

# How much CPU time two loops get in 6 seconds, and how the node weighs the container.
MEASURE = """\
(while :; do :; done) & one=$!
(while :; do :; done) & two=$!
sleep 6
kill $one $two
wait $one $two || true
times > /tekton/home/times
tail -n 1 /tekton/home/times | awk '{
  split($1, user, /[ms]/); split($2, kernel, /[ms]/)
  print user[1] * 60 + user[2] + kernel[1] * 60 + kernel[2]
}' > $(results.seconds.path)
(cat /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/cpu.weight) > $(results.weight.path)
"""
# Each waits for the other, so that they are busy at the same time.
MEET = "touch /workspace/here/{own}; until [ -e /workspace/here/{other} ]; do sleep 0.1; done\n"


def asking(cpu, script="true", **fields):
    return step(script, computeResources={"requests": {"cpu": cpu, **fields}})


class Resources(ClusterTest):
    def make(self, kind, **spec):
        self.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": "q"}, "spec": spec})

    # Covers: 13.F4 18.R11
    def test_two_busy_tasks_get_the_shares_that_they_asked_for(self):
        def busy(name, other, cpu):
            body = asking(cpu, MEET.format(own=name, other=other) + MEASURE)
            spec = {
                "workspaces": [{"name": "here"}],
                "results": [{"name": "seconds"}, {"name": "weight"}],
                "steps": [body],
            }
            return {"name": name, "taskSpec": spec, "workspaces": [{"name": "here"}]}

        results = [
            {"name": f"{name}-{what}", "value": f"$(tasks.{name}.results.{what})"}
            for name in ("large", "small")
            for what in ("seconds", "weight")
        ]
        spec = group(
            busy("large", "small", "300m"),
            busy("small", "large", "100m"),
            task("later", steps=[asking("400m")], runAfter=["large", "small"]),
            workspaces=[{"name": "here"}],
            results=results,
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        asked = {
            container["name"]: container["resources"]["requests"]["cpu"]
            for container in run.pod()["spec"]["containers"]
        }
        self.assertEqual(asked["step-large-unnamed-0"], "150m", "halved: no more than 400m at a time")
        self.assertEqual(asked["step-small-unnamed-0"], "50m")
        found = {name: float(value) for name, value in run.results.items()}
        weights = found["large-weight"] / found["small-weight"]
        times = found["large-seconds"] / found["small-seconds"]
        print(
            f"asked 300m : 100m, weighed {found['large-weight']:.0f} : {found['small-weight']:.0f}, "
            f"got {found['large-seconds']:.2f} s : {found['small-seconds']:.2f} s = {times:.2f}",
            flush=True,
        )
        self.assertAlmostEqual(weights, 3, delta=0.3)
        # What else is busy on the machine takes its share as well, from the large one most.
        self.assertGreater(times, 1.5)
        self.assertLess(times, 4.5)

    # Covers: 4.2.F2
    def test_a_quota_holds_the_peak_though_not_the_sum(self):
        self.make("ResourceQuota", hard={"requests.cpu": "100m"})
        for _, quota in self.api.watch("ResourceQuota", self.namespace, "q"):
            if quota.get("status", {}).get("used"):
                break
        chain = [task("a", steps=[asking("60m"), asking("80m")])]
        chain.append(task("b", steps=[asking("80m")], runAfter=["a"]))
        run = self.start(group(*chain)).wait()
        self.assert_succeeded(run)
        waits = self.start(
            {**group(*chain), "run": {"resources": "sum"}},
            name="sum",
        )
        waits.wait_until(lambda run: run.reason == "ExceededResourceQuota", "over quota")
        self.api.delete("ResourceQuota", "q", self.namespace)
        self.assert_succeeded(waits.wait())

    # Covers: 20.R4
    def test_a_pod_with_resources_of_its_own(self):
        resources = {
            "requests": {"cpu": "20m", "memory": "16Mi"},
            "limits": {"cpu": "200m", "memory": "64Mi"},
        }
        spec = group(
            task("a", steps=[step("true", computeResources=resources)]),
            task("b", steps=[step("true", computeResources=resources)], runAfter=["a"]),
        )
        spec["run"] = {"resources": "pod"}
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        found = run.pod()["spec"]["resources"]
        self.assertEqual(found["requests"]["cpu"], "30m", "the peak, and the coordinator's 10m")
        self.assertEqual(found["limits"]["cpu"], "450m", "one step's limit, and the coordinator's 250m")

    # Covers: 13.F1 13.F3 14.F1
    def test_what_the_run_says_of_one_task(self):
        spec = group(task("a", "id -u; echo got $WHO", "true"), task("b", "id -u"))
        spec["run"] = {
            "taskRunSpecs": [
                {
                    "pipelineTaskName": "a",
                    "computeResources": {"requests": {"cpu": "40m"}},
                    "podTemplate": {
                        "env": [{"name": "WHO", "value": "me"}],
                        "securityContext": {"runAsUser": 1234},
                    },
                }
            ]
        }
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        containers = {one["name"]: one for one in run.pod()["spec"]["containers"]}
        # 20m for each step, of which one runs at a time.
        self.assertEqual(containers["step-a-unnamed-0"]["resources"], {"requests": {"cpu": "10m"}})
        self.assertNotIn("requests", containers["step-b-unnamed-0"].get("resources", {}))
        self.assertIn("1234\ngot me", run.log("step-a-unnamed-0"))
        self.assertNotIn("1234", run.log("step-b-unnamed-0"))
