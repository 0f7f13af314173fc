# SPDX-License-Identifier: Apache-2.0
"""Stands in for Tekton's webhook: what it does to a CustomRun, on the object and on its status.

Defaults: serviceAccountName. Params whose value is a number or a boolean become text, as by a round
trip through Tekton's types. Refused: an empty spec, no or both of customRef and customSpec, neither
apiVersion nor kind in it, statusMessage without status, names that occur twice, a workspace with no
source or several. Everything else passes: any spec.status, any change of the spec.

`POST /hold` makes it answer 500 until `POST /release`: a webhook that is down.
"""

import base64
import copy
import http.server
import json
import re
import ssl
import sys

SOURCES = (
    "volumeClaimTemplate",
    "persistentVolumeClaim",
    "emptyDir",
    "configMap",
    "secret",
    "projected",
    "csi",
)
# What a source must name, where that is one field.
NEEDED = {
    "persistentVolumeClaim": "claimName",
    "configMap": "name",
    "secret": "secretName",
    "projected": "sources",
    "csi": "driver",
}


def set_defaults(run):
    spec = run.get("spec")
    if not isinstance(spec, dict):
        return
    if spec:
        spec["serviceAccountName"] = spec.get("serviceAccountName") or "default"
    for param in spec.get("params") or []:
        param["value"] = _as_param(param.get("value"))


def _as_param(value):
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def errors_of(run):
    """Every reason to refuse a run."""
    name = run.get("metadata", {}).get("name", "")
    spec = run.get("spec") or {}
    if name and (len(name) > 63 or not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name)):
        yield "invalid resource name: metadata.name"
    if not set(spec) - {"serviceAccountName"}:
        yield "missing field(s): spec"
        return
    kinds = [field for field in ("customRef", "customSpec") if spec.get(field) is not None]
    if len(kinds) != 1:
        found = "both" if kinds else "neither"
        yield f"expected exactly one, got {found}: spec.customRef, spec.customSpec"
    for kind in kinds:
        for field in ("apiVersion", "kind"):
            if not spec[kind].get(field):
                yield f"missing field(s): spec.{kind}.{field}"
    if spec.get("statusMessage") and not spec.get("status"):
        yield "statusMessage should not be set if status is not set: spec.statusMessage"
    for field in ("params", "workspaces"):
        names = [item.get("name") for item in spec.get(field) or []]
        for twice in sorted({name for name in names if names.count(name) > 1}, key=str):
            yield f"expected exactly one, got both: spec.{field}[{twice}].name"
    for index, workspace in enumerate(spec.get("workspaces") or []):
        yield from _workspace_errors(f"spec.workspaces[{index}]", workspace)


def _workspace_errors(path, workspace):
    sources = [source for source in SOURCES if workspace.get(source) is not None]
    if len(sources) != 1:
        found = "several" if sources else "neither"
        yield f"expected exactly one, got {found}: {path}.{{{','.join(SOURCES)}}}"
    for source in sources:
        if source in NEEDED and not workspace[source].get(NEEDED[source]):
            yield f"missing field(s): {path}.{source}.{NEEDED[source]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held = False

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path in ("/hold", "/release"):
            Handler.held = self.path == "/hold"
            self._answer(200, {"held": Handler.held})
        elif Handler.held:
            self._answer(500, {"error": "the webhook is held"})
        else:
            self._answer(200, self._review(json.loads(body)))

    def _review(self, review):
        request = review["request"]
        run = request["object"]
        answer = {"uid": request["uid"], "allowed": True}
        if self.path.startswith("/defaulting"):
            after = copy.deepcopy(run)
            set_defaults(after)
            if after != run:
                patch = [{"op": "replace", "path": "/spec", "value": after["spec"]}]
                answer["patchType"] = "JSONPatch"
                answer["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
        else:
            errors = list(errors_of(run))
            if errors:
                answer["allowed"] = False
                answer["status"] = {
                    "code": 400,
                    "reason": "BadRequest",
                    "message": "validation failed: " + "\n".join(errors),
                }
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}

    def _answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def configurations(url, authority):
    """The objects that make an API server call the webhook at `url`, trusting `authority` (PEM)."""
    bundle = base64.b64encode(authority.encode()).decode()
    rules = [
        {
            "apiGroups": ["tekton.dev"],
            "apiVersions": ["v1beta1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["customruns", "customruns/status"],
            "scope": "Namespaced",
        }
    ]
    for kind, path in (("Mutating", "defaulting"), ("Validating", "validation")):
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": f"{path}.stand-in.tekton.dev"},
            "webhooks": [
                {
                    "name": f"{path}.stand-in.tekton.dev",
                    "rules": rules,
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "matchPolicy": "Exact",
                    "timeoutSeconds": 10,
                    "clientConfig": {"url": f"{url}/{path}", "caBundle": bundle},
                }
            ],
        }


def main():
    address, port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
