// SPDX-License-Identifier: Apache-2.0
// Certificates from an empty Secret through years of renewals, with crashes and damage in between.
#include "kube/base64.h"
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"
#include "kube/resources.h"
#include "webhook/certificates/keeper.h"
#include "webhook/certificates/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup {
namespace {

using kube::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using namespace std::chrono_literals;

const kube::ObjectKey secret_at{"taskgroup-system", "webhook-certificate"};
const kube::ObjectKey configuration_at{"", "taskgroup"};
constexpr auto day = 24h;

// The objects as the chart makes them, and what a cluster would notice of them.
class CertificatesTest : public testing::Test {
protected:
  CertificatesTest() {
    api.serve({.resource = webhook_configurations,
               .kind = "ValidatingWebhookConfiguration",
               .namespaced = false});
    api.set_clock([this] { return clock->wall(); });
    settings.certificates.service = "webhook";
    settings.certificates.namespace_name = "taskgroup-system";
    settings.secret = secret_at;
    settings.configuration = configuration_at.name;
    settings.on_note = [this](const std::string& message, bool) { notes.push_back(message); };
    put_secret(Json::object());
    put_configuration();
    keeper = std::make_unique<CertificateKeeper>(api, settings, clock);
  }

  void put_secret(const Json& data) {
    api.erase(kube::secrets, secret_at);
    api.put(kube::secrets,
            {{"apiVersion", "v1"},
             {"kind", "Secret"},
             {"metadata", {{"namespace", secret_at.namespace_name}, {"name", secret_at.name}}},
             {"type", "Opaque"},
             {"data", data}});
  }

  // As the chart renders it: without a bundle.
  void put_configuration() {
    api.erase(webhook_configurations, configuration_at);
    Json webhooks = Json::array();
    for (const char* name : {"taskgroups.taskgroup.dev", "customruns.taskgroup.dev"})
      webhooks.push_back(
          {{"name", name},
           {"clientConfig",
            {{"service", {{"name", "webhook"}, {"namespace", "taskgroup-system"}}}}}});
    api.put(webhook_configurations, {{"apiVersion", "admissionregistration.k8s.io/v1"},
                                     {"kind", "ValidatingWebhookConfiguration"},
                                     {"metadata", {{"name", configuration_at.name}}},
                                     {"webhooks", webhooks}});
  }

  // What a replica serves: the last pair in the Secret that was whole.
  void look() {
    const auto secret = api.find(kube::secrets, secret_at);
    if (!secret)
      return;
    const auto chain = read_certificates(secret_value(*secret, secret_key::certificate));
    if (!chain.empty() && key_fits(secret_value(*secret, secret_key::key), chain.front()))
      served = chain.front();
  }

  // Tell what an API server would say to the certificate that is served; empty: nothing.
  std::string complaint() {
    look();
    if (!served)
      return "nothing is served";
    if (served->not_before > clock->wall() || clock->wall() >= served->not_after)
      return "not valid at this time";
    const auto configuration = *api.find(webhook_configurations, configuration_at);
    for (const Json& webhook : configuration.at("webhooks")) {
      const auto bundle = read_certificates(
          kube::decode_base64(webhook.at("clientConfig").value("caBundle", "")).value_or(""));
      if (std::none_of(bundle.begin(), bundle.end(), [&](const auto& authority) {
            return is_signed_by(*served, authority) && authority.not_before <= clock->wall()
                   && clock->wall() < authority.not_after;
          }))
        return webhook.at("name").get<std::string>() + " does not trust it";
    }
    return {};
  }

  // Do writes until there is none to do; `each` is asked after each. Returns when to look again.
  kube::WallTime settle(const std::function<void()>& each = [] {}) {
    for (int i = 0; i < 20; ++i) {
      const auto until = keeper->step({});
      if (until && *until)
        return **until;
      each();
    }
    ADD_FAILURE() << "it goes on writing";
    return {};
  }

