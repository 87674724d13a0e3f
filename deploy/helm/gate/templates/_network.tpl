{{- define "gate.dns" -}}
- to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: kube-system}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}
{{- define "gate.anywhere" -}}
- ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]} # never the metadata service of a cloud
{{- end }}
{{- define "gate.monitoring" -}}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ .Values.networkPolicy.monitoringNamespace }}}
{{- end }}
{{- define "gate.toDatabase" -}}
{{- if eq .Values.database.mode "postgresql" }}
- to:
    {{- with .Values.networkPolicy.database.cidr }}
    - ipBlock: {cidr: {{ . }}}
    {{- else }}
    {{- include "gate.anywhere" . | nindent 4 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: {{ .Values.networkPolicy.database.port }}}
{{- end }}
{{- with .Values.networkPolicy.egress }}
- to:
    {{- range . }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
{{- end }}
{{- end }}
{{- define "gate.toApiServer" -}}
- to:
    {{- with .Values.networkPolicy.apiServers }}
    {{- range . }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
    {{- else }}
    {{- include "gate.anywhere" . | nindent 4 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: 443}
    - {protocol: TCP, port: 6443}
{{- end }}
