// SPDX-License-Identifier: Apache-2.0
#include "core/planning/checked_documents.h"
#include "core/planning/validation_cases.h"
#include "webhook/admission/review_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace taskgroup::admission {
namespace {

using testing::HasSubstr;

struct FormOfCase {
  ValidationCase rule;
  Form form;
};

void PrintTo(const FormOfCase& one, std::ostream* out) {
  *out << one.form.name << " " << one.rule.name;
}

std::vector<FormOfCase> all_forms() {
  std::vector<FormOfCase> all;
  for (const Form& form : forms())
    for (const ValidationCase& rule : validation_cases())
      all.push_back({rule, form});
  return all;
}

std::string name_of(const testing::TestParamInfo<FormOfCase>& info) {
  return info.param.form.name + "_" + info.param.rule.name;
}

// A message that names a line in a file names none here.
std::string without_line(const std::string& part) { return part.substr(0, part.find(" in line ")); }

// What the library finds in a group with one task, as "severity: path: message".
std::vector<std::string> found_in_task(const std::string& spec) {
  std::vector<std::string> lines;
  for (const std::string& line :
       check_documents(R"({"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                           "metadata": {"name": "g"}, "spec": )"
                       + spec + "}")
           .findings())
    lines.push_back(line.substr(line.find(": ") + 2));
  return lines;
}

class SameCases : public testing::TestWithParam<FormOfCase> {};

TEST_P(SameCases, AreFoundWithTheirPaths) {
  const auto& [rule, form] = GetParam();
  std::string spec = json_of(rule.spec).dump();
  std::vector<std::string> finds = rule.finds;
  if (rule.of == "Task") { // by itself it sees less than in a group, so the cases' own finds differ
    spec = R"({"tasks": [{"name": "t", "taskSpec": )" + spec + "}]}";
    finds = found_in_task(spec);
  }
  const Answer answer = ask(json_of(replaced(form.object, "@", spec)).dump());
  std::vector<testing::Matcher<std::string>> expected;
  for (const std::string& part : finds)
    expected.push_back(HasSubstr(replaced(without_line(part), "spec", form.path)));
  EXPECT_THAT(answer.findings(), testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(answer.allowed(), answer.reviewed.errors == 0);
  if (!answer.allowed()) {
    EXPECT_EQ(answer.response.at("status").at("code"), 422);
    EXPECT_EQ(answer.response.at("status").at("reason"), "Invalid");
  }
}

INSTANTIATE_TEST_SUITE_P(Of, SameCases, testing::ValuesIn(all_forms()), name_of);

} // namespace
} // namespace taskgroup::admission
