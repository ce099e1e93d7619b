// SPDX-License-Identifier: Apache-2.0

//! One subscription at work: from the broker to Kafka, and the settlement back.

use std::time::Duration;

use fe2o3_amqp::Receiver;
use fe2o3_amqp::link::delivery::DeliveryInfo;
use fe2o3_amqp::link::{ErrorRecovery, RecvError};
use fe2o3_amqp_types::definitions::{AmqpError, Error as AmqpCondition, Fields};
use fe2o3_amqp_types::messaging::{Body, Message};
use serde_amqp::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::amqp;
use crate::broker::Address;
use crate::failure::Failure;
use crate::figures::{Figures, Outcome};
use crate::intake::Intake;
use crate::line::Watch;
use crate::message::Received;
use crate::outbox::{Encode, Handed, Outbox, Outgoing, Report};
use crate::refusal::{brief, lost};
use crate::route::Rules;
use crate::settings::Destination;
use crate::verdict::{Answer, Verdict, verdict};
use crate::window::Window;

/// How long Kafka's answers are awaited after a stop request.
const GRACE: Duration = Duration::from_secs(2);
/// When the client's queue is full, it is tried again after this time.
const FULL: Duration = Duration::from_millis(20);
/// How many settlements go out together at most.
const SETTLED_MAX: usize = 256;

/// What all links share.
#[derive(Clone, Copy)]
pub(crate) struct Common<'c> {
    pub(crate) rules: &'c Rules,
    pub(crate) in_flight_max: u32,
    pub(crate) outbox: &'c Outbox,
    pub(crate) encode: &'c dyn Encode,
    pub(crate) figures: &'c Figures,
    pub(crate) address: &'c Address,
}

/// A message that is not settled.
struct Held {
    delivery: DeliveryInfo,
    outgoing: Outgoing,
}

/// One subscription at work.
pub(crate) struct Link<'c> {
    common: Common<'c>,
    destination: Destination,
    watch: Watch,
    window: Window<Held>,
    reports: (mpsc::Sender<Report>, mpsc::Receiver<Report>),
    begun: Instant,
    intake: Intake<'c>,
    /// Whether it was logged that Kafka does not take records, since it last did.
    is_warned: bool,
}

impl<'c> Link<'c> {
    pub(crate) fn new(common: Common<'c>, destination: Destination, watch: Watch) -> Self {
        let capacity = usize::try_from(common.in_flight_max).unwrap_or(usize::MAX).max(1);
        let Common { rules, encode, figures, .. } = common;
        Self {
            common,
            intake: Intake::new(rules, encode, figures, destination.clone()),
            destination,
            watch,
            window: Window::new(common.in_flight_max),
            reports: mpsc::channel(capacity),
            begun: Instant::now(),
            is_warned: false,
        }
    }

