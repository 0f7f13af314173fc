# SPDX-License-Identifier: Apache-2.0
"""The little of an API server that the webhook asks for: a Secret, its configuration, a Lease."""

import base64
import copy
import http.server
import json
import re
import threading
import urllib.parse

SECRET = "/api/v1/namespaces/system/secrets/certificate"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/taskgroup"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/system/leases"


class FakeApi:
    """Serves over plain HTTP on a port of its own; `url` names it. Keeps what was refused."""

    def __init__(self):
        self.changed = threading.Condition()
        self.objects = {}  # by path
        self.version = 0
        self.refused = []  # requests for what is not served
        self.put(SECRET, {"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                          "metadata": {"name": "certificate", "namespace": "system"}})
        webhooks = [{"name": f"{kind}.taskgroup.dev",
                     "clientConfig": {"service": {"name": "webhook", "namespace": "system"}}}
                    for kind in ("taskgroups", "customruns")]
        self.put(CONFIGURATION, {"apiVersion": "admissionregistration.k8s.io/v1",
                                 "kind": "ValidatingWebhookConfiguration",
                                 "metadata": {"name": "taskgroup"}, "webhooks": webhooks})
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.handle(self, "GET")

            def do_PUT(self):
                api.handle(self, "PUT")

            def do_POST(self):
                api.handle(self, "POST")

            def do_PATCH(self):
                api.handle(self, "PATCH")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # --- For tests ---

    def put(self, path, value):
        with self.changed:
            self.version += 1
            value = copy.deepcopy(value)
            value["metadata"]["resourceVersion"] = str(self.version)
            value["metadata"].setdefault("uid", path)
            self.objects[path] = value
            self.changed.notify_all()
            return value

    def get(self, path):
        with self.changed:
            return copy.deepcopy(self.objects.get(path))

    def change_data(self, **values):
        """Set keys of the Secret, None: remove them. `_` in a name stands for the dot."""
        with self.changed:
            secret = self.get(SECRET)
            data = secret.setdefault("data", {})
            for name, value in values.items():
                if value is None:
                    data.pop(name.replace("_", "."), None)
                else:
                    data[name.replace("_", ".")] = base64.b64encode(value.encode()).decode()
            self.put(SECRET, secret)

    def value(self, key):
        """Return a value of the Secret, decoded; empty: there is none."""
        return base64.b64decode((self.get(SECRET).get("data") or {}).get(key, "")).decode()

    def bundle(self):
        """Return what the API server would trust the webhook by."""
        client = self.get(CONFIGURATION)["webhooks"][0]["clientConfig"]
        return base64.b64decode(client.get("caBundle", "")).decode()

    # --- Requests ---

    def handle(self, request, method):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(request.headers.get("Content-Length") or 0)
        body = json.loads(request.rfile.read(length)) if length else None
        if query.get("watch") in ("1", "true"):
            self.watch(request, query)
            return
        status, answer = self.answer(method, url.path, query, body)
        text = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def answer(self, method, path, query, body):
        with self.changed:
            if path == SECRET.rpartition("/")[0] and method == "GET":
                if query.get("fieldSelector") != "metadata.name=certificate":
                    return self.error(403, "Forbidden", "may list one Secret only")
                return 200, {"kind": "SecretList", "apiVersion": "v1",
                             "metadata": {"resourceVersion": str(self.version)},
                             "items": [self.get(SECRET)] if self.get(SECRET) else []}
            if path == LEASES and method == "POST":
                return 201, self.put(f"{LEASES}/{body['metadata']['name']}", body)
            if not (path in (SECRET, CONFIGURATION) or path.startswith(LEASES + "/")):
                self.refused.append(f"{method} {path}")
                return self.error(404, "NotFound", f"{path} not found")
            if path not in self.objects:
                return self.error(404, "NotFound", f"{path} not found")
            if method == "GET":
                return 200, self.get(path)
            if method == "PUT" and path != CONFIGURATION:
                if body["metadata"].get("resourceVersion") != self.version_of(path):
                    return self.error(409, "Conflict", "the object has been modified")
                return 200, self.put(path, body)
            if method == "PATCH" and path == CONFIGURATION:
                return self.patch(path, body)
        self.refused.append(f"{method} {path}")
        return self.error(403, "Forbidden", f"may not {method} {path}")

    def version_of(self, path):
        return self.objects[path]["metadata"]["resourceVersion"]

    def patch(self, path, operations):
        value = self.get(path)
        for one in operations:
            found = re.fullmatch(r"/webhooks/(\d+)/clientConfig/caBundle", one["path"])
            if one["op"] == "test" and one["path"] == "/metadata/resourceVersion":
                if one["value"] != self.version_of(path):
                    return self.error(422, "Invalid", "test failed")
            elif one["op"] == "add" and found:
                value["webhooks"][int(found[1])]["clientConfig"]["caBundle"] = one["value"]
            else:
                return self.error(422, "Invalid", f"unexpected {one}")
        return 200, self.put(path, value)

    @staticmethod
    def error(code, reason, message):
        return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                      "reason": reason, "message": message}

    def watch(self, request, query):
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        seen = query.get("resourceVersion")
        try:
            while True:
                with self.changed:
                    while int(self.version_of(SECRET)) <= int(seen):
                        if not self.changed.wait(60):
                            return
                    event = {"type": "MODIFIED", "object": self.get(SECRET)}
                    seen = self.version_of(SECRET)
                request.wfile.write(json.dumps(event).encode() + b"\n")
                request.wfile.flush()
        except OSError:
            pass
