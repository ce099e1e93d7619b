// SPDX-License-Identifier: Apache-2.0

//! One attempt to connect: TCP, TLS, SASL, the AMQP connection, a session, and a link for each destination.

use std::io;
use std::pin::pin;
use std::time::Duration;

use fe2o3_amqp::connection::{ConnectionHandle, OpenError};
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Connection, Receiver, Session};
use fe2o3_amqp_types::definitions::ReceiverSettleMode;
use fe2o3_amqp_types::messaging::{Source, TerminusDurability, TerminusExpiryPolicy};
use fe2o3_amqp_types::primitives::{Array, Symbol};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::broker::{Address, Naming};
use crate::failure::Failure;
use crate::line::{Line, Stream, Watch};
use crate::refusal::{brief, ended, foreign, lost, refused};
use crate::settings::{Destination, Settings};
use crate::tls::tls;

/// How long the end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection with all its subscriptions. Dropping it cuts it, so that the broker keeps the durable subscriptions.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) watch: Watch,
    /// A receiver for each destination, in their order, until a link takes it.
    pub(crate) receivers: Vec<(Destination, Receiver)>,
    session: SessionHandle<()>,
    connection: ConnectionHandle<()>,
    address: Address,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.watch.cut();
    }
}

impl Attached {
    /// Connects and subscribes.
    pub(crate) async fn open(settings: &Settings, address: &Address) -> Result<Self, Failure> {
        let limit = settings.step_timeout();
        let step = |step| Step { address, step, limit };
        let stream = step("TCP").within(tcp(address)).await??;
        let stream = match address.tls {
            false => Stream::Plain(stream),
            true => step("TLS").within(tls(address, &settings.security, stream)).await??,
        };
        let (line, watch) = Line::new(stream);
        // If an attempt is given up in the middle, its parts are dropped: cut before.
        let mut cutter = Cutter(Some(watch.clone()));
        let opening = connect(settings, line);
        let opened = step("AMQP").within(opening).await;
        let opened = opened.map_err(|failure| foreign(address, &watch).unwrap_or(failure))?;
        let connection = opened.map_err(|error| refused(settings, address, &watch, error))?;
        let mut attempt = Attempt { settings, address, connection, watch };
        let session = step("AMQP session").within(attempt.begin()).await??;
        let receivers = Vec::new();
        let Attempt { connection, watch, .. } = attempt;
        cutter.0 = None;
        let mut attached = Self { watch, receivers, session, connection, address: address.clone() };
        for destination in &settings.destinations {
            let receiver = step("AMQP subscription").within(attached.attach(settings, destination)).await??;
            attached.receivers.push((destination.clone(), receiver));
        }
        Ok(attached)
    }

    /// Subscribes to a destination.
    async fn attach(&mut self, settings: &Settings, destination: &Destination) -> Result<Receiver, Failure> {
        let naming = Naming::of(&self.watch.first_bytes());
        let receiver = Receiver::builder()
            .name(destination.name())
            .source(source(&naming, destination))
            .receiver_settle_mode(ReceiverSettleMode::First)
            .credit_mode(CreditMode::Manual)
            .attach(&mut self.session)
            .await;
        match receiver {
            Ok(receiver) => Ok(receiver),
            Err(error) => {
                if let Some(failure) = self.ended(settings).await {
                    return Err(failure);
                }
                let (address, destination) = (self.address.clone(), destination.clone());
                Err(Failure::Destination { address, destination, why: brief(&error.to_string()) })
            }
        }
    }

    /// Why the whole connection ended, if it did.
    pub(crate) async fn ended(&mut self, settings: &Settings) -> Option<Failure> {
        let address = self.address.clone();
        ended(&mut self.connection, settings, &address, &self.watch).await
    }

    /// The broker's address.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Ends the connection, after the links have detached.
    pub(crate) async fn close(mut self) {
        if timeout(FAREWELL, self.connection.close()).await.is_err() {
            tracing::debug!("the broker did not answer the end of the connection");
        }
    }
}

/// Detaches a receiver, so that the broker keeps its subscription; cuts the connection if that fails.
pub(crate) async fn detach(receiver: Receiver, watch: &Watch) {
    if watch.is_over() {
        watch.cut();
        return;
    }
    let mut detaching = pin!(receiver.detach());
    let detached = timeout(FAREWELL, &mut detaching).await;
    // Otherwise dropping the receiver would delete a durable subscription.
    if !matches!(detached, Ok(Ok(_))) {
        watch.cut();
    }
}

/// Cuts a connection that is not complete when it is dropped.
struct Cutter(Option<Watch>);

impl Drop for Cutter {
    fn drop(&mut self) {
        if let Some(watch) = &self.0 {
            watch.cut();
        }
    }
}

/// A step of the attempt, with its limit.
struct Step<'a> {
    address: &'a Address,
    step: &'static str,
    limit: Duration,
}

impl Step<'_> {
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        timeout(self.limit, work).await.map_err(|_| Failure::Silent {
            address: self.address.clone(),
            step: self.step,
            seconds: self.limit.as_secs(),
        })
    }
}

struct Attempt<'a> {
    settings: &'a Settings,
    address: &'a Address,
    connection: ConnectionHandle<()>,
    watch: Watch,
}

impl Attempt<'_> {
    async fn begin(&mut self) -> Result<SessionHandle<()>, Failure> {
        match Session::begin(&mut self.connection).await {
            Ok(session) => Ok(session),
            Err(error) => {
                let ended = ended(&mut self.connection, self.settings, self.address, &self.watch).await;
                Err(ended.unwrap_or_else(|| lost(self.address, &error.to_string())))
            }
        }
    }
}

async fn tcp(address: &Address) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    let stream =
        stream.map_err(|error| Failure::Unreachable { address: address.clone(), why: of_system(&error) })?;
    // Settlements are small and should not wait for each other.
    stream.set_nodelay(true).map_err(|error| lost(address, &of_system(&error)))?;
    Ok(stream)
}

/// The system's error, without its number.
fn of_system(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

async fn connect(settings: &Settings, line: Line) -> Result<ConnectionHandle<()>, OpenError> {
    let profile = match &settings.security.user {
        Some((username, password)) => {
            SaslProfile::Plain { username: username.clone(), password: password.clone() }
        }
        None => SaslProfile::Anonymous,
    };
    let idle = u32::try_from(settings.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    Connection::builder()
        .container_id(settings.client_id.as_str())
        .idle_time_out(idle)
        .sasl_profile(profile)
        .open_with_stream(line)
        .await
}

/// A topic by a durable subscription, which the broker keeps while the bridge is away; or a queue.
fn source(naming: &Naming, destination: &Destination) -> Source {
    let (address, capability) = match destination {
        Destination::Topic(name) => (naming.topic(name), "topic"),
        Destination::Queue(name) => (naming.queue(name), "queue"),
    };
    let mut source = Source {
        address: Some(address),
        capabilities: Some(Array::from(vec![Symbol::from(capability)])),
        ..Source::default()
    };
    if let Destination::Topic(_) = destination {
        source.durable = TerminusDurability::UnsettledState;
        source.expiry_policy = TerminusExpiryPolicy::Never;
    }
    source
}
