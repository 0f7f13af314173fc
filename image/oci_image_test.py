#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An image layout is what the OCI's specification says, and depends on nothing but the files."""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import oci_image  # noqa: E402


def make_root(folder, content="a program"):
    """A root with a program, a folder, a file and a link, with modes and times of its own."""
    (folder / "etc").mkdir(parents=True)
    program = folder / "program"
    program.write_text(content)
    program.chmod(0o4755)
    (folder / "etc" / "passwd").write_text("nobody")
    (folder / "etc" / "passwd").chmod(0o600)
    (folder / "alias").symlink_to("etc/passwd")
    return folder


class OciImage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name="image", **roots):
        output = self.folder / name
        digest = oci_image.write_image(output, "name", "1.2.3", "/program", roots)
        return output, digest

    def blob(self, output, descriptor):
        """Read a blob and check that its descriptor fits it."""
        data = (output / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
        self.assertEqual(descriptor["digest"], "sha256:" + hashlib.sha256(data).hexdigest())
        self.assertEqual(descriptor["size"], len(data))
        return data

    def test_every_descriptor_fits_its_blob_and_no_blob_is_left_over(self):
        output, digest = self.write(amd64=make_root(self.folder / "a"),
                                    arm64=make_root(self.folder / "b", "another"))
        used = set()

        def follow(descriptor):
            used.add(descriptor["digest"].removeprefix("sha256:"))
            data = self.blob(output, descriptor)
            if descriptor["mediaType"].endswith("+json"):
                value = json.loads(data)
                for inner in [*value.get("manifests", []), *value.get("layers", [])]:
                    follow(inner)
                if "layers" in value:
                    follow(value["config"])
            return data

        top = json.loads((output / "index.json").read_text())
        self.assertEqual([one["digest"] for one in top["manifests"]], [digest])
        index = json.loads(follow(top["manifests"][0]))
        self.assertEqual([one["platform"]["architecture"] for one in index["manifests"]],
                         ["amd64", "arm64"])
        self.assertEqual({path.name for path in (output / "blobs" / "sha256").iterdir()}, used)
        self.assertEqual(json.loads((output / "oci-layout").read_text()),
                         {"imageLayoutVersion": "1.0.0"})

    def test_config_names_platform_user_entrypoint_and_unpacked_layers(self):
        output, _ = self.write(arm64=make_root(self.folder / "a"))
        top = json.loads((output / "index.json").read_text())
        index = json.loads(self.blob(output, top["manifests"][0]))
        manifest = json.loads(self.blob(output, index["manifests"][0]))
        config = json.loads(self.blob(output, manifest["config"]))
        self.assertEqual((config["architecture"], config["os"]), ("arm64", "linux"))
        self.assertEqual(config["config"]["User"], "65532:65532")
        self.assertEqual(config["config"]["Entrypoint"], ["/program"])
        layer = gzip.decompress(self.blob(output, manifest["layers"][0]))
        self.assertEqual(config["rootfs"]["diff_ids"],
                         ["sha256:" + hashlib.sha256(layer).hexdigest()])

    def test_files_have_plain_modes_owners_and_times(self):
        layer = oci_image.tar_of(make_root(self.folder / "a"))
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            entries = archive.getmembers()
        self.assertEqual([(entry.name, entry.mode) for entry in entries],
                         [("alias", 0o777), ("etc", 0o755), ("etc/passwd", 0o444),
                          ("program", 0o555)])
        self.assertEqual({(entry.uid, entry.gid, entry.mtime) for entry in entries}, {(0, 0, 0)})

    def test_same_files_give_the_same_digest(self):
        first, second = make_root(self.folder / "a"), make_root(self.folder / "b")
        os.utime(second / "program", (1, 1))
        (second / "program").chmod(0o700)
        self.assertEqual(self.write("one", amd64=first)[1], self.write("two", amd64=second)[1])

    def test_another_content_gives_another_digest(self):
        first, second = make_root(self.folder / "a"), make_root(self.folder / "b", "another")
        self.assertNotEqual(self.write("one", amd64=first)[1], self.write("two", amd64=second)[1])

    def test_an_image_without_its_entrypoint_is_refused_and_the_old_one_stays(self):
        output, digest = self.write(amd64=make_root(self.folder / "a"))
        empty = self.folder / "empty"
        empty.mkdir()
        with self.assertRaisesRegex(ValueError, "/program"):
            self.write(amd64=empty)
        self.assertIn(digest, (output / "index.json").read_text())

    def test_what_is_no_file_is_refused(self):
        root = make_root(self.folder / "a")
        os.mkfifo(root / "pipe")
        with self.assertRaisesRegex(ValueError, "pipe"):
            oci_image.tar_of(root)


if __name__ == "__main__":
    unittest.main()
