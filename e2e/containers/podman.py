#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases and the tests of this folder with podman.

    podman.py [--jobs N] [--keep-going] [FILTER...]

It has images and containers of its own, in a folder that goes with it: nothing of the machine's own
podman is seen or changed. A FILTER picks the cases. Where podman cannot run it fails and says why.
"""

import argparse
import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "e2e" / "cluster"))
import images  # noqa: E402

WRAPPER = """\
#!/bin/sh
exec {podman} --root {folder}/store --runroot {folder}/run "$@"
"""


def settings():
    """Limits that this caller may set, and an OCI runtime that does with cgroups of either version."""
    limits = []
    for name, kind, enough in (
        ("nofile", resource.RLIMIT_NOFILE, 20000),
        ("nproc", resource.RLIMIT_NPROC, 9000),
    ):
        hard = resource.getrlimit(kind)[1]
        value = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
        limits.append(f'"{name}={value}:{value}"')
    lines = ["[containers]", f"default_ulimits = [{', '.join(limits)}]", "[engine]"]
    if shutil.which("runc"):
        lines.append('runtime = "runc"')
    return "\n".join(lines) + "\n"


def write_images(folder):
    """Write the layouts of the images that tests name; return them by name."""
    layer = images.busybox_layer()
    configs = {
        "busybox": {"Cmd": ["sh"]},
        "e2e/entrypoint": {"Entrypoint": ["echo", "entry"], "Cmd": ["point"]},
        "e2e/user": {"Cmd": ["id", "-u"], "User": "1234"},
    }
    for name, config in configs.items():
        images.write_layout(folder / name, layer, config)
    return configs


@contextlib.contextmanager
def own_podman():
    """Give the environment in which `podman` has images of its own, and the tests' among them."""
    podman = shutil.which("podman")
    if podman is None:
        sys.exit("podman is not installed; scripts/setup podman installs it")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="taskgroup-podman-"))
    program = folder / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(WRAPPER.format(podman=podman, folder=folder))
    program.chmod(0o755)
    config = folder / "containers.conf"
    config.write_text(settings())
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "CONTAINERS_CONF": str(config),
        "TASKGROUP_RUNTIME": "podman",
    }

    def run(*arguments):
        done = subprocess.run(
            ["podman", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"podman {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    try:
        for name in write_images(folder / "images"):
            image = run("pull", "--quiet", f"oci:{folder / 'images' / name}:latest").strip()
            run("tag", image, f"docker.io/{name if '/' in name else 'library/' + name}:latest")
        yield environment
    finally:
        subprocess.run(["podman", "rm", "--all", "--force"], env=environment, capture_output=True)
        # The store is a mount of its own while there are containers.
        subprocess.run(["umount", str(folder / "store" / "overlay")], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            print(f"{folder} could not be removed", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="Runs the conformance cases with podman.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at a time")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="part of a case's name")
    options = parser.parse_args()
    with own_podman() as environment:
        cases = [sys.executable, str(ROOT / "e2e" / "conformance" / "run.py")]
        cases += ["--runtime", "podman", f"--jobs={options.jobs}", *options.filters]
        failed = subprocess.run(cases, env=environment, check=False).returncode
        tests = [sys.executable, str(HERE / "launcher_test.py")]
        failed += subprocess.run(tests, env=environment, check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
