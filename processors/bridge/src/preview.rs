// SPDX-License-Identifier: Apache-2.0

//! A dry run: what would be sent, without sending or settling anything.

use std::io::{self, Write};
use std::time::Duration;

use edge::Stop;
use fe2o3_amqp::Receiver;
use fe2o3_amqp_types::messaging::Body;
use serde::Serialize;
use serde_amqp::Value;
use tokio::time::{sleep, timeout};

use crate::amqp::{self, Attached};
use crate::backoff;
use crate::failure::Failure;
use crate::message::Received;
use crate::refusal::{brief, lost};
use crate::route::Rules;
use crate::settings::Settings;
use crate::task_state;

/// A destination is done when nothing has come for this time.
const QUIET: Duration = Duration::from_secs(2);

/// A record that would be sent, as `load` reads it; and where it comes from.
#[derive(Serialize)]
struct Line<'l> {
    topic: &'l str,
    partition: Option<i32>,
    key: Option<std::borrow::Cow<'l, str>>,
    value: std::borrow::Cow<'l, str>,
    jms: Jms<'l>,
}

#[derive(Serialize)]
struct Jms<'l> {
    destination: &'l str,
    #[serde(rename = "type")]
    jms_type: Option<&'l str>,
    id: Option<&'l str>,
}

/// Why a dry run ended early.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// There is no connection, or none any more.
    #[error(transparent)]
    Broker(#[from] Failure),
    /// The lines cannot be written.
    #[error("the lines cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Prints the messages that wait at each destination, as many as may be unsettled, and leaves them there. Returns their number.
///
/// # Errors
/// There is no connection within its time, it ends, or `out` cannot be written.
pub async fn dry_run(settings: &Settings, stop: &Stop, out: &mut dyn Write) -> Result<u64, DryRunError> {
    let mut attached = connect(settings, stop).await?;
    writeln!(out, "{{\"#records\":true}}")?;
    let mut printed = 0;
    let receivers = std::mem::take(&mut attached.receivers);
    let line = attached.watch.clone();
    let mut ended = Ok(());
    for (destination, mut receiver) in receivers {
        if ended.is_ok() && !stop.is_requested() {
            let name = destination.name();
            let shown = show(settings, &mut receiver, name, stop, out).await;
            ended = shown.map(|shown| printed += shown);
        }
        amqp::detach(receiver, &line).await;
    }
    attached.close().await;
    ended.map(|()| printed)
}

/// As `run` does it.
async fn connect(settings: &Settings, stop: &Stop) -> Result<Attached, Failure> {
    let begun = tokio::time::Instant::now();
    let mut turn = 0_u32;
    loop {
        for address in &settings.brokers {
            match Attached::open(settings, address).await {
                Ok(attached) => return Ok(attached),
                Err(failure) => {
                    let is_over = begun.elapsed() >= settings.connect_timeout || stop.is_requested();
                    if failure.is_final() || is_over {
                        return Err(failure);
                    }
                    tracing::warn!("{failure}; trying again");
                }
            }
        }
        turn = turn.saturating_add(1);
        sleep(backoff::wait(turn, rand::random())).await;
    }
}

/// Prints what waits at one destination.
async fn show(
    settings: &Settings,
    receiver: &mut Receiver,
    destination: &str,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<u64, DryRunError> {
    let lost = |error: &dyn std::fmt::Display| {
        let address = settings.brokers.first().cloned();
        address.map_or_else(
            || DryRunError::Output(io::Error::from(io::ErrorKind::NotConnected)),
            |address| lost(&address, &brief(&error.to_string())).into(),
        )
    };
    receiver.set_credit(settings.in_flight_max).await.map_err(|error| lost(&error))?;
    let (mut shown, mut skipped) = (0, 0);
    while shown + skipped < u64::from(settings.in_flight_max) && !stop.is_requested() {
        let Ok(received) = timeout(QUIET, receiver.recv::<Body<Value>>()).await else { break };
        let (_, message) = received.map_err(|error| lost(&error))?.into_parts();
        let received = Received::of(message);
        if task_state::is_broadcast(&received) {
            skipped += 1;
        } else {
            print(&settings.rules, destination, &received, out)?;
            shown += 1;
        }
    }
    if skipped > 0 {
        tracing::info!("{destination}: {skipped} state changes of tasks are no events, and would be skipped");
    }
    if shown + skipped == u64::from(settings.in_flight_max) {
        tracing::info!(
            "{destination}: {shown} messages are shown; there may be more (--max-in-flight shows more)"
        );
    }
    Ok(shown)
}

fn print(
    rules: &Rules,
    destination: &str,
    received: &Received,
    out: &mut dyn Write,
) -> Result<(), DryRunError> {
    let routed = rules.route(received);
    let line = Line {
        topic: routed.topic,
        partition: routed.partition,
        key: routed.key.as_deref().map(String::from_utf8_lossy),
        value: String::from_utf8_lossy(&received.body),
        jms: Jms {
            destination: received.destination.as_deref().unwrap_or(destination),
            jms_type: received.jms_type.as_deref(),
            id: received.id.as_deref(),
        },
    };
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Topic;

    #[test]
    fn a_line_is_a_record_as_load_reads_it() {
        let rules = Rules {
            events: Topic { name: "cx.events".to_owned(), partitions: 8 },
            agent_states: None,
            limits: model::Limits::default(),
        };
        let body = r#"{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"21"}"#;
        let received = Received {
            body: body.as_bytes().to_vec(),
            jms_type: Some("X".to_owned()),
            ..Received::default()
        };
        let mut out = Vec::new();
        print(&rules, "conversation-topic", &received, &mut out).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["topic"], "cx.events");
        assert_eq!(line["key"], "21");
        assert_eq!(line["value"], body);
        assert_eq!(line["partition"], engine::partition_of(b"21", 8));
        assert_eq!(line["jms"]["destination"], "conversation-topic");
    }
}
