// SPDX-License-Identifier: Apache-2.0

//! Sources of `as-of`'s events. A source can be read more than once, with the same result.

pub mod file;
pub mod topics;

use super::selection::OrderedRecord;
use crate::render::text::time;

/// Takes the records of a source.
pub type RecordVisitor<'v> = dyn FnMut(&OrderedRecord<'_>) -> anyhow::Result<()> + 'v;

/// Records of the input, and erasure requests.
pub trait Source {
    /// Passes each record to `visit`.
    ///
    /// # Errors
    /// The source cannot be read, or `visit` fails.
    fn each(&mut self, visit: &mut RecordVisitor<'_>) -> anyhow::Result<()>;

    /// The source's name, for messages.
    fn place(&self) -> String;

    /// Partitions whose first records are gone, once the records were read.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }
}

/// A partition whose first records are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that can still be read.
    pub first: i64,
    /// The Kafka timestamp of the record there, in epoch milliseconds; `None` when no record is left.
    pub first_ms: Option<i64>,
}

/// The maximum of partitions named in a message.
const NAMED_MAX: usize = 8;

/// A warning that these gaps may make the answer incomplete; `None` without gaps.
pub fn incomplete(gaps: &[Gap]) -> Option<String> {
    if gaps.is_empty() {
        return None;
    }
    let begins = |gap: &Gap| {
        let when =
            gap.first_ms.map_or_else(|| "no record is left".to_owned(), |ms| format!("came {}", time(ms)));
        format!("{}/{} begins at offset {} ({when})", gap.topic, gap.partition, gap.first)
    };
    let mut named: Vec<String> = gaps.iter().take(NAMED_MAX).map(begins).collect();
    if gaps.len() > NAMED_MAX {
        named.push(format!("{} more partitions begin after offset 0", gaps.len() - NAMED_MAX));
    }
    Some(format!(
        "the answer may be incomplete: what came before is gone, by retention or because it was deleted: {}. The exit code is 1; \
         --allow-incomplete makes it 0",
        named.join(", ")
    ))
}
