// SPDX-License-Identifier: Apache-2.0

//! Scenarios with ExpertFlow CX's event forms: tasks with offers, calls with holds, campaigns, comments, signals.

use serde_json::{Value, json};

use super::cast::VOICE;
use super::script::{Component, Message, Script, Speaker, Stay};
use super::tasks::Task;
use super::texts::{MENU, WRAP_UPS};

/// Bot, queue, an agent who answers, and optionally another one before who does not (RONA).
fn up_to_agent(script: &mut Script<'_>, rings_out: bool) -> (Task, Stay) {
    script.open();
    script.bot_fact("BOT_SUBSCRIBED", json!({"reasonCode": "JOINED"}));
    script.bot_dialogue(1);
    script.wait(100, 800);
    find_agent(script);
    script.wait(20, 200);
    let task = script.queue_task("INBOUND");
    routed(script, task, rings_out)
}

fn find_agent(script: &mut Script<'_>) {
    let bot = Speaker::Bot(script.bot.clone());
    let action = json!({"queue": null, "type": null});
    // Without a body: name and data are beside the header.
    script.say(
        Message::new("ACTION_MESSAGE", &bot, Value::Null)
            .data("name", json!("FIND_AGENT"))
            .data("data", action),
    );
    script.wait(20, 120);
    script.fact("ASSIGN_RESOURCE_REQUESTED", Component::Monitor, json!({"mode": "QUEUE"}));
}

fn routed(script: &mut Script<'_>, mut task: Task, rings_out: bool) -> (Task, Stay) {
    script.wait(2_000, 30_000);
    let stay = script.agent("PRIMARY");
    if rings_out {
        let absent = script.other_agent(&stay, "PRIMARY");
        script.offer(&task, &absent);
        task = script.rings_out(&task);
        script.wait(500, 9_000);
    }
    script.offer(&task, &stay);
    script.answers(&task, &stay);
    (task, stay)
}

/// Wrap-up, the end of the task, and the agent leaves.
fn done(script: &mut Script<'_>, task: &Task, stay: &Stay) {
    script.wraps_up(task, stay);
    script.wrap_up(stay);
    script.wait(20, 200);
    script.closes(task, "DONE");
}

/// The platform's controller closes the conversation.
fn close(script: &mut Script<'_>) {
    script.wait(50, 900);
    script.session_fact("CHANNEL_SESSION_ENDED");
    script.wait(20, 300);
    let data = script.conversation_data("CLOSED");
    let name =
        script.one_of(&["TOPIC_STATE_CHANGED", "CONVERSATION_STATE_CHANGED", "TOPIC_STATE_CHANGE_EVENT"]);
    script.fact(name, Component::Monitor, data);
}

/// The customer types and writes, and both sides send read marks.
pub(super) fn typing(script: &mut Script<'_>, rings_out: bool) {
    let (task, stay) = up_to_agent(script, rings_out);
    let agent = Speaker::Agent(stay.clone());
    for _ in 0..3 {
        script.wait(2_000, 9_000);
        let name = script.one_of(&["CUSTOMER_MESSAGE", "TYPING_INDICATOR"]);
        let body = json!({"type": "NOTIFICATION", "notificationType": "TYPING_STARTED"});
        script.say(Message::new(name, &Speaker::Customer, body));
        script.wait(1_000, 6_000);
        script.customer_says(script.language.details);
        script.wait(300, 3_000);
        let asked = script.customer_says(script.language.details);
        sla(script, "AGENT_SLA_STARTED", 60);
        script.wait(500, 2_000);
        // For the newest message only: earlier ones are read too.
        read(script, &agent, &asked);
        script.wait(3_000, 25_000);
        let answered = script.agent_says(&stay);
        sla(script, "AGENT_SLA_STOPPED", 60);
        script.wait(300, 4_000);
        script.receipt(&answered, "DELIVERED", None);
        script.wait(300, 9_000);
        read(script, &Speaker::Connector, &answered);
    }
    script.wait(1_000, 9_000);
    script.customer_says(script.language.thanks);
    done(script, &task, &stay);
    controller_says(script);
    close(script);
}

/// A message that the controller writes in a bot's name is no bot response.
fn controller_says(script: &mut Script<'_>) {
    script.wait(50, 400);
    let text = script.one_of(script.language.bot);
    script.say(Message::text("BOT_MESSAGE", &Speaker::System, text));
}

