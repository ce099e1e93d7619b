// SPDX-License-Identifier: Apache-2.0

//! Confirmation before an irreversible action.

use std::io::{BufRead, Write};

/// Asks at the terminal; only a yes confirms.
///
/// # Errors
/// The terminal cannot be read or written.
pub fn is_confirmed(question: &str) -> std::io::Result<bool> {
    anstream::eprint!("{question}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
