// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/node.h>
#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <string>

namespace taskgroup {
namespace {

Node read_one(std::string_view text) {
  const auto documents = read_documents(text, "f.yaml");
  if (!documents) {
    ADD_FAILURE() << documents.error().to_string();
    return {};
  }
  EXPECT_EQ(documents->size(), 1U);
  return documents->front();
}

std::string place(const Where& where) {
  return std::to_string(where.line) + ":" + std::to_string(where.column) + " " + where.path;
}

TEST(Node, IsANullWithoutAPositionByDefault) {
  const Node node;
  EXPECT_TRUE(node.is_null());
  EXPECT_TRUE(node.is_scalar());
  EXPECT_EQ(node.where().file, nullptr);
  EXPECT_EQ(node.where().line, 0);
  EXPECT_EQ(node.find("a"), nullptr);
  EXPECT_EQ(node.to_json(), "null");
}

TEST(Node, GivesTheValuesOfScalars) {
  const Node list = read_one("[0x1F, yes, 1.5, text, ~, 18446744073709551615]");
  const auto items = list.children();
  ASSERT_EQ(items.size(), 6U);
  EXPECT_EQ(items[0].integer(), 31);
  EXPECT_EQ(items[0].text(), "0x1F");
  EXPECT_EQ(items[0].number(), 31.0);
  EXPECT_TRUE(items[1].boolean());
  EXPECT_EQ(items[1].text(), "yes");
  EXPECT_EQ(items[2].number(), 1.5);
  EXPECT_EQ(items[2].integer(), std::nullopt);
  EXPECT_EQ(items[3].text(), "text");
  EXPECT_EQ(items[3].number(), std::nullopt);
  EXPECT_EQ(items[4].text(), "~");
  EXPECT_EQ(items[5].integer(), std::nullopt);
  EXPECT_EQ(items[5].number_json(), "18446744073709551615");
}

TEST(Node, FindsValuesByKeyAndKeepsTheirOrder) {
  const Node mapping = read_one("b: 1\na: 2\n");
  ASSERT_EQ(mapping.size(), 2U);
  EXPECT_EQ(mapping.keys()[0].name, "b");
  ASSERT_NE(mapping.find("a"), nullptr);
  EXPECT_EQ(mapping.find("a")->integer(), 2);
  EXPECT_EQ(mapping.find("c"), nullptr);
}

TEST(Node, KnowsWhereItAndItsKeysStand) {
  const Node document =
      read_one("# first\nspec:\n  tasks:\n  - name: build\n    run: {a: [x, y]}\n");
  const Node& tasks = *document.find("spec")->find("tasks");
  EXPECT_EQ(place(document.where("p")), "2:1 p");
  EXPECT_EQ(place(document.key_where(0, "spec")), "2:1 spec");
  EXPECT_EQ(place(tasks.where()), "4:3 ");
  const Node& task = tasks.children()[0];
  EXPECT_EQ(place(task.find("name")->where("spec.tasks[0].name")), "4:11 spec.tasks[0].name");
  EXPECT_EQ(place(task.key_where(1)), "5:5 ");
  EXPECT_EQ(place(task.find("run")->find("a")->children()[1].where()), "5:18 ");
  EXPECT_EQ(*document.where().file, "f.yaml");
}

TEST(Node, OutlivesTheDocumentItCameFrom) {
  Node kept;
  {
    const Node document = read_one("a: {b: c}");
    kept = *document.find("a");
  }
  EXPECT_EQ(kept.to_json(), R"({"b":"c"})");
}

TEST(Node, BecomesTheJsonTextThatGoWouldWrite) {
  EXPECT_EQ(read_one("{b: 1e3, a: [0x10, 1.50, yes, ~], 'c<>&': \"\\n\\u2028\\\"\"}").to_json(),
            R"({"a":[16,1.5,true,null],"b":1000,"c\u003c\u003e\u0026":"\n\u2028\""})");
  EXPECT_EQ(read_one("[\"\\b\\f\\e\\\\/é😀\"]").to_json(), "[\"\\b\\f\\u001b\\\\/é😀\"]");
  EXPECT_EQ(read_one("[{}, []]").to_json(), "[{},[]]");
}

TEST(Node, NamesItsKinds) {
  EXPECT_EQ(kind_name(Node::Kind::sequence), "list");
  EXPECT_EQ(kind_name(Node::Kind::floating), "number");
}

} // namespace
} // namespace taskgroup
