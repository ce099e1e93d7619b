// SPDX-License-Identifier: Apache-2.0

/**
 * The records of cx-timelines' output topics, and tables of the current ones.
 *
 * Made by `cx-timelines generate typescript`; change topics.yaml or the schemas instead of this file.
 *
 * ```ts
 * const kafka = new Kafka({ brokers: ["127.0.0.1:9092"] });
 * await follow(kafka, "cx.conversations", ({ key, after }) => console.log(key, after?.state ?? "deleted"));
 * ```
 *
 * The values of the topics have to be JSON.
 *
 * @module
 */

/** A time: milliseconds since 1970-01-01T00:00:00Z, as `Date` takes them. */
export type EpochMillis = number;

/** A JSON object of any fields. */
export type JsonObject = { readonly [name: string]: unknown };

/** Who did something. */
export interface Actor {
  /** What the actor is, in upper case: CUSTOMER, AGENT, BOT and others. */
  readonly type: string | null;
  /** The person's or program's id; of customers the customer's. */
  readonly id: string | null;
  /** A name to show. */
  readonly name: string | null;
}

/** A channel; at least one of its fields is known. */
export interface Channel {
  /** The channel's type as it came, for example WEB or CX_VOICE. */
  readonly type: string | null;
  /** The number or name under which the contact centre was reached. */
  readonly serviceIdentifier: string | null;
}

/** An accepted edit. */
export interface Edit {
  /** The edit's event. */
  readonly eventId: string;
  /** When. */
  readonly at: EpochMillis;
  /** Who edited. */
  readonly actor: Actor | null;
  /** The new body, an object; null once the activity is deleted. */
  readonly body: JsonObject | null;
}

/** The deletion of an activity, or its hiding. */
export interface Deletion {
  /** The deletion's event. */
  readonly eventId: string;
  /** When. */
  readonly at: EpochMillis;
  /** Who deleted. */
  readonly actor: Actor | null;
}

/** A reaction that is shown, by the event that decided it. */
export interface Reaction {
  /** The deciding event. */
  readonly eventId: string;
  /** When. */
  readonly at: EpochMillis;
  /** Who reacted. */
  readonly actor: Actor | null;
  /** EMOJI, FLAG, ACKNOWLEDGEMENT or RESPONSE. */
  readonly kind: string;
  /**
   * Its value, for example the emoji, or the replying activity's id; null where it quotes an activity
   * that is deleted.
   */
  readonly value: string | null;
}

/** One thing that a bot suggested. */
export interface SuggestionItem {
  /** The suggested message, an object. */
  readonly body: JsonObject | null;
  /** How sure the bot was. */
  readonly confidence: number | null;
}

/** What a bot suggested in one event. */
export interface Suggestion {
  /** The suggesting event. */
  readonly eventId: string;
  /** When. */
  readonly at: EpochMillis;
  /** Which bot. */
  readonly actor: Actor | null;
  /** What was suggested, in the bot's order. */
  readonly items: readonly SuggestionItem[];
}

/** How far an activity got on its way to its reader. */
export interface Delivery {
  /** The highest status seen: ACCEPTED, SENT, FAILED, CONNECTED, DELIVERED or READ. */
  readonly status: string;
  /** The reason that the first event of that status gave. */
  readonly reasonCode: string | null;
  /** When it was accepted first. */
  readonly acceptedAt: EpochMillis | null;
  /** When it was sent first. */
  readonly sentAt: EpochMillis | null;
  /** When it was delivered first. */
  readonly deliveredAt: EpochMillis | null;
  /** When it was read first, by its own receipt or by that of a later message of its side. */
  readonly readAt: EpochMillis | null;
  /** When it failed first. */
  readonly failedAt: EpochMillis | null;
  /** When it was connected first. */
  readonly connectedAt: EpochMillis | null;
  /** The later message whose receipt tells when it was read; null where that is its own. */
  readonly readUpTo: string | null;
}

/** An agent's part in a call. */
export interface Call {
  /** The leg, which is the activity. */
  readonly legId: string;
  /** The call. */
  readonly callId: string | null;
  /** When the leg began. */
  readonly startedAt: EpochMillis | null;
  /** When the leg ended. */
  readonly endedAt: EpochMillis | null;
  /** How long it was, in milliseconds, when both ends are known. */
  readonly durationMs: number | null;
  /** Why it ended. */
  readonly reason: string | null;
  /** The agent whose part it is. */
  readonly agentId: string | null;
  /** How the call came: the reason that the first started event gives. */
  readonly direction: string | null;
  /** The time on hold within it, in milliseconds. */
  readonly holdMs: number;
}

