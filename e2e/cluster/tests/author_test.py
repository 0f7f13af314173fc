# SPDX-License-Identifier: Apache-2.0
"""What the README tells authors to type, word for word; and the Pipelines that asked for this."""

import re

import yaml

from harness import ROOT, ClusterTest
from pipelines import PipelineRun


def readme():
    """By kind and name: the objects that the README shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    things = [yaml.safe_load(block) for block in blocks]
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in things}


class Readme(ClusterTest):
    def make(self, kind, name):
        return self.apply(readme()[kind, name])

    def test_a_pipeline_with_an_embedded_group_and_one_by_its_name(self):
        self.make("TaskGroup", "announcement")
        run = PipelineRun(self, self.make("Pipeline", "release"), params={"who": "you"}).run()
        self.assert_succeeded(run.runs["build"])
        self.assertEqual(run.runs["build"].results, {"text": "1.0 for you"})
        self.assertEqual(run.inputs["announce"], {"text": "1.0 for you"})
        self.assert_succeeded(run.runs["announce"])
        self.assertEqual(run.runs["announce"].results, {"line": "Released 1.0 for you\n"})

    def test_a_custom_run_by_hand(self):
        self.make("TaskGroup", "announcement")
        run = self.follow(self.make("CustomRun", "announce-by-hand")).wait()
        self.assert_succeeded(run)
        self.assertEqual(run.results, {"line": "Released a test\n"})
        self.assertEqual(run.pod()["metadata"]["labels"]["taskgroup.dev/run"], "announce-by-hand")
        self.assertEqual(run.log("step-write-unnamed-0"), "Released a test\n")

    def test_the_group_at_the_top(self):
        self.make("TaskGroup", "hello")
        run = self.start_reference("hello").wait()
        self.assert_succeeded(run)
        self.assertEqual(run.log("step-show-unnamed-0"), "hello, world\n")
