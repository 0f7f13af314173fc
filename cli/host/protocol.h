// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/host/sandbox.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup::host {

// What a Sandbox and its supervisor say to each other. Both are the same program, one the fork of
// the other: numbers are in the machine's order, and there is no version.

// Heads a request on the stream socket; `size` bytes follow, then the supervisor answers one byte.
// The descriptors named by `fds` (bit 0: stdin …) come with the head.
struct RequestHead {
  enum class Kind : std::uint32_t { start, kill };
  Kind kind = Kind::start;
  std::uint32_t id = 0;
  std::uint32_t size = 0;
  std::uint32_t fds = 0;
};

// One datagram on the event socket: this head, then text.
struct EventHead {
  enum class Kind : std::uint32_t {
    notice,       // text: the sentence
    ready,        // containers can be built
    prerequisite, // they cannot, for the machine forbids it; text: what failed
    internal,     // they cannot; text: what failed
    exited,       // text: why it could not start, or nothing
  };
  Kind kind = Kind::notice;
  std::uint32_t id = 0;
  std::int32_t status = 0;
};

constexpr std::size_t max_event = 4096;

// The specification's texts; descriptors are left out.
std::string encode(const ContainerSpec& spec);
std::optional<ContainerSpec> decode(std::string_view bytes);

// Blocking; false with errno, or at the end of the stream.
bool send_all(int fd, const void* data, std::size_t size);
bool receive_all(int fd, void* data, std::size_t size);

// Sends the head with the descriptors of `spec`, and receives them.
bool send_head(int fd, RequestHead head, const ContainerSpec& spec);
bool receive_head(int fd, RequestHead& head, ContainerSpec& spec);

} // namespace taskgroup::host
