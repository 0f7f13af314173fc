// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/text.h>

#include "core/planning/group_view.h"
#include "core/planning/variables.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// What a field may hold beside plain text.
struct FieldRule {
  enum class Whole {
    never,   // a text: no whole array or object
    element, // a whole array that stands alone expands
    input,   // as never, but an array that is a result becomes its JSON
  };

  std::string_view field; // for messages: "an image"
  Whole whole = Whole::never;
  bool late = true;          // may hold what is known only while the group runs
  bool strict = true;        // what is no variable is an error; else it may be the shell's
  bool passed_on = false;    // the Task looks through it again: its own variables mean something
  bool step_results = false; // may hold results of the steps before
  bool of_default = false;   // of a Task's param: a param that is unknown there stays as it is
};

// Where a text stands decides which variables it may use (docs/variables.md of Tekton). Checks the
// references in texts against what is declared there.
class ReferenceCheck {
public:
  enum class Level {
    pipeline_task, // a field of a PipelineTask
    task,          // inside a Task
    group,         // params' defaults and the run's stepTemplate
    group_result,
  };

  // For a text of a task of the group.
  ReferenceCheck(const GroupView& group, const TaskView& task, Level level,
                 Diagnostics& diagnostics)
      : m_group(group), m_task(&task), m_level(level), m_diagnostics(diagnostics) {}

  // For a text of the group itself.
  ReferenceCheck(const GroupView& group, Level level, Diagnostics& diagnostics)
      : m_group(group), m_level(level), m_diagnostics(diagnostics) {}

  // Params of the task whose values are late: a field that must be known early cannot use them.
  void set_late_params(std::set<std::string> names) { m_late_params = std::move(names); }

  // Tell in which step of the task the texts stand: it sees results of those before it.
  void set_step(std::size_t index) { m_step = index; }

  // Tell whether the texts come from the step's StepAction: they see its params alone.
  void set_in_action(bool in_action) { m_in_action = in_action; }

  // Return the param that a name stands for here, or nullptr.
  const ParamSpec* find_param(std::string_view name) const;

  void text(const Located& located, const FieldRule& rule) const;
  void texts(const std::vector<Located>& list, const FieldRule& rule) const;

  // Check the value of a param, default or group result and return its type, as far as it is known:
  // a text that is one whole array or object has its type.
  std::optional<ValueType> value(const ParamValue& value, const FieldRule& rule) const;

private:
  // What a variable stands for.
  struct Meaning {
    bool good = false;             // it is a variable, and faultless
    std::optional<ValueType> type; // nothing: not known
    bool late = false;
    bool is_result = false;
  };

  Meaning variable(const Variable& variable, const Located& located, const FieldRule& rule) const;
  Meaning param(const VariableName& name, const std::string& written, const FieldRule& rule,
                const Where& where) const;
  Meaning part_of_param(const ParamSpec& param, const VariableName& name, const std::string& key,
                        const std::string& written, const Where& where) const;
  Meaning task_variable(const VariableName& name, const std::string& written,
                        const Where& where) const;
  Meaning result(const TaskView& producer, const VariableName& name, const std::string& written,
                 const Where& where) const;
  Meaning matrix(const TaskView& producer, const std::string& written, const Where& where) const;
  Meaning context(const std::string& written, bool strict, const Where& where) const;
  Meaning workspace(const VariableName& name, const std::string& written, const Where& where) const;
  Meaning own_result(const VariableName& name, const std::string& written,
                     const Where& where) const;
  Meaning step(const VariableName& name, const std::string& written, const FieldRule& rule,
               const Where& where) const;
  Meaning step_result(const Reference& reference, const std::string& written, const FieldRule& rule,
                      const Where& where) const;
  Meaning own_step_result(const VariableName& name, const std::string& written,
                          const Where& where) const;

  bool sees_group() const;
  bool passes_key(const std::string& param, const std::string& key) const;
  Meaning fail(const Where& where, std::string message) const;

  const GroupView& m_group;
  const TaskView* m_task = nullptr;
  Level m_level;
  Diagnostics& m_diagnostics;
  std::set<std::string> m_late_params;
  std::optional<std::size_t> m_step;
  bool m_in_action = false;
};

// Return the tasks whose results a text uses, or how many instances of a matrix have one. The mere
// number of a matrix' instances is known before, unless its arrays come from other tasks.
std::vector<std::string> tasks_used(const GroupView& group, const std::string& text);

} // namespace taskgroup
