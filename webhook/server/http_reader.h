// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace taskgroup {

// A request as it came, its body in whole.
struct HttpRequest {
  std::string method;
  std::string path;  // without the query
  std::string query; // without '?'
  std::string content_type;
  std::string body;
  bool close = false; // the client wants the connection closed after the answer
};

// How much of a request is read at most. What is over is refused before it is kept.
struct HttpLimits {
  std::size_t head = 16 * 1024; // request line and headers, in bytes
  std::size_t headers = 64;     // in lines
  // An AdmissionReview holds the object, at an update the one before it too, and about itself. The
  // API server's store takes no object over 1.5 MiB (etcd's limit of a request), so twice that and
  // half a MiB is all that can come of an object that could be stored.
  std::size_t body = 3 * 1024 * 1024 + 512 * 1024;
};

// Reads requests of HTTP/1.1 (RFC 9112) from bytes as they come, however they are cut. It takes
// less than the RFC allows, all that clients of an admission webhook need: no chunked bodies (411),
// no folded headers, no bare line feeds. Pure; for one thread.
class HttpReader {
public:
  enum class State {
    idle,     // no byte of a request has come
    head,     // some of it has
    body,     // the head is read, the body is not complete
    complete, // take() it
    refused   // answer with status() and close: what follows cannot be told apart
  };

  explicit HttpReader(HttpLimits limits) : m_limits(limits) {}

  // Read more. Bytes after a complete request are kept for the next one.
  void feed(std::string_view bytes);

  State state() const { return m_state; }

  // Tell, once, that the client waits for "100 Continue" before it sends the body.
  bool wants_continue();

  // Return the complete request and begin with the next.
  HttpRequest take();

  // Why a request is refused: a status of 4xx or 5xx, and what is wrong, for a person.
  int status() const { return m_status; }
  const std::string& why() const { return m_why; }

  // Return how many bytes are held.
  std::size_t kept() const { return m_buffer.capacity() + m_request.body.capacity(); }

private:
  void read_head();
  bool parse_head(std::string_view head);
  bool parse_request_line(std::string_view line);
  bool parse_header(std::string_view line);
  bool decide_body();
  void read_body();
  bool refuse(int status, std::string why);

  HttpLimits m_limits;
  State m_state = State::idle;
  std::string m_buffer;   // of the head, then what follows a complete request
  std::size_t m_seen = 0; // bytes of m_buffer known not to end the head
  HttpRequest m_request;
  std::size_t m_length = 0; // of the body
  bool m_has_length = false;
  bool m_has_host = false;
  bool m_is_chunked = false;
  bool m_expects = false;
  int m_status = 0;
  std::string m_why;
};

} // namespace taskgroup
