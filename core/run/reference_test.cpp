// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/text.h>

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(Reference, NamesRoundTrip) {
  for (const char* name :
       {"tasks.build.results.digest", "tasks.build.results.digests[*]",
        "tasks.build.results.digests[12]", "tasks.build.results.image.url", "tasks.build.status",
        "tasks.build.reason", "tasks.status", "tasks.results.results.status",
        "context.task.retry-count", "tasks.build.matrix.length", "tasks.build.matrix.digest.length",
        "tasks.build.matrix['a.b'].length", "matrix.platform", "matrix['a.b']"}) {
    const std::optional<Reference> reference = Reference::parse(name);
    ASSERT_TRUE(reference) << name;
    EXPECT_EQ(reference->name(), name);
  }
}

TEST(Reference, TakesNamesApart) {
  EXPECT_EQ(Reference::parse("tasks.a.results.r[3]"),
            (Reference{.task = "a", .result = "r", .part = Reference::Part::index, .index = 3}));
  EXPECT_EQ(Reference::parse("tasks.a.results.r.k"),
            (Reference{.task = "a", .result = "r", .part = Reference::Part::key, .key = "k"}));
  EXPECT_EQ(Reference::parse("tasks.a.results.r[*]"),
            (Reference{.task = "a", .result = "r", .part = Reference::Part::star}));
  EXPECT_EQ(Reference::parse("tasks.a.reason"),
            (Reference{.kind = Reference::Kind::task_reason, .task = "a"}));
}

TEST(Reference, QuotesAreNeededOnlyAroundDots) {
  const auto plain = Reference::parse("tasks.a.results.r.k");
  EXPECT_EQ(Reference::parse("tasks.a.results['r'].k"), plain);
  EXPECT_EQ(Reference::parse("tasks.a.results[\"r\"][\"k\"]"), plain);
  EXPECT_EQ(Reference::parse("tasks.a.results['x.y']")->result, "x.y");
}

TEST(Reference, ResultsOfFinallyAreTaskResults) {
  EXPECT_EQ(Reference::parse("finally.a.results.r"), Reference::parse("tasks.a.results.r"));
  EXPECT_EQ(Reference::parse("finally.a.status"), std::nullopt);
  EXPECT_EQ(Reference::parse("finally.status"), std::nullopt);
}

TEST(Reference, AnythingElseIsNone) {
  for (const char* name : {"",
                           "tasks",
                           "tasks.",
                           "tasks.a",
                           "tasks..status",
                           "tasks.a.results",
                           "tasks.a.matrix",
                           "tasks.a.matrix.r",
                           "tasks.a.matrix.r.s.length",
                           "finally.a.matrix.length",
                           "matrix",
                           "matrix.a.b",
                           "matrixes",
                           "tasks.a.results.",
                           "tasks.a.results.r[]",
                           "tasks.a.results.r[-1]",
                           "tasks.a.results.r[1]x",
                           "tasks.a.results.r]",
                           "tasks.a.results.[1]",
                           "tasks.a.results.r[1][2]",
                           "tasks.a.results.r[9999999999]",
                           "tasks.a.results.r.k.l",
                           "tasks.a.results.r.",
                           "tasks.a.resultsr",
                           "tasks.a.results['r\"]",
                           "tasks.a.results['']",
                           "tasks.a.results['r",
                           "tasks.a.results['r']]",
                           "tasks.a.results['r]']",
                           "tasks.a.results[r]",
                           "tasks.a.results.r[k]",
                           "tasks.a.results.r}",
                           "tasks.a.state",
                           "tasks.a.status.x",
                           "tasks.a b.status",
                           "context.taskRun.name",
                           "params.x"}) {
    EXPECT_EQ(Reference::parse(name), std::nullopt) << name;
  }
}

} // namespace
} // namespace taskgroup