/** An event that was not accepted. */
export interface Rejected {
  /** The event. */
  readonly eventId: string;
  /** When. */
  readonly at: EpochMillis;
  /**
   * What it would have been: PRIMARY, EDIT, DELETE, REACTION, RESPONSE, SUGGESTION, DELIVERY, HIDE or
   * HOLD.
   */
  readonly relation: string;
  /** Why it was not accepted, for example not-author. */
  readonly reason: string;
}

/** How many of an activity's events are left out. */
export interface OmittedEvents {
  /** Edits: all but the last 200. */
  readonly edits: number;
  /** Reactions, replies among them: all but the last 200. */
  readonly reactions: number;
  /** Events with suggestions: all but the last 200. */
  readonly suggestions: number;
  /** Primaries, receipts, hides, holds and rejected events: all but the last 200 each. */
  readonly others: number;
}

/**
 * One activity: a message, a note, a call leg and so on, with all that happened to it. Topic
 * cx.activities, key conversationId/activityId.
 */
export interface Activity {
  /** Its id, unique within its conversation. */
  readonly activityId: string;
  /** The conversation that it belongs to; null for a note on its own. */
  readonly conversationId: string | null;
  /** The channel session over which it came. */
  readonly channelSessionId: string | null;
  /** The customer. */
  readonly customerId: string | null;
  /** What it is, for example CUSTOMER_MESSAGE, NOTE or AGENT_CALL_LEG. */
  readonly kind: string;
  /** Its author. */
  readonly actor: Actor | null;
  /** The channel over which it came. */
  readonly channel: Channel | null;
  /** When it happened. */
  readonly occurredAt: EpochMillis;
  /** The greatest time of the events accepted for it. */
  readonly updatedAt: EpochMillis;
  /** The number of events accepted for it. */
  readonly revision: number;
  /** What it says, an object: the last accepted edit's; null once it is deleted. */
  readonly body: JsonObject | null;
  /** The activity that it replies to. */
  readonly inReplyTo: string | null;
  /** The channel provider's own id of the message. */
  readonly providerMessageId: string | null;
  /** The accepted edits, by time. */
  readonly edits: readonly Edit[];
  /** The first accepted deletion. */
  readonly deletion: Deletion | null;
  /** The reactions that are shown, by time. */
  readonly reactions: readonly Reaction[];
  /** What bots suggested, by time. */
  readonly suggestions: readonly Suggestion[];
  /** How far it got; null while no receipt tells. */
  readonly delivery: Delivery | null;
  /** The call leg; null for other kinds. */
  readonly call: Call | null;
  /** The events that were not accepted, by time: the last 200. */
  readonly rejected: readonly Rejected[];
  /** How many events are in nothing else of the record, because there are more than is folded. */
  readonly omitted: OmittedEvents;
  /** The room. */
  readonly roomId: string | null;
  /** By which event it was hidden from its readers first. */
  readonly hidden: Deletion | null;
}

/**
 * One event of a conversation, and how the conversation stands just after it. Never any text of a
 * message. Topic cx.timelines, key conversationId/eventId.
 */
export interface TimelineEntry {
  /** The event's id. */
  readonly entryId: string;
  /** The conversation. */
  readonly conversationId: string;
  /** When it happened. */
  readonly at: EpochMillis;
  /** The event's name. */
  readonly name: string;
  /** What it is, for example MESSAGE, CALL, SESSION or OTHER. */
  readonly category: string;
  /** The activity that the event makes or changes; null for facts. */
  readonly activityId: string | null;
  /** Who did it. */
  readonly actor: Actor | null;
  /** The event's channel session. */
  readonly channelSessionId: string | null;
  /** The event's customer. */
  readonly customerId: string | null;
  /** The event's channel. */
  readonly channel: Channel | null;
  /** Milliseconds since the conversation began. */
  readonly elapsedMs: number;
  /** Where the conversation stands: SELF_SERVICE, QUEUED, AGENT, WRAP_UP or CLOSED. */
  readonly stage: string;
  /** The ids of the agents present, sorted. */
  readonly agents: readonly string[];
  /** The queue of the visit that is open and was opened last. */
  readonly queue: string | null;
  /** How long the customer waited, in milliseconds; only of a message that closed a turn. */
  readonly responseMs: number | null;
  /** The activity that opened the turn; only of a message that closed one. */
  readonly respondsTo: string | null;
}

