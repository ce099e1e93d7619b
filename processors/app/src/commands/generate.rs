// SPDX-License-Identifier: Apache-2.0

//! `generate`: documents and code made of topics.yaml and the schemas.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use generate::{
    Definition, File, GenerateError, Name, Output, Role, Topic, asyncapi, clickhouse, flink, json_schema,
    ksqldb, python, typescript,
};

use super::strimzi;
use crate::cli::Global;
use crate::cli::generate::GenerateCommand;
use crate::config::{self, Config, TopicName};
use crate::exit::Failure;
use crate::products;

/// Makes it, and prints it or writes its files.
pub fn run(global: &Global, what: &GenerateCommand, config: &Config) -> Result<(), Failure> {
    let definition = definition(config).map_err(Failure::usage)?;
    let text = match what {
        GenerateCommand::Asyncapi => asyncapi::document(&definition, &global.bootstrap),
        GenerateCommand::Flink => flink::ddl(&definition, &connection(global, config)),
        GenerateCommand::Clickhouse => clickhouse::ddl(&definition, &global.bootstrap),
        GenerateCommand::Ksqldb => ksqldb::ddl(&definition),
        GenerateCommand::JsonSchemas(args) => match &args.dir {
            Some(folder) => return write(folder, &json_schema::files(&definition)),
            None => Ok(json_schema::bundle(&definition)),
        },
        GenerateCommand::Python(args) => return one(args.dir.as_deref(), python::module(&definition)),
        GenerateCommand::Typescript(args) => {
            return one(args.dir.as_deref(), typescript::module(&definition));
        }
        GenerateCommand::Strimzi(args) => return print(&strimzi::yaml(config, &global.group, args)?),
    };
    // What cannot be made is what topics.yaml says.
    print(&text.map_err(Failure::usage)?)
}

fn print(text: &str) -> Result<(), Failure> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// Writes a file, or prints it.
fn one(folder: Option<&Path>, file: File) -> Result<(), Failure> {
    match folder {
        Some(folder) => write(folder, &[file]),
        None => print(&file.text),
    }
}

fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let problem = || format!("--dir {}: the files cannot be written", folder.display());
    std::fs::create_dir_all(folder).with_context(problem)?;
    for file in files {
        std::fs::write(folder.join(&file.name), &file.text).with_context(problem)?;
    }
    Ok(())
}

/// Where other programs find the brokers and the registry.
fn connection<'c>(global: &'c Global, config: &'c Config) -> flink::Connection<'c> {
    let registry = config.registry.as_ref().and_then(|spec| spec.urls.first());
    flink::Connection { bootstrap: &global.bootstrap, registry: registry.map(String::as_str) }
}

/// What everything is made of.
fn definition(config: &Config) -> Result<Definition, GenerateError> {
    let topics = config.topics.iter().map(|topic| {
        Ok(Topic {
            name: match &topic.name {
                TopicName::Exact(name) => Name::Exact(name.clone()),
                TopicName::Pattern(pattern) => Name::Pattern(pattern.to_string()),
            },
            role: role(config, topic)?,
            partitions: topic.partitions,
            cleanup: topic.cleanup.as_str(),
            retention_ms: topic.retention_ms,
            settings: topic.settings.clone(),
            is_avro: topic.format == config::Format::Avro,
        })
    });
    Ok(Definition {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        topics: topics.collect::<Result<_, _>>()?,
        letter_headers: config.letter_headers,
    })
}

fn role(config: &Config, topic: &config::Topic) -> Result<Role, GenerateError> {
    Ok(match topic.role {
        config::Role::Input => Role::Events,
        config::Role::AgentStates => Role::AgentStates,
        config::Role::Erasures => Role::Erasures,
        config::Role::DeadLetters => Role::DeadLetters,
        config::Role::Changelog | config::Role::Repartition => Role::Internal,
        // An output that no processor writes has no records.
        config::Role::Output => match output(config, topic)? {
            Some(output) => Role::Output(Box::new(output)),
            None => Role::Internal,
        },
    })
}

fn output(config: &Config, topic: &config::Topic) -> Result<Option<Output>, GenerateError> {
    let writes = |name: &str| {
        config.processors.iter().any(|processor| {
            processor.name == name
                && processor.writes.iter().any(|written| Some(written.as_str()) == topic.exact())
        })
    };
    let Some((processor, product)) = folds::products().find(|(name, _)| writes(name)) else {
        return Ok(None);
    };
    let Some(schema) = products::schema_of(processor) else { return Ok(None) };
    Output::new(processor, schema, product.one_for_each, product.key).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_has_every_topic_and_each_output_its_schema() {
        let config = Config::load(None, "g", None).unwrap();
        let definition = definition(&config).unwrap();
        assert_eq!(definition.topics.len(), config.topics.len());
        let outputs: Vec<(&str, &str)> =
            definition.outputs().map(|(topic, output)| (topic.name(), output.schema.header)).collect();
        let products: Vec<(&str, &str)> =
            folds::products().map(|(_, product)| (product.topic, product.schema)).collect();
        assert_eq!(outputs.len(), products.len());
        assert!(products.iter().all(|product| outputs.contains(product)), "{outputs:?}");
    }
}
