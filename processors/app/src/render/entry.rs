// SPDX-License-Identifier: Apache-2.0

//! One timeline entry on one line: time, elapsed time, stage, actor, content.

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use model::{Actor, Category, Channel, Stage, TimelineEntry};

use super::known::Known;
use super::text::{
    clock, color, column, columns, dim, duration, elapsed, in_words, painted, safe, short, time,
};

/// Columns for the stage and for the actor.
const PART_COLUMNS: usize = 22;
/// The same on a narrow terminal.
const PART_COLUMNS_NARROW: usize = 12;
/// Columns for the conversation, and the same on a narrow terminal.
const CONVERSATION_COLUMNS: usize = 13;
const CONVERSATION_COLUMNS_NARROW: usize = 8;
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
    /// The maximum of names kept. All are forgotten then: of those who are still there, more will come.
    const MAX: usize = 10_000;

    /// Learns the name of an agent or a customer.
    pub fn meet(&mut self, actor: Option<&Actor<'_>>) {
        if let Some(Actor { actor_type: Some(kind), id: Some(id), name: Some(name) }) = actor
            && matches!(&**kind, "AGENT" | "CUSTOMER")
        {
            self.name(id, name);
        }
    }

    /// Learns a name.
    pub fn name(&mut self, id: &str, name: &str) {
        if self.0.get(id).is_some_and(|known| known == name) {
            return;
        }
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        self.0.insert(id.to_owned(), name.to_owned());
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
    /// Whether to show whose conversation it is: when several are shown.
    pub names_conversation: bool,
    /// Whether the entry was shown before with other content.
    pub is_correction: bool,
    /// The terminal's width; `None` for unlimited.
    pub width: Option<usize>,
}

/// The line of an entry, without a line end. `known`: the activity that it creates or changes.
pub fn line(entry: &TimelineEntry<'_>, known: Option<&Known>, people: &People, look: LineStyle) -> String {
    let mark = if look.is_correction { '~' } else { ' ' };
    let is_wide = look.width.is_none_or(|width| width >= WIDE_COLUMNS);
    let part = if is_wide { PART_COLUMNS } else { PART_COLUMNS_NARROW };
    let mut front = format!("{} {mark}", if is_wide { time(entry.at) } else { clock(entry.at) });
    if look.names_conversation {
        front.push_str(&conversation_of(entry, people, look.width));
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
        painted(stage_style(entry.stage), &place),
        painted(Style::new().bold(), &who),
        painted(style(entry), &safe(&what(entry, known), left)),
        painted(color(AnsiColor::Yellow), &response)
    )
    .trim_end()
    .to_owned()
}

/// The conversation: on a terminal the customer's name if it is known, else the id; where the width is not limited, both.
fn conversation_of(entry: &TimelineEntry<'_>, people: &People, width: Option<usize>) -> String {
    let name = entry.customer_id.as_deref().and_then(|id| people.name_of(id));
    let id = &*entry.conversation_id;
    match width {
        None => format!(
            "{} {}",
            column(id, CONVERSATION_COLUMNS),
            column(name.unwrap_or("-"), CONVERSATION_COLUMNS)
        ),
        Some(width) if width >= WIDE_COLUMNS => column(name.unwrap_or(id), CONVERSATION_COLUMNS - 1) + " ",
        Some(_) => column(name.unwrap_or(id), CONVERSATION_COLUMNS_NARROW),
    }
}

