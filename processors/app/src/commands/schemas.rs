// SPDX-License-Identifier: Apache-2.0

//! `schemas`: checks whether readers of every version of a schema can read the records of all others, and registers schemas.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use avro::registry::{Registry, Verdict};
use avro::{Plans, Schema, conflicts};

use crate::cli::SchemasCommand;
use crate::config::{Config, RegistrySpec, Role, Topic};
use crate::exit::Failure;
use crate::formats::{self, Retries, outputs};

/// The compatibility level of our subjects: any version reads the records of all others.
const RULE: &str = "FULL_TRANSITIVE";

/// Checks, or registers.
pub fn run(command: &SchemasCommand, config: &Config) -> Result<(), Failure> {
    match command {
        SchemasCommand::Check(args) => check(config, args.schemas.as_deref()),
        SchemasCommand::Register => register(config),
    }
}

/// A statement about a schema or subject.
#[derive(Debug)]
pub struct Finding {
    /// The schema or subject.
    pub what: String,
    /// The statement.
    pub sentence: String,
    /// Whether some readers cannot read some records.
    pub is_bad: bool,
}

/// All findings.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn good(&mut self, what: &str, sentence: &str) {
        self.say(what, sentence, false);
    }

    fn bad(&mut self, what: &str, sentence: &str) {
        self.say(what, sentence, true);
    }

    fn say(&mut self, what: &str, sentence: &str, is_bad: bool) {
        self.findings.push(Finding { what: what.to_owned(), sentence: sentence.to_owned(), is_bad });
    }

    fn is_bad_of(&self, what: &str) -> bool {
        self.findings.iter().any(|finding| finding.is_bad && finding.what == what)
    }

    /// Compares one schema with versions of it, each with its number.
    fn versions(&mut self, what: &str, kind: &str, text: &str, versions: &[String]) -> anyhow::Result<()> {
        let mut goes = true;
        for (number, version) in (1..).zip(versions) {
            let found =
                conflicts(text, version).with_context(|| format!("{what}, {kind} version {number}"))?;
            for conflict in &found {
                self.bad(what, &format!("{kind} version {number}: {conflict}"));
            }
            goes &= found.is_empty();
        }
        if goes {
            self.good(what, &format!("goes together with all {kind} versions ({})", versions.len()));
        }
        Ok(())
    }
}

fn check(config: &Config, folder: Option<&Path>) -> Result<(), Failure> {
    let texts = texts(folder).map_err(Failure::usage)?;
    let text = |schema: &Schema| texts.get(schema.name).map_or(schema.text, String::as_str);
    let mut report = Report::default();
    for schema in Schema::ALL {
        let released: Vec<String> = schema.released.iter().map(|text| (*text).to_owned()).collect();
        report.versions(schema.name, "released", text(schema), &released)?;
    }
    let mut is_bad = print(&report.findings);
    match (&config.registry, formats::registry(config, Retries::Some)?) {
        (Some(spec), Some(registry)) => {
            let mut report = Report::default();
            let looked = look(config, spec, &registry, &text, &mut report);
            is_bad |= print(&report.findings);
            looked?;
        }
        _ => anstream::println!(
            "no registry: topics.yaml names no schema_registry, so the schemas were compared with what was released only"
        ),
    }
    if is_bad { Err(Failure::No) } else { Ok(()) }
}

/// Prints all findings; returns whether any is bad.
fn print(findings: &[Finding]) -> bool {
    findings.iter().for_each(|Finding { what, sentence, .. }| anstream::println!("{what}: {sentence}"));
    findings.iter().any(|finding| finding.is_bad)
}

/// Compares the program's own schemas with the registry's.
///
/// # Errors
/// The registry does not answer, or its schemas cannot be parsed.
pub fn registered(config: &Config, spec: &RegistrySpec, registry: &Registry) -> anyhow::Result<Vec<Finding>> {
    let mut report = Report::default();
    look(config, spec, registry, &|schema| schema.text, &mut report)?;
    Ok(report.findings)
}

