// SPDX-License-Identifier: Apache-2.0

//! State of a window: its figures, until its retention ends.

use std::borrow::Cow;

use engine::{Counter, Emitter, Place, ProcessError, State};
use model::{Bucket, Dimension, Figure, Histogram, MetricsWindow};
use serde::{Deserialize, Serialize};

use super::changes::Cells;
use crate::amounts::Cell;
use crate::stored::{behind, prefixed};

/// Format version; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 2;
/// Changes that arrived too late.
pub static CHANGES_EXPIRED: Counter = Counter::new(
    "cx_timelines_window_changes_expired_total",
    "Changes of metrics windows past their retention; those windows stay unchanged.",
);
pub(super) const WINDOW: u8 = b'w';
/// Windows by their end, so that the oldest are found without reading the others.
pub(super) const END: u8 = b'x';
pub(super) const END_BYTES: usize = size_of::<i64>();
/// Key of the time before which all windows have left the state. A task that was just restored does not know the stream time
/// yet; without this record it would start such a window from 0 and overwrite its record.
const OVER: u8 = b'o';

/// The figures of one window.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    revision: u64,
    /// The first instant after it.
    end: i64,
    /// None is 0.
    cells: Cells,
}

impl Window {
    fn read(key: &[u8], bytes: Option<&[u8]>) -> Result<Option<Self>, ProcessError> {
        match bytes {
            None => Ok(None),
            Some([VERSION, rest @ ..]) => {
                postcard::from_bytes(rest).map(Some).map_err(|problem| corrupt(key, &problem))
            }
            Some(_) => Err(corrupt(key, &format_args!("not version {VERSION} of the form"))),
        }
    }

    fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }
}

fn corrupt(key: &[u8], problem: &dyn std::fmt::Display) -> ProcessError {
    ProcessError::Corrupt {
        processor: super::NAME,
        key: String::from_utf8_lossy(key).into_owned(),
        problem: problem.to_string(),
    }
}

/// Adds to the window of this name, which ends then. `false`: it has left the state, and stays as it was.
pub(super) fn add(
    state: &mut State<'_>,
    name: &str,
    end: i64,
    changes: &Cells,
    retention_ms: i64,
) -> Result<bool, ProcessError> {
    let key = prefixed(WINDOW, name.as_bytes());
    let known = state.read(&key, |bytes| Window::read(&key, bytes))??;
    if known.is_none() {
        let over = over(state, retention_ms)?;
        if end < over {
            state.put(&[OVER], &over.to_be_bytes());
            state.notice(&CHANGES_EXPIRED);
            return Ok(false);
        }
    }
    let is_new = known.is_none();
    let mut window = known.unwrap_or(Window { end, ..Window::default() });
    window.revision += 1;
    for (cell, change) in changes {
        let value = window.cells.entry(*cell).or_default();
        *value = value.saturating_add(*change);
    }
    window.cells.retain(|_, value| *value != 0);
    if window.cells.is_empty() {
        state.delete(&key);
        state.delete(&end_key(end, name.as_bytes()));
    } else {
        state.put(&key, &window.write());
        if is_new {
            state.put(&end_key(end, name.as_bytes()), b"");
        }
    }
    Ok(true)
}