  // Let time pass in steps of at most `stride`, as the keeper waits.
  void live(std::chrono::seconds duration, std::chrono::seconds stride = 1h) {
    const auto end = clock->wall() + duration;
    while (clock->wall() < end) {
      const auto until =
          settle([this] { EXPECT_EQ(complaint(), "") << kube::to_rfc3339(clock->wall()); });
      ASSERT_EQ(complaint(), "") << kube::to_rfc3339(clock->wall());
      clock->advance(std::clamp<std::chrono::nanoseconds>(until - clock->wall(), 1s, stride));
    }
  }

  std::vector<CertificateFacts> authorities() {
    return read_certificates(
        secret_value(*api.find(kube::secrets, secret_at), secret_key::authorities));
  }

  std::size_t bundle_size(std::size_t webhook = 0) {
    const auto configuration = *api.find(webhook_configurations, configuration_at);
    return read_certificates(
               kube::decode_base64(
                   configuration["webhooks"][webhook]["clientConfig"].value("caBundle", ""))
                   .value())
        .size();
  }

  // Change one key of the Secret by hand.
  void damage(const std::string& key, const std::string& value) {
    api.modify(kube::secrets, secret_at, [&](Json& secret) {
      if (value.empty())
        secret["data"].erase(key);
      else
        secret["data"][key] = value;
    });
  }

