// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/decide.h"

#include "kube/base64.h"
#include "webhook/certificates/x509.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace taskgroup {

namespace {

using kube::Json;
using kube::WallTime;

// One that was emptied by hand again and again leaves others behind; the API server reads them all.
constexpr std::size_t most_authorities = 5;

const Json* member(const Json& object, const std::string& name) {
  if (!object.is_object())
    return nullptr;
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

std::string string_at(const Json& object, const std::string& name) {
  const Json* const value = member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string resource_version_of(const Json& object) {
  const Json* const metadata = member(object, "metadata");
  return metadata == nullptr ? std::string() : string_at(*metadata, "resourceVersion");
}

void set_value(Json& secret, const std::string& key, const std::string& value) {
  Json& data = secret["data"];
  if (!data.is_object())
    data = Json::object();
  data[key] = kube::encode_base64(value);
}

bool is_valid(const CertificateFacts& certificate, WallTime now) {
  return certificate.not_before <= now && now < certificate.not_after;
}

// When a third of its life is left. It was made `backdated` after the begin of its validity.
WallTime renewal_of(const CertificateFacts& certificate, std::chrono::seconds lifetime) {
  const auto life = certificate.not_after - (certificate.not_before + backdated);
  return certificate.not_after - std::min<WallTime::duration>(life, lifetime) / 3;
}

std::vector<CertificateFacts> authorities_in(std::string_view pem) {
  auto all = read_certificates(pem);
  std::erase_if(all, [](const CertificateFacts& one) { return !one.is_authority; });
  return all;
}

// The certificates in the caBundle of any of the configuration's webhooks.
std::vector<CertificateFacts> trusted_by(const Json& configuration) {
  std::vector<CertificateFacts> result;
  const Json* const webhooks = member(configuration, "webhooks");
  for (const Json& webhook : webhooks == nullptr ? Json::array() : *webhooks) {
    const Json* const client = member(webhook, "clientConfig");
    const auto bundle =
        client == nullptr ? std::nullopt : kube::decode_base64(string_at(*client, "caBundle"));
    for (auto& one : authorities_in(bundle.value_or("")))
      result.push_back(std::move(one));
  }
  return result;
}

// Everything of a Secret that counts.
struct Held {
  std::vector<CertificateFacts> authorities;
  std::optional<CertificateFacts> newest; // the first whose key is there
  std::string authority_key;
  std::optional<CertificateFacts> certificate;
  bool has_key = false; // the certificate's
};

Held read_secret(const Json& secret) {
  Held held;
  held.authorities = authorities_in(secret_value(secret, secret_key::authorities));
  held.authority_key = secret_value(secret, secret_key::authority_key);
  for (const auto& one : held.authorities) {
    if (!held.newest && key_fits(held.authority_key, one))
      held.newest = one;
  }
  const auto chain = read_certificates(secret_value(secret, secret_key::certificate));
  if (!chain.empty()) {
    held.certificate = chain.front();
    held.has_key = key_fits(secret_value(secret, secret_key::key), chain.front());
  }
  return held;
}

// The newest authority, and after it those whose certificates may still be in use.
std::vector<CertificateFacts> bundle_of(const CertificateSettings& settings, const Held& held,
                                        const std::vector<CertificateFacts>& trusted,
                                        const CertificateFacts& newest, WallTime now) {
  std::vector<CertificateFacts> others;
  // A certificate of theirs was made before this authority was.
  if (now < newest.not_before + backdated + settings.lifetime + backdated) {
    for (const auto* list : {&held.authorities, &trusted}) {
      for (const auto& one : *list) {
        const auto is_same = [&](const CertificateFacts& other) { return other.pem == one.pem; };
        if (now < one.not_after && !is_same(newest)
            && std::none_of(others.begin(), others.end(), is_same))
          others.push_back(one);
      }
    }
  }
  // In an order that does not depend on where they were found.
  std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) {
    return std::tie(b.not_before, b.pem) < std::tie(a.not_before, a.pem);
  });
  if (others.size() >= most_authorities)
    others.resize(most_authorities - 1);
  others.insert(others.begin(), newest);
  return others;
}

std::string text_of(const std::vector<CertificateFacts>& certificates) {
  std::string text;
  for (const auto& one : certificates)
    text += one.pem;
  return text;
}

// The patch that gives each webhook this bundle; empty: they have it.
Json bundle_patch(const Json& configuration, const std::string& bundle) {
  const std::string encoded = kube::encode_base64(bundle);
  Json patch = Json::array();
  const Json* const webhooks = member(configuration, "webhooks");
  for (std::size_t i = 0; webhooks != nullptr && i < webhooks->size(); ++i) {
    const Json* const client = member((*webhooks)[i], "clientConfig");
    if (client == nullptr || string_at(*client, "caBundle") == encoded)
      continue;
    if (patch.empty()) {
      patch.push_back({{"op", "test"},
                       {"path", "/metadata/resourceVersion"},
                       {"value", resource_version_of(configuration)}});
    }
    patch.push_back({{"op", "add"},
                     {"path", "/webhooks/" + std::to_string(i) + "/clientConfig/caBundle"},
                     {"value", encoded}});
  }
  return patch;
}

// Why a certificate cannot be served with any longer; empty: it can.
std::string trouble_with(const CertificateSettings& settings, const Held& held, WallTime now) {
  if (!held.certificate)
    return "there is no certificate";
  const CertificateFacts& certificate = *held.certificate;
  if (!held.has_key)
    return "the certificate's key is missing or another's";
  if (!is_valid(certificate, now))
    return "the certificate is not valid at this time";
  for (const auto& name : service_names(settings)) {
    if (std::find(certificate.dns_names.begin(), certificate.dns_names.end(), name)
        == certificate.dns_names.end())
      return "the certificate is not for " + name;
  }
  if (std::none_of(held.authorities.begin(), held.authorities.end(),
                   [&](const auto& one) { return is_signed_by(certificate, one); }))
    return "the certificate is of an authority that is not in the Secret";
  return {};
}

CertificateStep wait(WallTime until, std::string why = {}) {
  return {.kind = CertificateStep::Kind::wait, .body = {}, .until = until, .why = std::move(why)};
}

CertificateStep replace(Json secret, std::string why) {
  return {.kind = CertificateStep::Kind::replace_secret,
          .body = std::move(secret),
          .until = {},
          .why = std::move(why)};
}

} // namespace