fn look<'t>(
    config: &Config,
    spec: &RegistrySpec,
    registry: &Registry,
    text: &dyn Fn(&Schema) -> &'t str,
    report: &mut Report,
) -> anyhow::Result<()> {
    for output in outputs::of(config, spec) {
        check_subject(registry, &output.subject, text(&output.schema), report)?;
    }
    for (topic, subject) in inputs(config, spec) {
        check_input(registry, topic, &subject, report)?;
    }
    Ok(())
}

/// The schemas of a folder by name; empty without a folder.
fn texts(folder: Option<&Path>) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let Some(folder) = folder else { return Ok(BTreeMap::new()) };
    let read = |schema: &Schema| {
        let file = folder.join(format!("{}.avsc", schema.name));
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        // A valid schema is compatible with itself.
        conflicts(&text, &text).with_context(|| file.display().to_string())?;
        Ok((schema.name, text))
    };
    Schema::ALL.iter().map(read).collect()
}

fn check_subject(registry: &Registry, subject: &str, text: &str, report: &mut Report) -> anyhow::Result<()> {
    let versions = registry.versions(subject)?;
    if versions.is_empty() {
        report.good(subject, "has no version yet; `cx-timelines schemas register` registers one");
        return Ok(());
    }
    report.versions(subject, "registered", text, &versions)?;
    // Our own findings name the field; the registry's are quoted.
    if !report.is_bad_of(subject)
        && let Verdict::Incompatible(reasons) = registry.check(subject, text)?
    {
        report.bad(subject, &format!("the registry would refuse it: {}", reasons.join("; ")));
    }
    let rule = registry.rule(subject)?;
    if rule.as_deref() != Some(RULE) {
        let rule = rule.map_or_else(|| "the registry's own".to_owned(), |rule| format!("{rule:?}"));
        report.good(
            subject,
            &format!(
                "the rule is {rule}, so incompatible versions may be registered; `cx-timelines schemas register` sets {RULE}"
            ),
        );
    }
    Ok(())
}

/// The named Avro inputs, with their subjects.
fn inputs<'c>(config: &'c Config, spec: &RegistrySpec) -> Vec<(&'c str, String)> {
    let read = config.topics.iter().filter(|topic| matches!(topic.role, Role::Input | Role::AgentStates));
    let inputs = read.filter_map(Topic::exact);
    let avro = inputs.filter(|name| config.is_avro(name));
    avro.map(|name| (name, spec.subjects.subject(name, &Schema::CIM_EVENT))).collect()
}

/// Checks whether events written with the producers' schemas can be read.
fn check_input(registry: &Registry, topic: &str, subject: &str, report: &mut Report) -> anyhow::Result<()> {
    let versions = registry.versions(subject)?;
    let (plans, mut reads) = (Plans::new(), true);
    for (number, version) in (1..).zip(&versions) {
        if let Err(problem) = plans.learn(number, version) {
            reads = false;
            report.bad(
                subject,
                &format!("events of {topic} with registered version {number} cannot be read: {problem}"),
            );
        }
    }
    if reads {
        report.good(subject, &format!("events of all registered versions can be read ({})", versions.len()));
    }
    Ok(())
}

fn register(config: &Config) -> Result<(), Failure> {
    let spec = outputs::spec(config)?;
    let Some(registry) = formats::registry(config, Retries::Some)? else { return Ok(()) };
    let (outputs, inputs) = (outputs::of(config, spec), inputs(config, spec));
    if outputs.is_empty() && inputs.is_empty() {
        anstream::println!("nothing to register: no topic with a name has `format: avro` in topics.yaml");
    }
    for output in outputs {
        let subject = &output.subject;
        // Set the compatibility first, so that the registry refuses an incompatible version.
        if registry.rule(subject)?.as_deref() != Some(RULE) {
            registry.set_rule(subject, RULE)?;
        }
        let id = registry.register(subject, output.schema.text)?;
        anstream::println!("{subject}: schema {id}, rule {RULE}");
    }
    for (topic, subject) in inputs {
        // Versions and compatibility are the producers' decision. A subject without versions gets one for `load`.
        if registry.versions(&subject)?.is_empty() {
            let id = registry.register(&subject, Schema::CIM_EVENT.text)?;
            anstream::println!("{subject}: schema {id}, for records loaded into {topic}");
        } else {
            anstream::println!("{subject}: left to the producers of {topic}");
        }
    }
    Ok(())
}
