# SPDX-License-Identifier: Apache-2.0
"""The points of Tekton's contract with custom tasks that are easiest to get wrong, by their number.

Points 18 to 23 are in cancel_test.py, 37 in workspaces_test.py. Not here, because a real API server
cannot show them: 8 (the webhook always sets it), 14 and 15 (an API server prunes and drops nulls
before anybody sees them); these are tested on the fake behind the controller's seam. 26 is a page
of the documentation.
"""

from harness import (ApiError, ClusterTest, OwnCluster, alone, by_hand, group, own_cluster, task,
                     unreviewed)
from pipelines import as_param

CONTROLLER = "system:serviceaccount:taskgroup-system:taskgroup"
LAST_SECOND = 2147483647


class Contract(ClusterTest):
    by_tekton = True

    def other_run_finishes(self):
        """Tell the time by the controller's own work: it has seen all that was made before."""
        self.assert_succeeded(self.start(group(task("a", "true")), "other").wait())

    @unreviewed
    @by_hand
    def test_contract_01_only_the_exact_kind_is_touched(self):
        spec = group(task("a", "true"))
        others = [
            ("taskgroup.dev/v1", "TaskGroup"),
            ("taskgroup.dev/v1alpha1", "taskgroup"),
            ("custom.tekton.dev/v1alpha1", "TaskGroup"),
            ("blah", "TaskGroup"),
        ]
        runs = []
        for index, (version, kind) in enumerate(others):
            what = {"apiVersion": version, "kind": kind}
            runs.append(self.start_custom_run({"customSpec": {**what, "spec": spec}}, f"s{index}"))
            runs.append(self.start_custom_run({"customRef": {**what, "name": "x"}}, f"r{index}"))
        self.other_run_finishes()
        for run in runs:
            before = run.object["metadata"]["resourceVersion"]
            self.assertEqual(run.read().object["metadata"]["resourceVersion"], before, run.name)

    @unreviewed
    @by_hand
    def test_contract_02_a_reference_without_a_name(self):
        run = self.start_custom_run(
            {"customRef": {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup"}}
        ).wait()
        self.assert_failed(run, "CouldntGetTaskGroup", "spec.customRef.name")

    @unreviewed
    @by_hand
    def test_contract_03_a_resolver_that_the_author_did_not_write(self):
        run = self.start_custom_run(
            {
                "customRef": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "resolver": "hub",
                }
            }
        ).wait()
        self.assert_failed(run, "CouldntGetTaskGroup", "hub", "default-resolver-type")

    @unreviewed
    @by_hand
    def test_contract_04_no_spec(self):
        what = {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup"}
        if self.api.has_tekton():
            # Its webhook makes it `spec: null`, which its own schema then refuses.
            with self.assertRaisesRegex(ApiError, "spec.customSpec.spec"):
                self.start_custom_run({"customSpec": what})
            return
        run = self.start_custom_run({"customSpec": what}).wait()
        self.assert_failed(run, "TaskGroupValidationFailed", "tasks")

    def test_contract_05_references_inside_the_spec_are_ours(self):
        script = "printf '%s' '$(params.p) $(context.taskRun.namespace) $(workspaces.w.bound)'"
        spec = group(
            task(
                "a",
                f"{script} > $(results.r.path)",
                results=["r"],
                spec={"params": [{"name": "p"}], "workspaces": [{"name": "w"}]},
                params=[{"name": "p", "value": "$(params.p)"}],
                workspaces=[{"name": "w"}],
            ),
            params=[{"name": "p"}],
            workspaces=[{"name": "w"}],
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(spec, params={"p": "text"}).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results["r"], f"text {self.namespace} true")

    def test_contract_06_params_of_every_type_and_undeclared_ones(self):
        spec = group(
            task(
                "a",
                "printf '%s|' '$(params.s)' '$(params.l[1])' '$(params.o.k)' "
                "> $(results.r.path)",
                results=["r"],
                spec={
                    "params": [
                        {"name": "s"},
                        {"name": "l", "type": "array"},
                        {"name": "o", "type": "object", "properties": {"k": {"type": "string"}}},
                    ]
                },
                params=[
                    {"name": "s", "value": "$(params.s)"},
                    {"name": "l", "value": ["$(params.l[*])"]},
                    {"name": "o", "value": "$(params.o[*])"},
                ],
            ),
            params=[
                {"name": "s"},
                {"name": "l", "type": "array"},
                {"name": "o", "type": "object", "properties": {"k": {"type": "string"}}},
            ],
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(
            spec, params={"s": 5, "l": ["x", "y"], "o": {"k": "v"}, "nobody": "asked"}
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results["r"], "5|y|v|")

    def test_contract_07_the_pod_template_is_the_groups_own(self):
        template = {"securityContext": {"runAsUser": 1001, "fsGroup": 2002}}
        run = self.start(group(task("a", "id -u; id -G"), run={"podTemplate": template})).wait()
        self.assert_succeeded(run)
        log = run.log("step-a-unnamed-0").split()
        self.assertEqual(log[0], "1001")
        self.assertIn("2002", log)

    def test_contract_09_arrays_and_objects_are_json_text(self):
        script = """
            printf '["x","y"]' > $(results.l.path)
            printf '{"k":"v"}' > $(results.o.path)
            """
        results = [
            {"name": "l", "type": "array"},
            {"name": "o", "type": "object", "properties": {"k": {"type": "string"}}},
        ]
        spec = group(
            task("a", script, spec={"results": results}),
            results=[
                {"name": "l", "type": "array", "value": "$(tasks.a.results.l[*])"},
                {"name": "o", "type": "object", "value": "$(tasks.a.results.o[*])"},
                {"name": "k", "value": "$(tasks.a.results.o.k)"},
            ],
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"l": '["x","y"]', "o": '{"k":"v"}', "k": "v"})

    # Covers: 11.2.F3
    def test_contract_10_what_a_consumer_gets(self):
        spec = group(
            task(
                "a",
                """
            printf '["x","y"]' > $(results.some.path)
            printf '[]' > $(results.none.path)
            printf '[1]' > $(results.numbers.path)
            """,
                results=["some", "none", "numbers"],
            ),
            results=[
                {"name": name, "value": f"$(tasks.a.results.{name})"}
                for name in ("some", "none", "numbers")
            ],
        )
        produced = self.start(spec, "producer").wait()
        self.assert_succeeded(produced)
        params = {name: as_param(value) for name, value in produced.results.items()}
        self.assertEqual(params, {"some": ["x", "y"], "none": "[]", "numbers": "[1]"})
        consumer = group(
            task(
                "b",
                "printf '%s' '$(params.some[1])' > $(results.r.path)",
                spec={"params": [{"name": "some", "type": "array"}]},
                results=["r"],
                params=[{"name": "some", "value": ["$(params.some[*])"]}],
            ),
            params=[{"name": "some", "type": "array"}],
            results=[{"name": "r", "value": "$(tasks.b.results.r)"}],
        )
        consumed = self.start(consumer, "consumer", params=params).wait()
        self.assert_succeeded(consumed)
        self.assertEqual(consumed.results["r"], "y")

    def test_contract_11_a_result_with_a_dot_in_its_name(self):
        spec = group(
            task("a", "printf x > $(results.r.path)", results=["r"]),
            results=[{"name": "r.s", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(spec).wait()
        self.assert_succeeded(run)
        warnings = [note for kind, _, note in run.events() if kind == "Warning"]
        self.assertTrue(any('"r.s"' in note for note in warnings), warnings)

    def test_contract_12_results_of_a_failed_run(self):
        spec = group(
            task("a", "printf x > $(results.r.path)", results=["r"]),
            task("b", "exit 1", runAfter=["a"]),
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        run = self.start(spec).wait()
        self.assert_failed(run, "Failed")
        self.assertEqual(run.results, {"r": "x"})

    def test_contract_12_results_of_a_cancelled_and_of_a_timed_out_run(self):
        spec = group(
            task("a", "printf x > $(results.r.path)", results=["r"]),
            task("b", "sleep 100000", runAfter=["a"]),
            results=[{"name": "r", "value": "$(tasks.a.results.r)"}],
        )
        late = self.start(spec, "late", timeout="15s")
        cancelled = self.start(spec, "cancelled")
        cancelled.wait_task("b", "Running")
        cancelled.cancel()
        self.assert_failed(cancelled.wait(), "CustomRunCancelled")
        self.assertEqual(cancelled.results, {"r": "x"})
        self.assert_failed(late.wait(), "CustomRunTimedOut")
        self.assertEqual(late.results, {"r": "x"})

    def test_contract_13_a_result_that_was_not_produced(self):
        when = [{"input": "a", "operator": "in", "values": ["b"]}]
        spec = group(
            task("a", "printf x > $(results.r.path)", results=["r"]),
            task("b", "true", results=["r"], when=when),
            results=[
                {"name": "a", "value": "$(tasks.a.results.r)"},
                {"name": "b", "value": "$(tasks.b.results.r)"},
            ],
        )
        run = self.start(spec).wait()
        self.assertEqual(run.results, {"a": "x"})

    def test_contract_16_succeeded_is_the_only_condition(self):
        run = self.start(group(task("a", "true"))).wait()
        self.assertEqual([c["type"] for c in run.status["conditions"]], ["Succeeded"])

    @own_cluster
    def test_contract_17_unknown_before_anything_slow(self):
        run = self.start(group(task("a", "true")))
        run.wait_answered()
        self.assertEqual((run.state, run.reason), ("Unknown", "Started"))
        self.assertIn("startTime", run.status)
        run.wait()
        first = next(
            entry
            for entry in OwnCluster().audit(self.namespace, CONTROLLER)
            if entry["verb"] not in ("get", "list", "watch")
        )
        self.assertEqual(
            (first["objectRef"]["resource"], first["objectRef"].get("subresource")),
            ("customruns", "status"),
        )

    def test_contract_24_own_timeout(self):
        run = self.start(group(task("a", "sleep 100000")), timeout="6s").wait()
        self.assert_failed(run, "CustomRunTimedOut", "6s")
        run.wait_pod(lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"), "ended")

    def deadline(self, name, **fields):
        run = self.start(group(task("a", "true")), name, **fields).wait()
        self.assert_succeeded(run)
        return run.pod()["spec"]["activeDeadlineSeconds"]

    @by_hand
    def test_contract_25_no_timeout_is_an_hour_and_zero_is_none(self):
        self.assertGreaterEqual(self.deadline("unset"), 3600)
        self.assertLess(self.deadline("unset2"), 3600 * 3)
        self.assertEqual(self.deadline("zero", timeout="0"), LAST_SECOND)
        self.assertEqual(self.deadline("zero2", timeout="0s"), LAST_SECOND)

    def test_contract_27_the_timeout_counts_for_each_attempt(self):
        run = self.start(group(task("a", "sleep 100000")), timeout="10s", retries=1).wait()
        self.assert_failed(run, "CustomRunTimedOut")
        (before,) = run.status["retriesStatus"]
        self.assertEqual(before["conditions"][0]["reason"], "CustomRunTimedOut")
        self.assertGreater(run.status["startTime"], before["startTime"])
        self.assertEqual(len(run.pods()), 2)

    def test_contract_28_times_and_counts_that_make_no_sense(self):
        for index, fields in enumerate([{"timeout": "-1s"}, {"timeout": "soon"}, {"retries": -1}]):
            with self.subTest(fields):
                try:
                    run = self.start(group(task("a", "true")), f"run{index}", **fields).wait()
                except ApiError:
                    continue  # Tekton's schema or webhook may learn it
                (field,) = fields
                self.assert_failed(run, "TaskGroupValidationFailed", f"spec.{field}")
                self.assertEqual(run.pods(), [])

    # Covers: 4.1.F1 11.2.F1
    def test_contract_29_attempts_before_the_last_go_to_retries_status(self):
        run = self.start(group(task("a", "exit 1")), retries=2)
        seen = []
        run.wait_until(lambda run: seen.append(run.state) or run.state == "False", "False")
        self.assertNotIn("True", seen)
        self.assert_failed(run, "Failed")
        self.assertEqual(len(run.status["retriesStatus"]), 2)
        for status in run.status["retriesStatus"]:
            self.assertEqual(status["conditions"][0]["status"], "False")
            self.assertFalse(status.get("retriesStatus"))
        self.assertEqual(len(run.pods()), 3)

    def test_contract_30_and_31_completion_time_and_generation(self):
        run = self.start(group(task("a", "true"))).wait()
        self.assert_final(run)
        self.assertEqual(run.status["observedGeneration"], 1)

    def test_contract_32_an_attempt_keeps_what_it_started_with(self):
        run = self.start(group(task("a", "sleep 8; exit 4"), task("b", "true")))
        run.wait_task("a", "Running")
        self.api.patch(
            "CustomRun",
            run.name,
            [{"op": "replace", "path": "/spec/customSpec/spec", "value": group(task("z", "true"))}],
            self.namespace,
        )
        run.wait()
        self.assert_failed(run, "Failed")
        self.assertEqual(set(run.tasks), {"a", "b"})

    # Covers: 11.1.F2
    @by_hand
    def test_contract_34_owners_finalizers_and_annotations_of_others(self):
        run = self.start_custom_run(
            {
                "customSpec": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "spec": group(task("a", "sleep 2")),
                }
            },
            finalizers=["results.tekton.dev/customrun"],
            annotations={"a": "b"},
        )
        for value in "1234":
            run.wait_answered()
            self.api.patch(
                "CustomRun", run.name, {"metadata": {"annotations": {"n": value}}}, self.namespace
            )
        self.assert_succeeded(run.wait())
        metadata = run.read().object["metadata"]
        self.assertEqual(metadata["finalizers"], ["results.tekton.dev/customrun"])
        self.assertNotIn("ownerReferences", metadata)
        self.api.patch("CustomRun", run.name, {"metadata": {"finalizers": None}}, self.namespace)

    @by_hand
    def test_contract_35_a_run_made_again_does_not_adopt_the_old_pod(self):
        old = self.start(group(task("a", "sleep 100000")))
        old_pod = old.wait_running()
        old.delete()
        new = self.start(group(task("a", "true"))).wait()
        self.assert_succeeded(new)
        self.assertNotEqual(new.pod()["metadata"]["uid"], old_pod["metadata"]["uid"])
        self.assertNotEqual(new.pod()["metadata"]["name"], old_pod["metadata"]["name"])

    def test_contract_36_the_pod_blocks_the_deletion_of_its_owner(self):
        run = self.start(group(task("a", "true"))).wait()
        (owner,) = run.pod()["metadata"]["ownerReferences"]
        self.assertEqual(
            (owner["apiVersion"], owner["kind"], owner["uid"]),
            ("tekton.dev/v1beta1", "CustomRun", run.uid),
        )
        self.assertTrue(owner["controller"] and owner["blockOwnerDeletion"])

    ASSISTANT = "affinity-assistant-0123456789"

    def start_assisted(self, *workspaces, **fields):
        names = [{"name": name} for name in workspaces]
        template = {
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
        }
        spec = group(
            task("a", "true", spec={"workspaces": names}, workspaces=names),
            workspaces=names,
            run={"podTemplate": template},
        )
        return self.start_custom_run(
            {
                "customSpec": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "spec": spec,
                },
                **fields,
            },
            annotations={"pipeline.tekton.dev/affinity-assistant": self.ASSISTANT},
        )

    # Covers: 14.F4
    @by_hand
    def test_contract_38_the_affinity_assistant(self):
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": "assistant",
                    "labels": {
                        "app.kubernetes.io/instance": self.ASSISTANT,
                        "app.kubernetes.io/component": "affinity-assistant",
                    },
                },
                "spec": {
                    "containers": [
                        {"name": "a", "image": "busybox", "command": ["sleep", "100000"]}
                    ],
                    "terminationGracePeriodSeconds": 0,
                },
            }
        )
        run = self.start_assisted().wait()
        self.assert_succeeded(run)
        affinity = run.pod()["spec"]["affinity"]
        self.assertIn("podAntiAffinity", affinity)
        (term,) = affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(term["topologyKey"], "kubernetes.io/hostname")
        self.assertEqual(
            term["labelSelector"]["matchLabels"],
            {
                "app.kubernetes.io/instance": self.ASSISTANT,
                "app.kubernetes.io/component": "affinity-assistant",
            },
        )

    @own_cluster
    @by_hand
    def test_contract_39_two_claims_with_the_assistant(self):
        self.make_claim("one")
        self.make_claim("two")
        run = self.start_assisted(
            "a",
            "b",
            workspaces=[
                {"name": "a", "persistentVolumeClaim": {"claimName": "one"}},
                {"name": "b", "persistentVolumeClaim": {"claimName": "two"}},
            ],
        ).wait()
        self.assert_failed(run, "MultiplePersistentVolumeClaims")
        self.assertEqual(run.pods(), [])

    def fail_without_its_claim(self, take):
        """Run a group that fails, take its claim meanwhile; no second attempt can start."""
        self.make_claim("claim")
        spec = group(
            task(
                "a",
                "sleep 5; exit 1",
                spec={"workspaces": [{"name": "w"}]},
                workspaces=[{"name": "w"}],
            ),
            workspaces=[{"name": "w"}],
        )
        run = self.start(
            spec,
            retries=5,
            workspaces=[{"name": "w", "persistentVolumeClaim": {"claimName": "claim"}}],
        )
        run.wait_running("coordinator")
        take()
        self.assert_failed(run.wait(), "WorkspaceNotFound", "claim")
        self.assertEqual(len(run.status["retriesStatus"]), 1)

    @own_cluster
    def test_contract_40_a_claim_that_went_before_a_late_retry(self):
        def purge():
            """As Tekton does at the end of a PipelineRun."""
            self.api.delete("PersistentVolumeClaim", "claim", self.namespace)
            self.api.patch(
                "PersistentVolumeClaim", "claim", {"metadata": {"finalizers": None}}, self.namespace
            )

        self.fail_without_its_claim(purge)

    @own_cluster
    def test_contract_40_a_claim_that_is_being_deleted(self):
        self.fail_without_its_claim(
            lambda: self.api.delete("PersistentVolumeClaim", "claim", self.namespace)
        )


@own_cluster
@alone
class WebhookDown(ClusterTest):
    def test_contract_33_nothing_is_lost(self):
        run = self.start(group(task("a", "sleep 6"), task("b", "true", runAfter=["a"])))
        run.wait_running("coordinator")
        with OwnCluster().webhook_down():
            pod = run.wait_pod(lambda pod: pod["status"]["phase"] == "Succeeded", "Succeeded")
            self.assertEqual(run.read().state, "Unknown")
        self.assert_succeeded(run.wait())
        self.assertEqual(run.pod()["metadata"]["uid"], pod["metadata"]["uid"])
