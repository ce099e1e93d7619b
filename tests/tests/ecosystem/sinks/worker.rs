// SPDX-License-Identifier: Apache-2.0

//! A worker of Kafka Connect with the files of `connect/`.

use std::path::{Path, PathBuf};

use cx_timelines_tests::wait_until;
use sandbox::Guarded;
use sandbox::kafka::{Kafka, free_port};
use serde_json::Value;

use crate::pipeline::TIMEOUT;

/// The variable that names the folder with Debezium's sink and the converter for Avro.
pub(super) const TO_POSTGRES: &str = "CX_CONNECT_PLUGINS";
const CLASS: &str = "org.apache.kafka.connect.cli.ConnectDistributed";
const HEAP_MB: u32 = 512;

/// A file of `connect/`.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../connect").join(name)
}

/// Its text, with the addresses and paths of a test instead of those of the documents; each of them has to be in it.
pub(super) fn text(name: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(file(name)).unwrap();
    for (documented, actual) in replaced {
        assert!(text.contains(documented), "{name} has no {documented}");
        text = text.replace(documented, actual);
    }
    text
}

pub(super) struct Worker {
    process: Guarded,
    properties: PathBuf,
    log: PathBuf,
    url: String,
}

impl Worker {
    /// Starts a worker that keeps its files in this folder, and waits until it answers. Its plugins are in the folder that this
    /// variable names.
    pub(super) fn start(kafka: &Kafka, folder: &Path, plugins: &str) -> Self {
        let missing = format!(
            "{plugins} names no folder with plugins of Kafka Connect; `tests/run ecosystem` fetches them"
        );
        let plugins = std::env::var(plugins).expect(&missing);
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let replaced =
            [("127.0.0.1:9092", kafka.bootstrap()), ("127.0.0.1:8083", &address), ("/opt/connect", &plugins)];
        let properties = folder.join("worker.properties");
        std::fs::write(&properties, text("worker.properties", &replaced)).unwrap();
        let log = folder.join("connect.log");
        let process = spawn(kafka, &properties, &log);
        let worker = Self { process, properties, log, url: format!("http://{address}/connectors") };
        worker.await_start();
        worker
    }

    /// kill -9.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Starts it again after a kill.
    pub(super) fn restart(&mut self, kafka: &Kafka) {
        self.process = spawn(kafka, &self.properties, &self.log);
        self.await_start();
    }

    /// Creates a connector, as the documents do with curl.
    pub(super) fn create(&self, connector: &str) {
        wait_until("the connector is created", TIMEOUT, || {
            let request = ureq::post(&self.url).header("Content-Type", "application/json");
            let answer = request.config().http_status_as_error(false).build().send(connector);
            let mut answer = answer.unwrap();
            // 409 while the worker joins its group.
            let said = answer.body_mut().read_to_string().unwrap();
            let status = answer.status().as_u16();
            assert!(status == 201 || status == 409 || status == 500, "{status}: {said}");
            (status == 201).then_some(())
        });
    }

    /// Panics with the trace when a task has failed.
    pub(super) fn assert_no_failure(&self, connector: &str) {
        let status = self.get(&format!("/{connector}/status")).unwrap_or_default();
        let failed = status["tasks"].as_array().into_iter().flatten().find(|task| task["state"] == "FAILED");
        assert!(failed.is_none(), "{connector} failed: {}", failed.unwrap()["trace"].as_str().unwrap());
    }

    fn await_start(&self) {
        wait_until("Kafka Connect answers", TIMEOUT, || self.get(""));
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("---- Kafka Connect ----\n{log}");
        }
    }
}

fn spawn(kafka: &Kafka, properties: &Path, log: &Path) -> Guarded {
    kafka.start_program(CLASS, HEAP_MB, &[properties.display().to_string()], log).unwrap()
}
