// SPDX-License-Identifier: Apache-2.0

//! The OAUTHBEARER token of a client, read from a file whenever it has to be refreshed.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;

/// The client property with the file's name. Each context receives it back.
pub const TOKEN_FILE_PROPERTY: &str = "sasl.oauthbearer.config";

/// How long a token without an expiry is used before the file is read again.
const OPAQUE_FOR_MS: i64 = 300_000;

/// Why there is no token. The text never contains any of it.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("there is no file to read the token from: give --kafka-token-file")]
    NoFile,
    #[error("the token file {file} cannot be read: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("the token file {file} is empty: the process that fetches tokens has to write one")]
    Empty { file: String },
    #[error("the token in {file} has expired: the process that fetches tokens has to write a new one")]
    Expired { file: String },
}

/// The claims of a JSON Web Token.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

/// The token currently in the file.
///
/// # Errors
/// The file has no token, or an expired one.
pub fn of_file(file: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    Ok(read(file, now_ms)?)
}

fn read(file: Option<&str>, now_ms: i64) -> Result<OAuthToken, TokenError> {
    let file = file.ok_or(TokenError::NoFile)?;
    let text = std::fs::read_to_string(file)
        .map_err(|source| TokenError::Unreadable { file: file.to_owned(), source })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(TokenError::Empty { file: file.to_owned() });
    }
    let claims = claims(token).unwrap_or(Claims { sub: None, exp: None });
    let lifetime_ms = claims.exp.map_or(now_ms.saturating_add(OPAQUE_FOR_MS), millis);
    if lifetime_ms <= now_ms {
        return Err(TokenError::Expired { file: file.to_owned() });
    }
    let principal_name = claims.sub.unwrap_or_else(|| "token".to_owned());
    Ok(OAuthToken { token: token.to_owned(), principal_name, lifetime_ms })
}

/// The claims of a JSON Web Token; `None` for another token. The brokers validate it.
fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// Converts a token's seconds to milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    fn of(text: &str, now_ms: i64) -> Result<OAuthToken, TokenError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path().to_str(), now_ms)
    }

    #[test]
    fn a_json_web_token_says_whose_it_is_and_how_long_it_is_good_for() {
        let text = jwt(r#"{"sub":"folder","exp":2000.5}"#);
        let token = of(&format!("{text}\n"), 1_999_000).unwrap();
        assert_eq!(token.token, text);
        assert_eq!(token.principal_name, "folder");
        assert_eq!(token.lifetime_ms, 2_000_500);
    }

    #[test]
    fn any_other_token_is_read_again_after_a_while() {
        assert_eq!(of("opaque", 1_000).unwrap().lifetime_ms, 1_000 + OPAQUE_FOR_MS);
        assert_eq!(of("a.b.c", 1_000).unwrap().lifetime_ms, 1_000 + OPAQUE_FOR_MS);
    }

    #[test]
    fn what_is_no_token_is_refused_with_the_files_name_and_nothing_of_the_token() {
        let expired = jwt(r#"{"sub":"folder","exp":1}"#);
        let error = of(&expired, 2_000).err().unwrap().to_string();
        assert!(error.contains("expired") && !error.contains(&expired), "{error}");
        assert!(of(" \n", 0).err().unwrap().to_string().contains("empty"));
        let missing = read(Some("/no/such/token"), 0).err().unwrap().to_string();
        assert!(missing.contains("/no/such/token"), "{missing}");
        assert!(read(None, 0).err().unwrap().to_string().contains("--kafka-token-file"));
    }
}