/** A channel session that began or ended. */
export interface Session {
  /** The session. */
  readonly channelSessionId: string;
  /** The first channel that an event of the session told. */
  readonly channel: Channel | null;
  /** When it began first. */
  readonly startedAt: EpochMillis | null;
  /** When it ended last. */
  readonly endedAt: EpochMillis | null;
  /** How it ended last: ENDED or EXPIRED. */
  readonly endedBy: string | null;
}

/** An agent's stay in a conversation. */
export interface AgentStay {
  /** The agent. */
  readonly agentId: string;
  /** The agent's name, as told when the agent joined. */
  readonly name: string | null;
  /** When the agent joined. */
  readonly joinedAt: EpochMillis;
  /** When the agent left. */
  readonly leftAt: EpochMillis | null;
  /** Why the agent left. */
  readonly reason: string | null;
  /**
   * The time of the stay in roles that serve, outside of wrap-up, in milliseconds; null while the stay
   * is open.
   */
  readonly engagedMs: number | null;
  /** The time of the stay in wrap-up, in milliseconds; null while the stay is open. */
  readonly wrapUpMs: number | null;
  /** The agent's messages within the stay. */
  readonly messages: number;
  /** Those of them that closed a turn. */
  readonly responses: number;
  /** The sum of these turns' lengths, in milliseconds. */
  readonly responseMsTotal: number;
  /** The role in which the agent joined. */
  readonly role: string | null;
  /**
   * The sum of these turns' lengths, each from the agent's joining on where that was later, in
   * milliseconds.
   */
  readonly agentResponseMsTotal: number;
}

/** One wait in one queue. */
export interface QueueVisit {
  /** The first of its tasks. */
  readonly taskId: string;
  /** The queue's name. */
  readonly queue: string | null;
  /** How the contact came, for example INBOUND or DIRECT_TRANSFER. */
  readonly direction: string | null;
  /** How it was to be routed, for example QUEUE or AGENT. */
  readonly mode: string | null;
  /** When the visit began. */
  readonly enqueuedAt: EpochMillis;
  /** When it ended. */
  readonly endedAt: EpochMillis | null;
  /** How long it took, in milliseconds; null while it is open. */
  readonly waitMs: number | null;
  /** How it ended: ANSWERED, ABANDONED, NO_AGENT or CANCELLED; null while it is open. */
  readonly outcome: string | null;
  /** The channel session that it is for. */
  readonly channelSessionId: string | null;
  /** The agent who answered. */
  readonly agentId: string | null;
  /** How often an agent let it ring. */
  readonly ronas: number;
  /** Who waits: CUSTOMER or AGENT. */
  readonly waits: string;
}

/** What an agent concluded a contact with. */
export interface WrapUp {
  /** The wrap-up's activity. */
  readonly activityId: string;
  /** When. */
  readonly at: EpochMillis;
  /** Who. */
  readonly agentId: string | null;
  /** The activity's body, an object. */
  readonly body: JsonObject | null;
}

