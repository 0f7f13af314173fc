#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run changes nothing on the host but the folders bound to it, and leaves nothing behind."""

import os
import pathlib
import uuid

import harness

WRITER = """\
  - name: %(name)s
    timeout: 30s
    workspaces: [{name: meet}]
    taskSpec:
      workspaces: [{name: meet}]
      steps:
      - name: write
        image: busybox
        script: |
          for folder in /etc "$HOME" /tmp /var/tmp /srv; do
            echo %(name)s > $folder/%(mark)s
          done
          # Files of others belong to nobody in a user namespace, and only root may touch them.
          if [ -w /etc/passwd ]; then
            rm -f /etc/hostname
            echo %(name)s >> /etc/passwd
          fi
          # Both have written before either looks.
          cd $(workspaces.meet.path)
          %(meet)s
          for folder in /etc "$HOME" /tmp /var/tmp /srv; do
            test "$(cat $folder/%(mark)s)" = %(name)s
          done
          ! [ -w /etc/passwd ] || test "$(tail -n 1 /etc/passwd)" = %(name)s
"""


def tree(folder):
    """Every path below a folder with its mode, size and time of change of content."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(parent, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


class HostTree(harness.TestCase):
    def test_two_tasks_write_the_same_places_and_neither_is_seen(self):
        mark = f"taskgroup-e2e-{uuid.uuid4().hex}"
        before = {folder: tree(folder) for folder in ("/etc", "/usr/local", "/srv")}
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        (self.folder / "meet").mkdir()
        for name in ("to-left", "to-right"):
            os.mkfifo(self.folder / "meet" / name)

        spec = "  workspaces: [{name: meet}]\n  tasks:\n"
        spec += WRITER % {
            "name": "left",
            "mark": mark,
            "meet": "echo left > to-right; read answer < to-left",
        }
        spec += WRITER % {
            "name": "right",
            "mark": mark,
            "meet": "read greeting < to-right; echo right > to-left",
        }
        finished = self.run_group(spec, "-w", f"meet={self.folder / 'meet'}")
        self.assertEqual(finished.code, 0, finished.stdout + finished.stderr)

        for folder in ("/etc", str(pathlib.Path.home()), "/tmp", "/var/tmp", "/srv"):
            self.assertFalse(os.path.exists(os.path.join(folder, mark)), folder)
        for folder, content in before.items():
            self.assertEqual(tree(folder), content)
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), mounts)
        self.assert_nothing_left()

    def test_nothing_is_left_after_a_failure_and_background_processes(self):
        running = self.start_group(
            """\
  tasks:
  - name: leave
    taskSpec:
      steps:
      - name: leave
        image: busybox
        script: |
          setsid sleep 10000 &
          (sleep 10000 &)
          mkdir -p /workspace/a/b /tekton/home/c
          chmod 0 /workspace/a
          echo ready
          exit 1
"""
        )
        running.wait_for_output("leave", "ready")
        processes = running.processes()
        self.assertEqual(running.finish().code, 1)
        self.assertEqual(harness.have_ended(processes), [])
        self.assert_nothing_left()

    def test_bound_folders_are_written_as_the_caller(self):
        (self.folder / "data").mkdir()
        finished = self.run_group(
            """\
  workspaces: [{name: data}]
  tasks:
  - name: write
    workspaces: [{name: data}]
    taskSpec:
      workspaces: [{name: data}]
      steps: [{name: write, image: busybox, script: echo tea > $(workspaces.data.path)/drink}]
""",
            "-w",
            "data=data",  # relative to where the program was started
        )
        self.assertEqual(finished.code, 0, finished.stderr)
        written = self.folder / "data" / "drink"
        self.assertEqual(written.read_text(), "tea\n")
        self.assertEqual(written.stat().st_uid, os.getuid())

    def test_keep_leaves_the_files_and_says_where(self):
        finished = self.run_group(
            """\
  tasks:
  - name: write
    taskSpec:
      steps: [{name: write, image: busybox, script: echo tea > /workspace/drink}]
""",
            "--keep",
        )
        self.assertEqual(finished.code, 0, finished.stderr)
        kept = [path for path in self.temporary.rglob("drink") if path.is_file()]
        self.assertEqual([path.read_text() for path in kept], ["tea\n"])
        self.assertIn(str(self.temporary), finished.stdout + finished.stderr)


if __name__ == "__main__":
    harness.main()
