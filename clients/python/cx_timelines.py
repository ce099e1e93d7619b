# SPDX-License-Identifier: Apache-2.0

"""The records of cx-timelines' output topics, and tables of the current ones.

Made by `cx-timelines generate python`; change topics.yaml or the schemas instead of this file.

    from cx_timelines import Conversation, follow

    for change in follow(Conversation, {"bootstrap.servers": "127.0.0.1:9092"}):
        print(change.key, change.after.state if change.after else "deleted")

Needs Python 3.11 or later, and confluent-kafka to read topics. The values of the topics have to be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

Json = Mapping[str, Any]
"""A JSON object."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _maybe(value: Any, read: Callable[[Any], _T]) -> _T | None:
    return None if value is None else read(value)


def _list(values: Any, read: Callable[[Any], _T]) -> list[_T]:
    return [read(value) for value in values or ()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something."""

    type: str | None
    """What the actor is, in upper case: CUSTOMER, AGENT, BOT and others."""
    id: str | None
    """The person's or program's id; of customers the customer's."""
    name: str | None
    """A name to show."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            type=value.get("type"),
            id=value.get("id"),
            name=value.get("name"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel; at least one of its fields is known."""

    type: str | None
    """The channel's type as it came, for example WEB or CX_VOICE."""
    service_identifier: str | None
    """The number or name under which the contact centre was reached."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            type=value.get("type"),
            service_identifier=value.get("serviceIdentifier"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An accepted edit."""

    event_id: str
    """The edit's event."""
    at: datetime
    """When."""
    actor: Actor | None
    """Who edited."""
    body: Json | None
    """The new body, an object; null once the activity is deleted."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            at=_time(value["at"]),
            actor=_maybe(value.get("actor"), Actor.from_json),
            body=value.get("body"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The deletion of an activity, or its hiding."""

    event_id: str
    """The deletion's event."""
    at: datetime
    """When."""
    actor: Actor | None
    """Who deleted."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            at=_time(value["at"]),
            actor=_maybe(value.get("actor"), Actor.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A reaction that is shown, by the event that decided it."""

    event_id: str
    """The deciding event."""
    at: datetime
    """When."""
    actor: Actor | None
    """Who reacted."""
    kind: str
    """EMOJI, FLAG, ACKNOWLEDGEMENT or RESPONSE."""
    value: str | None
    """Its value, for example the emoji, or the replying activity's id; null where it quotes an activity
    that is deleted."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            at=_time(value["at"]),
            actor=_maybe(value.get("actor"), Actor.from_json),
            kind=value["kind"],
            value=value["value"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionItem:
    """One thing that a bot suggested."""

    body: Json | None
    """The suggested message, an object."""
    confidence: float | None
    """How sure the bot was."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            body=value.get("body"),
            confidence=value.get("confidence"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a bot suggested in one event."""

    event_id: str
    """The suggesting event."""
    at: datetime
    """When."""
    actor: Actor | None
    """Which bot."""
    items: list[SuggestionItem]
    """What was suggested, in the bot's order."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            at=_time(value["at"]),
            actor=_maybe(value.get("actor"), Actor.from_json),
            items=_list(value.get("items"), SuggestionItem.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far an activity got on its way to its reader."""

    status: str
    """The highest status seen: ACCEPTED, SENT, FAILED, CONNECTED, DELIVERED or READ."""
    reason_code: str | None
    """The reason that the first event of that status gave."""
    accepted_at: datetime | None
    """When it was accepted first."""
    sent_at: datetime | None
    """When it was sent first."""
    delivered_at: datetime | None
    """When it was delivered first."""
    read_at: datetime | None
    """When it was read first, by its own receipt or by that of a later message of its side."""
    failed_at: datetime | None
    """When it failed first."""
    connected_at: datetime | None
    """When it was connected first."""
    read_up_to: str | None
    """The later message whose receipt tells when it was read; null where that is its own."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            status=value["status"],
            reason_code=value.get("reasonCode"),
            accepted_at=_maybe(value.get("acceptedAt"), _time),
            sent_at=_maybe(value.get("sentAt"), _time),
            delivered_at=_maybe(value.get("deliveredAt"), _time),
            read_at=_maybe(value.get("readAt"), _time),
            failed_at=_maybe(value.get("failedAt"), _time),
            connected_at=_maybe(value.get("connectedAt"), _time),
            read_up_to=value.get("readUpTo"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An agent's part in a call."""

    leg_id: str
    """The leg, which is the activity."""
    call_id: str | None
    """The call."""
    started_at: datetime | None
    """When the leg began."""
    ended_at: datetime | None
    """When the leg ended."""
    duration_ms: int | None
    """How long it was, in milliseconds, when both ends are known."""
    reason: str | None
    """Why it ended."""
    agent_id: str | None
    """The agent whose part it is."""
    direction: str | None
    """How the call came: the reason that the first started event gives."""
    hold_ms: int
    """The time on hold within it, in milliseconds."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            leg_id=value["legId"],
            call_id=value.get("callId"),
            started_at=_maybe(value.get("startedAt"), _time),
            ended_at=_maybe(value.get("endedAt"), _time),
            duration_ms=value.get("durationMs"),
            reason=value.get("reason"),
            agent_id=value.get("agentId"),
            direction=value.get("direction"),
            hold_ms=value.get("holdMs", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event that was not accepted."""

    event_id: str
    """The event."""
    at: datetime
    """When."""
    relation: str
    """What it would have been: PRIMARY, EDIT, DELETE, REACTION, RESPONSE, SUGGESTION, DELIVERY, HIDE or
    HOLD."""
    reason: str
    """Why it was not accepted, for example not-author."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            at=_time(value["at"]),
            relation=value["relation"],
            reason=value["reason"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OmittedEvents:
    """How many of an activity's events are left out."""

    edits: int
    """Edits: all but the last 200."""
    reactions: int
    """Reactions, replies among them: all but the last 200."""
    suggestions: int
    """Events with suggestions: all but the last 200."""
    others: int
    """Primaries, receipts, hides, holds and rejected events: all but the last 200 each."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            edits=value.get("edits", 0),
            reactions=value.get("reactions", 0),
            suggestions=value.get("suggestions", 0),
            others=value.get("others", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity: a message, a note, a call leg and so on, with all that happened to it. Topic
    cx.activities, key conversationId/activityId."""

    TOPIC: ClassVar[str] = "cx.activities"
    """The topic of these records."""

    activity_id: str
    """Its id, unique within its conversation."""
    conversation_id: str | None
    """The conversation that it belongs to; null for a note on its own."""
    channel_session_id: str | None
    """The channel session over which it came."""
    customer_id: str | None
    """The customer."""
    kind: str
    """What it is, for example CUSTOMER_MESSAGE, NOTE or AGENT_CALL_LEG."""
    actor: Actor | None
    """Its author."""
    channel: Channel | None
    """The channel over which it came."""
    occurred_at: datetime
    """When it happened."""
    updated_at: datetime
    """The greatest time of the events accepted for it."""
    revision: int
    """The number of events accepted for it."""
    body: Json | None
    """What it says, an object: the last accepted edit's; null once it is deleted."""
    in_reply_to: str | None
    """The activity that it replies to."""
    provider_message_id: str | None
    """The channel provider's own id of the message."""
    edits: list[Edit]
    """The accepted edits, by time."""
    deletion: Deletion | None
    """The first accepted deletion."""
    reactions: list[Reaction]
    """The reactions that are shown, by time."""
    suggestions: list[Suggestion]
    """What bots suggested, by time."""
    delivery: Delivery | None
    """How far it got; null while no receipt tells."""
    call: Call | None
    """The call leg; null for other kinds."""
    rejected: list[Rejected]
    """The events that were not accepted, by time: the last 200."""
    omitted: OmittedEvents
    """How many events are in nothing else of the record, because there are more than is folded."""
    room_id: str | None
    """The room."""
    hidden: Deletion | None
    """By which event it was hidden from its readers first."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            activity_id=value["activityId"],
            conversation_id=value.get("conversationId"),
            channel_session_id=value.get("channelSessionId"),
            customer_id=value.get("customerId"),
            kind=value["kind"],
            actor=_maybe(value.get("actor"), Actor.from_json),
            channel=_maybe(value.get("channel"), Channel.from_json),
            occurred_at=_time(value["occurredAt"]),
            updated_at=_time(value["updatedAt"]),
            revision=value["revision"],
            body=value.get("body"),
            in_reply_to=value.get("inReplyTo"),
            provider_message_id=value.get("providerMessageId"),
            edits=_list(value.get("edits"), Edit.from_json),
            deletion=_maybe(value.get("deletion"), Deletion.from_json),
            reactions=_list(value.get("reactions"), Reaction.from_json),
            suggestions=_list(value.get("suggestions"), Suggestion.from_json),
            delivery=_maybe(value.get("delivery"), Delivery.from_json),
            call=_maybe(value.get("call"), Call.from_json),
            rejected=_list(value.get("rejected"), Rejected.from_json),
            omitted=OmittedEvents.from_json(value.get("omitted") or {}),
            room_id=value.get("roomId"),
            hidden=_maybe(value.get("hidden"), Deletion.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event of a conversation, and how the conversation stands just after it. Never any text of a
    message. Topic cx.timelines, key conversationId/eventId."""

    TOPIC: ClassVar[str] = "cx.timelines"
    """The topic of these records."""

    entry_id: str
    """The event's id."""
    conversation_id: str
    """The conversation."""
    at: datetime
    """When it happened."""
    name: str
    """The event's name."""
    category: str
    """What it is, for example MESSAGE, CALL, SESSION or OTHER."""
    activity_id: str | None
    """The activity that the event makes or changes; null for facts."""
    actor: Actor | None
    """Who did it."""
    channel_session_id: str | None
    """The event's channel session."""
    customer_id: str | None
    """The event's customer."""
    channel: Channel | None
    """The event's channel."""
    elapsed_ms: int
    """Milliseconds since the conversation began."""
    stage: str
    """Where the conversation stands: SELF_SERVICE, QUEUED, AGENT, WRAP_UP or CLOSED."""
    agents: list[str]
    """The ids of the agents present, sorted."""
    queue: str | None
    """The queue of the visit that is open and was opened last."""
    response_ms: int | None
    """How long the customer waited, in milliseconds; only of a message that closed a turn."""
    responds_to: str | None
    """The activity that opened the turn; only of a message that closed one."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            entry_id=value["entryId"],
            conversation_id=value["conversationId"],
            at=_time(value["at"]),
            name=value["name"],
            category=value["category"],
            activity_id=value.get("activityId"),
            actor=_maybe(value.get("actor"), Actor.from_json),
            channel_session_id=value.get("channelSessionId"),
            customer_id=value.get("customerId"),
            channel=_maybe(value.get("channel"), Channel.from_json),
            elapsed_ms=value["elapsedMs"],
            stage=value["stage"],
            agents=value.get("agents") or [],
            queue=value.get("queue"),
            response_ms=value.get("responseMs"),
            responds_to=value.get("respondsTo"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A channel session that began or ended."""

    channel_session_id: str
    """The session."""
    channel: Channel | None
    """The first channel that an event of the session told."""
    started_at: datetime | None
    """When it began first."""
    ended_at: datetime | None
    """When it ended last."""
    ended_by: str | None
    """How it ended last: ENDED or EXPIRED."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            channel_session_id=value["channelSessionId"],
            channel=_maybe(value.get("channel"), Channel.from_json),
            started_at=_maybe(value.get("startedAt"), _time),
            ended_at=_maybe(value.get("endedAt"), _time),
            ended_by=value.get("endedBy"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStay:
    """An agent's stay in a conversation."""

    agent_id: str
    """The agent."""
    name: str | None
    """The agent's name, as told when the agent joined."""
    joined_at: datetime
    """When the agent joined."""
    left_at: datetime | None
    """When the agent left."""
    reason: str | None
    """Why the agent left."""
    engaged_ms: int | None
    """The time of the stay in roles that serve, outside of wrap-up, in milliseconds; null while the stay
    is open."""
    wrap_up_ms: int | None
    """The time of the stay in wrap-up, in milliseconds; null while the stay is open."""
    messages: int
    """The agent's messages within the stay."""
    responses: int
    """Those of them that closed a turn."""
    response_ms_total: int
    """The sum of these turns' lengths, in milliseconds."""
    role: str | None
    """The role in which the agent joined."""
    agent_response_ms_total: int
    """The sum of these turns' lengths, each from the agent's joining on where that was later, in
    milliseconds."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            agent_id=value["agentId"],
            name=value.get("name"),
            joined_at=_time(value["joinedAt"]),
            left_at=_maybe(value.get("leftAt"), _time),
            reason=value.get("reason"),
            engaged_ms=value.get("engagedMs"),
            wrap_up_ms=value.get("wrapUpMs"),
            messages=value.get("messages", 0),
            responses=value.get("responses", 0),
            response_ms_total=value.get("responseMsTotal", 0),
            role=value.get("role"),
            agent_response_ms_total=value.get("agentResponseMsTotal", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueVisit:
    """One wait in one queue."""

    task_id: str
    """The first of its tasks."""
    queue: str | None
    """The queue's name."""
    direction: str | None
    """How the contact came, for example INBOUND or DIRECT_TRANSFER."""
    mode: str | None
    """How it was to be routed, for example QUEUE or AGENT."""
    enqueued_at: datetime
    """When the visit began."""
    ended_at: datetime | None
    """When it ended."""
    wait_ms: int | None
    """How long it took, in milliseconds; null while it is open."""
    outcome: str | None
    """How it ended: ANSWERED, ABANDONED, NO_AGENT or CANCELLED; null while it is open."""
    channel_session_id: str | None
    """The channel session that it is for."""
    agent_id: str | None
    """The agent who answered."""
    ronas: int
    """How often an agent let it ring."""
    waits: str
    """Who waits: CUSTOMER or AGENT."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            task_id=value["taskId"],
            queue=value.get("queue"),
            direction=value.get("direction"),
            mode=value.get("mode"),
            enqueued_at=_time(value["enqueuedAt"]),
            ended_at=_maybe(value.get("endedAt"), _time),
            wait_ms=value.get("waitMs"),
            outcome=value.get("outcome"),
            channel_session_id=value.get("channelSessionId"),
            agent_id=value.get("agentId"),
            ronas=value.get("ronas", 0),
            waits=value.get("waits", "CUSTOMER"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """What an agent concluded a contact with."""

    activity_id: str
    """The wrap-up's activity."""
    at: datetime
    """When."""
    agent_id: str | None
    """Who."""
    body: Json | None
    """The activity's body, an object."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            activity_id=value["activityId"],
            at=_time(value["at"]),
            agent_id=value.get("agentId"),
            body=value.get("body"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of what there are in a conversation."""

    customer_messages: int
    """Messages of the customer."""
    agent_messages: int
    """Messages of agents, by agents."""
    bot_messages: int
    """Messages of bots, by bots."""
    whispers: int
    """Messages among agents."""
    edits: int
    """Edits, rejected ones included."""
    deletions: int
    """Deletions, rejected ones included."""
    reactions: int
    """Reactions and replies to a known message, rejected ones included."""
    suggestions: int
    """Events with suggestions of a bot."""
    responses: int
    """Turns that were closed."""
    call_legs: int
    """Call legs."""
    recordings: int
    """Links to recordings."""
    notes: int
    """Notes."""
    survey_questions: int
    """Questions of surveys."""
    survey_answers: int
    """Answers to these."""
    transfers: int
    """Visits of queues that were transfers."""
    conferences: int
    """Visits of queues that were conferences."""
    agent_sla_breaches: int
    """Times that an agent took too long."""
    customer_sla_breaches: int
    """Times that the customer took too long."""
    bot_timeouts: int
    """Times that a bot took too long."""
    other: int
    """Events of names that nobody has heard of."""
    system_messages: int
    """Messages that the system sent in the name of agents and bots."""
    calls: int
    """Accounts of whole calls."""
    campaign_responses: int
    """Answers to campaigns."""
    hides: int
    """Hides."""
    ronas: int
    """Times that an agent let a task ring."""
    consults: int
    """Visits of queues that were consultations."""
    unanswered_turns: int
    """Turns that a close ended."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            customer_messages=value.get("customerMessages", 0),
            agent_messages=value.get("agentMessages", 0),
            bot_messages=value.get("botMessages", 0),
            whispers=value.get("whispers", 0),
            edits=value.get("edits", 0),
            deletions=value.get("deletions", 0),
            reactions=value.get("reactions", 0),
            suggestions=value.get("suggestions", 0),
            responses=value.get("responses", 0),
            call_legs=value.get("callLegs", 0),
            recordings=value.get("recordings", 0),
            notes=value.get("notes", 0),
            survey_questions=value.get("surveyQuestions", 0),
            survey_answers=value.get("surveyAnswers", 0),
            transfers=value.get("transfers", 0),
            conferences=value.get("conferences", 0),
            agent_sla_breaches=value.get("agentSlaBreaches", 0),
            customer_sla_breaches=value.get("customerSlaBreaches", 0),
            bot_timeouts=value.get("botTimeouts", 0),
            other=value.get("other", 0),
            system_messages=value.get("systemMessages", 0),
            calls=value.get("calls", 0),
            campaign_responses=value.get("campaignResponses", 0),
            hides=value.get("hides", 0),
            ronas=value.get("ronas", 0),
            consults=value.get("consults", 0),
            unanswered_turns=value.get("unansweredTurns", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounts:
    """How many activities got how far."""

    delivered: int
    """Delivered, or read."""
    read: int
    """Read."""
    failed: int
    """Failed."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            delivered=value.get("delivered", 0),
            read=value.get("read", 0),
            failed=value.get("failed", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFigures:
    """The turns that one kind of responder closed."""

    count: int
    """How many."""
    total_ms: int
    """The sum of their lengths, in milliseconds."""
    max_ms: int | None
    """The greatest of their lengths, in milliseconds; null without any."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            count=value.get("count", 0),
            total_ms=value.get("totalMs", 0),
            max_ms=value.get("maxMs"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OmittedLists:
    """How many of a summary's lists are left out."""

    sessions: int
    """The first of the sessions."""
    agents: int
    """The first of the stays."""
    queue_visits: int
    """The first of the visits."""
    wrap_ups: int
    """The first of the wrap-ups."""
    cycles: int
    """The first of the cycles."""
    tasks: int
    """The first of the tasks."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            sessions=value.get("sessions", 0),
            agents=value.get("agents", 0),
            queue_visits=value.get("queueVisits", 0),
            wrap_ups=value.get("wrapUps", 0),
            cycles=value.get("cycles", 0),
            tasks=value.get("tasks", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A time that a conversation was open."""

    started_at: datetime
    """When it began."""
    closed_at: datetime | None
    """When it was closed."""
    outcome: str | None
    """How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            started_at=_time(value["startedAt"]),
            closed_at=_maybe(value.get("closedAt"), _time),
            outcome=value.get("outcome"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of the routing."""

    task_id: str
    """The task."""
    queue: str | None
    """The queue's name."""
    direction: str | None
    """How the contact came, for example INBOUND or DIRECT_TRANSFER."""
    mode: str | None
    """How it was to be routed, for example QUEUE or AGENT."""
    enqueued_at: datetime | None
    """When it was put into a queue first."""
    reserved_at: datetime | None
    """When it was offered first."""
    agent_id: str | None
    """The agent whom it was offered or assigned to last."""
    answered_at: datetime | None
    """When an agent took it first."""
    wrap_up_at: datetime | None
    """When the wrap-up began first."""
    closed_at: datetime | None
    """When it was closed last."""
    disposition: str | None
    """Why it was closed last."""
    ring_ms: int | None
    """From its offer until it was taken, or closed, in milliseconds."""
    handle_ms: int | None
    """From then to the wrap-up, or the close, in milliseconds."""
    wrap_up_ms: int | None
    """From the wrap-up to the close, in milliseconds."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            task_id=value["taskId"],
            queue=value.get("queue"),
            direction=value.get("direction"),
            mode=value.get("mode"),
            enqueued_at=_maybe(value.get("enqueuedAt"), _time),
            reserved_at=_maybe(value.get("reservedAt"), _time),
            agent_id=value.get("agentId"),
            answered_at=_maybe(value.get("answeredAt"), _time),
            wrap_up_at=_maybe(value.get("wrapUpAt"), _time),
            closed_at=_maybe(value.get("closedAt"), _time),
            disposition=value.get("disposition"),
            ring_ms=value.get("ringMs"),
            handle_ms=value.get("handleMs"),
            wrap_up_ms=value.get("wrapUpMs"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation, summed up. Topic cx.conversations, key conversationId."""

    TOPIC: ClassVar[str] = "cx.conversations"
    """The topic of these records."""

    conversation_id: str
    """The conversation."""
    started_at: datetime
    """The least time of its events."""
    last_event_at: datetime
    """The greatest time of its events."""
    closed_at: datetime | None
    """When it was closed last; null while it is open."""
    duration_ms: int | None
    """From its start to its close, in milliseconds; null while it is open."""
    state: str
    """OPEN or CLOSED."""
    finality: str
    """Whether its figures can still change: OPEN, PROVISIONAL (closed) or FINAL (forgotten)."""
    outcome: str | None
    """How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open."""
    direction: str | None
    """The first direction that an event told."""
    customer_id: str | None
    """The last event's customer."""
    revision: int
    """The number of its events."""
    channels: list[str]
    """The types of its channels, sorted."""
    sessions: list[Session]
    """The channel sessions, in the order of their first appearance."""
    agents: list[AgentStay]
    """The agents' stays, in the order of joining."""
    queue_visits: list[QueueVisit]
    """The visits of queues, in the order of opening."""
    wrap_ups: list[WrapUp]
    """The wrap-ups that are not deleted, by time."""
    counts: Counts
    """How many of what."""
    delivery: DeliveryCounts
    """How far its activities got."""
    first_response_ms: int | None
    """How long the first turn took that was closed, in milliseconds."""
    first_agent_response_ms: int | None
    """Milliseconds from the customer's first message to the first one of an agent after it."""
    agent_responses: ResponseFigures
    """The turns that agents closed."""
    bot_responses: ResponseFigures
    """The turns that bots closed."""
    hold_ms: int
    """The time on hold, in milliseconds."""
    talk_ms: int
    """The time in call legs without that on hold, in milliseconds."""
    wait_ms: int
    """The time in queues, in milliseconds; visits that are open left out."""
    omitted: OmittedLists
    """How many of each list are left out, because it is longer than 100; all figures count them."""
    mode: str | None
    """What the room is for, as the first event says that tells it: CONTACT_CENTER or PRIVATE."""
    room_id: str | None
    """The first room that an event names."""
    cycles: list[Cycle]
    """From each opening to the close that followed."""
    tasks: list[Task]
    """The tasks of the routing, in the order of their first appearance."""
    agent_requested_at: datetime | None
    """When an agent was asked for first."""
    first_agent_response_from_request_ms: int | None
    """Milliseconds from there to the first message of an agent after it."""
    call_hold_ms: int
    """The time on hold within call legs, in milliseconds."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            conversation_id=value["conversationId"],
            started_at=_time(value["startedAt"]),
            last_event_at=_time(value["lastEventAt"]),
            closed_at=_maybe(value.get("closedAt"), _time),
            duration_ms=value.get("durationMs"),
            state=value["state"],
            finality=value["finality"],
            outcome=value.get("outcome"),
            direction=value.get("direction"),
            customer_id=value.get("customerId"),
            revision=value["revision"],
            channels=value.get("channels") or [],
            sessions=_list(value.get("sessions"), Session.from_json),
            agents=_list(value.get("agents"), AgentStay.from_json),
            queue_visits=_list(value.get("queueVisits"), QueueVisit.from_json),
            wrap_ups=_list(value.get("wrapUps"), WrapUp.from_json),
            counts=Counts.from_json(value["counts"]),
            delivery=DeliveryCounts.from_json(value["delivery"]),
            first_response_ms=value.get("firstResponseMs"),
            first_agent_response_ms=value.get("firstAgentResponseMs"),
            agent_responses=ResponseFigures.from_json(value["agentResponses"]),
            bot_responses=ResponseFigures.from_json(value["botResponses"]),
            hold_ms=value.get("holdMs", 0),
            talk_ms=value.get("talkMs", 0),
            wait_ms=value.get("waitMs", 0),
            omitted=OmittedLists.from_json(value.get("omitted") or {}),
            mode=value.get("mode"),
            room_id=value.get("roomId"),
            cycles=_list(value.get("cycles"), Cycle.from_json),
            tasks=_list(value.get("tasks"), Task.from_json),
            agent_requested_at=_maybe(value.get("agentRequestedAt"), _time),
            first_agent_response_from_request_ms=value.get("firstAgentResponseFromRequestMs"),
            call_hold_ms=value.get("callHoldMs", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdState:
    """An agent's state in a media routing domain."""

    id: str | None
    """The domain."""
    name: str | None
    """The domain's name."""
    state: str | None
    """The state there."""
    since: datetime | None
    """Since when."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            id=value.get("id"),
            name=value.get("name"),
            state=value.get("state"),
            since=_maybe(value.get("since"), _time),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The state of an agent after the last change. Topic cx.agents, key the agent's id as it is."""

    TOPIC: ClassVar[str] = "cx.agents"
    """The topic of these records."""

    agent_id: str
    """The agent."""
    name: str | None
    """A name to show."""
    state: str | None
    """The state, for example LOGIN, READY, NOT_READY or LOGOUT."""
    reason: str | None
    """Why the agent is in this state."""
    since: datetime
    """When the last run of changes to this state for this reason began."""
    login_at: datetime | None
    """When the agent logged in."""
    mrds: list[MrdState]
    """The state in each of the media routing domains, by their ids."""
    last_change_at: datetime
    """When the last change was."""
    revision: int
    """How many changes are kept."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            agent_id=value["agentId"],
            name=value.get("name"),
            state=value.get("state"),
            reason=value.get("reason"),
            since=_time(value["since"]),
            login_at=_maybe(value.get("loginAt"), _time),
            mrds=_list(value.get("mrds"), MrdState.from_json),
            last_change_at=_time(value["lastChangeAt"]),
            revision=value["revision"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerConversation:
    """A conversation of the customer, as it stands now."""

    conversation_id: str
    """The conversation."""
    started_at: datetime
    """The least time of its events."""
    closed_at: datetime | None
    """When it was closed last; null while it is open."""
    last_event_at: datetime
    """The greatest time of its events."""
    outcome: str | None
    """How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open."""
    channel: str | None
    """The first channel type of its events."""
    queue: str | None
    """The name of the queue of the customer's last visit."""
    agent_id: str | None
    """The agent of the last stay that served."""
    since_previous_ms: int | None
    """From the last event of those listed before it to its start, in milliseconds, 0 where they overlap;
    null for the first one."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            conversation_id=value["conversationId"],
            started_at=_time(value["startedAt"]),
            closed_at=_maybe(value.get("closedAt"), _time),
            last_event_at=_time(value["lastEventAt"]),
            outcome=value.get("outcome"),
            channel=value.get("channel"),
            queue=value.get("queue"),
            agent_id=value.get("agentId"),
            since_previous_ms=value.get("sincePreviousMs"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer with his last conversations, and how soon he came back. Topic cx.customers, key the
    customer's id as it is."""

    TOPIC: ClassVar[str] = "cx.customers"
    """The topic of these records."""

    customer_id: str
    """The customer."""
    conversations: list[CustomerConversation]
    """The last 100 of the conversations whose summary names him, private ones left out, by start, then by
    id."""
    count: int
    """How many are listed."""
    repeats_within24h: int
    """How many of them began at most 24 hours after the last event of those before."""
    repeats_within72h: int
    """How many began at most 72 hours after it."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            customer_id=value["customerId"],
            conversations=_list(value.get("conversations"), CustomerConversation.from_json),
            count=value["count"],
            repeats_within24h=value["repeatsWithin24h"],
            repeats_within72h=value["repeatsWithin72h"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsWindow:
    """The figures of one queue, agent, channel or bot, or of an agent at a queue, in one window of time.
    Topic cx.metrics, key dimension/id/size/windowStart."""

    TOPIC: ClassVar[str] = "cx.metrics"
    """The topic of these records."""

    dimension: str
    """What the figures are of: queue, agent, channel, bot or queue-agent."""
    id: str
    """Which one: a queue's name, an agent's or bot's id, a channel's type; of queue-agent QUEUE/AGENT,
    each escaped."""
    window_start: datetime
    """The window's first instant."""
    window_end: datetime
    """The first instant after it."""
    figures: dict[str, int]
    """The figures by name; those that are 0 are left out."""
    revision: int
    """The number of changes folded in. It depends on how they came."""
    histograms: dict[str, dict[str, int]]
    """Counts of values by upper bound, by name of the histogram; counts of 0 are left out."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            dimension=value["dimension"],
            id=value["id"],
            window_start=_time(value["windowStart"]),
            window_end=_time(value["windowEnd"]),
            figures=value.get("figures") or {},
            revision=value["revision"],
            histograms=value.get("histograms") or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Who did what when to which activity, without any text. Topic cx.audit, key eventId."""

    TOPIC: ClassVar[str] = "cx.audit"
    """The topic of these records."""

    event_id: str
    """The event."""
    conversation_id: str | None
    """Its conversation; null where it belongs to none, or that is not known yet."""
    channel_session_id: str | None
    """Its channel session."""
    customer_id: str | None
    """Its customer."""
    at: datetime
    """When it happened."""
    name: str
    """Its name."""
    category: str
    """What it is, as in cx.timelines."""
    action: str | None
    """What it does to the activity: PRIMARY, EDIT, DELETE, REACTION, SUGGESTION or DELIVERY; null for
    facts."""
    activity_id: str | None
    """The activity that it creates or changes; null for facts."""
    kind: str | None
    """What the activity is, of an event that creates it."""
    actor: Actor | None
    """Who did it."""
    channel: Channel | None
    """The event's channel."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            event_id=value["eventId"],
            conversation_id=value.get("conversationId"),
            channel_session_id=value.get("channelSessionId"),
            customer_id=value.get("customerId"),
            at=_time(value["at"]),
            name=value["name"],
            category=value["category"],
            action=value.get("action"),
            activity_id=value.get("activityId"),
            kind=value.get("kind"),
            actor=_maybe(value.get("actor"), Actor.from_json),
            channel=_maybe(value.get("channel"), Channel.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a customer's message."""

    activity_id: str
    """The answer."""
    kind: str
    """BOT_MESSAGE or AGENT_MESSAGE."""
    actor: Actor | None
    """Who answered."""
    at: datetime
    """When."""
    body: Json | None
    """What it says, an object; null once it is deleted."""
    response_ms: int
    """How long the customer waited for it, in milliseconds."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            activity_id=value["activityId"],
            kind=value["kind"],
            actor=_maybe(value.get("actor"), Actor.from_json),
            at=_time(value["at"]),
            body=value.get("body"),
            response_ms=value["responseMs"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BotTraining:
    """A customer's message that a bot had suggestions for, with what people made of it. Topic
    cx.bot-training, key conversationId/activityId."""

    TOPIC: ClassVar[str] = "cx.bot-training"
    """The topic of these records."""

    conversation_id: str
    """The conversation."""
    activity_id: str
    """The message."""
    occurred_at: datetime
    """When the customer wrote it."""
    channel: Channel | None
    """The message's channel."""
    body: Json | None
    """What the customer wrote, an object, in its last edit."""
    suggestions: list[Suggestion]
    """What bots suggested, by time."""
    flags: list[Reaction]
    """The reactions of kind FLAG that are shown, by time."""
    reply: Reply | None
    """The message that closed the turn which this one opened; null if it opened none, or nobody has
    answered."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            conversation_id=value["conversationId"],
            activity_id=value["activityId"],
            occurred_at=_time(value["occurredAt"]),
            channel=_maybe(value.get("channel"), Channel.from_json),
            body=value.get("body"),
            suggestions=_list(value.get("suggestions"), Suggestion.from_json),
            flags=_list(value.get("flags"), Reaction.from_json),
            reply=_maybe(value.get("reply"), Reply.from_json),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Somebody has waited for longer than was agreed. Topic cx.alerts, key conversationId/kind/startedBy,
    and of customer-inactive /channelSessionId behind it."""

    TOPIC: ClassVar[str] = "cx.alerts"
    """The topic of these records."""

    conversation_id: str
    """The conversation."""
    kind: str
    """What was waited for: customer-inactive, agent-response-due, agent-response-breached,
    queue-wait-over-target or left-open."""
    state: str
    """raised while it is so, resolved once an event has ended it."""
    started_at: datetime
    """When the time began to run."""
    started_by: str
    """The event with which it did."""
    target_ms: int
    """How long it may take, in milliseconds."""
    due_at: datetime
    """Until when it should have ended: startedAt and targetMs."""
    resolved_at: datetime | None
    """When it ended; null while it has not."""
    resolved_by: str | None
    """The event that ended it."""
    resolution: str | None
    """That event's name."""
    channel_session_id: str | None
    """The channel session, of customer-inactive."""
    channel_type: str | None
    """That session's type of channel."""
    agents: list[str]
    """The ids of the agents who were present when the time began to run, sorted; of agent-response-due and
    agent-response-breached."""
    task_id: str | None
    """The task, of queue-wait-over-target."""
    queue: str | None
    """That task's queue."""

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the JSON object."""
        return cls(
            conversation_id=value["conversationId"],
            kind=value["kind"],
            state=value["state"],
            started_at=_time(value["startedAt"]),
            started_by=value["startedBy"],
            target_ms=value["targetMs"],
            due_at=_time(value["dueAt"]),
            resolved_at=_maybe(value.get("resolvedAt"), _time),
            resolved_by=value.get("resolvedBy"),
            resolution=value.get("resolution"),
            channel_session_id=value.get("channelSessionId"),
            channel_type=value.get("channelType"),
            agents=value.get("agents") or [],
            task_id=value.get("taskId"),
            queue=value.get("queue"),
        )


class Record(Protocol):
    """A record of an output topic."""

    TOPIC: ClassVar[str]

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Reads the record's JSON object."""


R = TypeVar("R", bound=Record)


def to_json(value: Any) -> Any:
    """What a record was read of: its JSON object, without fields that this module does not know."""
    if is_dataclass(value):
        return {_json_name(field.name): to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def _json_name(name: str) -> str:
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """What one record of a topic has changed in its table."""

    key: str
    """The record's key."""
    before: R | None
    """The record of this key before, if there was one."""
    after: R | None
    """The record of this key now; None if it was deleted."""


class Table(Mapping[str, R]):
    """The newest record of each key of a topic."""

    def __init__(self, record: type[R]) -> None:
        self._record = record
        self._rows: dict[str, R] = {}

    def apply(self, key: bytes, value: bytes | None) -> Change[R]:
        """Takes a record of the topic: an upsert, or, without a value, a tombstone, which deletes the row.

        An erasure comes as tombstones: delete the row in every other place where you keep it, too.
        """
        name = key.decode()
        before = self._rows.pop(name, None)
        if value is None:
            return Change(name, before, None)
        after = self._record.from_json(json.loads(value))
        self._rows[name] = after
        return Change(name, before, after)

    def __getitem__(self, key: str) -> R:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


SETTINGS: Mapping[str, Any] = {
    # Records of aborted transactions are not read.
    "isolation.level": "read_committed",
    # The table is in memory, so the topic is read from its beginning, and no offset is committed. The client wants a name of a
    # group all the same.
    "group.id": "cx-timelines-kit",
    "enable.auto.commit": False,
    # Reports the end of a partition.
    "enable.partition.eof": True,
}
"""The settings of the client that a table needs."""


def read(record: type[R], settings: Mapping[str, Any]) -> Table[R]:
    """Reads a topic to its end: the current records."""
    table = Table(record)
    for change in _changes(table, record.TOPIC, settings):
        if change is None:
            break
    return table


def follow(record: type[R], settings: Mapping[str, Any], table: Table[R] | None = None) -> Iterator[Change[R]]:
    """Reads a topic from its beginning, and goes on: each change, applied to the table that is given."""
    rows = Table(record) if table is None else table
    return (change for change in _changes(rows, record.TOPIC, settings) if change is not None)


def _changes(table: Table[R], topic: str, settings: Mapping[str, Any]) -> Iterator[Change[R] | None]:
    """The changes; None each time that all partitions have been read to their ends."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

    consumer = Consumer({**settings, **SETTINGS})
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        if not partitions:
            raise LookupError(f"topic {topic} does not exist, or may not be read: create it, or grant the right to read it")
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        behind = set(partitions)
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                behind.add(message.partition())
                yield table.apply(message.key(), message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                behind.discard(message.partition())
                if not behind:
                    yield None
            elif error.fatal():
                # After any other error the client connects again by itself.
                raise KafkaException(error)
    finally:
        consumer.close()


RECORDS: Mapping[str, type[Record]] = {
    "cx.activities": Activity,
    "cx.timelines": TimelineEntry,
    "cx.conversations": Conversation,
    "cx.agents": Agent,
    "cx.customers": Customer,
    "cx.metrics": MetricsWindow,
    "cx.audit": AuditRecord,
    "cx.bot-training": BotTraining,
    "cx.alerts": Alert,
}
"""The records of the output topics, by topic."""
