# SPDX-License-Identifier: Apache-2.0
"""The Pipelines that people asked to run in one pod. Their images are busybox's here, which has
neither git nor a compiler: what is kept is who shares files with whom, and who waits for whom."""

from harness import ClusterTest
from pipelines import PipelineRun

# tektoncd/pipeline#2586: clone, then lint, test and build at once, then the image; no claim.
ISSUE_2586 = """
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: ci}
    spec:
      params: [{name: revision, default: main}]
      tasks:
      - name: ci
        params: [{name: revision, value: $(params.revision)}]
        taskSpec:
          apiVersion: taskgroup.dev/v1alpha1
          kind: TaskGroup
          spec:
            params: [{name: revision}]
            workspaces: [{name: source}]
            results: [{name: digest, value: $(tasks.image.results.digest)}]
            tasks:
            - name: clone
              workspaces: [{name: source}]
              params: [{name: revision, value: $(params.revision)}]
              taskSpec:
                params: [{name: revision}]
                workspaces: [{name: source}]
                steps:
                - image: busybox
                  script: |
                    cd $(workspaces.source.path)
                    mkdir src && echo "$(params.revision)" > src/main
            - name: lint
              runAfter: [clone]
              workspaces: [{name: source}]
              taskSpec: &check
                workspaces: [{name: source}]
                steps:
                - image: busybox
                  workingDir: $(workspaces.source.path)/src
                  script: grep -q . main
            - name: test
              runAfter: [clone]
              workspaces: [{name: source}]
              taskSpec: *check
            - name: build
              runAfter: [clone]
              workspaces: [{name: source}]
              taskSpec:
                workspaces: [{name: source}]
                steps:
                - image: busybox
                  script: |
                    cd $(workspaces.source.path)
                    mkdir bin && sha256sum < src/main > bin/app
            - name: image
              runAfter: [lint, test, build]
              workspaces: [{name: source}]
              taskSpec:
                workspaces: [{name: source}]
                results: [{name: digest}]
                steps:
                - image: busybox
                  script: |
                    cut -c1-64 $(workspaces.source.path)/bin/app | tr -d '\\n' > $(results.digest.path)
      - name: deploy
        params: [{name: digest, value: $(tasks.ci.results.digest)}]
        taskRef: {name: deploy}
    """

DEPLOY = """
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: deploy}
    spec:
      params: [{name: digest}]
      steps: [{image: busybox, script: echo $(params.digest)}]
    """

# TEP-0044: the report of the tests is uploaded whether they pass or not.
TEP_0044 = """
    apiVersion: taskgroup.dev/v1alpha1
    kind: TaskGroup
    metadata: {name: build-test-deploy}
    spec:
      workspaces: [{name: source}]
      results: [{name: report, value: $(finally.upload-results.results.report)}]
      tasks:
      - name: get-source
        workspaces: [{name: source}]
        taskRef: {name: get-source}
      - name: run-unit-tests
        runAfter: [get-source]
        workspaces: [{name: source}]
        taskRef: {name: run-unit-tests}
      finally:
      - name: upload-results
        workspaces: [{name: source}]
        taskRef: {name: upload-results}
    ---
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: get-source}
    spec:
      workspaces: [{name: source}]
      steps: [{image: busybox, script: echo code > $(workspaces.source.path)/code}]
    ---
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: run-unit-tests}
    spec:
      workspaces: [{name: source}]
      steps:
      - image: busybox
        script: |
          cat $(workspaces.source.path)/code && echo '1 of 2 failed' > $(workspaces.source.path)/report
          exit 1
    ---
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: upload-results}
    spec:
      workspaces: [{name: source}]
      results: [{name: report}]
      steps: [{image: busybox, script: cat $(workspaces.source.path)/report > $(results.report.path)}]
    """


class Stories(ClusterTest):
    def test_issue_2586(self):
        self.apply(DEPLOY)
        run = PipelineRun(self, self.apply(ISSUE_2586), params={"revision": "v1"}).run()
        group = run.runs["ci"]
        self.assert_succeeded(group)
        group.pod()
        self.assertEqual(self.api.list("PersistentVolumeClaim", self.namespace), [])
        self.assertEqual(run.inputs["deploy"], {"digest": group.results["digest"]})
        self.assertEqual(len(group.results["digest"]), 64)

    def test_tep_0044(self):
        self.apply(TEP_0044)
        run = self.start_reference("build-test-deploy").wait()
        self.assert_failed(run, "Failed")
        self.assertEqual(run.results, {"report": "1 of 2 failed\n"})
        self.assert_states(
            run,
            **{"get-source": "Succeeded", "run-unit-tests": "Failed", "upload-results": "Succeeded"}
        )
