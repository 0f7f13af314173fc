// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "webhook/admission/review.h"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Reviews and their answers, for tests.
namespace taskgroup::admission {

using Json = nlohmann::json;

// Return one YAML document as JSON.
Json json_of(const std::string& yaml);

// Return the AdmissionReview that the API server sends for an object of any kind.
Json review_of(const Json& object, const std::string& operation = "CREATE");

// Return a finder of the TaskGroups that the API server has, by "namespace/name".
using Stored = std::map<std::string, Json>;
FindGroup finder(Stored stored);

// An answer taken apart.
struct Answer {
  Reviewed reviewed;
  Json response;

  bool allowed() const { return response.at("allowed"); }
  std::vector<std::string> warnings() const;
  std::string message() const; // of the status

  // Each finding as "severity: path: message".
  std::vector<std::string> findings() const;
};

// Have a review answered, and check what holds for every answer.
Answer send(const Json& review_json, const FindGroup& find_group = finder({}));

// Have the creation of an object reviewed.
Answer ask(const std::string& yaml, const FindGroup& find_group = finder({}));

// Where a group stands, and the object around it, with `@` for the group's spec.
struct Form {
  std::string name;
  std::string path; // of the group's spec
  std::string object;
};

// Return every object that may hold a group.
const std::vector<Form>& forms();

std::string replaced(std::string text, std::string_view what, std::string_view by);

// The objects of the tests. The bad group uses a param that it does not declare; the choosy one has
// params `color`, an enum, and `list`, an array. Its run names it, and has what `spec` adds.
extern const char* const bad_group;
extern const char* const choosy_group;
std::string custom_run(const std::string& spec);
std::string choosy_run(const std::string& spec);
std::string pipeline(const std::string& spec);

} // namespace taskgroup::admission
