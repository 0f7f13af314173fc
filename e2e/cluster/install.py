# SPDX-License-Identifier: Apache-2.0
"""What a cluster needs before the tests: CustomRun or its stand-in, volumes, the chart.

Runs beside the cluster, with its KUBECONFIG. A second time it brings everything up to date.
"""

import os
import pathlib
import subprocess
import sys
import time

import yaml

import customrun_webhook
import node
from api import Api

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "charts" / "taskgroup"
IMAGES = ROOT / "build" / "image"
NAMESPACE = "taskgroup-system"
VALUES = pathlib.Path(os.environ.get("TASKGROUP_E2E_VALUES", IMAGES / "values.yaml"))
# One of each: tests that look at it know which one it is. Those of the installation have more.
SETTINGS = ["--values", VALUES, "--set", "checkSecrets=true,controller.replicas=1,webhook.replicas=1"]
VOLUMES = 30  # a claim of a test takes one for good


def install_stand_ins(api, own):
    """Install stand-ins for the kinds of Tekton, and for its webhook."""
    definitions = list(yaml.safe_load_all((HERE / "tekton.yaml").read_text()))
    for definition in definitions:
        api.apply(definition)
    for definition in definitions:
        wait_established(api, definition["metadata"]["name"])
    if own:
        authority = (own.etc / "ca.crt").read_text()
        url = f"https://{node.ADDRESS}:{node.WEBHOOK_PORT}"
        for configuration in customrun_webhook.configurations(url, authority):
            api.apply(configuration)


def wait_established(api, name):
    for _, definition in api.watch("CustomResourceDefinition", name=name):
        conditions = definition.get("status", {}).get("conditions") or []
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
    raise SystemExit(f"the CRD {name} is not established after a minute")


def install_volumes(api, own):
    """A class of volumes on the node's disk, for claims of the tests."""
    api.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "e2e"},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "Immediate",
        }
    )
    for index in range(VOLUMES):
        path = own.folder / "volumes" / str(index)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        api.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"e2e-{index}"},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "storageClassName": "e2e",
                    "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": str(path)},
                },
            }
        )


def offer_images(own):
    """Let the cluster's registry serve what image/build has written."""
    for layout in IMAGES.glob("*/index.json"):
        link = own.registry / layout.parent.name
        link.unlink(missing_ok=True)
        link.symlink_to(layout.parent)


def helm(*arguments):
    """Run helm on the namespace of the release."""
    command = ["helm", *map(str, arguments), "--namespace", NAMESPACE]
    return subprocess.run(command, capture_output=True, text=True)


def install_chart(api):
    if not CHART.is_dir() or not VALUES.is_file():
        print(f"    the chart is left out: there is no {CHART if not CHART.is_dir() else VALUES}")
        return
    started = time.monotonic()
    # Nothing of ours may need more than the strictest profile allows.
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    done = helm("upgrade", "--install", "taskgroup", CHART, "--wait", "--timeout", "60s", *SETTINGS)
    if done.returncode:
        explain(done)
    print(f"    {'chart':<28} {time.monotonic() - started:6.1f} s", flush=True)


def explain(done):
    """Say what helm said, and what the cluster says about its pods."""
    print(done.stdout, done.stderr)
    for what in ("pods", "events"):
        subprocess.run(["kubectl", "-n", NAMESPACE, "get", what])
    subprocess.run(
        [
            "kubectl",
            "-n",
            NAMESPACE,
            "logs",
            "--selector=app.kubernetes.io/name=taskgroup",
            "--tail=30",
        ]
    )
    sys.exit(1)


def main():
    folder = os.environ.get("TASKGROUP_E2E_CLUSTER")
    own = node.Layout(folder) if folder else None
    api = Api()
    prepare = os.environ.get("TASKGROUP_E2E_PREPARE")
    if own and prepare:
        started = time.monotonic()
        subprocess.run([prepare], check=True)
        print(f"    {'prepared':<28} {time.monotonic() - started:6.1f} s", flush=True)
    if api.has_tekton():
        print("    CustomRun is Tekton's", flush=True)
    else:
        install_stand_ins(api, own)
    if own:
        install_volumes(api, own)
        offer_images(own)
    install_chart(api)


if __name__ == "__main__":
    main()
