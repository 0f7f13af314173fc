// SPDX-License-Identifier: Apache-2.0
#include "cli/graph_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

// A vertical line below a task, down to the last task that waits for it.
struct Rail {
  std::size_t source = 0;
  std::size_t last = 0; // the last task that waits for it
};

using Rails = std::vector<std::optional<Rail>>; // by column

// What one column shows in one task's line, and whether the line goes on to the right from it.
struct Cell {
  const char* sign = " ";
  bool right = false;
};

bool waits_for(const DrawnTask& task, std::size_t source) {
  return std::find(task.after.begin(), task.after.end(), source) != task.after.end();
}

// Return the column of a task's dot: to the right of everything it waits for.
std::size_t column_of(const DrawnTask& task, const Rails& rails) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < rails.size(); ++i) {
    if (rails[i] && waits_for(task, rails[i]->source)) {
      column = i + 1;
    }
  }
  while (column < rails.size() && rails[column]) {
    ++column;
  }
  return column;
}

std::vector<Cell> cells_of(const Drawing& drawing, std::size_t index, const Rails& rails,
                           std::size_t dot) {
  const DrawnTask& task = drawing.tasks[index];
  std::vector<Cell> cells(std::max(dot + 1, rails.size()));
  bool line = false; // a horizontal line arrives from the left
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i == dot) {
      cells[i] = {"●", false};
      line = false;
    } else if (i < rails.size() && rails[i]) {
      if (waits_for(task, rails[i]->source)) {
        const bool ends = rails[i]->last == index;
        cells[i] = {line ? (ends ? "┴" : "┼") : (ends ? "└" : "├"), true};
        line = true;
      } else {
        cells[i] = {"│", line};
      }
    } else {
      cells[i] = {line ? "─" : " ", line};
    }
  }
  return cells;
}

std::string notes_of(const DrawnTask& task) {
  return task.notes.empty() ? "" : fmt::format("  ({})", fmt::join(task.notes, ", "));
}

std::vector<std::size_t> last_followers(const Drawing& drawing) {
  std::vector<std::size_t> last(drawing.tasks.size(), 0);
  for (std::size_t i = 0; i < drawing.tasks.size(); ++i) {
    for (const std::size_t before : drawing.tasks[i].after) {
      last[before] = i;
    }
  }
  return last;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result + "\"";
}

} // namespace

std::string draw_text(const Drawing& drawing) {
  const std::vector<std::size_t> last = last_followers(drawing);
  std::vector<std::pair<std::string, std::string>> lines; // drawing, name
  std::size_t width = 0;
  Rails rails;
  for (std::size_t i = 0; i < drawing.tasks.size(); ++i) {
    const DrawnTask& task = drawing.tasks[i];
    if (task.is_finally) {
      continue;
    }
    const std::size_t dot = column_of(task, rails);
    std::string line;
    const std::vector<Cell> cells = cells_of(drawing, i, rails, dot);
    for (const Cell& cell : cells) {
      line += cell.sign;
      line += cell.right ? "─" : " ";
    }
    width = std::max(width, cells.size());
    lines.emplace_back(std::move(line), task.name + notes_of(task));
    for (auto& rail : rails) {
      if (rail && rail->last == i) {
        rail.reset();
      }
    }
    if (last[i] != 0) {
      rails.resize(std::max(rails.size(), dot + 1));
      rails[dot] = Rail{i, last[i]};
    }
    while (!rails.empty() && !rails.back()) {
      rails.pop_back();
    }
  }
  std::string text = drawing.name + "\n";
  for (auto& [line, name] : lines) {
    const auto columns = static_cast<std::size_t>(
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    text += line + std::string(2 * width - columns, ' ') + " " + name + "\n";
  }
  bool heading = false;
  for (const DrawnTask& task : drawing.tasks) {
    if (task.is_finally) {
      text += heading ? "" : "finally\n";
      heading = true;
      text += "●" + std::string(2 * width == 0 ? 0 : 2 * width - 1, ' ') + " " + task.name
              + notes_of(task) + "\n";
    }
  }
  return text;
}

std::string draw_mermaid(const Drawing& drawing) {
  std::string text = "flowchart LR\n";
  std::string finally;
  for (std::size_t i = 0; i < drawing.tasks.size(); ++i) {
    const DrawnTask& task = drawing.tasks[i];
    const std::string node = fmt::format("t{}[\"{}\"]\n", i, task.name + notes_of(task));
    if (task.is_finally) {
      finally += "    " + node;
    } else {
      text += "  " + node;
    }
    for (const std::size_t before : task.after) {
      text += fmt::format("  t{} --> t{}\n", before, i);
    }
  }
  if (!finally.empty()) {
    text += "  subgraph finally\n" + finally + "  end\n";
  }
  return text;
}

std::string draw_dot(const Drawing& drawing) {
  std::string text =
      fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(drawing.name));
  std::string finally;
  for (std::size_t i = 0; i < drawing.tasks.size(); ++i) {
    const DrawnTask& task = drawing.tasks[i];
    const std::string node =
        fmt::format("{} [label={}];\n", quoted(task.name), quoted(task.name + notes_of(task)));
    if (task.is_finally) {
      finally += "    " + node;
    } else {
      text += "  " + node;
    }
    for (const std::size_t before : task.after) {
      text += fmt::format("  {} -> {};\n", quoted(drawing.tasks[before].name), quoted(task.name));
    }
  }
  if (!finally.empty()) {
    text += "  subgraph cluster_finally {\n    label=finally;\n" + finally + "  }\n";
  }
  return text + "}\n";
}

} // namespace taskgroup
