// SPDX-License-Identifier: Apache-2.0

//! Counts of a conversation's entries by type (contract section 5).

use model::{Category, Counts, FactKind, Kind};

/// Counts an accepted primary; `may_respond` says whether a message of an agent or bot is really from one.
pub(super) fn primary(counts: &mut Counts, kind: Kind, may_respond: bool) {
    match kind {
        Kind::CustomerMessage => counts.customer_messages += 1,
        Kind::AgentMessage | Kind::BotMessage if !may_respond => counts.system_messages += 1,
        Kind::AgentMessage => counts.agent_messages += 1,
        Kind::BotMessage => counts.bot_messages += 1,
        Kind::WhisperMessage => counts.whispers += 1,
        Kind::Note => counts.notes += 1,
        Kind::CallRecording => counts.recordings += 1,
        Kind::SurveyQuestion => counts.survey_questions += 1,
        Kind::AgentCallLeg => counts.call_legs += 1,
        Kind::Call => counts.calls += 1,
        Kind::CampaignResponse => counts.campaign_responses += 1,
        Kind::EwtMessage
        | Kind::ThirdPartyActivity
        | Kind::CampaignMessage
        | Kind::ActionMessage
        | Kind::WrapUp
        | Kind::Transcript
        | Kind::IvrActivity
        | Kind::ConversationData => {}
    }
}

/// Counts a relation, whether its activity accepts it or not.
pub(super) fn relation(counts: &mut Counts, category: Category) {
    match category {
        Category::Edit => counts.edits += 1,
        Category::Delete => counts.deletions += 1,
        Category::Reaction => counts.reactions += 1,
        Category::Suggestion => counts.suggestions += 1,
        category => {
            if let Some(mark) = category.mark() {
                *counts.of_mark_mut(mark) += 1;
            }
        }
    }
}

/// Counts a fact.
pub(super) fn fact(counts: &mut Counts, kind: FactKind) {
    match kind {
        FactKind::AgentSlaExpired | FactKind::AgentResponseTimeout | FactKind::ResponseSlaBreached => {
            counts.agent_sla_breaches += 1;
        }
        FactKind::CustomerSlaExpired
        | FactKind::CustomerResponseTimeout
        | FactKind::CustomerActivityTimeout => counts.customer_sla_breaches += 1,
        FactKind::BotTimeout => counts.bot_timeouts += 1,
        kind if Category::of_fact(kind) == Category::Other => counts.other += 1,
        _ => {}
    }
}
