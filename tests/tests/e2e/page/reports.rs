// SPDX-License-Identifier: Apache-2.0

//! The reports of the page: a day of generated traffic, its numbers beside those of the API, and what one of them is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use cx_timelines_tests::{http, wait_until};
use sandbox::conversations::{Conversations, Options};
use serde_json::{Value, json};

use super::browser::{Browser, ENTER};
use super::{ATTACK, FAINT_TEXTS, Ground, TIMEOUT, event, message, now_ms};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const CONVERSATIONS: i64 = 200;

/// Yesterday, in UTC: the browser is started so.
fn yesterday() -> i64 {
    let now = now_ms();
    now - now % DAY_MS - DAY_MS
}

/// A day's conversations from eight to six, most of them at noon; and one whose queue's name would like to be markup.
fn day(start: i64) -> Vec<String> {
    let options = Options { seed: 11, start_ms: start, session_keyed: false, ..Options::default() };
    let mut generator = Conversations::new(options);
    let mut events: Vec<String> = Vec::new();
    for n in 0..CONVERSATIONS {
        // Both halves come closer to noon the later they are.
        let part = (n % (CONVERSATIONS / 2)) * 100 / (CONVERSATIONS / 2);
        let from_noon = 5 * HOUR_MS * (100 - part) * (100 - part) / 10_000;
        let noon = start + 13 * HOUR_MS;
        generator.begin_next_at(if n < CONVERSATIONS / 2 { noon - from_noon } else { noon + from_noon });
        events.extend(generator.next().unwrap().into_iter().map(|event| event.value));
    }
    let task = json!({"task": {"id": ATTACK}, "queue": {"name": ATTACK}});
    let at = start + 9 * HOUR_MS;
    events.push(event("attack", "1", "CUSTOMER_MESSAGE", at, &message("m1", ("CUSTOMER", "Cy"), "Hello?")));
    events.push(event("attack", "2", "TASK_ENQUEUED", at + 1_000, &task));
    events.extend(contacts_again(start));
    events
}

/// Customers who come again on the day: one after two days, and one, whose id would like to be markup, after eight hours.
fn contacts_again(start: i64) -> Vec<String> {
    let contact = |id: &str, customer: &str, at: i64| {
        json!({"id": format!("{id}-1"), "name": "CUSTOMER_MESSAGE", "timestamp": at, "conversationId": id,
            "channelSession": {"id": id, "customer": {"_id": customer}}, "data": message("m1", ("CUSTOMER", customer), "Hello?")})
        .to_string()
    };
    vec![
        contact("again-0", "Cy", start - 2 * DAY_MS + 10 * HOUR_MS),
        contact("again-1", ATTACK, start + 4 * HOUR_MS),
        contact("again-2", "Cy", start + 10 * HOUR_MS),
        contact("again-3", ATTACK, start + 12 * HOUR_MS),
    ]
}

struct Reports {
    ground: Ground,
    page: String,
    browser: Browser,
    start: i64,
}

impl Reports {
    /// The page with the reports of a day that is in the topics.
    fn open() -> Self {
        let start = yesterday();
        Self::of(start, &day(start))
    }

    /// Of the day that starts then, with these events.
    fn of(start: i64, events: &[String]) -> Self {
        let mut ground = Ground::start();
        let page = ground.add(&["--show-text"]);
        ground.load(events);
        let browser = Browser::open();
        browser.in_utc();
        browser.go(&page);
        browser.wait("document.querySelector('#connection').textContent === 'live'");
        browser.run("document.querySelector('#to-reports').focus()");
        browser.press(&[ENTER]);
        browser.wait("document.querySelectorAll('#subjects th').length > 3");
        Self { ground, page, browser, start }
    }