/** How many of what there are in a conversation. */
export interface Counts {
  /** Messages of the customer. */
  readonly customerMessages: number;
  /** Messages of agents, by agents. */
  readonly agentMessages: number;
  /** Messages of bots, by bots. */
  readonly botMessages: number;
  /** Messages among agents. */
  readonly whispers: number;
  /** Edits, rejected ones included. */
  readonly edits: number;
  /** Deletions, rejected ones included. */
  readonly deletions: number;
  /** Reactions and replies to a known message, rejected ones included. */
  readonly reactions: number;
  /** Events with suggestions of a bot. */
  readonly suggestions: number;
  /** Turns that were closed. */
  readonly responses: number;
  /** Call legs. */
  readonly callLegs: number;
  /** Links to recordings. */
  readonly recordings: number;
  /** Notes. */
  readonly notes: number;
  /** Questions of surveys. */
  readonly surveyQuestions: number;
  /** Answers to these. */
  readonly surveyAnswers: number;
  /** Visits of queues that were transfers. */
  readonly transfers: number;
  /** Visits of queues that were conferences. */
  readonly conferences: number;
  /** Times that an agent took too long. */
  readonly agentSlaBreaches: number;
  /** Times that the customer took too long. */
  readonly customerSlaBreaches: number;
  /** Times that a bot took too long. */
  readonly botTimeouts: number;
  /** Events of names that nobody has heard of. */
  readonly other: number;
  /** Messages that the system sent in the name of agents and bots. */
  readonly systemMessages: number;
  /** Accounts of whole calls. */
  readonly calls: number;
  /** Answers to campaigns. */
  readonly campaignResponses: number;
  /** Hides. */
  readonly hides: number;
  /** Times that an agent let a task ring. */
  readonly ronas: number;
  /** Visits of queues that were consultations. */
  readonly consults: number;
  /** Turns that a close ended. */
  readonly unansweredTurns: number;
}

/** How many activities got how far. */
export interface DeliveryCounts {
  /** Delivered, or read. */
  readonly delivered: number;
  /** Read. */
  readonly read: number;
  /** Failed. */
  readonly failed: number;
}

/** The turns that one kind of responder closed. */
export interface ResponseFigures {
  /** How many. */
  readonly count: number;
  /** The sum of their lengths, in milliseconds. */
  readonly totalMs: number;
  /** The greatest of their lengths, in milliseconds; null without any. */
  readonly maxMs: number | null;
}

/** How many of a summary's lists are left out. */
export interface OmittedLists {
  /** The first of the sessions. */
  readonly sessions: number;
  /** The first of the stays. */
  readonly agents: number;
  /** The first of the visits. */
  readonly queueVisits: number;
  /** The first of the wrap-ups. */
  readonly wrapUps: number;
  /** The first of the cycles. */
  readonly cycles: number;
  /** The first of the tasks. */
  readonly tasks: number;
}

/** A time that a conversation was open. */
export interface Cycle {
  /** When it began. */
  readonly startedAt: EpochMillis;
  /** When it was closed. */
  readonly closedAt: EpochMillis | null;
  /** How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open. */
  readonly outcome: string | null;
}

/** A task of the routing. */
export interface Task {
  /** The task. */
  readonly taskId: string;
  /** The queue's name. */
  readonly queue: string | null;
  /** How the contact came, for example INBOUND or DIRECT_TRANSFER. */
  readonly direction: string | null;
  /** How it was to be routed, for example QUEUE or AGENT. */
  readonly mode: string | null;
  /** When it was put into a queue first. */
  readonly enqueuedAt: EpochMillis | null;
  /** When it was offered first. */
  readonly reservedAt: EpochMillis | null;
  /** The agent whom it was offered or assigned to last. */
  readonly agentId: string | null;
  /** When an agent took it first. */
  readonly answeredAt: EpochMillis | null;
  /** When the wrap-up began first. */
  readonly wrapUpAt: EpochMillis | null;
  /** When it was closed last. */
  readonly closedAt: EpochMillis | null;
  /** Why it was closed last. */
  readonly disposition: string | null;
  /** From its offer until it was taken, or closed, in milliseconds. */
  readonly ringMs: number | null;
  /** From then to the wrap-up, or the close, in milliseconds. */
  readonly handleMs: number | null;
  /** From the wrap-up to the close, in milliseconds. */
  readonly wrapUpMs: number | null;
}

