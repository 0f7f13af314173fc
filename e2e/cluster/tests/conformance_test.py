# SPDX-License-Identifier: Apache-2.0
"""The cases of e2e/conformance, each in a pod: the same outcome as on a laptop."""

import pathlib
import re
import sys
import unittest

from harness import OWN, ROOT, Api, ClusterTest

sys.path.insert(0, str(ROOT / "e2e" / "conformance"))
import cases  # noqa: E402
import conversion  # noqa: E402
import documents  # noqa: E402
import pods  # noqa: E402


class Folders:
    """What `-w` binds, made in a namespace: volumes over folders of the node, and copies of files."""

    def __init__(self, test, files):
        self.test, self.files = test, files

    def binding(self, argument):
        """Return the binding of an argument `name=[secret:|configmap:]{dir}/folder`."""
        name, _, source = argument.partition("=")
        kind, _, path = source.rpartition("{dir}/")
        if kind == "secret:":
            self._copy("Secret", name, path)
            return {"name": name, "secret": {"secretName": f"case-{name}"}}
        if kind == "configmap:":
            self._copy("ConfigMap", name, path)
            return {"name": name, "configMap": {"name": f"case-{name}"}}
        self._claim(name, self.files / path)
        return {"name": name, "persistentVolumeClaim": {"claimName": f"case-{name}"}}

    def _copy(self, kind, name, path):
        source = self.files / path
        content = {one.name: one.read_text() for one in source.iterdir()}
        field = "stringData" if kind == "Secret" else "data"
        metadata = {"name": f"case-{name}"}
        self.test.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, field: content})

    def _claim(self, name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for one in (folder, *folder.rglob("*")):
            one.chmod(0o777)
        volume = f"{self.test.namespace}-{name}"
        size = {"storage": "1Mi"}
        self.test.api.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": volume},
                "spec": {
                    "capacity": size,
                    "storageClassName": "case",
                    "accessModes": ["ReadWriteMany"],
                    "hostPath": {"path": str(folder)},
                    "claimRef": {"namespace": self.test.namespace, "name": f"case-{name}"},
                },
            }
        )
        self.test.addCleanup(self.test.api.delete, "PersistentVolume", volume)
        self.test.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": f"case-{name}"},
                "spec": {
                    "storageClassName": "case",
                    "volumeName": volume,
                    "accessModes": ["ReadWriteMany"],
                    "resources": {"requests": size},
                },
            }
        )


class CaseTest(ClusterTest):
    """A test of one case; `way` says of which."""

    way = None

    def check(self, path):
        case = cases.Case(path)
        if not case.runs_in(self.way):
            self.skipTest(f"says nothing of {self.way}")
        files = pathlib.Path(OWN or "/nowhere") / "cases" / self.namespace
        if "files" in case.spec:
            if not OWN:
                self.skipTest("needs a folder of the node")
            case.write_files(files)
        (entry,) = self.entries_of(case)
        for thing in entry.objects:
            documents.set_storage_class(thing, "e2e")
        expect = case.expected_in(self.way)
        folders = Folders(self, files)
        custom_run = self.custom_run_of(entry, case.arguments, folders)
        outcome = self.run_case(entry, custom_run, expect, folders)
        found = cases.differences(expect, outcome, files)
        if found:
            self.fail("\n".join([case.head, *found, "--- status", outcome.message, outcome.log]))

    @staticmethod
    def entries_of(case):
        """What the case runs: a Task or Pipeline where there is neither a run nor a group."""
        objects = documents.read_objects(case.body)
        entries = documents.entries_of(case.name, objects)
        for kind in ("Pipeline", "Task"):
            main = [thing for thing in objects if thing["kind"] == kind]
            if not entries and main:
                others = [thing for thing in objects if thing is not main[0]]
                entries = [documents.Entry(case.name, main[0], others)]
        return entries

    @staticmethod
    def custom_run_of(entry, arguments, folders):
        """The CustomRun of an entry, with what `taskgroup run` would be told by arguments."""
        if "--group" in arguments:
            wanted = arguments[arguments.index("--group") + 1]
            tasks = entry.run["spec"]["tasks"]
            group = next(one["taskSpec"] for one in tasks if one["name"] == wanted)
            entry.run = {**conversion.GROUP, "metadata": {"name": wanted}, "spec": group["spec"]}
        declared = conversion.declared_params(entry)
        custom_run = conversion.custom_run_of(entry)
        spec = custom_run["spec"]
        for flag, value in zip(arguments[::2], arguments[1::2]):
            if flag == "-p":
                name, _, text = value.partition("=")
                spec.setdefault("params", []).append(conversion.param(name, text, declared))
            elif flag == "-w":
                spec.setdefault("workspaces", []).append(folders.binding(value))
            elif flag == "--timeout":
                spec["timeout"] = value
            elif flag != "--group":
                raise AssertionError(f"no pod knows {flag}: let the case say `only: [host, …]`")
        return custom_run


class Conformance(CaseTest):
    """One method for each case; see below."""

    way = "pod"

    def run_case(self, entry, custom_run, expect, _folders):
        wanted = {name: task.get("results", {}) for name, task in expect.get("tasks", {}).items()}
        return pods.Pod(self.api).run(entry, self.namespace, custom_run, wanted)


class Stock(CaseTest):
    """The same, by a stock Tekton: a group is the spec of a PipelineRun. Only where there is one."""

    way = "tekton"

    def run_case(self, entry, custom_run, expect, folders):
        if expect["exitCode"] == 2:
            self.skipTest("is refused here")
        original = entry.run
        if original["kind"] not in ("TaskRun", "PipelineRun"):
            try:
                original = conversion.pipeline_run_of(custom_run)
            except conversion.NotConvertible as why:
                self.skipTest(str(why))
            entry.others = conversion.objects_for(entry)
            self.bind_the_rest(original["spec"], entry, folders)
        for field in ("steps", "output"):
            expect.pop(field, None)  # of pods, which Tekton may delete
        # A task that is not fit to run has no TaskRun; here it has failed.
        expect["tasks"] = {
            name: task
            for name, task in expect["tasks"].items()
            if (task["state"], task.get("attempts")) != ("Failed", 0)
        }
        entry.run = original
        outcome = pods.Stock(self.api).run(entry, self.namespace)
        if outcome.state == pods.REFUSED and re.search("feature (flag|gate)", outcome.message):
            self.skipTest(f"needs what this Tekton has not enabled: {outcome.message}")
        return outcome

    @staticmethod
    def bind_the_rest(spec, entry, folders):
        """Let a claim be what a group has in its pod: a required workspace that nobody binds."""
        pipeline = spec.get("pipelineSpec")
        pipeline = pipeline or entry.find("Pipeline", spec["pipelineRef"]["name"])["spec"]
        bound = {one["name"] for one in spec.get("workspaces", [])}
        for one in pipeline.get("workspaces", []):
            if one["name"] not in bound and not one.get("optional"):
                name = one["name"]
                binding = folders.binding(f"{name}={{dir}}/workspace-{name}")
                spec.setdefault("workspaces", []).append(binding)


def _method(path):
    def test(self):
        self.check(path)

    test.__doc__ = path.stem
    return test


for _path in cases.paths_of_cases():
    for _kind in (Conformance, Stock):
        setattr(_kind, "test_" + _path.stem.replace("-", "_"), _method(_path))


def load_tests(loader, _tests, _pattern):
    kinds = (Conformance, Stock) if Api().has_tekton() else (Conformance,)
    return unittest.TestSuite(loader.loadTestsFromTestCase(kind) for kind in kinds)
