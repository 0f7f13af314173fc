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

constexpr std::string_view nonce = "5f2c";

void check_name(std::string_view name) {
  if (const auto reference = Reference::parse(name)) {
    require(Reference::parse(reference->name()) == reference);
    require(Text::from_marked(Text(*reference).to_marked(nonce), nonce) == Text(*reference));
  }
}

void check_text(std::string_view marked) {
  const Text text = Text::from_marked(marked, nonce);
  require(Text::from_marked(text.to_marked(nonce), nonce) == text);

  // A value that looks like a reference stays as it is.
  const Value value("@{tasks.a.results.r#5f2c}$(tasks.a.results.r)");
  std::size_t literals = 0;
  std::size_t references = 0;
  for (const Text::Segment& segment : text.segments()) {
    const auto* literal = std::get_if<std::string>(&segment);
    literals += literal != nullptr ? literal->size() : 0;
    references += literal == nullptr ? 1 : 0;
  }
  const auto resolved = text.resolve([&value](const Reference& /*reference*/) { return &value; });
  require(!resolved || resolved->size() == literals + references * value.text().size());
  require(references == 0 || !text.resolve([](const Reference& /*reference*/) { return nullptr; }));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The bytes are the same, whatever their sign.
  const std::string input(reinterpret_cast<const char*>(data), size);
  check_name(input);
  check_name("tasks.a.results" + input);
  check_text(input);
  check_text("@{tasks.a.results" + input + "#5f2c}" + input);
  return 0;
}
