// SPDX-License-Identifier: Apache-2.0

//! The registry's client against a scripted server: requests, handling of responses, retries and caching.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use avro::registry::{Auth, Registry, RegistryError, Settings, Verdict};
use avro::{Learner, Learnt, Plans};
use model::Limits;
use serde_json::{Value, json};

/// A request.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    /// Method and path.
    line: String,
    authorization: Option<String>,
    body: Value,
}

/// A server that sends each of its responses once, in order, and then stops. A response without a status closes the connection.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn answering(answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/apis/ccompat/v7", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            for (status, body) in answers {
                let (stream, _) = listener.accept().unwrap();
                heard.lock().unwrap().push(read_request(&stream));
                if status > 0 {
                    write!(
                        &stream,
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    )
                    .unwrap();
                }
            }
        });
        Server { url, asked, thread: Some(thread) }
    }

    fn registry(&self) -> Registry {
        self.registry_with(Auth::None)
    }

    fn registry_with(&self, auth: Auth) -> Registry {
        Registry::new(Settings { auth, ..quick(&self.url) }).unwrap()
    }

    /// All requests, once all responses have been sent.
    fn asked(mut self) -> Vec<Asked> {
        self.thread.take().unwrap().join().unwrap();
        self.asked.lock().unwrap().clone()
    }

    fn lines(self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn quick(url: &str) -> Settings {
    let pause = Duration::from_millis(1);
    Settings { urls: vec![url.to_owned()], first_pause: pause, longest_pause: pause, ..Settings::default() }
}

fn read_request(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let line = line.trim().strip_suffix(" HTTP/1.1").unwrap().replace("/apis/ccompat/v7", "");
    Asked { line, authorization, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

const SCHEMA: &str = r#"{"type":"string"}"#;
const FOUND: (u16, &str) = (200, r#"{"schema":"{\"type\":\"string\"}"}"#);
const ID: (u16, &str) = (200, r#"{"id":7}"#);

#[test]
fn a_schema_is_registered_under_its_subject_once() {
    let server = Server::answering(vec![ID]);
    let registry = server.registry();
    assert_eq!(registry.register("cx.activities-value", SCHEMA), Ok(7));
    assert_eq!(registry.register("cx.activities-value", SCHEMA), Ok(7));
    assert_eq!(
        server.asked(),
        [Asked {
            line: "POST /subjects/cx.activities-value/versions".to_owned(),
            authorization: None,
            body: json!({"schema": SCHEMA, "schemaType": "AVRO"}),
        }]
    );
}

#[test]
fn a_schema_is_fetched_by_its_id_once() {
    let server = Server::answering(vec![FOUND]);
    let registry = server.registry();
    assert_eq!(&*registry.by_id(7).unwrap(), SCHEMA);
    assert_eq!(&*registry.by_id(7).unwrap(), SCHEMA);
    assert_eq!(server.lines(), ["GET /schemas/ids/7"]);
}

#[test]
fn an_id_that_the_registry_does_not_know_is_not_asked_for_again_at_once() {
    let server =
        Server::answering(vec![(404, r#"{"error_code":40403,"message":"Schema not found"}"#), FOUND]);
    let registry = server.registry();
    assert_eq!(registry.by_id(7), Err(RegistryError::NotFound { what: "schema id 7".to_owned() }));
    // But it may be registered later.
    assert!(registry.by_id(7).is_ok());
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn what_is_not_well_is_tried_again() {
    let server = Server::answering(vec![(503, ""), (500, r#"{"error_code":50001}"#), (429, ""), ID]);
    assert_eq!(server.registry().register("s", SCHEMA), Ok(7));
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let server = Server::answering(vec![(0, ""), FOUND]);
    assert!(server.registry().by_id(1).is_ok());
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn after_so_many_attempts_it_is_given_up_and_may_be_asked_later() {
    let server = Server::answering(vec![(503, ""), (503, ""), (503, ""), (503, ""), ID]);
    let registry = server.registry();
    let error = registry.register("s", SCHEMA).unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(error.to_string().contains("status 503"), "{error}");
    assert_eq!(registry.register("s", SCHEMA), Ok(7));
    server.asked();
}

#[test]
fn a_registry_that_is_not_there_is_unavailable() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let registry = Registry::new(quick(&format!("http://{address}"))).unwrap();
    let error = registry.by_id(1).unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_registry_that_never_answers_is_unavailable_after_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { timeout: Duration::from_millis(20), attempts: 2, ..quick(&url) };
    let error = Registry::new(settings).unwrap().by_id(1).unwrap_err();
    assert!(error.is_temporary(), "{error}");
}

#[test]
fn an_incompatible_schema_is_refused_in_the_registrys_words() {
    let server = Server::answering(vec![
        (409, r#"{"error_code":409,"message":"READER_FIELD_MISSING_DEFAULT_VALUE: mood"}"#),
        (404, r#"{"error_code":40403,"message":"Schema not found"}"#),
    ]);
    let error = server.registry().register("s", SCHEMA).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema registry refuses the schema of subject s as incompatible with an earlier version: \
         READER_FIELD_MISSING_DEFAULT_VALUE: mood"
    );
    assert!(!error.is_temporary());
    let lines = server.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_schema_that_is_refused_because_it_is_there_is_registered() {
    let server = Server::answering(vec![
        (0, ""),
        (409, r#"{"error_code":409,"message":"An artifact with this content already exists"}"#),
        (200, r#"{"subject":"s","id":7,"version":1}"#),
    ]);
    assert_eq!(server.registry().register("s", SCHEMA).unwrap(), 7);
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let server = Server::answering(vec![
        (422, r#"{"error_code":42201,"message":"Invalid schema"}"#),
        (401, ""),
        (403, "no"),
    ]);
    let registry = server.registry();
    assert_eq!(
        registry.register("s", SCHEMA).unwrap_err().to_string(),
        "the schema registry answers the registration of s with status 422: Invalid schema"
    );
    for status in [401, 403] {
        let error = registry.by_id(1).unwrap_err();
        assert!(matches!(&error, RegistryError::Denied { status: said, .. } if *said == status), "{error}");
    }
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn what_is_no_registry_is_called_strange() {
    let server = Server::answering(vec![
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"id":-1}"#),
        (404, "<html>"),
        (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
        (200, "[]"),
    ]);
    let registry = server.registry();
    let errors = [
        registry.by_id(1).unwrap_err(),
        registry.by_id(1).unwrap_err(),
        registry.register("s", SCHEMA).unwrap_err(),
        registry.by_id(1).unwrap_err(),
        registry.by_id(1).unwrap_err(),
        registry.check("s", SCHEMA).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::Strange { .. }), "{error}");
    }
    server.asked();
}

#[test]
fn a_schema_of_another_kind_is_known_to_be_so() {
    let server =
        Server::answering(vec![(200, r#"{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"}"#)]);
    let error = server.registry().by_id(1).unwrap_err();
    assert_eq!(error.to_string(), "schema id 1 is of type PROTOBUF, not Avro");
    server.asked();
}

#[test]
fn of_several_addresses_the_next_one_is_asked_when_one_does_not_answer() {
    let gone = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let server = Server::answering(vec![FOUND, ID]);
    let urls = vec![gone, server.url.clone()];
    let registry = Registry::new(Settings { urls, ..quick("") }).unwrap();
    assert!(registry.by_id(1).is_ok());
    assert_eq!(registry.register("s", SCHEMA), Ok(7), "it stays with the one that answered");
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn an_id_that_the_registry_does_not_know_is_refused_only_while_that_is_believed() {
    const UNKNOWN: (u16, &str) = (404, r#"{"error_code":40403,"message":"Schema not found"}"#);
    let server = Server::answering(vec![UNKNOWN, UNKNOWN, FOUND]);
    let plans = Arc::new(Plans::new());
    let learner = Learner::new(Arc::new(server.registry()), Arc::clone(&plans));
    let refusal = |id: u32| {
        let value = [&[0], id.to_be_bytes().as_slice(), b"data"].concat();
        plans.decode(&value, None, &Limits::default(), &mut Vec::new()).unwrap_err().to_string()
    };
    let value = |id: u32| [&[0], id.to_be_bytes().as_slice(), b"data"].concat();
    for _ in 0..2 {
        assert_eq!(learner.learn(7), Ok(Learnt::NotRegistered));
        assert_eq!(plans.unknown_id(&value(7)), Some(7), "nothing is decided by that");
    }
    learner.deny(7);
    assert!(refusal(7).contains("knows no schema of id 7"), "{}", refusal(7));
    assert_eq!((learner.known(), plans.unknown_id(&value(7))), (0, None));
    learner.allow(7);
    assert!(refusal(7).contains("not known yet"), "{}", refusal(7));
    let Ok(Learnt::Unreadable(why)) = learner.learn(7) else { panic!("it is no record's schema") };
    assert!(refusal(7).contains(&why) && why.contains("not that of a record"), "{why}");
    learner.allow(7);
    assert_eq!((learner.known(), plans.unknown_id(&value(7))), (1, None), "what is known stays known");
    server.asked();
}

#[test]
fn what_cannot_be_the_id_of_a_schema_is_refused_without_asking() {
    let value = [&[0], (1_u32 << 31).to_be_bytes().as_slice(), b"data"].concat();
    let plans = Plans::new();
    assert_eq!(plans.unknown_id(&value), None);
    let refusal = plans.decode(&value, None, &Limits::default(), &mut Vec::new()).unwrap_err();
    assert!(refusal.to_string().contains("no schema can have the id 2147483648"), "{refusal}");
}

#[test]
fn a_registry_that_does_not_answer_teaches_nothing() {
    let server = Server::answering(vec![(503, ""), (503, ""), (503, ""), (503, "")]);
    let plans = Arc::new(Plans::new());
    let learner = Learner::new(Arc::new(server.registry()), Arc::clone(&plans));
    assert!(learner.learn(7).unwrap_err().is_temporary());
    assert!(!plans.knows(7));
    server.asked();
}

#[test]
fn who_we_are_goes_with_every_call_and_into_no_log() {
    let basic = Auth::Basic { user: "ann".to_owned(), password: "secret".to_owned() };
    let bearer = Auth::Bearer("secret".to_owned());
    for (auth, sent) in [(basic, "Basic YW5uOnNlY3JldA=="), (bearer, "Bearer secret")] {
        assert!(!format!("{auth:?}").contains("secret"));
        let server = Server::answering(vec![FOUND]);
        server.registry_with(auth).by_id(1).unwrap();
        assert_eq!(server.asked()[0].authorization.as_deref(), Some(sent));
    }
}

#[test]
fn whether_a_schema_is_compatible_is_told_with_the_reasons() {
    let server = Server::answering(vec![
        (200, r#"{"is_compatible":true}"#),
        (200, r#"{"is_compatible":false,"messages":["a","b"]}"#),
        (404, r#"{"error_code":40401,"message":"Subject not found"}"#),
    ]);
    let registry = server.registry();
    assert_eq!(registry.check("s", SCHEMA), Ok(Verdict::Compatible));
    assert_eq!(registry.check("s", SCHEMA), Ok(Verdict::Incompatible(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(registry.check("s", SCHEMA), Ok(Verdict::NewSubject));
    assert_eq!(server.lines()[0], "POST /compatibility/subjects/s/versions?verbose=true");
}

#[test]
fn all_versions_of_a_subject_are_given_the_oldest_first() {
    let newer = r#"{"schema":"\"int\"","version":3}"#;
    let server =
        Server::answering(vec![(200, "[1,3]"), FOUND, (200, newer), (404, r#"{"error_code":40401}"#)]);
    let registry = server.registry();
    assert_eq!(registry.versions("a/b"), Ok(vec![SCHEMA.to_owned(), "\"int\"".to_owned()]));
    assert_eq!(registry.versions("none"), Ok(vec![]));
    assert_eq!(
        server.lines(),
        [
            "GET /subjects/a%2Fb/versions",
            "GET /subjects/a%2Fb/versions/1",
            "GET /subjects/a%2Fb/versions/3",
            "GET /subjects/none/versions"
        ]
    );
}

#[test]
fn a_schema_is_looked_for_without_being_registered() {
    let server = Server::answering(vec![
        (200, r#"{"subject":"s","id":7,"version":1}"#),
        (404, r#"{"error_code":40401}"#),
    ]);
    let registry = server.registry();
    assert_eq!(registry.id_of("s", SCHEMA), Ok(Some(7)));
    assert_eq!(registry.id_of("s", SCHEMA), Ok(Some(7)), "asked once");
    assert_eq!(registry.id_of("t", SCHEMA), Ok(None));
    assert_eq!(server.lines(), ["POST /subjects/s", "POST /subjects/t"]);
}

#[test]
fn a_subject_has_a_rule_of_its_own_once_it_is_set() {
    let server = Server::answering(vec![
        (404, r#"{"error_code":40401}"#),
        (200, r#"{"compatibility":"FULL_TRANSITIVE"}"#),
        (200, r#"{"compatibilityLevel":"FULL_TRANSITIVE"}"#),
    ]);
    let registry = server.registry();
    assert_eq!(registry.rule("s"), Ok(None));
    assert_eq!(registry.set_rule("s", "FULL_TRANSITIVE"), Ok(()));
    assert_eq!(registry.rule("s"), Ok(Some("FULL_TRANSITIVE".to_owned())));
    let asked = server.asked();
    assert_eq!(asked[1].line, "PUT /config/s");
    assert_eq!(asked[1].body, json!({"compatibility": "FULL_TRANSITIVE"}));
}

#[test]
fn settings_that_cannot_be_used_are_said_at_once() {
    let with_ca = |pem: &str| Registry::new(Settings { ca_pem: Some(pem.to_owned()), ..quick("https://r") });
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
        let error = with_ca(pem).err().unwrap().to_string();
        assert!(error.contains("the CA file"), "{error}");
    }
    let error = Registry::new(quick("not a url")).unwrap().by_id(1).unwrap_err();
    assert!(matches!(error, RegistryError::Settings(_)), "{error}");
}
