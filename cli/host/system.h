// SPDX-License-Identifier: Apache-2.0
#pragma once

// Linux system calls that glibc 2.36 does not wrap, or wraps with a libc fork's side effects.

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace taskgroup::host {

// clone3(2) without a new stack, thus like fork(2), with CLONE_NEW* `flags`; the child's end raises
// SIGCHLD. Returns 0 in the child, -1 with errno on failure. `pidfd` may be null.
pid_t clone_process(std::uint64_t flags, int* pidfd);

// open_tree(2) of a copy of the mount at `path` and all below it; -1 with errno.
int copy_mounts(const std::string& path);

// Makes the detached or attached mount `fd` and all below it read-only; false with errno.
bool make_read_only(int fd);

// move_mount(2): attaches a detached mount at `path`; false with errno.
bool attach_mounts(int fd, const std::string& path);

bool pivot_to_working_folder(); // pivot_root(".", ".")

// Drops what a default OCI container does not have, and MKNOD, from all capability sets; false with
// errno.
bool drop_capabilities();

bool has_sys_admin(); // CAP_SYS_ADMIN in the effective set

// Closes the descriptors from `first` on, or only marks them as closed by exec.
void close_from(int first);
void close_on_exec_from(int first);

} // namespace taskgroup::host
