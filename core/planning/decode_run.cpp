// SPDX-License-Identifier: Apache-2.0
#include "core/planning/decode.h"

#include <fmt/format.h>

namespace taskgroup {
namespace {

using Kind = WorkspaceBinding::Kind;

WorkspaceBinding decode_binding(const ObjectReader& reader) {
  WorkspaceBinding binding;
  binding.where = reader.where();
  binding.name = reader.required_text("name", "it says which workspace is bound");
  binding.sub_path = reader.text("subPath");
  int sources = 0;
  const auto is = [&](std::string_view field, Kind kind) {
    if (!reader.has(field))
      return false;
    binding.kind = kind;
    binding.raw = {*reader.find(field), reader.path_of(field)};
    ++sources;
    return true;
  };
  is("volumeClaimTemplate", Kind::volume_claim_template);
  if (is("persistentVolumeClaim", Kind::persistent_volume_claim)) {
    const auto claim = reader.object("persistentVolumeClaim");
    binding.source = claim->required_text("claimName", "it says which claim is bound").text;
    binding.read_only = claim->boolean("readOnly");
  }
  if (is("emptyDir", Kind::empty_dir)) {
    const EmptyDir shape = decode_empty_dir(*reader.object("emptyDir"));
    binding.memory = shape.memory;
    binding.size_limit = shape.size_limit;
  }
  if (is("configMap", Kind::config_map)) {
    const auto source = reader.object("configMap");
    binding.source = source->required_text("name", "it says which ConfigMap is bound").text;
    for (const std::string_view field : {"items", "defaultMode", "optional"})
      source->find(field);
  }
  if (is("secret", Kind::secret)) {
    const auto source = reader.object("secret");
    binding.source = source->required_text("secretName", "it says which Secret is bound").text;
    for (const std::string_view field : {"items", "defaultMode", "optional"})
      source->find(field);
  }
  is("projected", Kind::projected);
  is("csi", Kind::csi);
  if (sources > 1)
    reader.error({}, "has several sources; a workspace is bound to one");
  else if (sources == 0)
    reader.error({}, "missing a source; give one, for example `emptyDir: {}`");
  return binding;
}

} // namespace

std::vector<WorkspaceBinding> decode_workspace_bindings(const ObjectReader& reader) {
  std::vector<WorkspaceBinding> bindings;
  for (const ObjectReader& workspace : reader.objects("workspaces"))
    bindings.push_back(decode_binding(workspace));
  return bindings;
}

} // namespace taskgroup
