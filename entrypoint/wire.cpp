// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/wire.h"

#include "core/run/json.h"
#include "core/run/json_writer.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <utility>

namespace taskgroup::wire {

namespace {

using Json = nlohmann::json;

// Writes one message: the names of its members are its fields' documentation (docs/design/wire.md).
class Writer {
public:
  explicit Writer(std::string_view type) {
    m_json.begin_object();
    text("type", type);
  }

  void text(std::string_view name, std::string_view text) {
    m_json.key(name);
    m_json.text(text);
  }

  void number(std::string_view name, std::int64_t number) {
    m_json.key(name);
    m_json.number(number);
  }

  void flag(std::string_view name, bool flag) {
    m_json.key(name);
    m_json.boolean(flag);
  }

  void value(std::string_view name, const Value& value) {
    m_json.key(name);
    m_json.value(value);
  }

  void values(std::string_view name, const std::map<std::string, Value>& values) {
    m_json.key(name);
    m_json.begin_object();
    for (const auto& [key, value] : values) {
      this->value(key, value);
    }
    m_json.end_object();
  }

  std::string line() {
    m_json.end_object();
    return m_json.str() + '\n';
  }

private:
  JsonWriter m_json;
};

struct Encoder {
  std::string operator()(const Hello& message) const {
    Writer writer("hello");
    writer.number("v", message.version);
    writer.text("container", message.container);
    return writer.line();
  }

  std::string operator()(const Started& message) const {
    Writer writer("started");
    writer.number("attempt", message.attempt);
    return writer.line();
  }

  std::string operator()(const Paused& message) const {
    Writer writer("paused");
    writer.number("attempt", message.attempt);
    writer.flag("before", message.before);
    writer.number("code", message.code);
    writer.text("error", message.error);
    return writer.line();
  }

  std::string operator()(const Ready& message) const {
    Writer writer("ready");
    writer.number("attempt", message.attempt);
    return writer.line();
  }

  std::string operator()(const Exited& message) const {
    Writer writer("exited");
    writer.number("attempt", message.attempt);
    writer.number("code", message.code);
    writer.text("error", message.error);
    writer.value("results", message.results);
    if (message.out_of_memory) {
      writer.flag("outOfMemory", true);
    }
    if (!message.step_results.empty()) {
      writer.value("stepResults", message.step_results);
    }
    if (message.marked_failed) {
      writer.flag("markedFailed", true);
    }
    return writer.line();
  }

  std::string operator()(const ResetDone& message) const {
    Writer writer("reset");
    writer.number("attempt", message.attempt);
    writer.text("error", message.error);
    return writer.line();
  }

  std::string operator()(const Start& message) const {
    Writer writer("start");
    writer.number("attempt", message.attempt);
    writer.text("step", message.step);
    writer.number("index", static_cast<std::int64_t>(message.index));
    writer.flag("carryOn", message.carry_on);
    writer.text("workingDir", message.working_dir);
    if (message.script) {
      writer.text("script", *message.script);
    }
    writer.values("values", message.values);
    writer.value("results", message.results);
    if (message.care) {
      writer.text("care", *message.care);
    }
    if (!message.step_results.empty()) {
      writer.value("stepResults", message.step_results);
    }
    if (!message.stdout_path.empty()) {
      writer.text("stdout", message.stdout_path);
    }
    if (!message.stderr_path.empty()) {
      writer.text("stderr", message.stderr_path);
    }
    if (message.skipped) {
      writer.flag("skipped", true);
    }
    if (message.pause_before) {
      writer.flag("pauseBefore", true);
    }
    if (message.pause_on_failure) {
      writer.flag("pauseOnFailure", true);
    }
    return writer.line();
  }

  std::string operator()(const Stop& message) const {
    Writer writer("stop");
    writer.number("attempt", message.attempt);
    writer.number("graceMs", message.grace.count());
    return writer.line();
  }

  std::string operator()(const Reset& message) const {
    Writer writer("reset");
    writer.number("attempt", message.attempt);
    writer.value("empty", message.paths);
    return writer.line();
  }

