// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/reader.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

// The cases of validation (core/planning/validation_cases/), for whoever has to give the same
// answer. Tests run in the root of the project.
namespace taskgroup {

struct ValidationCase {
  std::string name;
  std::string of;                 // TaskGroup or Task
  std::string spec;               // YAML
  std::vector<std::string> finds; // parts of "line: severity: path: message"
  std::string api;                // a part of what the API server says; empty: not known

  // Return the object as a file holds it.
  std::string document() const {
    std::string text = of == "Task" ? "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\n"
                                    : "apiVersion: taskgroup.dev/v1alpha1\nkind: TaskGroup\n"
                                      "metadata: {name: g}\n";
    text += "spec:\n";
    std::istringstream lines(spec);
    for (std::string line; std::getline(lines, line);)
      text += "  " + line + "\n";
    return text;
  }
};

inline void PrintTo(const ValidationCase& one, std::ostream* out) { *out << one.name; }

// Return the cases of a file of the folder; none where it cannot be read.
inline std::vector<ValidationCase> validation_cases(const std::string& file) {
  const std::string path = "core/planning/validation_cases/" + file + ".yaml";
  std::ifstream stream(path);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::vector<ValidationCase> result;
  const auto documents = read_documents(text, path);
  if (!documents || documents->size() != 1)
    return result;
  const Node* cases = documents->front().find("cases");
  if (cases == nullptr)
    return result;
  for (const Node& one : cases->children()) {
    ValidationCase made;
    const auto text_of = [&](const char* field) {
      const Node* node = one.find(field);
      return node == nullptr ? std::string() : node->text();
    };
    made.name = text_of("name");
    made.of = text_of("of");
    made.spec = text_of("spec");
    made.api = text_of("api");
    if (const Node* finds = one.find("finds"))
      for (const Node& part : finds->children())
        made.finds.push_back(part.text());
    result.push_back(std::move(made));
  }
  return result;
}

// Return all cases, those of every file of the folder.
inline std::vector<ValidationCase> validation_cases() {
  std::set<std::string> files;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("core/planning/validation_cases", error))
    if (entry.path().extension() == ".yaml")
      files.insert(entry.path().stem().string());
  std::vector<ValidationCase> all;
  for (const std::string& file : files)
    for (ValidationCase& one : validation_cases(file))
      all.push_back(std::move(one));
  return all;
}

} // namespace taskgroup
