// SPDX-License-Identifier: Apache-2.0

//! JSON errors without content: the parser's messages repeat values, which may be personal data.

use serde_json::error::{Category, Error};

/// The position and kind of the error.
pub fn place(error: &Error) -> String {
    let what = match error.classify() {
        Category::Syntax => "it is not JSON".to_owned(),
        Category::Eof => "it ends too early".to_owned(),
        Category::Io => "it cannot be read".to_owned(),
        Category::Data => missing(&error.to_string()).unwrap_or_else(|| {
            "a field is of another type than it should be, or there is one too many".to_owned()
        }),
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// A missing field's name comes from us, not from the record.
fn missing(text: &str) -> Option<String> {
    let (field, _) = text.strip_prefix("missing field `")?.split_once('`')?;
    Some(format!("the field {field} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Record {
        #[expect(dead_code, reason = "only its type matters")]
        at: i64,
    }

    fn of(text: &str) -> String {
        place(&serde_json::from_str::<Record>(text).unwrap_err())
    }

    #[test]
    fn it_is_said_where_and_how_json_is_wrong_and_nothing_of_what_it_says() {
        assert_eq!(of("{}"), "the field at is missing (line 1, column 2)");
        for text in [r#"{"at":"secret"}"#, r#"{"at":1,"secret":1}"#, r#"{"at":1 secret"#, r#"{"at":"secret"#]
        {
            let said = of(text);
            assert!(said.contains("line 1, column") && !said.contains("secret"), "{said}");
        }
    }
}
