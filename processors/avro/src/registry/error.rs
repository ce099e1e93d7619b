//! What a registry may say other than yes.

/// The registry did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, or is not well. Ask again later.
    #[error("the schema registry {url} does not answer: {problem}; is it running, and is this its address?")]
    Unavailable {
        /// Its address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// It does not let us in.
    #[error(
        "the schema registry {url} refuses with status {status}; check user and password, or the token, and what they may do"
    )]
    Denied {
        /// Its address.
        url: String,
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// It does not know what was asked for.
    #[error("the schema registry does not know {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// It takes no version of a subject that does not go together with those before.
    #[error(
        "the schema registry refuses the schema of subject {subject} as incompatible with an earlier version: {problem}"
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// What it says.
        problem: String,
    },
    /// It says no, and would the next time too.
    #[error("the schema registry answers {what} with status {status}: {problem}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        problem: String,
    },
    /// It knows it, but as something else than Avro.
    #[error("{what} is of type {kind}, not Avro")]
    NotAvro {
        /// What was asked for.
        what: String,
        /// What it is.
        kind: String,
    },
    /// What it answers is not what a schema registry answers.
    #[error("what answers at {url} is no schema registry, or one that we do not understand: {problem}")]
    Strange {
        /// Its address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// The settings cannot be used.
    #[error("the schema registry's settings cannot be used: {0}")]
    Settings(String),
}

impl RegistryError {
    /// Whether the same call may succeed later without anybody mending anything here.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, RegistryError::Unavailable { .. })
    }
}
