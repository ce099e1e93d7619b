//! The processors, one folder for each.
//!
//! A processor is a pure function: event and state in, state and records out. It knows no clock, no Kafka and no other
//! processor.

pub mod activities;
pub mod correlate;

use engine::Processor;

/// The processor of this name, as topics.yaml calls it; `None` where there is none.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Processor>> {
    match name {
        activities::NAME => Some(Box::new(activities::Activities)),
        correlate::NAME => Some(Box::new(correlate::Correlate)),
        _ => None,
    }
}

/// The names of all processors.
pub const NAMES: [&str; 2] = [activities::NAME, correlate::NAME];
