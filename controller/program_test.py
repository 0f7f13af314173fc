#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The controller's program on its admin port, beside an API server that has nothing.

Looks at what a kubelet and a Prometheus get: probes, and metrics that promtool has nothing to say
against (where there is a promtool).
"""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

PROGRAM = pathlib.Path(os.environ["TASKGROUP_BIN"]) / "taskgroup-controller"
PROMTOOL = os.environ.get("PROMTOOL", "")
PATIENCE = 60


class EmptyApi(http.server.BaseHTTPRequestHandler):
    """Takes a Lease, lists nothing, and never has news for a watch."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if "/leases/" in self.path:
            lease = self.server.lease
            return self.answer(200 if lease else 404, lease or {"kind": "Status", "code": 404})
        if "watch=true" not in self.path:
            return self.answer(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.server.over.wait()
        self.close_connection = True

    def do_POST(self):
        self.server.lease = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.lease["metadata"]["resourceVersion"] = "1"
        self.answer(201, self.server.lease)

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class ApiServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    lease = None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), EmptyApi)
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.api = ApiServer()
        self.addCleanup(self.api.server_close)
        self.addCleanup(self.api.shutdown)
        self.addCleanup(self.api.over.set)
        config = pathlib.Path(self.folder.name) / "config"
        address = f"http://127.0.0.1:{self.api.server_address[1]}"
        config.write_text(
            f"apiVersion: v1\nkind: Config\ncurrent-context: c\n"
            f"clusters: [{{name: k, cluster: {{server: '{address}'}}}}]\n"
            f"contexts: [{{name: c, context: {{cluster: k, user: u, namespace: n}}}}]\n"
            f"users: [{{name: u, user: {{token: t}}}}]\n"
        )
        self.port = free_port()
        self.log = pathlib.Path(self.folder.name) / "log"
        log = self.log.open("w")
        self.addCleanup(log.close)
        self.program = subprocess.Popen(
            [PROGRAM, "--agent-image=i@sha256:0", f"--kubeconfig={config}"]
            + [f"--admin-port={self.port}", "--lease-name=ours"],
            stderr=log,
        )
        self.addCleanup(self.end)

    def end(self):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def wait_for(self, path, text):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.assertIsNone(self.program.poll(), self.log.read_text())
            try:
                found = self.get(path)
                if text in found[1]:
                    return found
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.05)
        self.fail(f"{path} never had {text!r}: {self.log.read_text()}")

    def test_probes_and_metrics(self):
        self.wait_for("/livez", "ok")
        self.wait_for("/metrics", 'leader_election_master_status{name="ours"} 1\n')
        self.wait_for("/readyz", "ok")
        kind, text = self.wait_for("/metrics", 'rest_client_requests_total{code="200",method="GET"}')
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        for series in (
            "taskgroup_build_info{",
            "taskgroup_runs_active 0\n",
            "process_resident_memory_bytes ",
            'controller_runtime_max_concurrent_reconciles{controller="customrun"} 8\n',
            'rest_client_requests_total{code="201",method="POST"} 1\n',
        ):
            self.assertIn("\n" + series, text)
        if PROMTOOL:
            checked = subprocess.run(
                [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True
            )
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

        self.program.send_signal(signal.SIGTERM)
        self.api.over.set()
        self.assertEqual(self.program.wait(PATIENCE), 0, self.log.read_text())
        self.assertEqual(self.api.lease["spec"]["holderIdentity"], "", "it gives the Lease back")

    def test_each_line_of_the_log_is_an_object(self):
        self.wait_for("/metrics", 'leader_election_master_status{name="ours"} 1\n')
        self.program.send_signal(signal.SIGTERM)
        self.api.over.set()
        self.program.wait(PATIENCE)
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        self.assertIn("Leading", [line["msg"] for line in lines])
        for line in lines:
            self.assertEqual(list(line)[:3], ["time", "level", "msg"])


if __name__ == "__main__":
    unittest.main()
