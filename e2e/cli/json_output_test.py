#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The contract of `-o json`: one object a line, events in order, `end` last, output as events."""

import json

import harness

SPEC = """\
  results: [{name: list, type: array, value: "$(tasks.one.results.list[*])"}]
  tasks:
  - name: one
    retries: 1
    taskSpec:
      results: [{name: list, type: array}]
      steps:
      - name: fail-first
        image: busybox
        script: |
          echo out $(context.task.retry-count)
          echo err >&2
          printf '["a", "b"]' > $(results.list.path)
          test $(context.task.retry-count) = 1
      - {name: second, image: busybox, script: printf 'no newline'}
  - name: skipped
    when: [{input: a, operator: in, values: [b]}]
    taskSpec:
      steps: [{name: say, image: busybox, script: "true"}]
  finally:
  - name: last
    taskSpec:
      steps: [{name: say, image: busybox, script: "true"}]
"""


class JsonOutput(harness.TestCase):
    def test_every_line_is_an_event_and_the_last_is_end(self):
        finished = self.run_group(SPEC)
        self.assertEqual(finished.code, 0, finished.stderr)
        for line in finished.stdout.splitlines():
            event = json.loads(line)
            self.assertIsInstance(event, dict)
            self.assertIn("event", event)
        names = [event["event"] for event in finished.events]
        self.assertEqual(names.count("end"), 1)
        self.assertEqual(names[-1], "end")
        numbers = [event["n"] for event in finished.events if "n" in event]
        # Lines of the journal that only the program itself needs are missing.
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[0], 1)

    def test_end_tells_each_task_and_the_results(self):
        end = self.run_group(SPEC).end
        self.assertEqual((end["state"], end["reason"]), ("Succeeded", "Completed"))
        self.assertEqual(end["results"], {"list": ["a", "b"]})
        self.assertEqual(sorted(end["tasks"]), ["last", "one", "skipped"])
        one = end["tasks"]["one"]
        self.assertEqual((one["state"], one["reason"]), ("Succeeded", "Succeeded"))
        self.assertEqual(one["attempts"], 2)
        self.assertEqual(one["results"], {"list": ["a", "b"]})
        skipped = end["tasks"]["skipped"]
        self.assertEqual(
            (skipped["state"], skipped["reason"], skipped["attempts"], skipped["results"]),
            ("Skipped", "When Expressions evaluated to false", 0, {}),
        )

    def test_output_names_task_step_and_stream(self):
        output = [e for e in self.run_group(SPEC).events if e["event"] == "output"]
        lines = [(e["step"], e["stream"], e["line"]) for e in output]
        self.assertIn(("fail-first", "stdout", "out 0"), lines)
        self.assertIn(("fail-first", "stdout", "out 1"), lines)
        self.assertIn(("fail-first", "stderr", "err"), lines)
        self.assertIn(("second", "stdout", "no newline"), lines)
        self.assertEqual({e["task"] for e in output}, {"one"})

    def test_output_of_any_bytes_is_still_json(self):
        blob = bytes(range(256)) * 4 + b"\n" + b"x" * 300_000 + b"\nlast\n"
        self.write("data/blob", blob)
        finished = self.run_group(
            """\
  workspaces: [{name: data}]
  tasks:
  - name: print
    workspaces: [{name: data}]
    taskSpec:
      workspaces: [{name: data}]
      steps: [{name: cat, image: busybox, script: cat $(workspaces.data.path)/blob}]
""",
            "-w",
            f"data={self.folder / 'data'}",
        )
        self.assertEqual(finished.code, 0, finished.stderr)
        lines = finished.output_of("print")
        self.assertEqual(sum(line.count("x") for line in lines), 300_000 + 4)
        self.assertEqual(lines[-1], "last")

    def test_all_output_comes_before_end_and_none_is_lost(self):
        finished = self.run_group(
            """\
  tasks:
  - name: many
    taskSpec:
      steps: [{name: count, image: busybox, script: seq 1 20000}]
"""
        )
        self.assertEqual(finished.output_of("many"), [str(i) for i in range(1, 20001)])

    def test_the_events_of_a_task_are_in_order(self):
        finished = self.run_group(SPEC)
        of_one = [
            (e["event"], e.get("state"))
            for e in finished.events
            if e.get("task") == "one" and e["event"] in ("task", "retry")
        ]
        self.assertEqual(of_one[-1], ("task", "Succeeded"))
        self.assertIn(("retry", None), of_one)
        self.assertLess(of_one.index(("task", "Running")), of_one.index(("retry", None)))

    def test_a_closed_pipe_does_not_stop_the_cleaning_up(self):
        running = self.start_group(
            """\
  tasks:
  - name: talk
    taskSpec:
      steps: [{name: say, image: busybox, script: echo ready; seq 1 5000}]
"""
        )
        running.wait_for_output("talk", "ready")
        processes = running.processes()
        running.process.stdout.detach().close()
        self.assertEqual(harness.have_ended(processes), [])
        running.finish_unread()
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
