// SPDX-License-Identifier: Apache-2.0

//! The HTTP address: free, or used by an instance.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::report::Check;
use crate::cli::{Global, RunArgs};
use crate::serving;

const NAME: &str = "http";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Checks the flags.
pub fn flags(global: &Global, args: &RunArgs) -> anyhow::Result<()> {
    serving::check(global.http, args)
}

/// Checks whether the address is free, or who uses it.
pub fn check(global: &Global, args: &RunArgs) -> Check {
    let address = global.http.unwrap_or(serving::DEFAULT);
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Check::ok(NAME, format!("any free port of {}", address.ip())),
        Ok(_) => Check::ok(NAME, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if args.web.http_tls_cert.is_some() {
                return Check::warn(
                    NAME,
                    format!("{address} is in use, and was not asked over HTTPS"),
                    format!(
                        "if no instance should run there, find out who does; see https://{address}/health/ready"
                    ),
                );
            }
            instance_at(address)
        }
        Err(error) => Check::fail(
            NAME,
            format!("{address} cannot be listened on: {error}"),
            "choose another address with --http ADDR:PORT",
        ),
    }
}

fn instance_at(address: SocketAddr) -> Check {
    let answer = ready(address).unwrap_or_default();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    let is_ours =
        serde_json::from_str::<serde_json::Value>(body).is_ok_and(|body| body.get("ready").is_some());
    match status {
        "200" if is_ours => Check::ok(NAME, format!("an instance runs at {address} and is ready")),
        "503" if is_ours => Check::warn(
            NAME,
            format!("an instance runs at {address} and is not ready: {}", body.trim()),
            "wait if it restores its state; otherwise see its log",
        ),
        _ => Check::fail(
            NAME,
            format!("another program listens at {address}"),
            "end it, or choose another address with --http ADDR:PORT, port 0 for any",
        ),
    }
}

fn ready(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    // In one write: a server that responds before it has read everything may reset the connection.
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    /// Answers one request with this response.
    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        });
        address
    }

    #[test]
    fn an_instance_is_told_from_another_program_and_a_ready_one_from_one_that_is_not() {
        let of = |answer| instance_at(answering(answer)).status;
        assert_eq!(of("HTTP/1.1 200 OK\r\n\r\n{\"ready\":true,\"workers\":{}}\n"), Status::Ok);
        let waiting = "HTTP/1.1 503 x\r\n\r\n{\"ready\":false,\"workers\":{}}\n";
        assert_eq!(of(waiting), Status::Warn);
        assert_eq!(of("HTTP/1.1 200 OK\r\n\r\n<html>"), Status::Fail);
        assert_eq!(of("SSH-2.0-x\r\n"), Status::Fail);
    }
}
