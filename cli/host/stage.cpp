// SPDX-License-Identifier: Apache-2.0
#include "cli/host/stage.h"

#include "cli/host/files.h"
#include "cli/host/mountinfo.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace taskgroup::host {

namespace {

// Made anew for each container.
constexpr std::array<std::string_view, 6> fresh_folders{"/proc", "/sys", "/dev",
                                                        "/run",  "/tmp", "/var/tmp"};

// Roots and volumes of other containers: many mounts, and nothing that a step may use.
constexpr std::array<std::string_view, 5> foreign_folders{"/var/lib/docker", "/var/lib/containers",
                                                          "/var/lib/containerd", "/var/lib/kubelet",
                                                          "/var/lib/lxcfs"};

constexpr std::array<std::string_view, 20> kernel_types{
    "autofs", "binfmt_misc", "bpf",        "cgroup",     "cgroup2",   "configfs", "debugfs",
    "devpts", "devtmpfs",    "efivarfs",   "fusectl",    "hugetlbfs", "mqueue",   "nsfs",
    "proc",   "pstore",      "rpc_pipefs", "securityfs", "sysfs",     "tracefs"};

// A folder that cannot be overlaid as a whole is split into its entries, up to so many.
constexpr std::size_t max_split = 64;

std::string escaped(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c == '\\' || c == ':' || c == ',')
      result += '\\';
    result += c;
  }
  return result;
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = readlink(path.c_str(), buffer.data(), buffer.size());
  return std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

std::string real_path(const std::string& path) {
  char* const real = realpath(path.c_str(), nullptr);
  const std::string result = real != nullptr ? real : "";
  std::free(real);
  return result;
}

std::vector<std::string> entries_of(const std::string& path) {
  std::vector<std::string> names;
  DIR* const folder = opendir(path.c_str());
  if (folder == nullptr)
    return names;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..")
      names.emplace_back(name);
  }
  closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<MountEntry> host_mounts(const Stage& stage) {
  std::vector<MountEntry> mounts = visible_mounts("/proc/self/mountinfo");
  return mounts.empty() ? visible_mounts(stage.proc + "/self/mountinfo") : mounts;
}

class Survey {
public:
  Survey(const Stage& stage, std::string temporary_folder, bool privileged)
      : m_stage(stage),
        m_temporary_folder(std::move(temporary_folder)),
        m_privileged(privileged),
        m_mounts(host_mounts(stage)),
        m_memory_is_able(is_memory_able()) {}

  HostRoot run() {
    if (!try_whole())
      split_folder("/");
    for (const MountEntry& entry : m_mounts)
      add_mount(entry);
    hide();
    find_resolver();
    if (!m_read_only.empty())
      m_result.notices.push_back(
          "Steps see parts of this host read-only, for the kernel cannot put an "
          "overlay over them: "
          + m_read_only);
    return std::move(m_result);
  }

private:
  bool is_skipped(const std::string& path) const {
    const auto covers = [&](std::string_view folder) { return is_within(path, folder); };
    return covers(m_temporary_folder)
           || std::any_of(fresh_folders.begin(), fresh_folders.end(), covers)
           || std::any_of(foreign_folders.begin(), foreign_folders.end(), covers);
  }

  static Layer layer_of(const std::string& path, const struct stat& facts) {
    Layer layer;
    layer.path = path;
    layer.is_folder = S_ISDIR(facts.st_mode);
    layer.mode = facts.st_mode & 07777;
    layer.uid = facts.st_uid;
    layer.gid = facts.st_gid;
    return layer;
  }

  // Leaves the overlay mounted, below the survey's tmpfs, and goes with it.
  bool works(const Layer& layer) {
    const std::string place = layer.in_memory ? m_stage.store : m_stage.files + "/survey";
    const std::string target = m_stage.store + "/try" + std::to_string(m_tries);
    return make_folders(place) && make_folders(target)
           && mount_overlay(layer, place, m_tries++, target, m_privileged);
  }

  bool try_whole() {
    struct stat facts{};
    if (!m_privileged || stat("/", &facts) != 0)
      return false;
    Layer layer = layer_of("/", facts);
    layer.in_memory = true;
    if (!works(layer))
      return false;
    m_result.whole = true;
    m_result.layers.push_back(std::move(layer));
    return true;
  }

  // Memory is several times quicker than a disk here, and the disk that holds the temporary folder
  // is mostly the one below the overlay, which the kernel refuses. What may be big has other
  // places: workspaces, the Task's home and /tmp are on the disk.
  bool add_overlay(Layer layer) {
    layer.in_memory = m_memory_is_able;
    bool is_possible = works(layer);
    if (!is_possible && !layer.in_memory) {
      layer.in_memory = true;
      is_possible = works(layer);
    }
    if (is_possible) {
      m_result.needs_disk = m_result.needs_disk || !layer.in_memory;
      m_result.layers.push_back(std::move(layer));
    }
    return is_possible;
  }

  // Without root an overlay notes in its upper's "user." attributes that a folder was replaced;
  // tmpfs has them since Linux 6.6.
  bool is_memory_able() const {
    return m_privileged || setxattr(m_stage.store.c_str(), "user.taskgroup", "", 0, 0) == 0;
  }

  void add_bind(Layer layer) {
    layer.kind = Layer::Kind::bind;
    m_result.layers.push_back(std::move(layer));
  }

  void add_read_only(Layer layer) {
    m_read_only += (m_read_only.empty() ? "" : ", ") + layer.path;
    add_bind(std::move(layer));
  }

  void split_folder(const std::string& folder) {
    for (const std::string& name : entries_of(folder))
      add_entry((folder == "/" ? "" : folder) + "/" + name);
  }

