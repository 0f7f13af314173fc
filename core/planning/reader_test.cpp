// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {
namespace {

using namespace std::string_view_literals;

// Return the documents as JSON, one a line, or what is wrong with them, without "f:" and "error: ".
std::string read(std::string_view text, const ReadLimits& limits = {}) {
  const auto documents = read_documents(text, "f", limits);
  std::string out;
  if (!documents) {
    for (const Diagnostic& diagnostic : documents.error().sorted()) {
      out += std::to_string(diagnostic.where.line) + ":" + std::to_string(diagnostic.where.column)
             + " " + diagnostic.message + "\n";
    }
    return out;
  }
  for (const Node& document : *documents) {
    out += document.to_json() + "\n";
  }
  return out;
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

// --- Documents ---

TEST(Reader, ReadsEveryDocumentThatIsNotEmpty) {
  EXPECT_EQ(read("a: 1\n---\n---\n# nothing\n---\nb: [x, 'y']\n...\n"),
            "{\"a\":1}\n{\"b\":[\"x\",\"y\"]}\n");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("# only a comment\n"), "");
  EXPECT_EQ(read("null"), "");
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a: 1"),
            "{\"a\":1}\n");
  EXPECT_EQ(read("a: 1\r\nb: |\r\n  x\r\n  y\r\n"), "{\"a\":1,\"b\":\"x\\ny\\n\"}\n");
}

TEST(Reader, ReadsScriptsAsTheyAre) {
  EXPECT_EQ(read("script: |\n  #!/bin/sh\n  if [[ $x ]]; then\n    echo \"$(params.a)\" # {\n  "
                 "fi\n\n  :\n"),
            "{\"script\":\"#!/bin/sh\\nif [[ $x ]]; then\\n  echo \\\"$(params.a)\\\" # "
            "{\\nfi\\n\\n:\\n\"}\n");
  EXPECT_EQ(read("a: |-\n  x\nb: |+\n  y\n\nc: >\n  z\n  w\n"),
            "{\"a\":\"x\",\"b\":\"y\\n\\n\",\"c\":\"z w\\n\"}\n");
}

TEST(Reader, ReadsAFileThatEndsWithoutALineBreak) {
  EXPECT_EQ(read("a:"), "{\"a\":null}\n");
  EXPECT_EQ(read("a: >\n  x\n  "), "{\"a\":\"x\\n\"}\n");
}

TEST(Reader, SaysWhichTextBelongsToNothing) {
  EXPECT_EQ(read("spec:\n  a: 1\n b: 2\n"),
            "3:2 not valid YAML: end of map not found: check the indentation of this line and of "
            "those above it\n");
  EXPECT_EQ(read("- a\nb: 1\n"),
            "2:1 this text belongs to nothing above it: check its indentation, or begin a further "
            "document with \"---\"\n");
  EXPECT_EQ(read("{a: 1}\n{b: 2}\n"),
            "2:1 this text belongs to nothing above it: check its indentation, or begin a further "
            "document with \"---\"\n");
}

// --- Values ---

TEST(Reader, TypesPlainScalarsOnly) {
  EXPECT_EQ(read("[012, '012', \"yes\", ! 12, !!str 12, !!int \"7\", y]"),
            "[10,\"012\",\"yes\",\"12\",\"12\",7,true]\n");
  EXPECT_EQ(read("a: |-\n  12\n"), "{\"a\":\"12\"}\n");
}

TEST(Reader, RefusesNumbersThatJsonCannotHold) {
  EXPECT_EQ(read("a: 1\nb: .inf\nc: [.nan]\n"),
            "2:4 \".inf\" is a number that JSON cannot hold; quote it if it is meant as text\n"
            "3:5 \".nan\" is a number that JSON cannot hold; quote it if it is meant as text\n");
}

TEST(Reader, RefusesUnknownTagsWhereTheyStand) {
  EXPECT_EQ(read("a: !secret x\nb: !!int x\nc: !!set {x}\nd: !x []\n"),
            "1:4 the tag !secret is not supported; leave it out (known: !!str, !!int, !!float, "
            "!!bool, !!null)\n"
            "2:4 \"x\" cannot be read as !!int\n"
            "3:4 the tag tag:yaml.org,2002:set on an object is not supported; leave it out\n"
            "4:4 the tag !x on a list is not supported; leave it out\n");
}

