// SPDX-License-Identifier: Apache-2.0

//! One story, whatever brings the events: everything between them and the tables is killed once, a message is edited, an event is
//! late, a customer is erased, and the tables hold the final records of `fold`.

use std::time::Instant;

use cx_timelines_tests::{fold, of_lines, wait_until};
use sandbox::registry::Registry;

use super::events::{
    self, EDITED_TEXT, ERASED, ERASED_CUSTOMER, ERASED_TEXT, FIRST_TEXT, KEPT, LATE_RESPONSE_MS,
};
use super::postgres::{PASSWORD, Postgres};
use super::rows::{self, Rows, TOPICS, Tables, table};
use super::worker::{TO_POSTGRES, Worker, file, text};
use crate::pipeline::{Pipeline, TIMEOUT};

/// What brings events to `cx.events`.
pub(crate) trait Source {
    /// The broker and the topics are there.
    fn start(&mut self, _pipeline: &Pipeline) {}

    /// Takes events, each a line of JSON, and brings them to Kafka in any order, now or later.
    fn send(&mut self, pipeline: &Pipeline, events: &str);

    /// Kills what has taken events, and starts it again.
    fn kill_and_restart(&mut self, _pipeline: &Pipeline) {}
}

/// Everything behind the events.
struct Scene {
    // First: their logs are printed when a test fails, while the pipeline's folder exists.
    worker: Worker,
    postgres: Postgres,
    pipeline: Pipeline,
    tables: Tables,
    /// All events so far.
    sent: String,
    is_erased: bool,
    // Needed until the end.
    _registry: Option<Registry>,
}

/// Plays the story.
pub(crate) fn story(tables: Tables, source: &mut dyn Source) {
    let mut scene = Scene::new(tables);
    source.start(&scene.pipeline);
    let [first, second] = events::halves();
    scene.send(source, &first);
    wait_until("rows arrive", TIMEOUT, || (scene.count(TOPICS[0]) > 0).then_some(()));
    // It becomes no row, and no failure of a task.
    scene.pipeline.write_and_abort(&TOPICS, "aborted");

    scene.worker.kill();
    scene.send(source, &second);
    source.kill_and_restart(&scene.pipeline);
    scene.pipeline.kill_instance();
    scene.pipeline.kafka.restart().unwrap();
    scene.worker.restart(&scene.pipeline.kafka);
    scene.postgres.kill_and_restart();
    scene.await_equality("what was killed is caught up");
    assert!(scene.body_of("m2").contains(FIRST_TEXT));
    assert!(scene.holds(ERASED_CUSTOMER) && scene.holds(ERASED_TEXT));

    scene.send(source, &events::edit());
    scene.await_equality("the edit overwrites");
    assert!(scene.body_of("m2").contains(EDITED_TEXT));

    let before = scene.first_agent_response();
    scene.send(source, &events::late());
    scene.await_equality("the late event corrects");
    assert_ne!(before, LATE_RESPONSE_MS);
    assert_eq!(scene.first_agent_response(), LATE_RESPONSE_MS);

    let _ = scene.pipeline.ok(&["erase", "--customer", ERASED_CUSTOMER, "--yes"], b"");
    scene.is_erased = true;
    scene.await_equality("the tombstones delete");
    for erased in [ERASED_CUSTOMER, ERASED, ERASED_TEXT] {
        assert!(!scene.holds(erased), "{erased} is still in a table");
    }
}

