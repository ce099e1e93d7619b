// SPDX-License-Identifier: Apache-2.0

//! State of one agent.

use engine::{ProcessError, State};
use model::{AgentNews, escape};

use super::change::{CHANGES_MAX, Change, OLDEST_MS, Spans};
use super::head::{Day, Head, Shown};

/// Key prefix of agents' current values.
const HEAD: u8 = b'h';
/// Key prefix of their changes.
const DAY: u8 = b'd';

/// Outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It has new data.
    New,
    /// All its data is known, or superseded.
    Known,
    /// It is older than what is kept.
    TooLate,
}

/// An agent.
pub(super) struct Agent<'s, 't> {
    /// The id, escaped as in keys.
    escaped: String,
    state: &'s mut State<'t>,
}

impl<'s, 't> Agent<'s, 't> {
    pub(super) fn of(id: &str, state: &'s mut State<'t>) -> Self {
        Self { escaped: escape(id).into_owned(), state }
    }

    /// Takes a published state.
    pub(super) fn take(&mut self, news: &AgentNews<'_>) -> Result<Taken, ProcessError> {
        let change = Change::of(news);
        let Some(mut head) = self.head()? else {
            let mut head = Head::new(change.clone(), news);
            self.set_day(&mut head, change.day(), &Day(vec![change]));
            self.set_head(&head);
            return Ok(Taken::New);
        };
        if self.is_beyond(&head, &change)? {
            return Ok(Taken::TooLate);
        }
        let mut day = self.day(change.day())?;
        match day.0.binary_search(&change) {
            Ok(_) if change != head.last => return Ok(Taken::Known),
            Ok(_) => {
                let shown = Shown::of(news);
                if shown.cmp(&head.shown).is_le() {
                    return Ok(Taken::Known);
                }
                head.shown = shown;
            }
            Err(at) => {
                let (before, behind) = self.around(&head, &change, &day, at)?;
                head.spans.split(before.as_ref(), &change, behind.as_ref());
                if behind.is_none() {
                    head.last = change.clone();
                    head.shown = Shown::of(news);
                }
                let number = change.day();
                day.0.insert(at, change);
                self.set_day(&mut head, number, &day);
                self.let_go(&mut head)?;
            }
        }
        self.set_head(&head);
        Ok(Taken::New)
    }

    /// The current values, and the start of the current run of equal states.
    pub(super) fn stand(&mut self) -> Result<Option<(Head, i64)>, ProcessError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let mut since = head.last.at;
        'run: for (number, _) in head.days.iter().rev() {
            for change in self.day(*number)?.0.iter().rev() {
                if !change.is_to_the_same(&head.last) {
                    break 'run;
                }
                since = change.at;
            }
        }
        Ok(Some((head, since)))
    }

    /// Takes the changes of spans since the last commit, which are emitted now.
    pub(super) fn take_spans(&mut self, head: &Head) -> Option<Spans> {
        if head.spans.is_empty() {
            return None;
        }
        self.set_head(&Head { spans: Spans::default(), ..head.clone() });
        Some(head.spans.clone())
    }

    /// Whether a change is older than all that may be kept, or than one that has left.
    fn is_beyond(&mut self, head: &Head, change: &Change) -> Result<bool, ProcessError> {
        if change.at < head.last.at.saturating_sub(OLDEST_MS) {
            return Ok(true);
        }
        let Some((first, _)) = head.days.first().filter(|_| head.kept() >= CHANGES_MAX) else {
            return Ok(false);
        };
        Ok(self.day(*first)?.0.first().is_some_and(|first| change < first))
    }

    /// The changes before and after this position of its day.
    fn around(
        &mut self,
        head: &Head,
        change: &Change,
        day: &Day,
        at: usize,
    ) -> Result<(Option<Change>, Option<Change>), ProcessError> {
        let (day_before, day_behind) = head.around(change.day());
        let mut before = at.checked_sub(1).and_then(|before| day.0.get(before)).cloned();
        if let (None, Some(number)) = (&before, day_before) {
            before = self.day(number)?.0.pop();
        }
        let mut behind = day.0.get(at).cloned();
        if let (None, Some(number)) = (&behind, day_behind) {
            behind = self.day(number)?.0.first().cloned();
        }
        Ok((before.or_else(|| head.left.clone()), behind))
    }

    /// Deletes the changes that are too many or too old.
    fn let_go(&mut self, head: &mut Head) -> Result<(), ProcessError> {
        let oldest_ms = head.last.at.saturating_sub(OLDEST_MS);
        while let Some((number, _)) = head.days.first().copied() {
            let mut day = self.day(number)?;
            let too_many = usize::try_from(head.kept().saturating_sub(CHANGES_MAX)).unwrap_or(0);
            let too_old = day.0.partition_point(|change| change.at < oldest_ms);
            let leaving = too_many.max(too_old).min(day.0.len());
            let Some(last) = leaving.checked_sub(1) else { break };
            head.left = day.0.get(last).cloned();
            day.0.drain(..leaving);
            self.set_day(head, number, &day);
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Option<Head>, ProcessError> {
        let key = self.head_key();
        let head = self.state.read(&key, |bytes| bytes.map(Head::read).transpose())?;
        head.map_err(|problem| corrupt(&key, problem))
    }

    fn set_head(&mut self, head: &Head) {
        let key = self.head_key();
        self.state.put(&key, &head.write());
    }

    fn day(&mut self, number: i64) -> Result<Day, ProcessError> {
        let key = self.day_key(number);
        let day = self.state.read(&key, |bytes| bytes.map(Day::read).transpose())?;
        Ok(day.map_err(|problem| corrupt(&key, problem))?.unwrap_or_default())
    }

    fn set_day(&mut self, head: &mut Head, number: i64, day: &Day) {
        let key = self.day_key(number);
        head.set_count(number, day.count());
        if day.0.is_empty() {
            self.state.delete(&key);
        } else {
            self.state.put(&key, &day.write());
        }
    }

    fn head_key(&self) -> Vec<u8> {
        head_key(&self.escaped)
    }

    fn day_key(&self, number: i64) -> Vec<u8> {
        let mut key = day_prefix(&self.escaped);
        key.extend_from_slice(&number.to_be_bytes());
        key
    }
}

/// Key of an agent's current values.
pub(super) fn head_key(escaped: &str) -> Vec<u8> {
    crate::stored::prefixed(HEAD, escaped.as_bytes())
}

/// Key prefix of an agent's changes.
pub(super) fn day_prefix(escaped: &str) -> Vec<u8> {
    let mut key = crate::stored::prefixed(DAY, escaped.as_bytes());
    key.push(b'/');
    key
}

pub(super) fn corrupt(key: &[u8], problem: String) -> ProcessError {
    ProcessError::Corrupt { processor: super::NAME, key: String::from_utf8_lossy(key).into_owned(), problem }
}
