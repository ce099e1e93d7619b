// SPDX-License-Identifier: Apache-2.0

//! What a record costs as JSON and as Avro, by our encoders and by the libraries.
//!
//! `cargo bench -p avro --bench encode` folds realistic conversations with all processors and lets each record that they
//! write be written again, over and over, in each way. It prints nanoseconds of processor time for each record, the least of all
//! rounds, and how many such records come of each event:
//!
//! - JSON and Avro: the record itself, by this workspace's writers.
//! - `model`'s writer, serde_json: both write the same [`Node`] to the same bytes, which is asserted.
//! - apache-avro: from a tree of values that was made before, so without the cost of making it.
//!
//! The last table reads events: JSON by `model`, Avro by `Plans` to an event, and Avro by apache-avro to a tree of values, which
//! is no event yet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark, for a terminal"
)]

#[path = "../../tests/it/common/mod.rs"]
mod common;
mod node;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use avro::{AvroFormat, Plans};
use common::{decoded, driver, parsed};
use model::{Format, JsonFormat, Limits, Record};
use node::Node;
use sandbox::conversations::{Options, Size, events};
use serde_json::Value;
use testkit::thread_micros;

const EVENTS: usize = 3_000;
const ROUNDS: usize = 5;
const REPEATS: u32 = 20;

/// What was measured of the records of one schema.
#[derive(Default, Clone)]
struct Sum {
    records: u32,
    json_bytes: usize,
    avro_bytes: usize,
    json: Duration,
    node: Duration,
    serde_json: Duration,
    avro: Duration,
    referee: Duration,
    json_again: Duration,
}

type Sums = Arc<Mutex<BTreeMap<&'static str, Sum>>>;

/// Measures each record of an output while it is at hand, and passes its JSON on.
struct Measuring {
    name: &'static str,
    schema: Schema,
    avro: AvroFormat,
    sums: Sums,
}

/// The least processor time that some work takes, so that what else the machine does counts little.
fn least(mut work: impl FnMut()) -> Duration {
    let round = || {
        let begun = thread_micros();
        (0..REPEATS).for_each(|_| work());
        Duration::from_secs_f64((thread_micros() - begun) / 1e6) / REPEATS
    };
    std::iter::repeat_with(round).take(ROUNDS).min().unwrap()
}

impl Format for Measuring {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        let (name, schema) = (self.name, &self.schema);
        let mut buffer = Vec::with_capacity(1 << 16);
        let written = |format: &dyn Format, buffer: &mut Vec<u8>| {
            buffer.clear();
            format.write(black_box(record), buffer);
        };
        let json = least(|| written(&JsonFormat, &mut buffer));
        let json_value = buffer.clone();
        let tree = Node::of(&json_value);
        let node = least(|| {
            buffer.clear();
            black_box(&tree).write_json(&mut buffer);
        });
        assert!(buffer == json_value, "{name}: a node is written like its record");
        let serde_json = least(|| {
            buffer.clear();
            serde_json::to_writer(&mut buffer, black_box(&tree)).unwrap();
        });
        assert!(buffer == json_value, "{name}: serde_json writes the same");
        let avro = least(|| written(&self.avro, &mut buffer));
        let avro_value = buffer.clone();
        let values = decoded(schema, avro::split(&avro_value).unwrap().1);
        let writer = GenericDatumWriter::builder(schema).build().unwrap();
        let referee = least(|| {
            buffer.clear();
            writer.write_value_ref(&mut buffer, black_box(&values)).unwrap();
        });
        let json_again = least(|| {
            black_box(serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&json_value)).unwrap());
        });

        let mut sums = self.sums.lock().unwrap();
        let sum = sums.entry(name).or_default();
        sum.records += 1;
        sum.json_bytes += json_value.len();
        sum.avro_bytes += avro_value.len();
        sum.json += json;
        sum.node += node;
        sum.serde_json += serde_json;
        sum.avro += avro;
        sum.referee += referee;
        sum.json_again += json_again;
        out.extend_from_slice(&json_value);
    }
}

