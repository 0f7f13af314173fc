#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The webhook's program against an API server of a few lines: certificates, attacks, its end.

  webhook_test.py             as `make test` does: no figure is asserted, attacks are short
  webhook_test.py --figures   rate, times and memory under each attack for some seconds
"""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import load
from fake_api import CONFIGURATION, LEASES, SECRET, FakeApi

PROGRAM = Path(os.environ.get("TASKGROUP_BIN", "build/release/bin")) / "taskgroup-webhook"
PATIENCE = 60  # seconds; for what is never expected to take one


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)
    return found


class Webhook:
    """One replica."""

    def __init__(self, api, name="one", *flags):
        self.port, self.admin = free_port(), free_port()
        self.address = ("127.0.0.1", self.port)
        self.folder = tempfile.TemporaryDirectory()
        config = Path(self.folder.name) / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": api.url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "system"}}],
            "users": [{"name": "u", "user": {}}]}))
        self.log = open(Path(self.folder.name) / "log", "w+")  # closed in end()
        self.process = subprocess.Popen(
            [PROGRAM, f"--port={self.port}", f"--admin-port={self.admin}", "--secret-name=certificate",
             "--namespace=system", f"--kubeconfig={config}", *flags],
            stdout=self.log, stderr=self.log, env={**os.environ, "POD_NAME": name})

    def page(self, path):
        """Return status and text of a page of the admin port; 0: it does not listen yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self):
        wait_for(lambda: self.page("/readyz")[0] == 200, "ready")

    def figure(self, name):
        """Return the sum of a metric's series."""
        lines = self.page("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines
                   if line.split("{")[0].split(" ")[0] == name)

    def resident(self):
        """Return resident memory in MiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0

    def lines(self):
        self.log.flush()
        return [json.loads(line) for line in Path(self.log.name).read_text().splitlines()]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


MANAGE = ("--manage-certificates", "--service-name=webhook", "--webhook-configuration=taskgroup",
          "--lease-name=webhook", "--shutdown-delay=0")


class WebhookTest(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)

    def start(self, name="one", *flags):
        webhook = Webhook(self.api, name, *(flags or MANAGE))
        self.addCleanup(webhook.end)
        return webhook

    def started(self):
        webhook = self.start()
        webhook.wait_ready()
        return webhook

    def ask(self, webhook, body=load.BODY):
        """Return the answer that the API server would get."""
        client = load.Client(webhook.address, load.context_for(self.api.bundle()))
        with contextlib.closing(client):
            status, _, body = client.post(body)
        self.assertEqual(status, 200, body)
        return json.loads(body)["response"]

    def test_fills_the_secret_serves_and_ends(self):
        webhook = self.start()
        webhook.wait_ready()
        answer = self.ask(webhook)
        self.assertTrue(answer["allowed"], answer)
        self.assertEqual(answer["uid"], load.REVIEW["request"]["uid"])
        self.assertEqual(webhook.page("/livez")[0], 200)
        self.assertEqual(webhook.figure("taskgroup_webhook_reviews_total"), 1)
        self.assertEqual(webhook.figure("leader_election_master_status"), 1)
        self.assertGreater(webhook.figure("taskgroup_webhook_certificate_expiry_timestamp_seconds"),
                           time.time() + 6 * 86400)
        self.assertEqual(self.api.get(f"{LEASES}/webhook")["spec"]["holderIdentity"], "one")
        webhook.process.send_signal(signal.SIGTERM)
        self.assertEqual(webhook.process.wait(PATIENCE), 0)
        self.assertFalse(self.api.get(f"{LEASES}/webhook")["spec"].get("holderIdentity"))
        self.assertEqual(self.api.refused, [])
        for line in webhook.lines():
            self.assertNotIn("PRIVATE KEY", json.dumps(line))

    def test_denies_with_all_errors(self):
        webhook = self.started()
        review = json.loads(load.BODY)
        tasks = review["request"]["object"]["spec"]["tasks"]
        tasks[1]["runAfter"] = ["task-9"]
        tasks[2]["name"] = "task-0"
        answer = self.ask(webhook, json.dumps(review).encode())
        self.assertFalse(answer["allowed"])
        self.assertEqual((answer["status"]["code"], answer["status"]["reason"]), (422, "Invalid"))
        self.assertIn("spec.tasks[1].runAfter", answer["status"]["message"])
        self.assertIn("spec.tasks[2].name", answer["status"]["message"])

    def test_reads_a_secret_that_others_fill(self):
        """As with cert-manager: no Lease, no write, and what is damaged is not taken."""
        first = self.started()
        second = self.start("two", "--shutdown-delay=0")
        second.wait_ready()
        self.assertTrue(self.ask(second)["allowed"])
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(PATIENCE)
        before = self.api.get(SECRET)
        self.api.change_data(tls_crt="garbage")
        wait_for(lambda: second.figure("taskgroup_webhook_certificate_reloads_total") == 2, "an error")
        self.assertTrue(self.ask(second)["allowed"])
        self.assertEqual(second.page("/readyz")[0], 200)
        self.api.put(SECRET, {**before, "data": before["data"]})
        wait_for(lambda: second.figure("taskgroup_webhook_certificate_reloads_total") == 3, "a reload")
        self.assertTrue(self.ask(second)["allowed"])
        self.assertEqual(self.api.refused, [])

    def test_waits_for_a_certificate(self):
        webhook = self.start("one", "--shutdown-delay=0")
        wait_for(lambda: webhook.page("/livez")[0] == 200, "live")
        status, why = webhook.page("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("certificate", why)
        with self.assertRaises((OSError, load.Gone)):
            load.started(webhook.address)
        wait_for(lambda: webhook.figure("taskgroup_webhook_refused_connections_total") == 1, "told")

    def test_rotates_under_load_with_no_failed_request(self):
        """The certificate, then its authority too, are made anew with two replicas."""
        flags = (*MANAGE, "--certificate-lifetime=60")  # waits are shorter with it
        replicas = [self.start(name, *flags) for name in ("one", "two")]
        for replica in replicas:
            replica.wait_ready()
        with contextlib.ExitStack() as stack:
            loads = [stack.enter_context(load.Load(lambda at=replica.address: at, self.api.bundle,
                                                   rate=100)) for replica in replicas]
            for lost in ("tls_key", "ca_key", "tls_key", "ca_key"):
                before = self.api.value("tls.crt")
                asked = [one.count() for one in loads]
                self.api.change_data(**{lost: None})
                for replica in replicas:
                    wait_for(lambda: self.served(replica) not in ("", before)
                             and self.served(replica) == self.api.value("tls.crt"), "a reload")
                wait_for(lambda: all(one.count() > count + 20 for one, count in zip(loads, asked)),
                         "requests")
        self.assertEqual([failure for one in loads for failure in one.failures], [])

    def served(self, replica):
        """Return the certificate that is served, as PEM."""
        with contextlib.closing(load.started(replica.address)) as client:
            return ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(binary_form=True))

    def test_answers_under_every_attack(self):
        webhook = self.started()
        for name, attack in attacks(webhook.address).items():
            with self.subTest(name), attack:
                for _ in range(20):
                    self.assertTrue(self.ask(webhook)["allowed"])
        self.assertEqual(webhook.page("/livez")[0], 200)

    def test_ends_without_a_failed_request(self):
        """Clients that are told to go elsewhere do; who is in the middle is answered."""
        leaving, staying = self.start("leaving", *MANAGE[:-1], "--shutdown-delay=1"), self.start("staying")
        leaving.wait_ready()
        staying.wait_ready()
        address = [leaving.address]  # as the Service has it, without a pod that is not ready
        with load.Load(lambda: address[0], self.api.bundle, rate=200, new_each=10_000) as clients:
            wait_for(lambda: clients.count() > 50, "requests")
            leaving.process.send_signal(signal.SIGTERM)
            wait_for(lambda: leaving.page("/readyz")[0] == 503, "not ready")
            address[0] = staying.address
            self.assertEqual(leaving.process.wait(PATIENCE), 0)
            asked = clients.count()
            wait_for(lambda: clients.count() > asked + 50, "requests")
        self.assertEqual(clients.failures, [])

    def test_refuses_flags_that_do_not_fit(self):
        for flags in (["--manage-certificates"], ["--log-level=loud"], ["--port=0"], []):
            arguments = ["--secret-name=x", *flags] if flags else []
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("--", done.stderr + done.stdout)


def attacks(address, silent_clients=1000):
    return {
        "nothing": contextlib.nullcontext(),
        "64 silent clients": load.silent(address, 64),
        f"{silent_clients} silent clients": load.silent(address, silent_clients),
        "2,000 silent clients, more than fit": load.silent(address, 2000),
        "64 MB bodies": load.repeated(lambda: load.huge_body(address)),
        "64 MB in chunks": load.repeated(lambda: load.chunked_body(address)),
        "200,000 headers": load.repeated(lambda: load.many_headers(address)),
        "garbage instead of TLS": load.repeated(lambda: load.garbage(address)),
        "100 slow bodies of 3 MiB": load.slow_bodies(address, 100),
        "bodies that are costly to read": load.repeated(lambda: load.hostile_json(address), 2),
    }


def figures(seconds=5.0):
    """Print what an ordinary client sees and what the program takes under each attack, then under
    renewals each few seconds."""
    api = FakeApi()
    webhook = Webhook(api, "one", *MANAGE)
    try:
        webhook.wait_ready()
        print(f"{'attack':<38} {'of 100/s':<62} resident")
        for name, attack in attacks(webhook.address).items():
            most = 0.0
            with load.elsewhere(attack):
                time.sleep(1)
                with load.Load(lambda: webhook.address, api.bundle, rate=100, threads=4) as clients:
                    end = time.monotonic() + seconds
                    while time.monotonic() < end:
                        most = max(most, webhook.resident())
                        time.sleep(0.05)
            print(f"{name:<38} {clients.summary():<62} {most:.0f} MiB", flush=True)
            for failure in sorted(set(clients.failures))[:3]:
                print(f"    {failure}")
    finally:
        webhook.end()
        api.close()
    api = FakeApi()
    webhook = Webhook(api, "one", *MANAGE, "--certificate-lifetime=12", "--authority-lifetime=36")
    try:
        webhook.wait_ready()
        with load.Load(lambda: webhook.address, api.bundle, rate=200) as clients:
            time.sleep(60)
        reloads = webhook.figure("taskgroup_webhook_certificate_reloads_total")
        print(f"{f'{reloads:.0f} certificates in a minute':<38} {clients.summary()}")
        for failure in sorted(set(clients.failures))[:3]:
            print(f"    {failure}")
    finally:
        webhook.end()
        api.close()


if __name__ == "__main__":
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    if sys.argv[1:] == ["--figures"]:
        figures()
    else:
        unittest.main(verbosity=2)
