#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What compatibility.py finds wrong with items and tests, and how it reads what tests cover."""

import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import compatibility  # noqa: E402

TEST = compatibility.Test("case", compatibility.ROOT / "e2e" / "case.yaml")


def problems(item, tests=(TEST,), complete=True):
    compatibility.COMPLETE, before = complete, compatibility.COMPLETE
    try:
        item = {"id": "1.F1", "verdict": "works", "title": "t", **item}
        topics = [{"topic": "1", "title": "T", "items": [item]}]
        return list(compatibility.problems_of(topics, {"1.F1": list(tests)} if tests else {}, []))
    finally:
        compatibility.COMPLETE = before


class Problems(unittest.TestCase):
    def test_a_verdict_with_a_test_is_well(self):
        self.assertEqual(problems({}), [])
        self.assertEqual(problems({"verdict": "difference", "words": "so"}), [])

    def test_each_item_needs_a_test(self):
        self.assertEqual(problems({}, tests=()), ["1.F1 is `works` and no test covers it"])

    def test_a_difference_and_a_refusal_need_words(self):
        for verdict in ("difference", "refused"):
            (found,) = problems({"verdict": verdict})
            self.assertIn("has no words", found)

    def test_nothing_may_be_ignored(self):
        for field in ("title", "words"):
            (found,) = problems({field: "it is ignored"})
            self.assertIn("ignored", found)

    def test_verdicts_are_the_known_ones(self):
        (found,) = problems({"verdict": "maybe", "words": "so"})
        self.assertIn("maybe", found)

    def test_todo_holds_only_until_all_is_complete(self):
        self.assertEqual(problems({"verdict": "todo"}, complete=False), [])
        self.assertEqual(problems({"verdict": "todo"}), ["1.F1 has no verdict"])

    def test_a_test_covers_items_that_there_are(self):
        topics = [{"topic": "1", "title": "T", "items": []}]
        (found,) = compatibility.problems_of(topics, {"9.F9": [TEST]}, [])
        self.assertIn("9.F9, which case covers, is no item", found)


class Covers(unittest.TestCase):
    def read(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_text(text)
            if path.suffix == ".yaml":
                return compatibility.covers_of_case(path)
            return list(compatibility.covers_of_program(path))

    def test_of_a_case_those_of_its_head(self):
        text = "# Covers: 1.F1 2.F2\nspec: {}\n---\n# Covers: 3.F3\n"
        self.assertEqual(self.read("a.yaml", text), ["1.F1", "2.F2"])

    def test_of_a_program_those_just_above_a_test(self):
        cpp = "// Covers: 1.F1\n// Why.\nTEST_F(A, B) {}\nTEST(C, D) {}\n"
        self.assertEqual(self.read("a_test.cpp", cpp), [(["1.F1"], "A.B")])
        python = "class A:\n    # Covers: 1.F1\n    @own\n    def test_b(self):\n"
        self.assertEqual(self.read("a_test.py", python), [(["1.F1"], "test_b")])

    def test_what_covers_no_test_is_an_error(self):
        with self.assertRaises(SystemExit):
            self.read("a_test.cpp", "// Covers: 1.F1\nint a;\nTEST(C, D) {}\n")


if __name__ == "__main__":
    unittest.main()
