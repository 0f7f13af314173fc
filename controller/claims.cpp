// SPDX-License-Identifier: Apache-2.0
#include "controller/claims.h"

#include "controller/short_sha256.h"
#include "kube/json_fields.h"

#include <utility>

namespace taskgroup {

using nlohmann::json;

std::vector<json> make_claims(RunRequest& request, const json& owner) {
  std::vector<json> claims;
  for (WorkspaceBinding& binding : request.workspaces) {
    if (binding.kind != WorkspaceBinding::Kind::volume_claim_template)
      continue;
    json claim = json::parse(binding.raw.node.to_json(), nullptr, /*allow_exceptions=*/false);
    if (!claim.is_object())
      claim = json::object();
    const json& metadata = object_at(claim, "metadata");
    std::string name = text_at(metadata, "name");
    name = (name.empty() ? "pvc" : name) + "-"
           + short_sha256(binding.name.text + text_at(owner, "uid"));
    json made = {{"name", name}, {"namespace", request.namespace_name}};
    for (const char* kept : {"labels", "annotations"}) {
      if (metadata.contains(kept))
        made[kept] = metadata[kept];
    }
    json reference = owner;
    reference["controller"] = true;
    reference["blockOwnerDeletion"] = true;
    made["ownerReferences"] = json::array({std::move(reference)});
    claims.push_back({{"apiVersion", "v1"},
                      {"kind", "PersistentVolumeClaim"},
                      {"metadata", std::move(made)},
                      {"spec", object_at(claim, "spec")}});

    binding.kind = WorkspaceBinding::Kind::persistent_volume_claim;
    binding.source = name;
    binding.raw = {};
  }
  return claims;
}

} // namespace taskgroup
