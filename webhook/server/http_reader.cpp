// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/http_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace taskgroup {

namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || others.find(c) != std::string_view::npos;
  });
}

// Visible characters, spaces and tabs; bytes over 127 are opaque (RFC 9110, 5.5).
bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Tell whether a comma-separated list has this element.
bool lists(std::string_view text, std::string_view lower) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (equals_ignoring_case(trim(text.substr(0, comma)), lower))
      return true;
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return false;
}

// Waiting connections hold nothing. (Assigning an empty string keeps what there was.)
void free_memory_of(std::string& text) { std::string().swap(text); }

} // namespace

void HttpReader::feed(std::string_view bytes) {
  if (bytes.empty() || m_state == State::refused)
    return;
  if (m_state == State::body) {
    const auto part = bytes.substr(0, m_length - m_request.body.size());
    m_request.body.append(part);
    m_buffer.append(bytes.substr(part.size()));
    read_body();
    return;
  }
  m_buffer.append(bytes);
  if (m_state != State::complete)
    read_head();
}

void HttpReader::read_head() {
  if (m_buffer.empty())
    return;
  m_state = State::head;
  const auto end = m_buffer.find(head_end, m_seen);
  if (end == std::string::npos ? m_buffer.size() > m_limits.head
                               : end + head_end.size() > m_limits.head) {
    refuse(431, "request line and headers are over " + std::to_string(m_limits.head) + " bytes");
    return;
  }
  if (end == std::string::npos) {
    m_seen = m_buffer.size() < head_end.size() ? 0 : m_buffer.size() - head_end.size() + 1;
    return;
  }
  if (!parse_head(std::string_view(m_buffer).substr(0, end + line_end.size())) || !decide_body())
    return;
  m_request.body = m_buffer.substr(end + head_end.size(), m_length);
  m_buffer.erase(0, end + head_end.size() + m_request.body.size());
  m_seen = 0;
  m_state = State::body;
  read_body();
}

void HttpReader::read_body() {
  if (m_request.body.size() == m_length)
    m_state = State::complete;
}

bool HttpReader::parse_head(std::string_view head) {
  std::size_t lines = 0;
  while (!head.empty()) {
    const auto end = head.find(line_end);
    const auto line = head.substr(0, end);
    head.remove_prefix(end + line_end.size());
    if (lines++ == 0) {
      if (!parse_request_line(line))
        return false;
    } else if (lines > m_limits.headers + 1) {
      return refuse(431, "more than " + std::to_string(m_limits.headers) + " headers");
    } else if (!parse_header(line)) {
      return false;
    }
  }
  return true;
}

bool HttpReader::parse_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "the request line is not METHOD TARGET VERSION");
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(line.substr(0, first)) || !is_value(target) || !target.starts_with('/')
      || target.find_first_of(" \t") != std::string_view::npos)
    return refuse(400, "the request line is not METHOD TARGET VERSION");
  if (version != "HTTP/1.1")
    return refuse(version.starts_with("HTTP/") ? 505 : 400, "the version is not HTTP/1.1");
  const auto question = target.find('?');
  m_request.method = line.substr(0, first);
  m_request.path = target.substr(0, question);
  if (question != std::string_view::npos)
    m_request.query = target.substr(question + 1);
  return true;
}

bool HttpReader::parse_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse(400, "a header is not NAME: VALUE");
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (!is_value(value))
    return refuse(400, "a header's value has a control character");
  if (equals_ignoring_case(name, "content-length")) {
    // Two of them, or one that no peer reads alike, is how requests are smuggled.
    const auto* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, m_length);
    if (m_has_length || value.empty() || parsed.ptr != end
        || parsed.ec == std::errc::invalid_argument)
      return refuse(400, "Content-Length is not one number");
    if (parsed.ec == std::errc::result_out_of_range)
      m_length = static_cast<std::size_t>(-1);
    m_has_length = true;
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    m_is_chunked = true;
  } else if (equals_ignoring_case(name, "content-type")) {
    m_request.content_type = trim(value.substr(0, value.find(';')));
  } else if (equals_ignoring_case(name, "connection")) {
    m_request.close = m_request.close || lists(value, "close");
  } else if (equals_ignoring_case(name, "host")) {
    if (std::exchange(m_has_host, true))
      return refuse(400, "more than one Host");
  } else if (equals_ignoring_case(name, "expect")) {
    if (!equals_ignoring_case(value, "100-continue"))
      return refuse(417, "Expect is not 100-continue");
    m_expects = true;
  }
  return true;
}

bool HttpReader::decide_body() {
  if (!m_has_host)
    return refuse(400, "Host is missing");
  if (m_is_chunked && m_has_length)
    return refuse(400, "Transfer-Encoding beside Content-Length");
  const bool needs_length =
      m_request.method == "POST" || m_request.method == "PUT" || m_request.method == "PATCH";
  if (m_is_chunked || (needs_length && !m_has_length))
    return refuse(411, "send the body with Content-Length, not in chunks");
  if (m_length > m_limits.body)
    return refuse(413, "the body is over " + std::to_string(m_limits.body) + " bytes");
  return true;
}

bool HttpReader::wants_continue() {
  return std::exchange(m_expects, false) && m_state == State::body && m_request.body.empty();
}

HttpRequest HttpReader::take() {
  HttpRequest request = std::exchange(m_request, HttpRequest{});
  m_length = 0;
  m_has_length = m_has_host = m_is_chunked = m_expects = false;
  m_state = State::idle;
  m_seen = 0;
  if (m_buffer.empty())
    free_memory_of(m_buffer);
  read_head();
  return request;
}

bool HttpReader::refuse(int status, std::string why) {
  m_state = State::refused;
  m_status = status;
  m_why = std::move(why);
  free_memory_of(m_buffer);
  free_memory_of(m_request.body);
  return false;
}

} // namespace taskgroup
