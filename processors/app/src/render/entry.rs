//! One timeline entry on one line: time, elapsed time, stage, actor, content.

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};

use super::known::Known;
use super::records::{Actor, Channel, Entry};
use super::text::{
    clock, color, column, columns, dim, duration, elapsed, in_words, painted, safe, short, time,
};

/// Columns for the stage and for the actor.
const PART_COLUMNS: usize = 22;
/// The same on a narrow terminal.
const PART_COLUMNS_NARROW: usize = 12;
/// Below this width there is no room for dates beside texts.
const WIDE_COLUMNS: usize = 110;
/// Names are not cut below this.
const NAME_COLUMNS_MIN: usize = 8;
/// The content keeps at least this many columns.
const WHAT_COLUMNS_MIN: usize = 10;

/// Names of agents and customers by id: a timeline's list of agents and a summary hold only ids.
#[derive(Debug, Default)]
pub struct People(HashMap<String, String>);

impl People {
    /// The maximum of names kept: more agents are not at work at a time.
    const MAX: usize = 10_000;

    /// Learns an agent's name.
    pub fn meet(&mut self, actor: Option<&Actor>) {
        if let Some(Actor { kind: Some(kind), id: Some(id), name: Some(name) }) = actor
            && matches!(kind.as_str(), "AGENT" | "CUSTOMER")
        {
            self.name(id, name);
        }
    }

    /// Learns a name.
    pub fn name(&mut self, id: &str, name: &str) {
        if self.0.len() < Self::MAX && self.0.get(id).is_none_or(|known| known != name) {
            self.0.insert(id.to_owned(), name.to_owned());
        }
    }

    /// The known name of an id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// The name of an agent, or a short form of the id.
    pub fn called(&self, id: &str) -> String {
        self.0.get(id).map_or_else(|| short(id), |name| safe(name, PART_COLUMNS))
    }
}

/// How a line is formatted.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineStyle {
    /// Whether to show the conversation id: when several are shown.
    pub names_conversation: bool,
    /// Whether the entry was shown before with other content.
    pub is_correction: bool,
    /// The terminal's width; `None` for unlimited.
    pub width: Option<usize>,
}

/// The line of an entry, without a line end. `known`: the activity that it creates or changes.
pub fn line(entry: &Entry, known: Option<&Known>, people: &People, look: LineStyle) -> String {
    let mark = if look.is_correction { '~' } else { ' ' };
    let is_wide = look.width.is_none_or(|width| width >= WIDE_COLUMNS);
    let part = if is_wide { PART_COLUMNS } else { PART_COLUMNS_NARROW };
    let mut front = format!("{} {mark}", if is_wide { time(entry.at) } else { clock(entry.at) });
    if look.names_conversation {
        front.push_str(&column(&entry.conversation_id, if is_wide { 13 } else { 8 }));
    }
    front.push_str(&format!("{:>9}  ", elapsed(entry.elapsed_ms)));
    let place = column(&place(entry, people), part);
    let who = column(&who(entry.actor.as_ref(), part), part);
    let response = entry.response_ms.map(|ms| format!("  ↩ {}", duration(ms))).unwrap_or_default();
    let taken = columns(&front) + columns(&place) + columns(&who) + columns(&response) + 2;
    let left = look.width.map_or(usize::MAX, |width| width.saturating_sub(taken).max(WHAT_COLUMNS_MIN));
    format!(
        "{}{} {} {}{}",
        painted(dim(), &front),
        painted(stage_style(&entry.stage), &place),
        painted(Style::new().bold(), &who),
        painted(style(entry), &safe(&what(entry, known), left)),
        painted(color(AnsiColor::Yellow), &response)
    )
    .trim_end()
    .to_owned()
}

