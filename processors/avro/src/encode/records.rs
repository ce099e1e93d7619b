//! The fields of each record, in its schema's order.

use model::{
    Activity, Actor, AgentRecord, AgentStay, AlertRecord, AuditRecord, Call, Channel, ConversationSummary,
    Counts, CustomerConversation, CustomerRecord, Cycle, Deletion, Delivery, DeliveryCounts, Edit, Json,
    MetricsWindow, MrdState, OmittedEvents, OmittedLists, QueueVisit, Reaction, Record, Rejected,
    ResponseFigures, SessionSummary, Suggestion, SuggestionItem, Task, TimelineEntry, TrainingRecord,
    TrainingReply, WrapUp,
};

use super::datum::{Datum, END, length};

/// Destructures each type completely and writes the fields in the given order.
macro_rules! records {
    ($($name:ident { $($field:ident,)* })*) => { $(
        impl Datum for records!(@type $name) {
            fn write(&self, out: &mut Vec<u8>) {
                let $name { $($field,)* } = self;
                $($field.write(out);)*
            }
        }
    )* };
    // Types that borrow nothing have no lifetime parameter.
    (@type Counts) => { Counts };
    (@type OmittedEvents) => { OmittedEvents };
    (@type OmittedLists) => { OmittedLists };
    (@type Cycle) => { Cycle };
    (@type DeliveryCounts) => { DeliveryCounts };
    (@type ResponseFigures) => { ResponseFigures };
    (@type $name:ident) => { $name<'_> };
}

records! {
    Activity {
        activity_id, conversation_id, channel_session_id, customer_id, kind, actor, channel, occurred_at, updated_at,
        revision, body, in_reply_to, provider_message_id, edits, deletion, reactions, suggestions, delivery, call,
        rejected, omitted, room_id, hidden,
    }
    OmittedEvents { edits, reactions, suggestions, others, }
    Actor { actor_type, id, name, }
    Channel { channel_type, service_identifier, }
    Edit { event_id, at, actor, body, }
    Deletion { event_id, at, actor, }
    Suggestion { event_id, at, actor, items, }
    Delivery { status, reason_code, accepted_at, sent_at, delivered_at, read_at, failed_at, connected_at, read_up_to, }
    Call { leg_id, call_id, started_at, ended_at, duration_ms, reason, agent_id, direction, hold_ms, }
    Rejected { event_id, at, relation, reason, }
    TimelineEntry {
        entry_id, conversation_id, at, name, category, activity_id, actor, channel_session_id, customer_id, channel,
        elapsed_ms, stage, agents, queue, response_ms, responds_to,
    }
    ConversationSummary {
        conversation_id, started_at, last_event_at, closed_at, duration_ms, state, finality, outcome, direction,
        customer_id, revision, channels, sessions, agents, queue_visits, wrap_ups, counts, delivery,
        first_response_ms, first_agent_response_ms, agent_responses, bot_responses, hold_ms, talk_ms, wait_ms, omitted,
        mode, room_id, cycles, tasks, agent_requested_at, first_agent_response_from_request_ms, call_hold_ms,
    }
    OmittedLists { sessions, agents, queue_visits, wrap_ups, cycles, tasks, }
    Cycle { started_at, closed_at, outcome, }
    Task {
        task_id, queue, direction, mode, enqueued_at, reserved_at, agent_id, answered_at, wrap_up_at, closed_at,
        disposition, ring_ms, handle_ms, wrap_up_ms,
    }
    SessionSummary { channel_session_id, channel, started_at, ended_at, ended_by, }
    AgentStay {
        agent_id, name, joined_at, left_at, reason, engaged_ms, wrap_up_ms, messages, responses, response_ms_total,
        role, agent_response_ms_total,
    }
    CustomerRecord { customer_id, conversations, count, repeats_within_24h, repeats_within_72h, }
    CustomerConversation {
        conversation_id, started_at, closed_at, last_event_at, outcome, channel, queue, agent_id, since_previous_ms,
    }
    QueueVisit { task_id, queue, direction, mode, enqueued_at, ended_at, wait_ms, outcome, channel_session_id, agent_id, ronas, waits, }
    WrapUp { activity_id, at, agent_id, body, }
    Counts {
        customer_messages, agent_messages, bot_messages, whispers, edits, deletions, reactions, suggestions,
        responses, call_legs, recordings, notes, survey_questions, survey_answers, transfers, conferences,
        agent_sla_breaches, customer_sla_breaches, bot_timeouts, other, system_messages, calls, campaign_responses, hides, ronas, consults,
        unanswered_turns,
    }
    DeliveryCounts { delivered, read, failed, }
    ResponseFigures { count, total_ms, max_ms, }
    AuditRecord {
        event_id, conversation_id, channel_session_id, customer_id, at, name, category, action, activity_id, kind,
        actor, channel,
    }
    TrainingRecord { conversation_id, activity_id, occurred_at, channel, body, suggestions, flags, reply, }
    TrainingReply { activity_id, kind, actor, at, body, response_ms, }
    AlertRecord {
        conversation_id, kind, state, started_at, started_by, target_ms, due_at, resolved_at, resolved_by, resolution,
        channel_session_id, channel_type, agents, task_id, queue,
    }
    AgentRecord { agent_id, name, state, reason, since, login_at, mrds, last_change_at, revision, }
    MrdState { id, name, state, since, }
}

/// A value that was always a string stays one: it is empty when it quotes a deleted activity.
impl Datum for Reaction<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let Reaction { event_id, at, actor, kind, value } = self;
        event_id.write(out);
        at.write(out);
        actor.write(out);
        kind.write(out);
        value.unwrap_or_default().write(out);
    }
}

impl Datum for SuggestionItem<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let SuggestionItem { body, confidence } = self;
        body.write(out);
        confidence.as_ref().and_then(number).write(out);
    }
}

/// A number as written in the event is text, but consumers need a number. `None` only for damaged state.
fn number(json: &Json<'_>) -> Option<f64> {
    json.as_str().parse().ok()
}

impl Datum for MetricsWindow<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let MetricsWindow { dimension, id, window_start, window_end, figures: _, revision, histograms: _ } =
            self;
        dimension.write(out);
        id.write(out);
        window_start.write(out);
        window_end.write(out);
        let count = self.sums().count();
        if count > 0 {
            length(count, out);
            for (figure, sum) in self.sums() {
                figure.as_str().write(out);
                sum.write(out);
            }
        }
        out.push(END);
        revision.write(out);
        let count = self.counts().count();
        if count > 0 {
            length(count, out);
            for (histogram, counts) in self.counts() {
                histogram.as_str().write(out);
                length(counts.clone().count(), out);
                for (bucket, count) in counts {
                    bucket.bound().to_string().as_str().write(out);
                    count.write(out);
                }
                out.push(END);
            }
        }
        out.push(END);
    }
}

impl Datum for Record<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Record::Activity(record) => record.write(out),
            Record::TimelineEntry(record) => record.write(out),
            Record::Conversation(record) => record.write(out),
            Record::Customer(record) => record.write(out),
            Record::MetricsWindow(record) => record.write(out),
            Record::Audit(record) => record.write(out),
            Record::BotTraining(record) => record.write(out),
            Record::Alert(record) => record.write(out),
            Record::Agent(record) => record.write(out),
        }
    }
}