fn encoding(size: Size) {
    let sums = Sums::default();
    let mut driver = driver(|product| {
        let schema = avro::Schema::of_header(product.schema).unwrap();
        let avro = AvroFormat::new(1, &schema).unwrap();
        Arc::new(Measuring { name: schema.name, schema: parsed(schema), avro, sums: Arc::clone(&sums) })
    });
    let planned = events(&Options { size, ..Options::default() }, EVENTS);
    let count = planned.len() as f64;
    for (number, planned) in planned.into_iter().enumerate() {
        driver.push(planned.value);
        if number % 100 == 99 {
            driver.finish();
        }
    }
    driver.finish();

    println!("\n{size:?} events:\n");
    println!(
        "| record | for each event | bytes: JSON | Avro | ns: JSON | `model`'s writer | serde_json | Avro | apache-avro | \
         JSON read again |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let sums = sums.lock().unwrap();
    for (name, sum) in sums.iter() {
        let bytes = |bytes: usize| bytes as f64 / f64::from(sum.records);
        let ns = |time: Duration| time.as_nanos() as f64 / f64::from(sum.records);
        println!(
            "| `{name}` | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            f64::from(sum.records) / count,
            bytes(sum.json_bytes),
            bytes(sum.avro_bytes),
            ns(sum.json),
            ns(sum.node),
            ns(sum.serde_json),
            ns(sum.avro),
            ns(sum.referee),
            ns(sum.json_again),
        );
    }
    let each = |of: fn(&Sum) -> Duration| sums.values().map(of).sum::<Duration>().as_nanos() as f64 / count;
    println!(
        "| all records of an event | | | | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
        each(|sum| sum.json),
        each(|sum| sum.node),
        each(|sum| sum.serde_json),
        each(|sum| sum.avro),
        each(|sum| sum.referee),
        each(|sum| sum.json_again),
    );
}

/// What it costs to read the same events in each format.
fn decoding() {
    println!(
        "\n| events | bytes: JSON | Avro | ns: JSON | Avro | Avro, session and emitter as text | apache-avro, to a tree |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for size in [Size::Slim, Size::Real] {
        let planned = events(&Options { size, ..Options::default() }, EVENTS);
        let bare = planned.iter().filter_map(|planned| {
            let event: Value = serde_json::from_str(&planned.value).unwrap();
            // The same text as in Avro, field by field, also in its order.
            event["timestamp"].is_i64().then(|| (event.to_string(), event))
        });
        let bare: Vec<_> = bare.collect();
        let records: Vec<Vec<u8>> = bare.iter().map(|(_, event)| in_avro(event, false)).collect();
        let texts: Vec<Vec<u8>> = bare.iter().map(|(_, event)| in_avro(event, true)).collect();
        let (limits, plans) = (Limits::default(), Plans::new());
        plans.learn(1, avro::Schema::CIM_EVENT.text).unwrap();
        let mut scratch = Vec::new();
        // Event by event: the least time of each is one in which nothing else came between.
        let json = bare.iter().map(|(json, _)| {
            least(|| _ = black_box(model::decode(black_box(json).as_bytes(), None, &limits).unwrap()))
        });
        let json: Duration = json.sum();
        let mut read_all = |values: &[Vec<u8>]| -> Duration {
            let read = |value: &Vec<u8>| {
                least(|| _ = black_box(plans.decode(black_box(value), None, &limits, &mut scratch).unwrap()))
            };
            values.iter().map(read).sum()
        };
        let (with_records, with_texts) = (read_all(&records), read_all(&texts));
        let schema = parsed(avro::Schema::CIM_EVENT);
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        let tree = records.iter().map(|value| {
            let data = avro::split(value).unwrap().1;
            least(|| _ = black_box(reader.read_value(&mut black_box(data)).unwrap()))
        });
        let tree: Duration = tree.sum();
        let per = |sum: f64| sum / bare.len() as f64;
        println!(
            "| {size:?} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            per(bare.iter().map(|(json, _)| json.len()).sum::<usize>() as f64),
            per(records.iter().map(Vec::len).sum::<usize>() as f64),
            per(json.as_nanos() as f64),
            per(with_records.as_nanos() as f64),
            per(with_texts.as_nanos() as f64),
            per(tree.as_nanos() as f64),
        );
    }
}

/// An event in the wire format, its envelope's objects as records, or as JSON text.
fn in_avro(event: &Value, as_text: bool) -> Vec<u8> {
    let mut value = vec![0, 0, 0, 0, 1];
    let schema = parsed(avro::Schema::CIM_EVENT);
    let tree = common::avro_of(&schema, event, as_text).unwrap();
    GenericDatumWriter::builder(&schema).build().unwrap().write_value(&mut value, tree).unwrap();
    value
}

fn main() {
    encoding(Size::Slim);
    encoding(Size::Real);
    decoding();
}
