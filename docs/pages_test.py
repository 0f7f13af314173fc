#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages for users are true: links lead somewhere, every reason is explained, every flag is
there, and every example is valid.

TASKGROUP_BIN is the folder of the programs.
"""
import os
import re
import subprocess
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PROGRAM = Path(os.environ.get("TASKGROUP_BIN", ROOT / "build" / "release" / "bin")) / "taskgroup"


def pages():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split() or [str(one.relative_to(ROOT)) for one in DOCS.rglob("*.md")]
    return [ROOT / name for name in names if (ROOT / name).exists()]


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def anchors(page):
    """As GitHub makes them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def reasons(header):
    """Every text that a header gives a name."""
    return set(re.findall(r'string_view \w+\s*=\s*"([^"]+)"', (ROOT / header).read_text()))


def examples(page):
    blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)
    return [block for block in blocks if re.search(r"^kind:", block, re.M)]


def run(*arguments, text=None):
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)


class Pages(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                linked = (page.parent / path).resolve() if path else page
                with self.subTest(page=page.relative_to(ROOT), link=target):
                    self.assertTrue(linked.exists(), "there is no such file")
                    if anchor and linked.suffix == ".md":
                        self.assertIn(anchor, anchors(linked))

    def test_every_reason_is_explained(self):
        page = (DOCS / "troubleshooting.md").read_text()
        explained = set()
        for row in re.findall(r"^\| (`[^|]*) \|", page, re.M):
            explained.update(re.findall(r"`([^`]+)`", row))
        known = reasons("controller/reasons.h") | reasons("core/run/reasons.h")
        self.assertGreater(len(known), 40)
        self.assertEqual(known - explained, set())

    def test_every_flag_of_the_commands_is_there(self):
        page = (DOCS / "commands.md").read_text()
        for command in ("status", "logs", "cancel"):
            flags = set(re.findall(r"(--[a-z]+)", run(command, "--help").stdout)) - {"--help", "--output"}
            self.assertLess({"--namespace", "--group"}, flags)
            for flag in flags:
                self.assertTrue(f"`{flag}`" in page, f"docs/commands.md does not tell of {flag}")

    def test_examples_for_authors_are_valid(self):
        blocks = examples(DOCS / "authors.md")
        self.assertGreater(len(blocks), 5)
        # Together, for they refer to each other; and whether each is YAML at all, on its own.
        for block in blocks:
            list(yaml.safe_load_all(block))
        done = run("validate", "-", text="---\n".join(blocks))
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
