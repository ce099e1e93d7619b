// SPDX-License-Identifier: Apache-2.0

//! The rendered chart: valid for Kubernetes, consistent in itself, and about this program.

use std::collections::BTreeSet;
use std::process::Command;

use cx_timelines_tests::{program, run_to_end};
use serde_json::{Value, json};

use super::helm::{VALUES, file, helm, kubeconform, objects, rendered, valid};
use super::objects::{container, environment, of_kind, one, pods, selects, variable, words};

#[test]
fn helm_finds_nothing_to_say_about_the_chart() {
    for values in VALUES {
        let output = helm(&["lint", "--strict"], values, &[]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("0 chart(s) failed"), "{values}: {said}");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{values}: {said}");
    }
}

#[test]
fn every_object_is_valid_in_strict_mode() {
    for values in VALUES {
        let kubernetes = objects(values, &[]).len() as u64;
        assert_eq!(valid(&rendered(values, &[])), kubernetes, "{values}");
        assert!(kubernetes >= 6, "{values}: {kubernetes}");
    }
    // The check can fail, for kinds of Kubernetes and for custom resources.
    let all = rendered("scram", &[]);
    for (right, wrong) in [
        ("serviceName:", "servicename:"),
        ("maxUnavailable: 1", "maxUnavailable: [1]"),
        ("    - port: http\n      path: /metrics", "    - port: http\n      paths: /metrics"),
        ("      expr: up{job", "      expression: up{job"),
    ] {
        assert!(all.contains(right), "{right}");
        let (is_valid, said) = kubeconform(&all.replacen(right, wrong, 1));
        assert!(!is_valid && said.contains("\"invalid\": 1"), "{wrong}: {said}");
    }
}

#[test]
fn monitoring_is_there_where_the_cluster_knows_its_kinds() {
    let kinds = |flags: &[&str]| {
        let objects = objects("minimal", flags);
        ["ServiceMonitor", "PrometheusRule"].map(|kind| of_kind(&objects, kind).len())
    };
    let known = ["ServiceMonitor", "PrometheusRule"].map(|kind| format!("monitoring.coreos.com/v1/{kind}"));
    let [monitor, rule] = &known;
    assert_eq!(kinds(&[]), [0, 0]);
    assert_eq!(kinds(&["--api-versions", monitor, "--api-versions", rule]), [1, 1]);
    assert_eq!(kinds(&["--set", "serviceMonitor.enabled=true"]), [1, 0]);
    let off = ["--api-versions", monitor, "--api-versions", rule, "--set", "prometheusRule.enabled=false"];
    assert_eq!(kinds(&off), [1, 0]);
}

#[test]
fn selectors_find_what_they_are_for() {
    for values in VALUES {
        let objects =
            objects(values, &["--set", "serviceMonitor.enabled=true", "--set", "topicsJob.enabled=false"]);
        let set = of_kind(&objects, "StatefulSet")[0];
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        assert!(selects(&set["spec"]["selector"]["matchLabels"], labels), "{values}");
        let services = of_kind(&objects, "Service");
        assert!(services.iter().all(|service| selects(&service["spec"]["selector"], labels)), "{values}");
        let headless: Vec<_> = services.iter().filter(|one| one["spec"]["clusterIP"] == "None").collect();
        assert_eq!(headless.len(), 1, "{values}");
        assert_eq!(headless[0]["metadata"]["name"], set["spec"]["serviceName"], "{values}");
        let monitor = &of_kind(&objects, "ServiceMonitor")[0]["spec"]["selector"]["matchLabels"];
        let scraped = services.iter().filter(|service| selects(monitor, &service["metadata"]["labels"]));
        assert_eq!(scraped.count(), 1, "{values}: each instance is scraped once");
        for kind in ["PodDisruptionBudget", "NetworkPolicy"] {
            for object in of_kind(&objects, kind) {
                let spec = &object["spec"];
                let selector = if kind == "NetworkPolicy" { &spec["podSelector"] } else { &spec["selector"] };
                assert!(selects(&selector["matchLabels"], labels), "{values}: {kind}");
            }
        }
        // The other pods are no instances.
        for pod in pods(&objects).iter().filter(|pod| pod["metadata"]["labels"] != *labels) {
            assert!(
                !selects(&set["spec"]["selector"]["matchLabels"], &pod["metadata"]["labels"]),
                "{values}"
            );
        }
    }
}

