// SPDX-License-Identifier: Apache-2.0

//! What the chart starts, started here: the same arguments and environment, with paths of this machine.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::{Program, http, wait_until};
use sandbox::kafka::{Kafka, Options};
use serde_json::Value;

use super::helm::objects;
use super::objects::{container, environment, one, words};

const TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-token-of-the-tests";

/// The environment of a container: its own, with the folders of this test in the places of its volumes.
fn environment_here(container: &Value, folder: &Path) -> Vec<(String, String)> {
    let here = |value: &str| {
        let mounts =
            ["/etc/cx-timelines/config", "/run/secrets/cx-timelines", "/var/lib/cx-timelines", "/tmp/state"];
        let mount = mounts.iter().find(|mount| value.starts_with(**mount));
        mount.map_or(value.to_owned(), |mount| {
            let name = mount.rsplit('/').next().unwrap();
            let place = match *mount {
                "/etc/cx-timelines/config" => "config",
                "/run/secrets/cx-timelines" => "secrets",
                _ => name,
            };
            format!("{}{}", folder.join(place).display(), &value[mount.len()..])
        })
    };
    let pod = "cx-cx-timelines-0";
    environment(container)
        .into_iter()
        .map(|(name, entry)| match entry["value"].as_str() {
            Some(value) => (name.to_owned(), here(value).replace("$(POD)", pod)),
            None => {
                assert_eq!(entry["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name", "{entry}");
                (name.to_owned(), pod.to_owned())
            }
        })
        .collect()
}

fn start(container: &Value, folder: &Path, log: &str) -> Program {
    Program::start_with(&words(&container["args"]), &environment_here(container, folder), folder.join(log))
}

#[test]
fn what_the_chart_starts_creates_topics_becomes_ready_and_finds_itself_in_order() {
    let kafka = Kafka::start(Options::default(), &mut |_| {}).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (bootstrap, port) = (format!("kafka.bootstrap={}", kafka.bootstrap()), format!("http.port={free}"));
    let flags = [
        "--set",
        &bootstrap,
        "--set",
        &port,
        "--set",
        "http.bind=127.0.0.1",
        "--set",
        "http.tokenSecret.name=http",
        "--set",
        "topicsJob.enabled=true",
        "--set",
        "topicsJob.replication=1",
    ];
    let objects = objects("minimal", &flags);
    let folder = tempfile::tempdir().unwrap();
    for (place, name, text) in [
        (
            "config",
            "topics.yaml",
            one(&objects, "ConfigMap", "cx-cx-timelines")["data"]["topics.yaml"].as_str().unwrap(),
        ),
        ("secrets", "http-token", TOKEN),
    ] {
        std::fs::create_dir(folder.path().join(place)).unwrap();
        std::fs::write(folder.path().join(place).join(name), text).unwrap();
    }

    let job = container(&one(&objects, "Job", "cx-cx-timelines-topics")["spec"]["template"]);
    assert_eq!(start(job, folder.path(), "topics.log").wait_for_end(TIMEOUT), Some(0));

    let set = container(&one(&objects, "StatefulSet", "cx-cx-timelines")["spec"]["template"]);
    let mut instance = start(set, folder.path(), "run.log");
    let address = SocketAddr::from((
        [127, 0, 0, 1],
        u16::try_from(set["ports"][0]["containerPort"].as_u64().unwrap()).unwrap(),
    ));
    assert_eq!(instance.http_address(), address);
    let status = |probe: &str| {
        let get = &set[probe]["httpGet"];
        assert_eq!((&get["port"], &get["scheme"]), (&"http".into(), &"HTTP".into()), "{probe}");
        http::get(address, get["path"].as_str().unwrap(), "").status
    };
    assert_eq!((status("startupProbe"), status("livenessProbe")), (200, 200));
    wait_until("the instance is ready", TIMEOUT, || (status("readinessProbe") == 200).then_some(()));

    // The live page's API: with the token of the Secret only.
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let list = |headers: &str| http::get(address, "/api/conversations", headers).status;
    assert_eq!((list(""), list(&bearer)), (401, 200));
    assert_eq!(http::get(address, "/metrics", "").status, 200);
    assert!(!instance.log().contains(TOKEN));

    // `helm test`.
    let doctor = container(one(&objects, "Pod", "cx-cx-timelines-doctor"));
    let mut doctor = start(doctor, folder.path(), "doctor.log");
    assert_eq!(doctor.wait_for_end(TIMEOUT), Some(0), "{}", doctor.log());

    // The pod is replaced: another process, the same volume. It has the same name in the group.
    let name = || std::fs::read_to_string(folder.path().join("cx-timelines/state/instance-id")).unwrap();
    let before = name();
    let grace = one(&objects, "StatefulSet", "cx-cx-timelines")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].clone();
    assert!(grace.as_u64().unwrap() >= 10, "SIGTERM takes up to 5 s");
    assert_eq!(instance.terminate().0, Some(0));
    let mut instance = start(set, folder.path(), "again.log");
    assert_eq!(instance.http_address(), address);
    wait_until("the next pod is ready", TIMEOUT, || (status("readinessProbe") == 200).then_some(()));
    assert_eq!(name(), before);
    assert_eq!(instance.terminate().0, Some(0));
}
