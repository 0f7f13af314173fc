# SPDX-License-Identifier: Apache-2.0
"""Images of the tests, made from what the machine has: busybox, and the node's own pause image."""

import gzip
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "image"))
import oci_image  # noqa: E402

BUSYBOX = "/bin/busybox"  # Debian's busybox-static
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def add(archive, name, mode, kind=tarfile.REGTYPE, content=b"", target=""):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.size, entry.linkname = mode, kind, len(content), target
    archive.addfile(entry, io.BytesIO(content))


def busybox_layer():
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, mode in (
            ("bin", 0o755),
            ("etc", 0o755),
            ("root", 0o700),
            ("tmp", 0o1777),
            ("home", 0o755),
            ("var", 0o755),
            ("var/tmp", 0o1777),
        ):
            add(archive, name, mode, tarfile.DIRTYPE)
        add(archive, "bin/busybox", 0o755, content=pathlib.Path(BUSYBOX).read_bytes())
        for applet in sorted(set(applets.split()) - {"busybox"}):
            add(archive, f"bin/{applet}", 0o777, tarfile.SYMTYPE, target="busybox")
        add(archive, "etc/passwd", 0o644, content=b"root:x:0:0:root:/root:/bin/sh\n")
        add(archive, "etc/group", 0o644, content=b"root:x:0:\n")
    return buffer.getvalue()


def write_layout(folder, layer, config, tags=("latest",)):
    """Write an OCI layout of one layer (a tar archive) under several tags; return its digest."""
    layout = oci_image.Layout(folder)
    image = {
        "architecture": _ARCHITECTURE,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], **config},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci_image.MEDIA + "manifest.v1+json",
        "config": layout.add_json("config.v1+json", image),
        "layers": [layout.add("layer.v1.tar+gzip", gzip.compress(layer, 1, mtime=0))],
    }
    reference = layout.add_json("manifest.v1+json", manifest)
    names = [
        {**reference, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in tags
    ]
    index = {"schemaVersion": 2, "mediaType": oci_image.MEDIA + "index.v1+json", "manifests": names}
    (folder / "index.json").write_bytes(oci_image.json_bytes(index))
    return reference["digest"]


def write_test_images(folder):
    """Write the layouts that every cluster has into its registry's folder."""
    layer = busybox_layer()
    write_layout(folder / "busybox", layer, {"Cmd": ["sh"]}, ["latest", "1"])
    write_layout(
        folder / "private" / "busybox", layer, {"Cmd": ["sh"], "Labels": {"of": "private"}}
    )
    write_layout(folder / "e2e" / "pause", layer, {"Entrypoint": ["/bin/sleep", "2147483647"]})
    # docker.io's own nginx stops by SIGQUIT; so does this one.
    write_layout(folder / "e2e" / "stopsignal", layer, {"Cmd": ["sh"], "StopSignal": "SIGQUIT"})
