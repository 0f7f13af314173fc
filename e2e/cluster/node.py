# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes node with its control plane, from ordinary programs, inside machine.py's namespaces.

What the files and flags are there for, where it is not plain:
- containerd restrict_oom_score_adj, kubelet oomScoreAdj 0: runc dies on a machine without
  CAP_SYS_RESOURCE that wants a negative score.
- own cgroup, own --root-dir, own /run: nothing meets a kubelet or containerd of the machine.
- OwnerReferencesPermissionEnforcement: blockOwnerDeletion then needs the right that a careful
  cluster asks for.
- --enable-aggregator-routing: webhooks by Service are called at their endpoint.
"""

import json
import os
import pathlib
import select
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import certificates
import images
import machine

HERE = pathlib.Path(__file__).resolve().parent
ADDRESS = "198.18.0.1"  # of the range for tests between networks (RFC 2544)
SERVER = f"https://{ADDRESS}:6443"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"
NODE = "node"
REGISTRY_PORT = 5000
WEBHOOK_PORT = 8443
TOKENS = {  # user: (token, groups)
    "system:kube-controller-manager": ("controller-manager", ""),
    "system:kube-scheduler": ("scheduler", ""),
    "system:kube-proxy": ("proxy", ""),
    f"system:node:{NODE}": ("kubelet", "system:nodes"),
}


class Layout:
    """Where things are. `folder` is all that a cluster leaves on disk."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.logs = self.folder / "logs"
        self.audit = self.folder / "audit.log"
        self.etc = self.folder / "etc"
        self.registry = self.folder / "registry"
        self.kubeconfig = self.folder / "kubeconfig"
        self.state = self.folder / "state.json"


