// SPDX-License-Identifier: Apache-2.0

//! The participants in all conversations of a seed: agents, bots, queues; and the channels.

use rand::Rng;
use rand::seq::IndexedRandom as _;

/// Random lower-case hex digits.
fn hex(rng: &mut impl Rng, digits: usize) -> String {
    let text = format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64());
    text.chars().take(digits).collect()
}

/// An id like those of document stores: 24 hex digits.
pub(super) fn object_id(rng: &mut impl Rng) -> String {
    hex(rng, 24)
}

/// An id that looks like a random UUID.
pub(super) fn uuid(rng: &mut impl Rng) -> String {
    let (a, b) = (rng.next_u64(), rng.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// A random item of a slice; the default for an empty slice.
pub(super) fn pick<T: Clone + Default>(rng: &mut impl Rng, of: &[T]) -> T {
    of.choose(rng).cloned().unwrap_or_default()
}

/// A channel for customers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel {
    /// The channel type's name.
    pub(super) kind: &'static str,
    /// The channel's own name.
    pub(super) name: &'static str,
    /// The address that customers write to or call.
    pub(super) service: &'static str,
}

pub(super) const CHATS: &[Channel] = &[
    Channel { kind: "WEB", name: "web-widget", service: "7700" },
    Channel { kind: "WHATSAPP", name: "whatsapp-main", service: "+442079460101" },
    Channel { kind: "SMS", name: "sms", service: "60606" },
    Channel { kind: "TELEGRAM", name: "telegram", service: "@example_help_bot" },
    Channel { kind: "FACEBOOK", name: "page-inbox", service: "108841523" },
];
pub(super) const VOICE: Channel = Channel { kind: "CX_VOICE", name: "hotline", service: "8100" };

/// A human agent or a supervisor.
#[derive(Debug, Clone, Default)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) username: &'static str,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) extension: String,
}

/// A bot.
#[derive(Debug, Clone, Default)]
pub(super) struct Bot {
    pub(super) id: String,
    pub(super) name: &'static str,
}

/// A queue of tasks.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    pub(super) id: String,
    pub(super) name: &'static str,
}

const AGENTS: &[(&str, &str, &str)] = &[
    ("n.haddad", "Nour", "Haddad"),
    ("p.lindqvist", "Pelle", "Lindqvist"),
    ("r.dcosta", "Rhea", "D'Costa"),
    ("m.kovac", "Mirela", "Kovač"),
    ("s.tanaka", "Shun", "Tanaka"),
    ("b.achieng", "Beryl", "Achieng"),
    ("f.rossi", "Fabio", "Rossi"),
    ("j.muller", "Jana", "Müller"),
];
const SUPERVISORS: &[(&str, &str, &str)] = &[("v.stone", "Vera", "Stone"), ("i.bello", "Idris", "Bello")];
const BOTS: &[&str] = &["Concierge", "Orderly"];
const QUEUES: &[&str] = &["Billing", "Deliveries", "Technical", "Sales", "Retention"];

/// The participants of all conversations of a seed, so that figures by agent, bot and queue add up over them.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) agents: Vec<Agent>,
    pub(super) supervisors: Vec<Agent>,
    pub(super) bots: Vec<Bot>,
    pub(super) queues: Vec<Queue>,
    /// The router, the conversation monitor, the agent manager: components that emit facts.
    pub(super) components: [(String, &'static str); 3],
    pub(super) connector: String,
    pub(super) media_domain: String,
}

impl Cast {
    pub(super) fn new(rng: &mut impl Rng) -> Cast {
        Cast {
            agents: people(rng, AGENTS, 1_200),
            supervisors: people(rng, SUPERVISORS, 1_300),
            bots: BOTS.iter().map(|&name| Bot { id: uuid(rng), name }).collect(),
            queues: QUEUES.iter().map(|&name| Queue { id: object_id(rng), name }).collect(),
            components: [
                (uuid(rng), "ROUTING_ENGINE"),
                (uuid(rng), "CONVERSATION_MONITOR"),
                (uuid(rng), "AGENT_MANAGER"),
            ],
            connector: uuid(rng),
            media_domain: object_id(rng),
        }
    }
}

fn people(
    rng: &mut impl Rng,
    names: &[(&'static str, &'static str, &'static str)],
    extensions: usize,
) -> Vec<Agent> {
    names
        .iter()
        .enumerate()
        .map(|(index, &(username, first, last))| Agent {
            id: uuid(rng),
            username,
            first,
            last,
            extension: (extensions + index).to_string(),
        })
        .collect()
}
