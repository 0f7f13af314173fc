// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entrypoint/fd.h"
#include "entrypoint/wire.h"

#include <gtest/gtest.h>

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Real processes and sockets for tests. Whoever waits, waits for an event; what does not come
// within a minute fails the test.
namespace taskgroup::testing {

// A folder that goes, with what is in it, at the end of the test.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return m_path; }
  std::string operator/(std::string_view name) const { return m_path + "/" + std::string(name); }

private:
  std::string m_path;
};

// Return a file's content; nothing if it is not there.
std::optional<std::string> content_of(const std::string& path);

// Return the text as gzip packs it, at zlib's level (0 to 9) and by its strategy.
std::string gzip(std::string_view text, int level = 9, int strategy = 0);

void write_content(const std::string& path, std::string_view content);

// Tell whether a process exists that is not a zombie.
bool is_alive(pid_t pid);

// Wait until a process, anybody's, has ended.
void wait_for_end(pid_t pid);

// A program that runs, its stdout and stderr in pipes; killed at the end of the test.
class Program {
public:
  explicit Program(std::vector<std::string> argv, std::vector<std::string> env = {});
  ~Program();
  Program(Program&& other) noexcept;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return m_pid; }

  // Return the next line of stdout without its line break; nothing at its end.
  std::optional<std::string> line();

  // Return what is left of stdout, and all of stderr, when they end.
  std::string rest();
  std::string errors();

  void signal(int number) const;

  // Wait for the end; return the exit code, or 128 + signal.
  int wait();

private:
  pid_t m_pid = -1;
  Fd m_stdout;
  Fd m_stderr;
  std::string m_unread;
};

// Return the agent program's path.
std::string agent_program();

// Return a socket that listens at `path`.
Fd listen_at(const std::string& path);

// One end of a connection that speaks the wire protocol, or anything else.
class Peer {
public:
  Peer() = default;
  explicit Peer(Fd socket) : m_socket(std::move(socket)) {}

  static Peer accept(const Fd& listener);
  static Peer connect(const std::string& path);

  void send(std::string_view bytes);
  void send(const wire::FromAgent& message) { send(wire::encode(message)); }
  void send(const wire::ToAgent& message) { send(wire::encode(message)); }

  // Return the next line; nothing at the end of the connection.
  std::optional<std::string> line();

  // Return the next message, which must be of this type.
  template <typename Message>
  Message from_agent() {
    return content<Message>(wire::decode_from_agent(line().value_or("")));
  }
  template <typename Message>
  Message to_agent() {
    return content<Message>(wire::decode_to_agent(line().value_or("")));
  }

  void close() { m_socket.reset(); }

private:
  template <typename Message, typename Decoded>
  static Message content(const Decoded& decoded) {
    if (!decoded) {
      ADD_FAILURE() << "no message: " << decoded.error();
      return {};
    }
    const auto* const message = std::get_if<Message>(&*decoded);
    EXPECT_NE(message, nullptr) << "a message of type " << decoded->index();
    return message != nullptr ? *message : Message{};
  }

  Fd m_socket;
  wire::Lines m_lines;
};

} // namespace taskgroup::testing