/** One conversation, summed up. Topic cx.conversations, key conversationId. */
export interface Conversation {
  /** The conversation. */
  readonly conversationId: string;
  /** The least time of its events. */
  readonly startedAt: EpochMillis;
  /** The greatest time of its events. */
  readonly lastEventAt: EpochMillis;
  /** When it was closed last; null while it is open. */
  readonly closedAt: EpochMillis | null;
  /** From its start to its close, in milliseconds; null while it is open. */
  readonly durationMs: number | null;
  /** OPEN or CLOSED. */
  readonly state: string;
  /** Whether its figures can still change: OPEN, PROVISIONAL (closed) or FINAL (forgotten). */
  readonly finality: string;
  /** How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open. */
  readonly outcome: string | null;
  /** The first direction that an event told. */
  readonly direction: string | null;
  /** The last event's customer. */
  readonly customerId: string | null;
  /** The number of its events. */
  readonly revision: number;
  /** The types of its channels, sorted. */
  readonly channels: readonly string[];
  /** The channel sessions, in the order of their first appearance. */
  readonly sessions: readonly Session[];
  /** The agents' stays, in the order of joining. */
  readonly agents: readonly AgentStay[];
  /** The visits of queues, in the order of opening. */
  readonly queueVisits: readonly QueueVisit[];
  /** The wrap-ups that are not deleted, by time. */
  readonly wrapUps: readonly WrapUp[];
  /** How many of what. */
  readonly counts: Counts;
  /** How far its activities got. */
  readonly delivery: DeliveryCounts;
  /** How long the first turn took that was closed, in milliseconds. */
  readonly firstResponseMs: number | null;
  /** Milliseconds from the customer's first message to the first one of an agent after it. */
  readonly firstAgentResponseMs: number | null;
  /** The turns that agents closed. */
  readonly agentResponses: ResponseFigures;
  /** The turns that bots closed. */
  readonly botResponses: ResponseFigures;
  /** The time on hold, in milliseconds. */
  readonly holdMs: number;
  /** The time in call legs without that on hold, in milliseconds. */
  readonly talkMs: number;
  /** The time in queues, in milliseconds; visits that are open left out. */
  readonly waitMs: number;
  /** How many of each list are left out, because it is longer than 100; all figures count them. */
  readonly omitted: OmittedLists;
  /** What the room is for, as the first event says that tells it: CONTACT_CENTER or PRIVATE. */
  readonly mode: string | null;
  /** The first room that an event names. */
  readonly roomId: string | null;
  /** From each opening to the close that followed. */
  readonly cycles: readonly Cycle[];
  /** The tasks of the routing, in the order of their first appearance. */
  readonly tasks: readonly Task[];
  /** When an agent was asked for first. */
  readonly agentRequestedAt: EpochMillis | null;
  /** Milliseconds from there to the first message of an agent after it. */
  readonly firstAgentResponseFromRequestMs: number | null;
  /** The time on hold within call legs, in milliseconds. */
  readonly callHoldMs: number;
}

/** An agent's state in a media routing domain. */
export interface MrdState {
  /** The domain. */
  readonly id: string | null;
  /** The domain's name. */
  readonly name: string | null;
  /** The state there. */
  readonly state: string | null;
  /** Since when. */
  readonly since: EpochMillis | null;
}

/** The state of an agent after the last change. Topic cx.agents, key the agent's id as it is. */
export interface Agent {
  /** The agent. */
  readonly agentId: string;
  /** A name to show. */
  readonly name: string | null;
  /** The state, for example LOGIN, READY, NOT_READY or LOGOUT. */
  readonly state: string | null;
  /** Why the agent is in this state. */
  readonly reason: string | null;
  /** When the last run of changes to this state for this reason began. */
  readonly since: EpochMillis;
  /** When the agent logged in. */
  readonly loginAt: EpochMillis | null;
  /** The state in each of the media routing domains, by their ids. */
  readonly mrds: readonly MrdState[];
  /** When the last change was. */
  readonly lastChangeAt: EpochMillis;
  /** How many changes are kept. */
  readonly revision: number;
}

/** A conversation of the customer, as it stands now. */
export interface CustomerConversation {
  /** The conversation. */
  readonly conversationId: string;
  /** The least time of its events. */
  readonly startedAt: EpochMillis;
  /** When it was closed last; null while it is open. */
  readonly closedAt: EpochMillis | null;
  /** The greatest time of its events. */
  readonly lastEventAt: EpochMillis;
  /** How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open. */
  readonly outcome: string | null;
  /** The first channel type of its events. */
  readonly channel: string | null;
  /** The name of the queue of the customer's last visit. */
  readonly queue: string | null;
  /** The agent of the last stay that served. */
  readonly agentId: string | null;
  /**
   * From the last event of those listed before it to its start, in milliseconds, 0 where they overlap;
   * null for the first one.
   */
  readonly sincePreviousMs: number | null;
}

/**
 * A customer with his last conversations, and how soon he came back. Topic cx.customers, key the
 * customer's id as it is.
 */
