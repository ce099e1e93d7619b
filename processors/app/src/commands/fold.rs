// SPDX-License-Identifier: Apache-2.0

//! `fold`: the task of `run` without Kafka, for trials, support cases and tests.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use anyhow::Context;
use engine::{EventClass, MemoryStore, NoHeaders, Phase, SourceOffset, SourceRecord, Task, Topology};

use super::spool::Spool;
use crate::cli::{FoldArgs, Global};
use crate::clock::now_ms;
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::records::{self, InputLine};
use crate::wiring;

/// Records staged before they are folded into the state. More would only use memory.
const BATCH_RECORDS: u32 = 4096;

/// Folds a file and prints the records.
pub fn run(global: &Global, args: &FoldArgs, config: &Config) -> Result<(), Failure> {
    let topology = Arc::new(wiring::topology(config, &global.processors).map_err(Failure::usage)?);
    let lines = records::open(&args.file).map_err(Failure::usage)?;
    let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut fold = Fold::new(&topology, config, args)?;
    for line in lines {
        fold.take(&line?)?;
    }
    fold.finish(out)
}

struct Fold<'t> {
    config: &'t Config,
    input: &'t str,
    task: Task,
    spool: Spool<'t>,
    batch_records: u32,
    staged: u32,
    next_offset: i64,
    counts: [u64; EventClass::ALL.len()],
    now_ms: i64,
}

impl<'t> Fold<'t> {
    fn new(topology: &'t Arc<Topology>, config: &'t Config, args: &FoldArgs) -> anyhow::Result<Self> {
        let as_emitted = args.as_emitted;
        let store = Box::new(MemoryStore::default());
        let mut task = Task::new(0, 1, Arc::clone(topology), config.limits.clone(), store);
        task.become_phase(Phase::Restoring);
        task.become_phase(Phase::Running);
        if args.expire {
            task.caught_up();
        }
        let direct = as_emitted.then(|| -> Box<dyn Write> { Box::new(std::io::stdout()) });
        Ok(Self {
            config,
            input: config.exact_inputs().first().copied().unwrap_or_default(),
            task,
            spool: Spool::new(topology, direct).context("no temporary file")?,
            // Records expire at a commit, so with --expire each record is committed.
            batch_records: if as_emitted || args.expire { 1 } else { BATCH_RECORDS },
            staged: 0,
            next_offset: 0,
            counts: [0; EventClass::ALL.len()],
            now_ms: now_ms(),
        })
    }

    fn take(&mut self, line: &InputLine) -> anyhow::Result<()> {
        let topic = line.topic.as_deref().unwrap_or(self.input);
        if !self.config.is_input(topic) && self.config.erasures() != Some(topic) {
            tracing::warn!(line = line.number, topic, "not an input topic: the record is left out");
            return Ok(());
        }
        let record = SourceRecord {
            topic,
            partition: line.partition.unwrap_or(0),
            offset: line.offset.unwrap_or(self.next_offset),
            timestamp_ms: line.timestamp_ms,
            key: line.key.as_deref(),
            value: line.value.as_deref(),
            headers: &NoHeaders,
            conversation: self.config.conversation_of(topic),
        };
        self.next_offset += 1;
        self.task.process(&record, self.now_ms).with_context(|| format!("line {}", line.number))?;
        self.staged += 1;
        if self.staged >= self.batch_records || self.task.staged_bytes() >= self.config.commit.bytes_max {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits what is staged, then the messages to this same task, and the work that is left.
    fn commit(&mut self) -> anyhow::Result<()> {
        self.commit_staged()?;
        while let Some((key, value)) = self.spool.take_message() {
            let record = SourceRecord {
                topic: self.config.name_of(Role::Repartition),
                partition: 0,
                offset: 0,
                timestamp_ms: None,
                key: Some(&key),
                value: Some(&value),
                headers: &NoHeaders,
                conversation: None,
            };
            self.task.process(&record, self.now_ms)?;
            self.commit_staged()?;
        }
        Ok(())
    }

    fn commit_staged(&mut self) -> anyhow::Result<()> {
        self.staged = 0;
        self.commit_once()?;
        while self.task.has_more() {
            let (topic, next) = (self.input.to_owned(), self.next_offset);
            self.task.go_on(SourceOffset { topic, partition: 0, next });
            self.commit_once()?;
        }
        Ok(())
    }

    fn commit_once(&mut self) -> anyhow::Result<()> {
        if let Err(error) = self.task.prepare(&mut self.spool) {
            return Err(match self.spool.take_failure() {
                Some(failure) => anyhow::Error::new(failure).context("the records cannot be written"),
                None => error.into(),
            });
        }
        let tally = self.task.committed(None)?;
        for ((_, count), sum) in tally.events().zip(&mut self.counts) {
            *sum += count;
        }
        Ok(())
    }

    /// With --expire, fires timers that are due at the end of the input, by event time.
    fn punctuate(&mut self) -> anyhow::Result<()> {
        let Some(now_ms) = self.task.stream_time_ms() else { return Ok(()) };
        while self.task.next_due()?.is_some_and(|due_ms| due_ms <= now_ms) {
            let (topic, next) = (self.input.to_owned(), self.next_offset);
            self.task.punctuate(now_ms, SourceOffset { topic, partition: 0, next });
            self.commit()?;
        }
        Ok(())
    }

    fn finish(mut self, mut out: impl Write) -> Result<(), Failure> {
        self.commit()?;
        self.punctuate()?;
        let (records, letters) = (self.spool.records(), self.spool.dead_letters());
        self.spool.finish(&mut out).context("the records cannot be written")?;
        let counts: Vec<String> = EventClass::ALL
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| format!("{count} {}", class.as_str()))
            .collect();
        tracing::info!("folded {}: {records} records, {letters} dead letters", counts.join(", "));
        Ok(())
    }
}
