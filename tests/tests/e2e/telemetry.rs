// SPDX-License-Identifier: Apache-2.0

//! Spans reach a collector: those of commits, restores, rebalances and requests, and no others.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cx_timelines_tests::{Program, Watch, run_to_end, wait_until};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use sandbox::kafka::Kafka;

const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/web-chat-from-bot-to-close/events.ndjson");

/// A collector: takes OTLP over HTTP, and keeps what it is sent.
#[derive(Clone)]
struct Collector {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let kept = collector.requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || take(&mut stream.unwrap(), &kept));
            }
        });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    fn attributes_of_the_process(&self) -> Vec<KeyValue> {
        let requests = self.requests.lock().unwrap();
        requests[0].resource_spans[0].resource.clone().unwrap().attributes
    }
}

/// Takes one request after the other of a connection.
fn take(stream: &mut TcpStream, kept: &Mutex<Vec<ExportTraceServiceRequest>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let body = end + 4..end + 4 + length.parse::<usize>().unwrap();
        while bytes.len() < body.end {
            let count = stream.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..count]);
        }
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        kept.lock().unwrap().push(ExportTraceServiceRequest::decode(&bytes[body.clone()]).unwrap());
        bytes.drain(..body.end);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attribute(attributes, key)? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn a_collector_is_sent_what_takes_time_and_never_a_single_event_nor_anything_of_a_conversation() {
    let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
    let bootstrap = kafka.bootstrap();
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    assert!(run_to_end(&["topics", "apply", "--bootstrap", bootstrap], b"").status.success());
    assert!(run_to_end(&["load", CHAT, "--bootstrap", bootstrap], b"").status.success());
    let endpoint = format!("http://{}", collector.address);
    let flags = ["run", "--bootstrap", bootstrap, "--http", "127.0.0.1:0", "--otlp-endpoint", &endpoint];
    let mut instance = Program::start(&flags, folder.path().join("run.log"));
    Watch::new(bootstrap, "cx-timelines", "cx.events").wait_for_all(Duration::from_secs(60));
    assert_eq!(instance.get("/metrics").0, 200);
    assert_eq!(instance.get("/api/conversations/c-4711?follow=false").0, 404);
    let expected = ["GET /api/conversations/{id}", "GET /metrics", "commit", "rebalance", "restore"];
    let names = || -> BTreeSet<String> { collector.spans().into_iter().map(|span| span.name).collect() };
    let names = wait_until("the spans are there", Duration::from_secs(30), || {
        Some(names()).filter(|names| expected.iter().all(|name| names.contains(*name)))
    });
    assert_eq!(names, expected.map(str::to_owned).into(), "and no others");
    let spans = collector.spans();
    let of = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    for commit in of("commit") {
        assert_eq!(text(&commit.attributes, "outcome").as_deref(), Some("committed"));
        assert_eq!(text(&commit.attributes, "worker").as_deref(), Some("worker-0"));
        assert!(commit.end_time_unix_nano > commit.start_time_unix_nano);
    }
    assert_eq!(of("restore").len(), 8, "one for each partition");
    assert_eq!(text(&of("rebalance")[0].attributes, "kind").as_deref(), Some("assigned"));
    let request = of("GET /api/conversations/{id}")[0];
    let status = attribute(&request.attributes, "http.response.status_code");
    assert_eq!(status, Some(&Value::IntValue(404)));
    assert!(!format!("{spans:?}").contains("4711"), "the path is never exported");
    assert_eq!(text(&collector.attributes_of_the_process(), "service.name").as_deref(), Some("cx-timelines"));
    let log = instance.log();
    assert!(!log.contains("rebalance{") && !log.contains("commit{"), "spans are no part of log lines: {log}");
    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
    kafka.stop();
}

#[test]
fn a_collector_that_never_answers_holds_up_neither_the_program_nor_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let flags = ["run", "--bootstrap", &nowhere, "--http", "127.0.0.1:0", "--otlp-endpoint", &endpoint];
    let mut instance = Program::start(&flags, folder.path().join("run.log"));
    assert_eq!(instance.get("/metrics").0, 200);
    // It has begun to send, and gets no response.
    let (mut sending, _) = collector.accept().unwrap();
    assert!(sending.read(&mut [0; 1]).unwrap() > 0);
    assert_eq!(instance.get("/metrics").0, 200);
    let (code, took) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
}
