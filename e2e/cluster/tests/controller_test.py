# SPDX-License-Identifier: Apache-2.0
"""The controller itself: killed at any time, quiet when there is nothing to do, its rights."""

import os
import signal
import time

from harness import ClusterTest, OwnCluster, SYSTEM, alone, group, own_cluster, task

USER = "system:serviceaccount:taskgroup-system:taskgroup"
SELECTOR = "app.kubernetes.io/component=controller"


@own_cluster
@alone
class Controller(ClusterTest):
    def kill(self):
        """Kill the controller's process; kubelet starts it again."""
        for pod in self.api.list("Pod", SYSTEM, labels=SELECTOR):
            for pid in OwnCluster().processes_of(pod, pod["spec"]["containers"][0]["name"]):
                os.kill(pid, signal.SIGKILL)

    def five_tasks(self, script="sleep 1"):
        return group(
            task("clone", script),
            task("lint", script, runAfter=["clone"]),
            task(
                "test",
                f"{script}; printf ok > $(results.r.path)",
                runAfter=["clone"],
                results=["r"],
            ),
            task("build", script, runAfter=["clone"]),
            task("image", script, runAfter=["lint", "test", "build"]),
            results=[{"name": "r", "value": "$(tasks.test.results.r)"}],
        )

    def assert_ended_as_ever(self, run):
        self.assert_succeeded(run.wait())
        self.assertEqual(run.results, {"r": "ok"})
        self.assertEqual(len(run.pods()), 1)

    def test_killed_at_once(self):
        run = self.start(self.five_tasks())
        run.wait_answered()
        self.kill()
        self.assert_ended_as_ever(run)

    def test_killed_before_there_is_a_pod(self):
        quota = (
            "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: 0}}}"
        )
        self.apply(quota)
        runs = [self.start(self.five_tasks("true"))]
        if self.api.find("CustomResourceDefinition", "runs.tekton.dev"):
            runs.append(self.start_legacy(self.five_tasks("true")))
        for run in runs:
            run.wait_until(lambda run: run.reason == "ExceededResourceQuota", "over quota")
        self.kill()
        self.api.delete("ResourceQuota", "q", self.namespace)
        for run in runs:
            self.assert_ended_as_ever(run)

    def test_killed_while_tasks_run(self):
        run = self.start(self.five_tasks("sleep 3"))
        run.wait_running("coordinator")
        self.kill()
        self.assert_ended_as_ever(run)

    def test_killed_while_the_group_ends(self):
        run = self.start(self.five_tasks())
        run.wait_task("image", "Running", "Succeeded")
        self.kill()
        self.assert_ended_as_ever(run)

    def test_no_writes_in_a_quiet_minute(self):
        self.assert_succeeded(self.start(self.five_tasks()).wait())
        time.sleep(12)  # after the group's end its pod is looked at for 10 s
        begin = len(self.writes_of_controller())
        time.sleep(60)
        self.assertEqual(self.writes_of_controller()[begin:], [])

    @staticmethod
    def writes_of_controller():
        verbs = {"create", "update", "patch", "delete", "deletecollection"}
        return [
            (entry["verb"], entry["objectRef"]["resource"])
            for entry in OwnCluster().audit(user=USER, verbs=verbs)
            if entry["objectRef"]["resource"] != "leases"
        ]

    def test_writes_of_a_run_of_five_tasks(self):
        run = self.start(self.five_tasks("true")).wait()
        self.assert_ended_as_ever(run)
        run.wait_pod(lambda pod: pod["status"]["phase"] == "Succeeded", "Succeeded")
        writes = [
            f"{entry['verb']} {entry['objectRef']['resource']}"
            f"/{entry['objectRef'].get('subresource', '')} {entry['user']['username']}"
            for entry in OwnCluster().writes(self.namespace)
            if entry["objectRef"]["resource"] in ("pods", "customruns")
        ]
        self.assertLessEqual(len(writes), 12, "\n".join(writes))


@own_cluster
@alone
class ZRights(ClusterTest):
    """Runs last: over all that controller and webhook have done for the other tests."""

    ACCOUNTS = ("taskgroup", "taskgroup-webhook")

    def calls(self, account):
        return OwnCluster().audit(user=f"system:serviceaccount:{SYSTEM}:{account}")

    def test_no_call_was_forbidden(self):
        # A quota's 403, or that of a namespace that goes, is no matter of rights.
        decision = "authorization.k8s.io/decision"
        for account in self.ACCOUNTS:
            forbidden = {
                (entry["verb"], entry["requestURI"])
                for entry in self.calls(account)
                if entry.get("annotations", {}).get(decision) == "forbid"
            }
            self.assertEqual(forbidden, set(), account)

    def test_no_right_is_unused(self):
        self.end_watches_of_the_webhook()
        for account in self.ACCOUNTS:
            used = set()
            for entry in self.calls(account):
                what = entry.get("objectRef")
                if what:
                    resource = "/".join(filter(None, [what["resource"], what.get("subresource")]))
                    used.add((what.get("apiGroup", ""), resource, entry["verb"]))
            unused = set(self.granted(account)) - used
            # The API server asks for these when an owner is named that blocks deletion; nobody calls.
            unused -= {
                ("tekton.dev", f"{kind}s/finalizers", "update") for kind in ("customrun", "run")
            }
            self.assertEqual(unused, set(), account)

    def end_watches_of_the_webhook(self):
        """A watch is in the audit log when it has ended; the controller's end whenever it is killed."""
        for pod in self.api.list("Pod", SYSTEM, labels="app.kubernetes.io/component=webhook"):
            self.api.delete("Pod", pod["metadata"]["name"], SYSTEM)
            for kind, _ in self.api.watch("Pod", SYSTEM, pod["metadata"]["name"]):
                if kind == "DELETED":
                    break
        for _, found in self.api.watch("Deployment", SYSTEM, "taskgroup-webhook"):
            if found["status"].get("readyReplicas") == found["spec"]["replicas"]:
                break

    def granted(self, account):
        for role in self.roles(account):
            for rule in role.get("rules") or []:
                for group_ in rule.get("apiGroups", []):
                    for resource in rule.get("resources", []):
                        for verb in rule["verbs"]:
                            yield group_, resource, verb

    def roles(self, account):
        path = "/apis/rbac.authorization.k8s.io/v1"
        for url in (f"{path}/clusterrolebindings", f"{path}/rolebindings"):
            for binding in self.api.request("GET", url)["items"]:
                if any(
                    (subject["kind"], subject["name"], subject.get("namespace"))
                    == ("ServiceAccount", account, SYSTEM)
                    for subject in binding.get("subjects") or []
                ):
                    reference = binding["roleRef"]
                    where = f"{path}/clusterroles"
                    if reference["kind"] == "Role":
                        where = f"{path}/namespaces/{binding['metadata']['namespace']}/roles"
                    yield self.api.request("GET", f"{where}/{reference['name']}")
