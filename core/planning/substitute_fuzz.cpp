// SPDX-License-Identifier: Apache-2.0
// Substitution on any text with any value of a param: the value is put in as it is, wherever the
// variable stands, and nothing in it is ever looked at again.
#include "core/planning/late_scope.h"
#include "core/planning/substitute.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace {

using taskgroup::Draft;
using taskgroup::Text;

void require(bool condition) {
  if (!condition)
    std::abort();
}

// The scopes of an embedded task, with one param that the fuzzer sets.
class Fixture {
public:
  explicit Fixture(std::string value) {
    m_params.pass("p", {.where = {}, .data = Draft::data(value)});
    m_params.pass("list", {.where = {},
                           .data = taskgroup::DraftValue::Items{Draft::data(std::move(value)),
                                                                Draft::authored("$(context.c)")}});
    m_names.set("context.c", "c");
    m_spec.results = {{.name = {"r", {}}},
                      {.name = {"l", {}}, .type = taskgroup::ValueType::array}};
    m_specs["t"] = &m_spec;
  }

  Draft text(const std::string& text) const { return m_substitution.text({text, {}}); }

  std::vector<Draft> element(const std::string& text) const {
    return m_substitution.element({text, {}});
  }

private:
  taskgroup::ParamScope m_params;
  taskgroup::NameScope m_names;
  taskgroup::TaskSpec m_spec;
  std::map<std::string, const taskgroup::TaskSpec*> m_specs;
  taskgroup::GroupSpec m_group;
  std::map<std::string, taskgroup::MatrixDraft> m_matrices;
  std::set<std::string> m_left_out;
  taskgroup::LateScope m_late{taskgroup::LateScope::For::finally, m_group, m_specs, m_matrices,
                              m_left_out};
  taskgroup::ChainScope m_variables{&m_names, &m_late};
  mutable taskgroup::Diagnostics m_diagnostics;
  taskgroup::Substitution m_substitution{{&m_params, &m_variables}, m_diagnostics};
};

constexpr std::string_view nonce = "5f2c5f2c5f2c";

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The bytes up to the first 0 are the text, the rest is the value.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const std::string text(input.substr(0, end));
  const std::string value(end == std::string_view::npos ? std::string_view()
                                                        : input.substr(end + 1));
  if (input.find(nonce) != std::string_view::npos || value.find('\0') != std::string::npos)
    return 0;

  const std::string placeholder(1, '\0'); // no text has it
  const std::string once = Fixture(placeholder).text(text).to_text().to_marked(nonce);
  const Text result = Fixture(value).text(text).to_text();
  require(result.to_marked(nonce) == replace_all(once, placeholder, value));
  require(Text::from_marked(result.to_marked(nonce), nonce) == result);
  if (text.find("$(") == std::string::npos)
    require(text.empty() ? result.empty() : result.literal() == text);

  const std::vector<Draft> elements = Fixture(value).element(text);
  require(elements.size() == 1 || elements.size() == 2);
  return 0;
}
