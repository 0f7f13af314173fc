// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/breakpoint.h"

#include "entrypoint/files.h"
#include "entrypoint/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

namespace taskgroup {

namespace {

constexpr mode_t for_everybody = 0666; // who looks need not be the step's user

struct DebugScript {
  const char* name;
  Hold hold;
  Verdict verdict;
};

constexpr std::array<DebugScript, 4> scripts{{
    {"debug-continue", Hold::on_failure, Verdict::go_on},
    {"debug-fail-continue", Hold::on_failure, Verdict::fail},
    {"debug-beforestep-continue", Hold::before_step, Verdict::go_on},
    {"debug-beforestep-fail-continue", Hold::before_step, Verdict::fail},
}};

std::string fifo_of(const std::string& folder, Hold hold) {
  return folder + (hold == Hold::before_step ? "/before-step" : "/on-failure");
}

std::string_view name_of(std::string_view program) {
  return program.substr(program.rfind('/') + 1);
}

const DebugScript* find_script(std::string_view name) {
  for (const DebugScript& script : scripts) {
    if (script.name == name) {
      return &script;
    }
  }
  return nullptr;
}

// Links to this very program, where this container has it.
tl::expected<void, std::string> link_scripts(const std::string& folder) {
  std::string self(PATH_MAX, '\0');
  const ssize_t size = readlink("/proc/self/exe", self.data(), self.size());
  if (size <= 0) {
    return tl::make_unexpected(with_errno("cannot read /proc/self/exe", errno));
  }
  self.resize(static_cast<std::size_t>(size));
  if (auto made = make_folders(folder, 0755); !made) {
    return made;
  }
  for (const DebugScript& script : scripts) {
    const std::string link = folder + "/" + script.name;
    if (symlink(self.c_str(), link.c_str()) != 0 && errno != EEXIST) {
      return tl::make_unexpected(with_errno("cannot make \"" + link + "\"", errno));
    }
  }
  return {};
}

} // namespace

tl::expected<Breakpoint, std::string> Breakpoint::open(const std::string& folder, std::size_t index,
                                                       Hold hold) {
  if (auto linked = link_scripts(folder + "/scripts"); !linked) {
    return tl::make_unexpected(std::move(linked.error()));
  }
  if (auto made = make_folders(folder + "/info/" + std::to_string(index), 0755); !made) {
    return tl::make_unexpected(std::move(made.error()));
  }
  std::string path = fifo_of(folder, hold);
  unlink(path.c_str());
  Fd fifo;
  if (mkfifo(path.c_str(), for_everybody) == 0 && chmod(path.c_str(), for_everybody) == 0) {
    // Open for writing, too, or it would be at its end whenever nobody else has it open.
    fifo = Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  if (!fifo) {
    return tl::make_unexpected(with_errno("cannot make the FIFO \"" + path + "\"", errno));
  }
  return Breakpoint(hold, std::move(path), std::move(fifo));
}

Breakpoint::~Breakpoint() {
  if (m_fifo) {
    unlink(m_path.c_str());
  }
}

std::optional<Verdict> Breakpoint::verdict() const {
  char decided = 0;
  if (read(m_fifo.get(), &decided, 1) != 1) {
    return std::nullopt;
  }
  return decided == '0' ? Verdict::go_on : Verdict::fail;
}

bool is_debug_script(std::string_view program) { return find_script(name_of(program)) != nullptr; }

int run_debug_script(const std::string& program) {
  const DebugScript* const script = find_script(name_of(program));
  if (script == nullptr) {
    return EXIT_FAILURE;
  }
  const std::size_t slash = program.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "/tekton/debug" : program.substr(0, slash) + "/..";
  const Fd fifo(::open(fifo_of(folder, script->hold).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fifo && (errno == ENOENT || errno == ENXIO)) {
    warn(script->hold == Hold::before_step
             ? "no breakpoint holds this step before it runs: nothing to do"
             : "no breakpoint holds this step after a failure: nothing to do");
    return EXIT_FAILURE;
  }
  if (!fifo || write(fifo.get(), script->verdict == Verdict::go_on ? "0" : "1", 1) != 1) {
    warn(with_errno("cannot tell the step's agent", errno));
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

} // namespace taskgroup
