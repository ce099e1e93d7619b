//! A topic's records as Avro.

use model::{Format, Record};

use crate::encode::Datum;
use crate::header::begin;

/// A topic's records as Avro: a zero byte, the schema's id in the registry, the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvroFormat {
    schema_id: u32,
}

impl AvroFormat {
    /// The format of a topic with this schema id. The caller ensures that the topic's records match the schema:
    /// [`crate::Schema::of`].
    #[must_use]
    pub fn new(schema_id: u32) -> Self {
        AvroFormat { schema_id }
    }
}

impl Format for AvroFormat {
    fn write(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        begin(self.schema_id, out);
        record.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::split;
    use model::{Bucket, Dimension, Figure, Histogram, MetricsWindow};

    #[test]
    fn a_value_begins_with_a_zero_and_the_schemas_id() {
        let figures = [(Figure::Offered, 1)];
        let (window_start, window_end) = (0, 1);
        let window = MetricsWindow {
            dimension: Dimension::Bot,
            id: "b",
            window_start,
            window_end,
            figures: &figures,
            revision: 4,
            histograms: &[(Histogram::RingMs, Bucket::of(20), 3)],
        };
        let mut out = b"before".to_vec();
        AvroFormat::new(0x0102_0304).write(&Record::from(&window), &mut out);
        let value = out.strip_prefix(b"before").unwrap();
        assert_eq!(&value[..5], [0, 1, 2, 3, 4]);
        assert_eq!(
            &value[5..],
            b"\x06bot\x02b\x00\x02\x02\x0eoffered\x02\x00\x08\x02\x0cringMs\x02\x0420\x06\x00\x00"
        );
        assert_eq!(split(value), Some((0x0102_0304, &value[5..])));
    }
}
