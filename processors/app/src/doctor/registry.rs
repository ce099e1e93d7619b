// SPDX-License-Identifier: Apache-2.0

//! The schema registry, if configured.

use super::report::Check;
use crate::commands::schemas;
use crate::config::{Config, Format};
use crate::exit::Failure;
use crate::formats::{self, Retries};

const NAME: &str = "schema registry";
const REMEDY: &str = "start it, or name another with --schema-registry; credentials come from the environment or \
                      schema_registry.credentials_file";

/// Checks the connection and the program's schemas.
pub fn checks(config: &Config) -> Vec<Check> {
    let Some(spec) = &config.registry else {
        return vec![Check::ok(NAME, "none is named, and no topic needs one")];
    };
    let urls = spec.urls.join(", ");
    let registry = match formats::registry(config, Retries::None) {
        Ok(Some(registry)) => registry,
        Ok(None) | Err(Failure::No) => return Vec::new(),
        Err(Failure::Usage(error) | Failure::Failed(error)) => {
            return vec![Check::error(NAME, &error, REMEDY)];
        }
    };
    // An unknown subject: a registry that answers this can answer for all others.
    if let Err(error) = registry.versions("cx-timelines-doctor") {
        return vec![Check::error(NAME, &error.into(), REMEDY)];
    }
    let used = config.topics.iter().filter(|topic| topic.format == Format::Avro).count();
    let mut checks = vec![Check::ok(NAME, format!("{urls} answers; {used} topics are avro"))];
    match schemas::registered(config, spec, &registry) {
        Ok(findings) => checks.extend(findings.into_iter().map(|finding| {
            let name = format!("subject {}", finding.what);
            match finding.is_bad {
                true => Check::fail(
                    name,
                    finding.sentence,
                    "see `cx-timelines schemas check`, and schemas/README.md",
                ),
                false => Check::ok(name, finding.sentence),
            }
        })),
        Err(error) => checks.push(Check::error(NAME, &error, REMEDY)),
    }
    checks
}
