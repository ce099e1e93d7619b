// SPDX-License-Identifier: Apache-2.0

//! Values that would not work are refused before anything is changed, with the place and the remedy.

use super::helm::refused;

#[test]
fn wrong_values_are_refused_with_their_place() {
    for (flags, place, problem) in [
        (&["--set", "kafka.password=geheim"][..], "/kafka", "'password' not allowed"),
        (&["--set", "replica=3"], "''", "'replica' not allowed"),
        (&["--set", "replicas=-1"], "/replicas", "minimum: got -1"),
        (&["--set", "kafka.bootstrap=kafka"], "/kafka/bootstrap", "does not match pattern"),
        (&["--set", "kafka.security=tls"], "/kafka/security", "'sasl_ssl'"),
        (&["--set", "kafka.properties.linger.ms=5"], "/kafka/properties/linger", "got object"),
        (&["--set", "membership=dynamic"], "/membership", "'static', 'classic', 'broker'"),
        (&["--set", "workers=0"], "/workers", "minimum: got 0"),
        (&["--set", "http.port=80"], "/http/port", "minimum: got 80"),
        (&["--set", "resources.limits.memory=1.5Gi"], "/resources/limits/memory", "does not match pattern"),
        (&["--set", "resources.limits.memory=null"], "/resources/limits", "memory"),
        (&["--set", "state.accessModes={ReadWriteMany}"], "/state/accessModes/0", "'ReadWriteOnce'"),
        (&["--set", "topicsJob.replication=0"], "/topicsJob/replication", "minimum: got 0, want 1"),
        (&["--set", "serviceMonitor.enabled=maybe"], "/serviceMonitor/enabled", "'auto'"),
        (&["--set", "serviceMonitor.job=pipeline"], "/serviceMonitor/job", "cx-timelines"),
        (&["--set", "podSecurityContext.runAsNonRoot=false"], "/podSecurityContext/runAsNonRoot", "true"),
        (&["--set", "podSecurityContext.runAsUser=0"], "/podSecurityContext/runAsUser", "minimum: got 0"),
        (
            &["--set", "securityContext.readOnlyRootFilesystem=false"],
            "/securityContext/readOnlyRootFilesystem",
            "true",
        ),
        (&["--set", "otlpEndpoint=collector:4318"], "/otlpEndpoint", "does not match pattern"),
    ] {
        let said = refused("minimal", flags);
        assert!(said.contains(place) && said.contains(problem), "{flags:?}: {said}");
        assert!(!said.contains("geheim"), "{flags:?}: {said}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_the_remedy() {
    for (values, flags, problem) in [
        ("minimal", &["--set", "kafka.bootstrap="][..], "kafka.bootstrap is empty: set it to the brokers"),
        (
            "minimal",
            &["--set", "kafka.user=ann"],
            "kafka.user has no password: set kafka.passwordSecret.name",
        ),
        (
            "minimal",
            &["--set", "kafka.passwordSecret.name=pw"],
            "kafka.passwordSecret has no user: set kafka.user",
        ),
        (
            "scram",
            &["--set", "kafka.tokenSecret.name=t"],
            "kafka.user and kafka.tokenSecret exclude each other",
        ),
        (
            "oauth",
            &["--set", "topicsJob.enabled=true"],
            "topics cannot be created with a token: set topicsJob.kafka.user",
        ),
        ("minimal", &["--set", "topicsJob.kafka.user=ann"], "set topicsJob.kafka.passwordSecret.name"),
        (
            "minimal",
            &["--set", "kafka.properties.sasl\\.password=geheim"],
            "kafka.properties.sasl.password is a secret: put it into a file of properties in a Secret",
        ),
        (
            "minimal",
            &["--set", "otlpEndpoint=http://ann:geheim@collector"],
            "otlpEndpoint holds a user or a password",
        ),
        (
            "minimal",
            &["--set", "schemaRegistry.url=http://ann:geheim@r"],
            "schemaRegistry.url holds a user or a password",
        ),
        ("minimal", &["--set", "standbys=2"], "so set fewer standbys than replicas"),
        (
            "minimal",
            &["--set", "resources.limits.memory=128Mi"],
            "with 1 workers it needs 104 MiB, so set a higher limit",
        ),
        ("minimal", &["--set", "workers=16"], "with 16 workers it needs 464 MiB, so set a higher limit"),
    ] {
        let said = refused(values, flags);
        assert!(said.contains(problem) && !said.contains("geheim"), "{values} {flags:?}: {said}");
    }
}
