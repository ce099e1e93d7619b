// SPDX-License-Identifier: Apache-2.0

//! `as-of`: one conversation as it was at an event time, as known at an ingestion time. No history is stored: the command folds
//! a selection of the input's events again with the task of `run` and `fold`.
//!
//! [`selection`] selects the events, [`source`] reads them, [`refold`] folds them.

mod erased;
mod refold;
mod selection;
mod source;
#[cfg(test)]
mod tests;

use anyhow::anyhow;

use self::erased::Erased;
use self::selection::{Selection, Window};
use self::source::{Source, file::FileSource, incomplete, topics::TopicSource};
use crate::cli::{AsOfArgs, Global};
use crate::config::Config;
use crate::exit::Failure;
use crate::render::{self, Conversation, Products};
use crate::wiring;

/// Prints the conversation.
pub fn run(global: &Global, args: &AsOfArgs, config: &Config) -> Result<(), Failure> {
    if Products::of(config).topics().next().is_none() {
        return Err(Failure::usage(Products::missing()));
    }
    let window = Window { event_time: args.event_time, known_at: args.known_at };
    let mut source: Box<dyn Source> = match &args.file {
        Some(file) => Box::new(FileSource::open(file, config).map_err(Failure::usage)?),
        None => Box::new(TopicSource::open(global, config, &args.conversation)?),
    };
    let found = look(&mut *source, &args.conversation, window, config);
    let gap = incomplete(&source.gaps());
    match (found, gap) {
        (Ok(found), None) => Ok(render::print(&found, args.json)?),
        (Ok(found), Some(gap)) => {
            render::print(&found, args.json)?;
            anstream::eprintln!("{gap}");
            if args.allow_incomplete { Ok(()) } else { Err(Failure::No) }
        }
        // It may have existed and be gone.
        (Err(Failure::Failed(error)), Some(gap)) => Err(anyhow!("{error:#}; {gap}").into()),
        (Err(failure), _) => Err(failure),
    }
}

/// The conversation as the source's events define it.
///
/// # Errors
/// The source cannot be read, or the conversation did not exist then.
fn look(
    source: &mut dyn Source,
    conversation: &str,
    window: Window,
    config: &Config,
) -> Result<Conversation, Failure> {
    let topology = wiring::topology(config, &[]).map_err(Failure::usage)?;
    let mut selection = Selection::new(conversation, window, config.limits.clone());
    let mut erased = Erased::new(conversation);
    let is_request = |topic: &str| config.erasures() == Some(topic);
    source.each(&mut |found| {
        if is_request(found.record.topic) {
            erased.take(&found.record);
            return Ok(());
        }
        selection.take(found)
    })?;
    if erased.is_so(selection.customers()) {
        return Err(
            anyhow!("conversation {conversation:?} was erased on request: it is not folded again").into()
        );
    }
    if selection.needs_second_look() {
        source.each(&mut |found| {
            if is_request(found.record.topic) { Ok(()) } else { selection.take_again(found) }
        })?;
    }
    let outline = selection.outline();
    let found = refold::refold(topology, config, conversation, &selection.into_records())?;
    if found.is_empty() {
        return Err(
            anyhow!("{}; looked at {}", outline.not_there(conversation, window), source.place()).into()
        );
    }
    Ok(found)
}
