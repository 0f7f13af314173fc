#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cancelling a run: by SIGINT once and twice, by SIGTERM, and by the death of the program."""

import signal

import harness

LONG_RUN = """\
  tasks:
  - name: long
    taskSpec:
      steps:
      - name: sleep
        image: busybox
        script: |
          setsid sleep 10000 &
          echo ready
          sleep 10000
      - {name: never, image: busybox, script: echo never}
  - name: after
    runAfter: [long]
    taskSpec:
      steps: [{name: never, image: busybox, script: echo never}]
  finally:
  - name: clean
    params: [{name: status, value: $(tasks.long.status)}]
    taskSpec:
      params: [{name: status}]
      steps: [{name: clean, image: busybox, script: 'echo "long: $(params.status)"%s'}]
"""


class Cancel(harness.TestCase):
    def cancelled_by(self, number):
        running = self.start_group(LONG_RUN % "")
        running.wait_for_output("long", "ready")
        processes = running.processes()
        self.assertGreaterEqual(len(processes), 3)
        running.signal(number)
        finished = running.finish()
        self.assertEqual(harness.have_ended(processes), [])
        self.assert_nothing_left()

        self.assertEqual(finished.output_of("clean"), ["long: Failed"])
        self.assertEqual(finished.output_of("after"), [])
        self.assertEqual(finished.output_of("long"), ["ready"])
        end = finished.end
        self.assertEqual((end["state"], end["reason"]), ("Cancelled", "Cancelled"))
        tasks = end["tasks"]
        self.assertEqual(tasks["long"]["state"], "Cancelled")
        self.assertEqual(tasks["long"]["reason"], "TaskRunCancelled")
        self.assertEqual((tasks["after"]["state"], tasks["after"]["attempts"]), ("Skipped", 0))
        self.assertEqual(tasks["clean"]["state"], "Succeeded")
        return finished.code

    def test_interrupt_runs_finally_and_is_130(self):
        self.assertEqual(self.cancelled_by(signal.SIGINT), 130)

    def test_termination_runs_finally_and_is_143(self):
        self.assertEqual(self.cancelled_by(signal.SIGTERM), 143)

    def test_a_cancelled_task_is_not_retried(self):
        running = self.start_group(
            """\
  tasks:
  - name: long
    retries: 5
    taskSpec:
      steps: [{name: sleep, image: busybox, script: echo ready; sleep 10000}]
"""
        )
        running.wait_for_output("long", "ready")
        running.signal(signal.SIGINT)
        finished = running.finish()
        self.assertEqual(finished.code, 130)
        self.assertEqual(finished.end["tasks"]["long"]["attempts"], 1)

    def test_a_second_interrupt_kills_at_once(self):
        running = self.start_group(LONG_RUN % "; sleep 10000")
        running.wait_for_output("long", "ready")
        running.signal(signal.SIGINT)
        running.wait_for_output("clean", "long: Failed")
        processes = running.processes()
        running.signal(signal.SIGINT)
        finished = running.finish()
        self.assertEqual(finished.code, 130)
        self.assertEqual(harness.have_ended(processes), [])
        self.assert_nothing_left()

    def test_a_step_that_ignores_term_is_killed(self):
        running = self.start_group(
            """\
  tasks:
  - name: stubborn
    taskSpec:
      steps:
      - name: ignore
        image: busybox
        script: |
          trap '' TERM INT
          echo ready
          while true; do sleep 10000; done
"""
        )
        running.wait_for_output("stubborn", "ready")
        processes = running.processes()
        running.signal(signal.SIGINT)
        running.wait_for(lambda event: event["event"] == "stopping")
        running.signal(signal.SIGINT)
        self.assertEqual(running.finish().code, 130)
        self.assertEqual(harness.have_ended(processes), [])

    def test_after_a_kill_no_process_is_left(self):
        running = self.start_group(LONG_RUN % "")
        running.wait_for_output("long", "ready")
        processes = running.processes()
        self.assertGreaterEqual(len(processes), 3)
        running.signal(signal.SIGKILL)
        self.assertEqual(running.finish().code, -signal.SIGKILL)
        self.assertEqual(harness.have_ended(processes), [])

        # The folder of the dead run is removed by the next one.
        finished = self.run_group(
            """\
  tasks:
  - name: one
    taskSpec:
      steps: [{name: say, image: busybox, script: "true"}]
"""
        )
        self.assertEqual(finished.code, 0, finished.stderr)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
