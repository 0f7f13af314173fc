// SPDX-License-Identifier: Apache-2.0
#include "cli/host/prerequisites.h"

#include "cli/host/files.h"
#include "cli/host/system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace taskgroup::host {

namespace {

constexpr const char* container_way_out =
    "run it outside the container, or give the container CAP_SYS_ADMIN and no seccomp or AppArmor "
    "profile that forbids mounts (docker and podman: --privileged)";

// -1 if there is no such setting.
long setting(const char* name) {
  const std::optional<std::string> text = read_whole(std::string("/proc/sys/") + name);
  return text ? std::strtol(text->c_str(), nullptr, 10) : -1;
}

bool is_in_chroot() {
  struct statx facts{};
  return statx(AT_FDCWD, "/", 0, STATX_INO, &facts) == 0
         && (facts.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0
         && (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0;
}

std::optional<std::string> obstacle_without_root() {
  if (setting("user/max_user_namespaces") == 0)
    return "user namespaces are switched off (sysctl user.max_user_namespaces is 0); run it as "
           "root, "
           "or as root: sysctl -w user.max_user_namespaces=10000";
  if (setting("kernel/unprivileged_userns_clone") == 0)
    return "user namespaces are forbidden for others than root (sysctl "
           "kernel.unprivileged_userns_clone is 0); run it as root, or as root: sysctl -w "
           "kernel.unprivileged_userns_clone=1";
  if (is_in_chroot())
    return "the kernel refuses user namespaces in a chroot; run it as root, or outside the chroot";
  return std::nullopt;
}

} // namespace

std::optional<std::string> find_obstacle() {
  std::optional<std::string> cause;
  if (geteuid() != 0)
    cause = obstacle_without_root();
  else if (!has_sys_admin())
    cause = std::string("root lacks the capability CAP_SYS_ADMIN, as in a container; ")
            + container_way_out;
  if (!cause)
    return std::nullopt;
  return "cannot make namespaces on this host: " + *cause;
}

bool is_in_first_user_namespace() {
  struct stat facts{};
  // The inode's number of the first one is fixed (PROC_USER_INIT_INO); without /proc, ask no
  // further.
  return stat("/proc/self/ns/user", &facts) != 0 || facts.st_ino == 0xEFFFFFFD;
}

StartError explain_refusal(const std::string& refused) {
  std::string way_out;
  if (geteuid() == 0)
    way_out = container_way_out;
  else if (setting("kernel/apparmor_restrict_unprivileged_userns") == 1)
    way_out =
        "AppArmor restricts user namespaces (sysctl "
        "kernel.apparmor_restrict_unprivileged_userns is 1): run it as root, or as root: sysctl "
        "-w kernel.apparmor_restrict_unprivileged_userns=0";
  else
    way_out = std::string("run it as root; in a container, ") + container_way_out;
  return {StartError::Kind::prerequisite,
          "cannot make a sandbox on this host: " + refused + "; " + way_out};
}

} // namespace taskgroup::host
