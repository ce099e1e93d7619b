//! A broker that lets in only whom it knows, and only for what it is allowed: the program comes in by each way, needs nothing but
//! the rights that it lists, and says what is wrong where it is not let in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

mod certificates;
mod ground;

use std::time::Duration;

use certificates::Authority;
use cx_timelines_tests::{OUTPUTS, Program, Watch, consume, differences, fold, of_lines};
use ground::{FOLDER, GROUP, Ground, MAKER, READER, SOURCE, Way};
use sandbox::conversations::{Options, Size, events};

const PATIENCE: Duration = Duration::from_secs(60);

/// One broker for all: it takes the longest to start.
#[test]
fn a_broker_lets_in_whom_it_knows_by_each_way_and_for_what_is_listed() {
    let ground = Ground::new();
    who_is_not_let_in_is_told_why(&ground);
    for (whom, what) in [(MAKER, "topics"), (FOLDER, "run"), (SOURCE, "load"), (READER, "look")] {
        allow(&ground, whom, what);
    }
    let made = ground.by_password(MAKER).to_end(&["topics", "apply"], b"");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    each_way_folds_its_part(&ground);
}

/// Gives somebody the rights that the program lists for what it does.
fn allow(ground: &Ground, whom: &str, what: &str) {
    for line in rights(ground, whom, what) {
        ground.run_acls(&line);
    }
}

fn rights(ground: &Ground, whom: &str, what: &str) -> Vec<String> {
    let principal = format!("User:{whom}");
    let way = Way(["--bootstrap", ground.bootstrap()].map(str::to_owned).to_vec());
    let listed = way.to_end(&["acls", what, "--principal", &principal], b"");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// `run` ends in this way, with the words in its last line, and without any password.
fn refused(ground: &Ground, name: &str, way: &Way, words: &[&str]) {
    let arguments = way.with(&["run", "--no-create-topics", "--http", "127.0.0.1:0"]);
    let mut program = Program::start(&arguments, ground.file(&format!("{name}.log")));
    let code = program.wait_for_end(PATIENCE);
    let said = program.log();
    assert_eq!(code, Some(2), "{name}: {said}");
    let last = said.lines().last().unwrap();
    for word in words {
        assert!(last.contains(word), "{name} does not say {word:?}: {said}");
    }
    assert!(!said.contains("s3cret"), "{name}: {said}");
}

fn who_is_not_let_in_is_told_why(ground: &Ground) {
    let wrong = ground.file("wrong-password");
    std::fs::write(&wrong, "not-the-s3cret").unwrap();
    let mut by_wrong_password = ground.by_password(FOLDER);
    *by_wrong_password.0.last_mut().unwrap() = wrong.to_str().unwrap().to_owned();
    let stranger = Authority::new(ground.file("").as_path(), "stranger");
    let mut trusting_a_stranger = ground.by_password(FOLDER);
    trusting_a_stranger.0[3] = stranger.file().to_str().unwrap().to_owned();
    let mut by_another_name = ground.by_password(FOLDER);
    by_another_name.0[1] = by_another_name.0[1].replace("127.0.0.1", "localhost");
    let [plain, tls] = ground.by_the_wrong_protocol();
    let all: [(&str, Way, &[&str]); 8] = [
        ("password", by_wrong_password, &["127.0.0.1:", "SCRAM-SHA-512", FOLDER, "--kafka-password-file"]),
        ("token", ground.by_token("late", -1), &["has expired", "late-token"]),
        ("trust", trusting_a_stranger, &["certificate of 127.0.0.1:", "is not accepted", "--kafka-ca"]),
        ("name", by_another_name, &["certificate of localhost:", "made for other names", "--bootstrap"]),
        ("expired", ground.to_the_expired(), &["has expired", "new certificate"]),
        ("nobody", ground.without_a_certificate(), &["127.0.0.1:", "--kafka-cert"]),
        ("plain", plain, &["speaks TLS", "--kafka-security ssl"]),
        ("tls", tls, &["speaks plain text", "--kafka-security plaintext"]),
    ];
    std::thread::scope(|scope| {
        for (name, way, words) in &all {
            scope.spawn(move || refused(ground, &format!("refused-{name}"), way, words));
        }
    });
}

/// Each takes its part of the events with the state that the one before has left in the changelog.
fn each_way_folds_its_part(ground: &Ground) {
    let options = Options { seed: 8, start_ms: 1_750_000_000_000, size: Size::Slim, session_keyed: true };
    let lines: Vec<String> = events(&options, 600).into_iter().map(|planned| planned.value).collect();
    let ways = [
        ("password", ground.by_password(FOLDER), ground.by_password(SOURCE)),
        ("token", ground.by_token(FOLDER, 600), ground.by_token(SOURCE, 600)),
        ("certificate", ground.by_certificate(FOLDER), ground.by_certificate(SOURCE)),
    ];
    let watch = Watch::new(ground.bootstrap(), GROUP, "cx.events");
    for ((name, folder, source), part) in ways.iter().zip(lines.chunks(lines.len().div_ceil(3))) {
        let loaded = source.to_end(&["load", "-"], part.join("\n").as_bytes());
        assert!(loaded.status.success(), "{name}: {}", String::from_utf8_lossy(&loaded.stderr));
        let mut instance = ground.run(folder, name, &["--standbys", "1"]);
        watch.wait_for_all(PATIENCE);
        let (code, _) = instance.terminate();
        assert_eq!(code, Some(0), "{name}: {}", instance.log());
    }
    let expected = of_lines(&fold(lines.join("\n").as_bytes()));
    let found = differences(&expected, &consume(ground.bootstrap(), &OUTPUTS).records);
    assert!(found.is_empty(), "{} differences, the first:\n{}", found.len(), found[0]);
}
