// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "webhook/server/tls_identity.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

using SSL = struct ssl_st;

namespace taskgroup {

// What a call on a socket that never blocks came to.
enum class Progress {
  done,           // it did what was asked, at least in part
  wants_readable, // call again when the socket is readable
  wants_writable, // or writable
  ended,          // the peer sends no more
  broken          // no TLS, or no connection any more: close it
};

// One connection's socket and the TLS on it. Owns the file descriptor. Until the first byte has
// come it holds no TLS at all: a silent client costs a descriptor. For one thread.
class TlsSocket {
public:
  explicit TlsSocket(int fd);
  ~TlsSocket(); // closes
  TlsSocket(TlsSocket&&) = delete;

  int fd() const { return m_fd; }

  // Begin or go on with the handshake; `identity` counts at the first call.
  Progress handshake(const TlsIdentity& identity);

  // Read what has come, one record (16 KiB) at most; `into` is to hold as much.
  Progress read(std::span<char> into, std::size_t& got);

  // Write a part of `bytes`, as much as goes.
  Progress write(std::string_view bytes, std::size_t& written);

  // Say that nothing more will be written. What the peer still sends is taken by discard(): closing
  // over unread bytes resets the connection, and the peer may lose the answer.
  void end();

  // Read and drop what has come, encrypted as it is.
  Progress discard(std::span<char> scratch) const;

private:
  struct Free {
    void operator()(SSL* ssl) const;
  };

  Progress progress_of(int result) const;

  int m_fd;
  std::unique_ptr<SSL, Free> m_ssl;
};

} // namespace taskgroup
