//! What is to be forgotten or erased, kept in the state until all of it is gone (contract section 9).
//!
//! Whoever decides it refuses all that comes later from then on: nothing is added any more to what is listed here. So it may go in
//! slices, one for each commit. The list says of each how far it has come: which processor is next, the last one first, and where in
//! its own work that one stopped.

use crate::asked::Look;
use crate::requests::{OwnedScope, Scope};
use crate::store::StoreError;

/// Begins the keys of the list, in the engine's own namespace.
pub(crate) const ENDING: &[u8] = b"\0e";
const CONVERSATION: u8 = b'c';
const ACTIVITY: u8 = b'a';
const FORGET: u8 = b'f';
const ERASE: u8 = b'e';

/// What is to become of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Its outputs stay.
    Forget,
    /// Its outputs go.
    Erase,
}

/// How far something has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) how: How,
    /// The namespace of the processor whose turn it is; 0: the last one's.
    pub(crate) next: u8,
    /// Where that one stopped.
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

/// The key under which a scope is listed.
pub(crate) fn key(scope: &Scope<'_>) -> Vec<u8> {
    let (kind, id) = match scope {
        Scope::Conversation(id) => (CONVERSATION, *id),
        Scope::Activity(id) => (ACTIVITY, *id),
    };
    [ENDING, &[kind], id].concat()
}

/// Whose key it is.
pub(crate) fn scope_of(key: &[u8]) -> Option<OwnedScope> {
    match key.strip_prefix(ENDING)?.split_first()? {
        (&CONVERSATION, id) => Some(OwnedScope::Conversation(id.into())),
        (&ACTIVITY, id) => Some(OwnedScope::Activity(id.into())),
        _ => None,
    }
}

/// Whether a record of the state says that something is still to be erased, or looked for to be erased: as long as there is one, a
/// request has not been carried out.
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
