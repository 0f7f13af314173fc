// SPDX-License-Identifier: Apache-2.0
#include "cli/graph_drawing.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

Drawing ci() {
  return {"ci",
          {{"clone", false, {}, {}},
           {"lint", false, {0}, {}},
           {"build", false, {0}, {"retries 2"}},
           {"package", false, {1, 2}, {}},
           {"report", true, {}, {}}}};
}

TEST(GraphDrawing, DrawsRailsForATerminal) {
  EXPECT_EQ(draw_text(ci()), "ci\n"
                             "●        clone\n"
                             "├─●      lint\n"
                             "└─│─●    build  (retries 2)\n"
                             "  └─┴─●  package\n"
                             "finally\n"
                             "●        report\n");
}

TEST(GraphDrawing, ReusesTheColumnOfARailThatHasEnded) {
  const Drawing chain = {
      "chain",
      {{"a", false, {}, {}}, {"b", false, {0}, {}}, {"c", false, {1}, {}}, {"d", false, {}, {}}}};
  EXPECT_EQ(draw_text(chain), "chain\n"
                              "●      a\n"
                              "└─●    b\n"
                              "  └─●  c\n"
                              "●      d\n");
}

TEST(GraphDrawing, WritesMermaid) {
  EXPECT_EQ(draw_mermaid(ci()), "flowchart LR\n"
                                "  t0[\"clone\"]\n"
                                "  t1[\"lint\"]\n"
                                "  t0 --> t1\n"
                                "  t2[\"build  (retries 2)\"]\n"
                                "  t0 --> t2\n"
                                "  t3[\"package\"]\n"
                                "  t1 --> t3\n"
                                "  t2 --> t3\n"
                                "  subgraph finally\n"
                                "    t4[\"report\"]\n"
                                "  end\n");
}

TEST(GraphDrawing, WritesDot) {
  EXPECT_NE(draw_dot(ci()).find("  \"lint\" -> \"package\";\n"), std::string::npos);
  EXPECT_NE(draw_dot(ci()).find("subgraph cluster_finally"), std::string::npos);
}

} // namespace
} // namespace taskgroup
