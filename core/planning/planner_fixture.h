// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/catalog.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

// Short forms for objects as an author would write them.
inline Located at(std::string text) { return {std::move(text), {}}; }

inline ParamValue value(std::string text) { return {{}, at(std::move(text))}; }

inline ParamValue array(std::initializer_list<std::string> items) {
  std::vector<Located> located;
  for (const std::string& item : items)
    located.push_back(at(item));
  return {{}, std::move(located)};
}

inline ParamValue object(std::initializer_list<std::pair<std::string, std::string>> fields) {
  std::vector<std::pair<std::string, Located>> located;
  for (const auto& [key, text] : fields)
    located.emplace_back(key, at(text));
  return {{}, std::move(located)};
}

inline Param param(std::string name, ParamValue passed) {
  return {{}, at(std::move(name)), std::move(passed)};
}

inline ParamSpec declare(std::string name, ValueType type = ValueType::string,
                         std::optional<ParamValue> default_value = std::nullopt) {
  return {.name = at(std::move(name)), .type = type, .default_value = std::move(default_value)};
}

inline Step script_step(std::string name, std::string script) {
  Step step;
  step.name = at(std::move(name));
  step.script = at(std::move(script));
  return step;
}

inline Step command_step(std::initializer_list<std::string> command,
                         std::initializer_list<std::string> args = {}) {
  Step step;
  step.command.emplace();
  for (const std::string& part : command)
    step.command->push_back(at(part));
  step.args.emplace();
  for (const std::string& part : args)
    step.args->push_back(at(part));
  return step;
}

inline PipelineTask embedded(std::string name, TaskSpec spec) {
  PipelineTask task;
  task.name = at(std::move(name));
  task.task_spec = std::move(spec);
  return task;
}

// A task of one step that runs a script.
inline PipelineTask scripted(std::string name, std::string script) {
  TaskSpec spec;
  spec.steps.push_back(script_step("run", std::move(script)));
  return embedded(std::move(name), std::move(spec));
}

inline PipelineTask referring(std::string name, std::string task) {
  PipelineTask result;
  result.name = at(std::move(name));
  result.task_ref = at(std::move(task));
  return result;
}

inline ResultSpec produces(std::string name, ValueType type = ValueType::string) {
  return {.name = at(std::move(name)), .type = type};
}

// Plans a group and looks at the outcome.
class PlannerTest : public testing::Test {
protected:
  PlannerTest() {
    request.name = "run";
    request.pipeline_name = "group";
    request.uid = "uid";
    options.nonce = "0123abcd";
  }

  // Take the first object of a document that can be run, and all Tasks and Pipelines in it.
  void load(const std::string& yaml) {
    const auto documents = read_documents(yaml, "test.yaml");
    ASSERT_TRUE(documents.has_value()) << documents.error().to_string();
    Diagnostics diagnostics;
    Catalog catalog = make_catalog(*documents, diagnostics, target);
    ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.to_string();
    ASSERT_FALSE(catalog.runnables.empty());
    Runnable& first = catalog.runnables.front();
    group = std::move(first.group);
    first.request.name = request.name;
    first.request.uid = request.uid;
    request = std::move(first.request);
    facts.tasks = std::move(catalog.tasks);
    facts.pipelines = std::move(catalog.pipelines);
    facts.step_actions = std::move(catalog.step_actions);
  }

  // Load a TaskGroup of which only the spec is given, indented by two.
  void load_spec(const std::string& spec, const std::string& more = {}) {
    load("apiVersion: taskgroup.dev/v1alpha1\nkind: TaskGroup\nmetadata: {name: group}\nspec:\n"
         + spec + more);
  }

  // A Task as a document of its own, for load_spec().
  static std::string task(const std::string& name, const std::string& spec) {
    return "\n---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: " + name + "}\nspec:\n"
           + spec;
  }

  // Plan; the test fails if that gives errors.
  Plan planned() {
    Diagnostics diagnostics;
    std::optional<Plan> plan = taskgroup::plan(group, request, facts, options, diagnostics);
    warnings = diagnostics.to_string();
    if (!plan) {
      ADD_FAILURE() << diagnostics.to_string();
      return {};
    }
    return *std::move(plan);
  }

  // Plan; return the errors, one a line.
  std::string errors() {
    Diagnostics diagnostics;
    EXPECT_FALSE(taskgroup::plan(group, request, facts, options, diagnostics).has_value());
    EXPECT_TRUE(diagnostics.has_errors());
    return diagnostics.to_string();
  }

  // Plan; return the script of the first step of the task, its preamble left out, with markers.
  std::string script(const std::string& task = {}) {
    const Plan plan = planned();
    for (const PlanTask& candidate : plan.tasks) {
      if (candidate.name == task || task.empty())
        return marked(candidate.steps.at(0).script.value());
    }
    ADD_FAILURE() << "no task " << task;
    return {};
  }

  // A text with its references as `<name>`, the preamble of scripts left out.
  static std::string marked(const Text& text) {
    std::string result;
    for (const Text::Segment& segment : text.segments()) {
      if (const auto* literal = std::get_if<std::string>(&segment))
        result += *literal;
      else
        result += "<" + std::get<Reference>(segment).name() + ">";
    }
    const std::string preamble = "#!/bin/sh\nset -e\n";
    return result.starts_with(preamble) ? result.substr(preamble.size()) : result;
  }

  static std::vector<std::string> marked(const std::vector<Text>& texts) {
    std::vector<std::string> result;
    for (const Text& text : texts)
      result.push_back(marked(text));
    return result;
  }

  GroupSpec group;
  RunRequest request;
  Facts facts;
  PlanOptions options;
  Target target = Target::host;
  std::string warnings;
};

} // namespace taskgroup