    fn get(&self, path: &str) -> Value {
        let address: SocketAddr =
            self.page.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let answer = http::get(address, path, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// The records of the day.
    fn windows(&self, dimension: &str) -> Vec<Value> {
        let span = format!("from={}&to={}", self.start, self.start + DAY_MS);
        let all = self.get(&format!("/api/metrics/{dimension}?{span}&size=900000"));
        assert_eq!(all["complete"], true);
        all["windows"].as_array().unwrap().clone()
    }

    fn choose(&self, select: &str, value: &str) {
        let (select, value) = (json!(format!("#{select}")), json!(value));
        self.browser.run(&format!(
            "const one = document.querySelector({select}); one.value = {value}; one.dispatchEvent(new Event('change'))"
        ));
    }

    /// The texts of a table's rows, by their first cells.
    fn table(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let rows = self.browser.run(&format!(
            "return [...document.querySelectorAll('#{name} tr')].map((row) => [...row.children].map((cell) => cell.innerText))"
        ));
        let rows = rows.as_array().unwrap().iter().map(|row| {
            let mut cells = row.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap().to_owned());
            (cells.next().unwrap(), cells.collect())
        });
        rows.collect()
    }

    /// Numbers as the page writes them.
    fn written(&self, numbers: &[f64], options: &str) -> Vec<String> {
        let script = format!(
            "const format = new Intl.NumberFormat(undefined, {options}); return {}.map((one) => format.format(one))",
            json!(numbers)
        );
        let texts = self.browser.run(&script);
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    fn end(self) {
        drop(self.browser);
        self.ground.end();
    }
}

/// The sums of windows by a field of theirs.
fn sums(windows: &[Value], by: &str) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut all: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for window in windows {
        let key = window[by].as_str().map_or_else(|| window[by].to_string(), str::to_owned);
        let sums = all.entry(key).or_default();
        for (figure, value) in window["figures"].as_object().unwrap() {
            *sums.entry(figure.clone()).or_default() += value.as_i64().unwrap();
        }
    }
    all
}

#[test]
fn reports_show_a_day_as_the_api_tells_it_and_say_what_a_figure_is_made_of() {
    let reports = Reports::open();
    queues_are_summed_as_the_records_have_them(&reports);
    every_kind_of_subject_has_its_report(&reports);
    a_figure_says_what_it_is_made_of(&reports);
    what_is_shown_can_be_saved(&reports);
    repeat_contacts_are_listed_and_can_be_saved(&reports);
    what_comes_is_counted_without_asking(&reports);
    texts_can_be_read_in_light_and_in_darkness(&reports.browser);
    let made = "return [window.hacked ?? null, document.images.length, document.scripts.length]";
    assert_eq!(reports.browser.run(made), json!([null, 0, 1]));
    let complaints = reports.browser.complaints();
    assert!(complaints.iter().all(|one| one.contains("favicon.ico")), "{complaints:?}");
    reports.end();
}

fn queues_are_summed_as_the_records_have_them(reports: &Reports) {
    // Data of queues in other partitions arrives a transaction later.
    wait_until("the page shows the sums of the records", TIMEOUT, || {
        let of_queues = sums(&reports.windows("queue"), "id");
        let shown = reports.table("subjects");
        let is_same = shown.len() == of_queues.len()
            && of_queues.iter().all(|(queue, figures)| {
                let figure = |name: &str| figures.get(name).copied().unwrap_or(0).to_string();
                let cells = shown.get(queue);
                cells.is_some_and(|cells| cells[..3] == ["offered", "answered", "abandoned"].map(figure))
            });
        is_same.then_some(())
    });
    let windows = reports.windows("queue");
    let of_queues = sums(&windows, "id");
    let offered: i64 = of_queues.values().map(|figures| figures["offered"]).sum();
    assert!(offered > 50 && of_queues.contains_key(ATTACK), "{of_queues:?}");
    for (level, of) in [
        ("1", (|target, left, offered| target / (offered - left)) as fn(f64, f64, f64) -> f64),
        ("2", |target, _, offered| target / offered),
        ("3", |target, left, offered| (target + left) / offered),
    ] {
        reports.choose("report-level", level);
        let shown = reports.table("subjects");
        for (queue, figures) in &of_queues {
            let figure =
                |name: &str| f64::from(i32::try_from(figures.get(name).copied().unwrap_or(0)).unwrap());
            let expected = of(figure("answeredInTarget"), figure("abandonedInTarget"), figure("offered"));
            let expected = reports.written(&[expected], "{style: 'percent', maximumFractionDigits: 1}");
            assert_eq!(shown[queue][3], expected[0], "{queue}, level {level}: {figures:?}");
        }
    }
    let intervals = windows.iter().map(|window| window["windowStart"].as_i64().unwrap());
    assert_eq!(reports.table("intervals").len(), intervals.collect::<BTreeSet<_>>().len());
    for said in ["Visits by their end, from", "answered", "Service level"] {
        let alternatives = "return [...document.querySelectorAll('#charts svg[role=img]')].map((one) => one.getAttribute('aria-label')).join()";
        let alternatives = reports.browser.run(alternatives);
        assert!(
            alternatives.as_str().unwrap().to_lowercase().contains(&said.to_lowercase()),
            "{said}: {alternatives}"
        );
    }
}

fn every_kind_of_subject_has_its_report(reports: &Reports) {
    for (dimension, figure) in [
        ("agent", "stays"),
        ("queue-agent", "offered"),
        ("channel", "conversations"),
        ("bot", "messages"),
        ("queue", "offered"),
    ] {
        reports.choose("report-of", dimension);
        let sums = sums(&reports.windows(dimension), "id");
        let total: i64 = sums.values().filter_map(|figures| figures.get(figure)).sum();
        wait_until("the table shows all subjects", TIMEOUT, || {
            let shown = reports.table("subjects");
            let number = |cells: &Vec<String>| cells[0].replace(',', "").parse::<i64>().ok();
            let shown_total: i64 = shown.values().filter_map(number).sum();
            (shown.len() == sums.len() && shown_total == total).then_some(())
        });
        assert!(total > 0, "{dimension}");
        let charts = reports.browser.run("return document.querySelectorAll('#charts svg rect').length");
        assert!(charts.as_u64().unwrap() > 3, "{dimension}: {charts}");
    }
}

/// The queue with the most visits.
fn busiest(windows: &[Value]) -> String {
    let of_queues = sums(windows, "id");
    of_queues.into_iter().max_by_key(|(_, figures)| figures["offered"]).unwrap().0
}

/// Opens what the offered visits of the busiest interval of the busiest queue are made of; gives that window.
fn explain_one(reports: &Reports) -> Value {
    let windows = reports.windows("queue");
    let queue = busiest(&windows);
    let of_it = windows.into_iter().filter(|window| window["id"] == queue.as_str());
    let window = of_it.max_by_key(|window| window["figures"]["offered"].as_i64()).unwrap();
    reports.choose("report-subject", &format!("={queue}"));
    let start = reports.browser.run(&format!("return new Date({}).toISOString()", window["windowStart"]));
    let button = format!(
        "[...document.querySelectorAll('#intervals tr')].find((row) => row.querySelector('time').dateTime === {start})\
         ?.querySelector('td button')"
    );
    reports.browser.wait(&button);
    reports.browser.run(&format!("{button}.focus()"));
    reports.browser.press(&[ENTER]);
    reports.browser.wait("document.querySelectorAll('#contributions tr').length > 0");
    window
}

fn a_figure_says_what_it_is_made_of(reports: &Reports) {
    let window = explain_one(reports);
    let browser = &reports.browser;
    assert_eq!(browser.run("return document.activeElement.id"), "explained");
    let offered = window["figures"]["offered"].to_string();
    let sums = reports.table("explained-sums");
    assert_eq!(sums["offered"], [offered.clone(), offered.clone()]);
    assert!(browser.text("#explained-note").contains("They make what is recorded."));
    let listed = browser.run("return document.querySelectorAll('#contributions a').length");
    assert_eq!(listed.to_string(), offered);
    // Each contribution is a conversation that can be looked at.
    let id = browser.run("return document.querySelector('#contributions a').innerText");
    browser.run("document.querySelector('#contributions a').click()");
    let id = id.as_str().unwrap();
    browser.wait(&format!("{} && !document.querySelector('#detail-body').hidden", is_shown(id)));
    assert!(browser.text("#facts").contains(window["id"].as_str().unwrap()));
    browser.run("history.back()");
    browser.wait("!document.querySelector('#reports').hidden && document.querySelector('#columns').hidden");
    // A service level is made of several figures.
    browser.run("document.querySelector('#intervals td:nth-of-type(4) button').click()");
    browser.wait("document.querySelectorAll('#explained-sums tr').length >= 2");
    browser.run("document.querySelector('#explained-close').click()");
    assert_eq!(
        browser.run(
            "return [document.querySelector('#explained').hidden, \
             document.querySelector('#reports').contains(document.activeElement)]"
        ),
        json!([true, true]),
        "the focus is not lost"
    );
}

fn what_is_shown_can_be_saved(reports: &Reports) {
    let browser = &reports.browser;
    browser.refuse_downloads();
    browser.run(
        "const make = URL.createObjectURL; \
         URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return make.call(URL, blob); }",
    );
    reports.choose("report-subject", "");
    let shown = reports.table("subjects");
    browser.run("document.querySelector('#subjects-csv').click()");
    browser.wait("window.saved");
    let saved = browser.run("return window.saved");
    let lines: Vec<&str> = saved.as_str().unwrap().trim_end().split("\r\n").collect();
    assert!(lines[0].starts_with("Queue,windowStart,windowEnd,Offered,Answered,Abandoned,"), "{}", lines[0]);
    assert_eq!(lines.len(), shown.len() + 1);
    for (queue, cells) in shown.iter().filter(|(queue, _)| *queue != ATTACK) {
        let line = lines.iter().find(|line| line.starts_with(&format!("{queue},"))).unwrap();
        assert_eq!(line.split(',').nth(3), Some(cells[0].as_str()), "{line}");
    }
}

fn repeat_contacts_are_listed_and_can_be_saved(reports: &Reports) {
    let browser = &reports.browser;
    let answer = reports.get(&format!("/api/repeats?from={}&to={}", reports.start, reports.start + DAY_MS));
    assert_eq!((&answer["complete"], &answer["within72h"]), (&json!(true), &json!(2)), "{answer}");
    browser.wait("document.querySelectorAll('#repeats th').length === 2");
    // The latest comes first.
    let shown = browser.run(
        "return [...document.querySelectorAll('#repeats tr')].map((row) => [...row.children].map((cell) => cell.innerText))",
    );
    let of = |n: usize, cell: usize| shown[n][cell].as_str().unwrap().to_owned();
    assert_eq!([of(0, 0), of(0, 2), of(0, 3), of(0, 8)], [ATTACK, "8 h 0 min", "24 h", "again-3"]);
    assert_eq!([of(1, 0), of(1, 2), of(1, 3), of(1, 8)], ["Cy", "2 d 0 h", "72 h", "again-2"]);
    let note = browser.text("#repeats-note");
    assert!(note.starts_with(&format!("{} conversations of", answer["conversations"])), "{note}");
    assert!(note.contains("1 (") && note.contains("within 24 hours") && note.contains("2 ("), "{note}");
    browser.run("window.saved = undefined; document.querySelector('#repeats-csv').click()");
    browser.wait("window.saved");
    let saved = browser.run("return window.saved");
    let lines: Vec<&str> = saved.as_str().unwrap().trim_end().split("\r\n").collect();
    assert!(lines[0].starts_with("Customer,Began,After (ms),Within 24 h,"), "{}", lines[0]);
    assert!(lines[2].starts_with("Cy,") && lines[2].contains(",172800000,no,"), "{}", lines[2]);
    assert_eq!(lines.len(), 3);
    // Each is a conversation that can be looked at.
    browser.run("document.querySelector('#repeats a').click()");
    browser.wait(&is_shown("again-3"));
    browser.run("history.back()");
    browser.wait("!document.querySelector('#reports').hidden && document.querySelector('#columns').hidden");
}

/// Whether a conversation is shown: the heading has its customer's name where that is known, and the note its id.
fn is_shown(id: &str) -> String {
    let name = json!(format!("Conversation {id}"));
    format!(
        "['detail-title', 'detail-note'].some((part) => document.getElementById(part).textContent.includes({name}))"
    )
}

fn what_comes_is_counted_without_asking(reports: &Reports) {
    let before: i64 = reports.table("subjects")[ATTACK][0].parse().unwrap();
    reports.browser.run("window.isTheSamePage = true");
    let task = json!({"task": {"id": "late"}, "queue": {"name": ATTACK}});
    let at = reports.start + 9 * HOUR_MS + 60_000;
    reports.ground.load(&[
        event("late", "1", "CUSTOMER_MESSAGE", at, &message("m1", ("CUSTOMER", "Di"), "Me too.")),
        event("late", "2", "TASK_ENQUEUED", at + 1, &task),
    ]);
    wait_until("the visit that came is counted", TIMEOUT, || {
        (reports.table("subjects")[ATTACK][0].parse() == Ok(before + 1)).then_some(())
    });
    assert_eq!(reports.browser.run("return window.isTheSamePage"), true);
}

fn texts_can_be_read_in_light_and_in_darkness(browser: &Browser) {
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        let found = browser.run(FAINT_TEXTS);
        assert!(found[0].as_u64().unwrap() > 100, "{found}");
        assert_eq!(found[1], json!([]), "{scheme}");
    }
}

/// The README's pictures of the reports.
#[test]
#[ignore = "makes pictures"]
fn pictures_of_the_reports() {
    let start = yesterday();
    let attack = json!(ATTACK).to_string();
    let events: Vec<String> = day(start).into_iter().filter(|event| !event.contains(&attack)).collect();
    let reports = Reports::of(start, &events);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = |name: &str| {
        for scheme in ["light", "dark"] {
            reports.browser.prefer(scheme);
            reports.browser.wait("(document.activeElement.blur(), scrollTo(0, 0), true)");
            let picture =
                base64::engine::general_purpose::STANDARD.decode(reports.browser.picture()).unwrap();
            std::fs::write(folder.join(format!("{name}-{scheme}.png")), picture).unwrap();
        }
    };
    picture("reports");
    explain_one(&reports);
    picture("explained");
    reports.end();
}
