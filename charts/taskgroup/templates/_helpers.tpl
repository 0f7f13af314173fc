{{/* The name of every namespaced object: the release's, cut to leave room for suffixes. */}}
{{- define "taskgroup.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* The name of cluster-wide objects: two releases may have one name in two namespaces. */}}
{{- define "taskgroup.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "taskgroup.name" .) -}}
{{- end }}

{{/* What selects the objects of a part; takes (list . PART). */}}
{{- define "taskgroup.selector" -}}
app.kubernetes.io/name: taskgroup
app.kubernetes.io/instance: {{ include "taskgroup.name" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of an object of no part. */}}
{{- define "taskgroup.commonLabels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
app.kubernetes.io/part-of: taskgroup
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The labels of an object of a part; takes (list . PART). */}}
{{- define "taskgroup.labels" -}}
{{ include "taskgroup.selector" . }}
{{ include "taskgroup.commonLabels" (index . 0) }}
{{- end }}

{{/* The labels of a part's pods; takes (list . PART). What selects them comes last, and so wins. */}}
{{- define "taskgroup.podLabels" -}}
{{- $root := index . 0 -}}
{{- $labels := include "taskgroup.labels" . | fromYaml -}}
{{- toYaml (mergeOverwrite (deepCopy (index $root.Values (index . 1)).podLabels) $labels) -}}
{{- end }}

{{- define "taskgroup.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "taskgroup.name" .) -}}
{{- end }}

{{- define "taskgroup.webhook" -}}
{{- include "taskgroup.name" . }}-webhook
{{- end }}

{{- define "taskgroup.webhookServiceAccount" -}}
{{- .Values.webhook.serviceAccount.name | default (include "taskgroup.webhook" .) -}}
{{- end }}

{{/* The Secret that the webhook reads its certificate from. */}}
{{- define "taskgroup.webhookSecret" -}}
{{- $certificates := .Values.webhook.certificates -}}
{{- if eq $certificates.mode "secret" -}}
{{- required "webhook.certificates.secretName is missing: in the mode secret it names the Secret that you provide, with tls.crt and tls.key" $certificates.secretName -}}
{{- else -}}
{{- include "taskgroup.webhook" . }}-certificate
{{- end }}
{{- end }}

{{/* Where the chart's test works: a namespace that is served and, as most are, reviewed. */}}
{{- define "taskgroup.testNamespace" -}}
{{- .Values.test.namespace | default .Values.watchNamespace | default "default" -}}
{{- end }}

{{/* An image by digest; takes the values of the part that it is of, and the part's name. */}}
{{- define "taskgroup.image" -}}
{{- $hint := "is missing; `make image` writes it to build/image/values.yaml, to be given with --values" -}}
{{- $repository := required (printf "%s.image.repository %s" .part $hint) .values.image.repository -}}
{{- $digest := required (printf "%s.image.digest %s" .part $hint) .values.image.digest -}}
{{- printf "%s@%s" $repository $digest -}}
{{- end }}

{{/* Where a part's pods run, and as whom; takes (list . PART). */}}
{{- define "taskgroup.podSettings" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
enableServiceLinks: false
terminationGracePeriodSeconds: 30
# The image's user is a number; a platform that assigns one may.
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.controller.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else if gt (int $values.replicas) 1 }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "taskgroup.selector" $ | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every container of ours is denied. */}}
{{- define "taskgroup.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Probes of the admin port. */}}
{{- define "taskgroup.probes" -}}
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{/* A file of rules or dashboards, with links to the pages where you have them; takes (list $ path). */}}
{{- define "taskgroup.monitoringFile" -}}
{{- $root := index . 0 -}}
{{- $root.Files.Get (index . 1) | replace "https://taskgroup.dev/docs" $root.Values.metrics.documentationUrl -}}
{{- end }}