export interface Customer {
  /** The customer. */
  readonly customerId: string;
  /**
   * The last 100 of the conversations whose summary names him, private ones left out, by start, then by
   * id.
   */
  readonly conversations: readonly CustomerConversation[];
  /** How many are listed. */
  readonly count: number;
  /** How many of them began at most 24 hours after the last event of those before. */
  readonly repeatsWithin24h: number;
  /** How many began at most 72 hours after it. */
  readonly repeatsWithin72h: number;
}

/**
 * The figures of one queue, agent, channel or bot, or of an agent at a queue, in one window of time.
 * Topic cx.metrics, key dimension/id/size/windowStart.
 */
export interface MetricsWindow {
  /** What the figures are of: queue, agent, channel, bot or queue-agent. */
  readonly dimension: string;
  /**
   * Which one: a queue's name, an agent's or bot's id, a channel's type; of queue-agent QUEUE/AGENT,
   * each escaped.
   */
  readonly id: string;
  /** The window's first instant. */
  readonly windowStart: EpochMillis;
  /** The first instant after it. */
  readonly windowEnd: EpochMillis;
  /** The figures by name; those that are 0 are left out. */
  readonly figures: { readonly [name: string]: number };
  /** The number of changes folded in. It depends on how they came. */
  readonly revision: number;
  /** Counts of values by upper bound, by name of the histogram; counts of 0 are left out. */
  readonly histograms: { readonly [name: string]: { readonly [name: string]: number } };
}

/** Who did what when to which activity, without any text. Topic cx.audit, key eventId. */
export interface AuditRecord {
  /** The event. */
  readonly eventId: string;
  /** Its conversation; null where it belongs to none, or that is not known yet. */
  readonly conversationId: string | null;
  /** Its channel session. */
  readonly channelSessionId: string | null;
  /** Its customer. */
  readonly customerId: string | null;
  /** When it happened. */
  readonly at: EpochMillis;
  /** Its name. */
  readonly name: string;
  /** What it is, as in cx.timelines. */
  readonly category: string;
  /**
   * What it does to the activity: PRIMARY, EDIT, DELETE, REACTION, SUGGESTION or DELIVERY; null for
   * facts.
   */
  readonly action: string | null;
  /** The activity that it creates or changes; null for facts. */
  readonly activityId: string | null;
  /** What the activity is, of an event that creates it. */
  readonly kind: string | null;
  /** Who did it. */
  readonly actor: Actor | null;
  /** The event's channel. */
  readonly channel: Channel | null;
}

/** An answer to a customer's message. */
export interface Reply {
  /** The answer. */
  readonly activityId: string;
  /** BOT_MESSAGE or AGENT_MESSAGE. */
  readonly kind: string;
  /** Who answered. */
  readonly actor: Actor | null;
  /** When. */
  readonly at: EpochMillis;
  /** What it says, an object; null once it is deleted. */
  readonly body: JsonObject | null;
  /** How long the customer waited for it, in milliseconds. */
  readonly responseMs: number;
}

/**
 * A customer's message that a bot had suggestions for, with what people made of it. Topic
 * cx.bot-training, key conversationId/activityId.
 */
export interface BotTraining {
  /** The conversation. */
  readonly conversationId: string;
  /** The message. */
  readonly activityId: string;
  /** When the customer wrote it. */
  readonly occurredAt: EpochMillis;
  /** The message's channel. */
  readonly channel: Channel | null;
  /** What the customer wrote, an object, in its last edit. */
  readonly body: JsonObject | null;
  /** What bots suggested, by time. */
  readonly suggestions: readonly Suggestion[];
  /** The reactions of kind FLAG that are shown, by time. */
  readonly flags: readonly Reaction[];
  /**
   * The message that closed the turn which this one opened; null if it opened none, or nobody has
   * answered.
   */
  readonly reply: Reply | null;
}

/**
 * Somebody has waited for longer than was agreed. Topic cx.alerts, key conversationId/kind/startedBy,
 * and of customer-inactive /channelSessionId behind it.
 */
