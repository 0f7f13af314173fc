# SPDX-License-Identifier: Apache-2.0
"""The dashboard of those who write pipelines: how runs went, why they failed, what takes time."""

from grafana import Query, bars, dashboard, graph, quantiles, stat, text

NO_NAMES = """\
Metrics have no names of runs, pipelines or namespaces: there would be too many. These panels tell
how all groups of the cluster do. Of one run:

| To see | Type |
| --- | --- |
| each task and step, its state and why | `taskgroup status RUN -n NAMESPACE` |
| what its steps printed | `taskgroup logs RUN -n NAMESPACE` |
| the same, without our program | `kubectl get customrun RUN -n NAMESPACE -o yaml` |
| what a reason means | docs/troubleshooting.md |
"""


def runs():
    return [
        stat(
            "Runs ended",
            "In the time that is shown.",
            Query("sum(increase(taskgroup_runs_total{JOB}[$__range]))", instant=True),
            decimals=0,
        ),
        stat(
            "Succeeded",
            "Of the runs that ended and were not cancelled.",
            Query(
                'sum(increase(taskgroup_runs_total{JOB, outcome="succeeded"}[$__range]))'
                ' / sum(increase(taskgroup_runs_total{JOB, outcome!="cancelled"}[$__range]))',
                instant=True,
            ),
            unit="percentunit",
            colours=("red", (0.7, "orange"), (0.9, "green")),
            decimals=0,
            empty="no runs",
        ),
        stat(
            "Half of the runs take",
            "The median, from the CustomRun's creation to its final condition.",
            Query(
                "histogram_quantile(0.5, sum by (le)"
                " (increase(taskgroup_run_duration_seconds_bucket{JOB}[$__range])))",
                instant=True,
            ),
            unit="s",
            empty="no runs",
        ),
        stat(
            "First step runs after",
            "The median, from the CustomRun's creation.",
            Query(
                "histogram_quantile(0.5, sum by (le)"
                " (increase(taskgroup_run_first_step_seconds_bucket{JOB}[$__range])))",
                instant=True,
            ),
            unit="s",
            empty="no runs",
        ),
        stat(
            "In progress",
            "Runs that have begun and not ended.",
            Query("sum(taskgroup_runs_active{JOB})"),
        ),
        stat(
            "Waiting for a node",
            """Pods of runs that are pending: no node has room, a volume is missing or an image
            is pulled.""",
            Query('sum(taskgroup_pods{JOB, phase="pending"})'),
            colours=("green", (5, "orange")),
        ),
        graph(
            "Runs ended, per hour",
            "By how they ended. Skipped tasks and failures that onError lets pass are no failures.",
            Query(
                "sum by (outcome) (rate(taskgroup_runs_total{JOB}[$__rate_interval])) * 3600",
                "{{outcome}}",
            ),
            stack=True,
        ),
        graph(
            "Succeeded, of runs that were not cancelled",
            """Over the last hour at each point in time, so that one bad run does not look like
            many.""",
            Query(
                'sum(increase(taskgroup_runs_total{JOB, outcome="succeeded"}[1h]))'
                ' / sum(increase(taskgroup_runs_total{JOB, outcome!="cancelled"}[1h]))',
                "succeeded",
            ),
            unit="percentunit",
        ),
        bars(
            "Why runs failed",
            """Failed is a task that failed: see the next row. Others are in
            docs/troubleshooting.md.""",
            Query(
                "sort_desc(sum by (reason)"
                ' (increase(taskgroup_runs_total{JOB, outcome="failed"}[$__range])) > 0)',
                "{{reason}}",
                instant=True,
            ),
            colour="red",
        ),
    ]


def tasks():
    return [
        graph(
            "Tasks ended, per hour",
            "By how they ended; a task that was tried again counts once.",
            Query(
                "sum by (outcome) (rate(taskgroup_tasks_total{JOB}[$__rate_interval])) * 3600",
                "{{outcome}}",
            ),
            stack=True,
        ),
        bars(
            "Why tasks failed",
            """StepFailed: a step ended with another code than 0. TaskRunTimeout: its timeout
            passed. StepOOM: it took more memory than its limit. docs/troubleshooting.md has
            them all.""",
            Query(
                "sort_desc(sum by (reason)"
                ' (increase(taskgroup_tasks_total{JOB, outcome="failed"}[$__range])) > 0)',
                "{{reason}}",
                instant=True,
            ),
            colour="red",
        ),
        bars(
            "Why tasks were skipped",
            """As Tekton names it: a when that was false, a parent that was skipped or failed, a
            run that stops.""",
            Query(
                "sort_desc(sum by (reason)"
                ' (increase(taskgroup_tasks_total{JOB, outcome="skipped"}[$__range])) > 0)',
                "{{reason}}",
                instant=True,
            ),
            colour="blue",
        ),
    ]


