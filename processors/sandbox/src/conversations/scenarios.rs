// SPDX-License-Identifier: Apache-2.0

//! The scenarios of conversations.

use rand::{Rng, RngExt as _};
use serde_json::json;

use super::cast::VOICE;
use super::script::{Carry, Component, Message, Script, Speaker, Stay};
use super::texts::{EMOJI, FLAGS, MENU, NOTES, UNKNOWN_NAMES, WHISPERS};
use super::{Traffic, platform};

/// A kind of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scenario {
    /// Bot, queue, agent, wrap-up, close.
    WebChat,
    /// The bot handles all of it.
    BotContained,
    /// The customer waits in a queue and leaves.
    AbandonedInQueue,
    /// Edits, deletions by the agent and by a supervisor, reactions added and removed, receipts out of order, a quoting reply.
    EditedChat,
    /// Survey questions with answers, by reply and by reaction.
    Survey,
    /// A call with a voice menu, legs, hold, a transcript and a late link to its recording.
    VoiceCall,
    /// An outbound message of a campaign, with receipts.
    Campaign,
    /// The agent transfers to a second one.
    Transfer,
    /// A second agent joins the first.
    Conference,
    /// A supervisor listens and whispers.
    Whisper,
    /// Agents leave notes in the conversation.
    Notes,
    /// A note without a conversation.
    LooseNote,
    /// The same messages again with new event ids.
    Redelivery,
    /// Data of the conversation changes.
    ConversationData,
    /// Events with unknown names.
    UnknownEvents,
    /// Closed, and reopened by the customer.
    Reopened,
    /// A customer who types, a task that is offered and answered, read marks for the newest message.
    Typing,
    /// The same, after a RONA of another agent.
    RingsOut,
    /// A call with holds.
    HeldCall,
    /// A call with a RONA and a transfer after a consultation.
    ConsultedCall,
    /// A third party's campaign message, with receipts and an answer.
    CampaignAnswered,
    /// Comments of a page: liked, hidden, deleted.
    Comments,
    /// Closed, reopened, and closed again, with tasks.
    ReopenedWithTasks,
    /// A room of agents only.
    PrivateRoom,
}

impl Scenario {
    /// Plain traffic, with frequencies out of [`Scenario::TOTAL`].
    const PLAIN: [(Scenario, u32); 16] = [
        (Scenario::WebChat, 20),
        (Scenario::BotContained, 14),
        (Scenario::AbandonedInQueue, 9),
        (Scenario::EditedChat, 10),
        (Scenario::Survey, 6),
        (Scenario::VoiceCall, 14),
        (Scenario::Campaign, 6),
        (Scenario::Transfer, 4),
        (Scenario::Conference, 2),
        (Scenario::Whisper, 2),
        (Scenario::Notes, 3),
        (Scenario::LooseNote, 2),
        (Scenario::Redelivery, 2),
        (Scenario::ConversationData, 2),
        (Scenario::UnknownEvents, 2),
        (Scenario::Reopened, 2),
    ];
    /// The platform's traffic, likewise.
    const PLATFORM: [(Scenario, u32); 24] = [
        (Scenario::WebChat, 8),
        (Scenario::BotContained, 11),
        (Scenario::AbandonedInQueue, 7),
        (Scenario::EditedChat, 7),
        (Scenario::Survey, 5),
        (Scenario::VoiceCall, 5),
        (Scenario::Campaign, 2),
        (Scenario::Transfer, 3),
        (Scenario::Conference, 2),
        (Scenario::Whisper, 2),
        (Scenario::Notes, 2),
        (Scenario::LooseNote, 2),
        (Scenario::Redelivery, 2),
        (Scenario::ConversationData, 2),
        (Scenario::UnknownEvents, 1),
        (Scenario::Reopened, 1),
        (Scenario::Typing, 9),
        (Scenario::RingsOut, 5),
        (Scenario::HeldCall, 8),
        (Scenario::ConsultedCall, 4),
        (Scenario::CampaignAnswered, 4),
        (Scenario::Comments, 3),
        (Scenario::ReopenedWithTasks, 4),
        (Scenario::PrivateRoom, 1),
    ];
    const TOTAL: u32 = 100;

