// SPDX-License-Identifier: Apache-2.0

//! The live page in a real browser, over a pipeline on a real broker.

mod browser;
mod reports;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use browser::{Browser, ENTER, TAB};
use cx_timelines_tests::{Program, Watch, run_to_end};
use sandbox::conversations::{Conversations, Options, Scenario, Size};
use sandbox::kafka::Kafka;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-token-that-is-not-guessed";
/// A script injection.
const ATTACK: &str = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>";
/// The contrast of each text on its ground, for those below what WCAG 2 asks of normal text (AA).
const FAINT_TEXTS: &str = r#"
    const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = channels(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const seen = [...document.querySelectorAll("body *")].filter((one) => hasText(one) && one.checkVisibility());
    return [seen.length, seen.map((one) => {
        const [a, b] = [light(channels(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
        return [one.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)];
    }).filter(([, contrast]) => contrast < 4.5)];
"#;

struct Ground {
    kafka: Kafka,
    folder: tempfile::TempDir,
    instances: Vec<Program>,
}

impl Ground {
    fn start() -> Self {
        let kafka = Kafka::start(sandbox::kafka::Options::default(), &mut |_| {}).unwrap();
        let ground = Self { kafka, folder: tempfile::tempdir().unwrap(), instances: Vec::new() };
        ground.command(&["topics", "apply"]);
        ground
    }

    fn command(&self, arguments: &[&str]) {
        let output = run_to_end(&[arguments, &["--bootstrap", self.kafka.bootstrap()]].concat(), b"");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The address of another instance's page.
    fn add(&mut self, flags: &[&str]) -> String {
        let run = ["run", "--http", "127.0.0.1:0", "--bootstrap", self.kafka.bootstrap()];
        let log = self.folder.path().join(format!("{}.log", self.instances.len()));
        let mut instance = Program::start(&[&run, flags].concat(), log);
        let address = instance.http_address();
        self.instances.push(instance);
        format!("http://{address}/")
    }

    fn load(&self, events: &[String]) {
        self.load_at(events, "10000");
    }

    /// Many commits, one soon after the other.
    fn load_slowly(&self, events: &[String]) {
        self.load_at(events, "15");
    }

    fn load_at(&self, events: &[String], rate: &str) {
        let file = self.folder.path().join("events.ndjson");
        std::fs::write(&file, events.join("\n")).unwrap();
        self.command(&["load", file.to_str().unwrap(), "--rate", rate]);
        Watch::new(self.kafka.bootstrap(), "cx-timelines", "cx.events").wait_for_all(TIMEOUT);
    }

    fn end(self) {
        for mut instance in self.instances {
            assert_eq!(instance.terminate().0, Some(0));
        }
        self.kafka.stop();
    }
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn event(conversation: &str, id: &str, name: &str, at: i64, data: &Value) -> String {
    json!({"id": format!("{conversation}-{id}"), "name": name, "timestamp": at, "conversationId": conversation,
        "data": data})
    .to_string()
}

fn message(id: &str, sender: (&str, &str), text: &str) -> Value {
    json!({"id": id, "header": {"sender": {"type": sender.0, "id": sender.1, "senderName": sender.1}},
        "body": {"type": "PLAIN", "markdownText": text}})
}

fn relation(target: &str, by: &str, body: &Value) -> Value {
    json!({"header": {"originalMessageId": target, "sender": {"type": "AGENT", "id": by, "senderName": by}}, "body": body})
}

/// A conversation with an agent, in which an answer was edited, reacted to and read.
fn conversation(id: &str, start: i64) -> Vec<String> {
    let agent = json!({"agentParticipant": {"participant": {"id": "ann", "displayName": "Ann"}}});
    let task = json!({"task": {"id": "t"}, "queue": {"name": "support"}});
    let edited = json!({"action": "EDIT", "body": {"type": "PLAIN", "markdownText": "It comes on Tuesday."}});
    let events = [
        ("1", "CUSTOMER_MESSAGE", message("m1", ("CUSTOMER", "Cy"), "Where is my parcel?")),
        ("2", "TASK_ENQUEUED", task),
        ("3", "AGENT_SUBSCRIBED", agent),
        ("4", "AGENT_MESSAGE", message("m2", ("AGENT", "ann"), "It comes tomorrow.")),
        ("5", "MODIFY_ACTIVITY", relation("m2", "ann", &edited)),
        ("6", "REACTION", relation("m2", "ann", &json!({"kind": "EMOJI", "value": "👍"}))),
        ("7", "MESSAGE_DELIVERY_NOTIFICATION", json!({"body": {"messageId": "m2", "status": "READ"}})),
    ];
    let at = |n: usize| start + 4_000 * i64::try_from(n).unwrap();
    events.iter().enumerate().map(|(n, (key, name, data))| event(id, key, name, at(n), data)).collect()
}

#[test]
fn the_page_shows_conversations_and_follows_them_by_itself() {
    let mut ground = Ground::start();
    let page = ground.add(&["--show-text"]);
    let start = now_ms() - 60_000;
    ground.load(&conversation("parcel", start));
    let browser = Browser::open();
    browser.go(&page);
    browser.wait("document.querySelector('#connection').textContent === 'live'");
    the_keyboard_reaches_everything(&browser);
    a_conversation_is_told_as_a_person_reads_it(&browser);
    what_comes_is_seen_without_asking(&ground, &browser, start);
    markup_stays_text(&ground, &browser, start);
    texts_can_be_read_in_light_and_in_darkness(&browser);
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|one| one.contains("favicon.ico")), "{complaints:?}");
    what_another_instance_has_is_linked(&mut ground, &browser, start);
    a_token_is_asked_for(&mut ground, &browser);
    drop(browser);
    ground.end();
}

fn the_keyboard_reaches_everything(browser: &Browser) {
    browser.wait("document.querySelector('#list a')");
    let mut reached = Vec::new();
    for _ in 0..11 {
        browser.press(&[TAB]);
        let focused = "const at = document.activeElement; return at.id || at.className || at.innerText";
        let is_seen = "return getComputedStyle(document.activeElement).outlineStyle !== 'none'";
        assert_eq!(browser.run(is_seen), true, "the focus is seen");
        reached.push(browser.run(focused).as_str().unwrap().to_owned());
        if reached.last().is_some_and(|last| last.contains("parcel")) {
            break;
        }
    }
    assert_eq!(reached[..5], ["skip", "to-conversations", "to-reports", "text", "state"], "{reached:?}");
    assert!(reached[5].contains("parcel"), "{reached:?}");
    browser.press(&[ENTER]);
    browser.wait("document.querySelector('#detail-title').textContent === 'Conversation parcel'");
    browser.wait("document.activeElement.id === 'detail'");
    browser.press(&[TAB]);
    assert_eq!(browser.run("return document.activeElement.id"), "every");
    for landmark in [
        "header",
        "nav[aria-labelledby]",
        "main",
        "aside[aria-label]",
        "h1",
        "[aria-live=polite]",
        "html[lang]",
    ] {
        assert_ne!(
            browser.run(&format!("return document.querySelectorAll('{landmark}').length")),
            0,
            "{landmark}"
        );
    }
}

fn a_conversation_is_told_as_a_person_reads_it(browser: &Browser) {
    browser.wait("document.querySelectorAll('#timeline .message').length === 2");
    let answer = browser.text("#timeline .message.agent");
    for said in ["ann", "answered after 12.0 s", "It comes on Tuesday.", "edited, 1 time", "👍", "read"] {
        assert!(answer.contains(said), "{said}: {answer}");
    }
    assert!(browser.text("#timeline .message.customer").contains("Where is my parcel?"));
    let timeline = browser.text("#timeline");
    assert!(timeline.contains("put into a queue") && timeline.contains("agent joined"), "{timeline}");
    assert!(!timeline.contains("modify activity"), "it is shown at its message: {timeline}");
    browser.run("document.querySelector('#every').click()");
    assert!(browser.text("#timeline").contains("modify activity"));
    browser.run("document.querySelector('#every').click()");
    let stages = browser.text("#stages");
    assert!(stages.contains("self service 4.0 s") && stages.contains("queued 4.0 s"), "{stages}");
    let facts = browser.text("#facts");
    assert!(
        facts.contains("support: 4.0 s, answered") && facts.contains("First response\n12.0 s"),
        "{facts}"
    );
    browser.wait("document.querySelector('#agents').innerText.includes('Ann')");
}

fn what_comes_is_seen_without_asking(ground: &Ground, browser: &Browser, start: i64) {
    browser.run(
        "window.isTheSamePage = true; document.querySelector('#timeline details').open = true; \
        document.querySelector('#list a').focus()",
    );
    let waits = json!({"task": {"id": "t"}, "queue": {"name": "sales"}});
    let mut named = message("m1", ("CUSTOMER", "cus-7"), "Hello?");
    named["header"]["sender"]["senderName"] = json!("Di Okafor");
    named["header"]["customer"] = json!({"id": "cus-7"});
    ground.load(&[
        event(
            "parcel",
            "8",
            "CUSTOMER_MESSAGE",
            start + 40_000,
            &message("m3", ("CUSTOMER", "Cy"), "Thank you!"),
        ),
        event("other", "1", "CUSTOMER_MESSAGE", start + 41_000, &named),
        event("other", "2", "TASK_ENQUEUED", start + 42_000, &waits),
    ]);
    browser.wait("document.querySelector('#timeline').innerText.includes('Thank you!')");
    browser.wait("document.querySelectorAll('#list a').length === 2");
    browser.wait("document.querySelector('#queues').innerText.includes('sales')");
    browser.wait("document.querySelector('#said').textContent.includes('message of Cy')");
    let many = (0..30).map(|n| {
        let said = message(&format!("n{n}"), ("CUSTOMER", "Cy"), &format!("and number {n}."));
        event("parcel", &format!("n{n}"), "CUSTOMER_MESSAGE", start + 40_100 + n, &said)
    });
    ground.load_slowly(&many.collect::<Vec<_>>());
    browser.wait("document.querySelector('#timeline').innerText.includes('and number 29.')");
    assert_eq!(browser.run("return document.querySelectorAll('#timeline .message').length"), 33);
    let kept = "return [window.isTheSamePage, document.querySelector('#timeline details').open, \
        document.activeElement.dataset.id]";
    assert_eq!(browser.run(kept), json!([true, true, "parcel"]), "neither focus nor what was opened is lost");
    browser.run("const text = document.querySelector('#text'); text.value = 'sales'; text.dispatchEvent(new Event('input'))");
    assert_eq!(
        browser.run("return [...document.querySelectorAll('#list a')].map((a) => a.dataset.id)"),
        json!(["other"])
    );
    browser.run("const text = document.querySelector('#text'); text.value = ''; text.dispatchEvent(new Event('input'))");
    a_customer_is_called_by_name(browser);
    ground.load(&[event("other", "3", "CONVERSATION_CLOSED", start + 43_000, &json!({}))]);
    browser.wait("document.querySelectorAll('#list a').length === 1");
}

/// In the list and as the heading, with the id beside it.
fn a_customer_is_called_by_name(browser: &Browser) {
    browser.wait("document.querySelector('#list a[data-id=other] .id').textContent === 'Di Okafor'");
    assert!(browser.text("#list a[data-id=other]").contains("other"));
    let found = "return [...document.querySelectorAll('#list a')].map((a) => a.dataset.id)";
    for (text, ids) in [("okafor", json!(["other"])), ("", json!(["other", "parcel"]))] {
        browser.run(&format!(
            "const text = document.querySelector('#text'); text.value = '{text}'; text.dispatchEvent(new Event('input'))"
        ));
        assert_eq!(browser.run(found), ids, "{text}");
    }
    browser.run("location.hash = '#/conversation/other'");
    browser.wait("document.querySelector('#detail-title').textContent === 'Di Okafor'");
    assert!(browser.text("#detail-note").contains("Conversation other."));
    assert!(browser.text("#facts").contains("Di Okafor"));
    browser.run("location.hash = '#/conversation/parcel'");
    browser.wait("document.querySelector('#detail-title').textContent === 'Conversation parcel'");
}

fn markup_stays_text(ground: &Ground, browser: &Browser, start: i64) {
    let id = format!("{ATTACK}/%2F");
    let agent = json!({"agentParticipant": {"participant": {"id": ATTACK, "displayName": ATTACK}}});
    let task = json!({"task": {"id": ATTACK}, "queue": {"name": ATTACK}});
    ground.load(&[
        event(&id, "1", "CUSTOMER_MESSAGE", start + 50_000, &message("m1", ("CUSTOMER", ATTACK), ATTACK)),
        event(&id, "2", "TASK_ENQUEUED", start + 51_000, &task),
        event(&id, "3", ATTACK, start + 52_000, &json!({})),
        event(
            &id,
            "4",
            "REACTION",
            start + 53_000,
            &relation("m1", ATTACK, &json!({"kind": "EMOJI", "value": ATTACK})),
        ),
        event(&id, "5", "AGENT_SUBSCRIBED", start + 54_000, &agent),
    ]);
    browser.wait("document.querySelectorAll('#list a').length === 2");
    browser.run("[...document.querySelectorAll('#list a')].find((a) => a.dataset.id !== 'parcel').click()");
    browser.wait("document.querySelectorAll('#timeline .message').length === 1");
    browser.wait("document.querySelector('#agents').innerText.includes('onerror')");
    for place in [
        "#detail-title",
        "#list",
        "#timeline .text",
        "#timeline .mark",
        "#timeline .head strong",
        "#facts",
        "#agents",
    ] {
        assert!(browser.text(place).contains(ATTACK), "{place}: {}", browser.text(place));
    }
    let made = "return [window.hacked ?? null, document.images.length, document.scripts.length]";
    assert_eq!(browser.run(made), json!([null, 0, 1]));
}

fn texts_can_be_read_in_light_and_in_darkness(browser: &Browser) {
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        let found = browser.run(FAINT_TEXTS);
        assert!(found[0].as_u64().unwrap() > 40, "{found}");
        assert_eq!(found[1], json!([]), "{scheme}");
        grounds.push(browser.run("return getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(grounds[0], grounds[1]);
}

fn what_another_instance_has_is_linked(ground: &mut Ground, browser: &Browser, start: i64) {
    let said = message("m", ("CUSTOMER", "Cy"), "Hello?");
    let ids: Vec<String> = (0..16).map(|n| format!("many-{n}")).collect();
    ground.load(&ids.iter().map(|id| event(id, "1", "CUSTOMER_MESSAGE", start, &said)).collect::<Vec<_>>());
    let other = ground.add(&["--show-text"]);
    let other = other.trim_end_matches('/');
    browser.wait(&format!("document.querySelector('#others a')?.href === '{other}/'"));
    browser.wait("document.querySelector('#list-count').textContent.includes('Not all')");
    // Half of them are there by now; each is shown, or where it is.
    let mut linked = 0;
    for id in &ids {
        browser.run(&format!("location.hash = '#/conversation/{id}'"));
        browser.wait(&format!(
            "document.querySelector('#detail-title').textContent === 'Conversation {id}' && \
             (document.querySelector('#detail-note a')?.href === '{other}/#/conversation/{id}' || \
              !document.querySelector('#detail-body').hidden)"
        ));
        linked += browser.run("return document.querySelectorAll('#detail-note a').length").as_u64().unwrap();
    }
    assert!(linked > 0 && linked < 16, "{linked}");
    browser.run(&format!("location.href = '{other}/#/conversation/{}'", ids[0]));
    browser.wait("document.querySelector('#connection').textContent === 'live'");
}

fn a_token_is_asked_for(ground: &mut Ground, browser: &Browser) {
    let file = ground.folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let page = ground.add(&["--group", "guarded", "--http-token-file", file.to_str().unwrap()]);
    browser.go(&page);
    browser.wait("document.activeElement.id === 'token'");
    browser.type_text("wrong");
    browser.press(&[ENTER]);
    browser.wait("document.querySelector('#token-wrong').textContent.includes('token')");
    browser.run("document.querySelector('#token').value = ''; document.querySelector('#token').focus()");
    browser.type_text(TOKEN);
    browser.press(&[ENTER]);
    browser.wait("document.querySelector('#connection').textContent === 'live'");
    // Texts are hidden here.
    browser.wait("document.querySelector('#list a[data-id=parcel]')");
    browser.run("document.querySelector('#list a[data-id=parcel]').click()");
    browser.wait("document.querySelector('#detail-note').textContent.includes('hidden')");
    assert!(!browser.text("#timeline").contains("parcel?"));
}

/// A call that one agent let ring, that was held and handed over after a consultation, closed, and opened again: its conversation,
/// and the events.
fn reopened_call(now: i64) -> (String, Vec<String>) {
    let options = Options { seed: 7, start_ms: now - 1_200_000, session_keyed: false, ..Options::default() };
    let mut calls = Conversations::only(options, Scenario::ConsultedCall);
    let call = calls.find(|call| call.iter().all(|event| event.at_ms < now - 60_000)).unwrap();
    let id = call[0].conversation.clone();
    let again = |event: &str, name: &str, at: i64, data: Value| {
        json!({"id": event, "name": name, "timestamp": at, "conversationId": id, "data": data}).to_string()
    };
    let mut events: Vec<String> = call.iter().map(|event| event.value.clone()).collect();
    let said = json!({"id": "again-m", "header": {"sender": {"type": "CUSTOMER", "id": "cus", "senderName": "Nele Vogt"}},
        "body": {"type": "PLAIN", "markdownText": "We were cut off. Can you call me back?"}});
    events.push(again("again-1", "TOPIC_STATE_CHANGED", now - 30_000, json!({"state": "ACTIVE"})));
    events.push(again("again-2", "CUSTOMER_MESSAGE", now - 29_000, said));
    (id, events)
}

/// The README's pictures.
#[test]
#[ignore = "makes pictures; needs a font with emoji"]
fn pictures_of_the_page() {
    let mut ground = Ground::start();
    let page = ground.add(&["--show-text"]);
    let now = now_ms();
    let options = Options {
        seed: 5,
        start_ms: now - 1_800_000,
        size: Size::Slim,
        session_keyed: false,
        ..Options::default()
    };
    let mut events: Vec<String> = Vec::new();
    for (number, conversation) in Conversations::new(options).take(24).enumerate() {
        // Some have come to their end, others not yet.
        let all: Vec<_> = conversation.into_iter().filter(|event| event.at_ms < now).collect();
        let so_far = all.len() * (number % 4 + 2) / 5;
        events.extend(all.into_iter().take(so_far).map(|event| event.value));
    }
    let (call, reopened) = reopened_call(now);
    events.extend(reopened);
    ground.load(&events);
    let browser = Browser::open();
    browser.go(&page);
    browser.wait(&format!("document.querySelector('#list a[data-id=\"{call}\"]')"));
    browser.run(&format!("document.querySelector('#list a[data-id=\"{call}\"]').click()"));
    browser.wait("document.querySelectorAll('#timeline .message').length > 0");
    // The names of customers come one after the other.
    browser.wait(
        "[...document.querySelectorAll('#list .id')].filter((id) => id.textContent.includes(' ')).length > 9",
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.wait("(document.activeElement.blur(), scrollTo(0, 0), true)");
        let picture = base64::engine::general_purpose::STANDARD.decode(browser.picture()).unwrap();
        std::fs::write(folder.join(format!("page-{scheme}.png")), picture).unwrap();
    }
    drop(browser);
    ground.end();
}
