// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/value.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace taskgroup {

// Writes compact JSON text on one line, in the order of the calls, always valid UTF-8 (bytes that
// are not become U+FFFD). The caller keeps begin and end in balance.
class JsonWriter {
public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // Write the name of an object's field; its value follows.
  void key(std::string_view name);

  void text(std::string_view text);
  void number(std::int64_t number);
  void boolean(bool value);
  void value(const Value& value);

  // Return what was written.
  const std::string& str() const { return m_out; }

private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string m_out;
  bool m_separate = false; // a comma is due before the next key or value
};

} // namespace taskgroup
