//! The record schema of each processor.

use avro::Schema;

/// Processors with output records, and their schemas.
const SCHEMAS: &[(&str, Schema)] = &[
    (folds::activities::NAME, Schema::ACTIVITY),
    (folds::timelines::NAME, Schema::TIMELINE_ENTRY),
    (folds::conversations::NAME, Schema::CONVERSATION),
    (folds::customers::NAME, Schema::CUSTOMER),
    (folds::metrics::NAME, Schema::METRICS_WINDOW),
    (folds::audit::NAME, Schema::AUDIT),
    (folds::bot_training::NAME, Schema::BOT_TRAINING),
    (folds::alerts::NAME, Schema::ALERT),
    (folds::agents::NAME, Schema::AGENT),
];

/// The schema of a processor's records; `None` when it writes none.
pub fn schema_of(processor: &str) -> Option<Schema> {
    SCHEMAS.iter().find(|(name, _)| *name == processor).map(|(_, schema)| *schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_that_writes_has_a_schema_and_every_schema_of_records_a_processor() {
        let settings = folds::Settings::default();
        for name in folds::NAMES {
            let writes = folds::by_name(name, &settings).unwrap().outputs() > 0;
            assert_eq!(schema_of(name).is_some(), writes, "{name}");
        }
        for schema in Schema::ALL.iter().filter(|schema| **schema != Schema::CIM_EVENT) {
            assert!(SCHEMAS.iter().any(|(_, known)| known == schema), "{}", schema.name);
        }
    }
}
