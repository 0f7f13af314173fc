// SPDX-License-Identifier: Apache-2.0
#include "controller/progress.h"

#include "core/run/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace taskgroup {

namespace {

// A snapshot names the tasks in plan order.
using Json = nlohmann::ordered_json;

const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? &*found : nullptr;
}

std::string text_of(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// Return a count of attempts, whatever was written.
int count_of(const Json& object, const char* key) {
  return static_cast<int>(std::clamp<std::int64_t>(number_of(object, key), 0, 1'000'000));
}

bool is_true(const Json& object, const char* key) {
  const Json* const found = member(object, key);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

// Return a record's number; 0 if it is none.
std::uint64_t line_number_of(const Json& line) {
  const Json* const found = line.is_object() ? member(line, "n") : nullptr;
  return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<int> exit_code_of(const Json& object) {
  const Json* const found = member(object, "exitCode");
  return found != nullptr && found->is_number_integer() ? std::optional(found->get<int>())
                                                        : std::nullopt;
}

std::optional<Value> value_of(const Json& json) {
  const auto is_text = [](const Json& item) { return item.is_string(); };
  if (json.is_string()) {
    return Value(json.get<std::string>());
  }
  if (json.is_array() && std::all_of(json.begin(), json.end(), is_text)) {
    return Value(json.get<Value::Array>());
  }
  if (json.is_object() && std::all_of(json.begin(), json.end(), is_text)) {
    return Value(json.get<Value::Object>());
  }
  return std::nullopt;
}

bool is_final(const std::string& state) { return state != "Pending" && state != "Running"; }

// Puts records into what is known so far. Whatever a record lacks is as if it were empty.
class Update {
public:
  Update(Progress& progress, std::int64_t time) : m_progress(progress), m_time(time) {}

  void begin(const Json& line) {
    for (const bool is_finally : {false, true}) {
      const Json* const names = member(line, is_finally ? "finally" : "tasks");
      for (const Json& name : names != nullptr && names->is_array() ? *names : Json::array()) {
        if (name.is_string()) {
          task(name.get<std::string>()).is_finally = is_finally;
        }
      }
    }
  }

  void task_changed(const Json& line) {
    TaskProgress& changed = task(text_of(line, "task"));
    const int attempts = count_of(line, "attempt") + 1;
    const std::string state = text_of(line, "state");
    if (state == "Running") {
      if (changed.attempts < attempts) {
        ++m_progress.changes;
        changed.steps.clear();
        changed.sidecars.clear();
      }
      changed.attempts = attempts;
      changed.started = changed.started != 0 ? changed.started : m_time;
    } else {
      changed.finished = m_time;
    }
    set_state(changed, line);
  }

  void step_changed(const Json& line) {
    container_changed(named(task(text_of(line, "task")).steps, text_of(line, "step")), line);
  }

  void step_paused(const Json& line) {
    StepProgress& held = named(task(text_of(line, "task")).steps, text_of(line, "step"));
    held.paused = text_of(line, "reason");
    held.exit_code = exit_code_of(line);
    held.message = text_of(line, "message");
    ++m_progress.changes;
  }

  void sidecar_changed(const Json& line) {
    container_changed(named(task(text_of(line, "task")).sidecars, text_of(line, "sidecar")), line);
  }

  void container_changed(StepProgress& changed, const Json& line) {
    changed.state = text_of(line, "state");
    if (!changed.paused.empty()) {
      changed.paused.clear();
      ++m_progress.changes;
    }
    if (changed.state == "Terminated") {
      changed.finished = m_time;
      set_end(changed, line);
    } else {
      changed.started = m_time;
    }
  }

  void snapshot(const Json& line) {
    m_progress.gap = false;
    m_progress.finally_begun = is_true(line, "finally");
    m_progress.stopping = text_of(line, "stopping");
    for_each_task(line, [this](TaskProgress& known, const Json& told) {
      known.is_finally = is_true(told, "finally");
      known.attempts = count_of(told, "attempts");
      known.started = number_of(told, "started");
      known.finished = number_of(told, "finished");
      set_state(known, told);
      take_containers(known.steps, told, "steps");
      take_containers(known.sidecars, told, "sidecars");
    });
  }

  void end(const Json& line) {
    for_each_task(line, [this](TaskProgress& known, const Json& told) {
      known.attempts = count_of(told, "attempts");
      set_state(known, told);
      // Its own line is gone.
      if (known.finished == 0 && is_final(known.state)) {
        known.finished = m_time;
      }
    });
    m_progress.gap = false;
    m_progress.ended = true;
    m_progress.state = text_of(line, "state");
    m_progress.reason = text_of(line, "reason");
    m_progress.message = text_of(line, "message");
    if (const Json* const results = member(line, "results");
        results != nullptr && results->is_object()) {
      for (const auto& [name, content] : results->items()) {
        if (std::optional<Value> value = value_of(content)) {
          m_progress.results.insert_or_assign(name, std::move(*value));
        }
      }
    }
    if (const Json* const omitted = member(line, "omitted");
        omitted != nullptr && omitted->is_object()) {
      for (const auto& [name, bytes] : omitted->items()) {
        m_progress.omitted.insert_or_assign(
            name, bytes.is_number_unsigned() ? bytes.get<std::uint64_t>() : 0);
      }
    }
  }

private:
  TaskProgress& task(const std::string& name) { return named(m_progress.tasks, name); }

  static void take_containers(std::vector<StepProgress>& known, const Json& told,
                              const char* field) {
    known.clear();
    const Json* const containers = member(told, field);
    if (containers == nullptr || !containers->is_object()) {
      return;
    }
    for (const auto& [name, content] : containers->items()) {
      StepProgress& one = named(known, name);
      if (content.is_object()) {
        one.state = text_of(content, "state");
        one.paused = text_of(content, "paused");
        one.started = number_of(content, "started");
        one.finished = number_of(content, "finished");
        set_end(one, content);
      }
    }
  }

  template <typename Item>
  static Item& named(std::vector<Item>& items, const std::string& name) {
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const Item& item) { return item.name == name; });
    if (found != items.end()) {
      return *found;
    }
    items.emplace_back().name = name;
    return items.back();
  }

  template <typename Take>
  void for_each_task(const Json& line, const Take& take) {
    const Json* const tasks = member(line, "tasks");
    if (tasks == nullptr || !tasks->is_object()) {
      return;
    }
    std::size_t place = 0; // plan order, whatever was heard of first
    for (const auto& [name, told] : tasks->items()) {
      if (told.is_object()) {
        move_to(place++, task(name));
        take(task(name), told);
      }
    }
  }

  void move_to(std::size_t place, TaskProgress& task) {
    const auto found = m_progress.tasks.begin() + (&task - m_progress.tasks.data());
    const auto target = m_progress.tasks.begin() + static_cast<std::ptrdiff_t>(place);
    if (target < found) {
      std::rotate(target, found, found + 1);
    }
  }

  void set_state(TaskProgress& task, const Json& told) {
    const std::string state = text_of(told, "state");
    m_progress.changes += task.state != state ? 1U : 0U;
    task.state = state;
    task.reason = text_of(told, "reason");
    task.message = text_of(told, "message");
  }

  static void set_end(StepProgress& step, const Json& told) {
    step.exit_code = exit_code_of(told);
    step.reason = text_of(told, "reason");
    step.message = text_of(told, "message");
  }

  Progress& m_progress;
  std::int64_t m_time;
};

} // namespace

