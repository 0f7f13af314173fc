#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write an image as an OCI image layout, from one folder of files for each platform.

  oci_image.py --output DIR --title NAME --version V --entrypoint /PROGRAM
               --root amd64=DIR [--root arm64=DIR]

The layout's index.json names one image index, whose digest names the image on all platforms; it is
printed. The same files give the same digest: owners are 0, times are 1970's, modes are 0555 (0755
of folders) where the file may be executed and 0444 otherwise. Images run as the numeric user 65532.

Format: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import sys
import tarfile
from pathlib import Path

USER = "65532:65532"
EPOCH = "1970-01-01T00:00:00Z"
MEDIA = "application/vnd.oci.image."
PLATFORMS = {
    "amd64": {"architecture": "amd64", "os": "linux"},
    "arm64": {"architecture": "arm64", "os": "linux", "variant": "v8"},
}


def tar_of(root):
    """Return the bytes of a tar archive with everything under the folder, in the order of names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
            entry = tarfile.TarInfo(path.relative_to(root).as_posix())
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
                archive.addfile(entry)
            elif stat.S_ISDIR(mode):
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            elif stat.S_ISREG(mode):
                entry.mode = 0o555 if mode & 0o111 else 0o444
                data = path.read_bytes()
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            else:
                raise ValueError(f"{path}: neither file, folder nor symbolic link")
    return buffer.getvalue()


class Layout:
    """An image layout that is being written."""

    def __init__(self, folder):
        self.folder = folder
        self.blobs = folder / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)

    def add(self, kind, data):
        """Store a blob and return its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": MEDIA + kind, "digest": "sha256:" + digest, "size": len(data)}

    def add_json(self, kind, value):
        return self.add(kind, json_bytes(value))


def json_bytes(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def add_manifest(layout, platform, root, entrypoint, labels):
    """Add one platform's image and return the descriptor of its manifest."""
    layer = tar_of(root)
    config = {
        **platform,
        "created": EPOCH,
        "config": {
            "User": USER,
            "Entrypoint": [entrypoint],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": EPOCH, "created_by": "image/oci_image.py"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "manifest.v1+json",
        "config": layout.add_json("config.v1+json", config),
        "layers": [layout.add("layer.v1.tar+gzip", gzip.compress(layer, 9, mtime=0))],
    }
    return {**layout.add_json("manifest.v1+json", manifest), "platform": platform}


def write_image(output, title, version, entrypoint, roots):
    """Write the layout to a folder, in place of what is there, and return the image's digest.

    `roots` maps architectures to folders.
    """
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    for architecture, root in roots.items():
        if not (root / entrypoint.lstrip("/")).is_file():
            raise ValueError(f"{root}: has no {entrypoint}, the entrypoint ({architecture})")
    fresh = output.with_name(output.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    layout = Layout(fresh)
    index = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "index.v1+json",
        "annotations": labels,
        "manifests": [
            add_manifest(layout, PLATFORMS[architecture], root, entrypoint, labels)
            for architecture, root in sorted(roots.items())
        ],
    }
    descriptor = layout.add_json("index.v1+json", index)
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": version}
    top = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [descriptor]}
    (fresh / "index.json").write_bytes(json_bytes(top))
    (fresh / "oci-layout").write_bytes(json_bytes({"imageLayoutVersion": "1.0.0"}))
    shutil.rmtree(output, ignore_errors=True)
    fresh.rename(output)
    return descriptor["digest"]


def parse_root(text):
    architecture, separator, folder = text.partition("=")
    if not separator or architecture not in PLATFORMS:
        raise argparse.ArgumentTypeError(
            f"found {text!r}, expected ARCHITECTURE=DIR with one of {', '.join(PLATFORMS)}")
    return architecture, Path(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--entrypoint", required=True)
    parser.add_argument("--root", type=parse_root, action="append", required=True)
    given = parser.parse_args()
    try:
        print(write_image(given.output, given.title, given.version, given.entrypoint,
                          dict(given.root)))
    except (OSError, ValueError) as error:
        sys.exit(f"oci_image.py: {error}")


if __name__ == "__main__":
    main()
