#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chart's dashboards over real data: `make dashboards`, by `cluster.py dashboards [MINUTES]`.

Scrapes a controller and a webhook under load with Debian's Prometheus, draws the dashboards into
docs/pictures, takes controller and webhook away and sees their alerts fire and end, and sees that
every query of every panel has had data. Runs beside a cluster of ours, with its KUBECONFIG.
"""

import json
import pathlib
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "cluster"))

import install  # noqa: E402
import picture  # noqa: E402
import runbook  # noqa: E402
from answers import Answers, targets  # noqa: E402
from console import Console  # noqa: E402
from harness import OWN, SYSTEM, Api  # noqa: E402
from load import Load  # noqa: E402
from prometheus import Prometheus, targets_of  # noqa: E402

FILES = ROOT / "charts" / "taskgroup" / "files"
PICTURES = ROOT / "docs" / "pictures"
DRAWN = {
    "platform": ("taskgroup-platform", ["At a glance", "Runs and their pods"]),
    "platform-controller": (
        "taskgroup-platform",
        ["Controller", "API server, as the controller and the webhook see it"],
    ),
    "platform-webhook": ("taskgroup-platform", ["Webhook", "Processes"]),
    "authors": (
        "taskgroup-authors",
        ["Runs", "Tasks", "Where the time goes", "What one pod saves"],
    ),
}
# As it is installed by default, and not as the tests have it.
INSTALLED = "controller.replicas=2,webhook.enabled=true,webhook.replicas=2"
# What is taken away: the Deployment's component, and the alert that must tell of it.
FAULTS = {"controller": "TaskGroupControllerDown", "webhook": "TaskGroupWebhookDown"}
LOST = "TaskGroupRunsFailing"  # of the pods that the load loses


def say(text):
    print(text, flush=True)


def deployments(api):
    """Our Deployments by component."""
    return {
        one["metadata"]["labels"].get("app.kubernetes.io/component"): one["metadata"]["name"]
        for one in api.list("Deployment", SYSTEM, labels="app.kubernetes.io/name=taskgroup")
    }


def scale(api, name, replicas):
    api.patch("Deployment", name, {"spec": {"replicas": replicas}}, SYSTEM)
    for _, thing in api.watch("Deployment", SYSTEM, name, deadline=120):
        status = thing.get("status", {})
        if (
            status.get("observedGeneration") == thing["metadata"]["generation"]
            and status.get("readyReplicas", 0) == replicas
            and status.get("replicas", 0) == replicas
        ):
            return
    raise SystemExit(f"{name} has no {replicas} replicas after two minutes: {status}")


def end_leader(api, component):
    """Delete the pod that leads, so that another one does."""
    for lease in api.list("Lease", SYSTEM):
        holder = lease["spec"].get("holderIdentity") or ""
        if lease["metadata"]["name"].endswith(component):
            for pod in api.list("Pod", SYSTEM):
                if holder.startswith(pod["metadata"]["name"]):
                    api.delete("Pod", pod["metadata"]["name"], SYSTEM)
                    return


def run_load(api, minutes):
    """Let groups run, with a change of leader in the middle; return from when to when."""
    with Load() as load:
        time.sleep(20)  # the first seconds are pulls of images
        start = time.time()
        time.sleep(minutes * 30)
        end_leader(api, "controller")
        time.sleep(minutes * 30)
        end = time.time()
    for what, count in sorted(load.outcomes.items()):
        say(f"    {count:5} {what}")
    return start, end


def check(answers, dashboards):
    """Say which queries had data; raise if one had none."""
    missing = 0
    for name, dashboard in dashboards.items():
        all_of_it = list(targets(dashboard))
        without = list(answers.without_data(dashboard))
        say(f"{name}: {len(all_of_it) - len(without)} of {len(all_of_it)} queries have data")
        for title, expr in without:
            say(f"    none: {title}: {expr}")
        missing += len(without)
    return missing


def draw(prometheus, answers, dashboards):
    console = Console(answers, answers.replaced)
    stretch = {"duration": answers.end - answers.start, "endTime": answers.end}
    for name, (dashboard, rows) in DRAWN.items():
        page, size = console.page(dashboards[dashboard], rows)
        (prometheus.consoles / f"{name}.html").write_text(page)
        address = f"{prometheus.url}/consoles/{name}.html#pctc"
        picture.take(
            address + urllib.parse.quote(json.dumps(stretch)), PICTURES / f"{name}.png", *size
        )
        say(f"drawn: docs/pictures/{name}.png, {size[0]} × {size[1]}")


def type_commands():
    """Type the runbook's commands; return how many blocks of them failed."""
    count, failures = runbook.failing()
    say(f"docs/operate.md: {count - len(failures)} of {count} blocks of commands ran")
    for section, text, why in failures:
        say(f"    {section}:\n{text}    {why[:500]}")
    return len(failures)


def fire(api, prometheus):
    """Take the servers away: each has an alert that fires, and ends when they are back."""
    prometheus.wait_alert(LOST, "firing", 600)
    say(f"{LOST} fires, for pods that the load has lost")
    found = deployments(api)
    faults = {part: alert for part, alert in FAULTS.items() if part in found}
    began = time.time()
    for part, alert in faults.items():
        scale(api, found[part], 0)
        say(f"{part}: scaled to 0")
    for alert in faults.values():
        prometheus.wait_alert(alert, "firing", 1200)
        say(f"{alert} fires {time.time() - began:.0f} s after")
    picture.take(f"{prometheus.url}/classic/alerts", PICTURES / "alerts.png", 1200, 900)
    for part, alert in faults.items():
        scale(api, found[part], 2)
    for alert in faults.values():
        prometheus.wait_alert(alert, None, 300)
        say(f"{alert} has ended")
    time.sleep(20)
    query = {
        "g0.expr": "count by (alertname, alertstate) (ALERTS)",
        "g0.tab": 0,
        "g0.stacked": 1,
        "g0.range_input": f"{int((time.time() - began) / 60) + 4}m",
    }
    address = f"{prometheus.url}/graph?{urllib.parse.urlencode(query)}"
    picture.take(address, PICTURES / "alert-fired.png", 1200, 940)


def main(arguments):
    if not OWN:
        raise SystemExit("the pods of this cluster cannot be reached; unset KUBECONFIG")
    minutes = float(arguments[0]) if arguments else 6
    api = Api()
    PICTURES.mkdir(exist_ok=True)
    dashboards = {
        path.stem: json.loads(path.read_text()) for path in (FILES / "dashboards").iterdir()
    }

    def find_targets():
        return targets_of(api.list("Pod", SYSTEM, labels="app.kubernetes.io/name=taskgroup"))

    done = install.helm(
        "upgrade", "taskgroup", install.CHART, "--wait", *install.SETTINGS, "--set", INSTALLED
    )
    if done.returncode:
        install.explain(done)
    with (
        tempfile.TemporaryDirectory() as folder,
        Prometheus(folder, FILES / "rules" / "taskgroup.rules.yaml", find_targets) as prometheus,
    ):
        start, end = run_load(api, minutes)
        answers = Answers(prometheus, start, end)
        draw(prometheus, answers, dashboards)
        wrong = type_commands()
        fire(api, prometheus)
        # Alerts that fired are data too.
        missing = check(Answers(prometheus, start, time.time()), dashboards)
    return 1 if missing or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
