# SPDX-License-Identifier: Apache-2.0
"""The ways that need a cluster: a group in a pod, and where Tekton is, the original."""

import copy
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cluster"))
from api import Api, ApiError  # noqa: E402

import conversion  # noqa: E402
from ways import HUNG, REFUSED, Outcome  # noqa: E402

TIME_LIMIT = 180  # seconds; a busy machine is slow
_REFUSALS = (400, 403, 404, 422)
# What the controller calls what `taskgroup run` calls otherwise.
_REASONS = {"CustomRunCancelled": "Cancelled", "CustomRunTimedOut": "PipelineRunTimeout"}


class Unfit(Exception):
    """The cluster cannot take an object, for a reason that is not the object's."""


def condition_of(thing):
    conditions = thing.get("status", {}).get("conditions") or [{}]
    return next((one for one in conditions if one.get("type") == "Succeeded"), {})


def wait_finished(api, thing, seconds):
    """Follow an object until its condition is final; return it as it is then, final or not."""
    metadata, end = thing["metadata"], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        watched = api.watch(thing["kind"], metadata["namespace"], metadata["name"], int(left) + 1)
        for kind, seen in watched:
            if kind != "DELETED":
                thing = {"kind": thing["kind"], **seen}
                if condition_of(thing).get("status") in ("True", "False"):
                    return thing
            if time.monotonic() > end:
                break
    return thing


class Namespace:
    """A namespace of its own for one run; a context manager."""

    def __init__(self, api, labels=None):
        self.api = api
        metadata = {"generateName": "conformance-", "labels": labels or {}}
        self._object = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def __enter__(self):
        self.name = self.api.create(self._object)["metadata"]["name"]
        for kind, _ in self.api.watch("ServiceAccount", self.name, "default"):
            if kind == "ADDED":
                break
        return self.name

    def __exit__(self, *_):
        self.api.delete("Namespace", self.name)


def create(api, namespace, objects):
    """Create objects in a namespace."""
    for thing in objects:
        thing = copy.deepcopy(thing)
        thing["metadata"]["namespace"] = namespace
        try:
            api.create(thing)
        except KeyError:
            raise Unfit(f"nothing is known of {thing['kind']}") from None


def refusal(error):
    return Outcome(REFUSED, error.reason, error.message)


class Pod:
    """A CustomRun of the group, served by our controller."""

    def __init__(self, api=None, time_limit=TIME_LIMIT):
        self.api, self.time_limit = api or Api(), time_limit

    def run(self, entry, namespace, custom_run=None, observed=None):
        """Run an entry in a namespace. `observed`: the tasks' results to look at as well."""
        try:
            create(self.api, namespace, conversion.objects_for(entry))
            custom_run = custom_run or conversion.custom_run_of(entry)
            watched = observed and conversion.observe(custom_run, observed)
            custom_run["metadata"]["namespace"] = namespace
            made = self.api.create(custom_run)
        except ApiError as error:
            if error.code in _REFUSALS:
                return refusal(error)
            raise
        run = wait_finished(self.api, made, self.time_limit)
        return self.outcome_of(run, namespace, observed if watched else None)

    def outcome_of(self, run, namespace, observed):
        status, condition = run.get("status", {}), condition_of(run)
        extra = status.get("extraFields") or {}
        reason, message = condition.get("reason", ""), condition.get("message", "")
        log = json.dumps(status, indent=1)
        if condition.get("status") not in ("True", "False"):
            text = f"still {reason or 'unanswered'} after {self.time_limit} s: {message}"
            return Outcome(HUNG, reason, text, log=log)
        if condition["status"] == "False" and "pod" not in extra:
            return Outcome(REFUSED, reason, message, log=log)
        state = "Succeeded" if condition["status"] == "True" else "Failed"
        state = "Cancelled" if reason == "CustomRunCancelled" else state
        outcome = Outcome(state, _REASONS.get(reason, reason), message, log=log)
        outcome.typed = False
        for task in extra.get("tasks") or []:
            steps = {step["name"]: step for step in task.get("steps", []) if "state" in step}
            outcome.steps[task["name"]] = steps
            fields = ("state", "reason", "message", "attempts")
            outcome.tasks[task["name"]] = {key: task[key] for key in fields if key in task}
            outcome.tasks[task["name"]].setdefault("attempts", 0)
        skipped = any(task["state"] == "Skipped" for task in outcome.tasks.values())
        if state == "Succeeded" and skipped:
            outcome.reason = "Completed"  # a CustomRun knows one reason of success
        self._set_results(outcome, status.get("results") or [], observed)
        outcome.output = self._output(namespace, extra)
        return outcome

    @staticmethod
    def _set_results(outcome, results, observed):
        for name in outcome.tasks if observed is not None else ():
            outcome.tasks[name]["results"] = {}
        for result in results:
            name, value = result["name"], result["value"]
            if name.startswith(conversion.OBSERVED):
                task, _, name = name[len(conversion.OBSERVED) :].partition(".")
                outcome.tasks.setdefault(task, {}).setdefault("results", {})[name] = value
            else:
                outcome.results[name] = value

    def _output(self, namespace, extra):
        """What the steps have printed; in the order of containers."""
        text = ""
        for task in extra.get("tasks") or []:
            for step in task.get("steps", []):
                try:
                    text += self.api.log(extra["pod"]["name"], step["container"], namespace)
                except ApiError as error:
                    text += f"({step['container']}: {error.message})\n"
        return text