/// Passes the window's current record to `look`; `None` if all its figures are 0.
pub(super) fn with_record<R>(
    emitter: &mut Emitter<'_>,
    name: &str,
    look: impl FnOnce(Option<&MetricsWindow<'_>>) -> R,
) -> Result<R, ProcessError> {
    let key = prefixed(WINDOW, name.as_bytes());
    emitter.read(&key, |bytes| with_record_of(&key, name, bytes, look))?
}

/// Like [`with_record`], from the state of a window.
fn with_record_of<R>(
    key: &[u8],
    name: &str,
    state: Option<&[u8]>,
    look: impl FnOnce(Option<&MetricsWindow<'_>>) -> R,
) -> Result<R, ProcessError> {
    let window = Window::read(key, state)?;
    let (Some(window), Some(of)) = (window, model::parse_window_key(name)) else { return Ok(look(None)) };
    let mut figures: Vec<(Figure, i64)> = Vec::new();
    let mut histograms: Vec<(Histogram, Bucket, i64)> = Vec::new();
    for (cell, value) in &window.cells {
        match cell {
            Cell::Figure(code) => figures.extend(Figure::from_code(*code).map(|figure| (figure, *value))),
            Cell::Count(code, place) => histograms.extend(
                Histogram::from_code(*code).zip(Bucket::at(*place)).map(|(of, bucket)| (of, bucket, *value)),
            ),
        }
    }
    histograms.sort_unstable();
    Ok(look(Some(&MetricsWindow {
        dimension: of.dimension,
        id: Cow::Borrowed(&of.id),
        window_start: of.window_start,
        window_end: window.end,
        figures: figures.into(),
        revision: window.revision,
        histograms: histograms.into(),
    })))
}

/// The key range of a subject's windows in a namespace.
pub(super) fn place(namespace: u8, (dimension, id): (Dimension, &str)) -> Place {
    let mut prefix = vec![namespace, WINDOW];
    prefix.extend_from_slice(subject_key(dimension, id).as_bytes());
    prefix.push(b'/');
    Place::Under(prefix)
}

/// Passes the window in a record of the state to `look`; `None` for any other record.
pub(super) fn with_state<R>(
    key: &[u8],
    value: &[u8],
    look: impl FnOnce(Option<&MetricsWindow<'_>>) -> R,
) -> Result<R, ProcessError> {
    let name = key.strip_prefix(&[WINDOW]).and_then(|name| std::str::from_utf8(name).ok());
    match name {
        Some(name) => with_record_of(key, name, Some(value), look),
        None => Ok(look(None)),
    }
}

/// Whether the window existed, and so was emitted, at the last commit.
pub(super) fn was_emitted(emitter: &mut Emitter<'_>, name: &str) -> Result<bool, ProcessError> {
    emitter.read_committed(&prefixed(WINDOW, name.as_bytes()), |bytes| bytes.is_some())
}

/// Removes windows past their retention from the state, within the budget. Their records stay. A window that has changed since
/// the last commit leaves with the next one, after its record is emitted.
pub(super) fn forget(emitter: &mut Emitter<'_>, retention_ms: i64) -> Result<(), ProcessError> {
    if emitter.stream_time_ms().is_none() {
        return Ok(());
    }
    let over = over(emitter, retention_ms)?;
    let most = emitter.keys_max();
    let mut gone: Vec<Vec<u8>> = Vec::new();
    emitter.scan_committed(&[END], |key, _| {
        let end = key.get(1..).and_then(|rest| rest.split_first_chunk::<END_BYTES>());
        let is_over = end.is_some_and(|(end, _)| i64::from_be_bytes(*end) < over);
        if !is_over || gone.len() > most {
            return std::ops::ControlFlow::Break(());
        }
        gone.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    })?;
    if !gone.is_empty() {
        emitter.put(&[OVER], &over.to_be_bytes());
    }
    for key in gone {
        if !emitter.has_budget() {
            break;
        }
        let Some(name) = key.get(1 + END_BYTES..) else { continue };
        let window = prefixed(WINDOW, name);
        let before = emitter.read_committed(&window, |bytes| bytes.map(<[u8]>::to_vec))?;
        if emitter.read(&window, |bytes| bytes == before.as_deref())? {
            emitter.delete(&window);
            emitter.delete(&key);
        }
    }
    Ok(())
}

/// The end time before which windows are past their retention: by stream time, and by the windows that have already left.
fn over(state: &mut State<'_>, retention_ms: i64) -> Result<i64, ProcessError> {
    let so_far = state.read(&[OVER], |bytes| match bytes.map(<[u8; END_BYTES]>::try_from) {
        None => Ok(i64::MIN),
        Some(Ok(bytes)) => Ok(i64::from_be_bytes(bytes)),
        Some(Err(problem)) => Err(corrupt(&[OVER], &problem)),
    })??;
    let now = state.stream_time_ms();
    Ok(now.map_or(so_far, |now| so_far.max(now.saturating_sub(retention_ms))))
}

/// Sorts by the end: no window ends before the epoch.
pub(super) fn end_key(end: i64, name: &[u8]) -> Vec<u8> {
    let mut key = prefixed(END, &end.to_be_bytes());
    key.extend_from_slice(name);
    key
}

/// A subject as a key: all windows of a subject are in one partition.
pub(crate) fn subject_key(dimension: Dimension, id: &str) -> String {
    format!("{}/{}", dimension.as_str(), model::escape(id))
}

/// Parses what [`subject_key`] wrote.
pub(super) fn parse_subject_key(key: &[u8]) -> Option<(Dimension, String)> {
    let (dimension, id) = std::str::from_utf8(key).ok()?.split_once('/')?;
    Some((Dimension::from_name(dimension)?, model::unescape(id)?.into_owned()))
}
