#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: every mistake of a file in one run, with its place, exit code 2, and no harm done."""

import random
import re

import harness

MAX_RSS = 200 * 1000 * 1000
STEPS = 'steps: [{name: say, image: busybox, script: "true"}]'

# (name, spec of a TaskGroup, what the messages must contain). A line of a spec that ends in `# HERE`
# must be the line of an error.
MISTAKES = [
    (
        "unknown field",
        f"  tasks:\n  - name: one\n    runAftre: [two]  # HERE\n    taskSpec:\n      {STEPS}\n  - name: two\n"
        f"    taskSpec:\n      {STEPS}\n",
        ["runAftre", "runAfter"],
    ),
    (
        "unknown field of a step",
        "  tasks:\n  - name: one\n    taskSpec:\n      steps:\n      - name: say\n        image: busybox\n"
        '        scirpt: "true"  # HERE\n',
        ["scirpt", "script"],
    ),
    (
        "unknown field of the group",
        f"  maxParalel: 4  # HERE\n  tasks:\n  - name: one\n    taskSpec:\n      {STEPS}\n",
        ["maxParalel"],
    ),
    (
        "cycle",
        "".join(
            f"  - name: {name}\n    runAfter: [{after}]\n    taskSpec:\n      {STEPS}\n"
            for name, after in (("a", "c"), ("b", "a"), ("c", "b"))
        ).join(["  tasks:\n", ""]),
        ["cycle", "a", "b", "c", "->"],
    ),
    (
        "cycle of one",
        f"  tasks:\n  - name: ouroboros\n    runAfter: [ouroboros]\n    taskSpec:\n      {STEPS}\n",
        ["ouroboros"],
    ),
    (
        "cycle through results",
        "  tasks:\n"
        + "".join(
            f"  - name: {name}\n    params: [{{name: p, value: $(tasks.{other}.results.r)}}]\n    taskSpec:\n"
            f"      params: [{{name: p}}]\n      results: [{{name: r}}]\n      {STEPS}\n"
            for name, other in (("ping", "pong"), ("pong", "ping"))
        ),
        ["cycle", "ping", "pong"],
    ),
    (
        "unknown task",
        f"  tasks:\n  - name: build\n    taskSpec:\n      {STEPS}\n  - name: test\n    runAfter: [biuld]  # HERE\n"
        f"    taskSpec:\n      {STEPS}\n",
        ["biuld", '"build"'],
    ),
    (
        "unknown task in a result reference",
        f"  tasks:\n  - name: build\n    taskSpec:\n      results: [{{name: r}}]\n      {STEPS}\n  - name: test\n"
        f"    params: [{{name: p, value: $(tasks.biuld.results.r)}}]  # HERE\n    taskSpec:\n"
        f"      params: [{{name: p}}]\n      {STEPS}\n",
        ["biuld", "build"],
    ),
    (
        "undeclared param",
        "  params: [{name: colour, default: green}]\n  tasks:\n  - name: one\n    taskSpec:\n      steps:\n"
        "      - name: say\n        image: busybox\n        script: echo $(params.color)  # HERE\n",
        ["params.color", "colour"],
    ),
    (
        "undeclared param in a task's params",
        f"  tasks:\n  - name: one\n    params: [{{name: p, value: $(params.missing)}}]  # HERE\n    taskSpec:\n"
        f"      params: [{{name: p}}]\n      {STEPS}\n",
        ["params.missing"],
    ),
    (
        "undeclared result",
        "  tasks:\n  - name: one\n    taskSpec:\n      results: [{name: digest}]\n      steps:\n"
        "      - name: say\n        image: busybox\n        script: echo > $(results.digets.path)  # HERE\n",
        ["digets", "digest"],
    ),
    (
        "undeclared workspace",
        f"  workspaces: [{{name: source}}]\n  tasks:\n  - name: one\n    workspaces: [{{name: src, workspace: sauce}}]"
        f"  # HERE\n    taskSpec:\n      workspaces: [{{name: src}}]\n      {STEPS}\n",
        ["sauce", "source"],
    ),
    (
        "a string where a list belongs",
        f"  tasks:\n  - name: one\n    runAfter: two  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["runAfter", "string"],
    ),
    (
        "a list where an object belongs",
        "  tasks:\n  - name: one\n    taskSpec: [a, b]  # HERE\n",
        ["taskSpec"],
    ),
    (
        "a word where a number belongs",
        f"  tasks:\n  - name: one\n    retries: many  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["retries", "many"],
    ),
    (
        "a negative number of retries",
        f"  tasks:\n  - name: one  # HERE\n    retries: -1\n    taskSpec:\n      {STEPS}\n",
        ["retries"],
    ),
    (
        "a param of the wrong type",
        f"  params: [{{name: list, type: array, default: [a]}}]\n  tasks:\n  - name: one\n"
        f"    params: [{{name: p, value: [a, b]}}]  # HERE\n    taskSpec:\n      params: [{{name: p, type: string}}]\n"
        f"      {STEPS}\n",
        ["array", "string"],
    ),
    (
        "a default of the wrong type",
        f"  params: [{{name: list, type: array, default: a}}]  # HERE\n  tasks:\n  - name: one\n    taskSpec:\n"
        f"      {STEPS}\n",
        ["list", "array"],
    ),
    (
        "an array inside of a text",
        "  params: [{name: list, type: array, default: [a]}]\n  tasks:\n  - name: one\n    taskSpec:\n      steps:\n"
        '      - name: say\n        image: busybox\n        script: echo "all $(params.list[*])"  # HERE\n',
        ["list"],
    ),
    (
        "a duplicate task",
        f"  tasks:\n  - name: twin\n    taskSpec:\n      {STEPS}\n  - name: twin  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["twin"],
    ),
    (
        "a duplicate task in finally",
        f"  tasks:\n  - name: twin\n    taskSpec:\n      {STEPS}\n  finally:\n  - name: twin  # HERE\n    taskSpec:\n"
        f"      {STEPS}\n",
        ["twin"],
    ),
    (
        "a duplicate step",
        "  tasks:\n  - name: one\n    taskSpec:\n      steps:\n      - {name: twin, image: busybox, script: a}\n"
        "      - {name: twin, image: busybox, script: a}  # HERE\n",
        ["twin"],
    ),
    (
        "a duplicate param",
        f"  params:\n  - {{name: twin}}\n  - {{name: twin}}  # HERE\n  tasks:\n  - name: one\n    taskSpec:\n      {STEPS}\n",
        ["twin"],
    ),
    (
        "a duplicate key",
        f"  tasks:\n  - name: one\n    retries: 1\n    retries: 2  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["duplicate", "retries"],
    ),
    (
        "a bad duration",
        f"  tasks:\n  - name: one\n    timeout: soon  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["soon", "timeout"],
    ),
    (
        "a duration without a unit",
        f"  tasks:\n  - name: one\n    timeout: 10  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["timeout"],
    ),
    (
        "a duration beyond all limits",
        f"  tasks:\n  - name: one\n    timeout: 99999999999999999h  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["timeout"],
    ),
    (
        "a name that is no DNS label",
        f"  tasks:\n  - name: Not_A_Label  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["Not_A_Label"],
    ),
    (
        "an unknown operator",
        f"  tasks:\n  - name: one\n    when: [{{input: a, operator: like, values: [a]}}]  # HERE\n    taskSpec:\n"
        f"      {STEPS}\n",
        ["like", "notin"],
    ),
    (
        "an unknown onError",
        f"  tasks:\n  - name: one\n    onError: shrug  # HERE\n    taskSpec:\n      {STEPS}\n",
        ["shrug", "continue"],
    ),
    ("no tasks", "  description: empty\n", ["tasks"]),
    ("a task without steps", "  tasks:\n  - name: one\n    taskSpec: {}  # HERE\n", ["steps"]),
    (
        "script and command at once",
        "  tasks:\n  - name: one\n    taskSpec:\n      steps:\n"
        "      - {name: both, image: busybox, script: a, command: [b]}  # HERE\n",
        ["script", "command"],
    ),
]