std::string secret_value(const Json& secret, const std::string& key) {
  const Json* const data = member(secret, "data");
  return data == nullptr ? std::string()
                         : kube::decode_base64(string_at(*data, key)).value_or(std::string());
}

std::vector<std::string> service_names(const CertificateSettings& settings) {
  const std::string full = settings.service + "." + settings.namespace_name + ".svc";
  return {full, settings.service, settings.service + "." + settings.namespace_name,
          full + ".cluster.local"};
}

std::string newest_authority(const std::optional<Json>& secret) {
  if (!secret)
    return {};
  const Held held = read_secret(*secret);
  return held.newest ? held.newest->pem : std::string();
}

bool trusts(const std::optional<Json>& configuration, const std::string& authority_pem) {
  const Json* const webhooks = configuration ? member(*configuration, "webhooks") : nullptr;
  if (webhooks == nullptr || authority_pem.empty())
    return false;
  return std::all_of(webhooks->begin(), webhooks->end(), [&](const Json& webhook) {
    const auto trusted = trusted_by({{"webhooks", Json::array({webhook})}});
    return std::any_of(trusted.begin(), trusted.end(),
                       [&](const auto& one) { return one.pem == authority_pem; });
  });
}

CertificateStep decide_certificates(const CertificateSettings& settings,
                                    const CertificateWorld& world) {
  const WallTime now = world.now;
  const WallTime later = now + std::chrono::hours(1);
  if (!world.secret)
    return wait(later, "the Secret is missing; `helm upgrade` makes it again");
  const Held held = read_secret(*world.secret);
  const auto trusted =
      world.configuration ? trusted_by(*world.configuration) : std::vector<CertificateFacts>();

  // 1. An authority. What is served stays as it is.
  if (!held.newest || !is_valid(*held.newest, now)
      || now >= renewal_of(*held.newest, settings.authority_lifetime)) {
    const auto made = make_authority(settings.service + "." + settings.namespace_name, now,
                                     settings.authority_lifetime);
    Json secret = *world.secret;
    set_value(secret, secret_key::authority_key, made.key);
    set_value(secret, secret_key::authorities,
              text_of(bundle_of(settings, held, trusted,
                                read_certificates(made.certificate).front(), now)));
    return replace(std::move(secret), !held.newest ? "Made an authority: the Secret had none"
                                                   : "Made an authority in place of an old one");
  }

  // 2. The configuration trusts it.
  const CertificateFacts& newest = *held.newest;
  const auto bundle = bundle_of(settings, held, trusted, newest, now);
  if (world.configuration) {
    Json patch = bundle_patch(*world.configuration, text_of(bundle));
    if (!patch.empty())
      return {.kind = CertificateStep::Kind::patch_configuration,
              .body = std::move(patch),
              .until = {},
              .why = "Gave the webhook configuration its authorities"};
  }

  // 3. A certificate of it; without a configuration nobody calls whom it could surprise.
  const std::string trouble = trouble_with(settings, held, now);
  const bool is_due = trouble.empty()
                      && (!is_signed_by(*held.certificate, newest)
                          || now >= renewal_of(*held.certificate, settings.lifetime));
  if (!trouble.empty() || is_due) {
    if (trouble.empty() && world.configuration) {
      if (!world.trusted_since)
        return wait(now + settings.settle);
      // A clock that was set back must not hold it up.
      if (now >= *world.trusted_since && now < *world.trusted_since + settings.settle)
        return wait(*world.trusted_since + settings.settle);
    }
    const auto made = make_certificate({newest.pem, held.authority_key}, service_names(settings),
                                       now, settings.lifetime);
    Json secret = *world.secret;
    set_value(secret, secret_key::certificate, made.certificate);
    set_value(secret, secret_key::key, made.key);
    set_value(secret, secret_key::authorities, text_of(bundle));
    return replace(std::move(secret),
                   "Made a certificate: " + (trouble.empty() ? "the last one is due" : trouble));
  }

  WallTime until = std::min(renewal_of(newest, settings.authority_lifetime),
                            renewal_of(*held.certificate, settings.lifetime));
  if (bundle.size() > 1)
    until = std::min(until, newest.not_before + backdated + settings.lifetime + backdated);
  return wait(until, world.configuration ? "" : "the webhook configuration is missing");
}

} // namespace taskgroup