// --- Keys ---

TEST(Reader, TurnsKeysIntoStrings) {
  EXPECT_EQ(read("{on: 1, 0x10: 2, 1.0: 3, '1e3': 4}"),
            "{\"1\":3,\"16\":2,\"1e3\":4,\"true\":1}\n");
}

TEST(Reader, RefusesKeysThatAreNoScalars) {
  EXPECT_EQ(read("~: 1\n[a]: 2\n? {b: c}\n: 3\nd: 4\n"),
            "1:1 null cannot be a key; use a string (quote it if it is meant as text)\n"
            "2:1 a list cannot be a key; use a string (quote it if it is meant as text)\n"
            "3:3 an object cannot be a key; use a string (quote it if it is meant as text)\n");
}

TEST(Reader, ReportsEveryDuplicateKey) {
  EXPECT_EQ(read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n\"a\": 3\n"),
            "4:3 duplicate key \"c\": the first one is at line 3, column 3\n"
            "5:1 duplicate key \"a\": the first one is at line 1, column 1\n"
            "6:1 duplicate key \"a\": the first one is at line 1, column 1\n");
  EXPECT_EQ(read("1: a\n'1': b\n"),
            "2:1 duplicate key \"1\": the first one is at line 1, column 1\n");
  EXPECT_EQ(read(R"({"a": 1, "b": {"a": 2}, "a": 3})"),
            "1:25 duplicate key \"a\": the first one is at line 1, column 2\n");
}

TEST(Reader, StopsAtTheLimitOfErrors) {
  EXPECT_EQ(read("a: 1\na: 2\na: 3\na: 4\n", {.errors = 2}),
            "2:1 duplicate key \"a\": the first one is at line 1, column 1\n"
            "3:1 duplicate key \"a\": the first one is at line 1, column 1\n"
            "3:1 more than 2 errors; the rest of the file is not read\n");
}

TEST(Reader, NoticesAMissingColon) {
  EXPECT_EQ(read("a: 1\nname\nb: 2\n"),
            "3:2 not valid YAML: illegal map value: a ':' is not allowed "
            "here; quote the text if it is part of it\n");
  EXPECT_EQ(read("a: 1\nname\n"), "2:1 a ':' is missing after this key, or the text belongs to the "
                                  "value above it: check its indentation\n");
}

// --- Aliases and merge keys ---

TEST(Reader, ExpandsAliases) {
  EXPECT_EQ(read("a: &x [1, &y 2]\nb: *x\nc: *y\n*y : d\n"),
            "{\"2\":\"d\",\"a\":[1,2],\"b\":[1,2],\"c\":2}\n");
  EXPECT_EQ(read("a: &x 1\nb: &x 2\nc: *x\n"), "{\"a\":1,\"b\":2,\"c\":2}\n");
}

TEST(Reader, RefusesAliasesOfNothingAndOfThemselves) {
  EXPECT_EQ(read("a: *x\n"),
            "1:4 this alias refers to an anchor (&) that is not defined above it\n");
  EXPECT_EQ(read("a: &x [*x]\n"), "1:8 an alias stands inside of the value that it refers to\n");
  EXPECT_EQ(read("a: &x 1\n---\nb: *x\n"),
            "3:4 this alias refers to an anchor (&) that is not defined above it\n");
}

TEST(Reader, MergesBelowWhichKeysMayOverwrite) {
  EXPECT_EQ(read("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3\n"),
            "{\"x\":{\"a\":1,\"b\":2},\"z\":{\"a\":1,\"b\":3}}\n");
  EXPECT_EQ(read("x: &x {a: 1}\nw: &y {a: 2, b: 3}\nz: {<<: [*x, *y], c: 4}\n"),
            "{\"w\":{\"a\":2,\"b\":3},\"x\":{\"a\":1},\"z\":{\"a\":1,\"b\":3,\"c\":4}}\n");
  EXPECT_EQ(read("'<<': 1\n"), "{\"\\u003c\\u003c\":1}\n");
}