    /// All the kinds of conversations.
    pub fn all() -> impl Iterator<Item = Scenario> {
        Scenario::PLATFORM.into_iter().map(|(scenario, _)| scenario)
    }

    /// A random kind, with realistic frequencies.
    pub(super) fn draw(traffic: Traffic, rng: &mut impl Rng) -> Scenario {
        let weighted: &[(Scenario, u32)] = match traffic {
            Traffic::Platform => &Scenario::PLATFORM,
            Traffic::Plain => &Scenario::PLAIN,
        };
        let mut left = rng.random_range(0..Scenario::TOTAL);
        for &(scenario, weight) in weighted {
            if left < weight {
                return scenario;
            }
            left -= weight;
        }
        Scenario::WebChat
    }

    pub(super) fn play(self, script: &mut Script<'_>) {
        match self {
            Scenario::WebChat => web_chat(script),
            Scenario::BotContained => bot_contained(script),
            Scenario::AbandonedInQueue => abandoned(script),
            Scenario::EditedChat => edited(script),
            Scenario::Survey => survey(script),
            Scenario::VoiceCall => voice(script),
            Scenario::Campaign => campaign(script),
            Scenario::Transfer => transfer(script),
            Scenario::Conference => conference(script),
            Scenario::Whisper => whisper(script),
            Scenario::Notes => notes(script),
            Scenario::LooseNote => loose_note(script),
            Scenario::Redelivery => redelivery(script),
            Scenario::ConversationData => conversation_data(script),
            Scenario::UnknownEvents => unknown_events(script),
            Scenario::Reopened => reopened(script),
            Scenario::Typing => platform::typing(script, false),
            Scenario::RingsOut => platform::typing(script, true),
            Scenario::HeldCall => platform::call(script, false, false),
            Scenario::ConsultedCall => platform::call(script, true, true),
            Scenario::CampaignAnswered => platform::campaign(script),
            Scenario::Comments => platform::comments(script),
            Scenario::ReopenedWithTasks => platform::reopened(script),
            Scenario::PrivateRoom => platform::private_room(script),
        }
    }
}

fn turns(script: &mut Script<'_>, most: usize) -> usize {
    script.rng.random_range(1..=most)
}

fn web_chat(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    let turns = turns(script, 5);
    script.dialogue(&stay, turns);
    script.thanks_to_close(&stay);
}

fn bot_contained(script: &mut Script<'_>) {
    script.open();
    let turns = turns(script, 4);
    script.bot_dialogue(turns);
    if script.chance(0.2) {
        script.wait(60_000, 120_000);
        let data = script.conversation_data("INACTIVE");
        script.fact("CUSTOMER_SLA_EXPIRED", Component::Monitor, data);
    } else {
        script.wait(1_000, 8_000);
        script.customer_says(script.language.thanks);
    }
    script.wait(500, 5_000);
    script.close();
}

fn abandoned(script: &mut Script<'_>) {
    script.open();
    script.bot_dialogue(1);
    let task = script.hand_over();
    script.wait(20_000, 180_000);
    match script.rng.random_range(0..4) {
        0 => {
            let data = json!({"topicId": script.conversation()});
            script.fact("NO_AGENT_AVAILABLE", Component::Router, data);
            script.wait(300, 2_000);
            script.bot_says();
        }
        1 => {
            let data = json!({"task": {"id": task, "state": {"name": "CLOSED", "reasonCode": "CANCELLED"}}});
            script.fact("TASK_STATE_CHANGED", Component::Router, data);
        }
        _ => {
            script.customer_says(script.language.details);
        }
    }
    script.wait(1_000, 20_000);
    script.close();
}