#[test]
fn every_flag_and_variable_exists_in_the_program() {
    let credentials = file("processors/app/src/formats/credentials.rs");
    let mut seen = BTreeSet::new();
    for values in VALUES {
        for pod in pods(&objects(values, &["--set", "topicsJob.replication=2"])) {
            let container = container(pod);
            let arguments = words(&container["args"]);
            let command: Vec<&str> =
                arguments.iter().copied().take_while(|word| !word.starts_with('-')).collect();
            let answer = Command::new(program()).args(&command).arg("--help").output().unwrap();
            assert!(answer.status.success() && !command.is_empty(), "{command:?}");
            let help = String::from_utf8(answer.stdout).unwrap();
            let known: BTreeSet<&str> =
                help.split(|c: char| c.is_whitespace() || ",=[]<".contains(c)).collect();
            for flag in arguments.iter().filter(|word| word.starts_with('-')) {
                assert!(known.contains(flag), "{values}: {command:?} has no {flag}");
                seen.insert((*flag).to_owned());
            }
            let ours = |name: &&str| name.starts_with("CX_") || name.starts_with("OTEL_");
            for name in environment(container).into_iter().map(|(name, _)| name).filter(ours) {
                let is_known = known.contains(name) || credentials.contains(&format!("\"{name}\""));
                assert!(is_known, "{values}: {command:?} has no {name}");
                seen.insert(name.to_owned());
            }
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
}

#[test]
fn no_secret_is_in_plain_text() {
    for values in VALUES {
        let objects = objects(values, &[]);
        assert!(of_kind(&objects, "Secret").is_empty(), "{values}: Secrets exist already");
        for pod in pods(&objects) {
            let container = container(pod);
            for (name, entry) in environment(container) {
                let is_secret = ["PASSWORD", "TOKEN", "KEY"].iter().any(|word| name.contains(word));
                let is_file = || {
                    let value = entry["value"].as_str();
                    value.is_some_and(|path| path.starts_with("/run/secrets/cx-timelines/"))
                };
                assert!(
                    !is_secret || is_file() || entry["valueFrom"]["secretKeyRef"].is_object(),
                    "{values}: {entry}"
                );
            }
            // Every file that the environment names is one that is mounted.
            let mounted =
                pod["spec"]["volumes"].as_array().unwrap().iter().find(|one| one["name"] == "secrets");
            let sources = mounted.map_or(&Value::Null, |volume| &volume["projected"]["sources"]);
            let items = sources
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|one| one["secret"]["items"].as_array().unwrap());
            let files: BTreeSet<String> = items
                .map(|item| format!("/run/secrets/cx-timelines/{}", item["path"].as_str().unwrap()))
                .collect();
            let named = environment(container).into_iter().filter_map(|(_, entry)| entry["value"].as_str());
            let named: BTreeSet<String> =
                named.filter(|value| value.starts_with("/run/secrets/")).map(str::to_owned).collect();
            assert_eq!(named, files, "{values}");
        }
    }
}

#[test]
fn pods_have_no_rights_that_they_do_not_need() {
    for values in VALUES {
        for pod in pods(&objects(values, &["--set", "topicsJob.replication=2"])) {
            let spec = &pod["spec"];
            assert_eq!(spec["automountServiceAccountToken"], false, "{values}");
            assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{values}");
            assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{values}");
            let context = &container(pod)["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], true, "{values}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{values}");
            assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}), "{values}");
            assert!(container(pod)["resources"]["limits"]["memory"].is_string(), "{values}");
            assert!(container(pod)["resources"]["limits"]["cpu"].is_null(), "{values}");
        }
    }
}

#[test]
fn the_program_s_memory_follows_from_the_container_s() {
    for (flags, expected) in [
        (&[][..], "307MiB"),
        (&["--set", "resources.limits.memory=2Gi"][..], "1228MiB"),
        (&["--set", "resources.limits.memory=1000Mi", "--set", "memoryPercent=50"][..], "500MiB"),
    ] {
        let objects = objects("minimal", flags);
        let container = container(&one(&objects, "StatefulSet", "cx-cx-timelines")["spec"]["template"]);
        assert_eq!(variable(container, "CX_MEMORY"), Some(expected), "{flags:?}");
    }
}

