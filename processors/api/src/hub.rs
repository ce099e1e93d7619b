// SPDX-License-Identifier: Apache-2.0

//! Keeps the view, and sends its changes to event streams: a bounded number, a few times per second. A stream that falls
//! behind, or would receive too many changes, gets a resync message instead.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use edge::Stop;
use edge::queries::Update;
use tokio::sync::broadcast;

use crate::row::Row;
use crate::view::{Changed, View};

/// The interval of messages to streams.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// The maximum of changes sent individually.
const CHANGES_MAX: usize = 200;
/// The maximum of messages that wait for a slow stream.
const MESSAGES_MAX: usize = 32;

/// Changed conversations; `None` for one that left this instance.
pub(crate) type Changes = BTreeMap<Arc<str>, Option<Arc<Row>>>;

/// A message to event streams.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// These conversations changed.
    Changes(Arc<Changes>),
    /// Reload everything.
    Resync,
}

/// The source of messages.
pub(crate) struct Hub(broadcast::Sender<Message>);

impl Hub {
    /// Keeps the view on its own thread, until shutdown.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(
        view: Arc<Mutex<View>>,
        updates: Receiver<Update>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let (sender, _) = broadcast::channel(MESSAGES_MAX);
        let mut keeper = Keeper { view, sender: sender.clone(), pending: Pending::default() };
        std::thread::Builder::new().name("view".to_owned()).spawn(move || keeper.keep(&updates, &stop))?;
        Ok(Self(sender))
    }

    /// From now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Message> {
        self.0.subscribe()
    }

    #[cfg(test)]
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.0.send(message);
    }
}

/// What has changed since the last message.
#[derive(Default)]
struct Pending {
    changes: Changes,
    is_too_much: bool,
}

impl Pending {
    fn note(&mut self, changed: Changed) {
        match changed {
            Changed::Stands(row) => self.changes.insert(row.conversation_id.as_str().into(), Some(row)),
            Changed::Gone(id) => self.changes.insert(id, None),
            Changed::All => {
                self.is_too_much = true;
                None
            }
        };
        if self.changes.len() > CHANGES_MAX {
            self.is_too_much = true;
        }
        if self.is_too_much {
            self.changes.clear();
        }
    }

    fn take(&mut self) -> Option<Message> {
        let Self { changes, is_too_much } = std::mem::take(self);
        if is_too_much {
            Some(Message::Resync)
        } else {
            (!changes.is_empty()).then(|| Message::Changes(Arc::new(changes)))
        }
    }
}

struct Keeper {
    view: Arc<Mutex<View>>,
    sender: broadcast::Sender<Message>,
    pending: Pending,
}

impl Keeper {
    fn keep(&mut self, updates: &Receiver<Update>, stop: &Stop) {
        let mut tell_at = Instant::now();
        while !stop.is_requested() {
            match updates.recv_timeout(TELL_EVERY) {
                Ok(updates) => {
                    let pending = &mut self.pending;
                    locked(&self.view).take(updates, |changed| pending.note(changed));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= tell_at {
                tell_at = Instant::now() + TELL_EVERY;
                if let Some(message) = self.pending.take() {
                    // An error means that no stream is open.
                    let _ = self.sender.send(message);
                }
            }
        }
    }
}

/// The view, for a moment.
pub(crate) fn locked(view: &Mutex<View>) -> MutexGuard<'_, View> {
    // A panic while the lock was held lost one row at worst.
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_become_one_word_and_the_last_of_a_conversation_counts() {
        let mut pending = Pending::default();
        assert!(pending.take().is_none());
        pending.note(Changed::Gone("a".into()));
        pending.note(Changed::Gone("a".into()));
        let Some(Message::Changes(changes)) = pending.take() else { panic!("one change") };
        assert_eq!(changes.len(), 1);
        (0..=CHANGES_MAX).for_each(|n| pending.note(Changed::Gone(n.to_string().into())));
        pending.note(Changed::Gone("one more".into()));
        assert!(matches!(pending.take(), Some(Message::Resync)) && pending.take().is_none());
    }
}
