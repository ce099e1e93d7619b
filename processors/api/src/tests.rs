// SPDX-License-Identifier: Apache-2.0

//! The API over real connections, with a view fed by real tasks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use edge::health::Health;
use edge::http::{HttpHandle, Serving};
use edge::metrics::{Labels, Metrics};
use engine::Place;
use serde_json::{Value, json};
use testkit::Driver;

use super::*;

const TOKEN: &str = "0123456789abcdef";
const START_MS: i64 = 1_750_000_000_000;

struct Served {
    http: HttpHandle,
    updates: SyncSender<Update>,
    stop: Stop,
}

struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

impl Served {
    fn with(options: Options) -> Self {
        let (queries, _) = InteractiveQueries::open(watched());
        let (updates, listener) = sync_channel(16);
        let stop = Stop::default();
        let metrics = Metrics::new(&Labels::default()).unwrap();
        let sources =
            Sources { queries, peers: Peers::default(), stop: stop.clone(), metrics: metrics.clone() };
        let more = Some(routes(options, sources, listener).unwrap());
        let health = Health::new(["worker-0"]);
        let serving = Serving { tls: None, more };
        let http = edge::http::spawn(([127, 0, 0, 1], 0).into(), metrics, health, serving).unwrap();
        Self { http, updates, stop }
    }

    fn start() -> Self {
        Self::with(Options::default())
    }

    fn address(&self) -> SocketAddr {
        self.http.address()
    }

