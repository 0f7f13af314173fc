// SPDX-License-Identifier: Apache-2.0
#include "kube/answer.h"

#include "kube/json_fields.h"

#include <algorithm>
#include <charconv>

namespace taskgroup::kube {
namespace {

constexpr std::size_t max_depth = 200;
constexpr std::size_t max_quoted = 300; // of an answer that is no Status

using Kind = ApiError::Kind;

// Reasons of metav1.StatusReason that say more than the HTTP status does.
Kind kind_of(int code, const std::string& reason, const std::string& message) {
  // etcd's and its client's limits come back as 500, but the same object will never fit.
  if (code == 413 || reason == "RequestEntityTooLarge"
      || message.find("etcdserver: request is too large") != std::string::npos
      || message.find("trying to send message larger than max") != std::string::npos) {
    return Kind::too_large;
  }
  if (reason == "AlreadyExists") {
    return Kind::already_exists;
  }
  if (reason == "Expired" || reason == "Gone") {
    return Kind::expired;
  }
  if (reason == "Timeout" || reason == "ServerTimeout") {
    return Kind::timeout;
  }
  switch (code) {
  case 401:
    return Kind::unauthorized;
  case 403:
    return Kind::forbidden;
  case 404:
    return Kind::not_found;
  case 408:
  case 504:
    return Kind::timeout;
  case 409:
    return Kind::conflict;
  case 410:
    return Kind::expired;
  case 422:
    return Kind::invalid;
  case 429:
    return Kind::too_many_requests;
  default:
    break;
  }
  return code >= 500 ? Kind::internal : Kind::bad_request;
}

// What a proxy or an unknown path answers, cut to what a message bears.
std::string first_line(const std::string& body) {
  return body.substr(0, std::min(body.find('\n'), max_quoted));
}

} // namespace

std::optional<Json> parse_bounded(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  bool is_escaped = false;
  for (const char c : text) {
    if (in_string) {
      in_string = is_escaped || c != '"';
      is_escaped = !is_escaped && c == '\\';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) {
        return std::nullopt;
      }
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? std::nullopt : std::optional<Json>(std::move(parsed));
}

ApiError error_of_status(const Json& status, int http_status, const std::string& subject) {
  ApiError error{.kind = Kind::internal,
                 .code = http_status,
                 .reason = text_at(status, "reason"),
                 .message = {},
                 .retry_after = {}};
  if (const auto code = status.find("code"); code != status.end() && code->is_number_integer()) {
    error.code = code->get<int>();
  }
  const std::string message = text_at(status, "message");
  error.kind = kind_of(error.code, error.reason, message);
  error.message =
      subject + ": " + (message.empty() ? "HTTP " + std::to_string(error.code) : message);
  if (const auto details = status.find("details");
      details != status.end() && details->is_object()) {
    const auto seconds = details->find("retryAfterSeconds");
    if (seconds != details->end() && seconds->is_number_integer()) {
      error.retry_after = std::chrono::seconds(seconds->get<std::int64_t>());
    }
  }
  return error;
}

ApiError error_of_answer(const HttpAnswer& answer, const std::string& subject) {
  const auto body = parse_bounded(answer.body);
  Json status = body && body->is_object() && body->value("kind", Json()) == "Status"
                    ? *body
                    : Json({{"message", first_line(answer.body)}});
  status["code"] = answer.status; // a proxy's word counts more than what it wraps
  ApiError error = error_of_status(status, answer.status, subject);
  std::int64_t seconds = 0;
  const char* end = answer.retry_after.data() + answer.retry_after.size();
  if (!answer.retry_after.empty()
      && std::from_chars(answer.retry_after.data(), end, seconds).ptr == end) {
    error.retry_after = std::chrono::seconds(seconds);
  }
  return error;
}

ApiError error_of_transport(const std::string& message, const std::string& subject) {
  return ApiError{.kind = Kind::transport,
                  .code = 0,
                  .reason = {},
                  .message = subject + ": " + message,
                  .retry_after = {}};
}

} // namespace taskgroup::kube
