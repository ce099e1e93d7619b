{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Where pods run. By default two instances prefer different nodes, and all spread over zones: a node that fails takes few. */}}
{{- define "cx-timelines.placement" -}}
affinity:
  {{- if .Values.affinity }}
  {{- toYaml .Values.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "cx-timelines.selector" . | nindent 14 }}
  {{- end }}
topologySpreadConstraints:
  {{- if .Values.topologySpreadConstraints }}
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "cx-timelines.selector" . | nindent 8 }}
  {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A probe: the scope, the path below /health, the values. */}}
{{- define "cx-timelines.probe" -}}
{{- $root := index . 0 -}}
httpGet:
  path: /health/{{ index . 1 }}
  port: http
  scheme: {{ include "cx-timelines.scheme" $root | upper }}
{{ toYaml (index . 2) }}
{{- end -}}
