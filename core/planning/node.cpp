// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/node.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>
#include <variant>

namespace taskgroup {

// Files of half a million nodes are read within a bound on memory: a node is a scalar or a
// collection, never both.
struct Node::Data {
  struct Scalar {
    std::string text;
    std::string json; // of numbers and booleans
  };
  struct Collection {
    std::vector<Key> keys; // of mappings
    std::vector<Node> children;
  };

  Kind kind = Kind::null;
  int line = 0;
  int column = 0;
  std::shared_ptr<const std::string> file;
  std::variant<Scalar, Collection> content;

  const Scalar& scalar() const {
    static const Scalar none;
    const auto* scalar = std::get_if<Scalar>(&content);
    return scalar != nullptr ? *scalar : none;
  }
  const Collection& collection() const {
    static const Collection none;
    const auto* collection = std::get_if<Collection>(&content);
    return collection != nullptr ? *collection : none;
  }
};

namespace {

// Write a string as Go's json.Marshal does, HTML's characters escaped.
void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
        out += "\\u00";
        out += hex[static_cast<unsigned char>(c) >> 4U];
        out += hex[static_cast<unsigned char>(c) & 0xFU];
      } else if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") {
        out += text.substr(i, 3) == "\u2028" ? "\\u2028" : "\\u2029";
        i += 2;
      } else {
        out += c;
      }
    }
  }
  out += '"';
}

// The depth of a document is bounded by the reader, so recursion is too.
void append_json(std::string& out, const Node& node) {
  switch (node.kind()) {
  case Node::Kind::null:
    out += "null";
    break;
  case Node::Kind::boolean:
    out += node.boolean() ? "true" : "false";
    break;
  case Node::Kind::integer:
  case Node::Kind::floating:
    out += node.number_json();
    break;
  case Node::Kind::string:
    append_json_string(out, node.text());
    break;
  case Node::Kind::sequence: {
    out += '[';
    const char* separator = "";
    for (const Node& child : node.children()) {
      out += std::exchange(separator, ",");
      append_json(out, child);
    }
    out += ']';
    break;
  }
  case Node::Kind::mapping: {
    const auto keys = node.keys();
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return keys[i].name; });
    out += '{';
    const char* separator = "";
    for (const std::size_t i : order) {
      out += std::exchange(separator, ",");
      append_json_string(out, keys[i].name);
      out += ':';
      append_json(out, node.children()[i]);
    }
    out += '}';
    break;
  }
  }
}

} // namespace

Node::Node() {
  static const auto empty = std::make_shared<const Data>();
  m_data = empty;
}

Node::Kind Node::kind() const { return m_data->kind; }

Where Node::where(std::string path) const {
  return {m_data->file, m_data->line, m_data->column, std::move(path)};
}

const std::string& Node::text() const { return m_data->scalar().text; }

bool Node::boolean() const {
  return m_data->kind == Kind::boolean && m_data->scalar().json == "true";
}

std::optional<std::int64_t> Node::integer() const {
  const std::string& json = m_data->scalar().json;
  std::int64_t value = 0;
  if (m_data->kind != Kind::integer
      || std::from_chars(json.data(), json.data() + json.size(), value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> Node::number() const {
  const std::string& json = m_data->scalar().json;
  double value = 0;
  if ((m_data->kind != Kind::integer && m_data->kind != Kind::floating)
      || std::from_chars(json.data(), json.data() + json.size(), value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

const std::string& Node::number_json() const { return m_data->scalar().json; }

std::span<const Node> Node::children() const { return m_data->collection().children; }

std::span<const Node::Key> Node::keys() const { return m_data->collection().keys; }

const Node* Node::find(std::string_view key) const {
  const auto& [keys, children] = m_data->collection();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].name == key) {
      return &children[i];
    }
  }
  return nullptr;
}

Where Node::key_where(std::size_t index, std::string path) const {
  const Key& key = m_data->collection().keys.at(index);
  return {m_data->file, key.line, key.column, std::move(path)};
}

std::string Node::to_json() const {
  std::string out;
  append_json(out, *this);
  return out;
}

Node Node::scalar(Kind kind, std::string text, std::string json, const Where& where) {
  return make(kind, Data::Scalar{std::move(text), std::move(json)}, where);
}

Node Node::sequence(std::vector<Node> elements, const Where& where) {
  elements.shrink_to_fit();
  return make(Kind::sequence, Data::Collection{{}, std::move(elements)}, where);
}

Node Node::mapping(std::vector<Key> keys, std::vector<Node> values, const Where& where) {
  keys.shrink_to_fit();
  values.shrink_to_fit();
  return make(Kind::mapping, Data::Collection{std::move(keys), std::move(values)}, where);
}

template <typename Content>
Node Node::make(Kind kind, Content content, const Where& where) {
  return Node(std::make_shared<const Data>(Data{.kind = kind,
                                                .line = where.line,
                                                .column = where.column,
                                                .file = where.file,
                                                .content = std::move(content)}));
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
  case Node::Kind::null:
    return "null";
  case Node::Kind::boolean:
    return "boolean";
  case Node::Kind::integer:
    return "integer";
  case Node::Kind::floating:
    return "number";
  case Node::Kind::string:
    return "string";
  case Node::Kind::sequence:
    return "list";
  case Node::Kind::mapping:
    return "object";
  }
  return "unknown";
}

} // namespace taskgroup
