// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

const kube::WallTime now = *kube::from_rfc3339("2026-01-01T00:00:00Z");

CertificateFacts facts_of(const CertificatePair& pair) {
  return read_certificates(pair.certificate).at(0);
}

TEST(Certificates, AnAuthoritySignsItselfAndOthers) {
  const auto pair = make_authority("webhook", now, 24h * 365);
  const auto authority = facts_of(pair);
  EXPECT_TRUE(authority.is_authority);
  EXPECT_EQ(authority.not_before, now - 1h);
  EXPECT_EQ(authority.not_after, now + 24h * 365);
  EXPECT_TRUE(is_signed_by(authority, authority));
  EXPECT_TRUE(key_fits(pair.key, authority));

  const auto own = make_certificate(pair, {"a.example", "b"}, now, 24h * 7);
  const auto certificate = facts_of(own);
  EXPECT_FALSE(certificate.is_authority);
  EXPECT_EQ(certificate.not_before, now - 1h);
  EXPECT_EQ(certificate.not_after, now + 24h * 7);
  EXPECT_THAT(certificate.dns_names, ElementsAre("a.example", "b"));
  EXPECT_TRUE(is_signed_by(certificate, authority));
  EXPECT_FALSE(is_signed_by(authority, certificate));
  EXPECT_TRUE(key_fits(own.key, certificate));
  EXPECT_FALSE(key_fits(pair.key, certificate));
}

TEST(Certificates, AnotherAuthorityOfTheSameNameIsAnother) {
  const auto one = make_authority("webhook", now, 24h);
  const auto two = make_authority("webhook", now, 24h);
  const auto certificate = facts_of(make_certificate(one, {"a"}, now, 1h));
  EXPECT_TRUE(is_signed_by(certificate, facts_of(one)));
  EXPECT_FALSE(is_signed_by(certificate, facts_of(two)));
}

TEST(Certificates, ACertificateEndsWithItsAuthority) {
  const auto authority = make_authority("webhook", now, 24h);
  EXPECT_EQ(facts_of(make_certificate(authority, {"a"}, now, 48h)).not_after, now + 24h);
}

TEST(Certificates, ALongNameIsCutInTheSubjectOnly) {
  const std::string name = std::string(63, 'a') + "." + std::string(63, 'b') + ".svc";
  const auto authority = make_authority("webhook", now, 24h);
  EXPECT_THAT(facts_of(make_certificate(authority, {name}, now, 1h)).dns_names, ElementsAre(name));
}

TEST(Certificates, ReadsWhatCanBeRead) {
  const auto one = make_authority("one", now, 24h).certificate;
  const auto two = make_authority("two", now, 24h).certificate;
  EXPECT_THAT(read_certificates(""), IsEmpty());
  EXPECT_THAT(read_certificates("garbage"), IsEmpty());
  EXPECT_THAT(read_certificates(one.substr(0, one.size() / 2)), IsEmpty());
  const auto both =
      read_certificates("text before\n" + one + two + "-----BEGIN CERTIFICATE-----\nx");
  ASSERT_THAT(both, SizeIs(2));
  EXPECT_EQ(both.at(0).pem, one);
  EXPECT_EQ(both.at(1).pem, two);
  EXPECT_FALSE(key_fits("garbage", both.at(0)));
  EXPECT_FALSE(key_fits("", both.at(0)));
  EXPECT_THROW(make_certificate({"garbage", "garbage"}, {"a"}, now, 1h), std::runtime_error);
  EXPECT_THROW(make_certificate(make_authority("one", now, 24h), {}, now, 1h), std::runtime_error);
}

} // namespace
} // namespace taskgroup