def times():
    return [
        quantiles(
            "taskgroup_run_duration_seconds",
            "Runs that succeeded take",
            "From the CustomRun's creation to its final condition.",
            of=(0.5, 0.95),
            matching='outcome="succeeded"',
        ),
        quantiles(
            "taskgroup_run_duration_seconds",
            "Runs that failed take",
            "How long it takes to learn of a failure. failFast stops what is not needed any more.",
            of=(0.5, 0.95),
            matching='outcome="failed"',
        ),
        quantiles(
            "taskgroup_task_duration_seconds",
            "Tasks that succeeded take",
            "From a task's first attempt to its end, retries included.",
            of=(0.5, 0.95),
            matching='outcome="succeeded"',
        ),
        quantiles(
            "taskgroup_run_first_step_seconds",
            "Until the first step runs",
            """From the CustomRun's creation: making the pod, a node for it, its images. Smaller
            images and fewer of them help most.""",
            of=(0.5, 0.95),
        ),
        quantiles(
            "taskgroup_step_handover_seconds",
            "From step to step",
            "From a step's end to the start of what waited for it: no pod is made in between.",
            of=(0.5, 0.99),
        ),
        graph(
            "In progress",
            "Runs, and the pods they have: pending ones wait for a node, a volume or an image.",
            Query("sum(taskgroup_runs_active{JOB})", "runs"),
            Query("sum by (phase) (taskgroup_pods{JOB})", "pods {{phase}}"),
        ),
    ]


def savings():
    return [
        stat(
            "Pods not made",
            "Each task that ran would be a pod of a Pipeline; here each run is one.",
            Query(
                'sum(increase(taskgroup_tasks_total{JOB, outcome!="skipped"}[$__range]))'
                " - sum(increase(taskgroup_run_pod_creation_seconds_count{JOB}[$__range]))",
                instant=True,
            ),
            colours=("blue",),
            decimals=0,
            width=6,
        ),
        stat(
            "CPU not asked for",
            """Tasks that never run at the same time share a request: what the pods did not ask
            for, of what their containers name.""",
            Query(
                "1 - sum(increase(taskgroup_requests_peak_cpu_cores_total{JOB}[$__range]))"
                " / sum(increase(taskgroup_requests_sum_cpu_cores_total{JOB}[$__range]))",
                instant=True,
            ),
            unit="percentunit",
            colours=("blue",),
            decimals=0,
            empty="no requests",
            width=6,
        ),
        stat(
            "Memory not asked for",
            "As the panel on its left, for memory.",
            Query(
                "1 - sum(increase(taskgroup_requests_peak_memory_bytes_total{JOB}[$__range]))"
                " / sum(increase(taskgroup_requests_sum_memory_bytes_total{JOB}[$__range]))",
                instant=True,
            ),
            unit="percentunit",
            colours=("blue",),
            decimals=0,
            empty="no requests",
            width=6,
        ),
        stat(
            "Mistakes found at apply",
            "TaskGroups, Pipelines and runs that were refused with the field that is wrong.",
            Query(
                'sum(increase(taskgroup_webhook_reviews_total{JOB, decision="denied"}[$__range]))'
                " or vector(0)",
                instant=True,
            ),
            decimals=0,
            width=6,
        ),
        text("One run", NO_NAMES, width=24, height=6),
    ]


def make():
    return dashboard(
        "taskgroup-authors",
        "TaskGroup / Pipelines",
        """How the groups of all pipelines do: how many succeed, why tasks fail, where the time
        goes and what one pod saves.""",
        "troubleshooting",
        [
            ("Runs", runs()),
            ("Tasks", tasks()),
            ("Where the time goes", times()),
            ("What one pod saves", savings()),
        ],
    )