class Node:
    """Starts the programs and keeps them running. Lives in the first process of the namespaces."""

    def __init__(self, layout, programs, cgroup):
        self.layout = layout
        self.programs = programs
        self.cgroup = cgroup
        self.commands = {}  # name: argument list
        self.running = {}  # pid: (name, when it started)
        self.failures = {}  # name: how often it ended soon after its start

    # --- Processes ---

    def spawn(self, name, *command):
        """Start a program whose output goes to logs/NAME.log; it is started again when it ends."""
        self.commands[name] = [str(part) for part in command]
        self._start(name)

    def _start(self, name):
        with open(self.layout.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                self.commands[name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": self._path()},
            )
        process.returncode = 0  # reaped by us, not by Popen
        self.running[process.pid] = (name, time.monotonic())
        self._write_state()

    def _path(self):
        return f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin"

    def _write_state(self):
        """Tell tests which process (as seen inside) is which program."""
        state = {"processes": {name: pid for pid, (name, _) in self.running.items()}}
        temporary = self.layout.folder / ".state.new"
        temporary.write_text(json.dumps(state))
        temporary.rename(self.layout.state)

    def collect(self):
        """Reap what has ended; start our own programs again. One that cannot run ends the node."""
        for pid, code in machine.reap():
            if pid not in self.running:
                continue
            name, started = self.running.pop(pid)
            soon = time.monotonic() - started < 5
            self.failures[name] = self.failures.get(name, 0) + 1 if soon else 0
            if self.failures[name] > 3:
                raise RuntimeError(f"{name} ends with {code}:\n{self.tail(name)}")
            self._start(name)

    def tail(self, name):
        lines = (self.layout.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:]) + f"\n(all of it: {self.layout.logs}/{name}.log)"

    def wait_until(self, what, ready, seconds=120):
        """Call `ready` until it is true. Only for starting: there polling has no substitute."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.collect()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not after {seconds} s; logs are in {self.layout.logs}")
            time.sleep(0.05)

    # --- Bring-up, in order ---

    def prepare(self):
        """Mounts, network, files."""
        machine.make_private_mounts()
        machine.mount("tmpfs", "/run", "tmpfs", "mode=755")
        machine.mount("tmpfs", "/var/log", "tmpfs", "mode=755")  # kubelet's /var/log/containers
        machine.mount("tmpfs", "/var/lib/cni", "tmpfs", "mode=700")
        (self.layout.folder / "kubelet").mkdir()
        machine.mount(self.layout.folder / "kubelet", "/run/kubelet", flags=["--bind"])
        machine.mount("tmpfs", "/run/etcd", "tmpfs", "size=2g,mode=700")  # no waiting for fsync
        machine.configure_network(f"{ADDRESS}/24", "node0")
        machine.make_cgroup(self.cgroup)
        for folder in (self.layout.logs, self.layout.etc, self.layout.registry):
            folder.mkdir()
        images.write_test_images(self.layout.registry)
        self._write_certificates()
        self._write_files()

    def _write_certificates(self):
        etc = self.layout.etc
        certificates.make_authority(etc)
        certificates.make_certificate(
            etc,
            "server",
            "/CN=server",
            [f"IP:{ADDRESS}", "IP:127.0.0.1", "IP:10.96.0.1", "DNS:kubernetes.default.svc"],
        )
        certificates.make_certificate(etc, "admin", "/O=system:masters/CN=admin")
        certificates.make_signing_key(etc, "service-accounts")

    def _kubeconfig(self, user):
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "e2e",
                "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
                "clusters": [
                    {
                        "name": "e2e",
                        "cluster": {
                            "server": SERVER,
                            "certificate-authority": str(self.layout.etc / "ca.crt"),
                        },
                    }
                ],
                "users": [{"name": "e2e", "user": user}],
            },
            indent=1,
        )

    def _write_files(self):
        etc = self.layout.etc
        etc.joinpath("tokens.csv").write_text(
            "".join(
                f'{token},{user},{user},"{groups}"\n' for user, (token, groups) in TOKENS.items()
            )
        )
        for user, (token, _) in TOKENS.items():
            etc.joinpath(f"{token}.kubeconfig").write_text(self._kubeconfig({"token": token}))
        self.layout.kubeconfig.write_text(
            self._kubeconfig(
                {"client-certificate": str(etc / "admin.crt"), "client-key": str(etc / "admin.key")}
            )
        )
        self._write_containerd_files()
        etc.joinpath("audit.yaml").write_text(
            json.dumps(
                {
                    "apiVersion": "audit.k8s.io/v1",
                    "kind": "Policy",
                    "omitStages": ["RequestReceived"],
                    "rules": [{"level": "Metadata"}],
                }
            )
        )
        etc.joinpath("kubelet.yaml").write_text(
            json.dumps(
                {
                    "apiVersion": "kubelet.config.k8s.io/v1beta1",
                    "kind": "KubeletConfiguration",
                    "address": ADDRESS,
                    "authentication": {
                        "anonymous": {"enabled": True},
                        "webhook": {"enabled": False},
                    },
                    "authorization": {"mode": "AlwaysAllow"},
                    "cgroupDriver": "cgroupfs",
                    "cgroupRoot": f"/{self.cgroup}",
                    "clusterDNS": ["10.96.0.10"],
                    "clusterDomain": "cluster.local",
                    "resolvConf": "",
                    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
                    "containerLogMonitorInterval": "3s",
                    "enforceNodeAllocatable": [],
                    "failSwapOn": False,
                    "failCgroupV1": False,
                    "evictionHard": {
                        "memory.available": "0%",
                        "nodefs.available": "0%",
                        "nodefs.inodesFree": "0%",
                        "imagefs.available": "0%",
                    },
                    "imageGCHighThresholdPercent": 100,
                    "oomScoreAdj": 0,
                    "podLogsDir": str(self.layout.logs / "pods"),
                    "volumePluginDir": str(self.layout.folder / "volume-plugins"),
                }
            )
        )
        etc.joinpath("proxy.yaml").write_text(
            json.dumps(
                {
                    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                    "kind": "KubeProxyConfiguration",
                    "mode": "iptables",
                    "clusterCIDR": PODS,
                    "hostnameOverride": NODE,
                    "bindAddress": ADDRESS,
                    "conntrack": {"maxPerCore": 0, "min": 0},
                    "clientConnection": {"kubeconfig": str(etc / "proxy.kubeconfig")},
                }
            )
        )

    def _write_containerd_files(self):
        etc = self.layout.etc
        (etc / "cni").mkdir()
        etc.joinpath("cni", "pods.conflist").write_text(
            json.dumps(
                {
                    "cniVersion": "0.4.0",
                    "name": "pods",
                    "plugins": [
                        {
                            "type": "bridge",
                            "bridge": "pods0",
                            "isGateway": True,
                            "ipMasq": False,
                            "ipam": {
                                "type": "host-local",
                                "dataDir": "/run/ipam",
                                "ranges": [[{"subnet": PODS}]],
                                "routes": [{"dst": "0.0.0.0/0"}],
                            },
                        }
                    ],
                }
            )
        )
        registry = f"http://{ADDRESS}:{REGISTRY_PORT}"
        mirrors = etc / "registries" / "_default"
        mirrors.mkdir(parents=True)
        mirrors.joinpath("hosts.toml").write_text(
            f'server = "{registry}"\n[host."{registry}"]\ncapabilities = ["pull", "resolve"]\n'
        )
        etc.joinpath("containerd.toml").write_text(f"""\
