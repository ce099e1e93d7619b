// One conversation: who said what and what became of it, and how the conversation went from stage to stage.

import { byId, counted, duration, el, reconcile, time, words } from "./dom.js";
import { customerName, learn } from "./names.js";

const PRIMARIES = new Set(["MESSAGE", "CALL", "WRAP_UP", "DATA", "ACTIVITY"]);
// Relations are shown at the message that they change. The others change a call, or no activity.
const isShownAtMessage = ({ activityId, category }) => activityId !== null && category !== "HOLD" && !PRIMARIES.has(category);
const SAID = {
  CHANNEL_SESSION_STARTED: "channel session started", CHANNEL_SESSION_ENDED: "channel session ended",
  CHANNEL_SESSION_EXPIRED: "channel session expired", CONVERSATION_CLOSED: "conversation closed",
  AGENT_SUBSCRIBED: "agent joined", AGENT_UNSUBSCRIBED: "agent left", TASK_ENQUEUED: "put into a queue",
  NO_AGENT_AVAILABLE: "no agent available", CONVERSATION_PAUSED: "put on hold", CONVERSATION_RESUMED: "taken off hold",
  AGENT_SLA_EXPIRED: "agent was too slow", AGENT_RESPONSE_TIMEOUT: "agent did not answer in time",
  RESPONSE_SLA_BREACHED: "agent was too slow", CUSTOMER_ACTIVITY_TIMEOUT: "customer did not answer in time",
  CALL_HOLD: "put the call on hold", CALL_RESUME: "took the call off hold", CALL_LEG_STARTED: "call began", CALL_LEG_ENDED: "call ended",
  BOT_SUBSCRIBED: "bot joined", BOT_UNSUBSCRIBED: "bot left", CUSTOMER_LEFT: "customer left", AGENT_RESERVED: "offered to an agent",
  ASSIGN_RESOURCE_REQUESTED: "asked for an agent", TOPIC_STATE_CHANGE_EVENT: "topic state changed",
  CUSTOMER_SLA_EXPIRED: "customer was too slow", CUSTOMER_RESPONSE_TIMEOUT: "customer did not answer in time",
};
// The meaning of roles that do not serve.
const ROLES = { SILENT_MONITOR: "only listened", WHISPER: "whispered", CONSULTED: "was asked for advice" };
const SIDES = { CUSTOMER: "customer", AGENT: "agent", BOT: "bot" };

let last = null;

export function clear(title, note, link = null) {
  last = null;
  byId("detail-title").textContent = title;
  byId("detail-note").replaceChildren(note, ...(link ? [" ", link] : []));
  byId("detail-body").hidden = true;
}

export function show(conversation) {
  const { conversationId, summary, timeline, activities } = conversation;
  const isSame = last?.conversationId === conversationId;
  const known = isSame ? last.timeline.length : 0;
  last = conversation;
  learn(summary?.customerId, timeline);
  const name = customerName(summary?.customerId);
  byId("detail-title").textContent = name ?? `Conversation ${conversationId}`;
  const notes = [name && `Conversation ${conversationId}.`, !conversation.textShown && "Texts are hidden (--show-text shows them)."];
  byId("detail-note").textContent = notes.filter(Boolean).join(" ");
  byId("detail-body").hidden = false;
  const called = names(summary, timeline);
  if (summary) facts(summary, called);
  stages(timeline, summary);
  const note = conversation.timelineTotal > timeline.length ? `The last ${timeline.length} of ${conversation.timelineTotal} events.` : "";
  byId("timeline-note").textContent = note;
  reconcile(byId("timeline"), entries(timeline, activities, summary?.tasks ?? [], called), (item) => item.entry.entryId, line);
  if (isSame) announce(timeline.slice(known));
}

export function showAgain() {
  if (last) show(last);
}

function announce(fresh) {
  const messages = fresh.filter((entry) => entry.category === "MESSAGE");
  if (messages.length > 0) byId("said").textContent = `New: ${messages.map((entry) => `message of ${who(entry.actor)}`).join(", ")}`;
}

