// SPDX-License-Identifier: Apache-2.0
#include "core/run/json_writer.h"

#include "core/run/utf8.h"

namespace taskgroup {

void JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  m_out += ':';
  m_separate = false;
}

void JsonWriter::text(std::string_view text) {
  separate();
  quote(text);
}

void JsonWriter::number(std::int64_t number) {
  separate();
  m_out += std::to_string(number);
}

void JsonWriter::boolean(bool value) {
  separate();
  m_out += value ? "true" : "false";
}

void JsonWriter::value(const Value& value) {
  switch (value.type()) {
  case ValueType::string:
    text(value.text());
    return;
  case ValueType::array:
    begin_array();
    for (const std::string& item : value.items()) {
      text(item);
    }
    end_array();
    return;
  case ValueType::object:
    begin_object();
    for (const auto& [name, field] : value.fields()) {
      key(name);
      text(field);
    }
    end_object();
    return;
  }
}

void JsonWriter::open(char bracket) {
  separate();
  m_out += bracket;
  m_separate = false;
}

void JsonWriter::close(char bracket) {
  m_out += bracket;
  m_separate = true;
}

void JsonWriter::separate() {
  if (m_separate) {
    m_out += ',';
  }
  m_separate = true;
}

void JsonWriter::quote(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  m_out += '"';
  for (const char c : to_valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      m_out += '\\';
      m_out += c;
    } else if (c == '\n') {
      m_out += "\\n";
    } else if (c == '\t') {
      m_out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      m_out += "\\u00";
      m_out += hex[byte >> 4U];
      m_out += hex[byte & 0xFU];
    } else {
      m_out += c;
    }
  }
  m_out += '"';
}

} // namespace taskgroup
