// SPDX-License-Identifier: Apache-2.0

//! Messages, and a sender over STOMP. (Those of JMS clients are sent by [`sandbox::activemq::Publisher`].)

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use sandbox::activemq::{ActiveMq, PASSWORD, Publisher, To, USER};

/// A message to send.
#[derive(Debug, Clone)]
pub(crate) struct Jms {
    /// `JMSType`.
    pub(crate) jms_type: Option<String>,
    /// The text.
    pub(crate) text: String,
}

/// Sends messages, each after the broker has taken the one before.
pub(crate) fn send(publisher: &mut Publisher, to: To<'_>, messages: &[Jms]) {
    for Jms { jms_type, text } in messages {
        publisher.send(to, jms_type.as_deref(), text).unwrap();
    }
}

/// Sends one persistent message over STOMP and waits for the broker's receipt. With its length it is a bytes message, without
/// it a text message.
pub(crate) fn send_by_stomp(broker: &ActiveMq, to: To<'_>, message: &Jms, with_length: bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.ports().stomp)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "CONNECT\naccept-version:1.2\nhost:localhost\nlogin:{USER}\npasscode:{PASSWORD}\n\n\0")
        .unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(frame(&mut answers), "CONNECTED");
    let destination = match to {
        To::Topic(name) => format!("/topic/{name}"),
        To::Queue(name) => format!("/queue/{name}"),
    };
    let jms_type = message.jms_type.as_ref().map(|name| format!("type:{name}\n")).unwrap_or_default();
    let length = if with_length { format!("content-length:{}\n", message.text.len()) } else { String::new() };
    write!(
        stream,
        "SEND\ndestination:{destination}\npersistent:true\nreceipt:1\n{jms_type}{length}\n{}\0",
        message.text
    )
    .unwrap();
    assert_eq!(frame(&mut answers), "RECEIPT");
}

/// The command of the next frame.
fn frame(answers: &mut impl BufRead) -> String {
    let mut bytes = Vec::new();
    answers.read_until(0, &mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.trim_start().lines().next().unwrap_or_default().to_owned()
}
