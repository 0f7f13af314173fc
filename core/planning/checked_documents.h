// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskgroup {

// Documents read for a test, and all that was found to be wrong with them.
struct CheckedDocuments {
  Catalog catalog;
  Diagnostics diagnostics;
  std::vector<std::string> skipped;

  // Return each finding as "line: severity: path: message", sorted.
  std::vector<std::string> findings() const {
    std::vector<std::string> lines;
    for (const Diagnostic& finding : diagnostics.sorted())
      lines.push_back(
          std::to_string(finding.where.line)
          + (finding.severity == Diagnostic::Severity::error ? ": error: " : ": warning: ")
          + finding.where.path + ": " + finding.message);
    return lines;
  }

  const Runnable& runnable(const std::string& name) const {
    for (const Runnable& candidate : catalog.runnables)
      if (candidate.name == name)
        return candidate;
    ADD_FAILURE() << "no runnable " << name;
    static const Runnable none;
    return none;
  }
};

// Read documents and make their catalog.
inline CheckedDocuments decode_documents(const std::string& yaml) {
  CheckedDocuments result;
  auto documents = read_documents(yaml, "test.yaml");
  if (documents)
    result.catalog = make_catalog(*documents, result.diagnostics);
  else
    result.diagnostics.add(documents.error());
  return result;
}

// As decode_documents(), and validate everything that can be run.
inline CheckedDocuments check_documents(const std::string& yaml) {
  CheckedDocuments result = decode_documents(yaml);
  const Facts facts{result.catalog.tasks, result.catalog.pipelines, result.catalog.step_actions};
  for (const Runnable& runnable : result.catalog.runnables)
    validate(runnable.group, facts, result.diagnostics, result.skipped);
  return result;
}

} // namespace taskgroup
