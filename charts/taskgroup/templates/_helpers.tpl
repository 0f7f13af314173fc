{{/* The name of every namespaced object: the release's, cut to leave room for suffixes. */}}
{{- define "taskgroup.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* The name of cluster-wide objects: two releases may have one name in two namespaces. */}}
{{- define "taskgroup.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "taskgroup.name" .) -}}
{{- end }}

{{- define "taskgroup.selector" -}}
app.kubernetes.io/name: taskgroup
app.kubernetes.io/instance: {{ include "taskgroup.name" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "taskgroup.labels" -}}
{{ include "taskgroup.selector" . }}
app.kubernetes.io/part-of: taskgroup
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "taskgroup.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "taskgroup.name" .) -}}
{{- end }}

{{/* An image by digest; takes the values of the part that it is of, and the part's name. */}}
{{- define "taskgroup.image" -}}
{{- $hint := "is missing; `make image` writes it to build/image/values.yaml, to be given with --values" -}}
{{- $repository := required (printf "%s.image.repository %s" .part $hint) .values.image.repository -}}
{{- $digest := required (printf "%s.image.digest %s" .part $hint) .values.image.digest -}}
{{- printf "%s@%s" $repository $digest -}}
{{- end }}
