// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/tls_socket.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace taskgroup {

TlsSocket::TlsSocket(int fd) : m_fd(fd) {}

TlsSocket::~TlsSocket() {
  m_ssl.reset();
  close(m_fd);
}

void TlsSocket::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

Progress TlsSocket::progress_of(int result) const {
  switch (SSL_get_error(m_ssl.get(), result)) {
  case SSL_ERROR_NONE:
    return Progress::done;
  case SSL_ERROR_WANT_READ:
    return Progress::wants_readable;
  case SSL_ERROR_WANT_WRITE:
    return Progress::wants_writable;
  case SSL_ERROR_ZERO_RETURN:
    return Progress::ended;
  default:
    return Progress::broken;
  }
}

Progress TlsSocket::handshake(const TlsIdentity& identity) {
  ERR_clear_error();
  if (!m_ssl) {
    m_ssl.reset(SSL_new(identity.get()));
    if (!m_ssl || SSL_set_fd(m_ssl.get(), m_fd) != 1)
      return Progress::broken;
  }
  return progress_of(SSL_accept(m_ssl.get()));
}

Progress TlsSocket::read(std::span<char> into, std::size_t& got) {
  ERR_clear_error();
  got = 0;
  return progress_of(SSL_read_ex(m_ssl.get(), into.data(), into.size(), &got));
}

Progress TlsSocket::write(std::string_view bytes, std::size_t& written) {
  ERR_clear_error();
  written = 0;
  return progress_of(SSL_write_ex(m_ssl.get(), bytes.data(), bytes.size(), &written));
}

void TlsSocket::end() {
  ERR_clear_error();
  if (m_ssl && SSL_is_init_finished(m_ssl.get()) == 1)
    SSL_shutdown(m_ssl.get()); // its first half: close_notify
  m_ssl.reset();
  shutdown(m_fd, SHUT_WR);
}

Progress TlsSocket::discard(std::span<char> scratch) const {
  const ssize_t count = recv(m_fd, scratch.data(), scratch.size(), 0);
  if (count > 0)
    return Progress::done;
  if (count == 0)
    return Progress::ended;
  return errno == EAGAIN || errno == EINTR ? Progress::wants_readable : Progress::broken;
}

} // namespace taskgroup