#[test]
fn the_network_policy_lets_out_what_the_program_connects_to() {
    let ports = |values: &str, rule: usize| {
        let objects = objects(values, &[]);
        let policy = of_kind(&objects, "NetworkPolicy")[0];
        let ports = policy["spec"]["egress"][rule]["ports"].as_array().unwrap();
        ports.iter().map(|one| one["port"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ports("scram", 1), [9093, 9094]);
    assert_eq!(ports("everything", 1), [9093, 9096, 9097]);
    assert_eq!(ports("oauth", 1), [443]);
    assert_eq!(ports("oauth", 2), [4318, 443], "the collector and the registry");
    assert_eq!(ports("everything", 2), [8081]);
    assert_eq!(ports("minimal", 0), [53, 53]);
}

#[test]
fn topics_yaml_is_read_by_the_program_and_a_change_restarts_the_pods() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.yaml");
    // With what a template would take for its own.
    let text = file("topics.yaml").replace("windows: [15m]", "windows: [15m, 1h] # {{ .Values.group }}");
    std::fs::write(&own, &text).unwrap();
    let set = format!("config={}", own.display());
    let render = |flags: &[&str]| {
        let objects = objects("minimal", flags);
        let config =
            one(&objects, "ConfigMap", "cx-cx-timelines")["data"]["topics.yaml"].as_str().unwrap().to_owned();
        let set = one(&objects, "StatefulSet", "cx-cx-timelines");
        let sum = set["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            .as_str()
            .unwrap()
            .to_owned();
        (config, sum)
    };
    let (standard, changed) = (render(&[]), render(&["--set-file", &set]));
    assert_eq!(standard.0.trim_end(), file("topics.yaml").trim_end());
    assert_eq!(changed.0.trim_end(), text.trim_end());
    assert_ne!(standard.1, changed.1);
    let accepts = |text: &str| {
        let path = folder.path().join("rendered.yaml");
        std::fs::write(&path, text).unwrap();
        let config = ["--config", path.to_str().unwrap()];
        run_to_end(&[&["acls", "run", "--principal", "User:cx"][..], &config].concat(), b"").status.code()
    };
    assert_eq!((accepts(&standard.0), accepts(&changed.0)), (Some(0), Some(0)));
    assert_eq!(accepts(&standard.0.replace("role: output", "role: outputs")), Some(2));
}

#[test]
fn the_job_that_creates_topics_has_its_own_principal() {
    let job = |values: &str, flags: &[&str]| {
        let all = [&["--set", "topicsJob.enabled=true"][..], flags].concat();
        let job = of_kind(&objects(values, &all), "Job")[0].clone();
        let pod = &job["spec"]["template"];
        let variables = ["CX_KAFKA_USER", "CX_KAFKA_SASL", "CX_KAFKA_TOKEN_FILE", "CX_KAFKA_CA"]
            .map(|name| variable(container(pod), name).map(str::to_owned));
        (variables, pod["spec"]["volumes"].to_string())
    };
    let own = ["--set", "topicsJob.kafka.user=deployer", "--set", "topicsJob.kafka.passwordSecret.name=pw"];
    let (variables, volumes) = job("oauth", &own);
    assert_eq!(
        variables,
        [Some("deployer".to_owned()), None, None, None],
        "no token: topics cannot be created with it"
    );
    let password = r#"{"secret":{"items":[{"key":"password","path":"kafka-password"}],"name":"pw"}}"#;
    assert!(volumes.contains(password) && !volumes.contains("kafka-token"), "{volumes}");
    let (variables, volumes) = job("scram", &[]);
    let ca = Some("/run/secrets/cx-timelines/kafka-ca.pem".to_owned());
    assert_eq!(variables, [Some("deployer".to_owned()), None, None, ca]);
    assert!(volumes.contains(r#""name":"deployer-kafka""#) && volumes.contains(r#""key":"pw""#), "{volumes}");
    let (variables, volumes) = job("everything", &[]);
    assert_eq!(variables[0].as_deref(), Some("cx"), "without one of its own that of the instances");
    assert!(volumes.contains(r#"[{"key":"secret","path":"kafka-password"}],"name":"kafka""#), "{volumes}");
}

#[test]
fn properties_are_written_as_they_are() {
    let objects =
        objects("oauth", &["--set-json", r#"kafka.properties.receive\.message\.max\.bytes=100000000"#]);
    let arguments =
        words(&container(&of_kind(&objects, "StatefulSet")[0]["spec"]["template"])["args"]).join(" ");
    for property in ["linger.ms=5", "socket.keepalive.enable=true", "receive.message.max.bytes=100000000"] {
        assert!(arguments.contains(&format!("--kafka {property}")), "{arguments}");
    }
    assert!(!arguments.contains("session.timeout.ms"), "the brokers decide with this protocol: {arguments}");
}
