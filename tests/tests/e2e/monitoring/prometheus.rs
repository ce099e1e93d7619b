// SPDX-License-Identifier: Apache-2.0

//! A Prometheus of one's own, on loopback, with the configuration of the repository.

use super::files::{place, text};
use cx_timelines_tests::wait_until;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server, where there is one: the one that is named, else the one beside promtool, else one on the path.
pub(crate) fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CX_PROMETHEUS") {
        return Some(PathBuf::from(named));
    }
    let beside =
        std::env::var_os("CX_PROMTOOL").map(|promtool| Path::new(&promtool).with_file_name("prometheus"));
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&paths).map(|folder| folder.join("prometheus"));
    beside.into_iter().chain(on_path).find(|program| program.is_file())
}

/// A running server. It is killed when it is dropped.
pub(crate) struct Prometheus {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts it in a folder; it scrapes this instance, every second.
    pub(crate) fn start(program: &Path, folder: &Path, instance: SocketAddr) -> Self {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, configuration(instance)).unwrap();
        let log = folder.join("prometheus.log");
        let file = File::create(&log).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut prometheus = Self { child, log, address: ([127, 0, 0, 1], 0).into() };
        prometheus.address = wait_until("Prometheus says its address", Duration::from_secs(30), || {
            let log = prometheus.said();
            assert!(prometheus.child.try_wait().unwrap().is_none(), "Prometheus ended: {log}");
            let ports = log.match_indices("address=127.0.0.1:").map(|(at, start)| {
                let digits = log[at + start.len()..].split(|c: char| !c.is_ascii_digit());
                digits.into_iter().next().unwrap().parse().unwrap()
            });
            let port: u16 = ports.into_iter().find(|port| *port != 0)?;
            log.contains("Server is ready").then_some(([127, 0, 0, 1], port).into())
        });
        prometheus
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it answers to a question; panics when it refuses.
    pub(crate) fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // HTTP/1.0: the answer comes in one piece.
        write!(stream, "GET {path}?{} HTTP/1.0\r\nHost: localhost\r\n\r\n", parameters.join("&")).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert_eq!(body["status"], "success", "{path} {parameters:?}: {body}");
        body["data"].clone()
    }

    /// The series of a query now that have a number.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let found = self.ask("/api/v1/query", &[("query", query)])["result"].as_array().unwrap().clone();
        found.into_iter().filter(|series| series["value"][1] != "NaN").collect()
    }

    /// The alerts by name, with their labels, that are in this state (`pending`, `firing`).
    pub(crate) fn alerts(&self, state: &str) -> Vec<Value> {
        let all = self.ask("/api/v1/alerts", &[])["alerts"].as_array().unwrap().clone();
        all.into_iter().filter(|alert| alert["state"] == state).map(|alert| alert["labels"].clone()).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- Prometheus ----\n{}", self.said());
        }
    }
}

/// That of the repository, but for the target and the pace.
fn configuration(instance: SocketAddr) -> String {
    let rules = place("monitoring/rules").canonicalize().unwrap();
    let changes = [
        ("cx-timelines:9464", instance.to_string()),
        ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
        ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
        ("  - rules/", format!("  - {}/", rules.display())),
    ];
    changes.iter().fold(text("monitoring/prometheus.yml"), |config, (from, to)| {
        assert!(config.contains(from), "monitoring/prometheus.yml has no {from}");
        config.replace(from, to)
    })
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
