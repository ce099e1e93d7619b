// SPDX-License-Identifier: Apache-2.0

//! A broker that lets in only whom it knows, and only for what it is allowed: the program comes in by each way, needs nothing but
//! the rights that it lists, and says what is wrong where it is not let in.

mod ground;

use std::process::Output;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cx_timelines_tests::certificates::Authority;
use cx_timelines_tests::{OUTPUTS, Program, Watch, consume, differences, fold, of_lines, series, wait_until};
use ground::{ERASER, FOLDER, GROUP, Ground, MAKER, OPERATOR, READER, SOURCE, Way};
use sandbox::conversations::{Options, Size, events};

/// A conversation of one message.
const ONE: &str = "6f0c2c5e-8c4b-4c55-9d3b-0f6f1f6a0001";
const EVENTS_OF_ONE: &str = include_str!("one.ndjson");

/// The lifetime of each token, which is replaced continuously.
const TOKEN_SECONDS: i64 = 7;
const TIMEOUT: Duration = Duration::from_secs(60);

/// One broker for all: it takes the longest to start.
#[test]
fn a_broker_lets_in_whom_it_knows_by_each_way_and_for_what_is_listed() {
    let ground = Ground::new();
    who_is_not_let_in_is_told_why(&ground);
    let purposes =
        [(MAKER, "topics"), (SOURCE, "load"), (READER, "look"), (OPERATOR, "replay"), (ERASER, "erase")];
    let all: Vec<String> = purposes.iter().flat_map(|(whom, what)| rights(&ground, whom, what)).collect();
    all.chunks(4).for_each(|lines| ground.run_all_acls(lines));
    let made = ground.by_password(MAKER).to_end(&["topics", "apply"], b"");
    assert!(made.status.success(), "{}", said(&made));
    without_a_right_it_is_told_which(&ground);
    goes_on_with_new_tokens(&ground);
    each_way_folds_its_part(&ground);
    readers_read_and_nobody_does_more(&ground);
    an_operator_sends_back_and_erases(&ground);
}

