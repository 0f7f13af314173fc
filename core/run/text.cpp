// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/text.h>

namespace taskgroup {
namespace {

constexpr std::string_view marker_begin = "@{";
constexpr char marker_end = '}';

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Unresolved unresolved(const Reference& reference, const std::string& problem) {
  return {reference, "$(" + reference.name() + "): " + problem};
}

Unresolved without_value(const Reference& reference) {
  return unresolved(reference, reference.kind == Reference::Kind::task_result
                                   ? "task " + quoted(reference.task)
                                         + " did not produce the result " + quoted(reference.result)
                                   : "it has no value here");
}

// Return the string that `reference` picks from a whole value.
tl::expected<std::string, Unresolved> pick(const Reference& reference, const Value& whole) {
  const auto wrong = [&](const std::string& problem) {
    return tl::make_unexpected(unresolved(reference, problem));
  };
  const std::string type(to_string(whole.type()));
  switch (reference.part) {
  case Reference::Part::whole:
    if (whole.type() == ValueType::string) {
      return whole.text();
    }
    return wrong("an " + type + " cannot be part of a text");
  case Reference::Part::star:
    return wrong("the whole of a value of type " + type + " cannot be part of a text");
  case Reference::Part::index:
    if (whole.type() != ValueType::array) {
      return wrong("a value of type " + type + " has no index");
    }
    if (reference.index >= whole.items().size()) {
      return wrong("the array has " + std::to_string(whole.items().size()) + " elements");
    }
    return whole.items()[reference.index];
  case Reference::Part::key:
    break;
  }
  if (whole.type() != ValueType::object) {
    return wrong("a value of type " + type + " has no keys");
  }
  const auto field = whole.fields().find(reference.key);
  if (field == whole.fields().end()) {
    return wrong("the object has no key " + quoted(reference.key));
  }
  return field->second;
}

// As stock's entrypoint does it for the result of a step (pkg/entrypoint/entrypointer.go,
// findReplacement()): the notation says what type is meant, and another one is empty.
tl::expected<std::string, Unresolved> pick_of_step(const Reference& reference, const Value* whole) {
  if (whole == nullptr || reference.part == Reference::Part::star) {
    return "$(" + reference.name() + ")";
  }
  const ValueType wanted = reference.part == Reference::Part::whole   ? ValueType::string
                           : reference.part == Reference::Part::index ? ValueType::array
                                                                      : ValueType::object;
  const bool has_key = reference.part != Reference::Part::key || whole->type() != wanted
                       || whole->fields().contains(reference.key);
  if ((whole->type() != wanted && wanted != ValueType::array) || !has_key) {
    return std::string();
  }
  return pick(reference, *whole);
}

} // namespace

Text::Text(std::string literal) {
  if (!literal.empty()) {
    m_segments.emplace_back(std::move(literal));
  }
}

Text::Text(Reference reference) { m_segments.emplace_back(std::move(reference)); }

void Text::append(std::string_view literal) {
  if (literal.empty()) {
    return;
  }
  if (!m_segments.empty()) {
    if (auto* last = std::get_if<std::string>(&m_segments.back())) {
      *last += literal;
      return;
    }
  }
  m_segments.emplace_back(std::string(literal));
}

void Text::append(const Reference& reference) { m_segments.emplace_back(reference); }

void Text::append(const Text& other) {
  const std::vector<Segment> segments = other.m_segments; // `other` may be this very text
  for (const Segment& segment : segments) {
    std::visit([this](const auto& part) { append(part); }, segment);
  }
}

bool Text::is_literal() const {
  return m_segments.empty()
         || (m_segments.size() == 1 && std::holds_alternative<std::string>(m_segments.front()));
}

std::string Text::literal() const {
  return m_segments.empty() ? std::string() : std::get<std::string>(m_segments.front());
}

const Reference* Text::sole_reference() const {
  return m_segments.size() == 1 ? std::get_if<Reference>(&m_segments.front()) : nullptr;
}

void Text::for_each_reference(const std::function<void(const Reference&)>& visit) const {
  for (const Segment& segment : m_segments) {
    if (const auto* reference = std::get_if<Reference>(&segment)) {
      visit(*reference);
    }
  }
}

tl::expected<std::string, Unresolved> Text::resolve(const Lookup& lookup) const {
  std::string text;
  for (const Segment& segment : m_segments) {
    if (const auto* literal = std::get_if<std::string>(&segment)) {
      text += *literal;
      continue;
    }
    const auto& reference = std::get<Reference>(segment);
    const Value* whole = lookup(reference);
    const bool of_step = reference.kind == Reference::Kind::step_result;
    if (whole == nullptr && !of_step) {
      return tl::make_unexpected(without_value(reference));
    }
    tl::expected<std::string, Unresolved> picked =
        of_step ? pick_of_step(reference, whole) : pick(reference, *whole);
    if (!picked) {
      return picked;
    }
    text += *picked;
  }
  return text;
}

tl::expected<std::vector<std::string>, Unresolved> Text::resolve_items(const Lookup& lookup) const {
  if (const Reference* reference = sole_reference();
      reference != nullptr
      && (reference->part == Reference::Part::whole || reference->part == Reference::Part::star)) {
    const Value* whole = lookup(*reference);
    const bool of_step = reference->kind == Reference::Kind::step_result;
    if (of_step && whole != nullptr && reference->part == Reference::Part::star
        && (whole->type() != ValueType::array || whole->items().empty())) {
      return std::vector<std::string>{""}; // as in stock
    }
    if (whole != nullptr && whole->type() == ValueType::array
        && (!of_step || reference->part == Reference::Part::star)) {
      return whole->items();
    }
  }
  return resolve(lookup).map(
      [](std::string text) { return std::vector<std::string>{std::move(text)}; });
}

std::string Text::to_marked(std::string_view nonce) const {
  std::string marked;
  for (const Segment& segment : m_segments) {
    if (const auto* literal = std::get_if<std::string>(&segment)) {
      marked += *literal;
    } else {
      marked += marker_begin;
      marked += std::get<Reference>(segment).name();
      marked += '#';
      marked += nonce;
      marked += marker_end;
    }
  }
  return marked;
}

Text Text::from_marked(std::string_view marked, std::string_view nonce) {
  const std::string name_end = '#' + std::string(nonce) + marker_end;
  Text text;
  while (!marked.empty()) {
    const std::size_t begin = marked.find(marker_begin);
    text.append(marked.substr(0, begin));
    if (begin == std::string_view::npos) {
      break;
    }
    marked.remove_prefix(begin);
    // A name holds neither `@` nor `}`: the nearest of them ends the marker or shows it is none.
    const std::size_t end = marked.find_first_of("@}", marker_begin.size());
    const std::string_view whole =
        end == std::string_view::npos ? std::string_view() : marked.substr(0, end + 1);
    std::optional<Reference> reference;
    if (whole.size() > marker_begin.size() + name_end.size() && whole.ends_with(name_end)) {
      reference = Reference::parse(
          whole.substr(marker_begin.size(), whole.size() - marker_begin.size() - name_end.size()));
    }
    if (reference) {
      text.append(*reference);
      marked.remove_prefix(whole.size());
    } else {
      text.append(marker_begin);
      marked.remove_prefix(marker_begin.size());
    }
  }
  return text;
}

} // namespace taskgroup