POSITION = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): error: ")


class BadInput(harness.TestCase):
    def refused(self, path, *arguments):
        """Check what every refusal has in common, for validate and run; return the errors."""
        for command in ("validate", "run"):
            finished = self.run_taskgroup(command, path, *arguments)
            self.assertEqual(finished.code, 2, f"{command}: {finished.stderr[-2000:]}")
            self.assertLess(finished.max_rss, MAX_RSS)
            self.assertNotEqual(finished.stderr, "")
            self.assertEqual(finished.stdout, "")
        return finished.stderr

    def places(self, errors, path):
        """The (line, column) of each error, which must come sorted."""
        found = []
        for line in errors.splitlines():
            match = POSITION.match(line)
            self.assertIsNotNone(match, f"no file:line:col in: {line}")
            self.assertEqual(match["file"], path)
            found.append((int(match["line"]), int(match["column"])))
        self.assertEqual(found, sorted(found))
        return found

    def test_mistakes_are_named_with_their_place(self):
        for name, spec, wanted in MISTAKES:
            with self.subTest(name):
                text = harness.GROUP + spec
                path = self.write("group.yaml", text)
                errors = self.refused(path)
                for part in wanted:
                    self.assertIn(part, errors)
                lines = {line for line, _ in self.places(errors, path)}
                for number, line in enumerate(text.splitlines(), start=1):
                    if line.endswith("# HERE"):
                        self.assertIn(number, lines, errors)

    def test_all_mistakes_of_a_file_are_reported_at_once(self):
        path = self.write(
            "group.yaml",
            harness.GROUP
            + f"""\
  colour: green
  parms: [{{name: nothing}}]
  tasks:
  - name: one
    timeout: soon
    retries: many
    runAftre: [two]
    taskSpec:
      {STEPS}
  - name: two
    runAfter: [nobody]
    params: [{{name: p, value: $(params.no)}}]
    onError: shrug
    taskSpec:
      params: [{{name: p}}]
      steps:
      - {{name: say, image: busybox, scirpt: "true"}}
""",
        )
        errors = self.refused(path)
        places = self.places(errors, path)
        self.assertEqual([5, 6, 9, 10, 11], sorted({line for line, _ in places})[:5], errors)
        for part in ("colour", "parms", "nobody", "params.no", "soon", "many", "runAftre", "shrug", "scirpt"):
            self.assertIn(part, errors)

    def test_mistakes_in_several_files_are_reported_at_once(self):
        first = self.write("a.yaml", harness.GROUP + "  parms: []\n  tasks: []\n")
        second = self.write("b.yaml", "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {stepz: []}\n")
        finished = self.run_taskgroup("validate", first, second)
        self.assertEqual(finished.code, 2)
        self.assertIn("parms", finished.stderr)
        self.assertIn("stepz", finished.stderr)

    def test_unparsable_text_has_a_place(self):
        for name, text in (
            ("open bracket", "spec: [a, b\n"),
            ("tab", "spec:\n\ttasks: []\n"),
            ("open quote", 'spec: "never closed\n'),
            ("bad indentation", "spec:\n  a: 1\n b: 2\n"),
            ("unknown anchor", "spec: *nobody\n"),
            ("json", '{"spec": {"tasks": [}}'),
        ):
            with self.subTest(name):
                path = self.write("group.yaml", text)
                self.places(self.refused(path), path)

    def test_files_without_anything_to_run(self):
        for name, text in (
            ("empty", ""),
            ("blank", "\n\n   \n"),
            ("comment", "# nothing\n"),
            ("separators", "---\n---\n"),
            ("a scalar", "tea\n"),
            ("a list", "- a\n- b\n"),
            ("another kind", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
            ("no kind", "spec: {tasks: []}\n"),
            ("another version", "apiVersion: taskgroup.dev/v9\nkind: TaskGroup\nspec: {tasks: []}\n"),
        ):
            with self.subTest(name):
                self.assertEqual(self.run_taskgroup("run", self.write("group.yaml", text)).code, 2)
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertEqual(self.run_taskgroup("run", empty).code, 2)

    def test_standard_input(self):
        path = self.write("group.yaml", harness.GROUP + "  parms: []\n")
        with open(path, "rb") as stdin:
            finished = self.run_taskgroup("validate", "-", stdin=stdin)
        self.assertEqual(finished.code, 2)
        self.assertIn("parms", finished.stderr)

    def test_alias_bomb(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        for i in range(1, 10):
            lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]")
        self.refused(self.write("group.yaml", "\n".join(lines) + "\n"))
        merges = ["m0: &m0 {k: v}"]
        for i in range(1, 40):
            merges.append(f"m{i}: &m{i} {{a: *m{i - 1}, b: *m{i - 1}}}")
        self.refused(self.write("group.yaml", "\n".join(merges) + "\n"))

    def test_a_file_over_the_limit_is_refused_unread(self):
        path = self.write("group.yaml", harness.GROUP + "#" * (10 * 1024 * 1024))
        errors = self.refused(path)
        self.assertIn("10 MiB", errors)
        with open(path, "rb") as stdin:
            finished = self.run_taskgroup("run", "-", stdin=stdin)
        self.assertEqual(finished.code, 2, finished.stderr)
        self.assertLess(finished.max_rss, MAX_RSS)
        # A sparse file of 1 TiB is refused as quickly.
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        self.assertIn("10 MiB", self.refused(path))

    def test_what_has_no_end_is_refused(self):
        finished = self.run_taskgroup("validate", "/dev/zero")
        self.assertEqual(finished.code, 2, finished.stderr)
        self.assertLess(finished.max_rss, MAX_RSS)

    def test_large_files_below_the_limit_stay_small_in_memory(self):
        for name, text in (
            ("keys", "".join(f"key{i}: {i}\n" for i in range(600_000))),
            ("flow", "[" + "a," * 4_900_000 + "]"),
            ("brackets", "[]," * 3_000_000),
            ("json", '{"a":[' + "{}," * 3_000_000 + "{}]}"),
            ("one scalar", "a: " + "x" * 9_000_000 + "\n"),
            ("quotes", "'" * 9_000_000),
            ("newlines", "\n" * 9_000_000),
            ("documents", "---\n" * 2_000_000),
            ("anchors", "".join(f"- &a{i} x\n" for i in range(600_000))),
            ("comments", "# x\n" * 2_000_000),
        ):
            with self.subTest(name):
                self.refused(self.write("group.yaml", text))

    def test_depth(self):
        for name, text in (
            ("flow lists", "[" * 100_000 + "]" * 100_000),
            ("open flow lists", "[" * 100_000),
            ("flow objects", "{a: " * 100_000 + "}" * 100_000),
            ("block lists", "- " * 100_000 + "x\n"),
            ("questions", "? " * 100_000 + "x\n"),
            ("json", '{"a":' * 100_000 + "1" + "}" * 100_000),
            ("block objects", "".join(" " * i + "a:\n" for i in range(4_000))),
        ):
            with self.subTest(name):
                self.refused(self.write("group.yaml", text))

    def test_binary_junk(self):
        generator = random.Random(3)  # the same junk each time
        for name, content in (
            ("NUL", b"\0" * 10_000),
            ("NUL in text", harness.GROUP.encode() + b"  tasks: \0\n"),
            ("invalid UTF-8", b"spec: \xff\xfe\xfd\n"),
            ("overlong UTF-8", b"spec: \xc0\xaf\n"),
            ("surrogate", b"spec: \xed\xa0\x80\n"),
            ("UTF-16", harness.GROUP.encode("utf-16")),
            ("random", generator.randbytes(100_000)),
            ("program", open("/bin/sh", "rb").read(2_000_000)),
        ):
            with self.subTest(name):
                self.refused(self.write("group.yaml", content))

    def test_damaged_examples_never_crash(self):
        generator = random.Random(7)
        original = (harness.ROOT / "examples" / "golang-ci.yaml").read_bytes()
        for number in range(100):
            damaged = bytearray(original)
            kind = number % 4
            at = generator.randrange(len(damaged))
            if kind == 0:
                del damaged[at:]
            elif kind == 1:
                damaged[at] = generator.randrange(256)
            elif kind == 2:
                del damaged[at : at + generator.randrange(1, 200)]
            else:
                damaged[at:at] = generator.choice([b"[", b"{", b"'", b'"', b"- ", b": ", b"&a ", b"*a ", b"$(", b"\t"])
            with self.subTest(number):
                finished = self.run_taskgroup("validate", self.write("group.yaml", bytes(damaged)))
                self.assertIn(finished.code, (0, 2), finished.stderr)
                self.assertLess(finished.max_rss, MAX_RSS)


class BadFlags(harness.TestCase):
    SPEC = f"""\
  params:
  - {{name: text, default: a}}
  - {{name: list, type: array, default: [a]}}
  - {{name: object, type: object, properties: {{key: {{}}}}, default: {{key: a}}}}
  - {{name: size, default: small, enum: [small, large]}}
  tasks:
  - name: one
    taskSpec:
      {STEPS}
"""

    def test_params_that_do_not_fit(self):
        path = self.write("group.yaml", harness.GROUP + self.SPEC)
        for flag, wanted in (
            ("txet=b", ["txet", "text"]),
            ("list=b", ["list", "array"]),
            ('list={"a": "b"}', ["list", "array"]),
            ("list=[1, 2", ["list"]),
            ("object=b", ["object"]),
            ('object=["a"]', ["object"]),
            ("size=huge", ["size", "huge", "large"]),
            ("=b", []),
        ):
            with self.subTest(flag):
                finished = self.run_taskgroup("run", path, "-p", flag)
                self.assertEqual(finished.code, 2, finished.stderr)
                for part in wanted:
                    self.assertIn(part, finished.stderr)


if __name__ == "__main__":
    harness.main()