void JournalReader::feed(std::string_view bytes) {
  while (!bytes.empty() && m_error.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (!m_skipping && m_rest.size() + part.size() > max_line) {
      m_skipping = true;
      m_rest = std::string();
    }
    if (end == std::string_view::npos) {
      if (!m_skipping) {
        m_rest += part;
      }
      return;
    }
    if (std::exchange(m_skipping, false)) {
      ++m_progress.foreign;
    } else if (m_rest.empty()) {
      read_line(part);
    } else {
      m_rest += part;
      read_line(std::exchange(m_rest, std::string()));
    }
    bytes.remove_prefix(end + 1);
  }
}

void JournalReader::restart() {
  m_rest.clear();
  m_skipping = false;
}

void JournalReader::read_line(std::string_view text) {
  const Json line = nests_too_deeply(text) ? Json()
                                           : Json::parse(text.begin(), text.end(), nullptr,
                                                         /*allow_exceptions=*/false);
  const std::uint64_t n = line_number_of(line);
  const std::string event = n != 0 ? text_of(line, "event") : std::string();
  if (event.empty()) {
    ++m_progress.foreign;
    return;
  }
  if (n <= m_progress.lines || m_progress.ended) {
    return;
  }
  if (const Json* const version = member(line, "version")) {
    const std::int64_t found = number_of(line, "version");
    if (found < oldest_journal_version || found > journal_version) {
      m_error = "the pod's journal has version " + version->dump(-1, ' ', true)
                + "; this controller reads " + std::to_string(oldest_journal_version) + " to "
                + std::to_string(journal_version);
      return;
    }
  }
  m_progress.gap = m_progress.gap || n != m_progress.lines + 1;
  m_progress.lines = n;
  Update update(m_progress, number_of(line, "time"));
  if (event == "begin") {
    update.begin(line);
  } else if (event == "task") {
    update.task_changed(line);
  } else if (event == "step") {
    update.step_changed(line);
  } else if (event == "paused") {
    update.step_paused(line);
  } else if (event == "sidecar") {
    update.sidecar_changed(line);
  } else if (event == "finally") {
    m_progress.finally_begun = true;
  } else if (event == "stopping") {
    m_progress.stopping = text_of(line, "reason");
  } else if (event == "snapshot") {
    update.snapshot(line);
  } else if (event == "end") {
    update.end(line);
  }
}

} // namespace taskgroup
