// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/response.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace taskgroup::admission {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_message_bytes = 16U * 1024;
constexpr std::size_t most_causes = 100;
constexpr std::size_t most_cause_bytes = 4096;
constexpr std::size_t most_warnings = 100;
constexpr std::size_t most_warning_bytes = 1000;

// Return a text of at most `most` bytes, cut between two characters.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most)
    return text;
  constexpr std::string_view mark = "…";
  std::size_t size = most - mark.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U)
    --size;
  text.resize(size);
  return text.append(mark);
}

std::string line_of(const Diagnostic& finding) {
  return printable(finding.where.path.empty()
                       ? finding.message
                       : fmt::format("{}: {}", finding.where.path, finding.message));
}

// The Status that a client gets, as the API server itself writes it for an object that its schema
// refuses (apimachinery, pkg/api/errors NewInvalid): kubectl shows the causes.
Json status_of(const Request& request, const std::vector<Diagnostic>& errors) {
  std::string message;
  Json causes = Json::array();
  std::size_t told = 0;
  for (const Diagnostic& error : errors) {
    if (causes.size() < most_causes)
      causes.push_back({{"reason", "FieldValueInvalid"},
                        {"message", cut(printable(error.message), most_cause_bytes)},
                        {"field", cut(printable(error.where.path), most_cause_bytes)}});
    const std::string line = cut(line_of(error), most_cause_bytes);
    if (told == static_cast<std::size_t>(&error - errors.data())
        && message.size() + line.size() < most_message_bytes) {
      message += (message.empty() ? "" : "\n") + line;
      ++told;
    }
  }
  if (told < errors.size())
    message += fmt::format("\nand {} more", errors.size() - told);
  return {{"status", "Failure"},
          {"code", 422},
          {"reason", "Invalid"},
          {"message", std::move(message)},
          {"details",
           {{"name", request.name},
            {"group", request.group},
            {"kind", request.kind},
            {"causes", std::move(causes)}}}};
}

Json warnings_of(const std::vector<Diagnostic>& warnings) {
  Json lines = Json::array();
  for (const Diagnostic& warning : warnings) {
    if (lines.size() + 1 == most_warnings && warnings.size() > most_warnings) {
      lines.push_back(fmt::format("and {} more warnings", warnings.size() - lines.size()));
      break;
    }
    lines.push_back(cut(line_of(warning), most_warning_bytes));
  }
  return lines;
}

} // namespace

std::string write_response(const Request& request, const Diagnostics& findings) {
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;
  for (Diagnostic& finding : findings.sorted())
    (finding.severity == Diagnostic::Severity::error ? errors : warnings)
        .push_back(std::move(finding));
  Json response = {{"uid", request.uid}, {"allowed", errors.empty()}};
  if (!errors.empty())
    response["status"] = status_of(request, errors);
  if (!warnings.empty())
    response["warnings"] = warnings_of(warnings);
  const Json review = {{"apiVersion", "admission.k8s.io/v1"},
                       {"kind", "AdmissionReview"},
                       {"response", std::move(response)}};
  return review.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace taskgroup::admission
