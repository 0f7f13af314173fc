// SPDX-License-Identifier: Apache-2.0
#include "cli/given_volumes.h"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace taskgroup {
namespace {

// What comes from an object is not expanded, as kubelet has it.
Text verbatim(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '$')
      text += '$';
    text += c;
  }
  return Text(text);
}

tl::expected<void, std::string> make_variables(PlanStep& step, const GivenObjects& given) {
  std::vector<PlanEnv> env;
  const auto fields = nlohmann::json::parse(step.container_fields, nullptr, false);
  if (fields.is_object() && fields.contains("envFrom")) {
    const auto variables = given_variables(fields["envFrom"].dump(), given);
    if (!variables)
      return tl::unexpected(variables.error());
    for (const auto& [name, value] : *variables)
      env.push_back({name, verbatim(value), {}});
  }
  for (PlanEnv& variable : step.env) {
    if (!variable.value_from.empty()) {
      const auto value = given_value(variable.value_from, given);
      if (!value)
        return tl::unexpected(value.error());
      if (!*value)
        continue;
      variable = {variable.name, verbatim(**value), {}};
    }
    env.push_back(std::move(variable));
  }
  step.env = std::move(env);
  return {};
}

tl::expected<void, std::string> write_files(const std::string& folder,
                                            const std::vector<GivenFile>& files) {
  for (const GivenFile& file : files) {
    const std::string parent = std::filesystem::path(file.path).parent_path().string();
    if (auto made = make_below(folder, parent); !made)
      return made;
    const std::string path = folder + "/" + file.path;
    if (auto written = replace_file(path, file.content); !written)
      return written;
    ::chmod(path.c_str(), file.mode);
  }
  return {};
}

} // namespace

tl::expected<void, std::string> make_given(Plan& plan, const GivenObjects& given,
                                           const RunFolder& folder) {
  for (PlanTask& task : plan.tasks) {
    for (PlanStep& step : task.steps) {
      if (auto made = make_variables(step, given); !made)
        return made;
    }
    for (PlanSidecar& sidecar : task.sidecars) {
      if (auto made = make_variables(sidecar, given); !made)
        return made;
    }
  }
  for (const std::string& path : {folder.claims(), folder.given()}) {
    if (auto made = make_folder(path, 0755); !made)
      return made;
  }
  for (PlanVolume& volume : plan.volumes) {
    if (volume.kind != PlanVolume::Kind::bound || !volume.source.starts_with('{'))
      continue;
    const auto found = given_volume(volume.source, given);
    if (!found)
      return tl::unexpected(found.error());
    const bool is_claim = !found->claim.empty();
    volume.source =
        is_claim ? folder.claims() + "/" + found->claim : folder.given() + "/" + volume.name;
    if (auto made = make_folder(volume.source, is_claim ? 0777 : 0755); !made)
      return made;
    if (auto written = write_files(volume.source, found->files); !written)
      return written;
  }
  return {};
}

} // namespace taskgroup
