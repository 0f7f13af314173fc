// SPDX-License-Identifier: Apache-2.0
// Substitution on any bytes: names and markers round-trip, nothing else is taken for a marker, and
// what is put in is never scanned again.
#include <taskgroup/text.h>

#include <cstdint>
#include <cstdlib>

namespace {

using taskgroup::Reference;
using taskgroup::Text;
using taskgroup::Value;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The sanitized library takes chars; the bytes are the same.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view nonce = "5f2c";

  if (const auto reference = Reference::parse(input)) {
    require(Reference::parse(reference->name()) == reference);
    require(Text::from_marked(Text(*reference).to_marked(nonce), nonce) == Text(*reference));
  }

  const Text text = Text::from_marked(input, nonce);
  require(text.to_marked(nonce).size() <= input.size() + 16 * text.segments().size());
  require(Text::from_marked(text.to_marked(nonce), nonce) == text);

  // A value that looks like a reference stays as it is.
  const Value value("@{tasks.a.results.r#5f2c}$(tasks.a.results.r)");
  std::size_t references = 0;
  text.for_each_reference([&references](const Reference& /*reference*/) { ++references; });
  const auto resolved = text.resolve([&value](const Reference& /*reference*/) { return &value; });
  if (resolved) {
    std::size_t literals = 0;
    for (const Text::Segment& segment : text.segments()) {
      if (const auto* literal = std::get_if<std::string>(&segment)) {
        literals += literal->size();
      }
    }
    require(resolved->size() == literals + references * value.text().size());
  }
  (void)text.resolve_items([](const Reference& /*reference*/) { return nullptr; });
  return 0;
}
