{{- define "srdit.fullname" -}}
{{- if contains "srdit" .Release.Name -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- else -}}{{ printf "%s-srdit" .Release.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "srdit.selector" -}}
app.kubernetes.io/name: srdit-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "srdit.labels" -}}
{{ include "srdit.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: srdit
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "srdit.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ .Values.serviceAccount.name | default (include "srdit.fullname" .) }}{{- else -}}{{ required "Set serviceAccount.name to the account to use, or serviceAccount.create to true" .Values.serviceAccount.name }}{{- end -}}
{{- end }}

{{- /* A digest names the image by itself: a tag beside it would only seem to. */ -}}
{{- define "srdit.image" -}}
{{- $image := .image -}}
{{ $image.registry }}{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .version }}{{ end }}
{{- end }}

{{- /* What the operator does with objects of trainings and evaluations; each rule is justified in docs/security.md and tried by bench/operator/real.slow.test.ts. */ -}}
{{- define "srdit.rules" -}}
- apiGroups: [srdit.dev]
  resources: [srdittrainings, srditevaluations]
  verbs: [list, watch]
- apiGroups: [srdit.dev]
  resources: [srdittrainings/status, srditevaluations/status]
  verbs: [patch]
- apiGroups: [srdit.dev]
  resources: [srdittrainings/finalizers, srditevaluations/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch, list]
{{- end }}
