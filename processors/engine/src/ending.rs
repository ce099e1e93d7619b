// SPDX-License-Identifier: Apache-2.0

//! Conversations and activities that are being forgotten or erased, listed in the state until that is complete (contract
//! section 9).
//!
//! The processor that lists one rejects all further events of it, so nothing is added to it any more, and it can be removed in
//! slices, one for each commit. The list stores the progress of each: the next processor, from the last to the first, and the
//! position at which that one stopped.

use crate::asked::Look;
use crate::requests::{OwnedScope, Scope};
use crate::store::StoreError;

/// Key prefix of the list, in the engine's own namespace.
pub(crate) const ENDING: &[u8] = b"\0e";
const CONVERSATION: u8 = b'c';
const ACTIVITY: u8 = b'a';
const FORGET: u8 = b'f';
const ERASE: u8 = b'e';

/// Kind of removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Outputs stay.
    Forget,
    /// Outputs are deleted.
    Erase,
}

/// Progress of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) how: How,
    /// Namespace of the next processor; 0 means the last one.
    pub(crate) next: u8,
    /// Position at which that processor stopped.
    pub(crate) from: Vec<u8>,
}

impl Ending {
    pub(crate) fn begin(how: How) -> Self {
        Self { how, next: 0, from: Vec::new() }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let how = match self.how {
            How::Forget => FORGET,
            How::Erase => ERASE,
        };
        [&[how, self.next], self.from.as_slice()].concat()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let (how, next, from) = match bytes {
            [FORGET, next, from @ ..] => (How::Forget, *next, from),
            [ERASE, next, from @ ..] => (How::Erase, *next, from),
            other => {
                let first = other.first();
                return Err(StoreError::Corrupt(format!("{first:?} is no way in which something ends")));
            }
        };
        Ok(Self { how, next, from: from.to_vec() })
    }
}

/// The key of a scope in the list.
pub(crate) fn key(scope: &Scope<'_>) -> Vec<u8> {
    let (kind, id) = match scope {
        Scope::Conversation(id) => (CONVERSATION, *id),
        Scope::Activity(id) => (ACTIVITY, *id),
    };
    [ENDING, &[kind], id].concat()
}

/// The scope of such a key.
pub(crate) fn scope_of(key: &[u8]) -> Option<OwnedScope> {
    match key.strip_prefix(ENDING)?.split_first()? {
        (&CONVERSATION, id) => Some(OwnedScope::Conversation(id.into())),
        (&ACTIVITY, id) => Some(OwnedScope::Activity(id.into())),
        _ => None,
    }
}

/// Whether a record of the state says that something is still to be erased, or searched for; while there is one, a request is
/// not complete.
#[must_use]
pub fn is_to_be_erased(key: &[u8], value: &[u8]) -> bool {
    let is_listed = key.starts_with(ENDING) && value.first() == Some(&ERASE);
    is_listed || key == Look::KEY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_read_as_it_was_written() {
        for how in [How::Forget, How::Erase] {
            let ending = Ending { how, next: b't', from: b"where".to_vec() };
            assert_eq!(Ending::read(&ending.write()).unwrap(), ending);
        }
        assert!(Ending::read(b"").is_err() && Ending::read(b"?a").is_err());
    }

    #[test]
    fn a_key_says_whose_ending_it_is() {
        for scope in [Scope::Conversation(b"c%2F1"), Scope::Activity(b"n")] {
            assert_eq!(scope_of(&key(&scope)), Some(OwnedScope::of(&scope)));
        }
        assert_eq!(scope_of(b"\0stream-time"), None);
    }

    #[test]
    fn a_record_says_whether_something_is_still_to_be_erased() {
        let key = key(&Scope::Conversation(b"c"));
        assert!(is_to_be_erased(&key, &Ending::begin(How::Erase).write()));
        assert!(!is_to_be_erased(&key, &Ending::begin(How::Forget).write()));
        assert!(is_to_be_erased(Look::KEY, &Look::begin().write()));
        assert!(!is_to_be_erased(b"\0stream-time", b"e"));
    }
}
