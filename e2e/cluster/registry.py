# SPDX-License-Identifier: Apache-2.0
"""A read-only image registry over OCI layouts: FOLDER/<repository>/ is the layout of its images.

The node asks it for images of every name, so ordinary names work with no network, an image that is
not there is answered as a real registry answers, and images can be added at any time. A repository
that begins with `private/` wants the user `puller` with the password `secret`. While a file
FOLDER/.hold exists, layers are held back: a pull that takes long, and ends when a test wants.
"""

import base64
import http.server
import json
import pathlib
import re
import sys
import time

_PATH = re.compile(r"^/v2/(?P<repository>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<what>[^/?]+)")
_CREDENTIALS = "Basic " + base64.b64encode(b"puller:secret").decode()
_INDEX = "application/vnd.oci.image.index.v1+json"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = None

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        match = _PATH.match(self.path)
        if not match:
            self._answer(200 if self.path.startswith("/v2/") else 404, b"{}", "application/json")
            return
        repository, kind, what = match["repository"], match["kind"], match["what"]
        if repository.startswith("private/") and self.headers["Authorization"] != _CREDENTIALS:
            self._error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="e2e"'})
            return
        layout = self._layout(repository)
        if layout is None:
            self._error(404, "NAME_UNKNOWN")
            return
        digest = what if what.startswith("sha256:") else self._digest_of_tag(layout, what)
        blob = layout / "blobs" / "sha256" / (digest or "").removeprefix("sha256:")
        if not digest or not blob.is_file():
            self._error(404, "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN")
            return
        content = blob.read_bytes()
        headers = {"Docker-Content-Digest": digest}
        if kind == "manifests":
            self._answer(200, content, json.loads(content).get("mediaType", _INDEX), headers)
            return
        while self.command == "GET" and (self.folder / ".hold").exists():
            time.sleep(0.05)
        self._answer(200, content, "application/octet-stream", headers)

    def _layout(self, repository):
        # `busybox` is asked for as library/busybox where docker.io is meant.
        for name in (repository, repository.removeprefix("library/")):
            layout = self.folder / name
            if ".." not in name and (layout / "index.json").is_file():
                return layout
        return None

    @staticmethod
    def _digest_of_tag(layout, tag):
        manifests = json.loads((layout / "index.json").read_text())["manifests"]
        for manifest in manifests:
            name = manifest.get("annotations", {}).get("org.opencontainers.image.ref.name")
            if name == tag or (name is None and tag == "latest" and len(manifests) == 1):
                return manifest["digest"]
        return None

    def _error(self, status, code, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": self.path}]}).encode()
        self._answer(status, body, "application/json", headers)

    def _answer(self, status, body, kind, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except BrokenPipeError:
                self.close_connection = True


def main():
    folder, address, port = sys.argv[1:]
    Handler.folder = pathlib.Path(folder)
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
