// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/request.h"

#include <taskgroup/reader.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace taskgroup::admission {
namespace {

constexpr std::size_t most_bytes = 8U * 1024 * 1024;

// An object may have as many levels as a file (ReadLimits); it stands in two more.
constexpr std::size_t levels_around = 2;

// The fields that identify a request, by their path.
struct TextField {
  std::string_view path;
  std::string Request::* member;
};

constexpr std::array<TextField, 8> text_fields = {{
    {"request.uid", &Request::uid},
    {"request.operation", &Request::operation},
    {"request.kind.group", &Request::group},
    {"request.kind.version", &Request::version},
    {"request.kind.kind", &Request::kind},
    {"request.subResource", &Request::sub_resource},
    {"request.namespace", &Request::namespace_name},
    {"request.name", &Request::name},
}};

constexpr std::string_view type_path = "kind";
constexpr std::string_view version_path = "apiVersion";

tl::unexpected<std::string> no_review(std::string_view why) {
  return tl::unexpected("no AdmissionReview of admission.k8s.io/v1: " + std::string(why));
}

tl::expected<Request, std::string> checked(Request request, std::string_view version,
                                           std::string_view kind) {
  if (kind != "AdmissionReview" || version != "admission.k8s.io/v1")
    return no_review("apiVersion and kind differ");
  if (request.uid.empty())
    return no_review("request.uid is missing");
  if (request.operation.empty() || request.kind.empty())
    return no_review("request.operation or request.kind is missing");
  return request;
}

const Node* find_path(const Node& root, std::string_view path) {
  const Node* node = &root;
  while (node != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    node = node->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return node;
}

std::string text_at(const Node& root, std::string_view path) {
  const Node* node = find_path(root, path);
  return node != nullptr && node->is_string() ? node->text() : std::string();
}

// Picks the texts of a review out of the events of a parser that knows neither depth nor size, so
// that also a review whose objects are beyond the limits gets its answer. Keeps no tree.
class Outline : public nlohmann::json_sax<nlohmann::json> {
public:
  Request request;
  std::string version;
  std::string kind;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool key(string_t& name) override {
    if (m_depth <= m_keys.size())
      m_keys.at(m_depth - 1) = name;
    return true;
  }

  bool string(string_t& text) override {
    if (m_depth == 0 || m_depth > m_keys.size())
      return true;
    std::string path = m_keys.front();
    for (std::size_t i = 1; i < m_depth; ++i)
      path += "." + m_keys.at(i);
    if (path == type_path)
      kind = text;
    else if (path == version_path)
      version = text;
    else
      for (const TextField& field : text_fields)
        if (path == field.path)
          request.*field.member = text;
    return true;
  }

private:
  bool enter() {
    ++m_depth;
    return true;
  }
  bool leave() {
    --m_depth;
    return true;
  }

  std::size_t m_depth = 0;
  std::array<std::string, 3> m_keys; // on the way to where the parser is
};

} // namespace

tl::expected<Request, std::string> read_request(std::string_view body) {
  ReadLimits limits;
  limits.bytes = most_bytes;
  limits.depth += levels_around;
  auto review = read_json(body, {}, limits);
  if (!review) {
    const std::vector<Diagnostic> found = review.error().sorted();
    const std::string why = found.empty() ? std::string() : found.front().message;
    Outline outline;
    if (body.size() > most_bytes || !nlohmann::json::sax_parse(body, &outline))
      return no_review(why);
    outline.request.unreadable = why;
    return checked(std::move(outline.request), outline.version, outline.kind);
  }
  Request request;
  for (const TextField& field : text_fields)
    request.*field.member = text_at(*review, field.path);
  if (const Node* object = find_path(*review, "request.object"))
    request.object = *object;
  if (const Node* object = find_path(*review, "request.oldObject"))
    request.old_object = *object;
  return checked(std::move(request), text_at(*review, version_path), text_at(*review, type_path));
}

} // namespace taskgroup::admission
