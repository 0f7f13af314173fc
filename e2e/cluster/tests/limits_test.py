# SPDX-License-Identifier: Apache-2.0
"""Sizes: many results, large ones, many containers."""

import random

from harness import ClusterTest, group, task


class Limits(ClusterTest):
    by_tekton = True

    def large(self, name, size):
        script = f"head -c {size} /dev/zero | tr '\\0' x > $(results.r.path)"
        return task(name, script, results=["r"])

    # Covers: 3.1.F2 18.R13
    def test_200_results_of_4_kilobytes(self):
        spec = group(
            self.large("a", 4096),
            results=[
                {"name": f"r{index}", "value": "$(tasks.a.results.r)"} for index in range(200)
            ],
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        self.assertEqual({len(value) for value in run.results.values()}, {4096})
        self.assertEqual(len(run.results), 200)

    def test_one_result_of_500_kilobytes(self):
        size = 500_000
        spec = group(
            self.large("a", size), results=[{"name": "r", "value": "$(tasks.a.results.r)"}]
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        self.assertEqual(len(run.results["r"]), size)

    def test_results_that_no_object_can_hold(self):
        spec = group(
            self.large("a", 900_000),
            self.large("b", 900_000),
            results=[
                {"name": "first", "value": "$(tasks.a.results.r)"},
                {"name": "second", "value": "$(tasks.b.results.r)x"},
            ],
        )
        run = self.start(spec).wait()
        self.assert_failed(run, "ResultsTooLarge", "second")

    # Covers: 19.R8 20.R2
    def test_60_containers_in_one_pod(self):
        tasks = [
            task(f"t{index}", *["true"] * 3, runAfter=[f"t{index - 4}"] if index >= 4 else [])
            for index in range(20)
        ]
        run = self.start(group(*tasks)).wait()
        self.assert_succeeded(run)
        self.assertEqual(len(run.pod()["spec"]["containers"]), 61)
        self.assertEqual(set(run.states.values()), {"Succeeded"})

    def test_a_plan_that_no_pod_can_hold_is_in_a_config_map(self):
        # In two scripts: the definition of TaskGroup bounds each one.
        noise = random.Random(1).randbytes(400_000).hex()
        half = len(noise) // 2
        run = self.start(
            group(
                task(
                    "a",
                    f": {noise[:half]}",
                    f": {noise[half:]}\nprintf done > $(results.r.path)",
                    results=["r"],
                ),
                results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"r": "done"})
        mine = [thing for thing in self.api.list("ConfigMap", self.namespace) if run.owns(thing)]
        self.assertEqual(len(mine), 1)
