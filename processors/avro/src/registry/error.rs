// SPDX-License-Identifier: Apache-2.0

//! Errors of the registry's client.

/// The registry did not fulfil a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached or is overloaded. Retry later.
    #[error("the schema registry {url} does not answer: {problem}; is it running, and is this its address?")]
    Unavailable {
        /// Its address.
        url: String,
        /// The problem.
        problem: String,
    },
    /// Access is denied.
    #[error(
        "the schema registry {url} refuses with status {status}; check user and password, or the token, and what they may do"
    )]
    Denied {
        /// Its address.
        url: String,
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// It does not know the requested item.
    #[error("the schema registry does not know {what}")]
    NotFound {
        /// The item.
        what: String,
    },
    /// It refuses a version that is incompatible with earlier ones.
    #[error(
        "the schema registry refuses the schema of subject {subject} as incompatible with an earlier version: {problem}"
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// Its message.
        problem: String,
    },
    /// It refuses the request permanently.
    #[error("the schema registry answers {what} with status {status}: {problem}")]
    Refused {
        /// The request.
        what: String,
        /// The HTTP status.
        status: u16,
        /// Its message.
        problem: String,
    },
    /// The item exists, but is not Avro.
    #[error("{what} is of type {kind}, not Avro")]
    NotAvro {
        /// The item.
        what: String,
        /// Its type.
        kind: String,
    },
    /// Its response is not a schema registry's.
    #[error("what answers at {url} is no schema registry, or one that we do not understand: {problem}")]
    Strange {
        /// Its address.
        url: String,
        /// The problem.
        problem: String,
    },
    /// The settings are invalid.
    #[error("the schema registry's settings cannot be used: {0}")]
    Settings(String),
}

impl RegistryError {
    /// Whether the same call may succeed later without a change here.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, RegistryError::Unavailable { .. })
    }
}
