// SPDX-License-Identifier: Apache-2.0

//! Errors of an ActiveMQ, with remedies.

use std::io;
use std::path::Path;

use crate::kafka::Missing;

/// Why a broker could not be downloaded or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActiveMqError {
    /// Something that has to be installed first.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is no cache folder.
    #[error("no folder to keep ActiveMQ in: set HOME or XDG_CACHE_HOME")]
    NoCache,
    /// It could not be downloaded.
    #[error("{what} could not be fetched ({status}); is the network there? Maven said:\n{said}")]
    Fetch {
        /// Which version of which.
        what: String,
        /// Maven's exit status.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// It ended during its start, or did not answer in time.
    #[error("ActiveMQ does not answer; the end of its log:\n{log}")]
    Silent {
        /// The end of its log.
        log: String,
    },
    /// No free port was found.
    #[error("no free port was found on 127.0.0.1")]
    NoPort,
    /// A file or process operation failed.
    #[error("cannot {what}: {source}")]
    File {
        /// The operation.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

/// Makes the error of an operation on a path.
pub(super) fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> ActiveMqError + use<> {
    let what = format!("{what} {}", path.display());
    move |source| ActiveMqError::File { what, source }
}