    /// Works until the stop request or a failure, and detaches.
    pub(crate) async fn run(
        mut self,
        mut receiver: Receiver,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let mut worked = self.work(&mut receiver, &mut stop).await;
        if worked.is_ok() && !self.watch.is_over() {
            worked = self.finish(&mut receiver).await;
        }
        amqp::detach(receiver, &self.watch).await;
        self.common.figures.set_unsettled(self.destination.name(), 0);
        worked
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn work(
        &mut self,
        receiver: &mut Receiver,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        loop {
            if let Some(credit) = self.window.grant() {
                receiver.set_credit(credit).await.map_err(|error| self.lost(&error.to_string()))?;
            }
            let due = self.window.next_due();
            let due = due.map(|due| self.begun + due);
            let again = async move {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = stop.changed() => {
                    if changed.is_err() || *stop.borrow() {
                        return Ok(());
                    }
                }
                Some(report) = self.reports.1.recv() => self.settle(receiver, report).await?,
                () = again => self.send_due()?,
                received = receiver.recv::<Body<Value>>() => match received {
                    Ok(delivery) => {
                        let (info, message) = delivery.into_parts();
                        self.take(receiver, info, message).await?;
                    }
                    Err(error) => self.unread(&error)?,
                },
            }
        }
    }

    /// Takes a message, and hands its record to the Kafka client. A message that is not passed on is accepted at once.
    async fn take(
        &mut self,
        receiver: &Receiver,
        delivery: DeliveryInfo,
        message: Message<Body<Value>>,
    ) -> Result<(), Failure> {
        let Some(outgoing) = self.intake.take(Received::of(message)) else {
            self.window.pass();
            return self.accept(receiver, vec![delivery]).await;
        };
        let now = self.now();
        let number = self.window.take(Held { delivery, outgoing }, now);
        self.count();
        self.send(number)?;
        // A record that the client itself refused has its answer already.
        while let Ok(report) = self.reports.1.try_recv() {
            self.settle(receiver, report).await?;
        }
        Ok(())
    }

    fn send(&mut self, number: u64) -> Result<(), Failure> {
        let Some(held) = self.window.message(number) else { return Ok(()) };
        match self.common.outbox.send(&held.outgoing, number, &self.reports.0) {
            Handed::Over => Ok(()),
            Handed::Full => {
                let until = self.now() + FULL;
                self.window.postpone(number, until);
                Ok(())
            }
            Handed::Refused(code) => {
                if let Some(failure) = self.common.outbox.fatal() {
                    return Err(failure);
                }
                // There is room for the report of each message of the window.
                let _ = self.reports.0.try_send(Report { number, answer: Answer::Failed(code) });
                Ok(())
            }
        }
    }

    fn send_due(&mut self) -> Result<(), Failure> {
        for number in self.window.take_due(self.now()) {
            self.send(number)?;
        }
        Ok(())
    }

    /// Settles the message of this report, together with those of all reports that wait.
    async fn settle(&mut self, receiver: &Receiver, report: Report) -> Result<(), Failure> {
        let mut accepted = Vec::new();
        let mut next = Some(report);
        while let Some(Report { number, answer }) = next {
            let verdict = verdict(answer);
            let now = self.now();
            if let Verdict::SendAgain(code) = verdict {
                self.note_again(code)?;
            }
            let settled = self.window.answer(number, verdict, rand::random(), now);
            if let Some(settled) = settled {
                let Held { delivery, outgoing } = settled.message;
                match verdict {
                    Verdict::Reject(code) => self.reject(receiver, delivery, &format!("{code}")).await?,
                    _ => {
                        self.is_warned = false;
                        self.common.figures.record(&outgoing.topic, settled.held);
                        self.common.figures.message(Outcome::Accepted);
                        accepted.push(delivery);
                    }
                }
            }
            next = if accepted.len() < SETTLED_MAX { self.reports.1.try_recv().ok() } else { None };
        }
        if !accepted.is_empty() {
            self.accept(receiver, accepted).await?;
        }
        self.count();
        Ok(())
    }

    async fn accept(&self, receiver: &Receiver, deliveries: Vec<DeliveryInfo>) -> Result<(), Failure> {
        receiver.accept_all(deliveries).await.map_err(|error| self.lost(&error.to_string()))
    }

    fn note_again(&mut self, code: Option<rdkafka::error::RDKafkaErrorCode>) -> Result<(), Failure> {
        if let Some(failure) = self.common.outbox.fatal() {
            return Err(failure);
        }
        self.common.figures.sent_again.inc();
        if let Some(code) = code
            && !std::mem::replace(&mut self.is_warned, true)
        {
            let destination = &self.destination;
            tracing::warn!(
                "{destination}: Kafka does not take records ({code}); they are sent again, their messages wait"
            );
        }
        Ok(())
    }

    /// Rejects a message that Kafka will never take: the broker moves it to its dead-letter queue.
    async fn reject(&self, receiver: &Receiver, delivery: DeliveryInfo, why: &str) -> Result<(), Failure> {
        let destination = &self.destination;
        tracing::error!(
            "{destination}: Kafka refuses a message for good ({why}); it is rejected, to the broker's dead-letter queue"
        );
        self.common.figures.message(Outcome::Rejected);
        let error = AmqpCondition::new(
            AmqpError::PreconditionFailed,
            Some(format!("Kafka refuses it: {why}")),
            None::<Fields>,
        );
        receiver.reject(delivery, error).await.map_err(|error| self.lost(&error.to_string()))
    }

    /// After the stop request: no more messages; those that Kafka confirms in time are accepted.
    async fn finish(&mut self, receiver: &mut Receiver) -> Result<(), Failure> {
        receiver.set_credit(0).await.map_err(|error| self.lost(&error.to_string()))?;
        let deadline = Instant::now() + GRACE;
        while !self.window.is_empty() {
            tokio::select! {
                Some(report) = self.reports.1.recv() => self.settle(receiver, report).await?,
                () = sleep_until(deadline) => {
                    let (destination, left) = (&self.destination, self.window.len());
                    tracing::warn!("{destination}: Kafka has not confirmed {left} messages in time; the broker keeps them");
                    break;
                }
            }
        }
        Ok(())
    }

    /// A message that cannot be decoded, or the end of the link.
    fn unread(&mut self, error: &RecvError) -> Result<(), Failure> {
        if error.recovery() != ErrorRecovery::UseLink {
            return Err(self.lost(&error.to_string()));
        }
        self.window.pass();
        self.common.figures.message(Outcome::Unreadable);
        let destination = &self.destination;
        tracing::error!("{destination}: a message is not AMQP ({error}); it stays at the broker, unsettled");
        Ok(())
    }

    fn count(&self) {
        self.common.figures.set_unsettled(self.destination.name(), self.window.len());
    }

    fn lost(&self, why: &str) -> Failure {
        lost(self.common.address, &brief(&format!("{}: {why}", self.destination)))
    }
}
