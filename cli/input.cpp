// SPDX-License-Identifier: Apache-2.0
#include "cli/input.h"

#include "core/planning/file_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

namespace taskgroup {

namespace {

namespace fs = std::filesystem;

Where in_file(const std::string& name) {
  Where where;
  where.file = std::make_shared<const std::string>(name);
  return where;
}

bool is_document_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// Replace folders by the files in them.
std::vector<std::string> expand_folders(const std::vector<std::string>& files,
                                        Diagnostics& diagnostics) {
  std::vector<std::string> expanded;
  for (const std::string& file : files) {
    std::error_code error;
    if (file == "-" || !fs::is_directory(file, error)) {
      expanded.push_back(file);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(file, error)) {
      std::error_code ignored;
      if (is_document_name(entry.path()) && entry.is_regular_file(ignored)) {
        found.push_back(entry.path().string());
      }
    }
    if (error) {
      diagnostics.add_error(in_file(file),
                            fmt::format("cannot list the folder: {}", error.message()));
      continue;
    }
    if (found.empty()) {
      diagnostics.add_error(in_file(file),
                            "the folder holds no *.yaml, *.yml or *.json file; name the files");
    }
    std::sort(found.begin(), found.end());
    expanded.insert(expanded.end(), found.begin(), found.end());
  }
  return expanded;
}

std::string describe(const Runnable& runnable) {
  return fmt::format("{} {}{}", runnable.kind, runnable.name.empty() ? "(no name)" : runnable.name,
                     runnable.embedded ? " (embedded: --group " + runnable.name + ")" : "");
}

std::string list_of(const std::vector<const Runnable*>& runnables) {
  std::string list;
  for (const Runnable* runnable : runnables) {
    list += "\n  " + describe(*runnable);
  }
  return list;
}

// Objects that start something are meant before objects that only define something.
int rank(const Runnable& runnable) {
  if (runnable.kind == "PipelineRun" || runnable.kind == "TaskRun"
      || runnable.kind == "CustomRun") {
    return 0;
  }
  if (runnable.kind == "TaskGroup") {
    return 1;
  }
  return runnable.kind == "Pipeline" ? 2 : 3;
}

} // namespace

Input read_input(const std::vector<std::string>& files, Target target) {
  Input input;
  std::vector<Node> documents;
  for (const std::string& file : expand_folders(files, input.diagnostics)) {
    auto read = read_file(file);
    if (!read) {
      input.diagnostics.add(std::move(read.error()));
      continue;
    }
    documents.insert(documents.end(), read->begin(), read->end());
  }
  input.catalog = make_catalog(documents, input.diagnostics, target);
  input.facts.tasks = input.catalog.tasks;
  input.facts.pipelines = input.catalog.pipelines;
  input.facts.step_actions = input.catalog.step_actions;
  input.facts.given = input.catalog.given;
  return input;
}

tl::expected<Runnable, Failure> select_runnable(const Catalog& catalog, const std::string& group) {
  std::vector<const Runnable*> candidates;
  std::vector<const Runnable*> embedded;
  for (const Runnable& runnable : catalog.runnables) {
    (runnable.embedded ? embedded : candidates).push_back(&runnable);
  }
  if (!group.empty()) {
    std::vector<const Runnable*> all = embedded;
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Runnable* a, const Runnable* b) { return rank(*a) < rank(*b); });
    all.insert(all.end(), candidates.begin(), candidates.end());
    for (const Runnable* runnable : all) {
      if (runnable->name == group) {
        return *runnable;
      }
    }
    return tl::unexpected(
        Failure{ExitCode::bad_input,
                fmt::format("error: --group {}: nothing of that name can be run; there "
                            "is:{}",
                            group, all.empty() ? " none" : list_of(all))});
  }
  if (!embedded.empty()) {
    // A Pipeline that embeds groups cannot run as a whole: its group is what is meant.
    if (embedded.size() == 1) {
      return *embedded.front();
    }
    return tl::unexpected(
        Failure{ExitCode::bad_input,
                fmt::format("error: more than one TaskGroup is embedded; pick one with --group:{}",
                            list_of(embedded))});
  }
  if (candidates.empty()) {
    return tl::unexpected(
        Failure{ExitCode::bad_input,
                "error: nothing to run: no TaskGroup, Pipeline, PipelineRun, Task, TaskRun or "
                "CustomRun in the files"});
  }
  int best = rank(*candidates.front());
  for (const Runnable* candidate : candidates) {
    best = std::min(best, rank(*candidate));
  }
  std::vector<const Runnable*> meant;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(meant),
               [&](const Runnable* candidate) { return rank(*candidate) == best; });
  if (meant.size() > 1) {
    return tl::unexpected(
        Failure{ExitCode::bad_input,
                fmt::format("error: more than one object can be run; pick one with --group:{}",
                            list_of(meant))});
  }
  return *meant.front();
}

} // namespace taskgroup
