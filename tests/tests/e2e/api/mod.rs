// SPDX-License-Identifier: Apache-2.0

//! The HTTP API of two instances on a real broker: its responses equal the topics' records, from either instance.

mod openapi;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use cx_timelines_tests::http::{self, Answer};
use cx_timelines_tests::{Program, Records, Watch, differences, of_lines, run_to_end, wait_until};
use openapi::OpenApi;
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const CASES: [&str; 2] = ["kitchen-sink", "web-chat-from-bot-to-close"];
const TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-token-that-is-not-guessed";

fn case(name: &str, file: &str) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).join(name);
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// A broker with two instances; the first shows texts.
struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    instances: Vec<Program>,
    openapi: OpenApi,
}

impl Ground {
    fn start() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut ground = Self { kafka, folder, instances: Vec::new(), openapi: OpenApi::read() };
        ground.command(&["topics", "apply"]);
        ground.add(&["--show-text"]);
        ground.add(&[]);
        ground
    }

    fn command(&self, arguments: &[&str]) {
        let output = run_to_end(&[arguments, &["--bootstrap", self.kafka.bootstrap()]].concat(), b"");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn add(&mut self, flags: &[&str]) {
        let run = ["run", "--http", "127.0.0.1:0", "--bootstrap", self.kafka.bootstrap()];
        let log = self.folder.path().join(format!("{}.log", self.instances.len()));
        self.instances.push(Program::start(&[&run, flags].concat(), log));
    }

    fn address(&mut self, instance: usize) -> SocketAddr {
        self.instances[instance].http_address()
    }

    fn get(&mut self, instance: usize, path: &str) -> Answer {
        http::get(self.address(instance), path, "")
    }

    fn load(&self, events: &str) {
        let file = self.folder.path().join("events.ndjson");
        std::fs::write(&file, events).unwrap();
        self.command(&["load", file.to_str().unwrap()]);
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    /// Waits until both have their share, run it, and know of each other.
    fn wait_for_shares(&mut self) {
        for instance in 0..2 {
            wait_until("both instances run their share", TIMEOUT, || {
                let tasks = self.get(instance, "/api/tasks").json();
                let running = tasks["tasks"].as_array().unwrap().iter();
                let running = running.filter(|task| task["phase"] == "running").count();
                let instances = tasks["instances"].as_array().unwrap();
                let share = |instance: &Value| instance["partitions"].as_array().unwrap().len();
                let own = instances.iter().find(|instance| instance["isThis"] == true).map(share);
                // A worker that reads erasure requests may have one less.
                let all: usize = instances.iter().map(share).sum();
                (all == 8 && own == Some(running) && (3..=5).contains(&running)).then_some(())
            });
        }
    }

    /// Asks an instance, and whom it sends us to. Says whether it did.
    fn follow(&mut self, instance: usize, route: &str, path: &str) -> (Answer, bool) {
        let answer = self.get(instance, path);
        self.openapi.check(route, &answer);
        if answer.status != 307 {
            return (answer, false);
        }
        let other = self.address(1 - instance);
        assert_eq!(answer.header("location"), Some(format!("http://{other}{path}").as_str()));
        assert_eq!(answer.json()["owner"], format!("http://{other}"));
        let answer = self.get(1 - instance, path);
        self.openapi.check(route, &answer);
        (answer, true)
    }
}

/// An id in a path.
fn encoded(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The records of a conversation as the API tells them.
fn records(whole: &Value) -> Records {
    let id = whole["conversationId"].as_str().unwrap();
    let mut records = Records::default();
    records.take("cx.conversations", Some(id), whole["summary"].clone());
    for entry in whole["timeline"].as_array().unwrap() {
        let key = model::timeline_key(id, entry["entryId"].as_str().unwrap());
        records.take("cx.timelines", Some(&key), entry.clone());
    }
    for activity in whole["activities"].as_array().unwrap() {
        let key = model::activity_key(Some(id), activity["activityId"].as_str().unwrap());
        records.take("cx.activities", Some(&key), activity.clone());
    }
    records
}

fn only(all: &Records, conversation: &str) -> Records {
    let topics = ["cx.activities", "cx.conversations", "cx.timelines"];
    let mut records = Records { finals: all.finals.clone(), ..Records::default() }.only(&topics);
    records.finals.retain(|_, value| value["conversationId"] == conversation);
    records
}

/// Panics where a body is shown.
fn assert_hidden(value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                assert!(name != "body" || value.is_null() || value["hidden"] == true, "{value}");
                assert_hidden(value);
            }
        }
        Value::Array(items) => items.iter().for_each(assert_hidden),
        _ => {}
    }
}

