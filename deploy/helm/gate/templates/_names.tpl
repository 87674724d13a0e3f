{{- define "gate.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- define "gate.labels" -}}
app.kubernetes.io/name: gate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: gate
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "gate.selector" -}}
app.kubernetes.io/name: gate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "gate.image" -}}
{{- if not .Values.image.digest }}{{ fail "image.digest is empty: name the image by sha256 digest, for a tag is what somebody pushed last" }}{{ end -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- end }}

{{- define "gate.checked" -}}
{{- if and (eq .Values.database.mode "sqlite") (gt (int .Values.api.replicas) 1) }}{{ fail "database.mode sqlite is for one process: set api.replicas to 1, or take postgresql" }}{{ end -}}
{{- if and (eq .Values.database.mode "sqlite") .Values.api.autoscaling.enabled }}{{ fail "database.mode sqlite is for one process: switch api.autoscaling off, or take postgresql" }}{{ end -}}
{{- if and .Values.webhook.clientCASecret (not .Values.webhook.enabled) }}{{ fail "webhook.clientCASecret without webhook.enabled" }}{{ end -}}
{{- end }}

{{- /* What every Pod has: nothing but its own files, and no right to anything. */ -}}
{{- define "gate.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gate.container" -}}
securityContext:
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "gate.resources" -}}
resources:
  requests: {cpu: {{ .cpu }}, memory: {{ .memory }}, ephemeral-storage: 64Mi}
  limits: {memory: {{ .memoryLimit }}, ephemeral-storage: 1Gi}
{{- end }}

{{- define "gate.small" -}}
resources:
  requests: {cpu: 20m, memory: 128Mi, ephemeral-storage: 16Mi}
  limits: {memory: 256Mi, ephemeral-storage: 64Mi}
{{- end }}

{{- define "gate.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: DoNotSchedule
    labelSelector:
      matchLabels:
        {{- include "gate.selector" . | nindent 8 }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "gate.selector" . | nindent 8 }}
{{- end }}

{{- define "gate.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 2
livenessProbe:
  httpGet: {path: /livez, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 6
{{- end }}
