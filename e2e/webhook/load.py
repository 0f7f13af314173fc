# SPDX-License-Identifier: Apache-2.0
"""Clients of an admission webhook: ones as the API server, and hostile ones. Standard library only."""

import contextlib
import json
import os
import random
import signal
import socket
import ssl
import threading
import time

NAME = "webhook.system.svc"

REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "operation": "CREATE",
        "kind": {"group": "taskgroup.dev", "version": "v1alpha1", "kind": "TaskGroup"},
        "resource": {"group": "taskgroup.dev", "version": "v1alpha1", "resource": "taskgroups"},
        "namespace": "ns",
        "name": "g",
        "userInfo": {"username": "author"},
        "object": {
            "apiVersion": "taskgroup.dev/v1alpha1",
            "kind": "TaskGroup",
            "metadata": {"name": "g", "namespace": "ns"},
            "spec": {
                "tasks": [
                    {"name": f"task-{i}",
                     "runAfter": [f"task-{i - 1}"] if i else [],
                     "taskSpec": {"steps": [{"name": "run", "image": "busybox", "script": "true"}]}}
                    for i in range(5)
                ]
            },
        },
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    },
}
BODY = json.dumps(REVIEW).encode()


class Gone(Exception):
    """The server has closed the connection."""


def context_for(authorities):
    """Trust these authorities (PEM) only, as the API server does; None: anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=authorities)
    return context


class Client:
    """One connection with TLS."""

    def __init__(self, address, context, name=NAME):
        raw = socket.create_connection(address, timeout=10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise
        self.rest = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def post(self, body=BODY, path="/validate?timeout=5s"):
        self.send(f"POST {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return self.receive()

    def receive(self):
        """Return status, head and body of one answer."""
        while b"\r\n\r\n" not in self.rest:
            self.fill()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        while len(self.rest) < length:
            self.fill()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split()[1]), headers, body

    def fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise Gone
        self.rest += more


class Load:
    """Reviews at a rate, as the API server sends them: over connections that last and are opened anew
    when the server says `Connection: close`, each new one with the bundle of that moment."""

    def __init__(self, address, bundle, rate=200, threads=8, new_each=4, name=NAME):
        """`address` and `bundle` are asked whenever a connection is opened."""
        self.address, self.bundle, self.name = address, bundle, name
        self.rate, self.new_each = rate, new_each
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.seconds = []  # of good ones
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(i, threads)) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def count(self):
        with self.lock:
            return len(self.seconds) + len(self.failures)

    def run(self, index, threads):
        period = threads / self.rate
        due = time.monotonic() + period * index / threads
        client = None
        asked = 0
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            due += period
            began = time.monotonic()
            try:
                if client is None:
                    client = Client(self.address(), context_for(self.bundle()), self.name)
                status, headers, body = client.post()
                if status != 200 or not json.loads(body)["response"]["allowed"]:
                    raise ValueError(f"{status} {body[:200]}")
                asked += 1
                if headers.get("connection") == "close" or asked % self.new_each == 0:
                    client.close()
                    client = None
                with self.lock:
                    self.seconds.append(time.monotonic() - began)
            except (OSError, Gone, ValueError) as error:
                with self.lock:
                    self.failures.append(f"{type(error).__name__}: {error}")
                if client:
                    client.close()
                client = None
        if client:
            client.close()

    def summary(self):
        with self.lock:
            return f"{len(self.seconds)} good, {len(self.failures)} failed; {quantiles(self.seconds)}"


def quantiles(seconds):
    """Say median, 99th percentile and maximum in milliseconds."""
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return (f"median {ordered[len(ordered) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
            f"max {ordered[-1] * 1000:.1f} ms")


# --- Attacks: each is a context in which it goes on. ---


@contextlib.contextmanager
def elsewhere(attack):
    """Do it in a process of its own, so that it takes no turns from the clients of this one."""
    child = os.fork()
    if child == 0:
        with attack:
            while True:
                time.sleep(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@contextlib.contextmanager
def silent(address, count):
    """Clients that connect and say nothing; those that the server closes come again."""
    sockets = [socket.create_connection(address, timeout=10) for _ in range(count)]
    stopped = threading.Event()

    def come_again():
        while not stopped.wait(0.2):
            for i, one in enumerate(sockets):
                one.setblocking(False)
                try:
                    if one.recv(1) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                except OSError:
                    one.close()
                    with contextlib.suppress(OSError):
                        sockets[i] = socket.create_connection(address, timeout=10)

    thread = threading.Thread(target=come_again)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        for one in sockets:
            one.close()


@contextlib.contextmanager
def repeated(attack, threads=4):
    """Call attack() again and again, whatever becomes of it."""
    stopped = threading.Event()
    count = [0]

    def run():
        while not stopped.is_set():
            with contextlib.suppress(OSError, Gone, ValueError):
                attack()
            count[0] += 1

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield count
    finally:
        stopped.set()
        for thread in running:
            thread.join()


def started(address):
    return Client(address, context_for(None))


def head(*headers):
    return "\r\n".join([f"POST /validate HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json",
                        *headers, "", ""]).encode()


def huge_body(address):
    """64 MB with their length announced, sent as long as the server takes them."""
    client = started(address)
    try:
        client.send(head(f"Content-Length: {64 << 20}"))
        for _ in range(64):
            client.send(b"x" * (1 << 20))
    finally:
        client.close()


def chunked_body(address):
    """64 MB in chunks."""
    client = started(address)
    try:
        client.send(head("Transfer-Encoding: chunked"))
        for _ in range(64):
            client.send(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
    finally:
        client.close()


def many_headers(address):
    """200,000 headers."""
    client = started(address)
    try:
        client.send(head()[:-2])
        for i in range(200):
            client.send("".join(f"x-{i}-{j}: y\r\n" for j in range(1000)).encode())
    finally:
        client.close()


def garbage(address):
    """Bytes that are no TLS, or begin like it."""
    data = random.randbytes(20_000)
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(random.choice([data, b"\x16\x03\x01\x02\x00" + data,
                                      b"\x16\x03\x01\xff\xff" + data,
                                      b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]))
        client.recv(100)


@contextlib.contextmanager
def slow_bodies(address, count, size=3 << 20, first=1 << 20):
    """Bodies of which a part comes at once and the rest byte by byte."""
    clients = []
    stopped = threading.Event()

    def trickle():
        while not stopped.is_set():
            while len(clients) < count and not stopped.is_set():
                with contextlib.suppress(OSError, Gone):
                    client = started(address)
                    client.send(head(f"Content-Length: {size}") + b" " * first)
                    clients.append(client)
            for client in list(clients):
                try:
                    client.send(b" ")
                except OSError:
                    client.close()
                    clients.remove(client)
            stopped.wait(0.05)

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        for client in clients:
            client.close()


def hostile_json(address):
    """Valid requests whose bodies are as costly to read as can be."""
    client = started(address)
    try:
        for _ in range(5):
            client.post(b"[" + b"[]," * (1 << 20) + b"[]]")
    finally:
        client.close()
