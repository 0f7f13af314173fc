# SPDX-License-Identifier: Apache-2.0
"""A small client of the API server: JSON objects in and out, with the credentials of KUBECONFIG."""

import base64
import http.client
import json
import os
import pathlib
import ssl
import tempfile
import threading
import urllib.parse

import yaml


class ApiError(Exception):
    """What the server refused: `code`, `reason` and `message` of its Status."""

    def __init__(self, code, body):
        try:
            status = json.loads(body)
        except ValueError:
            status = {"message": body.decode(errors="replace")}
        self.code = code
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")
        super().__init__(f"{code} {self.reason}: {self.message}")


# Kind: (path of its group and version, plural, whether it is in namespaces).
KINDS = {
    "ClusterRole": ("apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "ConfigMap": ("api/v1", "configmaps", True),
    "CustomResourceDefinition": (
        "apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        False,
    ),
    "CustomRun": ("apis/tekton.dev/v1beta1", "customruns", True),
    "Deployment": ("apis/apps/v1", "deployments", True),
    "Event": ("apis/events.k8s.io/v1", "events", True),
    "Lease": ("apis/coordination.k8s.io/v1", "leases", True),
    "LimitRange": ("api/v1", "limitranges", True),
    "MutatingWebhookConfiguration": (
        "apis/admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        False,
    ),
    "Namespace": ("api/v1", "namespaces", False),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies", True),
    "Node": ("api/v1", "nodes", False),
    "PersistentVolume": ("api/v1", "persistentvolumes", False),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims", True),
    "Pipeline": ("apis/tekton.dev/v1", "pipelines", True),
    "PipelineRun": ("apis/tekton.dev/v1", "pipelineruns", True),
    "Pod": ("api/v1", "pods", True),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets", True),
    "ResourceQuota": ("api/v1", "resourcequotas", True),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "Run": ("apis/tekton.dev/v1alpha1", "runs", True),
    "Secret": ("api/v1", "secrets", True),
    "Service": ("api/v1", "services", True),
    "ServiceAccount": ("api/v1", "serviceaccounts", True),
    "StepAction": ("apis/tekton.dev/v1beta1", "stepactions", True),
    "StatefulSet": ("apis/apps/v1", "statefulsets", True),
    "StorageClass": ("apis/storage.k8s.io/v1", "storageclasses", False),
    "Task": ("apis/tekton.dev/v1", "tasks", True),
    "TaskRun": ("apis/tekton.dev/v1", "taskruns", True),
    "TaskGroup": ("apis/taskgroup.dev/v1alpha1", "taskgroups", True),
    "ValidatingWebhookConfiguration": (
        "apis/admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        False,
    ),
}


class Api:
    """One cluster. May be used by several threads: each has a connection of its own."""

    def __init__(self, kubeconfig=None, deadline=60):
        path = kubeconfig or os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
        self._deadline = deadline
        self._local = threading.local()
        self._headers = {"Accept": "application/json"}
        self._read(pathlib.Path(path))

    def _read(self, path):
        config = yaml.safe_load(path.read_text())
        context = next(
            c["context"] for c in config["contexts"] if c["name"] == config["current-context"]
        )
        cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        self.server = urllib.parse.urlsplit(cluster["server"])
        self._ssl = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self._ssl = ssl._create_unverified_context()
        elif authority := self._file(path, cluster, "certificate-authority"):
            self._ssl = ssl.create_default_context(cafile=authority)
        if certificate := self._file(path, user, "client-certificate"):
            self._ssl.load_cert_chain(certificate, self._file(path, user, "client-key"))
        elif token := user.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        else:
            raise SystemExit(f"{path}: the tests know users with a token or a client certificate")

    @staticmethod
    def _file(path, entry, field):
        if data := entry.get(f"{field}-data"):
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(base64.b64decode(data))
            return file.name
        return str(path.parent / entry[field]) if entry.get(field) else None

    # --- Requests ---

    def _connect(self, deadline):
        kind = http.client.HTTPSConnection
        return kind(
            self.server.hostname, self.server.port or 443, timeout=deadline, context=self._ssl
        )

    def request(self, method, path, body=None, kind="application/json"):
        """Send a request; return the decoded answer, or raise ApiError."""
        headers = dict(self._headers)
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = kind
        for fresh in (False, True):
            connection = getattr(self._local, "connection", None)
            if connection is None or fresh:
                connection = self._local.connection = self._connect(self._deadline)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                break
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
                connection.close()
                if fresh:
                    raise
        if answer.status >= 300:
            raise ApiError(answer.status, content)
        text = answer.headers.get("Content-Type", "").startswith("application/json")
        return json.loads(content) if text else content.decode(errors="replace")

    def path(self, kind, namespace=None, name=None, subresource=None, **query):
        group, plural, in_namespace = KINDS[kind]
        parts = ["", group]
        if in_namespace and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (plural, name, subresource) if part]
        text = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        return "/".join(parts) + (f"?{text}" if text else "")

    # --- Objects ---

    def get(self, kind, name, namespace=None):
        return self.request("GET", self.path(kind, namespace, name))

    def find(self, kind, name, namespace=None):
        """The object, or None."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def has_tekton(self):
        """Tell whether CustomRun is Tekton's own."""
        there = self.find("CustomResourceDefinition", "customruns.tekton.dev")
        labels = there["metadata"].get("labels", {}) if there else {}
        return there is not None and "taskgroup.dev/stand-in" not in labels

    def list(self, kind, namespace=None, labels=None, fields=None):
        query = {"labelSelector": labels, "fieldSelector": fields}
        return self.request("GET", self.path(kind, namespace, **query))["items"]

    def create(self, thing):
        metadata = thing["metadata"]
        return self.request("POST", self.path(thing["kind"], metadata.get("namespace")), thing)

    def apply(self, thing):
        """Create it, or make what is there like it."""
        metadata = thing["metadata"]
        path = self.path(
            thing["kind"],
            metadata.get("namespace"),
            metadata["name"],
            fieldManager="e2e",
            force="true",
        )
        return self.request("PATCH", path, thing, "application/apply-patch+yaml")

    def patch(self, kind, name, patch, namespace=None, subresource=None):
        """A JSON patch if `patch` is a list, else a merge patch."""
        form = "json-patch" if isinstance(patch, list) else "merge-patch"
        path = self.path(kind, namespace, name, subresource)
        return self.request("PATCH", path, patch, f"application/{form}+json")

    def delete(self, kind, name, namespace=None, **options):
        """Delete it; tell whether it was there."""
        try:
            self.request("DELETE", self.path(kind, namespace, name), options or None)
        except ApiError as error:
            if error.code != 404:
                raise
            return False
        return True

    def log(self, pod, container, namespace):
        return self.request("GET", self.path("Pod", namespace, pod, "log", container=container))

    def watch(self, kind, namespace=None, name=None, deadline=60):
        """Yield (type, object): what is there now as ADDED, then each change, until `deadline`."""
        fields = f"metadata.name={name}" if name else None
        group = self.request("GET", self.path(kind, namespace, fieldSelector=fields))
        for thing in group["items"]:
            yield "ADDED", {"kind": kind, **thing}
        connection = self._connect(deadline)
        path = self.path(
            kind,
            namespace,
            fieldSelector=fields,
            watch="true",
            resourceVersion=group["metadata"]["resourceVersion"],
            timeoutSeconds=deadline,
        )
        try:
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ApiError(answer.status, answer.read())
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(
                        event["object"].get("code", 0), json.dumps(event["object"]).encode()
                    )
                yield event["type"], event["object"]
        except TimeoutError:
            return
        finally:
            connection.close()
