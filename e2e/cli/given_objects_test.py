# SPDX-License-Identifier: Apache-2.0
"""Secrets that stand beside a group are used, and seen nowhere else."""

import harness

DOCUMENTS = """\
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {value: open-sesame}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: builder}
---
"""
SPEC = """\
  tasks:
  - name: say
    taskSpec:
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
      steps:
      - name: say
        image: busybox
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: value}}}]
        volumeMounts: [{name: data, mountPath: /data}]
        script: |
          echo "the token is $TOKEN"
          touch /data/new
"""


class GivenObjects(harness.TestCase):
    def test_a_secret_is_masked_in_what_steps_print(self):
        path = self.write("group.yaml", DOCUMENTS + harness.GROUP + SPEC)
        for output in ("text", "json"):
            with self.subTest(output):
                finished = self.run_taskgroup("run", path, "-o", output)
                self.assertEqual(finished.code, 0, finished.stderr)
                self.assertIn("the token is ***", finished.stdout)
                self.assertNotIn("open-sesame", finished.stdout + finished.stderr)
        self.assert_nothing_left()

    def test_a_plan_holds_no_secret(self):
        path = self.write("group.yaml", DOCUMENTS + harness.GROUP + SPEC)
        finished = self.run_taskgroup("plan", path, "-o", "json")
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assertIn("secretKeyRef", finished.stdout)
        self.assertNotIn("open-sesame", finished.stdout)

    def test_what_differs_from_a_cluster_is_said_before_the_run(self):
        path = self.write("group.yaml", DOCUMENTS + harness.GROUP + SPEC)
        finished = self.run_taskgroup("run", path)
        said = finished.stdout + finished.stderr
        self.assertIn("each claim is an empty folder of this run", said)
        self.assertIn("ServiceAccount", said)


if __name__ == "__main__":
    harness.main()
