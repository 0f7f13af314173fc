// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include "controller/custom_run.h"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// From a CustomRun and the objects it refers to, to a Plan: the core library called with what the
// API server has. Pure.
namespace taskgroup {

// Objects fetched so far, by kind and name. Null: there is none of that name.
using Fetched = std::map<std::pair<std::string, std::string>, Json>;

// What became of it: exactly one of the three.
struct Planned {
  struct Ready {
    Plan plan;
    GroupSpec group;
    Facts facts;
    RunRequest request;
    std::vector<Json> claims;          // of volumeClaimTemplates, to be there before the pod
    std::vector<std::string> warnings; // what is legal, but likely wrong
  };
  std::vector<std::pair<std::string, std::string>> missing; // fetch these by kind and name
  std::optional<Ready> ready;
  std::string reason; // why it can never run
  std::string message;
};

// Plan a run. `nonce` marks late values (PlanOptions::nonce).
Planned plan_run(const CustomRun& run, const Fetched& fetched, const std::string& nonce);

// Return what names a run as the owner of its pod and claims: {apiVersion, kind, name, uid}.
Json owner_of(const CustomRun& run);

// Return the nonce of an attempt: the same whenever it is asked for, another one for each attempt.
std::string nonce_of(const CustomRun& run);

} // namespace taskgroup
