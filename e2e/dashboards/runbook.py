# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/operate.md, typed as they stand there.

Those that only look are run; those that change the installation, or need what a small cluster has
not got, are left to people."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANGING = re.compile(r"\bhelm upgrade\b|\bpatch secret\b|\brollout restart\b")
NEEDING_MORE = re.compile(r"\btop pods\b|--previous\b")


def blocks():
    """(section, text) of each block of commands."""
    section = ""
    text = (ROOT / "docs" / "operate.md").read_text()
    for match in re.finditer(r"^## ([^\n]+)$|^```sh\n(.*?)^```", text, re.M | re.S):
        section = match[1] or section
        if match[2]:
            yield section, match[2]


def failing():
    """Run what may be run; return how many blocks, and (section, text, why) of failures."""
    count, failures = 0, []
    for section, text in blocks():
        lines = text.replace("\\\n", " ")
        if CHANGING.search(lines) or NEEDING_MORE.search(lines):
            continue
        count += 1
        done = subprocess.run(["bash", "-ec", text], cwd=ROOT, capture_output=True, text=True)
        if done.returncode or re.search(r"^error|Error from server|not found", done.stderr, re.M):
            failures.append((section, text, done.stderr.strip() or done.stdout.strip()))
    return count, failures