/// The ACLs that the program lists for a purpose.
fn rights(ground: &Ground, whom: &str, what: &str) -> Vec<String> {
    let principal = format!("User:{whom}");
    let way = Way(["--bootstrap", ground.bootstrap()].map(str::to_owned).to_vec());
    let listed = way.to_end(&["acls", what, "--principal", &principal], b"");
    assert!(listed.status.success(), "{}", said(&listed));
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Without one kind of right after the other the pipeline ends, and names what it lacks. With the last of them it would run: so
/// none of these is listed in vain.
fn without_a_right_it_is_told_which(ground: &Ground) {
    let way = ground.by_password(FOLDER);
    let denied = |name: &str, code: i32, words: &[&str]| {
        let mut instance = ground.run(&way, name, &[]);
        assert_eq!(instance.wait_for_end(TIMEOUT), Some(code), "{name}: {}", instance.log());
        let said = instance.log();
        let last = said.lines().last().unwrap();
        for word in words.iter().chain(&["`cx-timelines acls run`"]) {
            assert!(last.contains(word), "{name} does not say {word:?}: {said}");
        }
    };
    let all = rights(ground, FOLDER, "run");
    let give = |kind: &str| {
        let lines: Vec<String> = all.iter().filter(|line| line.contains(kind)).cloned().collect();
        ground.run_all_acls(&lines);
    };
    denied("no-right", 2, &["cx.events", "Describe"]);
    give("--topic");
    denied("no-transactional-id", 1, &["cx-timelines-", "Write"]);
    give("--transactional-id");
    denied("no-group", 1, &["group", "Read"]);
    give("--group");
    // One that is taken while the pipeline runs, with all that it says.
    let taken = format!("--allow-principal User:{FOLDER} --operation Write --topic cx.activities");
    let address = format!("kafka-acls.sh --bootstrap-server {}", ground.bootstrap());
    let mut instance = ground.run(&way, "no-output", &["-vv"]);
    wait_until("it is ready", TIMEOUT, || (instance.get("/health/ready").0 == 200).then_some(()));
    ground.run_acls(&format!("{address} --remove --force {taken}"));
    let loaded = ground.by_password(SOURCE).to_end(&["load", "-", "-vv"], EVENTS_OF_ONE.as_bytes());
    assert!(loaded.status.success(), "{}", said(&loaded));
    tells_nothing_personal("load", &said(&loaded));
    assert_eq!(instance.wait_for_end(TIMEOUT), Some(1), "{}", instance.log());
    let log = instance.log();
    tells_nothing_personal("run", &log);
    let last = log.lines().last().unwrap();
    for word in ["topic cx.activities", "Write", "`cx-timelines acls run`"] {
        assert!(last.contains(word), "it does not say {word:?}: {last}");
    }
    ground.run_acls(&format!("{address} --add {taken}"));
}

/// All that is said of events that are full of marked words, and none of these.
fn tells_nothing_personal(who: &str, log: &str) {
    assert!(log.contains("TRACE"), "{who} does not say everything: {log}");
    let leaked: Vec<&str> = log.lines().filter(|line| line.contains("MARKED")).collect();
    assert!(leaked.is_empty(), "{who} logs personal data: {leaked:?}");
    assert!(!log.contains("s3cret"), "{who} tells a password");
}

/// `run` ends in this way, with the words in its last line, and without any password.
fn refused(ground: &Ground, name: &str, way: &Way, words: &[&str]) {
    let arguments = way.with(&["run", "--no-create-topics", "--http", "127.0.0.1:0"]);
    let mut program = Program::start(&arguments, ground.file(&format!("{name}.log")));
    let code = program.wait_for_end(TIMEOUT);
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
        ("name", by_another_name, &["certificate of localhost:", "issued for other names", "--bootstrap"]),
        ("expired", ground.to_the_expired(), &["has expired", "new certificate"]),
        ("anonymous", ground.without_a_certificate(), &["127.0.0.1:", "--kafka-cert"]),
        ("plain", plain, &["speaks TLS", "--kafka-security ssl"]),
        ("tls", tls, &["speaks plain text", "--kafka-security plaintext"]),
    ];
    std::thread::scope(|scope| {
        for (name, way, words) in &all {
            scope.spawn(move || refused(ground, &format!("refused-{name}"), way, words));
        }
    });
}

/// Each takes its part of the events with the state that the one before has left in the changelog. The second is killed while it
/// does, and goes on.
fn each_way_folds_its_part(ground: &Ground) {
    let options = Options {
        seed: 8,
        start_ms: 1_750_000_000_000,
        size: Size::Slim,
        session_keyed: true,
        ..Options::default()
    };
    let lines: Vec<String> = events(&options, 300).into_iter().map(|planned| planned.value).collect();
    let ways = [
        ("password", ground.by_password(FOLDER), ground.by_password(SOURCE)),
        ("token", ground.by_token(FOLDER, 600), ground.by_token(SOURCE, 600)),
        ("certificate", ground.by_certificate(FOLDER), ground.by_certificate(SOURCE)),
    ];
    let watch = Watch::new(ground.bootstrap(), GROUP, "cx.events");
    for ((name, folder, source), part) in ways.iter().zip(lines.chunks(lines.len().div_ceil(3))) {
        let loaded = source.to_end(&["load", "-"], part.join("\n").as_bytes());
        assert!(loaded.status.success(), "{name}: {}", said(&loaded));
        let mut instance = ground.run(folder, name, &["--standbys", "1", "-vv", "--log-format", "json"]);
        if *name == "token" {
            wait_until("something is committed", TIMEOUT, || {
                (instance.figure("cx_timelines_events_total") > 0.0).then_some(())
            });
            instance.kill();
            instance = ground.run(folder, name, &["--standbys", "1"]);
        }
        watch.wait_for_all(TIMEOUT);
        if *name == "certificate" {
            wait_until("the lag is known", TIMEOUT, || {
                let lag = series(&instance.get("/metrics").1, "cx_timelines_consumer_lag_records")?;
                (lag == 0.0).then_some(())
            });
        }
        let (code, _) = instance.terminate();
        assert_eq!(code, Some(0), "{name}: {}", instance.log());
        tells_nothing_personal(name, &instance.log());
    }
    let all = format!("{EVENTS_OF_ONE}\n{EVENTS_OF_ONE}\n{}", lines.join("\n"));
    let found = differences(&of_lines(&fold(all.as_bytes())), &consume(ground.bootstrap(), &OUTPUTS).records);
    assert!(found.is_empty(), "{} differences, the first:\n{}", found.len(), found[0]);
}

