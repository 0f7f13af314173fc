// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/served_secret.h"

#include "kube/resources.h"
#include "webhook/certificates/decide.h"

#include <utility>

namespace taskgroup {

namespace {

using kube::Json;

// Keep what identifies an object, and of its data these keys.
void keep_only(Json& object, std::initializer_list<const char*> keys) {
  Json kept;
  for (const char* name : {"namespace", "name", "uid", "resourceVersion"}) {
    if (object["metadata"].contains(name))
      kept["metadata"][name] = object["metadata"][name];
  }
  for (const char* key : keys) {
    if (object.contains("data") && object["data"].is_object() && object["data"].contains(key))
      kept["data"][key] = object["data"][key];
  }
  object = std::move(kept);
}

} // namespace

std::unique_ptr<kube::Informer> watch_secret(kube::KubeApi& api, const kube::ObjectKey& secret,
                                             SecretListener listener,
                                             std::shared_ptr<kube::Clock> clock) {
  kube::Informer::Settings settings;
  settings.resource = kube::secrets;
  settings.selector = {.namespace_name = secret.namespace_name,
                       .labels = {},
                       .fields = "metadata.name=" + secret.name};
  settings.transform = [](Json& object) {
    keep_only(object, {secret_key::certificate, secret_key::key});
  };
  settings.on_error = listener.on_error;
  auto last = std::make_shared<CertificatePair>();
  return std::make_unique<kube::Informer>(
      api, std::move(settings),
      [listener = std::move(listener), last](const kube::ObjectKey&, const kube::Informer::Object&,
                                             const kube::Informer::Object& after) {
        if (after) {
          CertificatePair pair{secret_value(*after, secret_key::certificate),
                               secret_value(*after, secret_key::key)};
          if (pair.certificate != last->certificate || pair.key != last->key) {
            *last = pair;
            listener.on_pair(pair);
          }
        }
        if (listener.on_change)
          listener.on_change();
      },
      std::move(clock));
}

} // namespace taskgroup
