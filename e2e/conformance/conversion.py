# SPDX-License-Identifier: Apache-2.0
"""What runs in a pod: a CustomRun of a group, made of a TaskRun, PipelineRun, Pipeline, Task or group.

`taskgroup run` takes these objects as they are; a cluster knows CustomRuns. So the same is done here
as core/planning/group_of_one.h and catalog.cpp do.
"""

import copy
import json

from documents import name_of

GROUP = {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup"}


class NotConvertible(Exception):
    """There is no CustomRun that says the same."""


def type_of(spec):
    """Return the type of a param or result that is declared, as Tekton infers it."""
    if spec.get("type"):
        return spec["type"]
    if "properties" in spec:
        return "object"
    return type_of_value(spec.get("default"))


def type_of_value(value):
    return {list: "array", dict: "object"}.get(type(value), "string")


def declaration(param):
    """Return the declaration of a param that is passed without one."""
    kind = type_of_value(param.get("value"))
    declared = {"name": param["name"], "type": kind}
    if kind == "object":
        declared["properties"] = {key: {"type": "string"} for key in param["value"]}
    return declared


def _without_default(declared):
    """Return the declaration of a param that is passed; an object still gets the keys it lacks."""
    kind = type_of(declared)
    if kind == "object":
        return declared
    return {**{key: value for key, value in declared.items() if key != "default"}, "type": kind}


def without_declared(items, declared):
    names = {one["name"] for one in declared}
    return [item for item in items if item["name"] not in names]


def group_of_one(name, what, task, params, workspaces, **fields):
    """Return the spec of the group that runs one Task: all params and workspaces go to it."""
    embedded = "taskSpec" in what
    own = {one["name"] for one in task.get("params") or []}
    passed = [one for one in params if not embedded or one["name"] in own]
    bound = [one for one in workspaces if not embedded or one in (task.get("workspaces") or [])]
    declared = [
        {key: one[key] for key in ("name", "description", "optional") if key in one}
        for one in workspaces
    ]
    return {
        "params": params,
        "workspaces": declared,
        "tasks": [
            {
                "name": name,
                **what,
                "params": [
                    {
                        "name": one["name"],
                        "value": f'$(params["{one["name"]}"]'
                        + ("" if type_of(one) == "string" else "[*]")
                        + ")",
                    }
                    for one in passed
                ],
                "workspaces": [{"name": one["name"]} for one in bound],
                **fields,
            }
        ],
    }


def _drop_empty(thing):
    """Return an object without what says nothing."""
    return {key: value for key, value in thing.items() if value not in (None, [], {}, "")}


def _of_task_run(entry):
    spec = entry.run["spec"]
    given, bindings = spec.get("params") or [], spec.get("workspaces") or []
    name = name_of(entry.run)
    if "taskSpec" in spec:
        what, task = {"taskSpec": spec["taskSpec"]}, spec["taskSpec"]
    else:
        what = {"taskRef": dict(spec.get("taskRef") or {})}
        if what["taskRef"].get("kind", "").lower() == "task":
            del what["taskRef"]["kind"]  # only a TaskRun may write it in any way
        found = entry.find("Task", what["taskRef"].get("name"))
        task = found["spec"] if found else {}
    # What nobody passes is left to the Task's own default. Propagation needs a declaration, for a
    # group has params only if it says so.
    names = {one["name"] for one in given}
    params = [
        _without_default(one)
        for one in task.get("params") or []
        if one["name"] in names or "default" not in one
    ]
    params += [declaration(one) for one in without_declared(given, params)]
    workspaces = list(task.get("workspaces") or [])
    workspaces += [{"name": one["name"]} for one in without_declared(bindings, workspaces)]
    run = _drop_empty(
        {
            "podTemplate": spec.get("podTemplate"),
            "breakpoints": _breakpoints(name, spec.get("debug")),
            "taskRunSpecs": _task_run_specs(name, spec),
        }
    )
    fields = _drop_empty({"retries": spec.get("retries"), "timeout": spec.get("timeout", "60m")})
    group = group_of_one(name, what, task, params, workspaces, **fields)
    if run:
        group["run"] = run
    return _custom_run(entry.run, group, given, bindings, spec.get("serviceAccountName"), "0")


def _breakpoints(name, debug):
    points = (debug or {}).get("breakpoints")
    return [{"task": name, **points}] if points else None


def _task_run_specs(name, spec):
    fields = ("computeResources", "stepSpecs", "sidecarSpecs")
    specs = {field: spec[field] for field in fields if spec.get(field)}
    return [{"pipelineTaskName": name, **specs}] if specs else None


def _of_pipeline_run(entry):
    spec = entry.run["spec"]
    template = spec.get("taskRunTemplate") or {}
    timeouts = spec.get("timeouts") or {}
    given, bindings = spec.get("params") or [], spec.get("workspaces") or []
    if "pipelineSpec" in spec:
        group = copy.deepcopy(spec["pipelineSpec"])
    else:
        found = entry.find("Pipeline", (spec.get("pipelineRef") or {}).get("name"))
        group = copy.deepcopy(found["spec"]) if found else {"pipelineRef": spec.get("pipelineRef")}
    if "pipelineRef" not in group:
        for field, extra in (
            ("params", [declaration(one) for one in given]),
            ("workspaces", [{"name": one["name"]} for one in bindings]),
        ):
            declared = group.get(field) or []
            group[field] = declared + without_declared(extra, declared)
    run = _drop_empty(
        {
            "timeouts": _drop_empty({key: timeouts.get(key) for key in ("tasks", "finally")}),
            "podTemplate": template.get("podTemplate") or spec.get("podTemplate"),
            "taskRunSpecs": spec.get("taskRunSpecs"),
        }
    )
    if run:
        group["run"] = {**group.get("run", {}), **run}
    account = template.get("serviceAccountName") or spec.get("serviceAccountName")
    timeout = timeouts.get("pipeline") or spec.get("timeout")
    return _custom_run(entry.run, group, given, bindings, account, timeout)


def _of_task(entry):
    spec = entry.run["spec"]
    name = name_of(entry.run)
    params, workspaces = spec.get("params") or [], spec.get("workspaces") or []
    group = group_of_one(name, {"taskRef": {"name": name}}, spec, params, workspaces)
    return _custom_run(entry.run, group, [], [], None, None)


def _of_group(entry):
    return _custom_run(entry.run, entry.run["spec"], [], [], None, None)


def _of_pipeline(entry):
    group = {"pipelineRef": {"name": name_of(entry.run)}}
    return _custom_run(entry.run, group, [], [], None, None)


def _of_custom_run(entry):
    return copy.deepcopy(entry.run)


def _custom_run(thing, group, params, bindings, account, timeout):
    metadata = thing["metadata"]
    kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    spec = {
        "customSpec": {**GROUP, "metadata": {}, "spec": copy.deepcopy(group)},
        "params": params,
        "workspaces": bindings,
        "serviceAccountName": account,
        "timeout": timeout,
    }
    return {
        "apiVersion": "tekton.dev/v1beta1",
        "kind": "CustomRun",
        "metadata": {"name": name_of(thing), **kept},
        "spec": _drop_empty(spec),
    }


_OF = {
    "CustomRun": _of_custom_run,
    "Pipeline": _of_pipeline,
    "PipelineRun": _of_pipeline_run,
    "Task": _of_task,
    "TaskGroup": _of_group,
    "TaskRun": _of_task_run,
}


def custom_run_of(entry):
    """Return the CustomRun that runs an entry as one group; raise NotConvertible."""
    kind = entry.run["kind"]
    if kind not in _OF:
        raise NotConvertible(f"a {kind} cannot be run")
    return _OF[kind](entry)


def pipeline_run_of(custom_run):
    """Return the PipelineRun that a stock Tekton has for a CustomRun of a group; raise NotConvertible."""
    spec = custom_run["spec"]
    group = copy.deepcopy((spec.get("customSpec") or {}).get("spec"))
    if not group:
        raise NotConvertible("it names a group")
    run = group.pop("run", {})
    timeouts = {**run.pop("timeouts", {}), "pipeline": spec.get("timeout")}
    if run:
        raise NotConvertible(f"only a group has run.{min(run)}")
    if any("emptyDir" in one for one in group.get("workspaces") or []):
        raise NotConvertible("only a group says what its workspaces are")
    named = {"pipelineRef": group["pipelineRef"]} if "pipelineRef" in group else None
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": custom_run["metadata"]["name"]},
        "spec": {
            **(named or {"pipelineSpec": group}),
            **_drop_empty({key: spec.get(key) for key in ("params", "workspaces")}),
            "timeouts": _drop_empty(timeouts),
        },
    }