    fn connect(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let host = if headers.contains("Host:") { "" } else { "Host: 127.0.0.1\r\n" };
        write!(stream, "{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Got {
        let mut answer = String::new();
        self.connect(method, path, headers).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Got {
        self.ask("GET", path, "")
    }

    /// Sends the tasks' records as a worker does.
    fn tell(&self, driver: &Driver) {
        for task in driver.tasks() {
            let mut records = Vec::new();
            let place = Place::Under(watched());
            task.look(&place, place.first(), &mut |key, value| {
                records.push((key.to_vec(), Some(value.to_vec())));
                ControlFlow::Continue(())
            })
            .unwrap();
            self.updates
                .send(Update::Records { partition: task.partition(), records, is_whole: true })
                .unwrap();
        }
    }

    fn wait_for(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let got = self.get(path).json();
            if is_there(&got) {
                return got;
            }
            assert!(Instant::now() < deadline, "{path}: {got}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.request();
    }
}

fn event(conversation: &str, id: &str, name: &str, at: i64, data: &Value) -> String {
    json!({"id": format!("{conversation}-{id}"), "name": name, "timestamp": START_MS + at,
        "conversationId": conversation, "data": data})
    .to_string()
}

/// Three conversations: `a` waits in a queue for an agent, `b` has one, `c` is closed.
fn driver() -> Driver {
    let mut driver = Driver::new(testkit::topology());
    let message = json!({"id": "m", "body": {"text": "hello"}});
    let task = |queue: &str| json!({"task": {"id": "t"}, "queue": {"name": queue}});
    let agent = json!({"agentParticipant": {"participant": {"id": "ann", "displayName": "Ann"}}});
    for (number, id) in ["a", "b", "c"].into_iter().enumerate() {
        let at = i64::try_from(number).unwrap() * 1000;
        driver.push(event(id, "1", "CUSTOMER_MESSAGE", at, &message));
        driver.push(event(
            id,
            "2",
            "TASK_ENQUEUED",
            at + 1,
            &task(if id == "c" { "sales" } else { "support" }),
        ));
    }
    driver.push(event("b", "3", "AGENT_SUBSCRIBED", 5000, &agent));
    driver.push(event("c", "3", "CONVERSATION_CLOSED", 6000, &json!({})));
    driver.finish();
    driver
}

fn ids(list: &Value) -> Vec<&str> {
    let rows = list["conversations"].as_array().unwrap();
    rows.iter().map(|row| row["conversationId"].as_str().unwrap()).collect()
}

#[test]
fn every_route_is_described_and_whatever_is_described_is_a_route() {
    let served = Served::start();
    let described: Value = serde_json::from_str(OPENAPI).unwrap();
    assert_eq!(served.get("/api/openapi.json").json(), described);
    let paths = described["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 11);
    for (path, item) in paths {
        let concrete = path.replace("{id}", "x%2Fy").replace("{dimension}", "queue");
        let statuses = item["get"]["responses"].as_object().unwrap();
        let post = served.ask("POST", &concrete, "");
        assert_eq!(post.status, 405, "{path}");
        assert!(post.head.contains("application/problem+json"), "{}", post.head);
        if path == "/api/live" {
            continue;
        }
        let got = served.get(&concrete);
        assert_ne!(got.status, 404, "{path}: {}", got.body);
        assert!(statuses.contains_key(&got.status.to_string()), "{path}: {}", got.body);
    }
}

/// A parameter with a value that it can have.
fn written(parameter: &Value) -> String {
    let name = parameter["name"].as_str().unwrap();
    let value = match name {
        "state" => "open",
        "limit" => "5",
        "follow" => "false",
        "from" | "to" | "windowStart" | "windowEnd" => "2025-06-15T15:06:40Z",
        "after" => "5~x",
        "figure" => "offered",
        _ => "it",
    };
    format!("{name}={value}")
}

#[test]
fn each_described_parameter_is_known_and_any_other_is_refused() {
    let served = Served::start();
    let described: Value = serde_json::from_str(OPENAPI).unwrap();
    for (path, item) in described["paths"].as_object().unwrap() {
        if ["/api/live", "/api/openapi.json"].contains(&path.as_str()) {
            continue;
        }
        let concrete = path.replace("{id}", "x").replace("{dimension}", "queue");
        let parameters = item["get"]["parameters"].as_array().unwrap();
        let is_needed = |parameter: &Value| parameter["in"] == "query" && parameter["required"] == true;
        let needed: Vec<String> = parameters.iter().filter(|one| is_needed(one)).map(written).collect();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            // The others that are needed, too.
            let ask = |one: String| {
                let name = parameter["name"].as_str().unwrap();
                let others = needed.iter().filter(|other| !other.starts_with(name)).cloned();
                served.get(&format!("{concrete}?{}", others.chain([one]).collect::<Vec<_>>().join("&")))
            };
            let got = ask(written(parameter));
            assert_ne!(got.status, 400, "{path} {parameter}: {}", got.body);
            if parameter["name"] == "limit" {
                let most = parameter["schema"]["maximum"].as_u64().unwrap();
                assert_ne!(ask(format!("limit={most}")).status, 400, "{path}");
                for beyond in [0, most + 1] {
                    assert_eq!(ask(format!("limit={beyond}")).status, 400, "{path}");
                }
            }
            if is_needed(parameter) {
                let missing = ask("limit=5".to_owned());
                assert_eq!(missing.status, 400, "{path} {parameter}: {}", missing.body);
                assert!(missing.body.contains("is missing"), "{}", missing.body);
            }
        }
        let got = served.get(&format!("{concrete}?other=1"));
        assert_eq!(
            (got.status, got.json()["title"].clone()),
            (400, json!("A parameter cannot be used")),
            "{path}"
        );
    }
    for refused in [
        "conversations?state=ajar",
        "conversations?after=x",
        "metrics/queue/q?from=yesterday",
        "repeats?from=0&to=1",
        "metrics/queue?to=tomorrow",
        "metrics/queue/q/explain?windowStart=0&windowEnd=now",
        "metrics/queue/q/explain?windowStart=1750000000000&windowEnd=1750000900000&figure=ofered",
    ] {
        let got = served.get(&format!("/api/{refused}"));
        assert_eq!(got.status, 400, "{refused}: {}", got.body);
    }
    for path in ["team", "team/x", "team/x/explain"] {
        assert_eq!(served.get(&format!("/api/metrics/{path}")).status, 404, "{path}");
    }
}

#[test]
fn whatever_cannot_be_read_of_a_request_is_a_problem_like_any_other_that_says_what_to_write() {
    let served = Served::start();
    for path in [
        "/api/conversations/%FF",
        "/api/conversations/%ED%A0%80",
        "/api/customers/%FF",
        "/api/metrics/queue/%FF",
        "/api/metrics/%FF/q",
        "/api/conversations?agent=%FF",
        "/api/conversations?state=open&queue=%C3%28",
        "/api/conversations?limit=1&limit=2",
        "/api/conversations?limit=99999999999999999999",
        "/api/conversations/x?limit=-1",
        "/api/tasks?%FF",
    ] {
        let got = served.get(path);
        assert_eq!(got.status, 400, "{path}: {}", got.body);
        assert!(got.head.contains("content-type: application/problem+json"), "{path}: {}", got.head);
        let problem = got.json();
        assert_eq!(problem["type"], "urn:cx-timelines:problem:bad-parameter", "{path}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{path}");
        let is_no_text = ["%FF", "%ED", "%C3"].iter().any(|bytes| path.contains(bytes));
        assert_eq!(
            problem["detail"].as_str().unwrap().contains("percent-encoded"),
            is_no_text,
            "{path}: {problem}"
        );
    }
    for (path, status) in [("/api/%FF", 404), ("/%FF", 404), ("/api/conversations/", 404)] {
        let got = served.get(path);
        assert_eq!(
            (got.status, got.head.contains("application/problem+json")),
            (status, true),
            "{path}: {}",
            got.head
        );
    }
    // A per cent sign that encodes nothing stands for itself, and encoded text is text.
    for path in ["/api/conversations?agent=50%", "/api/conversations?agent=%C3%A9&queue=%zz"] {
        assert_eq!(served.get(path).status, 200, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        let got = served.ask(method, "/api/conversations/%FF", "Content-Length: 0\r\n");
        assert_eq!(
            (got.status, got.head.contains("application/problem+json")),
            (405, true),
            "{method}: {}",
            got.head
        );
    }
}

#[test]
fn before_the_cluster_is_known_it_says_so_and_when_to_ask_again() {
    let served = Served::start();
    let got = served.get("/api/conversations/x");
    assert_eq!(got.status, 503, "{}", got.body);
    assert!(got.head.contains("retry-after: 2") && got.json()["title"] == "Not ready yet", "{}", got.head);
    assert_eq!(served.get("/api/tasks").json()["partitions"], Value::Null);
}

#[test]
fn lists_are_filtered_and_go_on_page_by_page() {
    let served = Served::start();
    served.tell(&driver());
    served.wait_for("/api/conversations", |list| ids(list).len() == 3);
    for (filter, expected) in [
        ("", vec!["c", "b", "a"]),
        ("?state=open", vec!["b", "a"]),
        ("?state=closed", vec!["c"]),
        ("?agent=ann", vec!["b"]),
        ("?queue=support", vec!["b", "a"]),
        ("?queue=support&state=closed", vec![]),
        ("?agent=unknown", vec![]),
    ] {
        let list = served.get(&format!("/api/conversations{filter}")).json();
        assert_eq!(ids(&list), expected, "{filter}");
        assert_eq!(list["next"], Value::Null);
    }
    let first = served.get("/api/conversations?limit=2").json();
    assert_eq!(ids(&first), ["c", "b"]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(ids(&served.get(&format!("/api/conversations?limit=2&after={next}")).json()), ["a"]);
}

#[test]
fn what_goes_on_is_counted_over_the_open_conversations() {
    let served = Served::start();
    served.tell(&driver());
    let now = served.wait_for("/api/now", |now| now["open"] == 2);
    assert_eq!(now["awaitingReply"], 2);
    assert_eq!(now["queues"], json!([{"queue": "support", "waiting": 1, "waitingSince": START_MS + 1}]));
    assert_eq!(now["agents"], json!([{"agentId": "ann", "name": "Ann", "conversations": 1}]));
}

#[test]
fn what_goes_on_in_listed_queues_is_in_the_metrics_and_leaves_with_its_partition() {
    let queues = vec!["support".to_owned(), "sales".to_owned()];
    let folds = folds::Settings { prometheus_queues: queues, ..folds::Settings::default() };
    let served = Served::with(Options { folds, ..Options::default() });
    served.tell(&driver());
    served.wait_for("/api/now", |now| now["open"] == 2);
    let has = |text: &str, line: &str| text.lines().any(|one| one == line);
    let text = served.get("/metrics").body;
    for line in [
        r#"cx_timelines_queue_waiting_visits{queue="support"} 1"#,
        r#"cx_timelines_queue_waiting_since_seconds{queue="support"} 1750000000.001"#,
        r#"cx_timelines_queue_waiting_visits{queue="sales"} 0"#,
        r#"cx_timelines_open_conversations{stage="QUEUED"} 1"#,
        r#"cx_timelines_open_conversations{stage="AGENT"} 1"#,
    ] {
        assert!(has(&text, line), "missing: {line}\n{text}");
    }
    // Sent again, as after a rebalance, each conversation counts once.
    served.updates.send(Update::Reset { partition: 0 }).unwrap();
    served.tell(&driver());
    served.wait_for("/api/now", |now| now["open"] == 2);
    assert!(has(&served.get("/metrics").body, r#"cx_timelines_queue_waiting_visits{queue="support"} 1"#));
    served.updates.send(Update::Closed { partition: 0 }).unwrap();
    served.wait_for("/api/now", |now| now["open"] == 0);
    let text = served.get("/metrics").body;
    for line in [
        r#"cx_timelines_queue_waiting_visits{queue="support"} 0"#,
        r#"cx_timelines_queue_waiting_since_seconds{queue="support"} 0"#,
        r#"cx_timelines_open_conversations{stage="AGENT"} 0"#,
    ] {
        assert!(has(&text, line), "missing: {line}\n{text}");
    }
}

#[test]
fn agents_who_wait_for_agents_and_rooms_of_agents_are_no_waiting_customers() {
    let queues = vec!["support".to_owned()];
    let folds = folds::Settings { prometheus_queues: queues, ..folds::Settings::default() };
    let served = Served::with(Options { folds, ..Options::default() });
    let mut driver = Driver::new(testkit::topology());
    let queued = |direction: &str| json!({"task": {"id": "t", "type": {"direction": direction}}, "queue": {"name": "support"}});
    driver.push(event("consult", "1", "TASK_ENQUEUED", 1, &queued("CONSULT")));
    driver.push(event("customer", "1", "TASK_ENQUEUED", 1, &queued("INBOUND")));
    driver.push(event("private", "1", "TASK_ENQUEUED", 1, &queued("INBOUND")));
    let room = json!({"id": "private-2", "name": "CUSTOMER_MESSAGE", "timestamp": START_MS, "conversationId": "private",
        "roomInfo": {"id": "r", "mode": "PRIVATE"}, "data": {"id": "m", "body": {"text": "hello"}}});
    driver.push(room.to_string());
    driver.finish();
    served.tell(&driver);
    served.wait_for("/api/now", |now| now["open"] == 3);
    let text = served.get("/metrics").body;
    assert!(text.contains("cx_timelines_queue_waiting_visits{queue=\"support\"} 1\n"), "{text}");
    assert!(text.contains("cx_timelines_open_conversations{stage=\"QUEUED\"} 1\n"), "{text}");
}

/// The next event's name and data.
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

#[test]
fn whoever_looks_on_is_told_what_changes_and_the_end_of_the_program() {
    let served = Served::start();
    let mut stream = BufReader::new(served.connect("GET", "/api/live", ""));
    let (name, now) = next_event(&mut stream);
    assert_eq!((name.as_str(), &now["open"]), ("now", &json!(0)));
    served.tell(&driver());
    let (name, changes) = next_event(&mut stream);
    let mut changed = ids(&changes);
    changed.sort_unstable();
    assert_eq!((name.as_str(), changed), ("changes", vec!["a", "b", "c"]));
    served.updates.send(Update::Closed { partition: 0 }).unwrap();
    let is_resync = std::iter::repeat_with(|| next_event(&mut stream).0).take(3).any(|name| name == "resync");
    assert!(is_resync);
    served.stop.request();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
}

#[test]
fn only_so_many_may_look_on_and_a_place_is_free_again_when_one_goes() {
    let served = Served::start();
    let looking = |served: &Served| {
        let mut stream = BufReader::new(served.connect("GET", "/api/live", ""));
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        (status.contains(" 200 "), stream)
    };
    let all: Vec<_> = (0..live::LOOKERS_MAX).map(|_| looking(&served)).collect();
    assert!(all.iter().all(|(is_in, _)| *is_in));
    let refused = served.get("/api/live");
    assert!(refused.status == 503 && refused.head.contains("retry-after"), "{}", refused.head);
    assert_eq!(served.get("/metrics").status, 200);
    drop(all);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !looking(&served).0 {
        assert!(Instant::now() < deadline, "no place became free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_the_token_nothing_is_told_but_figures_health_and_the_empty_page() {
    let token = Some(Token::new(TOKEN).unwrap());
    let served = Served::with(Options { token, ..Options::default() });
    for path in [
        "/api/now",
        "/api/tasks",
        "/api/conversations",
        "/api/conversations/x",
        "/api/live",
        "/api/customers/x",
        "/api/metrics/queue",
        "/api/metrics/queue/q",
        "/api/metrics/queue/q/explain",
    ] {
        for wrong in
            ["", "Authorization: Bearer 0123456789abcdeX\r\n", "Authorization: Basic 0123456789abcdef\r\n"]
        {
            let got = served.ask("GET", path, wrong);
            assert_eq!(got.status, 401, "{path} {wrong}");
            assert!(got.head.contains("www-authenticate: Bearer"), "{}", got.head);
        }
    }
    let right = format!("Host: any.example\r\nAuthorization: bearer {TOKEN}\r\n");
    assert_eq!(served.ask("GET", "/api/now", &right).status, 200);
    for open in ["/", "/metrics", "/health/live", "/api/openapi.json"] {
        assert_eq!(served.get(open).status, 200, "{open}");
    }
}

#[test]
fn without_a_token_a_name_that_others_can_point_here_is_not_answered() {
    let served = Served::with(Options { hosts: vec!["cx.example".to_owned()], ..Options::default() });
    let asked_as = |host: &str| served.ask("GET", "/api/now", &format!("Host: {host}\r\n")).status;
    assert_eq!(asked_as("evil.example"), 421);
    assert_eq!(
        (asked_as("cx.example:9464"), asked_as("localhost"), asked_as("127.0.0.1:1")),
        (200, 200, 200)
    );
}

#[test]
fn a_request_that_is_too_long_is_refused() {
    let served = Served::start();
    let got = served.get(&format!("/api/conversations?agent={}", "x".repeat(5_000)));
    assert_eq!(got.status, 414, "{}", got.body);
}

#[test]
fn every_answer_tells_browsers_to_do_nothing_that_the_page_does_not_need() {
    let served = Served::start();
    for path in ["/", "/page/main.js", "/page/page.css", "/api/now", "/nothing"] {
        let head = served.get(path).head;
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
    }
    let page = served.get("/").body;
    assert!(!page.contains(" style=") && !page.contains("://"), "{page}");
    assert!(!page.split_whitespace().any(|word| word.starts_with("on") && word.contains('=')), "{page}");
    let scripts: Vec<&str> = page.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(scripts, ["/page/main.js"]);
}

#[test]
fn the_page_never_makes_markup_of_what_it_shows() {
    let served = Served::start();
    for script in
        ["main", "api", "dom", "list", "timeline", "reports", "tables", "kpis", "charts", "csv", "explain"]
    {
        let got = served.get(&format!("/page/{script}.js"));
        assert_eq!(got.status, 200, "{script}");
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "DOMParser",
            "Function(",
        ] {
            assert!(!got.body.contains(way), "{script}: {way}");
        }
    }
}