version = 2
root = "{self.layout.folder}/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{self.layout.folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "e2e/pause:latest"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{etc}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{etc}/registries"
""")

    def start_api_server(self):
        etc = self.layout.etc
        self.spawn(
            "registry",
            sys.executable,
            HERE / "registry.py",
            self.layout.registry,
            ADDRESS,
            REGISTRY_PORT,
        )
        self.spawn(
            "webhook",
            sys.executable,
            HERE / "customrun_webhook.py",
            ADDRESS,
            WEBHOOK_PORT,
            etc / "server.crt",
            etc / "server.key",
        )
        self.spawn("containerd", "containerd", "--config", etc / "containerd.toml")
        self.spawn(
            "etcd",
            "etcd",
            "--data-dir",
            "/run/etcd/data",
            "--name",
            NODE,
            "--auto-compaction-retention",
            "1h",
            "--quota-backend-bytes",
            2 << 30,
        )
        self.spawn(
            "kube-apiserver",
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={ADDRESS}",
            "--secure-port=6443",
            f"--service-cluster-ip-range={SERVICES}",
            f"--tls-cert-file={etc}/server.crt",
            f"--tls-private-key-file={etc}/server.key",
            f"--client-ca-file={etc}/ca.crt",
            f"--token-auth-file={etc}/tokens.csv",
            f"--service-account-key-file={etc}/service-accounts.key",
            f"--service-account-signing-key-file={etc}/service-accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
            "--enable-aggregator-routing=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={etc}/audit.yaml",
            f"--audit-log-path={self.layout.audit}",
        )
        context = ssl.create_default_context(cafile=etc / "ca.crt")
        self.wait_until("kube-apiserver", lambda: _answers(f"{SERVER}/readyz", context))

    def start_node(self):
        etc = self.layout.etc
        self.spawn(
            "kube-controller-manager",
            "kube-controller-manager",
            "--leader-elect=false",
            f"--kubeconfig={etc}/controller-manager.kubeconfig",
            f"--root-ca-file={etc}/ca.crt",
            f"--service-account-private-key-file={etc}/service-accounts.key",
            "--use-service-account-credentials=true",
            "--bind-address=127.0.0.1",
        )
        self.spawn(
            "kube-scheduler",
            "kube-scheduler",
            "--leader-elect=false",
            f"--kubeconfig={etc}/scheduler.kubeconfig",
            "--bind-address=127.0.0.1",
        )
        self.wait_until("containerd", lambda: os.path.exists("/run/containerd/containerd.sock"))
        self.spawn(
            "kubelet",
            "kubelet",
            f"--config={etc}/kubelet.yaml",
            f"--kubeconfig={etc}/kubelet.kubeconfig",
            "--root-dir=/run/kubelet",
            f"--hostname-override={NODE}",
            f"--node-ip={ADDRESS}",
        )
        self.spawn("kube-proxy", "kube-proxy", f"--config={etc}/proxy.yaml")
        self.wait_until("node Ready", self._is_ready)

    def kubectl(self, *arguments):
        process = subprocess.run(
            [self.programs / "kubectl", f"--kubeconfig={self.layout.kubeconfig}", *arguments],
            capture_output=True,
            text=True,
        )
        return process.stdout

    def _is_ready(self):
        path = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        if self.kubectl("get", "nodes", "-o", f"jsonpath={path}") != "True":
            return False
        # Pods need it, and the controller manager makes it a moment later.
        return self.kubectl("get", "serviceaccount", "default", "-o", "name") != ""


def _answers(url, context):
    try:
        with urllib.request.urlopen(url, context=context, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def run(life, tell, layout, programs, cgroup):
    """Be the first process: bring the node up, keep it up until `life` is closed, then end.

    `tell(text)` hears of each phase; its last word is "ready" or begins with "failed: "."""
    node = Node(layout, programs, cgroup)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        for name, phase in (
            ("prepare", node.prepare),
            ("api server", node.start_api_server),
            ("node ready", node.start_node),
        ):
            started = time.monotonic()
            phase()
            tell(f"    {name:<28} {time.monotonic() - started:6.1f} s")
        tell("ready")
        _keep(node, life, wake_read)
    except Exception as error:
        tell(f"failed: {error}")
        raise


def _keep(node, life, wake):
    while True:
        readable, _, _ = select.select([life, wake], [], [])
        if life in readable:
            return  # the kernel ends everything else
        os.read(wake, 4096)
        node.collect()