fn place(entry: &TimelineEntry<'_>, people: &People) -> String {
    let agents: Vec<String> = entry.agents.iter().map(|id| people.called(id)).collect();
    let queue = entry.queue.as_deref();
    let stage = match entry.stage {
        Stage::SelfService => "self-service".to_owned(),
        Stage::WrapUp => "wrap-up".to_owned(),
        stage => in_words(stage.as_str()),
    };
    let parts = [Some(stage), Some(agents.join(", ")), queue.map(str::to_owned)];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// An actor by name and kind, in at most `columns_max` columns. A long name is cut so that the kind fits, if there is room for
/// both.
pub fn who(actor: Option<&Actor<'_>>, columns_max: usize) -> String {
    let Some(actor) = actor else { return "-".to_owned() };
    let kind = actor.actor_type.as_deref().map(|kind| safe(&kind.to_lowercase(), 12));
    let name = actor.name.as_deref().map(str::to_owned).or_else(|| actor.id.as_deref().map(short));
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
pub fn channel_words(channel: &Channel<'_>) -> String {
    let parts = [channel.channel_type.as_deref(), channel.service_identifier.as_deref()];
    safe(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "), 40)
}

/// The entry in words, with the text of its activity.
fn what(entry: &TimelineEntry<'_>, known: Option<&Known>) -> String {
    let said = known.and_then(|known| known.said_by(&entry.entry_id));
    let of = |known: Option<&Known>| known.map_or_else(|| "a message".to_owned(), Known::quoted);
    match entry.category {
        // The meaning of an unknown name is unknown.
        Category::Other => safe(&entry.name, 60),
        Category::Session => {
            let channel = entry.channel.as_ref().map(channel_words).unwrap_or_default();
            format!("{} {channel}", in_words(&entry.name))
        }
        Category::Edit => said.map_or_else(|| format!("edited {}", of(known)), str::to_owned),
        Category::Delete => said.map_or_else(|| format!("deleted {}", of(known)), str::to_owned),
        Category::Hold => said.map_or_else(|| hold(entry).to_owned(), str::to_owned),
        // The activity lists only the deciding event.
        Category::Reaction => {
            said.map_or_else(|| format!("a reaction on {}, since changed", of(known)), str::to_owned)
        }
        Category::Suggestion => said.map_or_else(|| format!("suggestions for {}", of(known)), str::to_owned),
        Category::Delivery => said.map_or_else(|| receipt(entry, known), str::to_owned),
        Category::Message | Category::Call | Category::WrapUp | Category::Data | Category::Activity => {
            primary(entry, known, said)
        }
        category => match category.mark() {
            // The activity shows only the first event of a mark.
            Some(mark) => {
                said.map_or_else(|| format!("{} {} again", mark.words().did, of(known)), str::to_owned)
            }
            None => in_words(&entry.name),
        },
    }
}

fn hold(entry: &TimelineEntry<'_>) -> &'static str {
    if entry.name == "CALL_RESUME" { "took the call off hold" } else { "put the call on hold" }
}

fn receipt(entry: &TimelineEntry<'_>, known: Option<&Known>) -> String {
    let status = known.and_then(|known| known.reached_at(entry.at));
    match (status, known) {
        (Some(status), Some(known)) => format!("receipt: {status} {}", known.quoted()),
        (None, Some(known)) => format!("receipt for {}", known.quoted()),
        (_, None) => "receipt".to_owned(),
    }
}

fn primary(entry: &TimelineEntry<'_>, known: Option<&Known>, refused: Option<&str>) -> String {
    let named = || match &*entry.name {
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
pub fn is_covered(entry: &TimelineEntry<'_>, known: Option<&Known>) -> bool {
    match (&entry.activity_id, known) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(known)) => match entry.category {
            Category::Edit | Category::Delete | Category::Suggestion => {
                known.said_by(&entry.entry_id).is_some()
            }
            _ => true,
        },
    }
}

fn stage_style(stage: Stage) -> Style {
    match stage {
        Stage::Queued => color(AnsiColor::Yellow),
        Stage::Agent | Stage::WrapUp => color(AnsiColor::Green),
        Stage::SelfService | Stage::Closed => dim(),
    }
}

fn style(entry: &TimelineEntry<'_>) -> Style {
    match (entry.category, &*entry.name) {
        (Category::Sla, _) => color(AnsiColor::Red),
        (Category::Message, "CUSTOMER_MESSAGE") => color(AnsiColor::Cyan),
        (Category::Message, "AGENT_MESSAGE" | "WHISPER_MESSAGE") => color(AnsiColor::Green),
        (Category::Message, _) => color(AnsiColor::Magenta),
        (Category::Call | Category::Hold, _) => color(AnsiColor::Blue),
        (
            Category::Edit
            | Category::Delete
            | Category::Reaction
            | Category::Suggestion
            | Category::Delivery
            | Category::Other,
            _,
        ) => dim(),
        (category, _) if category.mark().is_some() => dim(),
        _ => Style::new(),
    }
}
