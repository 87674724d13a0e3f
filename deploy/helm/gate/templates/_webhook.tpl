{{- /* The configuration as `gate webhook render` prints it; tests/test_deploy.py compares the two. */ -}}
{{- define "gate.webhookConfiguration" -}}
{{- $name := include "gate.name" . -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: {{ $name }}
  labels:
    app.kubernetes.io/name: gate
{{- if eq .Values.webhook.certificates.mode "cert-manager" }}
  annotations:
    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ $name }}-webhook
{{- end }}
webhooks:
  - name: validate.{{ $name }}.internal
    {{- include "gate.oneWebhook" . | nindent 4 }}
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [pods, replicationcontrollers, podtemplates, pods/ephemeralcontainers, pods/resize]
        scope: Namespaced
      - apiGroups: [apps]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [deployments, replicasets, statefulsets, daemonsets]
        scope: Namespaced
      - apiGroups: [batch]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [jobs, cronjobs]
        scope: Namespaced
      {{- range .Values.webhook.extraRules }}
      - apiGroups: {{ toJson .apiGroups }}
        apiVersions: {{ toJson .apiVersions }}
        operations: {{ toJson .operations }}
        resources: {{ toJson .resources }}
        scope: Namespaced
      {{- end }}
    matchConditions:
      {{- include "gate.notMirror" . | nindent 6 }}
{{- if .Values.webhook.scale }}
  - name: scale.{{ $name }}.internal
    {{- include "gate.oneWebhook" . | nindent 4 }}
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [UPDATE]
        resources: [replicationcontrollers/scale]
        scope: Namespaced
      - apiGroups: [apps]
        apiVersions: [v1]
        operations: [UPDATE]
        resources: [deployments/scale, replicasets/scale, statefulsets/scale]
        scope: Namespaced
    matchConditions:
      {{- include "gate.notMirror" . | nindent 6 }}
{{- end }}
{{- if .Values.webhook.delete }}
  - name: delete.{{ $name }}.internal
    {{- include "gate.oneWebhook" . | nindent 4 }}
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [DELETE]
        resources: [pods, replicationcontrollers, podtemplates]
        scope: Namespaced
      - apiGroups: [apps]
        apiVersions: [v1]
        operations: [DELETE]
        resources: [deployments, replicasets, statefulsets, daemonsets]
        scope: Namespaced
      - apiGroups: [batch]
        apiVersions: [v1]
        operations: [DELETE]
        resources: [jobs, cronjobs]
        scope: Namespaced
    matchConditions:
      {{- include "gate.notMirror" . | nindent 6 }}
{{- end }}
{{- if .Values.webhook.connect }}
  - name: connect.{{ $name }}.internal
    {{- include "gate.oneWebhook" . | nindent 4 }}
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CONNECT]
        resources: [pods/exec, pods/attach]
        scope: Namespaced
    matchConditions:
      {{- include "gate.notMirror" . | nindent 6 }}
{{- end }}
{{- with .Values.webhook.clusterRules }}
  - name: cluster.{{ $name }}.internal
    {{- include "gate.oneWebhook" $ | nindent 4 }}
    rules:
      {{- range . }}
      - apiGroups: {{ toJson .apiGroups }}
        apiVersions: {{ toJson .apiVersions }}
        operations: {{ toJson .operations }}
        resources: {{ toJson .resources }}
        scope: Cluster
      {{- end }}
    matchConditions:
      - name: not-the-api-server
        expression: "request.userInfo.username != 'system:apiserver'"
{{- end }}
{{- end }}

{{- define "gate.oneWebhook" -}}
admissionReviewVersions: [v1]
clientConfig:
  service:
    name: {{ include "gate.name" . }}-webhook
    namespace: {{ .Release.Namespace }}
    path: /admission/validate
    port: 443
failurePolicy: {{ .Values.webhook.failurePolicy }}
matchPolicy: Equivalent
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ toJson (uniq (concat (list .Release.Namespace "kube-system" "kube-public" "kube-node-lease") .Values.webhook.excludedNamespaces)) }}
objectSelector: {}
sideEffects: NoneOnDryRun
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
{{- end }}

{{- define "gate.notMirror" -}}
- name: not-mirror-by-node
  expression: "!(request.userInfo.groups.exists(g, g == 'system:nodes') && object != null && has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)"
{{- end }}
