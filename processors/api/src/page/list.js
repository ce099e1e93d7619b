// The list of conversations, and what goes on in queues and with agents.

import { byId, counted, duration, el, reconcile, time, words } from "./dom.js";
import { askFor, customerName } from "./names.js";

// The maximum kept here; beyond, the server is asked again.
const ROWS_MAX = 1000;
// The conversations at the top whose customers' names are asked for.
const NAMED_MAX = 60;

const rows = new Map();
let isComplete = true;
let chosen = null;

export const linkTo = (id) => `#/conversation/${encodeURIComponent(id)}`;

export function replaceAll(conversations, complete) {
  rows.clear();
  isComplete = complete;
  add(conversations);
}

export function add(conversations) {
  for (const row of conversations) rows.set(row.conversationId, row);
}

// Takes changes. Tells whether one of them is of this conversation.
export function change({ conversations, gone }, id) {
  const state = byId("state").value;
  for (const row of conversations) {
    if (state && row.state.toLowerCase() !== state) rows.delete(row.conversationId);
    else rows.set(row.conversationId, row);
  }
  for (const id of gone) rows.delete(id);
  return gone.includes(id) || conversations.some((row) => row.conversationId === id);
}

// The name of an agent, as a conversation here has it.
export function agentName(id) {
  for (const { agents } of rows.values()) {
    const name = agents.find((stay) => stay.agentId === id)?.name;
    if (name) return name;
  }
  return null;
}

export function choose(id) {
  chosen = id;
  show();
}

function says(row) {
  const agents = row.agents.flatMap((stay) => [stay.agentId, stay.name]);
  const queues = row.queueVisits.map((visit) => visit.queue);
  const all = [row.conversationId, row.customerId, customerName(row.customerId), words(row.stage), row.direction, ...row.channels, ...agents, ...queues];
  return all.filter(Boolean).join("\n").toLowerCase();
}

export function show() {
  const text = byId("text").value.trim().toLowerCase();
  const all = [...rows.values()].filter((row) => !text || says(row).includes(text));
  all.sort((a, b) => b.startedAt - a.startedAt || (a.conversationId < b.conversationId ? -1 : 1));
  for (const row of all.splice(ROWS_MAX)) rows.delete(row.conversationId);
  const list = byId("list");
  reconcile(list, all.map((row) => ({ ...row, name: customerName(row.customerId) })), (row) => row.conversationId, item);
  askFor(all.slice(0, NAMED_MAX), show);
  for (const link of list.querySelectorAll("a")) {
    if (link.dataset.id === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const note = isComplete ? "" : " Not all: there are other instances, or states are still being read.";
  byId("list-count").textContent = `${counted(all.length, "conversation", "conversations")}.${note}`;
}

function item(row) {
  const present = row.agents.filter((stay) => stay.leftAt === null).map((stay) => stay.name ?? stay.agentId);
  const queues = row.queueVisits.filter((visit) => visit.endedAt === null).map((visit) => visit.queue ?? "a queue");
  const messages = row.customerMessages + row.agentMessages + row.botMessages;
  const parts = [row.name && row.conversationId, row.channels.join(", "), queues.length > 0 && `waits in ${queues.join(", ")}`, present.join(", ")];
  return el("li", {},
    el("a", { href: linkTo(row.conversationId), "data-id": row.conversationId },
      el("span", { class: "id" }, row.name ?? row.conversationId),
      el("span", { class: `stage ${row.stage}` }, words(row.stage)),
      el("span", { class: "more" }, parts.filter(Boolean).join(" · ")),
      el("span", { class: "more" }, "since ", time(row.startedAt), ` · ${counted(messages, "message", "messages")}`,
        row.awaitsReplySince !== null && row.state === "OPEN" && el("strong", {}, " · awaits a reply"))));
}

export function showNow(now, filterBy) {
  byId("totals").textContent = `${now.open} open, ${now.awaitingReply} awaiting a reply`;
  const queue = ({ queue, waiting, waitingSince }) => el("tr", {}, el("th", { scope: "row" }, filter(queue, queue, filterBy)),
    el("td", {}, String(waiting)), el("td", { "data-since": waitingSince }));
  const agent = ({ agentId, name, conversations }) => el("tr", {},
    el("th", { scope: "row" }, filter(name ?? agentId, agentId, filterBy)), el("td", {}, String(conversations)));
  fill("queues", now.queues, (row) => row.queue, queue, 3, "No customer waits.");
  fill("agents", now.agents, (row) => row.agentId, agent, 2, "No agent is in a conversation.");
  tick();
}

function fill(id, items, keyOf, render, columns, empty) {
  const nothing = () => el("tr", {}, el("td", { colspan: columns, class: "empty" }, empty));
  if (items.length > 0) reconcile(byId(id), items, (item) => `=${keyOf(item)}`, render);
  else reconcile(byId(id), [{}], () => "nothing", nothing);
}

function filter(text, by, filterBy) {
  const button = el("button", { type: "button", class: "link", title: `Filter the list by ${by}` }, text);
  button.addEventListener("click", () => filterBy(by));
  return button;
}

// How long the longest waits: it grows without news.
export function tick() {
  for (const cell of document.querySelectorAll("[data-since]")) {
    cell.textContent = duration(Math.max(0, Date.now() - Number(cell.dataset.since)));
  }
}
