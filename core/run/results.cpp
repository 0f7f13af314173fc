// SPDX-License-Identifier: Apache-2.0
#include "core/run/results.h"

namespace taskgroup {
namespace {

void add(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

// Return the keys that a declared object must have and `value` lacks, separated by commas.
std::string missing_keys(const PlanResult& result, const Value& value) {
  std::string missing;
  for (const std::string& key : result.keys) {
    if (!value.fields().contains(key)) {
      add(missing, key);
    }
  }
  return missing;
}

// Return the content of the file that a result comes from, or nullptr.
const std::string* content_of(const PlanResult& result, const TaskRun& task) {
  if (result.value) {
    if (const auto step = task.step_files.find(result.value->task); step != task.step_files.end()) {
      if (const auto file = step->second.find(result.value->result); file != step->second.end()) {
        return &file->second;
      }
    }
  }
  const auto file = task.files.find(result.name);
  return file == task.files.end() ? nullptr : &file->second;
}

} // namespace

TaskResults read_results(const std::vector<PlanResult>& declared, const TaskRun& task) {
  TaskResults results;
  std::string mismatched;
  std::string incomplete;
  for (const PlanResult& result : declared) {
    const std::string* content = content_of(result, task);
    if (content == nullptr) {
      continue;
    }
    std::optional<Value> value = parse_result(*content, result.type);
    if (!value) {
      add(mismatched, "\"" + result.name + "\": task result is expected to be \""
                          + std::string(to_string(result.type)) + "\" type but is not");
      continue;
    }
    if (result.type == ValueType::object) {
      if (const std::string missing = missing_keys(result, *value); !missing.empty()) {
        add(incomplete, result.name + ":[" + missing + "]");
      }
    }
    results.values.emplace(result.name, std::move(*value));
  }
  if (!mismatched.empty()) {
    results.problem = "Provided results don't match declared results; may be invalid JSON or "
                      "missing result declaration: "
                      + mismatched;
  } else if (!incomplete.empty()) {
    results.problem =
        "missing keys for these results which are required in TaskResult's properties "
        + incomplete;
  }
  return results;
}

} // namespace taskgroup
