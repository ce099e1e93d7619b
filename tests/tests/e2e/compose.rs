// SPDX-License-Identifier: Apache-2.0

//! docker-compose.yml and the Dockerfile, checked without Docker: their versions are those that the tests use, their
//! flags exist, nothing is open to the network, and a real broker takes the settings.

use cx_timelines_tests::{block_on, program};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use sandbox::kafka::{self, Kafka, Options};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The image that the Dockerfile becomes.
const IMAGE: &str = "cx-timelines:local";

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compose() -> Value {
    serde_saphyr::from_str(&file("docker-compose.yml")).unwrap()
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|word| word.as_str().unwrap()).collect()
}

/// The broker's settings as the Kafka image makes them out of its environment: `KAFKA_A_B__C___D` is `a.b_c-d`.
fn properties(compose: &Value) -> BTreeMap<String, String> {
    let environment = compose["services"]["kafka"]["environment"].as_object().unwrap();
    environment
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("KAFKA_")?, value)))
        // These the image's scripts read themselves.
        .filter(|(name, _)| !["HEAP_OPTS", "OPTS", "JVM_PERFORMANCE_OPTS", "LOG4J_OPTS"].contains(name))
        .map(|(name, value)| {
            let name =
                name.replace("___", "-").replace("__", "\u{0}").replace('_', ".").replace('\u{0}', "_");
            (name.to_lowercase(), value.as_str().expect("quote numbers and booleans in the file").to_owned())
        })
        .collect()
}

/// `NAME://host:port,…` or `NAME:PROTOCOL,…`: the names.
fn listener_names(list: &str) -> BTreeSet<&str> {
    list.split(',').filter_map(|one| one.split(':').next()).collect()
}

#[test]
fn kafka_is_the_version_that_the_tests_run_against() {
    assert_eq!(compose()["services"]["kafka"]["image"], format!("apache/kafka:{}", kafka::VERSION));
}

#[test]
fn the_registry_is_the_one_that_the_tests_run_against() {
    let compose = compose();
    let registry = &compose["services"]["registry"];
    let version = sandbox::registry::VERSION;
    assert_eq!(registry["image"], format!("apicurio/apicurio-registry-mem:{version}"));
    let command = words(&compose["services"]["cx-timelines"]["command"]);
    let at = command.iter().position(|word| *word == "--schema-registry").unwrap();
    let port = registry["environment"]["HTTP_PORT"].as_str().unwrap();
    assert_eq!(command[at + 1], format!("http://registry:{port}{}", sandbox::registry::API));
    assert!(words(&registry["ports"]).iter().all(|published| published.ends_with(&format!(":{port}"))));
    let file = registry["environment"]["REGISTRY_DATASOURCE_URL"].as_str().unwrap();
    let volume = words(&registry["volumes"])[0].split_once(':').unwrap().1.to_owned();
    assert!(file.starts_with(&format!("jdbc:h2:file:{volume}/")), "{file} is not in {volume}");
}

#[test]
fn activemq_and_the_bridge_run_with_their_profile_only_and_fit_together() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let is_of_bridge = ["activemq", "bridge"].contains(&name.as_str());
        assert_eq!(words(&service["profiles"]), if is_of_bridge { &["bridge"][..] } else { &[] }, "{name}");
    }
    let activemq = &compose["services"]["activemq"];
    let version = sandbox::activemq::CLASSIC_VERSION;
    assert_eq!(activemq["image"], format!("apache/activemq-classic:{version}"));
    assert!(
        file("docs/how-to/bridge.md")
            .contains(&format!("Classic {version} and Artemis {}", sandbox::activemq::ARTEMIS_VERSION))
    );
    let bridge = &compose["services"]["bridge"];
    let command = words(&bridge["command"]);
    let value = |flag: &str| command[command.iter().position(|word| *word == flag).unwrap() + 1];
    let port = value("--activemq").strip_prefix("amqp://activemq:").unwrap();
    assert!(words(&activemq["ports"]).contains(&format!("127.0.0.1:{port}:{port}").as_str()));
    let port = value("--http").strip_prefix("0.0.0.0:").unwrap();
    assert_eq!(words(&bridge["ports"]), [format!("127.0.0.1:{port}:{port}")]);
    assert!(words(&bridge["healthcheck"]["test"]).iter().any(|word| word.contains(&format!("/{port} "))));
    assert_eq!(bridge["depends_on"]["topics"]["condition"], "service_completed_successfully");
}

