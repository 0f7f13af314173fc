// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Objects that steps use and that stand in the given documents beside the tasks. Where there is no
// cluster they are what the cluster's would be in a pod (taskrun-semantics.md 1.4, 6.1, 6.2).
namespace taskgroup {

// What a ConfigMap or a Secret holds, by key; decoded.
using KeyedData = std::map<std::string, std::string>;

struct GivenObjects {
  std::map<std::string, KeyedData> config_maps; // by name
  std::map<std::string, KeyedData> secrets;
  std::set<std::string> claims; // PersistentVolumeClaims
};

// A file of a volume.
struct GivenFile {
  std::string path; // relative; leads nowhere else
  std::string content;
  unsigned mode = 0644;
};

// What a volume is made of.
struct GivenVolume {
  std::string claim;            // a folder that all volumes of this claim share; empty: files
  std::vector<GivenFile> files; // read-only
};

// The functions take Kubernetes' JSON as a plan has it. The error says what is not there, or cannot
// be had without a cluster, and what to do.

// Return the value of a variable (an EnvVarSource, PlanEnv::value_from); nothing where it is
// optional and not there.
tl::expected<std::optional<std::string>, std::string> given_value(const std::string& source,
                                                                  const GivenObjects& given);

// Return the variables of `envFrom` (a list of EnvFromSource); a later one wins.
tl::expected<std::vector<std::pair<std::string, std::string>>, std::string>
given_variables(const std::string& sources, const GivenObjects& given);

// Return what a volume is made of (a VolumeSource, PlanVolume::source).
tl::expected<GivenVolume, std::string> given_volume(const std::string& source,
                                                    const GivenObjects& given);

} // namespace taskgroup