TEST(Reader, RefusesMergesThatWouldOverwrite) {
  EXPECT_EQ(read("x: &x {a: 1}\ny:\n  a: 2\n  <<: *x\n"),
            "4:3 the merge overwrites the key \"a\" from line 3, column 3; put \"<<\" above it\n");
  EXPECT_EQ(read("<<: 1\n"), "1:5 the merge key \"<<\" needs an object or a list of objects\n");
  EXPECT_EQ(read("<<: {}\n<<: {}\n"),
            "2:1 duplicate key \"<<\": the first one is at line 1, column 1\n");
}

// --- What yaml-cpp alone would read wrongly ---

TEST(Reader, RefusesAQuotedStringThatIsNotClosed) {
  EXPECT_EQ(read("a: 1\nb: \"x\nc: 2\n"),
            "2:4 not valid YAML: the quoted string that begins here is not closed\n");
  EXPECT_EQ(read("b: 'it''s\n"),
            "1:4 not valid YAML: the quoted string that begins here is not closed\n");
}

TEST(Reader, NamesNoPositionAfterTheEnd) {
  EXPECT_EQ(read("a: [\"x41\\"), "1:10 not valid YAML: unknown escape character: \x04\n");
}

TEST(Reader, RefusesDirectives) {
  EXPECT_EQ(
      read("a: 1\n%b: 2\n"),
      "2:1 a line that begins with '%' is a YAML directive, which is not supported; remove it, "
      "or indent it if it is text\n");
}

TEST(Reader, RefusesQuotedStringsThatEndWithEmptyLines) {
  EXPECT_EQ(read("a: \"x\n\n\n  \"\n"),
            "1:4 this quoted string ends with empty lines; write \\n in "
            "double quotes, or a block scalar (|)\n");
  EXPECT_EQ(read("a: \"x\n\n  y\\n\\n\"\n"), "{\"a\":\"x\\ny\\n\\n\"}\n");
}

TEST(Reader, RefusesEmptyFlowValues) {
  EXPECT_EQ(read("a: {b:, c: 1}\n"),
            "1:7 a space is missing after the ':' before this character\n");
  EXPECT_EQ(read("a: [b,, c]\n"),
            "1:7 a value is missing before this ','; write null if that is meant\n");
  EXPECT_EQ(read("a: [:b]\n"), "1:5 a value in {} or [] cannot begin with ':'; quote it\n");
  EXPECT_EQ(read("a: {b: , c, d: }\n"), "{\"a\":{\"b\":null,\"c\":null,\"d\":null}}\n");
}

TEST(Reader, RefusesValuesThatAreNotIndented) {
  EXPECT_EQ(read("a:\n  b:\n  \"x\"\n"),
            "3:3 this value must be indented more than its key at line 2\n");
  EXPECT_EQ(read("a:\n- 1\n"), "{\"a\":[1]}\n");
  EXPECT_EQ(read("? a\n: b\n"), "{\"a\":\"b\"}\n");
}

TEST(Reader, PlacesAnEmptyValueAtItsKey) {
  const auto documents = read_documents("a:\nb: 1\n", "f");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->front().find("a")->where().line, 1);
}

// --- JSON ---

TEST(Reader, ReadsJson) {
  EXPECT_EQ(
      read("{\t\"a\" : [1, -2.5e3, true, null, \"x\\/\\u00e9\\ud83d\\ude00\"],\n\t\"b\":{}}\n"),
      "{\"a\":[1,-2500,true,null,\"x/é😀\"],\"b\":{}}\n");
  EXPECT_EQ(read("{\"a\":1}\n{\"b\":2}"), "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(read("{\"<<\": 1}"), "{\"\\u003c\\u003c\":1}\n");
}

TEST(Reader, KnowsPositionsInJson) {
  const auto documents = read_documents("{\n  \"a\": [\"x\",\n   7]}", "f");
  ASSERT_TRUE(documents);
  const Node& document = documents->front();
  EXPECT_EQ(document.key_where(0).line, 2);
  EXPECT_EQ(document.key_where(0).column, 3);
  const Node& seven = document.find("a")->children()[1];
  EXPECT_EQ(seven.where().line, 3);
  EXPECT_EQ(seven.where().column, 4);
}

