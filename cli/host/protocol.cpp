// SPDX-License-Identifier: Apache-2.0
#include "cli/host/protocol.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace taskgroup::host {

namespace {

class Writer {
public:
  void put(std::uint32_t value) {
    m_bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    m_bytes += text;
  }
  void put(const std::vector<std::string>& texts) {
    put(static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts)
      put(std::string_view(text));
  }
  std::string take() { return std::move(m_bytes); }

private:
  std::string m_bytes;
};

class Reader {
public:
  explicit Reader(std::string_view bytes) : m_bytes(bytes) {}

  std::uint32_t number() {
    std::uint32_t value = 0;
    if (m_bytes.size() < sizeof value) {
      m_is_short = true;
      return 0;
    }
    std::memcpy(&value, m_bytes.data(), sizeof value);
    m_bytes.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const std::size_t size = number();
    m_is_short = m_is_short || size > m_bytes.size();
    std::string result(m_bytes.substr(0, size));
    m_bytes.remove_prefix(result.size());
    return result;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> result;
    for (std::uint32_t count = number(); count > 0 && !m_is_short; --count)
      result.push_back(text());
    return result;
  }
  bool is_short() const { return m_is_short; }

private:
  std::string_view m_bytes;
  bool m_is_short = false;
};

constexpr std::size_t streams = 3;

std::array<int*, streams> streams_of(ContainerSpec& spec) {
  return {&spec.stdin_fd, &spec.stdout_fd, &spec.stderr_fd};
}

} // namespace

std::string encode(const ContainerSpec& spec) {
  Writer writer;
  writer.put(spec.name);
  writer.put(spec.argv);
  writer.put(spec.env);
  writer.put(spec.cwd);
  writer.put(static_cast<std::uint32_t>(spec.isolated));
  writer.put(static_cast<std::uint32_t>(spec.mounts.size()));
  for (const Mount& mount : spec.mounts) {
    writer.put(mount.source);
    writer.put(mount.target);
    writer.put(static_cast<std::uint32_t>(mount.read_only));
    writer.put(static_cast<std::uint32_t>(mount.scratch));
  }
  return writer.take();
}

std::optional<ContainerSpec> decode(std::string_view bytes) {
  Reader reader(bytes);
  ContainerSpec spec;
  spec.name = reader.text();
  spec.argv = reader.texts();
  spec.env = reader.texts();
  spec.cwd = reader.text();
  spec.isolated = reader.number() != 0;
  for (std::uint32_t count = reader.number(); count > 0 && !reader.is_short(); --count) {
    Mount mount;
    mount.source = reader.text();
    mount.target = reader.text();
    mount.read_only = reader.number() != 0;
    mount.scratch = reader.number() != 0;
    spec.mounts.push_back(std::move(mount));
  }
  if (reader.is_short())
    return std::nullopt;
  return spec;
}

bool send_all(int fd, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    next += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int fd, void* data, std::size_t size) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t received = recv(fd, next, size, 0);
    if (received < 0 && errno == EINTR)
      continue;
    if (received <= 0)
      return false;
    next += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

bool send_head(int fd, RequestHead head, const ContainerSpec& spec) {
  const std::array<int, streams> given{spec.stdin_fd, spec.stdout_fd, spec.stderr_fd};
  std::array<int, streams> fds{};
  std::size_t count = 0;
  head.fds = 0;
  for (std::size_t i = 0; i < streams; ++i) {
    if (given[i] >= 0) {
      fds[count++] = given[i];
      head.fds |= 1U << i;
    }
  }
  iovec part{&head, sizeof head};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), count * sizeof(int));
  }
  for (;;) {
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent >= 0)
      return sent == static_cast<ssize_t>(sizeof head);
    if (errno != EINTR)
      return false;
  }
}

bool receive_head(int fd, RequestHead& head, ContainerSpec& spec) {
  std::array<int, streams> fds{};
  iovec part{&head, sizeof head};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  if (received != static_cast<ssize_t>(sizeof head))
    return false;
  std::size_t count = 0;
  const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(fds.data(), CMSG_DATA(rights), count * sizeof(int));
  }
  std::size_t next = 0;
  const std::array<int*, streams> targets = streams_of(spec);
  for (std::size_t i = 0; i < streams; ++i) {
    if ((head.fds & (1U << i)) != 0 && next < count)
      *targets[i] = fds[next++];
  }
  return next == count && (message.msg_flags & MSG_CTRUNC) == 0;
}

} // namespace taskgroup::host
