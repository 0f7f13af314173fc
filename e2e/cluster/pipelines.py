# SPDX-License-Identifier: Apache-2.0
"""Plays Tekton's pipeline controller for Pipelines whose tasks are TaskGroups.

Where there is no Tekton, makes the CustomRuns of a PipelineRun as it does (name, labels, owner,
resolved params, workspaces, timeout, retries; contents of taskSpec.spec untouched) and takes their
results over into the params of later tasks; where there is one, watches what it does. Of an ordinary Task it only says which params it would
get. Knows params, results, runAfter, workspaces and finally; neither matrix nor `when`.
"""

import json
import re

_REFERENCE = re.compile(
    r"\$\((?:tasks\.(?P<task>[^.]+)\.results\.(?P<result>[^)\[]+)"
    r"|params\.(?P<param>[^)\[]+))(?P<all>\[\*\])?\)"
)


def as_param(value):
    """What a result of a CustomRun is to a param: a non-empty JSON array of strings is an array."""
    try:
        items = json.loads(value)
    except ValueError:
        return value
    strings = isinstance(items, list) and items and all(isinstance(item, str) for item in items)
    return items if strings else value


class PipelineRun:
    """One run of a Pipeline: `runs` are its CustomRuns, `inputs` the params, of each task."""

    def __init__(self, test, pipeline, name="pr", params=None, workspaces=None, **spec):
        self.test, self.name = test, name
        self.pipeline = pipeline["spec"]
        self.params = {
            param["name"]: param.get("default") for param in self.pipeline.get("params", [])
        } | (params or {})
        self.bindings = workspaces or {}
        self.runs, self.inputs = {}, {}
        self.has_tekton = test.api.has_tekton()
        if self.has_tekton:
            spec["params"] = [{"name": k, "value": v} for k, v in (params or {}).items()]
            spec["workspaces"] = [{"name": k, **v} for k, v in self.bindings.items()]
        self.object = test.api.create(
            {
                "apiVersion": "tekton.dev/v1",
                "kind": "PipelineRun",
                "metadata": {"name": name, "namespace": test.namespace},
                "spec": {"pipelineRef": {"name": pipeline["metadata"]["name"]}, **spec},
            }
        )

    def run(self):
        """Run its tasks one after the other, each after those it needs; return itself."""
        for section in ("tasks", "finally"):
            waiting = {task["name"]: task for task in self.pipeline.get(section, [])}
            while waiting:
                name = next(
                    name for name, task in waiting.items() if not self._needs(task) & set(waiting)
                )
                self._run_task(waiting.pop(name), section)
        return self

    def _needs(self, task):
        used = {match["task"] for match in _REFERENCE.finditer(json.dumps(task.get("params", [])))}
        return (used | set(task.get("runAfter", []))) - {None}

    def _run_task(self, task, section):
        if self.has_tekton:
            self._watch_task(task)
            return
        inputs = {param["name"]: self._resolve(param["value"]) for param in task.get("params", [])}
        self.inputs[task["name"]] = inputs
        if self.is_custom(task):
            run = self.runs[task["name"]] = self.start(task, inputs, section)
            run.wait()

    def _watch_task(self, task):
        kind = "CustomRun" if self.is_custom(task) else "TaskRun"
        name = f"{self.name}-{task['name']}"
        for _, thing in self.test.api.watch(kind, self.test.namespace, name):
            break
        params = thing["spec"].get("params", [])
        self.inputs[task["name"]] = {param["name"]: param["value"] for param in params}
        if self.is_custom(task):
            self.runs[task["name"]] = self.test.follow(thing).wait()

    @staticmethod
    def is_custom(task):
        what = task.get("taskRef") or task.get("taskSpec") or {}
        return bool(what.get("apiVersion") and what.get("kind"))

    def start(self, task, inputs, section="tasks"):
        """Make the CustomRun of a task."""
        spec = {
            "params": [{"name": name, "value": value} for name, value in inputs.items()],
            "serviceAccountName": "default",
        }
        if "taskRef" in task:
            spec["customRef"] = task["taskRef"]
        else:
            known = ("apiVersion", "kind", "metadata", "spec")
            spec["customSpec"] = {k: v for k, v in task["taskSpec"].items() if k in known}
        for field in ("retries", "timeout"):
            if field in task:
                spec[field] = task[field]
        if "workspaces" in task:
            spec["workspaces"] = [
                {
                    **self.bindings[binding.get("workspace", binding["name"])],
                    "name": binding["name"],
                }
                for binding in task["workspaces"]
            ]
        metadata = self.object["metadata"]
        return self.test.start_custom_run(
            spec,
            f"{self.name}-{task['name']}",
            labels={
                "tekton.dev/pipelineRun": self.name,
                "tekton.dev/pipelineRunUID": metadata["uid"],
                "tekton.dev/pipelineTask": task["name"],
                "tekton.dev/memberOf": section,
            },
            ownerReferences=[
                {
                    "apiVersion": "tekton.dev/v1",
                    "kind": "PipelineRun",
                    "name": self.name,
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        )

    def _resolve(self, value):
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self._resolve(item) for key, item in value.items()}
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._value(whole)
        return _REFERENCE.sub(lambda match: str(self._value(match)), value)

    def _value(self, match):
        if match["param"]:
            return self.params[match["param"]]
        return as_param(self.runs[match["task"]].results[match["result"]])
