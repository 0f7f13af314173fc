// SPDX-License-Identifier: Apache-2.0
// A group that is embedded in another object meets no schema: whatever the schema refuses, planning
// must refuse by itself. Each constraint of the schema is broken once, alone.
#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include "core/planning/limits.h"
#include "core/planning/validation_cases.h"
#include "crds/definition.h"
#include "crds/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup::crds {
namespace {

// Puts a value where a schema is, into the spec of a group that has all that is required around it.
using PutIn = std::function<Json(Json)>;

struct Place {
  std::string path; // of the value, from the root
  Json schema;
  PutIn put_in;
};

Json placeholder(const Json& schema);

// Return an object with all that its schema requires.
Json whole_object(const Json& schema) {
  Json object = Json::object();
  if (schema.contains("required"))
    for (const Json& field : schema["required"])
      object[field.get<std::string>()] =
          placeholder(schema["properties"][field.get<std::string>()]);
  return object;
}

Json placeholder(const Json& schema) {
  const std::string type = schema.value("type", "string");
  if (type == "object")
    return whole_object(schema);
  if (type == "array")
    return Json::array();
  if (type == "integer")
    return 1;
  if (type == "boolean")
    return true;
  return "x";
}

// Calls visit(place) for a schema and all below it.
void each_place(const Place& place, const std::function<void(const Place&)>& visit) {
  visit(place);
  const Json& schema = place.schema;
  if (schema.contains("properties"))
    for (const auto& [name, inner] : schema["properties"].items())
      each_place({place.path + "." + name, inner,
                  [&place, field = name](Json value) {
                    Json object = whole_object(place.schema);
                    object[field] = std::move(value);
                    return place.put_in(std::move(object));
                  }},
                 visit);
  if (schema.contains("items"))
    each_place({place.path + "[0]", schema["items"],
                [&place](Json value) { return place.put_in(Json::array({std::move(value)})); }},
               visit);
  if (schema.contains("additionalProperties"))
    each_place({place.path + ".key", schema["additionalProperties"],
                [&place](Json value) { return place.put_in({{"key", std::move(value)}}); }},
               visit);
}

// A value that breaks one constraint of a place.
struct Broken {
  std::string constraint;
  Json value;
  std::string path; // of what is wrong
};

std::vector<Broken> broken_values(const Place& place) {
  const Json& schema = place.schema;
  std::vector<Broken> all;
  const auto add = [&](const char* constraint, Json value, const std::string& inside = {}) {
    if (schema.contains(constraint))
      all.push_back({constraint, std::move(value), place.path + inside});
  };
  const auto size = [&](const char* constraint) { return schema.value(constraint, 0U) + 1; };
  // Two bytes a character: sizes are in characters.
  std::string text;
  if (schema.contains("maxLength"))
    for (std::size_t i = 0; i < size("maxLength"); ++i)
      text += "é";
  add("maxLength", text);
  add("minLength", "");
  add("pattern", "=!");
  add("enum", "none-of-them");
  if (schema.contains("minimum"))
    add("minimum", schema["minimum"].get<std::int64_t>() - 1);
  if (schema.contains("maximum"))
    add("maximum", schema["maximum"].get<std::int64_t>() + 1);
  if (schema.contains("maxItems"))
    add("maxItems", Json::array_t(size("maxItems"), placeholder(schema["items"])));
  if (schema.contains("x-kubernetes-list-map-keys"))
    add("x-kubernetes-list-map-keys",
        Json::array({placeholder(schema["items"]), placeholder(schema["items"])}), "[1].name");
  Json large = Json::object();
  if (schema.contains("maxProperties"))
    for (std::size_t i = 0; i < size("maxProperties"); ++i)
      large["key-" + std::to_string(i)] = placeholder(schema["additionalProperties"]);
  add("maxProperties", large);
  if (schema.contains("required"))
    for (const Json& field : schema["required"]) {
      Json object = whole_object(schema);
      object.erase(field.get<std::string>());
      add("required", std::move(object), "." + field.get<std::string>());
    }
  return all;
}

std::vector<Diagnostic> findings_of(const Json& spec) {
  const Json object = {{"apiVersion", "taskgroup.dev/v1alpha1"},
                       {"kind", "TaskGroup"},
                       {"metadata", {{"name", "g"}}},
                       {"spec", spec}};
  Diagnostics diagnostics;
  const auto document = read_json(object.dump(), {});
  if (!document) {
    ADD_FAILURE() << document.error().to_string();
    return {};
  }
  const Catalog catalog = make_catalog({*document}, diagnostics, Target::pod);
  std::vector<std::string> skipped;
  for (const Runnable& runnable : catalog.runnables)
    validate(runnable.group, {}, diagnostics, skipped);
  return diagnostics.sorted();
}

TEST(Parity, PlanningRefusesWhatTheSchemaRefuses) {
  const Json made = definition();
  const Place root{"spec",
                   made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"],
                   [](Json spec) { return spec; }};
  std::size_t count = 0;
  std::set<std::string> not_refused;
  each_place(root, [&](const Place& place) {
    for (const Broken& broken : broken_values(place)) {
      ++count;
      const auto is_it = [&](const Diagnostic& found) {
        const std::string& at = found.where.path;
        // What has a type of its own, or no business there, is refused as a whole.
        return found.severity == Diagnostic::Severity::error
               && (at == broken.path || at.starts_with(broken.path + "[")
                   || broken.path == at + ".apiVersion" || broken.path == at + ".kind"
                   || broken.path == at + ".name");
      };
      const std::vector<Diagnostic> found = findings_of(place.put_in(broken.value));
      const bool refused = std::any_of(found.begin(), found.end(), is_it);
      if (!refused)
        not_refused.insert(broken.constraint + " of " + broken.path);
    }
  });
  EXPECT_GT(count, 400U);
  EXPECT_THAT(not_refused, testing::IsEmpty());
}

TEST(Parity, SizesAreInCharacters) {
  std::string text;
  for (std::size_t i = 0; i < most_characters; ++i)
    text += "é";
  const Json step = {{"image", text}, {"script", "x"}};
  const auto found = findings_of({{"tasks", {{{"name", "a"}, {"taskSpec", {{"steps", {step}}}}}}}});
  EXPECT_TRUE(found.empty()) << found.front().message;
}

// validate_test.cpp sees to it that planning finds them; here, that none is forgotten.
TEST(Parity, EachRuleHasACase) {
  std::string said;
  for (const ValidationCase& one : validation_cases("definition"))
    said += one.api + "\n";
  for (const Rule& rule : rules())
    EXPECT_THAT(said, testing::HasSubstr(std::string(rule.message) + "\n"));
}

} // namespace
} // namespace taskgroup::crds