// Agents and customers by their ids.
function names(summary, timeline) {
  const met = timeline.map((entry) => entry.actor).filter((actor) => actor?.id && actor.name && ["AGENT", "CUSTOMER"].includes(actor.type));
  const stays = (summary?.agents ?? []).filter((stay) => stay.name);
  return Object.fromEntries([...met.map((actor) => [actor.id, actor.name]), ...stays.map((stay) => [stay.agentId, stay.name])]);
}

// To whom a task was offered, and what became of the offer.
function offer(task, names) {
  const agent = names[task.agentId] ?? task.agentId ?? "an agent";
  const rang = task.ringMs === null ? "" : duration(task.ringMs);
  if (task.answeredAt !== null) return `${agent} answered after ${rang}`;
  if (task.closedAt === null) return `rings at ${agent}`;
  return task.disposition === "RONA" ? `${agent} let it ring for ${rang}` : `${agent} did not answer for ${rang}`;
}

function cycle({ startedAt, closedAt, outcome }) {
  const ended = closedAt === null ? ["open since ", time(startedAt)] : [`${words(outcome)}, ${duration(closedAt - startedAt)} from `, time(startedAt)];
  return el("div", {}, ...ended);
}

function facts(summary, names) {
  const waits = summary.queueVisits.map((visit) =>
    `${visit.queue ?? "a queue"}: ${visit.waitMs === null ? "still waits" : `${duration(visit.waitMs)}, ${words(visit.outcome)}`}${visit.ronas > 0 ? `, let ring ${counted(visit.ronas, "time", "times")}` : ""}`);
  const offers = (summary.tasks ?? []).filter((task) => task.reservedAt !== null).map((task) => offer(task, names));
  const cycles = summary.cycles?.length > 1 ? summary.cycles.map(cycle) : null;
  const agents = summary.agents.map((stay) =>
    `${stay.name ?? stay.agentId}${stay.leftAt === null ? "" : " (left)"}: ${ROLES[stay.role] ?? counted(stay.messages, "message", "messages")}`);
  const average = (figures) => figures.count > 0 && `${duration(Math.round(figures.totalMs / figures.count))} on average, at most ${duration(figures.maxMs)}`;
  const all = [
    ["State", [words(summary.state), summary.outcome && words(summary.outcome), summary.direction && words(summary.direction)].filter(Boolean).join(" · ")],
    ["Channels", summary.channels.join(", ")],
    ["Room", summary.mode === "PRIVATE" && "private, of agents among themselves"],
    ["Customer", names[summary.customerId] ?? customerName(summary.customerId) ?? summary.customerId],
    ["Began", time(summary.startedAt)],
    ["Took", summary.durationMs === null ? null : duration(summary.durationMs)],
    ["First response", summary.firstResponseMs === null ? null : duration(summary.firstResponseMs)],
    ["Agents answer in", average(summary.agentResponses)],
    ["Bots answer in", average(summary.botResponses)],
    ["Opened and closed", cycles],
    ["Queues", waits.join("; ")],
    ["Offered to", offers.join("; ")],
    ["Agents", agents.join("; ")],
    ["On hold", summary.holdMs > 0 && duration(summary.holdMs)],
    ["In calls", summary.talkMs > 0 && duration(summary.talkMs)],
    ["On hold in calls", summary.callHoldMs > 0 && duration(summary.callHoldMs)],
    ["Delivery", deliveries(summary.delivery)],
  ];
  const shown = all.filter(([, value]) => value);
  byId("facts").replaceChildren(...shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function deliveries({ delivered, read, failed }) {
  return [delivered && `${delivered} delivered`, read && `${read} read`, failed && `${failed} failed`].filter(Boolean).join(", ");
}

// Stretches of one stage, from its first entry to the next stage's.
function stages(timeline, summary) {
  const stretches = [];
  for (const entry of timeline) {
    const current = stretches.at(-1);
    if (current?.stage === entry.stage) continue;
    if (current) current.to = entry.at;
    stretches.push({ stage: entry.stage, from: entry.at, to: null });
  }
  const end = summary?.lastEventAt ?? timeline.at(-1)?.at ?? 0;
  const lengths = stretches.map(({ stage, from, to }) => ({ stage, ms: (to ?? end) - from, goesOn: to === null }));
  const shown = lengths.filter(({ stage, goesOn }) => !(stage === "CLOSED" && goesOn));
  byId("stage-bar").replaceChildren(...shown.map(({ stage, ms }) => {
    const part = el("span", { class: stage });
    part.style.flexGrow = String(Math.max(ms, 1));
    return part;
  }));
  byId("stages").replaceChildren(...lengths.map(({ stage, ms, goesOn }) => {
    const length = stage === "CLOSED" && goesOn ? "" : ` ${duration(ms)}${goesOn ? " so far" : ""}`;
    return el("li", {}, el("span", { class: `stage ${stage}` }, words(stage)), length);
  }));
}

// What each line shows: the entry, at the first of an activity the activity, and what changed in the stage.
function entries(timeline, activities, tasks, names) {
  const open = new Map(activities.map((activity) => [activity.activityId, activity]));
  const bodies = new Map(open);
  const every = byId("every").checked;
  const lines = [];
  let stage = null;
  for (const entry of timeline) {
    const isPrimary = PRIMARIES.has(entry.category);
    const activity = isPrimary ? open.get(entry.activityId) : undefined;
    if (activity) open.delete(entry.activityId);
    const enters = entry.stage === stage ? null : entry.stage;
    stage = entry.stage;
    if (!every && isShownAtMessage(entry) && !enters) continue;
    const answered = activity?.inReplyTo ? bodies.get(activity.inReplyTo) : undefined;
    lines.push({ entry, said: routed(entry, tasks, names), activity: activity ?? null, enters, quote: answered ? text(answered) : null, names, isRepeated: isPrimary && !activity && bodies.has(entry.activityId) });
  }
  return lines;
}

// What the routing's tasks tell of an event: an entry does not say whom it is about.
function routed(entry, tasks, names) {
  const agent = (task) => names[task.agentId] ?? task.agentId ?? "an agent";
  if (entry.name === "AGENT_RESERVED") {
    const offered = tasks.find((task) => task.reservedAt === entry.at);
    return offered ? `offered to ${agent(offered)}` : null;
  }
  if (entry.name !== "TASK_STATE_CHANGED") return null;
  const closed = tasks.find((task) => task.closedAt === entry.at);
  if (closed?.disposition === "RONA") return `${agent(closed)} let it ring`;
  if (closed) return `task closed${closed.disposition ? `: ${words(closed.disposition)}` : ""}`;
  const answered = tasks.find((task) => task.answeredAt === entry.at);
  if (answered) return `${agent(answered)} took the task`;
  return tasks.some((task) => task.wrapUpAt === entry.at) ? "the agent's wrap-up began" : null;
}

function line({ entry, said, activity, enters, quote, names, isRepeated }) {
  const side = SIDES[entry.actor?.type] ?? "system";
  const isMessage = activity !== null && entry.category === "MESSAGE";
  const head = el("p", { class: "head" }, time(entry.at), el("span", { class: "elapsed" }, `+${duration(entry.elapsedMs)}`),
    el("strong", {}, who(entry.actor)), !isMessage && ` ${what(entry, said, isRepeated)}`,
    entry.responseMs !== null && el("span", { class: "response" }, `answered after ${duration(entry.responseMs)}`));
  const context = !activity && !isRepeated && [entry.queue && `queue ${entry.queue}`, entry.agents.length > 0 && `present: ${entry.agents.map((id) => names[id] ?? id).join(", ")}`].filter(Boolean).join(" · ");
  return el("li", { class: `${isMessage ? "message" : "fact"} ${side}` },
    enters && el("p", { class: "enters" }, el("span", { class: `stage ${enters}` }, words(enters))),
    el("div", { class: "said" }, head, activity && body(activity, quote), context && el("p", { class: "context" }, context)));
}

const who = (actor) => actor?.name ?? actor?.id ?? words(actor?.type) ?? "";

function what(entry, routed, isRepeated) {
  const said = routed ?? SAID[entry.name] ?? words(entry.name);
  return isRepeated && !entry.name.startsWith("CALL_LEG") ? `${said} (again)` : said;
}

function body(activity, quote) {
  const { edits, deletion, reactions, suggestions, delivery, call } = activity;
  const parts = [];
  if (activity.kind !== "CUSTOMER_MESSAGE" && activity.kind !== "AGENT_MESSAGE" && activity.kind !== "BOT_MESSAGE") {
    parts.push(el("p", { class: "kind" }, words(activity.kind)));
  }
  if (quote) parts.push(el("blockquote", {}, quote));
  if (deletion) parts.push(el("p", { class: "text gone" }, "deleted by ", who(deletion.actor), " at ", time(deletion.at)));
  else if (call) parts.push(el("p", { class: "text" }, call.durationMs === null ? "call under way" : `call of ${duration(call.durationMs)}${call.holdMs > 0 ? `, ${duration(call.holdMs)} of it on hold` : ""}`));
  else if (activity.body) parts.push(el("p", { class: activity.body.hidden ? "text gone" : "text" }, text(activity)));
  // A receipt that reads all messages before its own is shown at its own.
  const isReadBefore = Boolean(delivery?.readUpTo);
  const receipts = delivery && [["sent", delivery.sentAt], ["connected", delivery.connectedAt ?? null], ["delivered", delivery.deliveredAt], ["read", isReadBefore ? null : delivery.readAt], ["failed", delivery.failedAt]].filter(([, at]) => at !== null);
  const marks = [
    marksOf(activity).map(([name, first]) => el("span", { class: "mark" }, `${words(name)} by `, who(first.actor))),
    edits.length > 0 && el("details", { class: "mark" }, el("summary", {}, `edited, ${counted(edits.length, "time", "times")}`),
      el("ul", {}, edits.map((edit) => el("li", {}, time(edit.at), ` ${who(edit.actor)}: ${edit.body ? textOf(edit.body) : "(gone)"}`)))),
    reactions.filter((reaction) => reaction.kind !== "RESPONSE").map((reaction) =>
      el("span", { class: "mark", title: `${words(reaction.kind)} of ${who(reaction.actor)}` }, reaction.value ?? "(gone)", el("span", { class: "by" }, ` ${who(reaction.actor)}`))),
    suggestions.length > 0 && el("details", { class: "mark" }, el("summary", {}, "suggestions"),
      el("ul", {}, suggestions.flatMap(({ items }) => items).map((item) => el("li", {}, item.body ? textOf(item.body) : "(empty)", item.confidence !== null && ` (${item.confidence})`)))),
    (delivery && (!isReadBefore || receipts.length > 0)) && el("span", { class: `mark receipt ${delivery.status}` },
      isReadBefore ? receipts.at(-1)[0] : words(delivery.status), delivery.reasonCode && `: ${delivery.reasonCode}`,
      receipts?.length > 0 && [" ", time(receipts.at(-1)[1])]),
  ].flat().filter(Boolean);
  if (marks.length > 0) parts.push(el("div", { class: "marks" }, marks));
  return parts;
}

// The fields that show the first event of a mark, as `hidden` does.
const marksOf = ({ deletion, ...fields }) => Object.entries(fields).filter(([, value]) => value?.eventId !== undefined);

const text = (activity) => (activity.body ? textOf(activity.body) : "");

// The words of a body, else its wrap-up codes, else where it points to, else what it is.
function textOf(body) {
  if (body.hidden) return `(hidden${body.type ? `: ${words(body.type)}` : ""})`;
  const first = (...names) => names.map((name) => body[name]).find((value) => typeof value === "string" && value !== "");
  const codes = Array.isArray(body.wrapups) ? body.wrapups.map((code) => [code?.categoryName, code?.value].filter(Boolean).join(": ")) : [];
  return first("markdownText", "caption") ?? (codes.length > 0 ? [...codes, body.note && `“${body.note}”`].filter(Boolean).join(", ") : undefined)
    ?? first("transcript", "text", "url", "mediaUrl", "type") ?? JSON.stringify(body);
}