impl Scene {
    fn new(tables: Tables) -> Self {
        let database = std::thread::spawn(Postgres::start);
        let registry = (tables == Tables::Columns).then(|| Registry::start(&mut |_| {}).unwrap());
        let url = registry.as_ref().map(Registry::url);
        let avro: &[&str] = if registry.is_some() { &TOPICS } else { &[] };
        let pipeline = Pipeline::start(avro, url.as_deref());
        let worker = Worker::start(&pipeline.kafka, pipeline.folder.path(), TO_POSTGRES);
        let postgres = database.join().unwrap();
        let password = pipeline.folder.path().join("postgres.properties");
        std::fs::write(&password, format!("password={PASSWORD}\n")).unwrap();
        let location = postgres.location();
        let password = password.to_str().unwrap();
        let mut replaced =
            vec![("127.0.0.1:5432/cx", location.as_str()), ("/etc/connect/postgres.properties", password)];
        let registry_address = url.as_ref().map(|url| url.split('/').nth(2).unwrap().to_owned());
        if let Some(address) = &registry_address {
            replaced.push(("127.0.0.1:8081", address));
        }
        let name = tables.connector().trim_start_matches("cx-");
        postgres.run_file(&file(&format!("{name}.sql")));
        worker.create(&text(&format!("{name}.json"), &replaced));
        Self {
            pipeline,
            worker,
            postgres,
            tables,
            sent: String::new(),
            is_erased: false,
            _registry: registry,
        }
    }

    fn send(&mut self, source: &mut dyn Source, events: &str) {
        source.send(&self.pipeline, events);
        self.sent += events;
    }

    /// Waits until the tables are what `fold` makes of all events.
    fn await_equality(&self, what: &str) {
        let expected = self.expected();
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let found = rows::differences(&expected, &rows::actual(&self.postgres, self.tables));
            if found.is_empty() {
                return;
            }
            self.worker.assert_no_failure(self.tables.connector());
            let first = || found[..found.len().min(5)].join("\n");
            assert!(
                Instant::now() < deadline,
                "waited {TIMEOUT:?} in vain: {what}: {} differ:\n{}",
                found.len(),
                first()
            );
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
    }

    fn expected(&self) -> Rows {
        let records = of_lines(&fold(self.sent.as_bytes())).only(&TOPICS).finals;
        assert!(records.len() > 100, "{}", records.len());
        let is_kept = |topic: &str, key: &str| {
            let is_of_erased = key == ERASED || key.starts_with(&format!("{ERASED}/"));
            // The figures of windows name no customer, and stay.
            !(self.is_erased && topic != "cx.metrics" && is_of_erased)
        };
        let kept = records.into_iter().filter(|((topic, key), _)| is_kept(topic, key));
        kept.map(|((topic, key), value)| {
            let row = rows::expected(&topic, &value, self.tables);
            ((topic, key), row)
        })
        .collect()
    }

    /// How many rows a topic has; none where its table is not there yet.
    fn count(&self, topic: &str) -> usize {
        let table = table(topic);
        let is_there = self.postgres.sql(&format!("SELECT to_regclass('{table}') IS NOT NULL"));
        if is_there.trim() != "t" {
            return 0;
        }
        self.postgres.sql(&format!("SELECT count(*) FROM {table}")).trim().parse().unwrap()
    }

    /// Whether any column of any table holds a text.
    fn holds(&self, text: &str) -> bool {
        let rows = |topic: &str| {
            let query = format!("SELECT count(*) FROM {0} WHERE {0}::text LIKE '%{text}%'", table(topic));
            self.postgres.sql(&query).trim().parse::<usize>().unwrap()
        };
        TOPICS.iter().map(|topic| rows(topic)).sum::<usize>() > 0
    }

    /// What an activity of the conversation that is kept says.
    fn body_of(&self, activity: &str) -> String {
        let body = if self.tables == Tables::Columns { "body" } else { "value->>'body'" };
        self.postgres.sql(&format!("SELECT {body} FROM cx_activities WHERE key = '{KEPT}/{activity}'"))
    }

    fn first_agent_response(&self) -> i64 {
        let field = match self.tables {
            Tables::Columns => "first_agent_response_ms",
            Tables::Documents => "value->>'firstAgentResponseMs'",
        };
        let found = self.postgres.sql(&format!("SELECT {field} FROM cx_conversations WHERE key = '{KEPT}'"));
        found.trim().parse().unwrap()
    }
}
