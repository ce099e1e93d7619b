// SPDX-License-Identifier: Apache-2.0

//! The bearer token of the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use edge::Reread;
use subtle::ConstantTimeEq;

/// Shorter tokens can be guessed.
const LENGTH_MIN: usize = 16;

/// Why a token is invalid.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read.
    #[error("the token's file {} cannot be read: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It can be guessed, or is invalid in a header.
    #[error(
        "a token is at least 16 visible ASCII characters without spaces; make one, for example with: openssl rand -hex 32"
    )]
    Unfit,
}

/// A token. It is never printed.
#[derive(Clone)]
pub struct Token(Source);

/// The source of the token.
#[derive(Clone)]
enum Source {
    /// A fixed value.
    Fixed(Arc<str>),
    /// The current content of a file.
    File(Arc<Reread<String>>),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token in this text, without surrounding white space.
    ///
    /// # Errors
    /// It can be guessed, or is invalid in a header.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        Ok(Self(Source::Fixed(fit(text)?.into())))
    }

    /// The token in a file, which is read again when it changes.
    ///
    /// # Errors
    /// The file cannot be read, or its token is invalid.
    pub fn from_file(file: &Path) -> Result<Self, TokenError> {
        let path = file.to_owned();
        let read = move || {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|source| TokenError::File { file: path.clone(), source })?;
            fit(&text).map(str::to_owned)
        };
        Ok(Self(Source::File(Arc::new(Reread::new(vec![file.to_owned()], read)?))))
    }

    /// Compares in constant time.
    pub(crate) fn is(&self, other: &str) -> bool {
        let same = |token: &str| token.as_bytes().ct_eq(other.as_bytes()).into();
        match &self.0 {
            Source::Fixed(token) => same(token),
            Source::File(file) => same(&file.get()),
        }
    }
}

/// The valid token in a text.
fn fit(text: &str) -> Result<&str, TokenError> {
    let text = text.trim();
    let is_fit = text.len() >= LENGTH_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_fit { Ok(text) } else { Err(TokenError::Unfit) }
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

    #[test]
    fn a_token_is_what_its_file_says_also_when_that_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let token = Token::from_file(&file).unwrap();
        assert!(token.is("0123456789abcdef"));
        std::fs::write(&file, "another-0123456789\n").unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !token.is("another-0123456789") {
            assert!(std::time::Instant::now() < until, "the new token is never used");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(!token.is("0123456789abcdef"));
    }
}
