// SPDX-License-Identifier: Apache-2.0
#include "cli/duration_text.h"
#include "cli/status_sink.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace taskgroup {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* reset = "\033[0m";
constexpr const char* bold = "\033[1m";
constexpr const char* red = "\033[31m";
constexpr const char* green = "\033[32m";
constexpr const char* yellow = "\033[33m";
constexpr const char* grey = "\033[90m";
// Of prefixes: no red, which is kept for failures.
constexpr std::array palette = {"\033[36m", "\033[32m", "\033[33m", "\033[34m", "\033[35m",
                                "\033[96m", "\033[92m", "\033[93m", "\033[94m", "\033[95m"};

constexpr std::size_t widest_prefix = 32;

// What is known of a task, for the progress line and the table.
struct Shown {
  std::string state = "Pending";
  std::int64_t began = 0; // milliseconds since the epoch; 0 = never ran
  std::int64_t ended = 0;
};

// Return the number of columns of UTF-8 text whose characters are one column wide.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width) {
  std::string result(text);
  const std::size_t used = columns(text);
  result.append(used < width ? width - used : 0, ' ');
  return result;
}

// Show other control characters of a step's line as they are (colours), but never a carriage return
// that would overwrite the prefix.
std::string_view last_rewrite(std::string_view line) {
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  const std::size_t at = line.rfind('\r');
  return at == std::string_view::npos ? line : line.substr(at + 1);
}

class TextSink : public StatusSink {
public:
  TextSink(const Plan& plan, const TerminalTraits& traits)
      : m_plan(plan), m_traits(traits), m_shown(plan.tasks.size()) {
    for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
      m_index[plan.tasks[task].name] = task;
      for (std::size_t step = 0; step < container_count(plan.tasks[task]); ++step) {
        m_prefix_width = std::max(m_prefix_width, columns(prefix(task, step)));
      }
    }
    m_prefix_width = std::min(m_prefix_width, widest_prefix);
  }

  ~TextSink() override { clear_progress(); }

  void notice(std::string_view text) override {
    print(fmt::format("{}{}{}", style(grey), text, style(reset)));
  }

  void event(const json& event, std::string_view) override {
    const std::string kind = event.value("event", "");
    if (kind == "begin") {
      m_began_at = event.value("time", std::int64_t{0});
    } else if (kind == "task") {
      on_task(event);
    } else if (kind == "retry") {
      print(fmt::format("{}↻ {}: attempt {} failed ({}), trying again{}", style(yellow),
                        event.value("task", ""), event.value("attempt", 0) + 1, why(event),
                        style(reset)));
    } else if ((kind == "step" || kind == "paused") && !event.value("message", "").empty()) {
      print(fmt::format("{}  {}:{}: {}{}", style(grey), event.value("task", ""),
                        event.value("step", ""), event.value("message", ""), style(reset)));
    } else if (kind == "sidecar" && failed(event)) {
      print(fmt::format("{}  {}:sidecar-{}: {}{}", style(grey), event.value("task", ""),
                        event.value("sidecar", ""), ended_text(event), style(reset)));
    } else if (kind == "stopping") {
      print(fmt::format("{}stopping: {}{}", style(yellow), why(event), style(reset)));
    } else if (kind == "end") {
      on_end(event);
    }
  }

  void output(std::size_t task, std::size_t step, bool, std::string_view line) override {
    print(fmt::format("{}{} │{} {}", style(palette[task % palette.size()]),
                      padded(prefix(task, step), m_prefix_width), style(reset),
                      last_rewrite(line)));
  }

  void held(const HeldStep& step) override {
    const std::string why = step.before
                                ? "before it runs"
                                : fmt::format("after its failure (exit code {})", step.exit_code);
    print(fmt::format("{}‖ {}:{} is held by a breakpoint {}; its task's timeout goes on\n"
                      "    to look around: {}\n    to {}: {}\n    to fail it: {}{}",
                      style(yellow), step.task, step.step, why, fmt::join(step.look, " "),
                      step.before ? "run it" : "let it pass", fmt::join(step.go_on, " "),
                      fmt::join(step.fail, " "), style(reset)));
  }

  void tick() override { draw_progress(); }
  bool wants_ticks() const override { return m_traits.sticky; }

