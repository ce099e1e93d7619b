{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Environment of every command: where Kafka is, and with which files. `root` is the chart's scope, `kafka` the values. */}}
{{- define "cx-timelines.env" -}}
{{- $kafka := .kafka -}}
{{- $secrets := "/run/secrets/cx-timelines" -}}
- name: CX_BOOTSTRAP
  value: {{ $kafka.bootstrap | quote }}
- name: CX_CONFIG
  value: /etc/cx-timelines/config/topics.yaml
- name: CX_GROUP
  value: {{ .root.Values.group | quote }}
- name: CX_LOG_FORMAT
  value: {{ .root.Values.log.format }}
{{- with $kafka.security }}
- name: CX_KAFKA_SECURITY
  value: {{ . }}
{{- end }}
{{- with $kafka.sasl }}
- name: CX_KAFKA_SASL
  value: {{ . }}
{{- end }}
{{- with $kafka.user }}
- name: CX_KAFKA_USER
  value: {{ . | quote }}
{{- end }}
{{- if $kafka.passwordSecret.name }}
- name: CX_KAFKA_PASSWORD_FILE
  value: {{ $secrets }}/kafka-password
{{- end }}
{{- if $kafka.caSecret.name }}
- name: CX_KAFKA_CA
  value: {{ $secrets }}/kafka-ca.pem
{{- end }}
{{- if $kafka.certSecret.name }}
- name: CX_KAFKA_CERT
  value: {{ $secrets }}/kafka-cert.pem
- name: CX_KAFKA_KEY
  value: {{ $secrets }}/kafka-key.pem
{{- if $kafka.certSecret.keyPasswordKey }}
- name: CX_KAFKA_KEY_PASSWORD_FILE
  value: {{ $secrets }}/kafka-key-password
{{- end }}
{{- end }}
{{- if $kafka.tokenSecret.name }}
- name: CX_KAFKA_TOKEN_FILE
  value: {{ $secrets }}/kafka-token
{{- end }}
{{- if $kafka.propertiesSecret.name }}
- name: CX_KAFKA_PROPERTIES
  value: {{ $secrets }}/kafka.properties
{{- end }}
{{- with .root.Values.schemaRegistry.url }}
- name: CX_SCHEMA_REGISTRY
  value: {{ . | quote }}
{{- end }}
{{- with .root.Values.schemaRegistry.credentialsSecret }}
{{- if and .name .tokenKey }}
- name: CX_SCHEMA_REGISTRY_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .tokenKey | quote }}}}
{{- else if .name }}
- name: CX_SCHEMA_REGISTRY_USER
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .userKey | quote }}}}
- name: CX_SCHEMA_REGISTRY_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .passwordKey | quote }}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Environment of `run` and `doctor` besides. */}}
{{- define "cx-timelines.runEnv" -}}
- name: CX_HTTP
  value: {{ printf "%s:%d" .Values.http.bind (.Values.http.port | int) | quote }}
{{- if include "cx-timelines.api" . }}
- name: CX_ADVERTISE
  value: "{{ include "cx-timelines.scheme" . }}://$(POD).{{ include "cx-timelines.fullname" . }}-instances.{{ .Release.Namespace }}.svc:{{ .Values.http.port | int }}"
{{- else }}
- name: CX_NO_API
  value: "true"
{{- end }}
{{- if .Values.http.tokenSecret.name }}
- name: CX_HTTP_TOKEN_FILE
  value: /run/secrets/cx-timelines/http-token
{{- else if .Values.http.open }}
- name: CX_HTTP_OPEN
  value: "true"
{{- end }}
{{- if .Values.http.showText }}
- name: CX_SHOW_TEXT
  value: "true"
{{- end }}
{{- if .Values.http.tlsSecret.name }}
- name: CX_HTTP_TLS_CERT
  value: /run/secrets/cx-timelines/http-cert.pem
- name: CX_HTTP_TLS_KEY
  value: /run/secrets/cx-timelines/http-key.pem
{{- end }}
- name: CX_MEMBERSHIP
  value: {{ .Values.membership }}
- name: CX_MEMORY
  value: {{ include "cx-timelines.memoryMiB" . }}MiB
- name: CX_WORKERS
  value: {{ .Values.workers | int | quote }}
{{- if .Values.standbys }}
- name: CX_STANDBYS
  value: {{ .Values.standbys | int | quote }}
{{- end }}
{{- with .Values.processors }}
- name: CX_PROCESSORS
  value: {{ join "," . | quote }}
{{- end }}
{{- if not .Values.createTopics }}
- name: CX_NO_CREATE_TOPICS
  value: "true"
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Properties of the Kafka client, as arguments of a command; librdkafka's names are no environment variables. */}}
{{- define "cx-timelines.properties" -}}
{{- range $key, $value := . }}
{{- /* A number of a values file is a float, which would be written with an exponent. */}}
{{- if kindIs "float64" $value }}{{ if eq $value (floor $value) }}{{ $value = int64 $value }}{{ end }}{{ end }}
- --kafka
- {{ printf "%s=%v" $key $value | quote }}
{{- end }}
{{- end -}}

{{/* Files of Secrets in one volume, so that a changed Secret reaches the running program. `http` adds those of the server. */}}
{{- define "cx-timelines.secretSources" -}}
{{- $kafka := .kafka -}}
{{- with $kafka.passwordSecret }}{{ if .name }}
- secret: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: kafka-password}]}
{{- end }}{{ end }}
{{- with $kafka.caSecret }}{{ if .name }}
- secret: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: kafka-ca.pem}]}
{{- end }}{{ end }}
{{- with $kafka.certSecret }}{{ if .name }}
- secret:
    name: {{ .name | quote }}
    items:
      - {key: {{ .certKey | quote }}, path: kafka-cert.pem}
      - {key: {{ .keyKey | quote }}, path: kafka-key.pem}
      {{- with .keyPasswordKey }}
      - {key: {{ . | quote }}, path: kafka-key-password}
      {{- end }}
{{- end }}{{ end }}
{{- with $kafka.tokenSecret }}{{ if .name }}
- secret: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: kafka-token}]}
{{- end }}{{ end }}
{{- with $kafka.propertiesSecret }}{{ if .name }}
- secret: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: kafka.properties}]}
{{- end }}{{ end }}
{{- if .http }}
{{- with .http.tokenSecret }}{{ if .name }}
- secret: {name: {{ .name | quote }}, items: [{key: {{ .key | quote }}, path: http-token}]}
{{- end }}{{ end }}
{{- with .http.tlsSecret }}{{ if .name }}
- secret:
    name: {{ .name | quote }}
    items:
      - {key: {{ .certKey | quote }}, path: http-cert.pem}
      - {key: {{ .keyKey | quote }}, path: http-key.pem}
{{- end }}{{ end }}
{{- end }}
{{- end -}}

{{/* The volumes of every pod: topics.yaml, secrets, and /tmp. `config` is the ConfigMap's name. */}}
{{- define "cx-timelines.volumes" -}}
- name: config
  configMap: {name: {{ .config | quote }}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with include "cx-timelines.secretSources" . }}
- name: secrets
  projected:
    # Readable for the group of podSecurityContext.fsGroup.
    defaultMode: 0440
    sources: {{- . | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "cx-timelines.mounts" -}}
- {name: config, mountPath: /etc/cx-timelines/config, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if include "cx-timelines.secretSources" . }}
- {name: secrets, mountPath: /run/secrets/cx-timelines, readOnly: true}
{{- end }}
{{- end -}}