#[test]
fn the_api_tells_what_the_topics_hold_whoever_is_asked() {
    let mut ground = Ground::start();
    ground.wait_for_shares();
    CASES.iter().for_each(|name| ground.load(&case(name, "events.ndjson")));
    let expected: String = CASES.iter().map(|name| case(name, "expected.ndjson")).collect();
    let expected = of_lines(&expected);
    conversations_are_told_whole(&mut ground, &expected);
    customers_are_told_whole(&mut ground);
    figures_are_told_whole(&mut ground);
    windows_of_a_dimension_are_listed_by_who_has_them(&mut ground);
    every_conversation_is_in_one_list(&mut ground, &expected);
    what_is_wrong_is_said(&mut ground);
    repeat_contacts_are_told_by_the_owner_of_the_customer(&mut ground);
    an_agents_shift_is_loaded(&mut ground);
    whoever_looks_on_sees_an_event_that_comes(&mut ground);
    doors_are_closed(&mut ground);
    who_takes_partitions_over_lists_what_is_there(&mut ground);
    every_figure_is_made_of_its_contributions(&mut ground);
    the_command_explains_histograms_and_states_too(&ground);
    for mut instance in ground.instances {
        assert_eq!(instance.terminate().0, Some(0));
    }
    ground.kafka.stop();
}

fn ids(expected: &Records) -> BTreeSet<String> {
    let summaries = expected.finals.keys().filter(|(topic, _)| topic == "cx.conversations");
    summaries.map(|(_, id)| id.clone()).collect()
}

fn conversations_are_told_whole(ground: &mut Ground, expected: &Records) {
    let route = "/api/conversations/{id}";
    let mut redirected = BTreeSet::new();
    for id in ids(expected) {
        let path = format!("/api/conversations/{}", encoded(&id));
        for asked in 0..2 {
            let (answer, elsewhere) = ground.follow(asked, route, &path);
            assert_eq!(answer.status, 200, "{}", answer.body);
            redirected.insert((asked, elsewhere));
            let whole = answer.json();
            let told_by = if elsewhere { 1 - asked } else { asked };
            assert_eq!(whole["textShown"], told_by == 0);
            if told_by == 0 {
                // What names only its session comes a transaction later.
                wait_until("the conversation equals the topics' records", TIMEOUT, || {
                    let whole = ground.get(0, &path).json();
                    differences(&only(expected, &id), &records(&whole)).is_empty().then_some(())
                });
            } else {
                assert_hidden(&whole);
                let of_it = only(expected, &id).finals;
                assert_eq!(
                    records(&whole).finals.keys().collect::<Vec<_>>(),
                    of_it.keys().collect::<Vec<_>>()
                );
            }
            if elsewhere {
                let response = ground.get(asked, &format!("{path}?follow=false"));
                ground.openapi.check(route, &response);
                assert_eq!((response.status, response.json()["owner"].is_string()), (421, true));
            }
        }
    }
    assert_eq!(redirected.len(), 4, "each instance answered some and redirected others");
    let last = ground.follow(0, route, "/api/conversations/c?limit=2").0.json();
    assert_eq!((last["timeline"].as_array().unwrap().len(), &last["timelineTotal"]), (2, &json!(17)));
}

fn customers_are_told_whole(ground: &mut Ground) {
    let events: String = CASES.iter().map(|name| case(name, "events.ndjson")).collect();
    let folded = of_lines(&cx_timelines_tests::fold(events.as_bytes())).only(&["cx.customers"]);
    assert!(!folded.finals.is_empty());
    for ((_, id), record) in folded.finals {
        let path = format!("/api/customers/{}", encoded(&id));
        for asked in 0..2 {
            // A customer whose conversations lie in other partitions is listed a transaction later.
            wait_until("the response equals the record of the customer", TIMEOUT, || {
                let (answer, _) = ground.follow(asked, "/api/customers/{id}", &path);
                (answer.status == 200 && answer.json() == record).then_some(())
            });
        }
    }
}

