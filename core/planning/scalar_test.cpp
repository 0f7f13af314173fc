// SPDX-License-Identifier: Apache-2.0
#include "core/planning/scalar.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace taskgroup {
namespace {

using Kind = Node::Kind;

struct PlainCase {
  std::string_view text;
  Kind kind;
  std::string_view json;
};

void PrintTo(const PlainCase& plain, std::ostream* out) { *out << '"' << plain.text << '"'; }

class PlainScalar : public testing::TestWithParam<PlainCase> {};

// The expectations are what sigs.k8s.io/yaml v1.6.0 (go.yaml.in/yaml/v2 resolve.go) gives.
TEST_P(PlainScalar, IsTypedAsKubernetesDoes) {
  const ScalarType type = type_plain_scalar(GetParam().text);
  EXPECT_EQ(kind_name(type.kind), kind_name(GetParam().kind));
  EXPECT_EQ(type.json, GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(Nulls, PlainScalar,
                         testing::Values(PlainCase{"", Kind::null}, PlainCase{"~", Kind::null},
                                         PlainCase{"null", Kind::null},
                                         PlainCase{"Null", Kind::null},
                                         PlainCase{"NULL", Kind::null},
                                         PlainCase{"nUll", Kind::string},
                                         PlainCase{"none", Kind::string}));

INSTANTIATE_TEST_SUITE_P(
    Booleans, PlainScalar,
    testing::Values(PlainCase{"true", Kind::boolean, "true"},
                    PlainCase{"True", Kind::boolean, "true"},
                    PlainCase{"yes", Kind::boolean, "true"},
                    PlainCase{"YES", Kind::boolean, "true"}, PlainCase{"y", Kind::boolean, "true"},
                    PlainCase{"Y", Kind::boolean, "true"}, PlainCase{"on", Kind::boolean, "true"},
                    PlainCase{"On", Kind::boolean, "true"},
                    PlainCase{"false", Kind::boolean, "false"},
                    PlainCase{"no", Kind::boolean, "false"}, PlainCase{"n", Kind::boolean, "false"},
                    PlainCase{"OFF", Kind::boolean, "false"}, PlainCase{"yEs", Kind::string},
                    PlainCase{"oN", Kind::string}, PlainCase{"tRUE", Kind::string}));

INSTANTIATE_TEST_SUITE_P(
    Integers, PlainScalar,
    testing::Values(PlainCase{"0", Kind::integer, "0"}, PlainCase{"-0", Kind::integer, "0"},
                    PlainCase{"42", Kind::integer, "42"}, PlainCase{"+5", Kind::integer, "5"},
                    PlainCase{"012", Kind::integer, "10"}, PlainCase{"-012", Kind::integer, "-10"},
                    PlainCase{"0o17", Kind::integer, "15"}, PlainCase{"0O17", Kind::integer, "15"},
                    PlainCase{"0x1F", Kind::integer, "31"},
                    PlainCase{"-0x1F", Kind::integer, "-31"}, PlainCase{"0b11", Kind::integer, "3"},
                    PlainCase{"-0b11", Kind::integer, "-3"},
                    PlainCase{"1_000", Kind::integer, "1000"},
                    PlainCase{"1__0_", Kind::integer, "10"}, PlainCase{"0x_1", Kind::integer, "1"},
                    PlainCase{"9223372036854775807", Kind::integer, "9223372036854775807"},
                    PlainCase{"18446744073709551615", Kind::integer, "18446744073709551615"},
                    PlainCase{"-9223372036854775808", Kind::integer, "-9223372036854775808"},
                    PlainCase{"0x", Kind::string}, PlainCase{"0b2", Kind::string},
                    PlainCase{"0o8", Kind::string}, PlainCase{"_1", Kind::string},
                    PlainCase{"+", Kind::string}, PlainCase{"-", Kind::string}));

INSTANTIATE_TEST_SUITE_P(
    Floats, PlainScalar,
    testing::Values(
        PlainCase{"1.0", Kind::floating, "1"}, PlainCase{"1.", Kind::floating, "1"},
        PlainCase{".5", Kind::floating, "0.5"}, PlainCase{"-.5", Kind::floating, "-0.5"},
        PlainCase{"1e3", Kind::floating, "1000"}, PlainCase{"1E3", Kind::floating, "1000"},
        PlainCase{"08", Kind::floating, "8"}, PlainCase{"0777.5", Kind::floating, "777.5"},
        PlainCase{"1_0.5_1", Kind::floating, "10.51"}, PlainCase{".5_1", Kind::floating, "0.51"},
        PlainCase{"1.5e-7", Kind::floating, "1.5e-7"},
        PlainCase{"0.000001", Kind::floating, "0.000001"},
        PlainCase{"1e20", Kind::floating, "100000000000000000000"},
        PlainCase{"1e21", Kind::floating, "1e+21"},
        PlainCase{"590295810358705651712", Kind::floating, "590295810358705700000"},
        PlainCase{"18446744073709551616", Kind::floating, "18446744073709552000"},
        PlainCase{"-9223372036854775809", Kind::floating, "-9223372036854776000"},
        PlainCase{"+18446744073709551615", Kind::floating, "18446744073709552000"},
        PlainCase{"-0.0", Kind::floating, "-0"}, PlainCase{"1e-400", Kind::floating, "0"},
        PlainCase{"5e-324", Kind::floating, "5e-324"}, PlainCase{".inf", Kind::floating, ".inf"},
        PlainCase{"+.Inf", Kind::floating, ".inf"}, PlainCase{"-.INF", Kind::floating, "-.inf"},
        PlainCase{".NaN", Kind::floating, ".nan"}, PlainCase{"1e400", Kind::string},
        PlainCase{"1e", Kind::string}, PlainCase{".", Kind::string}, PlainCase{"._1", Kind::string},
        PlainCase{".5_", Kind::string}, PlainCase{"0x1p3", Kind::string},
        PlainCase{"inf", Kind::string}, PlainCase{"NaN", Kind::string}));

INSTANTIATE_TEST_SUITE_P(
    Strings, PlainScalar,
    testing::Values(PlainCase{"2001-01-01", Kind::string},
                    PlainCase{"2001-01-01T00:00:00Z", Kind::string},
                    PlainCase{"1:30", Kind::string}, PlainCase{"1.2.3", Kind::string},
                    PlainCase{"100m", Kind::string}, PlainCase{"1Gi", Kind::string},
                    PlainCase{"<<", Kind::string}, PlainCase{"$(params.x)", Kind::string}));

std::string tagged(std::string_view tag, std::string_view text) {
  const auto type = type_tagged_scalar("tag:yaml.org,2002:" + std::string(tag), text);
  return type ? std::string(kind_name(type->kind)) + " " + type->json : "refused";
}

TEST(TaggedScalar, HasTheTypeOfItsTag) {
  EXPECT_EQ(tagged("str", "12"), "string ");
  EXPECT_EQ(tagged("str", ""), "string ");
  EXPECT_EQ(tagged("int", "0x10"), "integer 16");
  EXPECT_EQ(tagged("float", "1"), "number 1");
  EXPECT_EQ(tagged("float", "1.50"), "number 1.5");
  EXPECT_EQ(tagged("bool", "yes"), "boolean true");
  EXPECT_EQ(tagged("null", "~"), "null ");
}

TEST(TaggedScalar, IsRefusedWhenTheTextDoesNotFit) {
  EXPECT_EQ(tagged("int", "1.0"), "refused");
  EXPECT_EQ(tagged("int", ""), "refused");
  EXPECT_EQ(tagged("float", "18446744073709551615"), "refused"); // Go converts signed ones only
  EXPECT_EQ(tagged("bool", "1"), "refused");
  EXPECT_EQ(tagged("null", "none"), "refused");
}

TEST(TaggedScalar, IsRefusedWhenTheTagIsUnknown) {
  EXPECT_EQ(tagged("binary", "aGk="), "refused");
  EXPECT_EQ(tagged("timestamp", "2001-01-01"), "refused");
  const auto type = type_tagged_scalar("!secret", "x");
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error(), "the tag !secret is not supported; leave it out (known: !!str, !!int, "
                          "!!float, !!bool, !!null)");
}

std::string key(std::string_view text) {
  return key_name(type_plain_scalar(text), text).value_or("refused");
}

TEST(KeyName, IsWhatSigsYamlMakesOfIt) {
  EXPECT_EQ(key("name"), "name");
  EXPECT_EQ(key("on"), "true");
  EXPECT_EQ(key("n"), "false");
  EXPECT_EQ(key("0x10"), "16");
  EXPECT_EQ(key("1.0"), "1");
  EXPECT_EQ(key("1e6"), "1e+06");
  EXPECT_EQ(key("123456789.0"), "1.2345679e+08"); // as 32 bits
  EXPECT_EQ(key("0.00001"), "1e-05");
  EXPECT_EQ(key("1e40"), ".inf");
  EXPECT_EQ(key(".nan"), ".nan");
  EXPECT_EQ(key("2001-01-01"), "2001-01-01");
}

TEST(KeyName, IsRefusedForNullAndLargeIntegers) {
  EXPECT_EQ(key("~"), "refused");
  EXPECT_EQ(key("18446744073709551615"), "refused");
}

} // namespace
} // namespace taskgroup
