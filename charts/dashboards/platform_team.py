# SPDX-License-Identifier: Apache-2.0
"""The dashboard of those who run the platform: does TaskGroup work, and if not, which part?"""

from grafana import Query, bars, dashboard, graph, heatmap, quantiles, stat, table

# Runs that no author of a pipeline can mend (controller/reasons.h).
FAULTS = (
    "PodLost|PodNeverStarted|PodCreationFailed|CoordinatorLost|JournalLost|JournalNotUnderstood"
)
WEBHOOK = 'webhook="/validate"'


def at_a_glance():
    return [
        stat(
            "Alerts",
            "Alerts of TaskGroup that fire. Each has its section in docs/operate.md.",
            Query(
                'count(ALERTS{alertname=~"TaskGroup.+", alertstate="firing"}) or vector(0)',
                instant=True,
            ),
            colours=("green", (1, "red")),
        ),
        stat(
            "Leaders",
            """Replicas that hold a Lease: one for each name. None: nobody works
            (TaskGroupNoLeader). Two for longer than a scrape: look at the clocks of the
            nodes.""",
            Query("sum by (name) (leader_election_master_status{JOB})", "{{name}}", instant=True),
            colours=("red", (1, "green"), (2, "orange")),
        ),
        stat(
            "Runs in progress",
            "Runs that have begun and have no final condition yet.",
            Query("sum(taskgroup_runs_active{JOB})"),
        ),
        stat(
            "Runs lost to the platform",
            """Runs that failed for what is no author's doing: a pod lost, never started or not
            created, a journal lost. In the time that is shown.""",
            Query(
                f'sum(increase(taskgroup_runs_total{{JOB, reason=~"{FAULTS}"}}[$__range]))'
                " or vector(0)",
                instant=True,
            ),
            colours=("green", (0.5, "orange"), (10, "red")),
            decimals=0,
        ),
        stat(
            "First step runs after",
            """Time from a CustomRun's creation until its first step runs: 95 of 100 take at most
            this.""",
            Query(
                "histogram_quantile(0.95, sum by (le)"
                " (increase(taskgroup_run_first_step_seconds_bucket{JOB}[$__range])))",
                instant=True,
            ),
            unit="s",
            colours=("green", (60, "orange"), (300, "red")),
            empty="no runs",
        ),
        stat(
            "Certificate expires in",
            """The webhook's. It renews itself at two thirds of its life;
            TaskGroupCertificateExpiring says that it does not.""",
            Query(
                "min(taskgroup_webhook_certificate_expiry_timestamp_seconds{JOB}) - time()",
                instant=True,
            ),
            unit="s",
            colours=("red", (86400, "orange"), (2 * 86400, "green")),
            empty="no webhook",
        ),
        stat(
            "Queue",
            "Runs that wait for a worker.",
            Query('sum(workqueue_depth{JOB, name="customruns"})'),
            colours=("green", (50, "orange"), (500, "red")),
        ),
        stat(
            "Workers busy",
            "Of the workers that there are (the chart's controller.workers).",
            Query(
                'sum(controller_runtime_active_workers{JOB, controller="customrun"})'
                ' / sum(controller_runtime_max_concurrent_reconciles{JOB, controller="customrun"})'
            ),
            unit="percentunit",
            colours=("green", (0.8, "orange")),
            decimals=0,
        ),
        stat(
            "Reconciles that failed",
            """Of all in the time that is shown. Conflicts and quotas are tried again and do no
            harm.""",
            Query(
                'sum(increase(controller_runtime_reconcile_total{JOB, result="error"}[$__range]))'
                " / sum(increase(controller_runtime_reconcile_total{JOB}[$__range]))",
                instant=True,
            ),
            unit="percentunit",
            colours=("green", (0.05, "orange"), (0.2, "red")),
            decimals=1,
        ),
        stat(
            "API requests that failed",
            "Answered with 5xx or 429, or not at all, of all in the time that is shown.",
            Query(
                "1 - sum(increase(rest_client_requests_total"
                '{JOB, code=~"[1-4]..", code!="429"}[$__range]))'
                " / sum(increase(rest_client_requests_total{JOB}[$__range]))",
                instant=True,
            ),
            unit="percentunit",
            colours=("green", (0.01, "orange"), (0.05, "red")),
            decimals=1,
        ),
        stat(
            "Webhook answers within",
            "99 of 100 reviews take at most this; the API server waits two to five seconds.",
            Query(
                "histogram_quantile(0.99, sum by (le)"
                f" (increase(controller_runtime_webhook_latency_seconds_bucket{{JOB, {WEBHOOK}}}"
                "[$__range])))",
                instant=True,
            ),
            unit="s",
            colours=("green", (0.1, "orange"), (1, "red")),
            empty="no reviews",
        ),
        stat(
            "CPU not asked for",
            """A pod asks for the peak of what its tasks need together, not for the sum of all its
            containers: the difference, of pods created in the time that is shown.""",
            Query(
                "1 - sum(increase(taskgroup_requests_peak_cpu_cores_total{JOB}[$__range]))"
                " / sum(increase(taskgroup_requests_sum_cpu_cores_total{JOB}[$__range]))",
                instant=True,
            ),
            unit="percentunit",
            colours=("blue",),
            decimals=0,
            empty="no requests",
        ),
    ]


