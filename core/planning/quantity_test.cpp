// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/quantity.h>

#include <gtest/gtest.h>

#include <string>

namespace taskgroup {
namespace {

TEST(Quantity, ReadsCpu) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"100m", 100},   {"0.5", 500},       {"1", 1000},  {"1.5", 1500},    {".25", 250},
      {"2.", 2000},    {"1e3", 1'000'000}, {"0", 0},     {"1n", 1},        {"100u", 1},
      {"0.0001", 1},   {"1m", 1},          {"+2", 2000}, {"1.0005", 1001}, {"1000000n", 1},
      {"1000001n", 2}, {"5e-1", 500}};
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_cpu(text), expected) << text;
}

TEST(Quantity, ReadsMemory) {
  const std::pair<const char*, std::int64_t> cases[] = {{"128974848", 128974848},
                                                        {"64M", 64'000'000},
                                                        {"1Gi", 1'073'741'824},
                                                        {"1.5Gi", 1'610'612'736},
                                                        {"1e3", 1000},
                                                        {"1E3", 1000},
                                                        {"1E", 1'000'000'000'000'000'000},
                                                        {"7Ei", 8'070'450'532'247'928'832},
                                                        {"123Mi", 128'974'848},
                                                        {"129e6", 129'000'000},
                                                        {"128974848000m", 128'974'848},
                                                        {"0.1Ki", 103},
                                                        {"1m", 1},
                                                        {"000000000000000000000000000000001", 1},
                                                        {"0.00000000000000000000000000000001", 1}};
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_amount(text), expected) << text;
}

TEST(Quantity, RefusesEverythingElse) {
  for (const char* text :
       {"", ".", "m", "-1", "1 Gi", "1gi", "1KI", "1e", "1e+", "1e99999", "1.2.3", "0x10", "9Ei",
        "10E", "$(params.cpu)", "1e20", "99999999999999999999999999999999"})
    EXPECT_EQ(parse_amount(text), std::nullopt) << text;
}

} // namespace
} // namespace taskgroup
