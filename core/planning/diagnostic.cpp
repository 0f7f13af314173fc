// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/diagnostic.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

namespace taskgroup {

namespace {

std::string_view file_name(const Diagnostic& diagnostic) {
  return diagnostic.where.file ? std::string_view(*diagnostic.where.file) : std::string_view();
}

auto order_of(const Diagnostic& diagnostic) {
  const Where& where = diagnostic.where;
  return std::tuple(file_name(diagnostic), where.line, where.column, std::string_view(where.path),
                    std::string_view(diagnostic.message), diagnostic.severity);
}

// Escape what could fool a terminal or split the line.
void append_printable(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += hex[byte >> 4U];
      out += hex[byte & 0xFU];
    } else {
      out += c;
    }
  }
}

} // namespace

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

std::string format(const Diagnostic& diagnostic) {
  const Where& where = diagnostic.where;
  std::string out;
  if (where.file) {
    append_printable(out, *where.file);
    if (where.line > 0) {
      out += ":" + std::to_string(where.line);
      if (where.column > 0) {
        out += ":" + std::to_string(where.column);
      }
    }
    out += ": ";
  }
  out += diagnostic.severity == Diagnostic::Severity::error ? "error: " : "warning: ";
  if (!where.path.empty()) {
    append_printable(out, where.path);
    out += ": ";
  }
  append_printable(out, diagnostic.message);
  return out;
}

void Diagnostics::add_error(Where where, std::string message) {
  m_items.push_back({Diagnostic::Severity::error, std::move(where), std::move(message)});
}

void Diagnostics::add_warning(Where where, std::string message) {
  m_items.push_back({Diagnostic::Severity::warning, std::move(where), std::move(message)});
}

void Diagnostics::add(Diagnostics other) {
  std::ranges::move(other.m_items, std::back_inserter(m_items));
}

bool Diagnostics::has_errors() const {
  return std::ranges::any_of(
      m_items, [](const Diagnostic& item) { return item.severity == Diagnostic::Severity::error; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> items = m_items;
  std::ranges::sort(items, [](const Diagnostic& left, const Diagnostic& right) {
    return order_of(left) < order_of(right);
  });
  const auto duplicates = std::ranges::unique(
      items, [](const auto& left, const auto& right) { return order_of(left) == order_of(right); });
  items.erase(duplicates.begin(), duplicates.end());
  return items;
}

std::string Diagnostics::to_string() const {
  std::string out;
  for (const Diagnostic& item : sorted()) {
    out += format(item) + "\n";
  }
  return out;
}

} // namespace taskgroup