fn sla(script: &mut Script<'_>, name: &'static str, seconds: i64) {
    let data = json!({"totalDuration": seconds, "currentSliceDuration": seconds, "percentageCompleted": 0});
    script.fact(name, Component::Monitor, data);
}

fn read(script: &mut Script<'_>, by: &Speaker, message: &str) {
    script.receipt_by(by, "MESSAGE_DELIVERY_NOTIFICATION", (message, "READ", None));
}

/// An event of an agent's leg of a call.
fn leg(script: &mut Script<'_>, stay: &Stay, leg: &str, name: &'static str, reason: &str) {
    let body = json!({"type": "VOICE", "reasonCode": reason, "leg": leg, "callId": script.session.id});
    let carry = script.carry_of_a_call();
    // Some desktops write seconds.
    let at = if script.chance(0.3) { script.now / 1_000 } else { script.now };
    let message = Message::new(name, &Speaker::Agent(stay.clone()), body).carrying(carry);
    script.say(message.with("timestamp", at).with("intent", name));
}

fn leg_id(script: &Script<'_>, stay: &Stay) -> String {
    format!("{}:{}:{}", stay.agent.extension, stay.agent.id, script.session.id)
}

fn held(script: &mut Script<'_>, stay: &Stay, of: &str) {
    script.wait(5_000, 40_000);
    leg(script, stay, of, "CALL_HOLD", "INBOUND");
    script.wait(8_000, 60_000);
    leg(script, stay, of, "CALL_RESUME", "INBOUND");
}

/// A call with holds; optionally with a RONA, and a transfer to an expert after a consultation.
pub(super) fn call(script: &mut Script<'_>, rings_out: bool, consults: bool) {
    script.use_channel(VOICE, "INBOUND");
    script.open();
    script.wait(4_000, 25_000);
    let nodes: Vec<&str> = (0..3).map(|_| script.one_of(MENU)).collect();
    let menu = json!({"type": "IVR_AGGREGATED_ACTIVITY", "nodes": nodes});
    script.say(Message::new("IVR_AGGREGATED_ACTIVITY", &Speaker::App("voice-menu"), menu));
    script.wait(200, 900);
    let task = script.queue_task("INBOUND");
    let (task, stay) = routed(script, task, rings_out);
    let first_leg = leg_id(script, &stay);
    leg(script, &stay, &first_leg, "CALL_LEG_STARTED", "INBOUND");
    held(script, &stay, &first_leg);
    let (task, stay, last_leg) = match consults {
        false => (task, stay, first_leg),
        true => handed_over(script, (&task, &stay, &first_leg)),
    };
    script.wait(9_000, 90_000);
    leg(script, &stay, &last_leg, "CALL_LEG_ENDED", "DIALOG_ENDED");
    script.fact("CUSTOMER_LEFT", Component::Monitor, json!({"reasonCode": "HANGUP"}));
    done(script, &task, &stay);
    close(script);
    script.wait(5_000, 60_000);
    let account = json!({"type": "VOICE", "callId": script.session.id, "recordingName": script.session.id});
    script.say(Message::new("VOICE_ACTIVITY", &Speaker::System, account));
}

/// The agent consults a colleague, and transfers the call.
fn handed_over(
    script: &mut Script<'_>,
    (task, stay, first_leg): (&Task, &Stay, &str),
) -> (Task, Stay, String) {
    script.wait(3_000, 20_000);
    leg(script, stay, first_leg, "CALL_HOLD", "CONSULT");
    let asked = script.queue_task("CONSULT");
    let expert = script.other_agent(stay, "CONSULTED");
    script.offer(&asked, &expert);
    script.answers(&asked, &expert);
    let consult_leg = leg_id(script, &expert);
    leg(script, &expert, &consult_leg, "CALL_LEG_STARTED", "CONSULT");
    script.wait(8_000, 40_000);
    let transfer = script.direct_task("CONSULT_TRANSFER");
    script.wait(20, 200);
    script.closes(&asked, "DONE");
    script.wait(20, 200);
    script.takes(&transfer, &expert);
    script.wait(20, 200);
    leg(script, stay, first_leg, "CALL_LEG_ENDED", "CONSULT_TRANSFER");
    let serving = Stay { role: "PRIMARY", ..expert };
    let data = script.role_data(&serving, "PRIMARY");
    script.fact("PARTICIPANT_ROLE_CHANGED", Component::Monitor, data);
    script.wait(20, 200);
    script.leaves(stay, Some("TRANSFERRED"));
    script.closes(task, "DONE");
    held(script, &serving, &consult_leg);
    (transfer, serving, consult_leg)
}

