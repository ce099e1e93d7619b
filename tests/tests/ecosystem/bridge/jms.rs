// SPDX-License-Identifier: Apache-2.0

//! Senders of JMS messages: over AMQP as Qpid JMS encodes them, and over STOMP, whose messages the broker itself transforms.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use cx_timelines_tests::block_on;
use fe2o3_amqp::link::delivery::Sendable;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::{Connection, Sender, Session};
use fe2o3_amqp_types::messaging::{AmqpValue, Header, Message, MessageAnnotations, MessageId, Properties, Target};
use fe2o3_amqp_types::primitives::{Array, Symbol};
use sandbox::activemq::{ActiveMq, Kind, PASSWORD, USER};
use serde_amqp::Value;
use tokio::net::TcpStream as AsyncStream;

/// A message to send.
#[derive(Debug, Clone)]
pub struct Jms {
    /// `JMSType`.
    pub jms_type: Option<String>,
    /// The text.
    pub text: String,
}

/// Where to.
#[derive(Debug, Clone, Copy)]
pub enum To<'n> {
    Topic(&'n str),
    Queue(&'n str),
}

/// Sends persistent text messages over AMQP, each after the broker has accepted the one before. Returns how many it accepted.
pub fn send(broker: &ActiveMq, kind: Kind, to: To<'_>, messages: &[Jms]) -> Result<usize, String> {
    let port = broker.ports().amqp;
    let sending = async {
        let sent = tokio::time::timeout(Duration::from_secs(60), publish(port, kind, to, messages)).await;
        sent.map_err(|_| (0, "the broker does not answer".to_owned())).and_then(|sent| sent)
    };
    match block_on(sending) {
        Ok(()) => Ok(messages.len()),
        Err((accepted, why)) if accepted == 0 => Err(why),
        Err((accepted, _)) => Ok(accepted),
    }
}

async fn publish(port: u16, kind: Kind, to: To<'_>, messages: &[Jms]) -> Result<(), (usize, String)> {
    let failed = |accepted: usize, error: &dyn std::fmt::Debug| (accepted, format!("{error:?}"));
    let stream = AsyncStream::connect(("127.0.0.1", port)).await.map_err(|error| failed(0, &error))?;
    let mut connection = Connection::builder()
        .container_id(format!("sender-{}-{:?}", std::process::id(), std::thread::current().id()))
        .sasl_profile(SaslProfile::Plain { username: USER.to_owned(), password: PASSWORD.to_owned() })
        .open_with_stream(stream)
        .await
        .map_err(|error| failed(0, &error))?;
    let mut session = Session::begin(&mut connection).await.map_err(|error| failed(0, &error))?;
    let (name, capability, prefix) = match to {
        To::Topic(name) => (name, "topic", "topic://"),
        To::Queue(name) => (name, "queue", "queue://"),
    };
    let address = if kind == Kind::Classic { format!("{prefix}{name}") } else { name.to_owned() };
    let target = Target {
        address: Some(address.clone()),
        capabilities: Some(Array::from(vec![Symbol::from(capability)])),
        ..Target::default()
    };
    let sender = Sender::builder().name("sender").target(target).attach(&mut session).await;
    let mut sender = sender.map_err(|error| failed(0, &error))?;
    for (accepted, message) in messages.iter().enumerate() {
        let outcome = sender.send(encoded(&address, message)).await.map_err(|error| failed(accepted, &error))?;
        outcome.accepted_or_else(|state| failed(accepted, &state))?;
    }
    // The broker has them all.
    let _ = sender.close().await;
    let _ = session.end().await;
    let _ = connection.close().await;
    Ok(())
}

/// A text message as Qpid JMS encodes it.
fn encoded(address: &str, message: &Jms) -> Sendable<AmqpValue<String>> {
    const TEXT_MESSAGE: Value = Value::Byte(5);
    let annotations = MessageAnnotations::builder().insert("x-opt-jms-msg-type", TEXT_MESSAGE).build();
    let message = Message::builder()
        .header(Header { durable: true, ..Header::default() })
        .message_annotations(annotations)
        .properties(Properties {
            message_id: Some(MessageId::String(format!("ID:{address}"))),
            to: Some(address.to_owned()),
            subject: message.jms_type.clone(),
            ..Properties::default()
        })
        .body(AmqpValue(message.text.clone()))
        .build();
    Sendable::builder().message(message).build()
}

/// Sends one persistent message over STOMP and waits for the broker's receipt. With its length it is a bytes message, without
/// it a text message.
pub fn send_by_stomp(broker: &ActiveMq, to: To<'_>, message: &Jms, with_length: bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.ports().stomp)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "CONNECT\naccept-version:1.2\nhost:localhost\nlogin:{USER}\npasscode:{PASSWORD}\n\n\0").unwrap();
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
