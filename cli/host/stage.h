// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <sys/types.h>

#include <string>
#include <vector>

namespace taskgroup::host {

// The places from which containers' roots are made. All but `files` is on a tmpfs that only the
// supervisor's mount namespace has; each container mounts on `root` and `store` in a copy of it.
struct Stage {
  explicit Stage(const std::string& temporary_folder)
      : base(temporary_folder + "/host"),
        mounts(base + "/mounts"),
        root(mounts + "/root"),
        store(mounts + "/store"),
        proc(mounts + "/proc"),
        dev(mounts + "/dev"),
        sys(mounts + "/sys"),
        empty(mounts + "/empty"),
        files(base + "/files") {}

  std::string base;
  std::string mounts; // the tmpfs
  std::string root;   // where a container's root is put together
  std::string store;  // where its own tmpfs is: uppers kept in memory, /run, /dev/shm
  std::string proc;   // a /proc for the supervisor, if the host has none (in a chroot)
  std::string dev;    // the /dev that all containers share, read-only
  std::string sys;    // the host's /sys, read-only
  std::string empty;  // an empty folder
  std::string files;  // on the disk: the containers' DiskFolders
};

// How one path of the host appears in containers.
struct Layer {
  enum class Kind {
    overlay, // writable, the writes are the container's
    bind,    // as on the host; read-only unless the host's mount already is
    folder,  // an empty folder of the container's root
    link,    // a symbolic link in the container's root
  };
  Kind kind = Kind::overlay;
  std::string path;
  std::string link;       // target of a link
  bool is_folder = true;  // of a bind
  bool in_memory = false; // of an overlay: upper on the store, not on the disk
  mode_t mode = 0755;     // of an overlay's top and of a folder
  uid_t uid = 0;
  gid_t gid = 0;
};

// What every container's root is made of, parents before children. With `whole`, the first layer is
// an overlay over "/"; else the root is an empty tmpfs and every top-level name has a layer.
struct HostRoot {
  bool whole = false;
  bool needs_disk = false; // an overlay has its upper on the disk
  std::vector<Layer> layers;
  std::vector<std::string> hidden;  // folders in which containers see nothing
  std::string resolver;             // a file below /run that /etc/resolv.conf leads to, or empty
  std::vector<std::string> notices; // what differs from the host, one sentence each
};

// Finds out, by trying, how each file system of the host can be shown. Runs in the supervisor,
// after its mounts are private; leaves no mount behind. `privileged`: not in a user namespace.
// Fails with an errno if it cannot even try.
tl::expected<HostRoot, int> survey_host(const Stage& stage, const std::string& temporary_folder,
                                        bool privileged);

// Mounts an overlay over `lower` on `target`, with upper and work folder made in `place` under
// `number`. Returns false with errno.
bool mount_overlay(const Layer& layer, const std::string& place, std::size_t number,
                   const std::string& target, bool privileged);

} // namespace taskgroup::host
