#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A release's folder holds what its README says, installs without any value, and is reproducible."""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import yaml

sys.dont_write_bytecode = True
import assemble  # noqa: E402

DIGESTS = {"controller": "sha256:" + 64 * "1", "agent": "sha256:" + 64 * "2"}
VERSION = assemble.version()


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        for part in assemble.IMAGES:
            layout = cls.folder / "image" / f"taskgroup-{part}"
            (layout / "blobs/sha256").mkdir(parents=True)
            (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
            (layout / "index.json").write_text("{}")
            (layout / "blobs/sha256/0").write_text(part)
        programs = cls.folder / "bin"
        programs.mkdir()
        for name in ("taskgroup", "taskgroup-agent"):
            (programs / name).write_text("#!/bin/sh\n")
        # Two packages that are on every Debian.
        for name in ("libc6", "libgcc-s1"):
            (cls.folder / "root/usr/share/doc" / name).mkdir(parents=True)
        cls.release = cls.assemble("one")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def assemble(cls, name):
        return assemble.assemble(
            cls.folder / name, assemble.ROOT / "charts" / "taskgroup", cls.folder / "image", DIGESTS,
            cls.folder / "bin", "registry.example/ci", 1700000000, cls.folder / "root", "amd64")

    def test_made_twice_it_is_the_same(self):
        again = self.assemble("two")
        self.assertEqual((self.release / "SHA256SUMS").read_text(), (again / "SHA256SUMS").read_text())

    def test_every_file_is_in_the_checksums_and_in_the_readme(self):
        sums = dict(reversed(line.split()) for line in (self.release / "SHA256SUMS").read_text().splitlines())
        files = {path.name for path in self.release.iterdir()} - {"SHA256SUMS"}
        self.assertEqual(set(sums), files)
        for name, digest in sums.items():
            self.assertEqual(hashlib.sha256((self.release / name).read_bytes()).hexdigest(), digest)
        readme = (self.release / "README.md").read_text()
        for name in files - {"README.md"} | {"SHA256SUMS"}:
            self.assertIn(f"`{name}`", readme)
        self.assertNotIn("@", readme)

    def test_package_lints_and_renders_without_values_to_what_install_yaml_has(self):
        package = self.release / f"taskgroup-{VERSION}.tgz"
        lint = subprocess.run([assemble.HELM, "lint", "--strict", package, "--kube-version=1.29.0"],
                              capture_output=True, text=True)
        self.assertEqual(lint.returncode, 0, lint.stdout + lint.stderr)
        done = subprocess.run([assemble.HELM, "template", "taskgroup", package, "--namespace",
                               assemble.NAMESPACE, "--skip-tests", "--kube-version=1.29.0"],
                              capture_output=True, text=True, check=True)
        def names(text):
            return [(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(text) if one]
        install = (self.release / "install.yaml").read_text()
        self.assertEqual(names(install), [("Namespace", assemble.NAMESPACE)] + names(done.stdout))
        for part, digest in DIGESTS.items():
            self.assertIn(f"registry.example/ci/taskgroup-{part}@{digest}", install)
        self.assertNotIn("Helm", install)

    def test_package_keeps_the_comments_of_the_values(self):
        with tarfile.open(self.release / f"taskgroup-{VERSION}.tgz") as tar:
            values = tar.extractfile("taskgroup/values.yaml").read().decode()
            chart = yaml.safe_load(tar.extractfile("taskgroup/Chart.yaml").read())
            self.assertIn("taskgroup/files/taskgroup.yaml", tar.getnames())
        source = (assemble.ROOT / "charts/taskgroup/values.yaml").read_text()
        self.assertEqual(len(values.splitlines()), len(source.splitlines()))
        self.assertEqual({chart["version"], chart["appVersion"]}, {VERSION})

    def test_images_are_archives_of_their_layouts(self):
        with tarfile.open(self.release / f"taskgroup-agent-{VERSION}.oci.tar") as tar:
            self.assertEqual(tar.getnames(), ["blobs/sha256/0", "index.json", "oci-layout"])

    def test_cli_can_be_executed_and_finds_its_agent_beside_it(self):
        folder = f"taskgroup-{VERSION}-linux-amd64"
        with tarfile.open(self.release / f"{folder}.tar.gz") as tar:
            for name in ("taskgroup", "taskgroup-agent"):
                self.assertEqual(tar.getmember(f"{folder}/{name}").mode, 0o755)
            self.assertIn(f"{folder}/LICENSE", tar.getnames())

    def test_bill_of_materials_names_what_the_image_loads(self):
        document = json.loads((self.release / f"taskgroup-{VERSION}.spdx.json").read_text())
        contained = {one["relatedSpdxElement"] for one in document["relationships"]
                     if one["relationshipType"] == "CONTAINS"}
        self.assertLessEqual({"SPDXRef-deb-libc6", "SPDXRef-deb-libgcc-s1"}, contained)
        self.assertLessEqual(contained, {one["SPDXID"] for one in document["packages"]})


if __name__ == "__main__":
    unittest.main()
