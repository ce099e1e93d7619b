// SPDX-License-Identifier: Apache-2.0

//! A topic's records as Avro.

use std::sync::Arc;

use model::{Format, Layout, Record, Schema};

use crate::header::begin;
use crate::layout;
use crate::shape::SchemaError;

/// A topic's records as Avro: a zero byte, the schema's id in the registry, the data.
#[derive(Debug, Clone)]
pub struct AvroFormat {
    schema_id: u32,
    layout: Arc<Layout>,
}

impl AvroFormat {
    /// The format of a topic whose records have this schema, with the id that the registry gave it.
    ///
    /// # Errors
    /// The schema cannot be written, which is a programming error: no record has bytes, enums or other unions than with null.
    pub fn new(schema_id: u32, schema: &Schema) -> Result<Self, SchemaError> {
        Ok(AvroFormat { schema_id, layout: Arc::new(layout::of(schema.text)?) })
    }
}

impl Format for AvroFormat {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        begin(self.schema_id, out);
        record.write_avro(&self.layout, out);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::header::split;
    use model::{Bucket, Dimension, Figure, Histogram, MetricsWindow};

    #[test]
    fn a_value_begins_with_a_zero_and_the_schemas_id() {
        let figures = [(Figure::Offered, 1)];
        let (window_start, window_end) = (0, 1);
        let window = MetricsWindow {
            dimension: Dimension::Bot,
            id: "b".into(),
            window_start,
            window_end,
            figures: figures.as_slice().into(),
            revision: 4,
            histograms: Cow::Borrowed(&[(Histogram::RingMs, Bucket::of(20), 3)]),
        };
        let mut out = b"before".to_vec();
        let schema = Schema::by_name("metrics-window").unwrap();
        AvroFormat::new(0x0102_0304, &schema).unwrap().write(&window, &mut out);
        let value = out.strip_prefix(b"before").unwrap();
        assert_eq!(&value[..5], [0, 1, 2, 3, 4]);
        assert_eq!(
            &value[5..],
            b"\x06bot\x02b\x00\x02\x02\x0eoffered\x02\x00\x08\x02\x0cringMs\x02\x0420\x06\x00\x00"
        );
        assert_eq!(split(value), Some((0x0102_0304, &value[5..])));
    }
}
