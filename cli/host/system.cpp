// SPDX-License-Identifier: Apache-2.0
#include "cli/host/system.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace taskgroup::host {

namespace {

constexpr std::array kept_capabilities{
    CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_FSETID,     CAP_FOWNER,  CAP_NET_RAW,
    CAP_SETGID,     CAP_SETUID,       CAP_SETFCAP,    CAP_SETPCAP, CAP_NET_BIND_SERVICE,
    CAP_SYS_CHROOT, CAP_KILL,         CAP_AUDIT_WRITE};

constexpr int max_capability = 63;

using CapabilityData = std::array<__user_cap_data_struct, 2>;

__user_cap_header_struct capability_header() {
  return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

} // namespace

pid_t clone_process(std::uint64_t flags, int* pidfd) {
  clone_args arguments{};
  arguments.flags = flags | (pidfd != nullptr ? CLONE_PIDFD : 0);
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

int copy_mounts(const std::string& path) {
  return static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
}

bool make_read_only(int fd) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                 sizeof attributes)
         == 0;
}

bool attach_mounts(int fd, const std::string& path) {
  return syscall(SYS_move_mount, fd, "", AT_FDCWD, path.c_str(),
                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS)
         == 0;
}

bool pivot_to_working_folder() { return syscall(SYS_pivot_root, ".", ".") == 0; }

bool drop_capabilities() {
  CapabilityData kept{};
  for (const int capability : kept_capabilities) {
    const auto word = static_cast<std::size_t>(capability / 32);
    kept[word].effective |= 1U << (capability % 32);
  }
  for (int capability = 0; capability <= max_capability; ++capability) {
    const auto word = static_cast<std::size_t>(capability / 32);
    const bool is_kept = (kept[word].effective & (1U << (capability % 32))) != 0;
    // EINVAL: the kernel has no such capability, nor any with a higher number.
    if (!is_kept && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      break;
  }
  auto header = capability_header();
  CapabilityData current{};
  if (syscall(SYS_capget, &header, current.data()) != 0)
    return false;
  for (std::size_t word = 0; word < kept.size(); ++word) {
    const auto mask = kept[word].effective & current[word].permitted;
    kept[word].effective = kept[word].permitted = mask;
    kept[word].inheritable = 0;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &header, kept.data()) == 0;
}

bool has_sys_admin() {
  auto header = capability_header();
  CapabilityData current{};
  return syscall(SYS_capget, &header, current.data()) == 0
         && (current[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

void close_from(int first) { close_range(static_cast<unsigned>(first), ~0U, 0); }

void close_on_exec_from(int first) {
  close_range(static_cast<unsigned>(first), ~0U, CLOSE_RANGE_CLOEXEC);
}

} // namespace taskgroup::host