/// Tokens that are good for seconds only, written continuously; the broker requires a valid one all the time. Past the end of
/// the first one it goes on, so the file is read again.
fn goes_on_with_new_tokens(ground: &Ground) {
    let way = ground.by_token(FOLDER, TOKEN_SECONDS);
    let first_ends = Instant::now() + Duration::from_secs(TOKEN_SECONDS.unsigned_abs());
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                ground.by_token(FOLDER, TOKEN_SECONDS);
            }
        });
        let mut instance = ground.run(&way, "new-tokens", &[]);
        wait_until("the first token is over", TIMEOUT, || (Instant::now() > first_ends).then_some(()));
        wait_until("it is ready", TIMEOUT, || (instance.get("/health/ready").0 == 200).then_some(()));
        let before = instance.figure("cx_timelines_transactions_total");
        let loaded = ground.by_password(SOURCE).to_end(&["load", "-"], EVENTS_OF_ONE.as_bytes());
        assert!(loaded.status.success(), "{}", said(&loaded));
        wait_until("it goes on", TIMEOUT, || {
            (instance.figure("cx_timelines_transactions_total") > before).then_some(())
        });
        assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
        drop(done);
    });
}

/// A reader can connect in all ways too, and can neither write nor read settings.
fn readers_read_and_nobody_does_more(ground: &Ground) {
    for (name, way) in [
        ("password", ground.by_password(READER)),
        ("token", ground.by_token(READER, 600)),
        ("certificate", ground.by_certificate(READER)),
    ] {
        let shown = way.to_end(&["show", ONE, "--json", "-vv"], b"");
        assert!(shown.status.success(), "{name}: {}", said(&shown));
        assert!(String::from_utf8_lossy(&shown.stdout).contains("MARKED-edit"), "{name}");
        tells_nothing_personal("show", &said(&shown));
        let tail = way.to_end(&["tail", "cx.activities", "--from-beginning", "--limit", "1"], b"");
        assert!(tail.status.success() && !tail.stdout.is_empty(), "{name}: {}", said(&tail));
    }
    let refused = ground.by_password(READER).to_end(&["load", "-"], EVENTS_OF_ONE.as_bytes());
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("cx.events"), "{}", said(&refused));
    let checked = ground.by_certificate(MAKER).to_end(&["topics", "check"], b"");
    assert!(checked.status.success(), "{}", said(&checked));
    let checked = ground.by_certificate(READER).to_end(&["topics", "check"], b"");
    assert_eq!(checked.status.code(), Some(2), "{}", said(&checked));
    assert!(
        said(&checked).contains("no right on cx.agent-states, cx-timelines-changelog"),
        "{}",
        said(&checked)
    );
    let by_token = ground.by_token(MAKER, 600).to_end(&["topics", "check"], b"");
    assert_eq!(by_token.status.code(), Some(2), "{}", said(&by_token));
    assert!(said(&by_token).contains("OAUTHBEARER"), "{}", said(&by_token));
}

/// What changes records besides the pipeline, each under its own rights.
fn an_operator_sends_back_and_erases(ground: &Ground) {
    let mut instance = ground.run(&ground.by_certificate(FOLDER), "erased", &[]);
    let sent = ground.by_password(OPERATOR).to_end(&["dead-letters", "replay", "--yes"], b"");
    assert!(sent.status.success(), "{}", said(&sent));
    let way = ground.by_certificate(ERASER);
    let erased = way.to_end(&["erase", "--conversation", ONE, "--yes"], b"");
    assert!(erased.status.success(), "{}", said(&erased));
    let verified = way.to_end(&["erase", "--conversation", ONE, "--verify"], b"");
    // What lies in the input leaves it with its retention.
    assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("cx.events"), "{}", said(&verified));
    assert_eq!(instance.terminate().0, Some(0), "{}", instance.log());
}
