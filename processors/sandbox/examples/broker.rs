// SPDX-License-Identifier: Apache-2.0

//! `cargo run --release --package sandbox --example broker`: a temporary Apache Kafka at 127.0.0.1:9092, for the tutorial and for trials.
//!
//! The environment variable `CX_BOOTSTRAP` names another address on loopback. The broker and its data are removed when this
//! program ends, however it ends.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use sandbox::kafka::{self, Kafka, Listener, Options};

const DEFAULT: &str = "127.0.0.1:9092";

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal ends the process.
fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("CX_BOOTSTRAP").unwrap_or_else(|_| DEFAULT.to_owned());
    let port = address.strip_prefix("127.0.0.1:").and_then(|port| port.parse().ok());
    let port: u16 =
        port.ok_or_else(|| format!("CX_BOOTSTRAP is {address:?}; the broker needs 127.0.0.1:PORT"))?;
    // A better message than the broker's, which would come after its start.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        format!("{address}: {error}; stop what listens there, or set CX_BOOTSTRAP to another address")
    })?;
    let listener = Listener { name: "TRIAL".to_owned(), protocol: "PLAINTEXT".to_owned(), port };
    let options = Options { listeners: vec![listener], ..Options::default() };
    let mut progress = |step: &str| {
        let _ = writeln!(io::stderr(), "{step}");
    };
    let _kafka = Kafka::start(options, &mut progress)?;
    writeln!(
        io::stdout(),
        "Apache Kafka {} at {address}. Ctrl-C ends it and removes its data.",
        kafka::VERSION
    )?;
    loop {
        std::thread::park();
    }
}
