# SPDX-License-Identifier: Apache-2.0
"""A private piece of this machine: its own network, mounts and process ids.

Everything a cluster starts is a descendant of one process, the first of a process namespace. When
that process ends, the kernel ends all the others, and mounts, addresses and iptables go with the
namespaces. So however a run ends, nothing of it stays but cgroups (empty folders) and files;
`remove_cgroups` and removing the folder do the rest.
"""

import ctypes
import errno
import os
import pathlib
import signal
import subprocess
import time

from programs import Missing

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWPID, _CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
# Folders that programs insist on and a machine without a cluster may lack. We mount over them.
MOUNT_POINTS = ("/var/lib/cni",)
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def check():
    """Raise Missing if this machine does not let us make namespaces."""
    if os.geteuid() != 0:
        raise Missing(
            "a cluster of its own needs root. Run `sudo make e2e`, or name a cluster by KUBECONFIG"
        )
    if not (CGROUPS / "memory").is_dir() and not (CGROUPS / "cgroup.controllers").is_file():
        raise Missing(f"no cgroup controllers under {CGROUPS}: name a cluster by KUBECONFIG")


def start(function, keep):
    """Run `function(life)` as first process of new namespaces; return its id out here, and a pipe.

    `life` is the read end of that pipe: at its end of file nobody wants the process any more. It
    gets no other descriptors than the first three and those that `keep` lists."""
    life_read, life_write = os.pipe()
    pid_read, pid_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        _in_child(lambda: _unshare_and_fork(function, life_read, keep, pid_write))
    os.close(life_read)
    os.close(pid_write)
    with os.fdopen(pid_read) as pipe:
        answer = pipe.read()
    os.waitpid(middle, 0)
    if not answer.isdigit():
        raise Missing(f"namespaces: {answer or 'no answer'}. Name a cluster by KUBECONFIG instead")
    return int(answer), life_write


def _in_child(function):
    try:
        function()
        os._exit(0)
    except BaseException:  # the parent's cleanup is not ours
        import traceback

        traceback.print_exc()
        os._exit(1)


def _unshare_and_fork(function, life, keep, pid_write):
    # Ctrl-C on the terminal is for whoever keeps the cluster; that one ends it in order.
    os.setsid()
    if _libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWNET):
        os.write(pid_write, f"unshare: {os.strerror(ctypes.get_errno())}".encode())
        os._exit(1)
    first = os.fork()
    if first:
        os.write(pid_write, str(first).encode())
        os._exit(0)
    keep = {0, 1, 2, life, *keep}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass
    _in_child(lambda: function(life))


def mount(source, target, kind=None, options=None, flags=()):
    """Mount as mount(8) does, making the target."""
    pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    command = ["mount", *flags]
    if kind:
        command += ["-t", kind]
    if options:
        command += ["-o", options]
    subprocess.run([*command, str(source), str(target)], check=True)


def make_mount_points():
    """Make those of MOUNT_POINTS that are not there; return them."""
    made = [point for point in MOUNT_POINTS if not os.path.isdir(point)]
    for point in made:
        os.makedirs(point, exist_ok=True)
    return made


def remove_mount_points(made):
    """Remove what make_mount_points made, if nobody has put anything there since."""
    for point in made:
        try:
            os.rmdir(point)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EBUSY):
                raise


def make_private_mounts():
    """Give this mount namespace a /proc of its process ids, and mounts that stay inside."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    mount("proc", "/proc", "proc", "nosuid,nodev,noexec")


def configure_network(address, bridge):
    """Bring up `lo` and a bridge that carries the node's address and the default route."""
    host = address.split("/")[0]
    for command in (
        "link set lo up",
        f"link add {bridge} type bridge",
        f"address add {address} dev {bridge}",
        f"link set {bridge} up",
        f"route add default via {host}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def reap():
    """Collect the children that have ended; yield (pid, exit code) of each."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _hierarchies():
    """The roots that a cgroup of ours has a folder in."""
    if (CGROUPS / "cgroup.controllers").is_file():
        return [CGROUPS]
    # Several names may be links to one hierarchy (cpu and cpuacct).
    return sorted({path.resolve() for path in CGROUPS.iterdir() if path.is_dir()})


def make_cgroup(name):
    """Make the cgroup /NAME in each hierarchy."""
    for root in _hierarchies():
        folder = root / name
        folder.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # cgroup v1: empty until set
            if (folder / file).is_file() and not (root / "cgroup.controllers").is_file():
                (folder / file).write_text((root / file).read_text())


def remove_cgroups(name):
    """End what may still run in the cgroup /NAME and below; remove them all."""
    for root in _hierarchies():
        for folder, _, _ in os.walk(root / name, topdown=False):
            _remove_cgroup(pathlib.Path(folder))


def _remove_cgroup(folder):
    for _ in range(100):
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        for pid in (folder / "cgroup.procs").read_text().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)  # the kernel tells nobody when a cgroup has emptied
    raise RuntimeError(f"{folder} does not empty")
