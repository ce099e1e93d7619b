// SPDX-License-Identifier: Apache-2.0

//! A JMS client that publishes messages: a Java program with a real client library.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::error::{ActiveMqError, failed};
use super::{ActiveMq, Kind, PASSWORD, USER, fetch};
use crate::kafka::fetch as kafka_fetch;

const PROGRAM: &str = include_str!("Publish.java");

/// The client library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// ActiveMQ's own, by OpenWire: that of ExpertFlow's services. For Classic.
    OpenWire,
    /// Qpid JMS, by AMQP 1.0. For both.
    Amqp,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To<'n> {
    /// A topic.
    Topic(&'n str),
    /// A queue.
    Queue(&'n str),
}

/// A publisher. It ends when it is dropped. It needs a JDK, since it is compiled when it starts.
#[derive(Debug)]
pub struct Publisher {
    process: Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Publisher {
    /// Starts one. It connects with the first message.
    ///
    /// # Errors
    /// Something is missing, or the client's jars cannot be downloaded.
    pub fn start(broker: &ActiveMq, client: Client) -> Result<Self, ActiveMqError> {
        let java = kafka_fetch::java()?;
        let (jars, package, factory, url) = match client {
            Client::OpenWire => {
                let url = format!("tcp://127.0.0.1:{}", broker.ports().openwire);
                (Kind::Classic, "jakarta.jms", "org.apache.activemq.ActiveMQConnectionFactory", url)
            }
            Client::Amqp => {
                let url = format!("amqp://127.0.0.1:{}?jms.forceSyncSend=true", broker.ports().amqp);
                (Kind::Artemis, "javax.jms", "org.apache.qpid.jms.JmsConnectionFactory", url)
            }
        };
        let jars = fetch::jars(jars, &mut |_| {})?;
        let folder = broker.home().join(package);
        std::fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let program = folder.join("Publish.java");
        let text = PROGRAM.replace("@JMS@", package).replace("@FACTORY@", factory);
        std::fs::write(&program, text).map_err(failed("write", &program))?;
        let log = folder.join("publish.log");
        let log = std::fs::File::create(&log).map_err(failed("create", &log))?;
        let mut process = Command::new(java)
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Dlog4j2.configurationFile={}", broker.home().join("log4j2.xml").display()))
            .args(["-cp", &format!("{}/*", jars.display())])
            .arg(&program)
            .args([&url, USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(failed("start", &program))?;
        let missing =
            || failed("talk to", Path::new("the publisher"))(io::Error::from(io::ErrorKind::BrokenPipe));
        let input = process.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        Ok(Self { process, input, answers })
    }

    /// Publishes a persistent text message and returns when the broker has taken it; while it is away, that is tried again. The
    /// text has neither tabs nor line breaks.
    ///
    /// # Errors
    /// The publisher has ended.
    pub fn send(&mut self, to: To<'_>, jms_type: Option<&str>, text: &str) -> io::Result<()> {
        let (kind, name) = match to {
            To::Topic(name) => ("topic", name),
            To::Queue(name) => ("queue", name),
        };
        writeln!(self.input, "{kind}\t{name}\t{}\t{text}", jms_type.unwrap_or_default())?;
        self.input.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim_end() == "taken" { Ok(()) } else { Err(io::Error::other("the publisher has ended")) }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