/// A campaign message in the form of third parties, with receipts and the customer's answer.
pub(super) fn campaign(script: &mut Script<'_>) {
    let channel = script.session.channel;
    script.use_channel(channel, "OUTBOUND");
    script.open();
    script.wait(100, 900);
    let contact = script.new_id();
    let scheduled = json!({"campaignId": "autumn-renewal", "activityId": contact});
    let text = "Your contract ends this month. Reply YES to renew it. 📄";
    let app = Speaker::App("campaign-manager");
    let sent =
        script.say(Message::text("THIRD_PARTY_ACTIVITY", &app, text).with("schedulingMetaData", scheduled));
    for status in ["SENT", "DELIVERED", "READ"] {
        script.wait(300, 9_000);
        script.receipt_by(&Speaker::Connector, "THIRD_PARTY_ACTIVITY", (&sent, status, None));
    }
    if script.chance(0.6) {
        script.wait(10_000, 200_000);
        let text = script.one_of(script.language.thanks);
        let answer = Message::text("THIRD_PARTY_ACTIVITY", &Speaker::Connector, text);
        script.say(answer.with("originalMessageId", sent.as_str()));
    }
    script.wait(30_000, 300_000);
    close(script);
}

/// A page's comments: liked, hidden, deleted, answered privately.
pub(super) fn comments(script: &mut Script<'_>) {
    let (task, stay) = up_to_agent(script, false);
    let agent = Speaker::Agent(stay.clone());
    script.wait(2_000, 9_000);
    let text = script.one_of(script.language.details);
    let kind =
        |item: &str, text: Option<&str>| json!({"type": "COMMENT", "itemType": item, "markdownText": text});
    let comment =
        script.say(Message::new("CUSTOMER_MESSAGE", &Speaker::Customer, kind("COMMENT", Some(text))));
    let item = script.one_of(&["LIKE", "HIDE", "DELETE"]);
    script.wait(2_000, 9_000);
    let done_to = Message::new("AGENT_MESSAGE", &agent, kind(item, None));
    script.say(done_to.with("originalMessageId", comment.as_str()));
    script.wait(2_000, 9_000);
    let text = script.one_of(script.language.agent);
    let private = Message::new("AGENT_MESSAGE", &agent, kind("PRIVATE_REPLY", Some(text)));
    script.say(private.with("originalMessageId", comment.as_str()));
    script.wait(2_000, 9_000);
    let slip = script.customer_says(script.language.details);
    script.wait(2_000, 9_000);
    let body = json!({"type": "DELETEDNOTIFICATION", "messageId": slip});
    script.say(Message::new("CUSTOMER_MESSAGE", &Speaker::Connector, body));
    done(script, &task, &stay);
    close(script);
}

/// Closed, reopened by the customer, answered by an agent, and closed again.
pub(super) fn reopened(script: &mut Script<'_>) {
    let (task, stay) = up_to_agent(script, true);
    script.dialogue(&stay, 1);
    done(script, &task, &stay);
    close(script);
    script.wait(60_000, 1_800_000);
    script.next_session();
    script.session_fact("CHANNEL_SESSION_STARTED");
    script.wait(20, 200);
    let data = script.conversation_data("ACTIVE");
    script.fact("TOPIC_STATE_CHANGED", Component::Monitor, data);
    script.bot_dialogue(1);
    let task = script.queue_task("INBOUND");
    match script.chance(0.5) {
        true => {
            let (task, stay) = routed(script, task, false);
            script.dialogue(&stay, 1);
            done(script, &task, &stay);
        }
        false => {
            script.wait(20_000, 90_000);
            script.closes(&task, "NO_AGENT_AVAILABLE");
            script.wait(10, 100);
            let data = json!({"requestType": {"direction": "INBOUND", "mode": "QUEUE"}});
            script.fact("NO_AGENT_AVAILABLE", Component::Router, data);
            controller_says(script);
        }
    }
    close(script);
}

/// A room of agents only: no customer, no alert.
pub(super) fn private_room(script: &mut Script<'_>) {
    script.session.mode = "PRIVATE";
    script.fact(
        "ROOM_CREATED",
        Component::Monitor,
        json!({"label": WRAP_UPS.first().map(|(topic, _)| *topic)}),
    );
    let first = script.agent("PRIMARY");
    let second = script.other_agent(&first, "PRIMARY");
    for stay in [&first, &second, &first] {
        script.wait(2_000, 30_000);
        script.agent_says(stay);
    }
}