  std::shared_ptr<kube::FakeClock> clock = std::make_shared<kube::FakeClock>();
  kube::FakeKubeApi api;
  CertificateKeeper::Settings settings;
  std::unique_ptr<CertificateKeeper> keeper;
  std::optional<CertificateFacts> served;
  std::vector<std::string> notes;
};

TEST_F(CertificatesTest, FillsTheEmptySecretAndTheConfigurationThenRests) {
  const auto until = settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_THAT(served->dns_names,
              ElementsAre("webhook.taskgroup-system.svc", "webhook", "webhook.taskgroup-system",
                          "webhook.taskgroup-system.svc.cluster.local"));
  EXPECT_EQ(served->not_after, clock->wall() + 7 * day);
  EXPECT_EQ(authorities().at(0).not_after, clock->wall() + 365 * day);
  EXPECT_EQ(bundle_size(0), 1U);
  EXPECT_EQ(bundle_size(1), 1U);
  EXPECT_EQ(until, clock->wall() + 7 * day * 2 / 3);

  // Authority, trust, certificate, in this order; then nothing.
  std::vector<std::string> written;
  for (const auto& write : api.writes())
    written.push_back(write.resource.plural);
  EXPECT_THAT(written, ElementsAre("secrets", "validatingwebhookconfigurations", "secrets"));
  settle();
  EXPECT_EQ(api.writes().size(), 3U);
}

TEST_F(CertificatesTest, KeepsWhatElseIsInSecretAndConfiguration) {
  put_secret({{"mine", kube::encode_base64("kept")}});
  settle();
  const auto secret = *api.find(kube::secrets, secret_at);
  EXPECT_EQ(secret_value(secret, "mine"), "kept");
  EXPECT_EQ(secret["type"], "Opaque");
  const auto configuration = *api.find(webhook_configurations, configuration_at);
  EXPECT_EQ(configuration["webhooks"][1]["name"], "customruns.taskgroup.dev");
  EXPECT_EQ(configuration["webhooks"][1]["clientConfig"]["service"]["name"], "webhook");
}

TEST_F(CertificatesTest, RenewsForTwoYearsWithoutAMomentOfDistrust) {
  settle();
  const auto first = authorities().at(0).pem;
  live(2 * 365 * day, 30 * day);
  EXPECT_NE(authorities().at(0).pem, first);
  // 730 days: a certificate each 4⅔ days, an authority each 243⅓.
  const auto writes = api.writes();
  const auto count = std::count_if(writes.begin(), writes.end(), [](const auto& write) {
    return write.verb == kube::FakeWrite::Verb::patch;
  });
  EXPECT_THAT(count, AllOf(Ge(5), Le(6))); // 3 authorities, 2 ends of an overlap
  EXPECT_LE(bundle_size(), 2U);
}

TEST_F(CertificatesTest, TrustsOldAndNewAuthorityUntilTheOldOnesCertificatesHaveExpired) {
  settle();
  const auto old = authorities().at(0);
  live(243 * day, 30 * day);
  ASSERT_EQ(authorities().at(0).pem, old.pem);
  clock->advance(day);
  const auto before = served->pem;
  settle();
  // Both are trusted; the certificate is the old one's for a moment yet.
  EXPECT_EQ(bundle_size(), 2U);
  EXPECT_NE(authorities().at(0).pem, old.pem);
  EXPECT_EQ(complaint(), "");
  EXPECT_TRUE(is_signed_by(*served, old));
  EXPECT_EQ(served->pem, before);
  clock->advance(settings.certificates.settle);
  settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_TRUE(is_signed_by(*served, authorities().at(0)));

  live(6 * day);
  EXPECT_EQ(bundle_size(), 2U);
  live(2 * day);
  EXPECT_EQ(bundle_size(), 1U);
}

TEST_F(CertificatesTest, AClockThatJumpsOneDayAndOneHourFindsACertificate) {
  settle();
  for (int i = 0; i < 30; ++i) {
    clock->advance(25h);
    settle();
    ASSERT_EQ(complaint(), "");
  }
}

TEST_F(CertificatesTest, AClockThatJumpsAYearMakesAllAnew) {
  settle();
  clock->advance(400 * day);
  EXPECT_EQ(complaint(), "not valid at this time");
  settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(bundle_size(), 1U); // the expired one is of no use
}

TEST_F(CertificatesTest, OneThatIsNotValidYetIsMadeAnew) {
  // Made by a machine whose clock was a month ahead.
  const auto later = clock->wall() + 30 * day;
  const auto authority = make_authority("ahead", later, 365 * day);
  const auto own =
      make_certificate(authority, service_names(settings.certificates), later, 7 * day);
  put_secret({{"ca.crt", kube::encode_base64(authority.certificate)},
              {"ca.key", kube::encode_base64(authority.key)},
              {"tls.crt", kube::encode_base64(own.certificate)},
              {"tls.key", kube::encode_base64(own.key)}});
  settle();
  EXPECT_EQ(complaint(), "");
}

// --- Crashes: another process goes on from whatever was written. ---

TEST_F(CertificatesTest, ACrashBetweenAnyTwoWritesIsAnotherStart) {
  using Kind = kube::Fate::Kind;
  for (const Kind kind : {Kind::lose, Kind::lose_reply}) {
    for (int crash = 0; crash < 3; ++crash) {
      for (const bool renewal : {false, true}) {
        put_secret(Json::object());
        put_configuration();
        served.reset();
        if (renewal) {
          settle();
          clock->advance(244 * day);
          // The certificate has been renewed, the authority is due.
          api.modify(kube::secrets, secret_at, [&](Json& secret) {
            const CertificatePair authority{secret_value(secret, "ca.crt"),
                                            secret_value(secret, "ca.key")};
            const auto own = make_certificate(authority, service_names(settings.certificates),
                                              clock->wall(), 7 * day);
            secret["data"]["tls.crt"] = kube::encode_base64(own.certificate);
            secret["data"]["tls.key"] = kube::encode_base64(own.key);
          });
          ASSERT_EQ(complaint(), "");
        }
        int write = 0;
        api.set_write_hook([&](const kube::FakeWrite&) {
          return kube::Fate{.kind = write++ == crash ? kind : Kind::apply};
        });
        for (int i = 0; i < 30; ++i) {
          if (const auto done = keeper->step({}); !done) // "crashed"
            keeper = std::make_unique<CertificateKeeper>(api, settings, clock);
          ASSERT_TRUE(!renewal || complaint().empty()) << complaint() << " at write " << write;
          clock->advance(1s);
        }
        api.set_write_hook(nullptr);
        EXPECT_EQ(complaint(), "");
        EXPECT_TRUE(is_signed_by(*served, authorities().at(0)));
      }
    }
  }
}

TEST_F(CertificatesTest, TwoLeadersDoNoHarm) {
  CertificateKeeper second(api, settings, clock);
  // Each read of one is followed by all the other one has to do.
  bool inside = false;
  api.set_write_hook([&](const kube::FakeWrite&) {
    if (!inside) {
      inside = true;
      for (int i = 0; i < 5; ++i)
        std::ignore = second.step({});
      inside = false;
    }
    return kube::Fate{};
  });
  settle();
  EXPECT_EQ(complaint(), "");
  // What lost was refused, not written over the other's.
  const auto writes = api.writes();
  EXPECT_TRUE(
      std::any_of(writes.begin(), writes.end(), [](const auto& write) { return !write.applied; }));
  EXPECT_EQ(bundle_size(), 1U);
  EXPECT_EQ(authorities().size(), 1U);
}

TEST_F(CertificatesTest, APausedLeaderRemovesNoAuthorityThatItHasNotSeen) {
  settle();
  clock->advance(244 * day);
  CertificateKeeper next(api, settings, clock);
  bool inside = false;
  // It has decided on an authority; before its write arrives another leader has done everything.
  api.set_write_hook([&](const kube::FakeWrite&) {
    if (!inside) {
      inside = true;
      for (int i = 0; i < 20; ++i) {
        std::ignore = next.step({});
        clock->advance(1s);
      }
    }
    return kube::Fate{};
  });
  EXPECT_FALSE(keeper->step({}));
  EXPECT_EQ(complaint(), "");
  settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(authorities().size(), 2U);
}

TEST_F(CertificatesTest, APausedLeaderTakesNoTrustAway) {
  settle();
  put_configuration();
  CertificateKeeper next(api, settings, clock);
  bool inside = false;
  // It gives the bundle back as it knows it, but months later.
  api.set_write_hook([&](const kube::FakeWrite&) {
    if (!inside) {
      inside = true;
      clock->advance(244 * day);
      for (int i = 0; i < 20; ++i) {
        std::ignore = next.step({});
        clock->advance(1s);
      }
    }
    return kube::Fate{};
  });
  EXPECT_FALSE(keeper->step({}));
  EXPECT_EQ(bundle_size(), 2U);
  EXPECT_EQ(complaint(), "");
}

// --- Damage by hand ---

TEST_F(CertificatesTest, WhatWasDamagedIsMadeAnewWithoutDistrust) {
  for (const char* key : {"tls.crt", "tls.key", "ca.crt", "ca.key"}) {
    for (const std::string& value :
         {std::string(), std::string("!!!no base64"), kube::encode_base64("garbage"),
          kube::encode_base64(make_authority("another", clock->wall(), 1h).certificate)}) {
      settle();
      ASSERT_EQ(complaint(), "");
      damage(key, value);
      ASSERT_EQ(complaint(), "") << key; // replicas go on with what they have
      for (int i = 0; i < 5; ++i) {
        settle([this] { EXPECT_EQ(complaint(), ""); });
        clock->advance(settings.certificates.settle);
      }
      EXPECT_EQ(complaint(), "") << key;
      EXPECT_TRUE(is_signed_by(*served, authorities().at(0))) << key << value;
    }
  }
}

TEST_F(CertificatesTest, AnEmptiedSecretIsFilledAndTheOldAuthorityTrustedMeanwhile) {
  settle();
  look();
  const auto old = authorities().at(0);
  put_secret(Json::object());
  ASSERT_EQ(complaint(), ""); // from memory
  settle([this] { EXPECT_EQ(complaint(), ""); });
  EXPECT_EQ(bundle_size(), 2U);
  EXPECT_FALSE(is_signed_by(*served, old));
  live(8 * day);
  EXPECT_EQ(bundle_size(), 1U);
}

TEST_F(CertificatesTest, AnAuthorityIsForgottenByEmptyingBoth) {
  settle();
  const auto old = authorities().at(0);
  put_secret(Json::object());
  put_configuration();
  settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(bundle_size(), 1U);
  EXPECT_NE(authorities().at(0).pem, old.pem);
}

TEST_F(CertificatesTest, ABundleDoesNotGrowWithEachTimeTheSecretIsEmptied) {
  for (int i = 0; i < 20; ++i) {
    put_secret(Json::object());
    settle();
    clock->advance(1min);
  }
  EXPECT_EQ(complaint(), "");
  EXPECT_LE(bundle_size(), 5U);
}

TEST_F(CertificatesTest, AConfigurationThatWasMadeAgainGetsItsBundle) {
  settle();
  api.forget_writes();
  put_configuration();
  EXPECT_NE(complaint(), "");
  settle();
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(api.writes().size(), 1U); // nothing else was touched
}

TEST_F(CertificatesTest, OneWebhookOfTheConfigurationThatLostItGetsItBack) {
  settle();
  api.modify(webhook_configurations, configuration_at, [](Json& configuration) {
    configuration["webhooks"][1]["clientConfig"].erase("caBundle");
  });
  EXPECT_THAT(complaint(), HasSubstr("customruns.taskgroup.dev does not trust it"));
  settle();
  EXPECT_EQ(complaint(), "");
}

TEST_F(CertificatesTest, AnotherServiceNameGetsACertificateOfItsOwn) {
  settle();
  settings.certificates.service = "renamed";
  keeper = std::make_unique<CertificateKeeper>(api, settings, clock);
  settle();
  look();
  EXPECT_EQ(served->dns_names.front(), "renamed.taskgroup-system.svc");
}

TEST_F(CertificatesTest, AMissingSecretIsToldOnce) {
  api.erase(kube::secrets, secret_at);
  settle();
  settle();
  EXPECT_THAT(notes, ElementsAre(HasSubstr("the Secret is missing")));
  EXPECT_THAT(api.writes(), IsEmpty());
}

TEST_F(CertificatesTest, WithoutAConfigurationTheSecretIsFilledAllTheSame) {
  api.erase(webhook_configurations, configuration_at);
  settle();
  look();
  EXPECT_TRUE(served.has_value()); // pods become ready, so that the release can be finished
  EXPECT_THAT(notes.back(), HasSubstr("the webhook configuration is missing"));
  put_configuration();
  settle();
  EXPECT_EQ(complaint(), "");
}

TEST_F(CertificatesTest, AFailedReadDecidesNothing) {
  settle();
  api.forget_writes();
  api.set_read_hook([](const std::string&, const kube::Resource& resource,
                       const std::string&) -> std::optional<kube::ApiError> {
    if (resource == kube::secrets)
      return std::nullopt;
    return kube::ApiError{.kind = kube::ApiError::Kind::forbidden, .code = 403, .message = "no"};
  });
  clock->advance(6 * day); // a certificate is due
  const auto step = keeper->step({});
  ASSERT_FALSE(step);
  EXPECT_THAT(step.error(), HasSubstr("validatingwebhookconfigurations taskgroup: no"));
  EXPECT_THAT(api.writes(), IsEmpty());
}

// --- The loop ---

TEST_F(CertificatesTest, RunsUntilItIsStoppedAndLooksWhenItIsWoken) {
  std::jthread running([this](const std::stop_token& stop) { keeper->run(stop); });
  clock->run_freely(true);
  while (api.writes().size() < 3)
    std::this_thread::yield();
  clock->run_freely(false);
  clock->wait_for_sleepers(1);
  put_configuration();
  keeper->wake();
  while (api.writes().size() < 4) { // one pause after each write
    clock->advance(1s);
    std::this_thread::yield();
  }
  EXPECT_EQ(complaint(), "");
}

TEST_F(CertificatesTest, DoesNotHurryWhereSomebodyElseWritesTheOpposite) {
  // A tool that resets the bundle whenever it was set.
  bool inside = false;
  api.set_write_hook([&](const kube::FakeWrite& write) {
    if (write.verb == kube::FakeWrite::Verb::patch && !inside)
      put_configuration();
    return kube::Fate{.kind = write.verb == kube::FakeWrite::Verb::patch
                                  ? kube::Fate::Kind::lose_reply
                                  : kube::Fate::Kind::apply};
  });
  clock->run_freely(true);
  const auto begin = clock->wall();
  std::jthread running([this](const std::stop_token& stop) { keeper->run(stop); });
  while (clock->wall() < begin + 1h)
    std::this_thread::yield();
  running.request_stop();
  running.join();
  EXPECT_LT(api.writes().size(), 600U); // in an hour or a little more
}

} // namespace
} // namespace taskgroup