fn repeat_contacts_are_told_by_the_owner_of_the_customer(ground: &mut Ground) {
    let contact = |id: &str, customer: &str, hours: i64| {
        let at = 1_750_000_000_000 + hours * 3_600_000;
        json!({"id": format!("{id}-1"), "name": "CUSTOMER_MESSAGE", "timestamp": at, "conversationId": id,
            "channelSession": {"id": id, "customer": {"_id": customer}}, "data": {"id": "m", "body": {"text": "again"}}})
        .to_string()
    };
    let again: Vec<String> = (0..8)
        .flat_map(|n| {
            let customer = format!("again-{n}");
            // Before all other events: later ones would let closed conversations expire, which other checks read.
            [(0, -90), (1, -70), (2, -10)]
                .map(|(part, hours)| contact(&format!("r{n}-{part}"), &customer, hours + n))
        })
        .collect();
    ground.load(&again.join("\n"));
    // From the second contact of the first customer to that of the last one: the third ones are later.
    let (from, to) = (1_750_000_000_000_i64 - 70 * 3_600_000, 1_750_000_000_000_i64 - 62 * 3_600_000);
    let path = format!("/api/repeats?from={from}&to={to}&limit=3");
    // A customer whose conversations lie in other partitions is listed a transaction later.
    wait_until("both instances have the repeats of their customers", TIMEOUT, || {
        let answers = [0, 1].map(|instance| ground.get(instance, &path));
        answers.iter().for_each(|answer| ground.openapi.check("/api/repeats", answer));
        let answers = answers.map(|answer| answer.json());
        let sum = |name: &str| answers.iter().map(|answer| answer[name].as_u64().unwrap()).sum::<u64>();
        let is_all = ["conversations", "customers", "within24h", "within72h"].map(sum) == [8, 8, 8, 8];
        for answer in &answers {
            assert_eq!(answer["complete"], false, "the other instance has its own");
            let repeats = answer["repeats"].as_array().unwrap();
            assert_eq!(repeats.len() as u64, answer["within72h"].as_u64().unwrap().min(3));
            assert!(repeats.iter().all(|repeat| repeat["sincePreviousMs"] == 20 * 3_600_000), "{answer}");
        }
        is_all.then_some(())
    });
    // Sixty hours after the second ones.
    let path = format!("/api/repeats?from={}&to={}", to + 1, to + 60 * 3_600_000);
    let later = [0, 1].map(|instance| ground.get(instance, &path).json());
    let sum = |name: &str| later.iter().map(|answer| answer[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(["conversations", "within24h", "within72h"].map(sum), [8, 0, 8]);
}

/// An agent who was ready for ten minutes, then had a break, then left: explained with all other figures.
fn an_agents_shift_is_loaded(ground: &mut Ground) {
    let changes = [("READY", 0), ("NOT_READY", 600), ("LOGOUT", 900)].map(|(state, second)| {
        let presence = json!({"agent": {"id": "shift"}, "state": {"name": state},
            "stateChangeTime": 1_750_000_000_000_i64 + second * 1000});
        let value = json!({"name": "AGENT_STATE_CHANGED", "data": {"agentPresence": presence}}).to_string();
        json!({"topic": "cx.agent-states", "key": null, "value": value}).to_string()
    });
    ground.load(&format!("{{\"#records\":true}}\n{}", changes.join("\n")));
    wait_until("the times of the agent are there", TIMEOUT, || {
        let (answer, _) =
            ground.follow(0, "/api/metrics/{dimension}/{id}", "/api/metrics/agent/shift?limit=10");
        let figures = |name: &str| -> i64 {
            let all = answer.json();
            let windows = all["windows"].as_array().into_iter().flatten();
            windows.filter_map(|window| window["figures"][name].as_i64()).sum()
        };
        (["loggedInMs", "readyMs", "notReadyMs"].map(figures) == [900_000, 600_000, 300_000]).then_some(())
    });
}

fn figures_are_told_whole(ground: &mut Ground) {
    // Those of all cases together: what `fold` says of their events.
    let events: String = CASES.iter().map(|name| case(name, "events.ndjson")).collect();
    let folded = of_lines(&cx_timelines_tests::fold(events.as_bytes())).only(&["cx.metrics"]);
    let mut subjects: BTreeMap<(String, String), Records> = BTreeMap::new();
    for ((topic, key), value) in folded.finals {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let of_it = subjects.entry((text("dimension"), text("id"))).or_default();
        of_it.take(&topic, Some(&key), value);
    }
    assert!(subjects.len() > 5);
    for ((dimension, id), expected) in subjects {
        let path = format!("/api/metrics/{dimension}/{}", encoded(&id));
        // Windows of a subject in another partition come a transaction later.
        wait_until("the figures equal the topics' records", TIMEOUT, || {
            let (answer, _) = ground.follow(0, "/api/metrics/{dimension}/{id}", &path);
            let mut response = Records::default();
            for window in answer.json()["windows"].as_array().into_iter().flatten() {
                let start = window["windowStart"].as_i64().unwrap();
                let size = window["windowEnd"].as_i64().unwrap() - start;
                let name = model::Dimension::from_name(&dimension).unwrap();
                response.take(
                    "cx.metrics",
                    Some(&model::window_key(name, &id, &size.to_string(), start)),
                    window.clone(),
                );
            }
            differences(&expected, &response).is_empty().then_some(())
        });
    }
}

/// The windows of a dimension that an instance lists, and whether it has all.
fn windows_of(ground: &mut Ground, instance: usize, dimension: &str) -> (Vec<Value>, bool) {
    let answer = ground.get(instance, &format!("/api/metrics/{dimension}"));
    ground.openapi.check("/api/metrics/{dimension}", &answer);
    let all = answer.json();
    let windows = all["windows"].as_array().unwrap().clone();
    assert_eq!(all["windowsTotal"], windows.len());
    (windows, all["complete"] == true)
}

fn windows_of_a_dimension_are_listed_by_who_has_them(ground: &mut Ground) {
    let text = |window: &Value, name: &str| window[name].as_str().unwrap().to_owned();
    let identity = |window: &Value| (text(window, "id"), window["windowStart"].as_i64().unwrap());
    let mut listed_by = [0, 0];
    for dimension in model::Dimension::ALL.iter().map(|dimension| dimension.as_str()) {
        let mut all: Vec<Value> = Vec::new();
        for (instance, count) in listed_by.iter_mut().enumerate() {
            let (windows, complete) = windows_of(ground, instance, dimension);
            assert!(!complete, "the other instance has its own");
            assert!(windows.iter().map(|window| window["windowStart"].as_i64()).is_sorted(), "by time");
            *count += windows.len();
            all.extend(windows);
        }
        // Each equals the response for its subject.
        let ids: BTreeSet<String> = all.iter().map(|window| text(window, "id")).collect();
        for id in ids {
            let path = format!("/api/metrics/{dimension}/{}", encoded(&id));
            let (answer, _) = ground.follow(0, "/api/metrics/{dimension}/{id}", &path);
            let mut of_it: Vec<Value> =
                all.iter().filter(|window| window["id"] == id.as_str()).cloned().collect();
            of_it.sort_by_key(identity);
            assert_eq!(answer.json()["windows"], json!(of_it), "{dimension} {id}");
        }
    }
    assert!(listed_by.iter().all(|count| *count > 0), "{listed_by:?}");
    let (windows, _) = windows_of(ground, 0, "queue");
    let first = windows[0]["windowStart"].as_i64().unwrap();
    let path = format!("/api/metrics/queue?from={first}&to={}&limit=1&size=900000", first + 1);
    let one = ground.get(0, &path).json();
    let in_it = windows.iter().filter(|window| window["windowStart"] == first).count();
    assert_eq!((one["windows"].as_array().unwrap().len(), &one["windowsTotal"]), (1, &json!(in_it)));
    assert_eq!(one["sizes"], json!(["900000"]));
    assert_eq!(ground.get(0, "/api/metrics/queue?size=1").json()["windowsTotal"], 0);
}

/// The instance that is left has everything.
fn every_figure_is_made_of_its_contributions(ground: &mut Ground) {
    let route = "/api/metrics/{dimension}/{id}/explain";
    let (mut explained, mut histograms) = (0, 0);
    for dimension in model::Dimension::ALL.iter().map(|dimension| dimension.as_str()) {
        let (windows, complete) = windows_of(ground, 0, dimension);
        assert!(complete && !windows.is_empty(), "{dimension}");
        for window in windows {
            let span = format!("windowStart={}&windowEnd={}", window["windowStart"], window["windowEnd"]);
            let id = encoded(window["id"].as_str().unwrap());
            let path = format!("/api/metrics/{dimension}/{id}/explain?{span}");
            let answer = ground.get(0, &path);
            ground.openapi.check(route, &answer);
            let response = answer.json();
            let sum = |figure: &str| -> i64 {
                let parts = response["contributions"].as_array().unwrap().iter();
                parts
                    .filter(|part| part["figure"] == figure)
                    .map(|part| part["amount"].as_i64().unwrap())
                    .sum()
            };
            assert_eq!((&response["complete"], &response["notes"]), (&json!(true), &json!([])), "{path}");
            for (figure, value) in window["figures"].as_object().unwrap() {
                assert_eq!(
                    response["figures"][figure],
                    json!({"recorded": value, "explained": value}),
                    "{path}"
                );
                assert_eq!(json!(sum(figure)), *value, "{path} {figure}");
                explained += 1;
            }
            assert_eq!(
                response["figures"].as_object().unwrap().len(),
                window["figures"].as_object().unwrap().len()
            );
            for (histogram, counts) in window["histograms"].as_object().unwrap() {
                let answer = ground.get(0, &format!("{path}&figure=histograms.{histogram}"));
                ground.openapi.check(route, &answer);
                let wanted = counts.as_object().unwrap().iter().map(|(bound, count)| {
                    (
                        format!("histograms.{histogram}.{bound}"),
                        json!({"recorded": count, "explained": count}),
                    )
                });
                let wanted: serde_json::Map<String, Value> = wanted.collect();
                assert_eq!(answer.json()["figures"], Value::Object(wanted), "{path} {histogram}");
                histograms += 1;
            }
        }
    }
    assert!(explained > 100 && histograms > 10, "{explained}, {histograms}");
    let answer = ground.get(0, "/api/metrics/queue/unknown-id/explain?windowStart=0&windowEnd=1");
    ground.openapi.check(route, &answer);
    assert_eq!(answer.status, 404, "{}", answer.body);
}

/// `explain` ends with 0 only if the contributions make all that the record has.
fn the_command_explains_histograms_and_states_too(ground: &Ground) {
    let explain = |arguments: &[&str]| -> Vec<Value> {
        let all = [&["explain"], arguments, &["--bootstrap", ground.kafka.bootstrap()]].concat();
        let output = run_to_end(&all, b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let key = "queue/web/900000/1749999600000";
    let all = explain(&[key]);
    let of = |figure: &str| all.iter().filter(|line| line["figure"] == figure).count();
    assert_eq!((of("answered"), of("histograms.answeredWaitMs.15352")), (1, 1), "{all:?}");
    let counts = explain(&[key, "histograms.answeredWaitMs"]);
    let expected = json!([{"conversationId": "c", "eventId": "e08", "at": 1_750_000_022_000_i64,
        "figure": "histograms.answeredWaitMs.15352", "amount": 1}]);
    assert_eq!(json!(counts), expected);
    let states = explain(&["agent/shift/900000/1749999600000", "readyMs"]);
    assert_eq!((states.len(), &states[0]["agentId"]), (1, &json!("shift")), "{states:?}");
    assert!(states[0].get("conversationId").is_none() && states[0]["eventId"].is_null(), "{states:?}");
}

fn every_conversation_is_in_one_list(ground: &mut Ground, expected: &Records) {
    let all = ids(expected);
    let mut listed: Vec<String> = Vec::new();
    for instance in 0..2 {
        for state in ["open", "closed"] {
            let mut after = String::new();
            loop {
                let answer =
                    ground.get(instance, &format!("/api/conversations?state={state}&limit=2{after}"));
                ground.openapi.check("/api/conversations", &answer);
                let list = answer.json();
                assert_eq!(list["complete"], false, "the other instance has its own");
                for row in list["conversations"].as_array().unwrap() {
                    let id = row["conversationId"].as_str().unwrap();
                    let summary = &expected.finals[&("cx.conversations".to_owned(), id.to_owned())];
                    for field in ["state", "outcome", "startedAt", "lastEventAt", "closedAt", "channels"] {
                        assert_eq!(row[field], summary[field], "{id} {field}");
                    }
                    listed.push(id.to_owned());
                }
                let Some(next) = list["next"].as_str() else { break };
                after = format!("&after={}", encoded(next));
            }
        }
        for path in ["/api/now", "/api/tasks"] {
            let answer = ground.get(instance, path);
            ground.openapi.check(path, &answer);
        }
    }
    assert_eq!(listed.len(), all.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
}

fn what_is_wrong_is_said(ground: &mut Ground) {
    for (route, path, status) in [
        ("/api/conversations/{id}", "/api/conversations/unknown-id", 404),
        ("/api/conversations/{id}", "/api/conversations/c?limit=0", 400),
        ("/api/customers/{id}", "/api/customers/unknown-id", 404),
        ("/api/metrics/{dimension}/{id}", "/api/metrics/queue/unknown-id", 404),
        ("/api/metrics/{dimension}/{id}", "/api/metrics/team/x", 404),
        ("/api/conversations", "/api/conversations?colour=red", 400),
    ] {
        let (answer, _) = ground.follow(0, route, path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

fn whoever_looks_on_sees_an_event_that_comes(ground: &mut Ground) {
    let mut streams: Vec<_> = (0..2)
        .map(|instance| {
            let mut stream = TcpStream::connect(ground.address(instance)).unwrap();
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            write!(stream, "GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            BufReader::new(stream)
        })
        .collect();
    // Each says first what goes on: then it looks on.
    for stream in &mut streams {
        assert!(next_event(stream).0 == "now");
    }
    let events: Vec<String> = (0..40)
        .map(|n| {
            json!({"id": format!("live-{n}"), "name": "CUSTOMER_MESSAGE", "timestamp": 1_750_000_000_000_i64,
                "conversationId": format!("live-{n}"), "data": {"id": "m", "body": {"markdownText": "Hello?"}}})
            .to_string()
        })
        .collect();
    ground.load(&format!("{}\n", events.join("\n")));
    for mut stream in streams {
        loop {
            let (name, data) = next_event(&mut stream);
            assert!(!data.to_string().contains("Hello?"));
            if name == "changes" {
                ground.openapi.check_named("Changes", &data);
                let ids = data["conversations"].as_array().unwrap().iter();
                if ids.clone().any(|row| row["conversationId"].as_str().unwrap().starts_with("live-")) {
                    break;
                }
            } else {
                assert_eq!(name, "now");
                ground.openapi.check_named("Now", &data);
            }
        }
    }
}

fn next_event(stream: &mut impl BufRead) -> (String, Value) {
    let mut name = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream ended");
        if let Some(event) = line.strip_prefix("event: ") {
            event.trim().clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ") {
            return (name, serde_json::from_str(data).unwrap());
        }
    }
}

fn who_takes_partitions_over_lists_what_is_there(ground: &mut Ground) {
    let before: BTreeSet<String> = (0..2).flat_map(|instance| listed(ground, instance).1).collect();
    let (code, _) = ground.instances.remove(0).terminate();
    assert_eq!(code, Some(0));
    wait_until("the other instance lists all conversations", TIMEOUT, || {
        let (complete, ids) = listed(ground, 0);
        (complete && ids == before).then_some(())
    });
    let answer = ground.get(0, "/api/conversations/c");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Whether an instance lists all conversations, and the ids of those that it lists.
fn listed(ground: &mut Ground, instance: usize) -> (bool, BTreeSet<String>) {
    let list = ground.get(instance, "/api/conversations?limit=1000").json();
    let ids = list["conversations"].as_array().unwrap().iter();
    let ids = ids.map(|row| row["conversationId"].as_str().unwrap().to_owned());
    (list["complete"] == true, ids.collect())
}

/// An instance in a group of its own that wants a token, and one that has no API.
fn doors_are_closed(ground: &mut Ground) {
    let token = ground.folder.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let token = token.to_str().unwrap().to_owned();
    ground.add(&["--group", "guarded", "--http-token-file", &token]);
    let address = ground.address(2);
    assert_eq!(http::get(address, "/api/now", "").status, 401);
    let response = http::get(address, "/api/now", &format!("Authorization: Bearer {TOKEN}\r\n"));
    assert_eq!(response.status, 200);
    for open in ["/", "/metrics", "/health/live"] {
        assert_eq!(http::get(address, open, "").status, 200, "{open}");
    }
    assert!(!ground.instances[2].log().contains(TOKEN), "{}", ground.instances[2].log());

    ground.add(&["--group", "bare", "--no-api"]);
    let address = ground.address(3);
    assert_eq!(http::get(address, "/api/now", "").status, 404);
    assert!(http::get(address, "/", "").body.starts_with("cx-timelines\n"));
}
