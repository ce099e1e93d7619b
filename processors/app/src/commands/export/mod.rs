// SPDX-License-Identifier: Apache-2.0

//! `export`: output topics as Parquet files, one for each topic and day. Run again, it brings them up to date.
//!
//! [`source`] reads the topics; what is written is the business of the crate `export`.

mod progress;
mod report;
mod source;

use std::io::Write as _;

use anyhow::{Context, anyhow};
use avro::Schema;
use export::{Folder, Plan, Record, Selection, Summary, Table, Update, Versions, Whole};
use rdkafka::Message;

use self::progress::Progress;
use self::source::Source;
use crate::cli::{ExportArgs, Global, VersionsFlag};
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::{kafka, products, topics};

/// Exports the topics, and prints a line for each.
pub fn run(global: &Global, args: &ExportArgs, config: &Config) -> Result<(), Failure> {
    let selection = selection(args).map_err(Failure::usage)?;
    for topic in &args.topics {
        schema_of(config, topic).map_err(Failure::usage)?;
    }
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let cluster = kafka::cluster_id(&client)?;
    let mut folder = Folder::open(&args.dir, &cluster, &global.group, selection).map_err(failure)?;
    let names = names(args, config, &folder, &|topic| kafka::partitions(&metadata, topic).is_some());
    let source = Source::open(&client, &metadata, config, &names)?;
    let mut is_complete = true;
    let width = names.iter().map(String::len).max().unwrap_or_default();
    for topic in &names {
        let table = Table::of(schema_of(config, topic).map_err(Failure::usage)?).map_err(failure)?;
        let (whole, summary) = export(&mut folder, &source, (topic, width), &table)?;
        let mut out = anstream::stdout().lock();
        writeln!(out, "{topic:width$}  {}", report::line(whole, &summary, &table))?;
        if let Some(warning) = report::left_out(topic, &summary, &table) {
            anstream::eprintln!("{warning}");
            is_complete = false;
        }
    }
    if is_complete { Ok(()) } else { Err(Failure::No) }
}

/// An error of the files: wrong usage where trying again does not help.
fn failure(error: export::Error) -> Failure {
    if error.is_usage() { Failure::usage(error) } else { Failure::from(error) }
}

fn selection(args: &ExportArgs) -> anyhow::Result<Selection> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since > until
    {
        return Err(anyhow!("--since is after --until: no record can be exported"));
    }
    let versions = match args.versions {
        VersionsFlag::Final => Versions::Final,
        VersionsFlag::All => Versions::All,
    };
    Ok(Selection { versions, since_ms: args.since, until_ms: args.until })
}

/// The schema of an output topic's records.
fn schema_of(config: &Config, topic: &str) -> anyhow::Result<Schema> {
    let writes = |spec: &&crate::config::ProcessorSpec| spec.writes.iter().any(|written| written == topic);
    let schema = config.processors.iter().find(writes).and_then(|spec| products::schema_of(&spec.name));
    schema.with_context(|| {
        format!(
            "{topic} is no output topic, so its records have no schema: write one of {}",
            outputs(config).join(", ")
        )
    })
}

fn outputs(config: &Config) -> Vec<&str> {
    let outputs = config.topics.iter().filter(|topic| topic.role == Role::Output);
    let exact = outputs.filter_map(Topic::exact);
    exact
        .filter(|name| config.processors.iter().any(|spec| spec.writes.iter().any(|written| written == name)))
        .collect()
}

/// The topics to export: those of the flags, else all that exist; and those that the directory has.
fn names(args: &ExportArgs, config: &Config, folder: &Folder, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let present = folder.topics();
    let is_wanted = |name: &&str| {
        let is_named = args.topics.iter().any(|topic| topic == name);
        is_named || present.iter().any(|topic| topic == name) || (args.topics.is_empty() && exists(name))
    };
    let mut names: Vec<String> = outputs(config).into_iter().filter(is_wanted).map(str::to_owned).collect();
    // Of another topics.yaml: an error follows, since what was erased there could not be found.
    names.extend(present.into_iter().filter(|topic| schema_of(config, topic).is_err()));
    names
}

/// Brings one topic up to date; its name is shown in this width. Returns why it was read whole, if it was.
fn export(
    folder: &mut Folder,
    source: &Source<'_>,
    (topic, width): (&str, usize),
    table: &Table,
) -> Result<(Option<Whole>, Summary), Failure> {
    let extents = source.extents(topic)?;
    let plan = Plan::of(folder, topic, table, extents.extents, extents.at_ms, extents.tombstones_kept_ms)
        .map_err(failure)?;
    let whole = plan.whole;
    let progress = Progress::new(format!("{topic:width$}"), &plan.extents);
    let mut update = Update::begin(folder, topic, table, plan.clone()).map_err(failure)?;
    source.read(topic, &plan.extents, &mut |message, value| {
        update.take(&Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            value,
        })?;
        progress.read(message.partition(), message.offset());
        Ok(())
    })?;
    let summary = update.finish(&mut |done, total| progress.written(done, total)).map_err(failure)?;
    Ok((whole, summary))
}