fn edited(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    let agent = Speaker::Agent(stay.clone());
    let supervisor = Speaker::Supervisor(script.supervisor("SUPERVISOR"));
    script.wait(3_000, 20_000);
    let question = script.customer_says(script.language.details);
    script.wait(2_000, 9_000);
    let new = script.one_of(script.language.questions);
    script.edits(&Speaker::Customer, "CUSTOMER_MESSAGE", &question, new);
    script.wait(3_000, 20_000);
    let answer = script.agent_says(&stay);
    receipts_out_of_order(script, &answer);
    script.wait(2_000, 9_000);
    let new = script.one_of(script.language.agent);
    script.edits(&agent, "AGENT_MESSAGE", &answer, new);
    script.wait(1_000, 5_000);
    let emoji = script.one_of(EMOJI);
    script.reacts(&Speaker::Customer, &answer, "EMOJI", emoji, Some("ADD"));
    script.reacts(&agent, &question, "ACKNOWLEDGEMENT", "seen", None);
    if script.chance(0.5) {
        script.wait(1_000, 5_000);
        script.reacts(&Speaker::Customer, &answer, "EMOJI", emoji, Some("REMOVE"));
    }
    script.wait(4_000, 20_000);
    let text = script.one_of(script.language.details);
    script.say(Message::text("CUSTOMER_MESSAGE", &Speaker::Customer, text).replying(&answer));
    script.wait(2_000, 9_000);
    let slip = script.agent_says(&stay);
    script.wait(1_000, 6_000);
    script.deletes(&agent, &slip);
    script.wait(1_000, 6_000);
    let flag = script.one_of(FLAGS);
    let last = script.customer_says(script.language.details);
    script.reacts(&supervisor, &last, "FLAG", flag, None);
    if script.chance(0.5) {
        script.wait(1_000, 30_000);
        script.deletes(&supervisor, &last);
    }
    if script.chance(0.3) {
        // An edit without permission, and a second deletion: both are rejected.
        script.wait(500, 2_000);
        let new = script.one_of(script.language.thanks);
        script.edits(&Speaker::Customer, "CUSTOMER_MESSAGE", &answer, new);
        script.wait(500, 2_000);
        script.deletes(&agent, &slip);
    }
    script.thanks_to_close(&stay);
}

/// Receipts of a message, in an order that networks cause.
fn receipts_out_of_order(script: &mut Script<'_>, message: &str) {
    let orders: [[&str; 4]; 4] = [
        ["ACCEPTED", "SENT", "DELIVERED", "READ"],
        ["SENT", "ACCEPTED", "SEEN", "DELIVERED"],
        ["READ", "DELIVERED", "SENT", "ACCEPTED"],
        ["ACCEPTED", "DELIVERED", "SENT", "READ"],
    ];
    let order = script.rng.random_range(0..orders.len());
    for status in orders.get(order).into_iter().flatten() {
        script.wait(80, 2_500);
        script.receipt(message, status, None);
    }
}

fn survey(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    script.dialogue(&stay, 1);
    script.wrap_up(&stay);
    let bot = Speaker::Bot(script.bot.clone());
    let questions = ["How was it? 1 to 5", "Would you recommend us? 👍/👎", "Anything we should do better?"];
    for (question, answer) in questions.into_iter().zip(["5", "👍", "Shorter waiting, please."]) {
        script.wait(500, 3_000);
        let body = json!({"type": "SURVEY", "markdownText": question, "options": [1, 2, 3, 4, 5]});
        let (name, who) = if script.chance(0.5) {
            ("BOT_MESSAGE", bot.clone())
        } else {
            ("THIRD_PARTY_ACTIVITY", Speaker::App("survey-manager"))
        };
        let asked = script.say(Message::new(name, &who, body));
        if script.chance(0.15) {
            break;
        }
        script.wait(2_000, 20_000);
        if script.chance(0.6) {
            let reply = Message::text("CUSTOMER_MESSAGE", &Speaker::Customer, answer);
            script.say(reply.replying(&asked));
        } else {
            script.reacts(&Speaker::Customer, &asked, "RESPONSE", answer, None);
        }
    }
    script.wait(500, 3_000);
    script.close();
}

