# SPDX-License-Identifier: Apache-2.0
"""The installation itself, by helm and nothing else: upgraded under load, its leader lost, removed.

Each of these tests changes the release that all others use, and puts it back.
"""

import os
import re
import signal
import subprocess
import time

import install
from harness import (SYSTEM, ApiError, ClusterTest, OwnCluster, alone, group, own_cluster, task)

RELEASE = "taskgroup"
CONTROLLER = "taskgroup-controller"
WEBHOOK = "taskgroup-webhook"
CONFIGURATION = "taskgroup-system-taskgroup"
CONTROLLERS = "app.kubernetes.io/component=controller"
GROUPS = 50
# What Kubernetes itself puts into every namespace, and adds to every definition.
KUBERNETES_OWN = {"configmap/kube-root-ca.crt", "serviceaccount/default",
                  "apiservice.apiregistration.k8s.io/v1alpha1.taskgroup.dev"}
# What docs/install.md says is left.
LEFT = {"lease.coordination.k8s.io/taskgroup-controller",
        "lease.coordination.k8s.io/taskgroup-webhook",
        "customresourcedefinition.apiextensions.k8s.io/taskgroups.taskgroup.dev"}


def helm(*arguments):
    done = install.helm(*arguments)
    if done.returncode:
        raise AssertionError(f"helm {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def upgrade(*settings):
    """Install the chart with the settings of all tests and these."""
    helm("upgrade", "--install", RELEASE, install.CHART, "--wait", "--timeout", "120s",
         *install.SETTINGS, *(part for one in settings for part in ("--set", one)))


def kubectl_names(*arguments):
    done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def figure(text):
    """Print one of the figures that this shows."""
    print(f"    {text}", flush=True)


@own_cluster
@alone
class Installation(ClusterTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.put_back)

    def put_back(self):
        upgrade()
        self.wait_replicas(1)

    def controllers(self):
        return self.api.list("Pod", SYSTEM, labels=CONTROLLERS)

    def wait_replicas(self, count):
        """Wait until there are so many controllers, one webhook, and none that is about to go."""
        for name, wanted in ((CONTROLLER, count), (WEBHOOK, 1)):
            for _, found in self.api.watch("Deployment", SYSTEM, name):
                status = found.get("status", {})
                if (status.get("observedGeneration") == found["metadata"]["generation"]
                        and status.get("readyReplicas") == wanted == status.get("replicas")):
                    break
        for _ in self.api.watch("Pod", SYSTEM):
            if len(self.api.list("Pod", SYSTEM)) == count + 1:
                return
        self.fail(f"there are not {count} controllers: {self.controllers()}")

    def leader(self):
        return self.api.get("Lease", CONTROLLER, SYSTEM)["spec"].get("holderIdentity", "")

    def wait_another_leader(self, before):
        for _, lease in self.api.watch("Lease", SYSTEM, CONTROLLER):
            if lease.get("spec", {}).get("holderIdentity") not in ("", None, before):
                return lease["spec"]["holderIdentity"]
        self.fail("nobody took over")

    def two_tasks(self, seconds):
        return group(
            task("first", f"sleep {seconds}; printf ok > $(results.r.path)", results=["r"]),
            task("second", "test $(tasks.first.results.r) = ok", runAfter=["first"]),
            results=[{"name": "r", "value": "$(tasks.first.results.r)"}],
        )

    def assert_each_ran_once(self, runs):
        """Each succeeded in its one pod, and no other was ever made."""
        for run in runs:
            self.assert_succeeded(run)
            self.assertEqual(run.results, {"r": "ok"})
            self.assertEqual(run.states, {"first": "Succeeded", "second": "Succeeded"})
            self.assertEqual(run.status.get("retriesStatus") or [], [])
        made = [entry["objectRef"]["name"] for entry in OwnCluster().audit(self.namespace, verbs={"create"})
                if entry["objectRef"]["resource"] == "pods" and "subresource" not in entry["objectRef"]
                and entry["responseStatus"]["code"] < 300]
        self.assertEqual(len(made), len(runs), made)

    def test_what_the_notes_tell_to_type_runs(self):
        notes = helm("get", "notes", RELEASE)
        typed = notes.split("<<'END'\n")[1].split("  END\n")[0]
        run = self.follow(self.apply(typed))
        self.assert_succeeded(run.wait())
        self.assertEqual(run.log("step-print-unnamed-0").strip(), "Hello from one pod")

    def test_helm_test_runs_a_first_taskgroup_and_leaves_nothing(self):
        before = self.left()
        said = helm("test", RELEASE, "--timeout", "120s")
        self.assertRegex(said, r"The controller ran CustomRun default/taskgroup-test-\w+ to its end")
        self.assertRegex(said, r"The webhook refused a TaskGroup with a mistake: .*spec\.tasks")
        figure("helm test: " + re.search(r"The controller ran .* s:", said)[0].rstrip(":"))
        self.assertEqual(self.left(), before)
        self.assertEqual(self.api.list("CustomRun", "default"), [])
        self.assertFalse([role for role in self.api.list("Role", "default")
                          if "taskgroup" in role["metadata"]["name"]])

    def test_upgrade_and_rollback_while_groups_run_lose_none(self):
        started = time.monotonic()
        runs = [self.start_custom_run(self.embedded(10), f"run-{index}") for index in range(GROUPS)]
        runs[0].wait_task("first", "Running", "Succeeded")
        before = {pod["metadata"]["uid"] for pod in self.controllers()}
        upgrade("controller.podAnnotations.upgraded=yes", "controller.workers=4")
        changed = time.monotonic()
        self.assertFalse(before & {pod["metadata"]["uid"] for pod in self.controllers()
                                   if "deletionTimestamp" not in pod["metadata"]})
        at_upgrade = [run.read().state for run in runs].count("True")
        helm("rollback", RELEASE, "--wait", "--timeout", "120s")
        at_rollback = [run.read().state for run in runs].count("True")
        for run in runs:
            run.wait()
        self.assertLess(at_upgrade, GROUPS, "the upgrade came too late to show anything")
        self.assert_each_ran_once(runs)
        figure(f"upgrade during {GROUPS} groups: all succeeded, each in one pod; {at_upgrade} had ended after "
               f"the upgrade ({changed - started:.1f} s), {at_rollback} after the rollback, "
               f"all after {time.monotonic() - started:.1f} s")

    def embedded(self, seconds):
        return {"customSpec": {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                               "spec": self.two_tasks(seconds)}}

    def test_upgrade_that_changes_nothing_restarts_nothing(self):
        before = {pod["metadata"]["uid"] for pod in self.api.list("Pod", SYSTEM)}
        upgrade()
        self.assertEqual(before, {pod["metadata"]["uid"] for pod in self.api.list("Pod", SYSTEM)})

    def certificate(self):
        """What the webhook wrote into objects of the chart: its Secret, and whom to trust."""
        secret = self.api.get("Secret", "taskgroup-webhook-certificate", SYSTEM)
        configuration = self.api.get("ValidatingWebhookConfiguration", CONFIGURATION)
        return secret["data"], [one["clientConfig"]["caBundle"] for one in configuration["webhooks"]]

    def test_upgrade_rollback_and_another_helm_keep_the_certificate(self):
        before = self.certificate()
        upgrade("webhook.timeoutSeconds=7", "commonLabels.team=ci")
        self.assertEqual(self.certificate(), before)
        helm("rollback", RELEASE, "--wait", "--timeout", "120s")
        self.assertEqual(self.certificate(), before)
        # As helm 3 does it, and as somebody does who forces his way.
        upgrade_client_side = ["--server-side=false", "--set", "commonLabels.team=ops"]
        helm("upgrade", RELEASE, install.CHART, "--wait", "--timeout", "120s", *install.SETTINGS,
             *upgrade_client_side)
        self.assertEqual(self.certificate(), before)

    def test_namespace_that_says_so_is_not_reviewed(self):
        wrong = {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                 "metadata": {"name": "wrong", "namespace": self.namespace},
                 "spec": group(task("a", "true", runAfter=["b"]), task("b", "true", runAfter=["a"]))}
        with self.assertRaisesRegex(ApiError, "denied the request: spec.tasks.* cycle"):
            self.api.create(wrong)
        self.api.patch("Namespace", self.namespace,
                       {"metadata": {"labels": {"taskgroup.dev/review": "disabled"}}})
        self.api.create(wrong)

    def test_leader_lost_with_its_node_is_replaced(self):
        upgrade("controller.replicas=2")
        self.wait_replicas(2)
        before = self.start_custom_run(self.embedded(8), "before")
        before.wait_task("first", "Running")
        leader = self.leader()
        pod, = (pod for pod in self.controllers() if pod["metadata"]["name"] == leader)
        process, = OwnCluster().processes_of(pod, "controller")
        # It must not get to release its Lease.
        os.kill(process, signal.SIGSTOP)
        self.api.delete("Pod", leader, SYSTEM, gracePeriodSeconds=0)
        os.kill(process, signal.SIGKILL)
        lost = time.monotonic()
        after = self.start_custom_run(self.embedded(0), "after")
        self.assertNotEqual(self.wait_another_leader(leader), leader)
        took_over = time.monotonic() - lost
        after.wait_answered()
        answered = time.monotonic() - lost
        for run in (before, after):
            run.wait()
        self.assert_each_ran_once([before, after])
        figure(f"leader lost: another led after {took_over:.1f} s, a new run was answered after "
               f"{answered:.1f} s")
        self.assertLess(answered, 60)

    def test_leader_that_is_stopped_hands_over_at_once(self):
        upgrade("controller.replicas=2")
        self.wait_replicas(2)
        leader = self.leader()
        stopped = time.monotonic()
        self.api.delete("Pod", leader, SYSTEM)
        self.wait_another_leader(leader)
        figure(f"leader stopped: another led after {time.monotonic() - stopped:.1f} s")

    def test_uninstalled_leaves_what_is_documented_and_installed_again_goes_on(self):
        self.apply({"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                    "metadata": {"name": "kept"}, "spec": self.two_tasks(0)})
        run = self.start_custom_run(self.embedded(15), "run")
        run.wait_task("first", "Running")
        helm("uninstall", RELEASE, "--wait", "--timeout", "120s")
        for _ in self.api.watch("Pod", SYSTEM):
            if not self.api.list("Pod", SYSTEM):
                break
        self.assertLessEqual(self.left(), LEFT)
        self.assertTrue(self.api.find("TaskGroup", "kept", self.namespace))
        unanswered = self.start_custom_run(self.embedded(0), "unanswered")
        upgrade()
        run.wait()
        unanswered.wait()
        self.assert_each_ran_once([run, unanswered])

    def left(self):
        """What there is in the release's namespace, and of all namespaces what bears our name."""
        kinds = kubectl_names("api-resources", "--verbs=list", "--namespaced=true", "--output=name")
        kinds = {kind for kind in kinds if not kind.startswith("events") and ".metrics." not in kind}
        here = kubectl_names("get", ",".join(sorted(kinds)), "--namespace", SYSTEM, "--output=name")
        kinds = kubectl_names("api-resources", "--verbs=list", "--namespaced=false", "--output=name")
        wide = kubectl_names("get", ",".join(sorted(kinds)), "--output=name")
        ours = {name for name in wide if "taskgroup" in name.split("/")[1]}
        return (here | ours) - KUBERNETES_OWN - {f"namespace/{SYSTEM}"}