TEST(Reader, ReportsJsonErrors) {
  EXPECT_EQ(read("{\"a\": 1 \"b\": 2}"), "1:9 not valid JSON: expected ',' or '}'\n");
  EXPECT_EQ(read("{\"a\": \"x\n"),
            "1:9 not valid JSON: a control character in a string; write it as an escape\n");
  EXPECT_EQ(read("{\"a\": \"x"),
            "1:9 not valid JSON: the string that begins at line 1, column 7 is not closed\n");
  EXPECT_EQ(read(R"({"a": "\ud800"})"), "1:8 not valid JSON: half a surrogate pair in a string\n");
  EXPECT_EQ(read("{\"a\": 1e400}"), "1:7 the number 1e400 is too large\n");
  EXPECT_EQ(read("{\"a\": \"\\u0000\"}"),
            "1:7 a NUL character in a string is not supported; remove it\n");
}

TEST(Reader, FallsBackToFlowStyle) {
  EXPECT_EQ(read("{a: b}"), "{\"a\":\"b\"}\n");
  EXPECT_EQ(read("{\"a\": b, }"), "{\"a\":\"b\"}\n");
  EXPECT_EQ(read("{\"a\": 1}\n---\n{\"b\": 2}\n"), "{\"a\":1}\n{\"b\":2}\n");
}

// --- Bytes ---

TEST(Reader, RefusesWhatIsNoText) {
  EXPECT_EQ(read("a: 1\nb: \xFF\n"), "2:4 the byte 0xFF is not valid UTF-8; a file must be YAML or "
                                     "JSON in UTF-8\n");
  EXPECT_EQ(read("\x7F"
                 "ELF\0\1"sv),
            "1:1 the control character U+007F is not allowed; a file must be YAML or JSON in "
            "UTF-8\n");
  EXPECT_EQ(read("a\0b"sv),
            "1:2 the control character U+0000 is not allowed; a file must be YAML or "
            "JSON in UTF-8\n");
  EXPECT_EQ(read("\xFF\xFE"
                 "a\0"sv),
            "1:1 the file is UTF-16; save it as UTF-8\n");
  EXPECT_EQ(read("a: \xC0\x80"),
            "1:4 the byte 0xC0 is not valid UTF-8; a file must be YAML or JSON "
            "in UTF-8\n");
  EXPECT_EQ(read("a: \xED\xA0\x80"), "1:4 the byte 0xED is not valid UTF-8; a file must be YAML or "
                                     "JSON in UTF-8\n");
  EXPECT_EQ(read("a: x\ry\n"),
            "1:5 a carriage return without a line feed; use line feeds (or both) "
            "to end lines\n");
  EXPECT_EQ(read("a: x\u2028y\n"),
            "1:5 Kubernetes takes U+2028 for a line break in YAML, others do not; remove it, or "
            "write it as an escape in double quotes\n");
}

// --- Limits ---

