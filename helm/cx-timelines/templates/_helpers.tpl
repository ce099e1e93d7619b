{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "cx-timelines.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of all objects. 52 characters: the names of a StatefulSet's pods and their revision are longer. */}}
{{- define "cx-timelines.fullname" -}}
{{- $name := include "cx-timelines.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The pods of this release, of instances and of jobs. */}}
{{- define "cx-timelines.release" -}}
app.kubernetes.io/name: {{ include "cx-timelines.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The instances alone. */}}
{{- define "cx-timelines.selector" -}}
{{ include "cx-timelines.release" . }}
app.kubernetes.io/component: instance
{{- end -}}

{{- define "cx-timelines.labels" -}}
{{ include "cx-timelines.release" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "cx-timelines.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "cx-timelines.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "cx-timelines.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "cx-timelines.topics" -}}
{{- default (.Files.Get "files/topics.yaml") .Values.config -}}
{{- end -}}

{{/* Whether the API is served. */}}
{{- define "cx-timelines.api" -}}
{{- if or .Values.http.tokenSecret.name .Values.http.open }}yes{{ end -}}
{{- end -}}

{{- define "cx-timelines.scheme" -}}
{{- if .Values.http.tlsSecret.name }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* resources.limits.memory in MiB. */}}
{{- define "cx-timelines.limitMiB" -}}
{{- $limit := .Values.resources.limits.memory -}}
{{- if hasSuffix "Gi" $limit -}}
{{- mul (trimSuffix "Gi" $limit | int) 1024 -}}
{{- else -}}
{{- trimSuffix "Mi" $limit | int -}}
{{- end -}}
{{- end -}}

{{/* --memory in MiB. */}}
{{- define "cx-timelines.memoryMiB" -}}
{{- div (mul (include "cx-timelines.limitMiB" . | int) (.Values.memoryPercent | int)) 100 -}}
{{- end -}}

{{/* Whether objects of this kind are rendered: the values say so, or the cluster knows them. */}}
{{- define "cx-timelines.monitored" -}}
{{- $has := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) -}}
{{- if or (eq (toString .enabled) "true") (and (eq (toString .enabled) "auto") $has) }}yes{{ end -}}
{{- end -}}

{{/* The port of a URL. */}}
{{- define "cx-timelines.port" -}}
{{- $host := (urlParse .).host -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- default (ternary "443" "80" (hasPrefix "https:" .)) $port -}}
{{- end -}}

{{/* `kafka` for the Job that creates topics: that of topicsJob before that of the instances. A user replaces a token. */}}
{{- define "cx-timelines.topicsKafka" -}}
{{- $own := .Values.topicsJob.kafka -}}
{{- $kafka := mergeOverwrite (deepCopy .Values.kafka) (deepCopy $own) -}}
{{- if $own.user -}}
{{- $_ := set $kafka "tokenSecret" (dict "name" "") -}}
{{- $_ := set $kafka "sasl" (default "" $own.sasl) -}}
{{- $_ := set $kafka "passwordSecret" (merge (deepCopy (default dict $own.passwordSecret)) (dict "name" "" "key" "password")) -}}
{{- end -}}
{{- toYaml $kafka -}}
{{- end -}}

{{/* Values that contradict each other. */}}
{{- define "cx-timelines.check" -}}
{{- $kafka := .Values.kafka -}}
{{- if not $kafka.bootstrap -}}
{{- fail "kafka.bootstrap is empty: set it to the brokers, as kafka-1:9093,kafka-2:9093" -}}
{{- end -}}
{{- if and $kafka.user (not $kafka.passwordSecret.name) (not $kafka.propertiesSecret.name) -}}
{{- fail "kafka.user has no password: set kafka.passwordSecret.name to the Secret with it" -}}
{{- end -}}
{{- if and $kafka.passwordSecret.name (not $kafka.user) -}}
{{- fail "kafka.passwordSecret has no user: set kafka.user" -}}
{{- end -}}
{{- if and $kafka.user $kafka.tokenSecret.name -}}
{{- fail "kafka.user and kafka.tokenSecret exclude each other: remove one of them" -}}
{{- end -}}
{{- if and .Values.topicsJob.enabled $kafka.tokenSecret.name (not .Values.topicsJob.kafka.user) -}}
{{- fail "topicsJob cannot use kafka.tokenSecret, since topics cannot be created with a token: set topicsJob.kafka.user and topicsJob.kafka.passwordSecret" -}}
{{- end -}}
{{- if and .Values.topicsJob.kafka.user (not (.Values.topicsJob.kafka.passwordSecret).name) -}}
{{- fail "topicsJob.kafka.user has no password: set topicsJob.kafka.passwordSecret.name to the Secret with it" -}}
{{- end -}}
{{- range $key, $_ := $kafka.properties -}}
{{- if regexMatch "password|secret|key\\.pem|oauthbearer\\.config" $key -}}
{{- fail (printf "kafka.properties.%s is a secret: put it into a file of properties in a Secret, and name that in kafka.propertiesSecret" $key) -}}
{{- end -}}
{{- end -}}
{{- range $place, $url := dict "schemaRegistry.url" .Values.schemaRegistry.url "otlpEndpoint" .Values.otlpEndpoint -}}
{{- if contains "@" $url -}}
{{- fail (printf "%s holds a user or a password: remove it, and name a Secret" $place) -}}
{{- end -}}
{{- end -}}
{{- if ge (.Values.standbys | int) (.Values.replicas | int | max 1) -}}
{{- if gt (.Values.standbys | int) 0 -}}
{{- fail (printf "standbys is %d, and there are %d replicas: a copy is on another instance, so set fewer standbys than replicas" (.Values.standbys | int) (.Values.replicas | int)) -}}
{{- end -}}
{{- end -}}
{{- $memory := include "cx-timelines.memoryMiB" . | int -}}
{{- $least := add 104 (mul 24 (sub (.Values.workers | int) 1)) | int -}}
{{- if lt $memory $least -}}
{{- fail (printf "resources.limits.memory is %s, of which memoryPercent gives the program %d MiB: with %d workers it needs %d MiB, so set a higher limit" .Values.resources.limits.memory $memory (.Values.workers | int) $least) -}}
{{- end -}}
{{- end -}}