fn place(entry: &Entry, people: &People) -> String {
    let agents: Vec<String> = entry.agents.iter().map(|id| people.called(id)).collect();
    let queue = entry.queue.as_deref();
    let stage = match entry.stage.as_str() {
        "SELF_SERVICE" => "self-service".to_owned(),
        "WRAP_UP" => "wrap-up".to_owned(),
        stage => in_words(stage),
    };
    let parts = [Some(stage), Some(agents.join(", ")), queue.map(str::to_owned)];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// An actor by name and kind, in at most `columns_max` columns. A long name is cut so that the kind fits, if there is room for
/// both.
pub fn who(actor: Option<&Actor>, columns_max: usize) -> String {
    let Some(actor) = actor else { return "-".to_owned() };
    let kind = actor.kind.as_deref().map(|kind| safe(&kind.to_lowercase(), 12));
    let name = actor.name.clone().or_else(|| actor.id.as_deref().map(short));
    let Some(name) = name else { return safe(kind.as_deref().unwrap_or("-"), columns_max) };
    let left = kind.as_deref().map_or(0, |kind| columns_max.saturating_sub(columns(kind) + 3));
    match kind {
        Some(kind) if left >= columns(&name).min(NAME_COLUMNS_MIN) => {
            format!("{} ({kind})", safe(&name, left))
        }
        _ => safe(&name, columns_max),
    }
}

/// A channel, by type and address.
pub fn channel_words(channel: &Channel) -> String {
    let parts = [channel.kind.as_deref(), channel.service_identifier.as_deref()];
    safe(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "), 40)
}

/// The entry in words, with the text of its activity.
fn what(entry: &Entry, known: Option<&Known>) -> String {
    let said = known.and_then(|known| known.said_by(&entry.entry_id));
    let of = |known: Option<&Known>| known.map_or_else(|| "a message".to_owned(), Known::quoted);
    match entry.category.as_str() {
        // The meaning of an unknown name is unknown.
        "OTHER" => safe(&entry.name, 60),
        "SESSION" => {
            let channel = entry.channel.as_ref().map(channel_words).unwrap_or_default();
            format!("{} {channel}", in_words(&entry.name))
        }
        "EDIT" => said.map_or_else(|| format!("edited {}", of(known)), str::to_owned),
        "DELETE" => said.map_or_else(|| format!("deleted {}", of(known)), str::to_owned),
        "HIDE" => said.map_or_else(|| format!("hid {} again", of(known)), str::to_owned),
        "HOLD" => said.map_or_else(|| hold(entry).to_owned(), str::to_owned),
        // The activity lists only the deciding event.
        "REACTION" => {
            said.map_or_else(|| format!("a reaction on {}, since changed", of(known)), str::to_owned)
        }
        "SUGGESTION" => said.map_or_else(|| format!("suggestions for {}", of(known)), str::to_owned),
        "DELIVERY" => said.map_or_else(|| receipt(entry, known), str::to_owned),
        "MESSAGE" | "CALL" | "WRAP_UP" | "DATA" | "ACTIVITY" => primary(entry, known, said),
        _ => in_words(&entry.name),
    }
}

fn hold(entry: &Entry) -> &'static str {
    if entry.name == "CALL_RESUME" { "took the call off hold" } else { "put the call on hold" }
}

fn receipt(entry: &Entry, known: Option<&Known>) -> String {
    let status = known.and_then(|known| known.reached_at(entry.at));
    match (status, known) {
        (Some(status), Some(known)) => format!("receipt: {status} {}", known.quoted()),
        (None, Some(known)) => format!("receipt for {}", known.quoted()),
        (_, None) => "receipt".to_owned(),
    }
}

fn primary(entry: &Entry, known: Option<&Known>, refused: Option<&str>) -> String {
    let named = || match entry.name.as_str() {
        "CUSTOMER_MESSAGE" | "AGENT_MESSAGE" | "BOT_MESSAGE" => "message".to_owned(),
        name => in_words(name),
    };
    let Some(known) = known else { return named() };
    // For a call leg, the name says which end it is.
    let is_leg = entry.name.starts_with("CALL_LEG");
    let what = if is_leg { named() } else { known.what.clone() };
    match refused {
        Some(refused) => format!("{what}: {refused}"),
        // The duration of a call is shown at its end.
        None if known.text.is_empty() || entry.name == "CALL_LEG_STARTED" => what,
        None => format!("{what}: {}", known.text),
    }
}

/// Whether the known activity includes this entry; otherwise an update may be on its way.
pub fn is_covered(entry: &Entry, known: Option<&Known>) -> bool {
    match (&entry.activity_id, known) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(known)) => match entry.category.as_str() {
            "EDIT" | "DELETE" | "SUGGESTION" => known.said_by(&entry.entry_id).is_some(),
            _ => true,
        },
    }
}

fn stage_style(stage: &str) -> Style {
    match stage {
        "QUEUED" => color(AnsiColor::Yellow),
        "AGENT" | "WRAP_UP" => color(AnsiColor::Green),
        _ => dim(),
    }
}

fn style(entry: &Entry) -> Style {
    match (entry.category.as_str(), entry.name.as_str()) {
        ("SLA", _) => color(AnsiColor::Red),
        ("MESSAGE", "CUSTOMER_MESSAGE") => color(AnsiColor::Cyan),
        ("MESSAGE", "AGENT_MESSAGE" | "WHISPER_MESSAGE") => color(AnsiColor::Green),
        ("MESSAGE", _) => color(AnsiColor::Magenta),
        ("CALL" | "HOLD", _) => color(AnsiColor::Blue),
        ("EDIT" | "DELETE" | "REACTION" | "SUGGESTION" | "DELIVERY" | "HIDE" | "OTHER", _) => dim(),
        _ => Style::new(),
    }
}