def objects_for(entry):
    """Return the objects that must be on the cluster before, in versions that it serves."""
    made = [*entry.others]
    if entry.run["kind"] in ("Task", "Pipeline"):
        made.append(entry.run)
    served = {
        "Task": "tekton.dev/v1",
        "Pipeline": "tekton.dev/v1",
        "StepAction": "tekton.dev/v1beta1",
    }
    return [
        {**thing, "apiVersion": served.get(thing["kind"], thing["apiVersion"])} for thing in made
    ]


def declared_params(entry):
    """Return the params that an entry without a run declares: by name, their types."""
    spec = entry.run.get("spec") or {}
    if name := (spec.get("pipelineRef") or {}).get("name"):
        found = entry.find("Pipeline", name)
        spec = found["spec"] if found else {}
    return {one["name"]: type_of(one) for one in spec.get("params") or []}


def param(name, text, declared):
    """Return a param as `-p name=text` gives it."""
    structured = declared.get(name, "string") != "string"
    return {"name": name, "value": json.loads(text) if structured else text}


OBSERVED = "observed."


def instance_of(task, matrices):
    """Tell whether a task is an instance of one of these, which have a matrix: `build-0` of `build`,
    or `build` itself where there is one only."""
    name, _, number = task.rpartition("-")
    return task in matrices or (name in matrices and number.isdigit())


def observe(custom_run, tasks):
    """Let the group also have these results of tasks, {task: {result: value}}, as results of its own.

    Results that are not the group's never leave a pod, and those of one instance of a matrix cannot
    be named: they are taken out of `tasks`. Says whether it could be done.
    """
    group = (custom_run["spec"].get("customSpec") or {}).get("spec") or {}
    if "tasks" not in group:
        return False
    finals = {task["name"] for task in group.get("finally") or []}
    results = list(group.get("results") or [])
    written = [*group["tasks"], *(group.get("finally") or [])]
    matrices = [task["name"] for task in written if "matrix" in task]
    for task, values in tasks.items():
        if instance_of(task, matrices):
            values.clear()
            continue
        section = "finally" if task in finals else "tasks"
        for result, value in values.items():
            whole = "" if isinstance(value, str) else "[*]"
            results.append(
                {
                    "name": f"{OBSERVED}{task}.{result}",
                    "value": (
                        f"$({section}.{task}.results['{result}']{whole})"
                        if "." in result
                        else f"$({section}.{task}.results.{result}{whole})"
                    ),
                }
            )
    if results:
        group["results"] = results
    return True