export interface Alert {
  /** The conversation. */
  readonly conversationId: string;
  /**
   * What was waited for: customer-inactive, agent-response-due, agent-response-breached,
   * queue-wait-over-target or left-open.
   */
  readonly kind: string;
  /** raised while it is so, resolved once an event has ended it. */
  readonly state: string;
  /** When the time began to run. */
  readonly startedAt: EpochMillis;
  /** The event with which it did. */
  readonly startedBy: string;
  /** How long it may take, in milliseconds. */
  readonly targetMs: number;
  /** Until when it should have ended: startedAt and targetMs. */
  readonly dueAt: EpochMillis;
  /** When it ended; null while it has not. */
  readonly resolvedAt: EpochMillis | null;
  /** The event that ended it. */
  readonly resolvedBy: string | null;
  /** That event's name. */
  readonly resolution: string | null;
  /** The channel session, of customer-inactive. */
  readonly channelSessionId: string | null;
  /** That session's type of channel. */
  readonly channelType: string | null;
  /**
   * The ids of the agents who were present when the time began to run, sorted; of agent-response-due and
   * agent-response-breached.
   */
  readonly agents: readonly string[];
  /** The task, of queue-wait-over-target. */
  readonly taskId: string | null;
  /** That task's queue. */
  readonly queue: string | null;
}

/** The records of the output topics, by topic. */
export interface Topics {
  "cx.activities": Activity;
  "cx.timelines": TimelineEntry;
  "cx.conversations": Conversation;
  "cx.agents": Agent;
  "cx.customers": Customer;
  "cx.metrics": MetricsWindow;
  "cx.audit": AuditRecord;
  "cx.bot-training": BotTraining;
  "cx.alerts": Alert;
}

/** A record as Kafka's clients hand it over. */
export interface Message {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** What one record of a topic has changed in its table. */
export interface Change<R> {
  /** The record's key. */
  readonly key: string;
  /** The record of this key before, if there was one. */
  readonly before: R | undefined;
  /** The record of this key now; undefined if it was deleted. */
  readonly after: R | undefined;
}

/** The newest record of each key of a topic. */
export class Table<R> implements Iterable<[string, R]> {
  readonly #rows = new Map<string, R>();
  readonly #decoder = new TextDecoder();

  /**
   * Takes a record of the topic: an upsert, or, without a value, a tombstone, which deletes the row.
   *
   * An erasure comes as tombstones: delete the row in every other place where you keep it, too.
   */
  apply(message: Message): Change<R> {
    const key = this.#decoder.decode(message.key ?? new Uint8Array());
    const before = this.#rows.get(key);
    if (message.value === null) {
      this.#rows.delete(key);
      return { key, before, after: undefined };
    }
    const after = JSON.parse(this.#decoder.decode(message.value)) as R;
    this.#rows.set(key, after);
    return { key, before, after };
  }

  /** The current record of a key. */
  get(key: string): R | undefined {
    return this.#rows.get(key);
  }

  /** How many records there are. */
  get size(): number {
    return this.#rows.size;
  }

  [Symbol.iterator](): Iterator<[string, R]> {
    return this.#rows[Symbol.iterator]();
  }
}

/** What is needed of KafkaJS' consumer. */
export interface Consumer {
  connect(): Promise<void>;
  subscribe(subscription: { topics: string[]; fromBeginning: boolean }): Promise<void>;
  run(config: {
    autoCommit: boolean;
    eachMessage: (payload: { message: Message }) => Promise<void>;
  }): Promise<void>;
  disconnect(): Promise<void>;
}

/** What is needed of KafkaJS' client. */
export interface Kafka {
  consumer(config: { groupId: string; readUncommitted: boolean }): Consumer;
}

/** A topic that is read. */
export interface Following<R> {
  /** Its current records. */
  readonly table: Table<R>;
  /** Ends it. */
  stop(): Promise<void>;
}

/**
 * Reads a topic from its beginning, and goes on: keeps a table of its current records, and reports each change.
 *
 * Records of aborted transactions are not read. The consumer group has a name of its own each time, because a group would
 * share the partitions, and the table needs all of them; `groupPrefix` is its beginning.
 */
export async function follow<T extends keyof Topics>(
  kafka: Kafka,
  topic: T,
  changed: (change: Change<Topics[T]>, table: Table<Topics[T]>) => void | Promise<void>,
  groupPrefix = "cx-timelines-kit-",
): Promise<Following<Topics[T]>> {
  const table = new Table<Topics[T]>();
  const groupId = groupPrefix + globalThis.crypto.randomUUID();
  const consumer = kafka.consumer({ groupId, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      await changed(table.apply(message), table);
    },
  });
  return { table, stop: () => consumer.disconnect() };
}
