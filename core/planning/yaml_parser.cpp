// SPDX-License-Identifier: Apache-2.0
#include "core/planning/yaml_parser.h"

#include "core/planning/yaml_strictness.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <optional>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

using Position = TreeBuilder::Position;

Position to_position(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Feed yaml-cpp and bound what it keeps in memory.
//
// yaml-cpp queues tokens as long as a key may turn out to have begun, at some 300 bytes a token:
// 10 MiB of `[` would take gigabytes before the first event. Each queued token needs at least one
// of YAML's indicator characters, so their number since the last event bounds the queue without
// knowing how yaml-cpp tokenizes.
class BoundedSource : public std::streambuf {
public:
  struct Exceeded {};

  BoundedSource(std::string_view text, const ReadLimits& limits) : m_limits(limits) {
    char* begin = const_cast<char*>(text.data()); // a get area is never written to
    setg(begin, begin, begin + text.size());
  }

  void on_event() { m_indicators = 0; }

protected:
  std::streamsize xsgetn(char* to, std::streamsize size) override {
    const std::streamsize got = std::streambuf::xsgetn(to, size);
    for (const char c : std::string_view(to, static_cast<std::size_t>(got))) {
      count(c);
    }
    if (m_indicators > m_limits.indicators) {
      throw Exceeded{};
    }
    return got;
  }

private:
  void count(char c) {
    const bool separator = m_last == '\n' && (c == '-' || c == '.'); // --- and ...
    if (separator || std::string_view("[]{},:?&*!\"'|>").find(c) != std::string_view::npos) {
      ++m_indicators;
    }
    m_last = c;
  }

  const ReadLimits& m_limits;
  std::size_t m_indicators = 0; // read since the last event
  char m_last = '\n';           // character read
};

// Translate yaml-cpp's events.
class EventAdapter : public YAML::EventHandler {
public:
  EventAdapter(std::string_view text, BoundedSource& source, TreeBuilder& builder)
      : m_text(text), m_source(source), m_builder(builder) {}

  // Return the position of the latest event.
  Position latest() const { return m_latest; }

  // Return where, after the latest event, more brackets are open than the limit of depth allows.
  std::optional<Position> find_too_deep(std::size_t depth) const {
    Position position = m_latest;
    std::size_t open = 0;
    for (const char c : rest(m_offset)) {
      if (c == '[' || c == '{') {
        if (++open > depth) {
          return position;
        }
      } else if ((c == ']' || c == '}') && open > 0) {
        --open;
      }
      position =
          c == '\n' ? Position{position.line + 1, 1} : Position{position.line, position.column + 1};
    }
    return std::nullopt;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    note(mark);
    m_builder.begin_document();
    m_flow.clear();
    m_scalar_offset = -1;
    // yaml-cpp takes what it cannot place for the beginning of a further document.
    if (m_builder.document_count() > 1 && rest(offset(mark)).substr(0, 3) != "---") {
      m_builder.give_up(m_latest, "this text belongs to nothing above it: check its indentation, "
                                  "or begin a further document with \"---\"");
    }
  }

  void OnDocumentEnd() override { m_builder.end_document(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    note(mark);
    const auto key = m_builder.open_key();
    if (key && mark.pos == m_scalar_offset && !in_flow()) {
      m_builder.add_error(m_latest, "a ':' is missing after this key, or the text belongs to the "
                                    "value above it: check its indentation");
      m_builder.add_scalar({Node::Kind::null, {}}, {}, m_latest, anchor, false);
      return;
    }
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
      if (rest(offset(mark)).starts_with(word)) {
        m_builder.add_scalar({Node::Kind::null, {}}, std::string(word), m_latest, anchor, false);
        return;
      }
    }
    if (in_flow()) {
      report(find_empty_value_defect(m_text, offset(mark), key && m_scalar_is_plain));
    }
    // yaml-cpp gives an empty value the position of whatever follows it; its key says more.
    m_builder.add_scalar({Node::Kind::null, {}}, {}, key.value_or(m_latest), anchor, false);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    note(mark);
    check_indentation(offset(mark));
    m_builder.add_alias(anchor, m_latest);
    m_scalar_offset = mark.pos;
    m_scalar_is_plain = false;
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    note(mark);
    check_indentation(offset(mark));
    if (auto defect = find_quoting_defect(m_text, offset(mark))) {
      m_builder.give_up(m_latest, *std::move(defect));
    }
    m_scalar_offset = mark.pos;
    m_scalar_is_plain = tag == "?";
    if (in_flow() && m_scalar_is_plain) {
      report(find_colon_defect(m_text, offset(mark)));
    }
    if (tag == "!" && value.empty() && rest(offset(mark)).starts_with('!')) {
      m_builder.add_error(m_latest, "a value is missing after the tag \"!\"");
    }
    if (tag == "!") { // quoted or a block scalar, or the non-specific tag, which means the same
      m_builder.add_scalar({}, value, m_latest, anchor, false);
    } else if (tag.empty() || tag == "?") {
      m_builder.add_scalar(type_plain_scalar(value), value, m_latest, anchor, value == "<<");
    } else if (tag == "tag:yaml.org,2002:merge" && value == "<<") {
      m_builder.add_scalar({}, value, m_latest, anchor, true);
    } else if (auto type = type_tagged_scalar(tag, value)) {
      m_builder.add_scalar(*std::move(type), value, m_latest, anchor, false);
    } else {
      m_builder.add_error(m_latest, std::move(type).error());
      m_builder.add_scalar({}, value, m_latest, anchor, false);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    note(mark);
    if (style == YAML::EmitterStyle::Flow) {
      check_indentation(offset(mark));
    }
    m_flow.push_back(style == YAML::EmitterStyle::Flow);
    check_tag(tag, "tag:yaml.org,2002:seq", "a list");
    m_builder.begin_collection(Node::Kind::sequence, m_latest, anchor);
  }

  void OnSequenceEnd() override {
    m_source.on_event();
    m_flow.pop_back();
    m_builder.end_collection();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    note(mark);
    check_indentation(offset(mark));
    m_flow.push_back(style == YAML::EmitterStyle::Flow);
    check_tag(tag, "tag:yaml.org,2002:map", "an object");
    m_builder.begin_collection(Node::Kind::mapping, m_latest, anchor);
  }

  void OnMapEnd() override {
    m_source.on_event();
    m_flow.pop_back();
    m_builder.end_collection();
  }

private:
  void note(const YAML::Mark& mark) {
    m_source.on_event();
    m_latest = to_position(mark);
    m_offset = offset(mark);
  }

  static std::size_t offset(const YAML::Mark& mark) { return static_cast<std::size_t>(mark.pos); }

  std::string_view rest(std::size_t offset) const {
    return offset < m_text.size() ? m_text.substr(offset) : std::string_view();
  }

  bool in_flow() const { return !m_flow.empty() && m_flow.back(); }

  void report(std::optional<std::string> defect) {
    if (defect) {
      m_builder.add_error(m_latest, *std::move(defect));
    }
  }

  // Only the items of a list in block style may stand as far left as the key they belong to.
  void check_indentation(std::size_t offset) {
    const auto key = m_builder.open_key();
    if (key && !in_flow() && m_latest.line > key->line && m_latest.column <= key->column
        && is_first_of_line(m_text, offset) && !rest(offset).starts_with('|')
        && !rest(offset).starts_with('>')) {
      m_builder.add_error(m_latest, "this value must be indented more than its key at line "
                                        + std::to_string(key->line));
    }
  }

  void check_tag(const std::string& tag, std::string_view allowed, std::string_view what) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != allowed) {
      m_builder.add_error(m_latest, "the tag " + tag + " on " + std::string(what)
                                        + " is not supported; leave it out");
    }
  }

  std::string_view m_text;
  BoundedSource& m_source;
  TreeBuilder& m_builder;
  Position m_latest{1, 1};
  std::size_t m_offset = 0;       // of m_latest
  std::vector<bool> m_flow;       // for each open collection: is it in flow style?
  int m_scalar_offset = -1;       // of the latest scalar or alias in this document
  bool m_scalar_is_plain = false; // and is it plain?
};