private:
  const char* style(const char* code) const { return m_traits.colour ? code : ""; }

  std::string prefix(std::size_t task, std::size_t step) const {
    const PlanTask& planned = m_plan.tasks[task];
    if (step >= planned.steps.size())
      return planned.name + ":sidecar-" + container_at(planned, step).name;
    return planned.steps.size() == 1 ? planned.name : planned.name + ":" + planned.steps[step].name;
  }

  // A sidecar's end is worth a line where its task suffers from it.
  static bool failed(const json& sidecar) {
    const std::string reason = sidecar.value("reason", "");
    return sidecar.value("state", "") == "Terminated" && reason != "Completed"
           && reason != "Stopped";
  }

  static std::string ended_text(const json& sidecar) {
    const std::string message = sidecar.value("message", "");
    return message.empty() ? fmt::format("exited with code {} before the task's steps were done",
                                         sidecar.value("exitCode", -1))
                           : message;
  }

  static std::string why(const json& event) {
    const std::string reason = event.value("reason", "");
    const std::string message = event.value("message", "");
    if (message.empty() || reason.empty()) {
      return reason + message;
    }
    return reason + ": " + message;
  }

  void on_task(const json& event) {
    const auto found = m_index.find(event.value("task", ""));
    if (found == m_index.end()) {
      return;
    }
    Shown& shown = m_shown[found->second];
    const std::string state = event.value("state", "");
    const std::int64_t time = event.value("time", std::int64_t{0});
    shown.state = state;
    if (state == "Running") {
      shown.began = shown.began == 0 ? time : shown.began;
      draw_progress();
      return;
    }
    shown.ended = time;
    const std::string took =
        shown.began == 0 ? "" : " " + duration_text(milliseconds(shown.ended - shown.began));
    if (state == "Succeeded") {
      print(fmt::format("{}✔ {}{}{}", style(green), found->first, took, style(reset)));
    } else if (state == "Skipped") {
      print(fmt::format("{}- {} skipped: {}{}", style(grey), found->first,
                        event.value("reason", ""), style(reset)));
    } else {
      print(fmt::format("{}✘ {}{} {}{}", style(state == "Failed" ? red : yellow), found->first,
                        took, why(event), style(reset)));
    }
  }

  void on_end(const json& end) {
    clear_progress();
    m_over = true;
    std::size_t name_width = 4;
    for (const PlanTask& task : m_plan.tasks) {
      name_width = std::max(name_width, columns(task.name));
    }
    line("");
    line(fmt::format("{}{}  {:<9}  {:>7}  {}{}", style(bold), padded("TASK", name_width), "STATE",
                     "TIME", "REASON", style(reset)));
    const json tasks = end.value("tasks", json::object());
    for (std::size_t i = 0; i < m_plan.tasks.size(); ++i) {
      const json task = tasks.value(m_plan.tasks[i].name, json::object());
      if (task.empty() && is_provisional(m_plan, i)) {
        continue; // its matrix had fewer combinations
      }
      const std::string state = task.value("state", "");
      std::string reason = task.value("reason", "");
      if (reason == state) {
        reason.clear();
      }
      if (const int attempts = task.value("attempts", 0); attempts > 1) {
        reason += fmt::format("{}({} attempts)", reason.empty() ? "" : " ", attempts);
      }
      if (m_plan.tasks[i].is_finally) {
        reason += reason.empty() ? "(finally)" : " (finally)";
      }
      const Shown& shown = m_shown[i];
      line(fmt::format("{}  {}{:<9}{}  {:>7}  {}", padded(m_plan.tasks[i].name, name_width),
                       colour_of(state), state, style(reset),
                       shown.began == 0 || shown.ended < shown.began
                           ? "-"
                           : duration_text(milliseconds(shown.ended - shown.began)),
                       reason));
    }
    const json results = end.value("results", json::object());
    for (const auto& [name, value] : results.items()) {
      line(fmt::format("result {} = {}", name,
                       value.is_string() ? value.get<std::string>() : value.dump()));
    }
    const std::string state = end.value("state", "");
    const std::string reason = end.value("reason", "");
    line(fmt::format("{}{}{}: {}{}{} in {}{}{}", style(bold), m_plan.group, style(reset),
                     colour_of(state), state,
                     reason == state || reason.empty() ? "" : " (" + reason + ")",
                     duration_text(duration_of(end)), style(reset), message_of(end)));
  }

  // By the run's own clock, where it is known: who watches may have come late.
  milliseconds duration_of(const json& end) const {
    const std::int64_t ended_at = end.value("time", std::int64_t{0});
    if (m_began_at != 0 && ended_at >= m_began_at)
      return milliseconds(ended_at - m_began_at);
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - m_began);
  }

  static std::string message_of(const json& end) {
    const std::string message = end.value("message", "");
    return message.empty() ? "" : " - " + message;
  }

  const char* colour_of(const std::string& state) const {
    if (state == "Succeeded") {
      return style(green);
    }
    if (state == "Failed") {
      return style(red);
    }
    return style(state == "Cancelled" ? yellow : grey);
  }

  static void line(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
  }

  void print(std::string_view text) {
    clear_progress();
    line(text);
    draw_progress();
    std::fflush(stdout);
  }

  void clear_progress() {
    if (m_drawn) {
      std::fputs("\r\033[K", stdout);
      m_drawn = false;
    }
    std::fflush(stdout);
  }

  void draw_progress() {
    if (!m_traits.sticky || m_over) {
      return;
    }
    std::size_t done = 0;
    std::size_t all = 0;
    std::string running;
    for (std::size_t i = 0; i < m_shown.size(); ++i) {
      all += m_shown[i].state == "Pending" && is_provisional(m_plan, i) ? 0U : 1U;
      if (m_shown[i].state == "Running") {
        running += (running.empty() ? "" : ", ") + m_plan.tasks[i].name;
      } else if (m_shown[i].state != "Pending") {
        ++done;
      }
    }
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - m_began);
    std::string text = fmt::format("{}/{} done, {}s", done, all, elapsed.count());
    if (!running.empty()) {
      text += ", running: " + running;
    }
    if (m_traits.width > 1 && columns(text) >= static_cast<std::size_t>(m_traits.width)) {
      text.resize(static_cast<std::size_t>(m_traits.width) - 1); // task names are ASCII
    }
    std::fputs(("\r\033[K" + std::string(style(grey)) + text + style(reset)).c_str(), stdout);
    m_drawn = true;
    std::fflush(stdout);
  }

  const Plan& m_plan;
  TerminalTraits m_traits;
  std::map<std::string, std::size_t> m_index;
  std::vector<Shown> m_shown;
  std::size_t m_prefix_width = 0;
  std::chrono::steady_clock::time_point m_began = std::chrono::steady_clock::now();
  std::int64_t m_began_at = 0; // milliseconds since the epoch; 0: not told
  bool m_drawn = false;
  bool m_over = false;
};

} // namespace

std::unique_ptr<StatusSink> make_text_sink(const Plan& plan, const TerminalTraits& traits) {
  return std::make_unique<TextSink>(plan, traits);
}

} // namespace taskgroup
