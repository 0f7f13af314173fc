// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/diagnostic.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace taskgroup {
namespace {

Where at(const std::string& file, int line, int column, std::string path = {}) {
  return {std::make_shared<const std::string>(file), line, column, std::move(path)};
}

TEST(Diagnostic, ShowsWhatIsKnownOfItsPlace) {
  using enum Diagnostic::Severity;
  EXPECT_EQ(format({error, at("f.yaml", 3, 5, "spec.tasks[0].foo"), "unknown field"}),
            "f.yaml:3:5: error: spec.tasks[0].foo: unknown field");
  EXPECT_EQ(format({warning, at("f.yaml", 3, 0), "odd"}), "f.yaml:3: warning: odd");
  EXPECT_EQ(format({error, at("f.yaml", 0, 0), "empty"}), "f.yaml: error: empty");
  EXPECT_EQ(format({error, {}, "no file"}), "error: no file");
}

TEST(Diagnostic, CannotFoolATerminal) {
  EXPECT_EQ(format({Diagnostic::Severity::error, at("a\nb", 1, 1, "k\x1b[2J"), "line\nbreak é"}),
            "a\\nb:1:1: error: k\\x1b[2J: line\\nbreak é");
}

TEST(Diagnostics, AreSortedByPlaceWithoutDuplicates) {
  Diagnostics diagnostics;
  diagnostics.add_error(at("b", 1, 1), "x");
  diagnostics.add_error(at("a", 10, 1), "x");
  diagnostics.add_error(at("a", 9, 2), "x");
  diagnostics.add_warning(at("a", 9, 1), "x");
  diagnostics.add_error(at("a", 9, 2), "x");
  diagnostics.add_error({}, "no place");
  EXPECT_EQ(diagnostics.to_string(), "error: no place\n"
                                     "a:9:1: warning: x\n"
                                     "a:9:2: error: x\n"
                                     "a:10:1: error: x\n"
                                     "b:1:1: error: x\n");
}

TEST(Diagnostics, HaveErrorsOnlyWhenOneIsNoWarning) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  diagnostics.add_warning({}, "odd");
  EXPECT_FALSE(diagnostics.has_errors());
  Diagnostics others;
  others.add_error({}, "wrong");
  diagnostics.add(std::move(others));
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.size(), 2U);
}

} // namespace
} // namespace taskgroup
