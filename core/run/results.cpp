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

} // namespace

TaskResults read_results(const std::vector<PlanResult>& declared,
                         const std::map<std::string, std::string>& files) {
  TaskResults results;
  std::string mismatched;
  std::string incomplete;
  for (const PlanResult& result : declared) {
    const auto file = files.find(result.name);
    if (file == files.end()) {
      continue;
    }
    std::optional<Value> value = parse_result(file->second, result.type);
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
