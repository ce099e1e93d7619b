// SPDX-License-Identifier: Apache-2.0

//! Credentials of the schema registry, from the environment or a file; never from topics.yaml or the command line, which others
//! can read.

use std::path::Path;

use anyhow::bail;
use avro::registry::Auth;

use crate::pairs;

const USER: &str = "CX_SCHEMA_REGISTRY_USER";
const PASSWORD: &str = "CX_SCHEMA_REGISTRY_PASSWORD";
const TOKEN: &str = "CX_SCHEMA_REGISTRY_TOKEN";

/// The credentials found.
#[derive(Default)]
struct Credentials {
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
}

/// Credentials from the environment, else from the file, else none.
///
/// # Errors
/// The file cannot be read, or the values are incompatible.
pub fn auth(file: Option<&Path>) -> anyhow::Result<Auth> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = Credentials { user: variable(USER), password: variable(PASSWORD), token: variable(TOKEN) };
    let environment = format!("{USER}, {PASSWORD} and {TOKEN}");
    match (found.auth(&environment)?, file) {
        (Auth::None, Some(file)) => of_file(file)?.auth(&file.display().to_string()),
        (auth, _) => Ok(auth),
    }
}

fn of_file(file: &Path) -> anyhow::Result<Credentials> {
    let mut found = Credentials::default();
    for pairs::Pair { place, key, value } in pairs::read(file)? {
        match key.as_str() {
            "user" => found.user = Some(value),
            "password" => found.password = Some(value),
            "token" => found.token = Some(value),
            other => bail!("{place}: {other} is none of: user, password, token"),
        }
    }
    Ok(found)
}

impl Credentials {
    fn auth(self, place: &str) -> anyhow::Result<Auth> {
        Ok(match (self.user, self.password, self.token) {
            (None, None, None) => Auth::None,
            (Some(user), Some(password), None) => Auth::Basic { user, password },
            (None, None, Some(token)) => Auth::Bearer(token),
            _ => bail!("{place}: the schema registry wants a user with a password, or a token alone"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> anyhow::Result<Auth> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        of_file(file.path())?.auth("file")
    }

    #[test]
    fn a_file_has_a_user_with_a_password_or_a_token() {
        let basic = Auth::Basic { user: "ann".to_owned(), password: "s=cret".to_owned() };
        assert_eq!(of("# who\nuser = ann\npassword=s=cret\n").unwrap(), basic);
        assert_eq!(of("token=t").unwrap(), Auth::Bearer("t".to_owned()));
        assert_eq!(of("").unwrap(), Auth::None);
    }

    #[test]
    fn what_does_not_go_together_is_refused_without_the_secret() {
        for text in ["user=ann", "password=secret", "user=a\npassword=secret\ntoken=secret", "pasword=secret"]
        {
            let error = of(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