class Stock:
    """The object as it is, served by Tekton."""

    def __init__(self, api=None, time_limit=TIME_LIMIT):
        self.api, self.time_limit = api or Api(), time_limit

    def run(self, entry, namespace):
        if entry.run["kind"] not in ("TaskRun", "PipelineRun"):
            raise Unfit(f"Tekton runs no {entry.run['kind']}")
        try:
            create(self.api, namespace, entry.others)
            run = copy.deepcopy(entry.run)
            run["metadata"]["namespace"] = namespace
            made = self.api.create(run)
        except ApiError as error:
            if error.code in _REFUSALS:
                return refusal(error)
            raise
        run = wait_finished(self.api, made, self.time_limit)
        return self.outcome_of(run, namespace, conversion.name_of(entry.run))

    def outcome_of(self, run, namespace, name):
        """Return what came of a run that has this name in the corpus."""
        status, condition = run.get("status", {}), condition_of(run)
        reason, message = condition.get("reason", ""), condition.get("message", "")
        log = json.dumps(status, indent=1)
        if condition.get("status") not in ("True", "False"):
            return Outcome(HUNG, reason, f"not finished after {self.time_limit} s", log=log)
        if run["kind"] == "TaskRun":
            task = self._task(run)
            return Outcome(task["state"], reason, message, {name: task}, log=log)
        children = [
            child for child in status.get("childReferences") or [] if child.get("kind") == "TaskRun"
        ]
        names = [child.get("pipelineTaskName") for child in children]
        tasks = {}
        for child, task in zip(children, names):
            # Instances of a matrix share the task's name; their own ends in their number.
            number = child["name"].rpartition("-")[2]
            name = f"{task}-{number}" if names.count(task) > 1 else task
            tasks[name] = self._task(self.api.get("TaskRun", child["name"], namespace))
        for skipped in status.get("skippedTasks") or []:
            reason_of_skip = skipped.get("reason", "")
            tasks[skipped["name"]] = {"state": "Skipped", "reason": reason_of_skip, "attempts": 0}
        results = {one["name"]: one["value"] for one in status.get("results") or []}
        state = self._state(condition)
        return Outcome(state, reason, message, tasks, results, log=log)

    @staticmethod
    def _state(condition):
        if condition.get("status") == "True":
            return "Succeeded"
        cancelled = ("TaskRunCancelled", "Cancelled", "PipelineRunCancelled")
        return "Cancelled" if condition.get("reason") in cancelled else "Failed"

    def _task(self, task_run):
        status, condition = task_run.get("status", {}), condition_of(task_run)
        return {
            "state": self._state(condition),
            "reason": condition.get("reason", ""),
            "message": condition.get("message", ""),
            "attempts": len(status.get("retriesStatus") or []) + 1,
            "results": {one["name"]: one["value"] for one in status.get("results") or []},
        }
