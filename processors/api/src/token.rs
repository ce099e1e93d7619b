//! The secret that clients have to know.

use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

/// Shorter ones can be guessed.
const LENGTH_MIN: usize = 16;

/// What can be wrong with a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read.
    #[error("the token's file {} cannot be read: {source}", .file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It can be guessed, or cannot be sent.
    #[error(
        "a token is at least 16 visible ASCII characters without spaces; make one, for example with: openssl rand -hex 32"
    )]
    Unfit,
}

/// A secret. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token in this text; space around it does not belong to it.
    ///
    /// # Errors
    /// It can be guessed, or cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let is_fit = text.len() >= LENGTH_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_fit { Ok(Self(text.to_owned())) } else { Err(TokenError::Unfit) }
    }

    /// The token that a file holds.
    ///
    /// # Errors
    /// The file cannot be read, or its token is unfit.
    pub fn from_file(file: &Path) -> Result<Self, TokenError> {
        let read = std::fs::read_to_string(file);
        Self::new(&read.map_err(|source| TokenError::File { file: file.to_owned(), source })?)
    }

    /// Whether it is the same, without telling by the time how much of it is.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        for unfit in ["", "short", "a b c d e f g h i j", "ümlaut-ümlaut-ümlaut"] {
            assert!(Token::new(unfit).is_err(), "{unfit}");
        }
        let token = Token::new("  0123456789abcdef\n").unwrap();
        assert!(token.is("0123456789abcdef"));
        assert!(!token.is("0123456789abcdeF") && !token.is("0123456789abcde") && !token.is(""));
        assert_eq!(format!("{token:?}"), "Token");
    }
}
