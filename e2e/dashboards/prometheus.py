# SPDX-License-Identifier: Apache-2.0
"""A Prometheus of Debian's for the time of a test: scrapes, evaluates the chart's rules, draws."""

import json
import pathlib
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

INTERVAL = 2  # seconds between scrapes; a load of minutes shall show what hours show otherwise
PORT = 9090
RULES = "taskgroup.rules.yaml"


class Prometheus:
    """Listens on the loopback address. Use as a context manager.

    `find_targets()` returns (address, labels) of what is to be scraped, and is asked every second:
    Debian's build has no discovery of Kubernetes'."""

    def __init__(self, folder, rules, find_targets):
        self.folder = pathlib.Path(folder)
        self.consoles = self.folder / "consoles"
        self.url = f"http://127.0.0.1:{PORT}"
        self._find_targets = find_targets
        self._rules = rules
        self._stop = threading.Event()

    def __enter__(self):
        self.consoles.mkdir(parents=True)
        (self.folder / "libraries").mkdir()
        self._write_targets()
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(self._configuration()))
        shutil.copy(self._rules, self.folder / RULES)
        self._log = open(self.folder / "prometheus.log", "wb")
        self._process = subprocess.Popen(
            [
                "prometheus",
                "--config.file=prometheus.yml",  # its pages show the paths as they are given
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{PORT}",
                f"--web.console.templates={self.consoles}",
                f"--web.console.libraries={self.folder / 'libraries'}",
            ],
            cwd=self.folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._thread = threading.Thread(target=self._follow_targets)
        self._thread.start()
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _configuration(self):
        return {
            "global": {
                "scrape_interval": f"{INTERVAL}s",
                "scrape_timeout": f"{INTERVAL}s",
                "evaluation_interval": f"{INTERVAL}s",
            },
            "rule_files": [RULES],
            "scrape_configs": [
                {
                    "job_name": "pods",
                    "file_sd_configs": [
                        {"files": ["targets.json"], "refresh_interval": "1s"}
                    ],
                }
            ],
        }

    def _write_targets(self):
        found = [
            {"targets": [address], "labels": labels} for address, labels in self._find_targets()
        ]
        new = self.folder / "targets.new"
        new.write_text(json.dumps(found))
        new.rename(self.folder / "targets.json")

    def _follow_targets(self):
        while not self._stop.wait(1):
            try:
                self._write_targets()
            except OSError:
                pass  # the API server is busy; those of a second ago will do

    def _wait_ready(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError):
                if self._process.poll() is not None:
                    break
                time.sleep(0.2)
        raise SystemExit((self.folder / "prometheus.log").read_text()[-3000:])

    # --- Asking ---

    def _get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expr, at=None):
        """The series of an instant query: (labels, value)."""
        found = self._get("query", query=expr, time=at or time.time())
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def query_range(self, expr, start, end, step):
        """The series of a range query: (labels, values)."""
        found = self._get("query_range", query=expr, start=start, end=end, step=step)
        return [
            (one["metric"], [float(value) for _, value in one["values"]])
            for one in found["result"]
        ]

    def alerts(self):
        """Name of each alert that is pending or fires: its state."""
        return {one["labels"]["alertname"]: one["state"] for one in self._get("alerts")["alerts"]}

    def wait_alert(self, name, state, seconds):
        """Wait until an alert is in this state (None: neither pending nor firing)."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.alerts().get(name) == state:
                return
            time.sleep(1)
        raise RuntimeError(f"{name} is not {state} after {seconds} s: {self.alerts()}")


def targets_of(pods):
    """(address, labels) of the pods' metrics ports, labelled as a PodMonitor's targets are."""
    for pod in pods:
        address = pod.get("status", {}).get("podIP")
        if not address or pod["metadata"].get("deletionTimestamp"):
            continue
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                if port.get("name") in ("admin", "metrics"):
                    yield (
                        f"{address}:{port['containerPort']}",
                        {
                            "job": f"taskgroup-{container['name']}",
                            "namespace": pod["metadata"]["namespace"],
                            "pod": pod["metadata"]["name"],
                            "container": container["name"],
                        },
                    )
