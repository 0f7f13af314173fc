# SPDX-License-Identifier: Apache-2.0
"""A group in a pod, as its author sees it: order, results, failures, skips, retries, workspaces."""

from harness import ClusterTest, by_hand, group, step, task, unreviewed


class Groups(ClusterTest):
    by_tekton = True

    def test_tasks_hand_results_on_and_the_group_gives_its_own(self):
        run = self.start(
            group(
                task("greet", "printf 'hello' > $(results.text.path)", results=["text"]),
                task(
                    "show",
                    "printf '%s' \"$(tasks.greet.results.text), $(params.who)\" "
                    "| tee $(results.line.path)",
                    results=["line"],
                ),
                params=[{"name": "who", "default": "nobody"}],
                results=[{"name": "line", "value": "$(tasks.show.results.line)"}],
            ),
            params={"who": "world"},
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"line": "hello, world"})
        self.assert_states(run, greet="Succeeded", show="Succeeded")

    def test_the_logs_of_steps_are_those_of_their_containers(self):
        run = self.start(group(task("greet", "echo hello from the step"))).wait()
        steps = [status["name"] for status in run.pod()["status"]["containerStatuses"]]
        self.assertEqual(steps, ["coordinator", "step-greet-unnamed-0"])
        self.assertEqual(run.log("step-greet-unnamed-0"), "hello from the step\n")

    # Covers: 1.3.F2 4.1.F1 4.1.F2
    def test_status_names_tasks_and_steps(self):
        run = self.start(
            group(task("a", steps=[step("exit 3", name="first"), step("true", name="second")]))
        ).wait()
        self.assert_failed(run, "Failed")
        first, second = run.tasks["a"]["steps"]
        self.assertEqual(
            (first["name"], first["state"], first["exitCode"]), ("first", "Terminated", 3)
        )
        self.assertEqual((second["name"], second["reason"]), ("second", "Skipped"))
        self.assertNotIn("exitCode", second)

    def test_a_failure_skips_what_follows_and_finally_runs(self):
        spec = group(
            task("bad", "exit 3"), task("next", "true", runAfter=["bad"]), task("sibling", "true")
        )
        spec["finally"] = [
            task("cleanup", "printf $(tasks.bad.status) > $(results.s.path)", results=["s"])
        ]
        spec["results"] = [{"name": "s", "value": "$(finally.cleanup.results.s)"}]
        run = self.start(spec).wait()
        self.assert_failed(run, "Failed", "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1")
        self.assert_states(
            run, bad="Failed", next="Skipped", sibling="Succeeded", cleanup="Succeeded"
        )
        self.assertEqual(run.results, {"s": "Failed"})

    def test_when_skips_a_task(self):
        when = [{"input": "$(params.deploy)", "operator": "in", "values": ["yes"]}]
        run = self.start(
            group(
                task("build", "true"),
                task("deploy", "true", when=when),
                params=[{"name": "deploy", "default": "no"}],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assert_states(run, build="Succeeded", deploy="Skipped")

    def test_a_task_is_tried_again_in_the_same_pod(self):
        script = (
            "[ -e $(workspaces.w.path)/again ] || { touch $(workspaces.w.path)/again; exit 1; }"
        )
        spec = {"workspaces": [{"name": "w"}]}
        run = self.start(
            group(
                task("flaky", script, spec=spec, retries=2, workspaces=[{"name": "w"}]),
                workspaces=[{"name": "w"}],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.tasks["flaky"]["attempts"], 2)
        run.pod()

    def test_tasks_share_a_workspace_inside_the_pod(self):
        declared = {"workspaces": [{"name": "source"}]}
        bound = {"spec": declared, "workspaces": [{"name": "source"}]}
        run = self.start(
            group(
                task("write", "echo text > $(workspaces.source.path)/file", **bound),
                task(
                    "read",
                    "cat $(workspaces.source.path)/file > $(results.text.path)",
                    results=["text"],
                    runAfter=["write"],
                    **bound,
                ),
                workspaces=[{"name": "source"}],
                results=[{"name": "text", "value": "$(tasks.read.results.text)"}],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results["text"].strip(), "text")

    def test_tasks_do_not_see_each_others_files(self):
        look = """
            touch /workspace/mine /tekton/home/mine
            ls /workspace /tekton/home /tekton/results /tekton/steps
            """
        run = self.start(
            group(
                task(
                    "one", "printf secret > $(results.r.path); touch /workspace/one", results=["r"]
                ),
                task("two", look, runAfter=["one"]),
            )
        ).wait()
        self.assert_succeeded(run)
        seen = run.log("step-two-unnamed-0").split()
        self.assertNotIn("one", seen)
        self.assertNotIn("r", seen)

    def test_a_step_runs_as_its_user_beside_others(self):
        def as_user(uid):
            return step(
                "id -u | tr -d '\\n' > $(results.uid.path)", securityContext={"runAsUser": uid}
            )

        run = self.start(
            group(
                task("one", steps=[as_user(1001)], results=["uid"]),
                task("two", steps=[as_user(65532)], results=["uid"], runAfter=["one"]),
                task("root", steps=[as_user(0)], results=["uid"]),
                results=[
                    {"name": name, "value": f"$(tasks.{name}.results.uid)"}
                    for name in ("one", "two", "root")
                ],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"one": "1001", "two": "65532", "root": "0"})

    @by_hand
    def test_text_that_looks_like_a_reference_stays_text(self):
        text = "$(tasks.x.results.y) $$(tasks.a.results.r) $(HOME) @{tasks.a.results.r}"
        run = self.start(
            group(
                task(
                    "a",
                    steps=[
                        {"image": "busybox", "command": ["printf", "%s"], "args": ["$(params.p)"]}
                    ],
                    spec={"params": [{"name": "p"}]},
                    params=[{"name": "p", "value": "$(params.p)"}],
                ),
                params=[{"name": "p"}],
            ),
            params={"p": text},
        ).wait()
        self.assert_succeeded(run)
        # kubelet makes `$$` one `$`, as in any container.
        self.assertIn(run.log("step-a-unnamed-0"), (text, text.replace("$$", "$")))

    def test_a_namespace_of_the_restricted_profile_runs_groups(self):
        self.api.patch(
            "Namespace",
            self.namespace,
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
        )
        settings = {
            "runAsUser": 1234,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        run = self.start(
            group(
                task(
                    "a",
                    steps=[step("id -u > $(results.uid.path)", securityContext=settings)],
                    results=["uid"],
                ),
                results=[{"name": "uid", "value": "$(tasks.a.results.uid)"}],
            )
        ).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results["uid"].strip(), "1234")

    def test_a_read_only_root_file_system_is_enough(self):
        settings = {"readOnlyRootFilesystem": True, "runAsUser": 1001}
        run = self.start(
            group(
                task(
                    "a",
                    steps=[step("printf x > $(results.r.path)", securityContext=settings)],
                    results=["r"],
                )
            )
        ).wait()
        self.assert_succeeded(run)

    # Covers: 4.1.F9
    @unreviewed
    def test_a_broken_group_is_refused_before_there_is_a_pod(self):
        spec = group(task("a", "true", runAfter=["b"]), task("b", "true", runAfter=["a"]))
        run = self.start(spec, retries=3).wait()
        self.assert_failed(run, "TaskGroupValidationFailed")
        self.assertEqual(run.pods(), [])
        self.assertFalse(run.status.get("retriesStatus"))

    @unreviewed
    def test_an_unknown_field_is_refused_by_its_path(self):
        run = self.start(group({**task("a", "true"), "retreis": 2})).wait()
        self.assert_failed(run, "TaskGroupValidationFailed", "retreis", "retries")
        self.assertEqual(run.pods(), [])