def runs():
    return [
        graph(
            "Runs ended, per minute",
            "A run that failed is most often a test that failed: see the next panels for ours.",
            Query(
                "sum by (outcome) (rate(taskgroup_runs_total{JOB}[$__rate_interval])) * 60",
                "{{outcome}}",
            ),
            stack=True,
        ),
        graph(
            "In progress",
            """Runs without a final condition, and their pods. Pods that stay pending wait for a
            node, a volume or an image.""",
            Query("sum(taskgroup_runs_active{JOB})", "runs"),
            Query("sum by (phase) (taskgroup_pods{JOB})", "pods {{phase}}"),
        ),
        graph(
            "Runs lost to the platform",
            """Runs that failed for a reason that no author can mend. TaskGroupRunsFailing tells of
            them; docs/troubleshooting.md has each reason.""",
            Query(
                "sum by (reason)"
                f' (increase(taskgroup_runs_total{{JOB, reason=~"{FAULTS}"}}[$__rate_interval]))',
                "{{reason}}",
            ),
            bars=True,
            stack=True,
        ),
        quantiles(
            "taskgroup_run_pod_creation_seconds",
            "From CustomRun to pod",
            """Time from a CustomRun's creation until its pod is created: queue, fetching what it
            refers to, planning, and a quota that is full.""",
        ),
        quantiles(
            "taskgroup_run_first_step_seconds",
            "From CustomRun to first step",
            """Time from a CustomRun's creation until its first step runs. What it has over the
            panel on its left is the scheduler's, the kubelet's and the registry's.""",
        ),
        heatmap(
            "From CustomRun to first step, all runs",
            """The same as a histogram over time: a second band is often one image that is
            pulled, or one node that is slow.""",
            "sum by (le)"
            " (increase(taskgroup_run_first_step_seconds_bucket{JOB}[$__rate_interval]))",
        ),
        quantiles(
            "taskgroup_step_handover_seconds",
            "Hand-over from step to step",
            """Time from a step's end to the start of what waited for it, in the pod: milliseconds.
            Long ones are at a pod's start, where a first step ends before kubelet has started the
            next container, or come from a node without CPU to spare.""",
        ),
        graph(
            "Pods replaced, journals in trouble",
            """Pods in which no step had started and that were made again, and journals (the
            coordinator's log) whose reading failed, by reason. Each is tried again.""",
            Query(
                "sum(increase(taskgroup_pods_replaced_total{JOB}[$__rate_interval]))", "replaced"
            ),
            Query(
                "sum by (reason)"
                " (increase(taskgroup_journal_errors_total{JOB}[$__rate_interval]))",
                "journal: {{reason}}",
            ),
            bars=True,
            stack=True,
        ),
        graph(
            "CPU asked for, per hour",
            """Cores that pods created in an hour asked for, and what their containers would ask for
            as pods of their own. The scheduler holds back the lower line only.""",
            Query(
                "sum(rate(taskgroup_requests_sum_cpu_cores_total{JOB}[$__rate_interval])) * 3600",
                "sum of containers",
            ),
            Query(
                "sum(rate(taskgroup_requests_peak_cpu_cores_total{JOB}[$__rate_interval])) * 3600",
                "asked for",
            ),
        ),
        graph(
            "Memory asked for, per hour",
            "As the panel on its left, for memory.",
            Query(
                "sum(rate(taskgroup_requests_sum_memory_bytes_total{JOB}[$__rate_interval]))"
                " * 3600",
                "sum of containers",
            ),
            Query(
                "sum(rate(taskgroup_requests_peak_memory_bytes_total{JOB}[$__rate_interval]))"
                " * 3600",
                "asked for",
            ),
            unit="bytes",
        ),
        bars(
            "Why runs failed",
            "All reasons in the time that is shown, authors' failures included.",
            Query(
                "sort_desc(sum by (reason)"
                ' (increase(taskgroup_runs_total{JOB, outcome="failed"}[$__range])) > 0)',
                "{{reason}}",
                instant=True,
            ),
        ),
        graph(
            "Journals followed",
            """Pods whose coordinator's log is being followed: one open request each. Beyond the
            controller's bound, journals are read when their pod changes.""",
            Query("sum(taskgroup_journals_followed{JOB})", "followed"),
            Query('sum(taskgroup_pods{JOB, phase="running"})', "pods running"),
        ),
    ]


