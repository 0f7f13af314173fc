// SPDX-License-Identifier: Apache-2.0
#include "core/run/when.h"

#include <algorithm>

namespace taskgroup {
namespace {

// A whole array as `input` is its JSON text, as in stock.
std::optional<std::string> input_text(const Text& input, const Lookup& lookup) {
  if (const Reference* reference = input.sole_reference()) {
    if (const Value* whole = lookup(*reference); whole != nullptr
                                                 && whole->type() == ValueType::array
                                                 && reference->kind != Reference::Kind::step_result
                                                 && reference->part != Reference::Part::index) {
      return whole->to_text();
    }
  }
  tl::expected<std::string, Unresolved> text = input.resolve(lookup);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

std::optional<bool> is_true(const PlanWhen& expression, const Lookup& lookup) {
  const std::optional<std::string> input = input_text(expression.input, lookup);
  if (!input) {
    return std::nullopt;
  }
  bool found = false;
  for (const Text& value : expression.values) {
    const auto items = value.resolve_items(lookup);
    if (!items) {
      return std::nullopt;
    }
    found = found || std::find(items->begin(), items->end(), *input) != items->end();
  }
  return found != expression.negated;
}

} // namespace

std::optional<bool> when_allows(const std::vector<PlanWhen>& expressions, const Lookup& lookup) {
  std::optional<bool> allows = true;
  for (const PlanWhen& expression : expressions) {
    const std::optional<bool> truth = is_true(expression, lookup);
    if (truth == false) {
      return false;
    }
    if (!truth) {
      allows = std::nullopt;
    }
  }
  return allows;
}

} // namespace taskgroup