  void add_entry(const std::string& path) {
    struct stat facts{};
    if (lstat(path.c_str(), &facts) != 0)
      return;
    Layer layer = layer_of(path, facts);
    const bool made_later =
        std::find(fresh_folders.begin(), fresh_folders.end(), path) != fresh_folders.end();
    if (S_ISLNK(facts.st_mode)) {
      layer.kind = Layer::Kind::link;
      layer.link = link_target(path);
      m_result.layers.push_back(std::move(layer));
    } else if (!S_ISDIR(facts.st_mode)) {
      if (S_ISREG(facts.st_mode))
        add_bind(std::move(layer));
    } else if (made_later || access(path.c_str(), R_OK | X_OK) != 0) {
      layer.kind = Layer::Kind::folder;
      layer.mode = 0755;
      m_result.layers.push_back(std::move(layer));
    } else if (is_read_only_mount(path)) {
      add_bind(std::move(layer));
    } else if (!add_overlay(layer)) {
      add_difficult_folder(std::move(layer));
    }
  }

  bool is_read_only_mount(const std::string& path) const {
    return std::any_of(m_mounts.begin(), m_mounts.end(), [&](const MountEntry& entry) {
      return entry.point == path && entry.read_only;
    });
  }

  // In a user namespace the kernel overlays no folder with mounts below it.
  void add_difficult_folder(Layer layer) {
    const std::string path = layer.path;
    const bool has_mounts =
        std::any_of(m_mounts.begin(), m_mounts.end(), [&](const MountEntry& entry) {
          return entry.point != path && is_within(entry.point, path);
        });
    if (has_mounts && entries_of(path).size() <= max_split) {
      layer.kind = Layer::Kind::folder;
      m_result.layers.push_back(std::move(layer));
      split_folder(path);
      return;
    }
    add_read_only(std::move(layer));
  }

  void add_mount(const MountEntry& entry) {
    const bool is_kernels =
        std::find(kernel_types.begin(), kernel_types.end(), entry.type) != kernel_types.end();
    const bool is_done =
        std::any_of(m_result.layers.begin(), m_result.layers.end(), [&](const Layer& layer) {
          return layer.path == entry.point
                 || (layer.kind == Layer::Kind::bind && is_within(entry.point, layer.path));
        });
    struct stat facts{};
    if (entry.point == "/" || is_kernels || is_done || is_skipped(entry.point)
        || stat(entry.point.c_str(), &facts) != 0)
      return;
    Layer layer = layer_of(entry.point, facts);
    if (entry.read_only || !layer.is_folder)
      add_bind(std::move(layer));
    else if (!add_overlay(layer))
      add_read_only(std::move(layer));
  }

  // Other runs' temporary folders lie beside ours. The folder that holds them is hidden, unless
  // that would hide the user's home with its tools, or everything.
  void hide() {
    const std::string parent = parent_of(m_temporary_folder);
    if (std::any_of(fresh_folders.begin(), fresh_folders.end(),
                    [&](std::string_view folder) { return is_within(parent, folder); }))
      return;
    const char* const home = std::getenv("HOME");
    if (parent != "/" && (home == nullptr || !is_within(real_path(home), parent))) {
      m_result.hidden.push_back(parent);
      return;
    }
    for (const std::string& name : entries_of(parent)) {
      const std::string path = (parent == "/" ? "" : parent) + "/" + name;
      if (name.rfind("taskgroup-", 0) == 0)
        m_result.hidden.push_back(path);
    }
  }

  void find_resolver() {
    const std::string path = real_path("/etc/resolv.conf");
    if (is_within(path, "/run"))
      m_result.resolver = path;
  }

  const Stage& m_stage;
  std::string m_temporary_folder;
  bool m_privileged;
  std::vector<MountEntry> m_mounts;
  bool m_memory_is_able;
  std::size_t m_tries = 0;
  HostRoot m_result;
  std::string m_read_only; // paths
};

} // namespace

bool mount_overlay(const Layer& layer, const std::string& place, std::size_t number,
                   const std::string& target, bool privileged) {
  const std::string upper = place + "/u" + std::to_string(number);
  const std::string work = place + "/w" + std::to_string(number);
  if (mkdir(upper.c_str(), 0700) != 0 || mkdir(work.c_str(), 0700) != 0)
    return false;
  // The top of an overlay has its upper's owner and mode. An owner that the user namespace does not
  // map cannot be set, and becomes the caller.
  if (privileged && chown(upper.c_str(), layer.uid, layer.gid) != 0)
    return false;
  if (chmod(upper.c_str(), layer.mode) != 0)
    return false;
  std::string options = "lowerdir=" + escaped(layer.path) + ",upperdir=" + escaped(upper)
                        + ",workdir=" + escaped(work);
  if (!privileged)
    options += ",userxattr";
  // Nothing of this outlives the run, so nothing needs to reach the disk. With redirect_dir the
  // host's folders can be renamed; the kernel refuses it together with userxattr.
  const std::string best = options + ",volatile" + (privileged ? ",redirect_dir=on" : "");
  return mount("overlay", target.c_str(), "overlay", 0, best.c_str()) == 0
         || (errno == EINVAL
             && mount("overlay", target.c_str(), "overlay", 0, options.c_str()) == 0);
}

tl::expected<HostRoot, int> survey_host(const Stage& stage, const std::string& temporary_folder,
                                        bool privileged) {
  if (mount("tmpfs", stage.store.c_str(), "tmpfs", MS_NOSUID, "mode=755") != 0)
    return tl::make_unexpected(errno);
  HostRoot root = Survey(stage, temporary_folder, privileged).run();
  if (umount2(stage.store.c_str(), MNT_DETACH) != 0)
    return tl::make_unexpected(errno);
  remove_tree(stage.files + "/survey");
  return root;
}

} // namespace taskgroup::host