def controller():
    return [
        graph(
            "Queue",
            """Runs that wait for a worker. A queue that grows while workers are busy wants more of
            them; one that grows while they are idle is TaskGroupQueueNotDraining.""",
            Query('sum by (instance) (workqueue_depth{JOB, name="customruns"})', "{{instance}}"),
            decimals=0,
        ),
        quantiles(
            "workqueue_queue_duration_seconds",
            "Wait in the queue",
            "Time from when a run was queued until a worker took it.",
            matching='name="customruns"',
        ),
        quantiles(
            "workqueue_work_duration_seconds",
            "Work on one run",
            "Time a worker spent on a run each time it took it: mostly answers of the API server.",
            matching='name="customruns"',
        ),
        graph(
            "Added and tried again, per second",
            "Retries that keep their level without additions are runs that fail each time.",
            Query(
                'sum(rate(workqueue_adds_total{JOB, name="customruns"}[$__rate_interval]))', "added"
            ),
            Query(
                'sum(rate(workqueue_retries_total{JOB, name="customruns"}[$__rate_interval]))',
                "tried again",
            ),
            unit="ops",
        ),
        graph(
            "Reconciles, per second",
            "By their result: error means that a request failed and the run is tried again.",
            Query(
                "sum by (result) (rate(controller_runtime_reconcile_total{JOB,"
                ' controller="customrun"}[$__rate_interval]))',
                "{{result}}",
            ),
            unit="ops",
            stack=True,
        ),
        quantiles(
            "controller_runtime_reconcile_time_seconds",
            "Time of one reconcile",
            "All reads and writes that one look at a run took.",
            matching='controller="customrun"',
        ),
        graph(
            "Errors of reconciling, per second",
            "The log tells each, with namespace and run: level warning and error.",
            Query(
                "sum(rate(controller_runtime_reconcile_errors_total{JOB,"
                ' controller="customrun"}[$__rate_interval]))',
                "errors",
            ),
            unit="ops",
        ),
        graph(
            "Workers",
            "Busy ones, and how many there are.",
            Query(
                'sum(controller_runtime_active_workers{JOB, controller="customrun"})', "busy"
            ),
            Query(
                'sum(controller_runtime_max_concurrent_reconciles{JOB, controller="customrun"})',
                "all",
            ),
            decimals=0,
        ),
        graph(
            "Work that does not end",
            """Seconds that workers have spent on what they have in hand, and the longest of them. A
            line that rises without end is a worker that hangs.""",
            Query(
                'sum(workqueue_unfinished_work_seconds{JOB, name="customruns"})', "in hand, sum"
            ),
            Query(
                'max(workqueue_longest_running_processor_seconds{JOB, name="customruns"})',
                "longest",
            ),
            unit="s",
        ),
    ]


def api_server():
    return [
        graph(
            "Requests by answer, per second",
            """409 is two writers that met and is tried again; 429 is the API server's priority and
            fairness; 403 is a right that is missing.""",
            Query(
                "sum by (code) (rate(rest_client_requests_total{JOB}[$__rate_interval]))",
                "{{code}}",
            ),
            unit="reqps",
            stack=True,
        ),
        graph(
            "Requests by method, per second",
            "POST makes pods and events, PUT writes states, PATCH tells coordinators, GET reads.",
            Query(
                "sum by (method) (rate(rest_client_requests_total{JOB}[$__rate_interval]))",
                "{{method}}",
            ),
            unit="reqps",
            stack=True,
        ),
        quantiles(
            "rest_client_request_duration_seconds",
            "Answer times",
            "Of the API server, by verb; 99 of 100 requests take at most this.",
            by="verb",
            of=(0.99,),
        ),
    ]