TEST(Reader, RefusesDepthAtItsLine) {
  const std::string deep =
      "lists and objects are nested deeper than 100 levels, which is the limit\n";
  EXPECT_EQ(read("a:\n " + repeat("- ", 100'000)), "2:200 " + deep);
  EXPECT_EQ(read("a:\n " + repeat("? ", 100'000)), "2:200 " + deep);
  EXPECT_EQ(read("a:\n " + repeat("[", 100'000) + repeat("]", 100'000)), "2:102 " + deep);
  EXPECT_EQ(read(repeat("[", 100'000) + repeat("]", 100'000)), "1:101 " + deep);
  EXPECT_EQ(read(repeat("{\"a\":", 100'000)), "1:501 " + deep);
  EXPECT_EQ(read("{a:\n " + repeat("[", 200'000)), "2:101 " + deep);
  EXPECT_EQ(read(repeat("[", 100) + repeat("]", 100)), repeat("[", 100) + repeat("]", 100) + "\n");
}

TEST(Reader, RefusesAliasBombs) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + ", " + last + "]\n";
  }
  EXPECT_EQ(read(bomb),
            "18:12 the file has more than 750000 values (aliases expanded), which is the "
            "limit; split it or use fewer aliases\n");

  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1)
             + "]\n";
  }
  EXPECT_EQ(read(chain),
            "100:12 this alias nests lists and objects deeper than 100 levels, which is "
            "the limit\n");
}

TEST(Reader, RefusesTooManyValues) {
  EXPECT_EQ(read("[1, 2, 3]", {.nodes = 3}),
            "1:8 the file has more than 3 values (aliases expanded), "
            "which is the limit; split it or use fewer aliases\n");
  EXPECT_EQ(
      read("a: 1\nb: 2\n", {.nodes = 4}),
      "2:4 the file has more than 4 values (aliases expanded), which is the limit; split it or "
      "use fewer aliases\n");
  EXPECT_EQ(read("- &a 1\n- &b 2\n", {.anchors = 1}),
            "2:3 the file has more than 1 anchors (&), which is the limit\n");
  EXPECT_EQ(read("a: 1", {.bytes = 3}),
            "0:0 the file is larger than 3 bytes, which is the limit\n");
}

// yaml-cpp would queue all of these as tokens, gigabytes of them, before it reports anything.
TEST(Reader, RefusesASingleValueOfTooMuchSyntax) {
  for (const std::string_view syntax :
       {"1,", "[\"]\",", "\"\" ", "&a ", "!a ", "*a ", "?\n", ": ", "\n---", "\n..."}) {
    const std::string message = read("- [" + repeat(syntax, 200'000));
    EXPECT_TRUE(message.find("which is the limit") != std::string::npos
                || message.find("not valid YAML") != std::string::npos)
        << syntax << " gave " << message.substr(0, 200);
  }
}

TEST(Reader, ReadsLargeTexts) {
  const std::string text(2'000'000, 'a');
  const auto documents = read_documents("a: " + text + "\n", "f");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->front().find("a")->text(), text);
}

// --- JSON that a program wrote ---

// Return the value as JSON, or what is wrong with it, as read() does.
std::string read_value(std::string_view text, const ReadLimits& limits = {}) {
  const auto value = read_json(text, "f", limits);
  if (value) {
    return value->to_json();
  }
  std::string out;
  for (const Diagnostic& diagnostic : value.error().sorted()) {
    out += std::to_string(diagnostic.where.line) + ":" + std::to_string(diagnostic.where.column)
           + " " + diagnostic.message + "\n";
  }
  return out;
}

TEST(ReadJson, TakesOneValueOfAnyCharacters) {
  EXPECT_EQ(read_value(" {\"a\": [1, \"\x7f\xc2\x85\xef\xbf\xbe\"]}\n"),
            "{\"a\":[1,\"\x7f\xc2\x85\xef\xbf\xbe\"]}");
  EXPECT_EQ(read_value("null"), "null");
  EXPECT_EQ(read_value(""), "0:0 there is no JSON value\n");
  EXPECT_EQ(read_value("{} {}"), "0:0 there is more than one JSON value\n");
  EXPECT_EQ(read_value("{\"a\": \"\xff\"}"), "0:0 this is no UTF-8\n");
}

TEST(ReadJson, IsNoYaml) {
  EXPECT_EQ(read_value("a: b"), "0:1 not valid JSON at byte 1: expected a JSON value\n");
  EXPECT_EQ(read_value("{\n\"a\":\n b}"), "0:9 not valid JSON at byte 9: expected a JSON value\n");
}

TEST(ReadJson, HasNoLinesButKeepsTheOrder) {
  const auto value = read_json("{\n\"a\": [\n1,\n2]}", "");
  ASSERT_TRUE(value);
  const auto elements = value->find("a")->children();
  EXPECT_EQ(elements[0].where().line, 0);
  EXPECT_LT(elements[0].where().column, elements[1].where().column);
}

TEST(ReadJson, KeepsTheLimits) {
  EXPECT_EQ(read_value("{\"a\": 1,\n\"a\": 2}"),
            "0:10 duplicate key \"a\": the first one is at byte 2\n");
  EXPECT_EQ(read_value("[[[]]]", {.depth = 2}),
            "0:3 lists and objects are nested deeper than 2 levels, which is the limit\n");
  EXPECT_EQ(read_value("[1, 2]", {.bytes = 5}),
            "0:0 the text is larger than 5 bytes, which is the limit\n");
}

} // namespace
} // namespace taskgroup