/// One leg of a call begins or ends.
fn leg(script: &mut Script<'_>, stay: &Stay, leg: &str, name: &'static str, reason: Option<i64>) {
    let time = if name == "CALL_LEG_STARTED" { "startTime" } else { "endTime" };
    // Switches send the time itself, slightly before the event; some as a string.
    let at = script.now - script.rng.random_range(20..200);
    let at = if script.chance(0.3) { json!(at.to_string()) } else { json!(at) };
    let mut body =
        json!({"type": "CALL_LEG", "legId": leg, "callId": script.session.id, "dialogState": "ACTIVE"});
    if let Some(body) = body.as_object_mut() {
        body.insert(time.to_owned(), at);
        body.insert("reasonCode".to_owned(), json!(reason));
    }
    let carry = script.carry_of_a_call();
    let message = Message::new(name, &Speaker::Agent(stay.clone()), body);
    // Both events of a leg belong to one activity; the message's own id is not read.
    script.say(message.carrying(carry));
}

/// A sentence from speech recognition.
fn spoken(script: &mut Script<'_>, name: &'static str, who: &Speaker, texts: &[&'static str]) {
    let text = script.one_of(texts);
    let body =
        json!({"type": "TRANSCRIPT", "callId": script.session.id, "markdownText": text, "confidence": 0.93});
    let carry = script.carry_of_a_call();
    script.say(Message::new(name, who, body).carrying(carry));
}

fn voice(script: &mut Script<'_>) {
    let direction = if script.chance(0.85) { "INBOUND" } else { "OUTBOUND" };
    script.use_channel(VOICE, direction);
    script.open();
    script.wait(4_000, 25_000);
    let steps = turns(script, 4);
    let nodes: Vec<&str> = (0..steps).map(|_| script.one_of(MENU)).collect();
    let body = json!({"type": "IVR", "nodes": nodes, "language": "en"});
    let menu = Message::new("THIRD_PARTY_ACTIVITY", &Speaker::App("voice-menu"), body);
    script.say(menu.with("intent", "IVR_AGGREGATED_ACTIVITY"));
    script.wait(200, 900);
    script.enqueue(direction, "QUEUE");
    script.wait(3_000, 60_000);
    let stay = script.agent("PRIMARY");
    script.joins(&stay);
    script.wait(50, 400);
    let first_leg = script.new_id();
    leg(script, &stay, &first_leg, "CALL_LEG_STARTED", None);
    let sentences = turns(script, 4);
    talk(script, &stay, sentences);
    if script.chance(0.5) {
        script.wait(1_000, 5_000);
        let data = json!({"reasonCode": "HOLD"});
        script.fact("CONVERSATION_PAUSED", Component::Monitor, data);
        script.wait(8_000, 60_000);
        let data = json!({"reasonCode": "RETRIEVE"});
        script.fact("CONVERSATION_RESUMED", Component::Monitor, data);
        talk(script, &stay, 1);
    }
    script.wait(1_000, 4_000);
    leg(script, &stay, &first_leg, "CALL_LEG_ENDED", Some(16));
    script.wrap_up(&stay);
    script.wait(100, 900);
    script.close();
    // The recorder takes its time, and does not know the conversation.
    script.wait(20_000, 900_000);
    let url = format!("https://recordings.example/{}.wav", script.session.id);
    let body =
        json!({"type": "RECORDING_LINK", "callId": script.session.id, "url": url, "codec": "pcm/16000"});
    let carry = script.carry_of_a_call();
    script.say(Message::new("THIRD_PARTY_ACTIVITY", &Speaker::App("recorder"), body).carrying(carry));
}

fn talk(script: &mut Script<'_>, stay: &Stay, sentences: usize) {
    for _ in 0..sentences {
        script.wait(2_000, 9_000);
        spoken(script, "AGENT_MESSAGE", &Speaker::Agent(stay.clone()), script.language.agent);
        script.wait(2_000, 9_000);
        spoken(script, "CUSTOMER_MESSAGE", &Speaker::Customer, script.language.details);
    }
}

fn campaign(script: &mut Script<'_>) {
    let channel = script.session.channel;
    script.use_channel(channel, "OUTBOUND");
    script.open();
    script.wait(100, 900);
    let app = Speaker::App("campaign-manager");
    let text = "Your parcel arrives tomorrow between 9 and 11. Reply STOP to opt out. 📦";
    let contact = script.rng.random_range(1_000..100_000);
    let scheduled = json!({"campaignId": "spring-delivery", "contactId": contact.to_string()});
    let name = if script.chance(0.5) { "CAMPAIGN_MESSAGE" } else { "AGENT_MESSAGE" };
    let sent = script.say(Message::text(name, &app, text).with("schedulingMetaData", scheduled));
    if script.chance(0.2) {
        script.wait(200, 2_000);
        script.receipt(&sent, "ACCEPTED", None);
        script.wait(2_000, 9_000);
        script.receipt(&sent, "FAILED", Some(1013));
    } else {
        receipts_out_of_order(script, &sent);
    }
    if script.chance(0.4) {
        script.wait(10_000, 200_000);
        let text = script.one_of(script.language.thanks);
        script.say(Message::text("CUSTOMER_MESSAGE", &Speaker::Customer, text).replying(&sent));
        script.wait(300, 1_500);
        script.bot_says();
    }
    script.wait(30_000, 300_000);
    script.close();
}

fn transfer(script: &mut Script<'_>) {
    let first = script.up_to_agent();
    script.dialogue(&first, 1);
    script.wait(1_000, 5_000);
    script.enqueue("DIRECT_TRANSFER", "QUEUE");
    script.wait(2_000, 30_000);
    let second = script.other_agent(&first, "PRIMARY");
    script.joins(&second);
    script.wait(100, 900);
    script.leaves(&first, Some("TRANSFERRED"));
    let turns = turns(script, 3);
    script.dialogue(&second, turns);
    script.thanks_to_close(&second);
}

fn conference(script: &mut Script<'_>) {
    let first = script.up_to_agent();
    script.dialogue(&first, 1);
    script.wait(1_000, 5_000);
    let mode = if script.chance(0.5) { "QUEUE" } else { "AGENT" };
    script.enqueue("DIRECT_CONFERENCE", mode);
    script.wait(2_000, 20_000);
    let second = script.other_agent(&first, "CONFERENCE");
    script.joins(&second);
    script.dialogue(&second, 1);
    script.dialogue(&first, 1);
    script.wait(500, 5_000);
    script.leaves(&second, Some("AGENT_LEFT"));
    script.thanks_to_close(&first);
}

fn whisper(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    script.dialogue(&stay, 1);
    let listener = script.supervisor("SILENT_MONITOR");
    script.wait(500, 5_000);
    script.subscribes(&listener);
    script.wait(2_000, 9_000);
    let text = script.one_of(WHISPERS);
    script.say(Message::text("WHISPER_MESSAGE", &Speaker::Agent(listener.clone()), text));
    script.dialogue(&stay, 1);
    if script.chance(0.4) {
        let data = script.role_data(&listener, "BARGE_IN");
        script.fact("PARTICIPANT_ROLE_CHANGED", Component::Monitor, data);
        script.wait(1_000, 9_000);
        script.agent_says(&listener);
    }
    script.wait(500, 5_000);
    script.leaves(&listener, None);
    script.thanks_to_close(&stay);
}

/// A note by an agent.
fn note(script: &mut Script<'_>, stay: &Stay, carry: Carry) -> String {
    let text = script.one_of(NOTES);
    let body = json!({"type": "NOTE", "markdownText": text});
    script.say(Message::new("AGENT_MESSAGE", &Speaker::Agent(stay.clone()), body).carrying(carry))
}

fn notes(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    script.dialogue(&stay, 1);
    script.wait(1_000, 9_000);
    let written = note(script, &stay, Carry::Conversation);
    if script.chance(0.5) {
        script.wait(2_000, 9_000);
        let text = script.one_of(NOTES);
        script.edits(&Speaker::Agent(stay.clone()), "AGENT_MESSAGE", &written, text);
    }
    script.dialogue(&stay, 1);
    script.thanks_to_close(&stay);
}

fn loose_note(script: &mut Script<'_>) {
    let stay = script.agent("PRIMARY");
    let written = note(script, &stay, Carry::Nothing);
    if script.chance(0.6) {
        script.wait(5_000, 60_000);
        let text = script.one_of(NOTES);
        let new = json!({"type": "NOTE", "markdownText": text});
        let body = json!({"type": "MODIFY", "action": "EDIT", "body": new});
        let edit = Message::new("MODIFY_ACTIVITY", &Speaker::Agent(stay), body);
        script.say(edit.with("originalMessageId", written.as_str()).carrying(Carry::Nothing));
    }
}

fn redelivery(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    for _ in 0..2 {
        script.wait(3_000, 20_000);
        let text = script.one_of(script.language.details);
        let message = Message::text("CUSTOMER_MESSAGE", &Speaker::Customer, text);
        let activity = script.say(message.clone());
        script.wait(500, 6_000);
        script.say(message.of_activity(&activity));
        script.wait(3_000, 20_000);
        script.agent_says(&stay);
    }
    script.thanks_to_close(&stay);
}

fn conversation_data(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    script.wait(500, 5_000);
    let order = script.rng.random_range(10_000..100_000);
    let data = json!({"orderNumber": order.to_string(), "plan": {"name": "gold", "seats": 3}});
    script.fact("CONVERSATION_DATA_CHANGED", Component::Monitor, data);
    script.dialogue(&stay, 1);
    let data =
        json!({"orderNumber": order.to_string(), "plan": {"name": "gold", "seats": 4}, "verified": true});
    script.fact("CONVERSATION_DATA_CHANGED", Component::Monitor, data);
    script.wait(10, 500);
    script.session_fact("CHANNEL_SESSION_DATA_UPDATED");
    script.thanks_to_close(&stay);
}

fn unknown_events(script: &mut Script<'_>) {
    let stay = script.up_to_agent();
    for _ in 0..3 {
        script.wait(1_000, 9_000);
        let name = script.one_of(UNKNOWN_NAMES);
        script.fact(name, Component::Monitor, json!({"reasonCode": "CLIENT", "step": 2}));
        script.dialogue(&stay, 1);
    }
    let data = json!({"mrdId": script.cast.media_domain, "agentId": stay.agent.id});
    script.fact("AGENT_MRD_INTERRUPTED", Component::Router, data);
    script.thanks_to_close(&stay);
}

fn reopened(script: &mut Script<'_>) {
    script.open();
    script.bot_dialogue(2);
    script.wait(1_000, 9_000);
    script.close();
    script.wait(60_000, 1_800_000);
    script.next_session();
    script.session_fact("CHANNEL_SESSION_STARTED");
    script.wait(50, 500);
    let data = script.conversation_data("ACTIVE");
    script.fact("CONVERSATION_STATE_CHANGED", Component::Monitor, data);
    script.bot_dialogue(1);
    script.hand_over();
    script.wait(3_000, 30_000);
    let stay = script.agent("PRIMARY");
    script.joins(&stay);
    script.dialogue(&stay, 1);
    script.thanks_to_close(&stay);
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn the_weights_add_up() {
        for weighted in [Scenario::PLAIN.as_slice(), &Scenario::PLATFORM] {
            assert_eq!(weighted.iter().map(|(_, weight)| weight).sum::<u32>(), Scenario::TOTAL);
        }
    }
}
