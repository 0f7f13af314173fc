// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/reader.h>

#include "core/planning/limits.h"
#include "crds/definition.h"
#include "crds/rules.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace taskgroup::crds {
namespace {

const char* const path = "crds/taskgroup.yaml";

TEST(Definition, FileIsUpToDate) {
  if (std::getenv("TASKGROUP_WRITE_DOCS") != nullptr)
    std::ofstream(path) << definition_file();
  std::ifstream file(path);
  const std::string found{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(found == definition_file())
      << path << " is out of date; it says how it is written again";
}

// `kubectl apply` puts the whole object into an annotation, and those hold 256 KiB together.
TEST(Definition, FitsIntoAnAnnotation) { EXPECT_LT(definition().dump().size(), 250U * 1024); }

TEST(Definition, YamlMeansTheJson) {
  const auto documents = read_documents(definition_file(), path);
  ASSERT_TRUE(documents.has_value()) << documents.error().to_string();
  ASSERT_EQ(documents->size(), 1U);
  EXPECT_EQ(nlohmann::json::parse(documents->front().to_json()),
            nlohmann::json::parse(definition().dump()));
}

TEST(Definition, EveryRowIsOfAFieldOfTheTable) {
  for (const FieldSchema& row : field_schemas())
    EXPECT_NE(find_field(row.kind, row.field, ApiVersion::v1), nullptr) << row.field;
  for (const RequiredField& row : required_fields())
    EXPECT_NE(find_field(row.kind, row.field, ApiVersion::v1), nullptr) << row.field;
  for (const Rule& row : rules())
    if (!row.field.empty()) {
      EXPECT_NE(find_field(row.kind, row.field, ApiVersion::v1), nullptr) << row.rule;
    }
}

// Calls visit(path, schema) for a schema and all below it.
template <typename Visit>
void each_schema(const Json& schema, const std::string& at, const Visit& visit) {
  visit(at, schema);
  if (schema.contains("properties"))
    for (const auto& [key, value] : schema["properties"].items())
      each_schema(value, at + "." + key, visit);
  for (const char* inner : {"items", "additionalProperties"})
    if (schema.contains(inner))
      each_schema(schema[inner], at + "[]", visit);
}

const Json& spec_schema(const Json& of_definition) {
  return of_definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
}

TEST(Definition, EveryListStringAndMapIsBounded) {
  const Json made = definition();
  each_schema(spec_schema(made), "spec", [](const std::string& at, const Json& schema) {
    const std::string type = schema.value("type", "");
    if (type == "string" && !schema.contains("enum")) {
      EXPECT_TRUE(schema.contains("maxLength")) << at;
    }
    if (type == "array") {
      EXPECT_TRUE(schema.contains("maxItems")) << at;
    }
    if (schema.contains("additionalProperties")) {
      EXPECT_TRUE(schema.contains("maxProperties")) << at;
    }
  });
}

// The API server would drop a field that it does not know, and planning could not refuse it.
TEST(Definition, EveryObjectKeepsUnknownFields) {
  const Json made = definition();
  each_schema(spec_schema(made), "spec", [](const std::string& at, const Json& schema) {
    if (schema.value("type", "") == "object" && !schema.contains("additionalProperties")) {
      EXPECT_TRUE(schema.value("x-kubernetes-preserve-unknown-fields", false)) << at;
    }
  });
}

} // namespace
} // namespace taskgroup::crds