// Return the position after the last character: yaml-cpp's own is off by some there.
Position end_of(std::string_view text) {
  const auto lines = std::ranges::count(text, '\n');
  const std::size_t last = text.rfind('\n');
  const std::size_t column = last == std::string_view::npos ? text.size() : text.size() - last - 1;
  return {static_cast<int>(lines) + 1, static_cast<int>(column) + 1};
}

// Say what to do about yaml-cpp's tersest messages.
std::string explain(const std::string& message) {
  if (message.starts_with("the referenced anchor is not defined")) {
    return "this alias refers to an anchor (&) that is not defined above it";
  }
  struct Hint {
    std::string_view message;
    std::string_view hint;
  };
  constexpr std::array hints{
      Hint{"end of map not found", "check the indentation of this line and of those above it"},
      Hint{"end of sequence not found", "check the indentation of this line and of those above it"},
      Hint{"end of map flow not found", "a '}' or a ',' is missing"},
      Hint{"end of sequence flow not found", "a ']' or a ',' is missing"},
      Hint{"illegal map value", "a ':' is not allowed here; quote the text if it is part of it"},
      Hint{"illegal block entry", "a '-' is not allowed here; check the indentation"},
  };
  for (const Hint& hint : hints) {
    if (hint.message == message) {
      return "not valid YAML: " + message + ": " + std::string(hint.hint);
    }
  }
  return "not valid YAML: " + message;
}

} // namespace

void parse_yaml(std::string_view text, TreeBuilder& builder, const ReadLimits& limits) {
  text = without_trailing_blanks(text);
  if (const int line = find_directive(text); line > 0) {
    builder.give_up({line, 1}, "a line that begins with '%' is a YAML directive, which is not "
                               "supported; remove it, or indent it if it is text");
  }
  BoundedSource source(text, limits);
  std::istream stream(&source);
  EventAdapter adapter(text, source, builder);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(adapter)) {
    }
  } catch (const BoundedSource::Exceeded&) {
    if (const auto position = adapter.find_too_deep(limits.depth)) {
      builder.give_up(*position, "lists and objects are nested deeper than "
                                     + std::to_string(limits.depth)
                                     + " levels, which is the limit");
    }
    builder.give_up(adapter.latest(), "the value that begins after here has more than "
                                          + std::to_string(limits.indicators)
                                          + " characters of YAML syntax, which is the limit; "
                                            "split it");
  } catch (const YAML::Exception& error) {
    const bool known = error.mark.pos >= 0 && std::cmp_less_equal(error.mark.pos, text.size());
    builder.give_up(known ? to_position(error.mark) : end_of(text), explain(error.msg));
  }
}

} // namespace taskgroup
