// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/value.h>

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(ValueType, HasTektonsNames) {
  for (const ValueType type : {ValueType::string, ValueType::array, ValueType::object}) {
    EXPECT_EQ(value_type_from(to_string(type)), type);
  }
  EXPECT_EQ(to_string(ValueType::array), "array");
  EXPECT_EQ(value_type_from("Array"), std::nullopt);
}

TEST(Value, TextOfArrayAndObjectIsCompactJson) {
  EXPECT_EQ(Value("plain \"text\"").to_text(), "plain \"text\"");
  EXPECT_EQ(Value(Value::Array{"a", "b\"\n\x01"}).to_text(), "[\"a\",\"b\\\"\\n\\u0001\"]");
  EXPECT_EQ(Value(Value::Object{{"k", "v"}, {"a", ""}}).to_text(), "{\"a\":\"\",\"k\":\"v\"}");
  EXPECT_EQ(Value(Value::Array{}).to_text(), "[]");
}

TEST(ParseResult, StringIsRaw) {
  EXPECT_EQ(parse_result("text\n", ValueType::string), Value("text\n"));
  EXPECT_EQ(parse_result("", ValueType::string), Value(""));
  EXPECT_EQ(parse_result("[\"a\"]", ValueType::string), Value("[\"a\"]"));
}

TEST(ParseResult, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(parse_result("a\xFF", ValueType::string), Value("a\xEF\xBF\xBD"));
  EXPECT_EQ(parse_result("[\"a\xFF\"]", ValueType::array), Value(Value::Array{"a\xEF\xBF\xBD"}));
}

TEST(ParseResult, ArrayIsJsonOfStrings) {
  EXPECT_EQ(parse_result("[\"a\", \"\", null]\n", ValueType::array),
            Value(Value::Array{"a", "", ""}));
  EXPECT_EQ(parse_result("[]", ValueType::array), Value(Value::Array{}));
  for (const char* text : {"", "a", "[1]", "[[\"a\"]]", "{}", "\"a\"", "[\"a\"", " [\"a\"]"}) {
    EXPECT_EQ(parse_result(text, ValueType::array), std::nullopt) << text;
  }
}

TEST(ParseResult, ObjectIsJsonOfStrings) {
  EXPECT_EQ(parse_result("{\"a\": \"1\", \"b\": null}", ValueType::object),
            Value(Value::Object{{"a", "1"}, {"b", ""}}));
  for (const char* text : {"", "a", "{\"a\": 1}", "{\"a\": {}}", "[]", "{\"a\": \"b\"} x"}) {
    EXPECT_EQ(parse_result(text, ValueType::object), std::nullopt) << text;
  }
}

TEST(ParseResult, DeepNestingIsRefusedUnread) {
  EXPECT_EQ(parse_result(std::string(1'000'000, '['), ValueType::array), std::nullopt);
  EXPECT_EQ(parse_result("[\"" + std::string(1000, '[') + "\\\"[\"]", ValueType::array),
            Value(Value::Array{std::string(1000, '[') + "\"["}));
}

} // namespace
} // namespace taskgroup