def webhook():
    return [
        graph(
            "Reviews by answer, per second",
            """HTTP codes: a denial is a 200 like any other review; 4xx are requests that are no
            reviews, or too large.""",
            Query(
                "sum by (code)"
                f" (rate(controller_runtime_webhook_requests_total{{JOB, {WEBHOOK}}}"
                "[$__rate_interval]))",
                "{{code}}",
            ),
            unit="reqps",
            stack=True,
        ),
        graph(
            "Reviews by kind and decision, per second",
            "Denied is an author's mistake that was found in time.",
            Query(
                "sum by (kind, decision)"
                " (rate(taskgroup_webhook_reviews_total{JOB}[$__rate_interval]))",
                "{{kind}} {{decision}}",
            ),
            unit="ops",
            stack=True,
        ),
        quantiles(
            "controller_runtime_webhook_latency_seconds",
            "Time of one review",
            """The API server waits two seconds for Pipelines and PipelineRuns and five for
            TaskGroups; then it goes on without an answer, or refuses.""",
            matching=WEBHOOK,
        ),
        graph(
            "Reviews in hand",
            "At this moment, by replica.",
            Query(
                "sum by (instance)"
                f" (controller_runtime_webhook_requests_in_flight{{JOB, {WEBHOOK}}})",
                "{{instance}}",
            ),
            decimals=0,
            width=6,
        ),
        graph(
            "Connections refused",
            """Clients that spoke no TLS, sent nothing, too slowly or too much, as a port scan does. The
            API server is among them with request_timeout only: a spare connection it never used.""",
            Query(
                "sum by (reason)"
                " (increase(taskgroup_webhook_refused_connections_total{JOB}[$__rate_interval]))",
                "{{reason}}",
            ),
            bars=True,
            stack=True,
            width=6,
        ),
        graph(
            "Certificate",
            """Time until the certificate that each replica serves expires. A saw-tooth is as it
            should be; its steps are the bars on its right.""",
            Query(
                "taskgroup_webhook_certificate_expiry_timestamp_seconds{JOB} - time()",
                "{{instance}}",
            ),
            unit="s",
            steps=True,
            width=6,
        ),
        graph(
            "Certificate reloads",
            "By their result. A failed one keeps the certificate that is served.",
            Query(
                "sum by (result)"
                " (increase(taskgroup_webhook_certificate_reloads_total{JOB}[$__rate_interval]))",
                "{{result}}",
            ),
            bars=True,
            stack=True,
            width=6,
        ),
    ]


def processes():
    return [
        graph(
            "Memory",
            "Resident, of each replica. TaskGroupMemoryHigh compares with the limit.",
            Query("process_resident_memory_bytes{JOB}", "{{job}} {{instance}}"),
            unit="bytes",
        ),
        graph(
            "CPU",
            "Cores in use by each replica.",
            Query("rate(process_cpu_seconds_total{JOB}[$__rate_interval])", "{{job}} {{instance}}"),
        ),
        graph(
            "File descriptors",
            "Open ones of those allowed: each journal that is followed takes one.",
            Query("process_open_fds{JOB} / process_max_fds{JOB}", "{{job}} {{instance}}"),
            unit="percentunit",
        ),
        graph(
            "Who leads",
            "1 while a replica holds the Lease. Lines that cross are a change of leader.",
            Query(
                "leader_election_master_status{JOB}",
                "{{name}} {{instance}}",
            ),
            steps=True,
            decimals=0,
        ),
        graph(
            "Running since",
            "Age of each process; a line that falls to nothing is a restart.",
            Query("time() - process_start_time_seconds{JOB}", "{{job}} {{instance}}"),
            unit="s",
        ),
        table(
            "Versions",
            "What runs where. During an upgrade there are two.",
            Query("taskgroup_build_info{JOB}", instant=True),
            {"job": "Job", "instance": "Instance", "version": "Version"},
        ),
    ]


def make():
    return dashboard(
        "taskgroup-platform",
        "TaskGroup / Platform",
        """Whether TaskGroup works, and which part does not: runs and their pods, the
        controller, its API server, the webhook and the processes.""",
        "operate",
        [
            ("At a glance", at_a_glance()),
            ("Runs and their pods", runs()),
            ("Controller", controller()),
            ("API server, as the controller and the webhook see it", api_server()),
            ("Webhook", webhook()),
            ("Processes", processes()),
        ],
    )
