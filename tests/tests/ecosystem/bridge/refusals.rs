// SPDX-License-Identifier: Apache-2.0

//! Connections that are refused, half-open, or of the wrong kind: words, remedies and exit codes.

use std::io::Write;
use std::net::TcpListener;

use cx_timelines_tests::run_to_end;
use sandbox::activemq::{Kind, PASSWORD, STRANGER, USER};

use super::ground::{Ground, await_ready};

/// The exit code and what is said by a bridge with these flags, which never gets a connection.
fn ended(ground: &Ground, flags: &[&str]) -> (Option<i32>, String) {
    let password = ground.password();
    let standard =
        ["bridge", "--bootstrap", ground.bootstrap(), "--http", "127.0.0.1:0", "--connect-timeout", "2"];
    let password = ["--activemq-password-file", password.to_str().unwrap()];
    let password = if flags.contains(&"--activemq-user") { &password[..] } else { &[] };
    let output = run_to_end(&[&standard[..], password, flags].concat(), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(PASSWORD), "it tells the password: {said}");
    (output.status.code(), said)
}

/// A listener that answers each connection with these bytes, and closes it unless there are none.
fn listener(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(answer).unwrap();
            if answer.is_empty() {
                open.push(stream);
            }
        }
    });
    url
}

#[test]
fn what_cannot_work_is_said_with_the_remedy_and_the_exit_code() {
    let ground = Ground::new(Kind::Classic);
    let url = ground.activemq.url();
    let ports = ground.activemq.ports();
    let nowhere = format!("amqp://127.0.0.1:{}", sandbox::kafka::free_port().unwrap());
    let openwire = format!("amqp://127.0.0.1:{}", ports.openwire);
    let stomp = format!("amqp://127.0.0.1:{}", ports.stomp);
    let tls_to_plain = url.replace("amqp://", "amqps://");
    let (silent, http) = (listener(b""), listener(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let user = ["--activemq-user", USER];
    let with_user = |url: &str| {
        [&["--activemq", url][..], &user].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // The flags, the exit code, and words that are said.
    let stranger = ["--activemq", &url, "--activemq-user", STRANGER].map(str::to_owned).to_vec();
    let nameless = ["--activemq", &url].map(str::to_owned).to_vec();
    let unknown = ["--activemq", &url, "--activemq-user", "unknown"].map(str::to_owned).to_vec();
    let cases: [(Vec<String>, i32, &[&str]); 10] = [
        (with_user(&nowhere), 1, &["no broker answers at", "Connection refused", "--activemq"]),
        (with_user(&silent), 1, &["accepts the connection and then does not answer", "AMQP"]),
        (with_user(&http), 2, &["does not speak AMQP 1.0 (it speaks HTTP)", "5672"]),
        (with_user(&openwire), 2, &["does not speak AMQP 1.0 (it speaks OpenWire)"]),
        (with_user(&stomp), 1, &["error:", "AMQP"]),
        (with_user(&tls_to_plain), 2, &["TLS with", "fails"]),
        (unknown, 2, &["refuses the user unknown or its password", "CX_ACTIVEMQ_PASSWORD"]),
        (nameless, 2, &["refuses a client without a user", "--activemq-user"]),
        (stranger, 2, &["refuses the subscription to topic conversation-topic", "rights"]),
        (with_user("amqp://nowhere.invalid"), 1, &["no broker answers at amqp://nowhere.invalid"]),
    ];
    for (flags, expected, words) in cases {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (code, said) = ended(&ground, &flags);
        assert_eq!(code, Some(expected), "{flags:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{flags:?} does not say {word:?}: {said}");
        }
    }
    let (code, said) = ended(&ground, &["--activemq", "tcp://127.0.0.1:61616"]);
    assert_eq!((code, said.contains("amqp://HOST:PORT")), (Some(2), true), "{said}");
    let (code, said) = ended(&ground, &["--activemq", "amqp://cx:secret@127.0.0.1"]);
    assert_eq!((code, said.contains("CX_ACTIVEMQ_PASSWORD")), (Some(2), true), "{said}");
}

#[test]
fn of_several_brokers_the_one_that_answers_is_used_and_a_second_bridge_has_to_have_its_own_name() {
    let ground = Ground::new(Kind::Classic);
    let nowhere = format!("amqp://127.0.0.1:{}", sandbox::kafka::free_port().unwrap());
    let both = format!("{nowhere},{}", ground.activemq.url());
    let password = ground.password();
    let flags = ["bridge", "--bootstrap", ground.bootstrap(), "--activemq", &both, "--activemq-user", USER];
    let more = ["--activemq-password-file", password.to_str().unwrap(), "--http", "127.0.0.1:0"];
    let flags = [&flags[..], &more].concat();
    let mut first = cx_timelines_tests::Program::start(&flags, ground.file("first.log"));
    await_ready(&mut first);
    let second = run_to_end(&[&flags[..], &["--connect-timeout", "2"]].concat(), b"");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains("has a client cx-timelines-bridge already") && said.contains("--client-id"),
        "{said}"
    );
    let mut other = cx_timelines_tests::Program::start(
        &[&flags[..], &["--client-id", "other"]].concat(),
        ground.file("other.log"),
    );
    await_ready(&mut other);
}