  std::string operator()(const Done& /*message*/) const { return Writer("done").line(); }
};

std::optional<std::string> text_from(const Json& json) {
  const auto* const text = json.get_ptr<const std::string*>();
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<Value::Array> array_from(const Json& json) {
  Value::Array items;
  for (const Json& element : json) {
    std::optional<std::string> item = text_from(element);
    if (!item) {
      return std::nullopt;
    }
    items.push_back(std::move(*item));
  }
  return json.is_array() ? std::optional(std::move(items)) : std::nullopt;
}

std::optional<Value::Object> object_from(const Json& json) {
  Value::Object fields;
  for (auto field = json.begin(); field != json.end(); ++field) {
    std::optional<std::string> text = json.is_object() ? text_from(*field) : std::nullopt;
    if (!text) {
      return std::nullopt;
    }
    fields.emplace(field.key(), std::move(*text));
  }
  return json.is_object() ? std::optional(std::move(fields)) : std::nullopt;
}

template <typename T>
std::optional<Value> value_of(std::optional<T> content) {
  return content ? std::optional<Value>(std::move(*content)) : std::nullopt;
}

std::optional<Value> value_from(const Json& json) {
  return json.is_array()    ? value_of(array_from(json))
         : json.is_object() ? value_of(object_from(json))
                            : value_of(text_from(json));
}

// Reads the members of a message and remembers the first one that is missing or of the wrong type.
class Reader {
public:
  explicit Reader(const Json& json) : m_json(json) {}

  int number(const char* key) {
    const Json& value = member(key);
    if (value.is_number_integer()) {
      const auto wide = value.get<std::int64_t>();
      if (wide >= 0 && wide <= std::numeric_limits<int>::max()) {
        return static_cast<int>(wide);
      }
    }
    return fail<int>(key);
  }

  bool flag(const char* key) {
    const Json& value = member(key);
    return value.is_boolean() ? value.get<bool>() : fail<bool>(key);
  }

  std::string text(const char* key) { return take(key, text_from(member(key))); }
  Value::Array array(const char* key) { return take(key, array_from(member(key))); }
  Value::Object object(const char* key) { return take(key, object_from(member(key))); }

  std::map<std::string, Value> values(const char* key) {
    std::map<std::string, Value> values;
    const Json& json = member(key);
    if (!json.is_object()) {
      return fail<std::map<std::string, Value>>(key);
    }
    for (auto field = json.begin(); field != json.end(); ++field) {
      std::optional<Value> value = value_from(*field);
      if (!value) {
        return fail<std::map<std::string, Value>>(key);
      }
      values.emplace(field.key(), std::move(*value));
    }
    return values;
  }

  bool has(const char* key) const { return m_json.contains(key); }

  // A flag that may be missing.
  bool is_set(const char* key) { return has(key) && flag(key); }

  template <typename Message>
  tl::expected<Message, std::string> result(Message message) {
    if (m_bad != nullptr) {
      return tl::make_unexpected("field \"" + std::string(m_bad)
                                 + "\" is missing or of another type");
    }
    return message;
  }

private:
  const Json& member(const char* key) const {
    static const Json nothing;
    const auto found = m_json.find(key);
    return found == m_json.end() ? nothing : *found;
  }

  template <typename T>
  T fail(const char* key) {
    if (m_bad == nullptr) {
      m_bad = key;
    }
    return T();
  }

  template <typename T>
  T take(const char* key, std::optional<T> value) {
    return value ? std::move(*value) : fail<T>(key);
  }

  const Json& m_json;
  const char* m_bad = nullptr;
};

tl::expected<Json, std::string> parse(std::string_view line) {
  std::optional<Json> json = parse_json(line);
  if (!json || !json->is_object()) {
    return tl::make_unexpected(std::string("not a JSON object"));
  }
  return std::move(*json);
}

std::string type_of(const Json& json) {
  const auto found = json.find("type");
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace

std::string encode(const FromAgent& message) { return std::visit(Encoder{}, message); }
std::string encode(const ToAgent& message) { return std::visit(Encoder{}, message); }

tl::expected<FromAgent, std::string> decode_from_agent(std::string_view line) {
  const auto json = parse(line);
  if (!json) {
    return tl::make_unexpected(json.error());
  }
  const std::string type = type_of(*json);
  Reader reader(*json);
  if (type == "hello") {
    const int spoken = reader.number("v");
    return reader.result<FromAgent>(
        Hello{spoken, spoken == version ? reader.text("container") : std::string()});
  }
  if (type == "started") {
    return reader.result<FromAgent>(Started{reader.number("attempt")});
  }
  if (type == "paused") {
    return reader.result<FromAgent>(Paused{reader.number("attempt"), reader.flag("before"),
                                           reader.number("code"), reader.text("error")});
  }
  if (type == "ready") {
    return reader.result<FromAgent>(Ready{reader.number("attempt")});
  }
  if (type == "exited") {
    return reader.result<FromAgent>(
        Exited{reader.number("attempt"), reader.number("code"), reader.text("error"),
               reader.object("results"), reader.is_set("outOfMemory"),
               reader.has("stepResults") ? reader.object("stepResults") : Value::Object(),
               reader.is_set("markedFailed")});
  }
  if (type == "reset") {
    return reader.result<FromAgent>(ResetDone{reader.number("attempt"), reader.text("error")});
  }
  return tl::make_unexpected(std::string("no known message type"));
}

tl::expected<ToAgent, std::string> decode_to_agent(std::string_view line) {
  const auto json = parse(line);
  if (!json) {
    return tl::make_unexpected(json.error());
  }
  const std::string type = type_of(*json);
  Reader reader(*json);
  if (type == "start") {
    Start start;
    start.attempt = reader.number("attempt");
    start.step = reader.text("step");
    start.index = static_cast<std::size_t>(reader.number("index"));
    start.carry_on = reader.flag("carryOn");
    start.working_dir = reader.text("workingDir");
    if (reader.has("script")) {
      start.script = reader.text("script");
    }
    start.values = reader.values("values");
    start.results = reader.array("results");
    if (reader.has("care")) {
      start.care = reader.text("care");
    }
    if (reader.has("stepResults")) {
      start.step_results = reader.array("stepResults");
    }
    if (reader.has("stdout")) {
      start.stdout_path = reader.text("stdout");
    }
    if (reader.has("stderr")) {
      start.stderr_path = reader.text("stderr");
    }
    start.skipped = reader.is_set("skipped");
    start.pause_before = reader.is_set("pauseBefore");
    start.pause_on_failure = reader.is_set("pauseOnFailure");
    return reader.result<ToAgent>(std::move(start));
  }
  if (type == "stop") {
    return reader.result<ToAgent>(Stop{reader.number("attempt"), Millis(reader.number("graceMs"))});
  }
  if (type == "reset") {
    return reader.result<ToAgent>(Reset{reader.number("attempt"), reader.array("empty")});
  }
  if (type == "done") {
    return reader.result<ToAgent>(Done{});
  }
  return tl::make_unexpected(std::string("no known message type"));
}

void Lines::append(std::string_view bytes) {
  // What has been returned goes once it is the larger part, so that each byte is moved once at
  // most.
  if (m_begin > 0 && m_begin >= m_data.size() - m_begin) {
    m_data.erase(0, m_begin);
    m_scanned -= m_begin;
    m_begin = 0;
  }
  m_data += bytes;
}

std::optional<std::string_view> Lines::next() {
  const std::size_t end = m_data.find('\n', m_scanned);
  if (end == std::string::npos) {
    m_scanned = m_data.size();
    return std::nullopt;
  }
  const std::string_view line = std::string_view(m_data).substr(m_begin, end - m_begin);
  m_begin = end + 1;
  m_scanned = m_begin;
  return line;
}

} // namespace taskgroup::wire