#[test]
fn every_image_is_pinned_or_built_here() {
    let compose = compose();
    let built: Vec<_> = services(&compose).filter(|(_, service)| !service["build"].is_null()).collect();
    assert_eq!(built.len(), 1, "one service builds the image, the others use it");
    for (name, service) in services(&compose) {
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{name}: {image} has no version"));
        assert_ne!(tag, "latest", "{name}");
        if image == IMAGE {
            assert!(
                !service["build"].is_null() || service["pull_policy"] == "never",
                "{name} would be pulled"
            );
        } else {
            assert!(service["build"].is_null(), "{name}");
        }
    }
}

#[test]
fn everything_listens_on_loopback_only() {
    let compose = compose();
    let mut published = 0;
    for (name, service) in services(&compose) {
        for port in words(&service["ports"]) {
            assert!(
                port.starts_with("127.0.0.1:") && port.matches(':').count() == 2,
                "{name} publishes {port}"
            );
            published += 1;
        }
        assert!(service["network_mode"].is_null() && service["privileged"].is_null(), "{name}");
    }
    assert_eq!(
        published, 8,
        "the broker, the registry, the program's HTTP, Prometheus and Grafana; ActiveMQ twice, the bridge's HTTP"
    );
}

#[test]
fn program_and_monitoring_run_without_rights_that_they_do_not_need() {
    let compose = compose();
    let is_confined =
        |name: &str, service: &Value| service["image"] == IMAGE || ["prometheus", "grafana"].contains(&name);
    for (name, service) in services(&compose).filter(|(name, service)| is_confined(name, service)) {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["user"].is_null(), "{name}: the image says who");
    }
    let service = &compose["services"]["cx-timelines"];
    assert_eq!(
        words(&service["tmpfs"]),
        ["/tmp"],
        "what is written besides the state is gone with the container"
    );
    let dockerfile = file("Dockerfile");
    let last_stage = dockerfile.rsplit("\nFROM ").next().unwrap();
    let user = last_stage.lines().rev().find_map(|line| line.strip_prefix("USER ")).expect("no USER");
    let user: u32 = user.split(':').next().unwrap().parse().expect("a number, which needs no look-up");
    assert_ne!(user, 0);
}

#[test]
fn what_is_said_of_security_exists_in_the_program() {
    let answer = Command::new(program()).args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(answer.stdout).unwrap();
    for name in ["docker-compose.yml", "docs/security.md", "docs/reference/configuration.md"] {
        let text = file(name);
        let is_ours = |word: &&str| word.starts_with("CX_KAFKA_") || word.starts_with("--kafka-");
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).filter(is_ours);
        let words: BTreeSet<&str> = words.filter(|word| *word != "CX_KAFKA_LIBS").collect();
        assert!(words.len() > 2, "{name} says nothing of it");
        for word in words {
            assert!(help.contains(word), "{name} tells of {word}, which the program does not know");
        }
    }
}

#[test]
fn the_rust_of_the_dockerfile_is_the_rust_of_the_workspace() {
    let manifest = file("Cargo.toml");
    let wanted =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    let dockerfile = file("Dockerfile");
    let tag = dockerfile.lines().find_map(|line| line.strip_prefix("FROM rust:")).unwrap();
    assert_eq!(tag.split('-').next(), Some(wanted), "{tag}");
    assert!(
        tag.contains("bookworm") && dockerfile.contains("\nFROM debian:bookworm-slim\n"),
        "not the same C library"
    );
}

#[test]
fn what_the_dockerfile_copies_is_sent_to_the_builder_and_is_there() {
    let ignored = file(".dockerignore");
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for line in file("Dockerfile").lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let mut paths: Vec<&str> = line.split_whitespace().collect();
        if paths.first().is_some_and(|first| first.starts_with("--from=")) {
            continue;
        }
        paths.pop();
        for path in paths {
            assert!(kept.iter().any(|kept| kept.split('/').next() == Some(path)), "{path} is ignored");
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).exists(),
                "there is no {path}"
            );
        }
    }
}

