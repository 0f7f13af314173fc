# SPDX-License-Identifier: Apache-2.0
"""Groups, Tasks and Pipelines that are objects of the namespace; and those that are not there."""

from harness import ClusterTest, group, task, unreviewed

GROUP = """
    apiVersion: taskgroup.dev/v1alpha1
    kind: TaskGroup
    metadata: {name: hello}
    spec:
      params: [{name: who, default: world}]
      results: [{name: line, value: $(tasks.greet.results.line)}]
      tasks:
      - name: greet
        taskRef: {name: greeter}
        params: [{name: who, value: $(params.who)}]
    """
TASK = """
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: greeter}
    spec:
      params: [{name: who}]
      results: [{name: line}]
      steps:
      - image: busybox
        script: printf 'hello, %s' "$(params.who)" > $(results.line.path)
    """
ACTION = """
    apiVersion: tekton.dev/v1beta1
    kind: StepAction
    metadata: {name: say}
    spec:
      params: [{name: who}, {name: greeting, default: hello}]
      results: [{name: line}]
      image: busybox
      env: [{name: LINE, value: "$(params.greeting), $(params.who)"}]
      script: printf '%s' "$LINE" > $(step.results.line.path)
    """
ACTING_TASK = """
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: greeter}
    spec:
      params: [{name: who}]
      results: [{name: line, value: $(steps.again.results.line)}]
      steps:
      - {name: once, ref: {name: say}, params: [{name: who, value: $(params.who)}]}
      - name: again
        ref: {name: say}
        params: [{name: greeting, value: $(steps.once.results.line)}, {name: who, value: and you}]
    """
PIPELINE = """
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: unchanged}
    spec:
      params: [{name: who}]
      results: [{name: line, value: $(tasks.greet.results.line)}]
      tasks:
      - name: greet
        taskRef: {name: greeter}
        params: [{name: who, value: $(params.who)}]
    """


class References(ClusterTest):
    def test_a_group_of_the_namespace_with_a_task_of_the_namespace(self):
        self.apply(GROUP)
        self.apply(TASK)
        run = self.start_reference("hello", params={"who": "you"}).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"line": "hello, you"})

    def test_an_unchanged_pipeline_in_one_pod(self):
        self.apply(PIPELINE)
        self.apply(TASK)
        run = self.start({"pipelineRef": {"name": "unchanged"}}, params={"who": "you"}).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"line": "hello, you"})
        run.pod()

    # Covers: 15.F1 15.F2
    def test_step_actions_of_the_namespace(self):
        for document in (GROUP, ACTING_TASK, ACTION):
            self.apply(document)
        run = self.start_reference("hello", params={"who": "you"}).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"line": "hello, you, and you"})

    # Covers: 15.F1
    def test_a_missing_step_action(self):
        step = {"name": "a", "ref": {"name": "nowhere"}}
        spec = group({"name": "a", "taskSpec": {"steps": [step]}})
        self.assert_refused(
            self.start(spec, retries=3), "CouldntGetTask", 'there is no StepAction "nowhere"'
        )

    def assert_refused(self, run, reason, *parts):
        self.assert_failed(run.wait(), reason, *parts)
        self.assertEqual(run.pods(), [])
        self.assertFalse(run.status.get("retriesStatus"), "no attempt can do better")

    def test_a_missing_group(self):
        self.assert_refused(
            self.start_reference("nowhere", retries=3), "CouldntGetTaskGroup", "nowhere"
        )

    def test_a_missing_task(self):
        spec = group({"name": "a", "taskRef": {"name": "nowhere"}})
        self.assert_refused(self.start(spec, retries=3), "CouldntGetTask", "nowhere")

    def test_a_missing_pipeline(self):
        spec = {"pipelineRef": {"name": "nowhere"}}
        self.assert_refused(self.start(spec, retries=3), "CouldntGetPipeline", "nowhere")

    @unreviewed
    def test_a_missing_param(self):
        spec = group(task("a", "true"), params=[{"name": "needed"}])
        self.assert_refused(self.start(spec, retries=3), "TaskGroupValidationFailed", "needed")

    def workspace(self, **source):
        spec = group(
            task("a", "true", spec={"workspaces": [{"name": "w"}]}, workspaces=[{"name": "w"}]),
            workspaces=[{"name": "w"}],
        )
        return self.start(spec, retries=3, workspaces=[{"name": "w", **source}])

    def test_a_missing_claim(self):
        run = self.workspace(persistentVolumeClaim={"claimName": "nowhere"})
        self.assert_refused(run, "WorkspaceNotFound", "nowhere")

    def test_a_missing_config_map(self):
        run = self.workspace(configMap={"name": "nowhere"})
        self.assert_refused(run, "WorkspaceNotFound", "nowhere")

    # Covers: 16.F1
    @unreviewed
    def test_a_resolver_is_refused_by_name(self):
        run = self.start_custom_run(
            {
                "customRef": {
                    "apiVersion": "taskgroup.dev/v1alpha1",
                    "kind": "TaskGroup",
                    "resolver": "git",
                }
            }
        )
        self.assert_refused(run, "CouldntGetTaskGroup", "git")

    @unreviewed
    def test_a_broken_group_of_the_namespace_says_where(self):
        self.apply("""
            apiVersion: taskgroup.dev/v1alpha1
            kind: TaskGroup
            metadata: {name: broken}
            spec:
              tasks: [{name: a, taskSpec: {steps: [{image: busybox, comand: [x]}]}}]
            """)
        self.assert_refused(self.start_reference("broken"), "TaskGroupValidationFailed", "comand")

    def test_a_missing_config_map_of_a_step(self):
        spec = group(
            task(
                "a",
                steps=[
                    {
                        "image": "busybox",
                        "script": "true",
                        "env": [
                            {
                                "name": "X",
                                "valueFrom": {"configMapKeyRef": {"name": "nowhere", "key": "k"}},
                            }
                        ],
                    }
                ],
            )
        )
        self.assert_refused(self.start(spec, retries=3), "WorkspaceNotFound", "nowhere", "step-a")

    def test_a_missing_secret(self):
        run = self.workspace(secret={"secretName": "nowhere"})
        self.assert_refused(run, "WorkspaceNotFound", "nowhere")
