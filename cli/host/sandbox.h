// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::host {

// A folder or file of the host that a container sees at `target`.
struct Mount {
  std::string source; // absolute path on the host, must exist
  std::string target; // absolute path in the container; made, with its parents, if it is missing
  bool read_only = false; // every mount below `source` becomes read-only, too
  // What the container writes is its own and goes with it; read-only where the kernel cannot put an
  // overlay over the folder.
  bool scratch = false;
};

// One program and the world it runs in.
struct ContainerSpec {
  std::string name;              // unique among the running containers of a Sandbox
  std::vector<std::string> argv; // argv[0] is an absolute path in the container, after the mounts
  std::vector<std::string> env;  // exactly this environment, as NAME=value
  std::string cwd = "/";         // must exist in the container
  std::vector<Mount> mounts;     // applied from the shallowest target to the deepest
  int stdin_fd = -1;             // -1: /dev/null. The three are duplicated by start() and stay
  int stdout_fd = -1;            // the caller's
  int stderr_fd = -1;
  // True: a root, a pid and a mount namespace of its own, PID 1, capabilities as in a default OCI
  // container. False: the host's own root in the namespaces of the supervisor, no mounts.
  bool isolated = true;
};

// The end of a container, reported exactly once for each successful start().
struct Exit {
  std::string name;
  int status = 0;          // as from waitpid(2); meaningless if start_error is set
  std::string start_error; // not empty: the program was never executed, and why
};

struct StartError {
  enum class Kind {
    prerequisite, // this machine forbids what the sandbox needs; the message names the way out
    internal,
  };
  Kind kind = Kind::internal;
  std::string message;
};

struct SandboxOptions {
  // A folder on a disk, owned by the caller (see temporary_folder.h); the sandbox uses `host` in
  // it. The containers' /tmp and /var/tmp are kept there; what they write elsewhere, but for
  // mounts, is in memory. The folder it lies in is not visible in containers, except through
  // mounts.
  std::string temporary_folder;
  // Leave the containers' files in the temporary folder when they end.
  bool keep = false;
};

// Makes containers out of the host itself, with mount and pid namespaces and overlays over the
// host's file systems: a program finds the host's tools, writes where it likes and changes nothing
// on the host but what is mounted read-write into its container. A user namespace is used only if
// the caller is not root. The network is the host's.
//
// One supervisor process, PID 1 of a pid namespace, starts and reaps the containers. It dies with
// the thread that called create(), whatever ends that thread, and with it every process in every
// container. No mount is ever visible on the host.
//
// Not thread-safe: create() forks, so it belongs to a process of one thread, and all calls to that
// thread. Needs Linux 5.12 and /proc.
class Sandbox {
public:
  // Starts the supervisor and proves that a container can be built, before any program is run.
  static tl::expected<Sandbox, StartError> create(const SandboxOptions& options);

  Sandbox(Sandbox&& other) noexcept;
  Sandbox& operator=(Sandbox&& other) noexcept;
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox(); // as kill_all()

  // Hands a container over to the supervisor. Fails only if the specification itself is invalid,
  // its name is in use or the supervisor is gone; every later failure arrives as an Exit.
  tl::expected<void, std::string> start(const ContainerSpec& spec);

  // Kills the container's PID 1, and with it all that runs in it. Unknown and ended names are
  // ignored.
  void kill(std::string_view name);

  // A descriptor that polls readable when read_exits() has something to say. It stays readable once
  // the supervisor is gone (see alive()). Owned by the Sandbox.
  int event_fd() const { return m_events; }

  // Returns the containers that ended since the last call, without blocking. If the supervisor is
  // gone, every container still running is reported as killed by SIGKILL.
  std::vector<Exit> read_exits();

  // Kills everything with SIGKILL and returns when no process is left. read_exits() then reports
  // the containers that were running.
  void kill_all();

  // False after kill_all() or if the supervisor died.
  bool alive() const { return m_supervisor_fd >= 0; }

  // What containers will find different from the host, one sentence each; report it once a run.
  const std::vector<std::string>& notices() const { return m_notices; }

private:
  Sandbox() = default;
  void swap(Sandbox& other) noexcept;

  pid_t m_supervisor = -1;
  int m_supervisor_fd = -1; // pidfd
  int m_requests = -1;      // stream: requests out, one byte back for each
  int m_events = -1;        // datagrams from the supervisor
  unsigned m_next_id = 1;
  std::map<unsigned, std::string> m_running;
  std::vector<std::string> m_notices;
};

} // namespace taskgroup::host