#[test]
fn every_flag_in_the_file_exists_in_the_program() {
    let compose = compose();
    let mut checked = 0;
    for (name, service) in services(&compose).filter(|(_, service)| service["image"] == IMAGE) {
        let command = words(&service["command"]);
        let subcommand: Vec<&str> =
            command.iter().copied().take_while(|word| !word.starts_with('-')).collect();
        assert!(!subcommand.is_empty(), "{name}");
        let answer = Command::new(program()).args(&subcommand).arg("--help").output().unwrap();
        assert!(answer.status.success(), "{name}: {subcommand:?} --help: {}", answer.status);
        let help = String::from_utf8(answer.stdout).unwrap();
        let known: BTreeSet<&str> = help.split(|c: char| c.is_whitespace() || ",=[<".contains(c)).collect();
        for flag in command.iter().filter(|word| word.starts_with('-')) {
            assert!(known.contains(flag), "{name}: {subcommand:?} has no {flag}:\n{help}");
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} flags were found");
}

#[test]
fn the_addresses_in_the_file_fit_together() {
    let compose = compose();
    let set = properties(&compose);
    let inner =
        set["advertised.listeners"].split(',').find_map(|one| one.strip_prefix("INTERNAL://")).unwrap();
    let outer = set["advertised.listeners"].split(',').find_map(|one| one.strip_prefix("HOST://")).unwrap();
    assert!(words(&compose["services"]["kafka"]["ports"]).contains(&format!("{outer}:9092").as_str()));
    for (name, service) in services(&compose).filter(|(_, service)| service["image"] == IMAGE) {
        let command = words(&service["command"]);
        let at = command.iter().position(|word| *word == "--bootstrap").unwrap();
        assert_eq!(command[at + 1], inner, "{name}");
        assert_eq!(service["depends_on"]["kafka"]["condition"], "service_healthy", "{name}");
    }
    let program = &compose["services"]["cx-timelines"];
    let command = words(&program["command"]);
    let at = command.iter().position(|word| *word == "--http").unwrap();
    let port = command[at + 1].strip_prefix("0.0.0.0:").unwrap();
    assert_eq!(words(&program["ports"]), [format!("127.0.0.1:{port}:{port}")]);
    assert!(words(&program["healthcheck"]["test"]).iter().any(|word| word.contains(&format!("/{port} "))));
    assert_eq!(program["depends_on"]["topics"]["condition"], "service_completed_successfully");
}

#[test]
fn the_listeners_of_the_broker_name_each_other() {
    let set = properties(&compose());
    let listeners = listener_names(&set["listeners"]);
    assert_eq!(listener_names(&set["listener.security.protocol.map"]), listeners);
    let mut expected = listener_names(&set["advertised.listeners"]);
    assert!(expected.contains(set["inter.broker.listener.name"].as_str()));
    expected.insert(&set["controller.listener.names"]);
    assert_eq!(expected, listeners);
    let controller = set["listeners"].split(',').find(|one| one.starts_with("CONTROLLER:")).unwrap();
    let port = controller.rsplit(':').next().unwrap();
    assert_eq!(set["controller.quorum.voters"], format!("{}@kafka:{port}", set["node.id"]));
}

#[test]
fn a_real_broker_knows_and_takes_every_setting() {
    if let Err(missing) = kafka::available() {
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
        return;
    }
    let set = properties(&compose());
    // Where it listens and keeps its data is the sandbox's own; these must only be known by name.
    let places = ["listener", "controller.", "node.id", "log.dirs", "process.roles"];
    let is_place = |name: &str| places.iter().any(|place| name.contains(place));
    let extra_properties: Vec<_> = set
        .iter()
        .filter(|(name, _)| !is_place(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    assert!(extra_properties.len() >= 5, "{extra_properties:?}");
    let broker = Kafka::start(Options { extra_properties, ..Options::default() }, &mut |_| {}).unwrap();
    let known = describe(broker.bootstrap());
    for (name, value) in &set {
        let entry = known.get(name).unwrap_or_else(|| panic!("Kafka knows no setting {name}"));
        if !is_place(name) {
            assert_eq!(entry.value.as_ref(), Some(value), "{name}");
        }
    }
    broker.stop();
}

fn describe(bootstrap: &str) -> ConfigResource {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let broker = [ResourceSpecifier::Broker(1)];
    let mut answer = block_on(admin.describe_configs(&broker, &AdminOptions::new())).unwrap();
    answer.remove(0).unwrap()
}
