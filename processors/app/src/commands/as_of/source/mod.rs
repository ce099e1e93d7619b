//! Where the events of `as-of` come from. A source can be read more than once, and gives the same records each time.

pub mod file;
pub mod topics;

use super::selection::Found;

/// Takes the records of a source.
pub type Visit<'v> = dyn FnMut(&Found<'_>) -> anyhow::Result<()> + 'v;

/// Records of the input, and requests to erase.
pub trait Source {
    /// Lets `visit` see each record.
    ///
    /// # Errors
    /// The source cannot be read, or `visit` fails.
    fn each(&mut self, visit: &mut Visit<'_>) -> anyhow::Result<()>;

    /// Where the records come from, for messages.
    fn place(&self) -> String;
}
