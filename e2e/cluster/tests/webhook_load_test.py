# SPDX-License-Identifier: Apache-2.0
"""The webhook while it is used: certificates renewed, its pod replaced, attacked. The API server asks it
for each TaskGroup (failurePolicy Fail), so a request that it drops is one that an author sees.
"""

import base64
import json
import sys
import threading
import time
import urllib.request

from harness import ROOT, SYSTEM, Api, ApiError, ClusterTest, alone, group, own_cluster, task

sys.path.insert(0, str(ROOT / "e2e" / "webhook"))
import load  # noqa: E402
from webhook_test import attacks  # noqa: E402

WEBHOOK = "taskgroup-webhook"
SECRET = "taskgroup-webhook-certificate"
CONFIGURATION = "taskgroup-system-taskgroup"
NAME = f"{WEBHOOK}.{SYSTEM}.svc"
PODS = "app.kubernetes.io/component=webhook"
RATE = 200  # reviews a second, asked of the webhook itself
AUTHORS = 50  # and by way of the API server, which takes more of the machine than they do


def figure(text):
    """Print one of the figures that this shows."""
    print(f"    {text}", flush=True)


class Authors:
    """TaskGroups that are created by dry run at a rate, and what the API server answers."""

    def __init__(self, namespace, rate=AUTHORS, threads=4):
        self.body = {
            "apiVersion": "taskgroup.dev/v1alpha1",
            "kind": "TaskGroup",
            "metadata": {"generateName": "g-", "namespace": namespace},
            "spec": group(task("a", "true"), task("b", "true", runAfter=["a"])),
        }
        self.rate, self.failures, self.seconds = rate, [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i, threads)) for i in range(threads)]

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.took = time.monotonic() - self.began

    def run(self, index, threads):
        api = Api()
        path = api.path("TaskGroup", self.body["metadata"]["namespace"], dryRun="All")
        period = threads / self.rate
        due = time.monotonic() + period * index / threads
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + period, time.monotonic() - 1)  # a second is caught up at most
            began = time.monotonic()
            try:
                api.request("POST", path, self.body)
                self.seconds.append(time.monotonic() - began)
            except (ApiError, OSError) as error:
                self.failures.append(f"{error}")

    def wait(self, count):
        """Wait until so many more were answered."""
        target = len(self.seconds) + len(self.failures) + count
        while len(self.seconds) + len(self.failures) < target:
            time.sleep(0.05)

    def summary(self):
        return (f"{len(self.seconds)} at {len(self.seconds) / self.took:.0f}/s, "
                f"{len(self.failures)} failed; {load.quantiles(self.seconds)}")


@own_cluster
@alone
class WebhookUnderLoad(ClusterTest):
    def value(self, key):
        data = self.api.get("Secret", SECRET, SYSTEM).get("data") or {}
        return base64.b64decode(data.get(key, "")).decode()

    def pods(self):
        return [pod for pod in self.api.list("Pod", SYSTEM, labels=PODS)
                if not pod["metadata"].get("deletionTimestamp")]

    def pod(self):
        pods = self.pods()
        self.assertEqual(len(pods), 1, [pod["metadata"]["name"] for pod in pods])
        return pods[0]

    def served(self):
        """Return the certificate that the pod serves, as PEM."""
        client = load.started((self.pod()["status"]["podIP"], 8443))
        try:
            return load.ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(binary_form=True))
        finally:
            client.close()

    def metric(self, name):
        url = f"http://{self.pod()['status']['podIP']}:8080/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines
                   if line.split("{")[0].split(" ")[0] == name)

    def wait_until(self, condition, what, deadline=120):
        end = time.monotonic() + deadline
        while not condition():
            if time.monotonic() > end:
                self.fail(f"not within {deadline} s: {what}")
            time.sleep(0.2)

    def bundle(self):
        configuration = self.api.get("ValidatingWebhookConfiguration", CONFIGURATION)
        return base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]).decode()

    def test_certificates_are_renewed_under_load_with_no_failed_request(self):
        address = (self.pod()["status"]["podIP"], 8443)
        bundles = [self.bundle()]
        direct = load.Load(lambda: address, lambda: bundles[0], RATE, name=NAME)
        with Authors(self.namespace) as authors, direct:
            began = time.monotonic()
            authors.wait(200)
            for key, what in (("tls.key", "certificate"), ("ca.key", "authority and certificate")):
                before, lost = self.value("tls.crt"), time.monotonic()
                self.api.patch("Secret", SECRET, {"data": {key: None}}, SYSTEM)

                def is_served(before=before):
                    bundles[0] = self.bundle()  # as an API server's copy, a moment late
                    return self.served() != before

                self.wait_until(is_served, f"another {what} is served")
                figure(f"{what} renewed and served after {time.monotonic() - lost:.1f} s")
                authors.wait(200)
            rate = direct.count() / (time.monotonic() - began)
        figure(f"by way of the API server: {authors.summary()}")
        figure(f"by the webhook itself: {rate:.0f}/s: {direct.summary()}")
        self.assertEqual(authors.failures[:3] + direct.failures[:3], [])

    def test_its_pod_is_replaced_under_load_with_no_failed_request(self):
        with Authors(self.namespace) as authors:
            authors.wait(200)
            old = self.pod()["metadata"]["uid"]
            self.api.patch(
                "Deployment", WEBHOOK,
                {"spec": {"template": {"metadata": {"annotations": {"test": str(time.time())}}}}},
                SYSTEM)
            self.wait_until(lambda: old not in [pod["metadata"]["uid"]
                                                for pod in self.api.list("Pod", SYSTEM, labels=PODS)],
                            "the old pod is gone")
            authors.wait(200)
        figure(f"reviews while its pod was replaced: {authors.summary()}")
        self.assertEqual(authors.failures[:3], [])

    def test_authors_are_answered_under_every_attack(self):
        address = (self.pod()["status"]["podIP"], 8443)
        for name, attack in attacks(address).items():
            with self.subTest(name):
                with load.elsewhere(attack), Authors(self.namespace, rate=20, threads=2) as authors:
                    authors.wait(60)
                    resident = self.metric("process_resident_memory_bytes") / 2**20
                figure(f"{name:<38} {authors.summary()}; {resident:.0f} MiB")
                self.assertEqual(authors.failures[:3], [])
        self.assertEqual(self.pod()["status"]["containerStatuses"][0]["restartCount"], 0)

    def test_a_bundle_that_was_lost_comes_back(self):
        configuration = self.api.get("ValidatingWebhookConfiguration", CONFIGURATION)
        patch = [{"op": "remove", "path": f"/webhooks/{i}/clientConfig/caBundle"}
                 for i in range(len(configuration["webhooks"]))]
        before = json.dumps([one["clientConfig"] for one in configuration["webhooks"]])
        began = time.monotonic()
        self.api.patch("ValidatingWebhookConfiguration", CONFIGURATION, patch)

        def is_back():
            found = self.api.get("ValidatingWebhookConfiguration", CONFIGURATION)
            return json.dumps([one["clientConfig"] for one in found["webhooks"]]) == before

        self.wait_until(is_back, "the bundle is back")
        figure(f"a lost bundle was back after {time.monotonic() - began:.1f} s")
