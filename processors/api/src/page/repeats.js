// Repeat contacts of a day: conversations that customers began soon after their previous ones.

import { get, Refused } from "./api.js";
import { byId, counted, duration, el, reconcile, words } from "./dom.js";
import { agentName, linkTo } from "./list.js";
import { customerName } from "./names.js";

const LISTED_MAX = 1000;
const DAY_MS = 86_400_000;
const COLUMNS = [
  ["Customer"], ["Began"], ["After", "from the last event of the customer's earlier conversations"],
  ["Within", "24 hours, or 72 hours"], ["Channel"], ["Queue"], ["Agent"], ["Outcome"], ["Conversation"],
];

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

// The table as it is shown, for CSV.
let shown = [];
export const rows = () => shown;

// Asks for those of a span of time, and shows them if that is still wanted.
export async function load({ from, to }, isWanted) {
  try {
    const answer = await get(`/api/repeats?${new URLSearchParams({ from, to, limit: LISTED_MAX })}`);
    if (isWanted()) show(answer);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status === 401) throw error;
    if (isWanted()) byId("repeats-note").textContent = error.message;
  }
}

function show(answer) {
  byId("repeats-note").textContent = inWords(answer);
  const repeats = answer.repeats.toReversed().map((one) => ({ ...one, agent: one.agentId && (agentName(one.agentId) ?? one.agentId) }));
  const heads = COLUMNS.map(([label, title]) => ({ label, title }));
  reconcile(byId("repeats-head"), heads, ({ label }) => label, ({ label, title }) => el("th", { scope: "col", title }, label));
  if (repeats.length > 0) reconcile(byId("repeats"), repeats, ({ customerId, conversationId }) => `${customerId} ${conversationId}`, row);
  else reconcile(byId("repeats"), [{}], () => "nothing", () => el("tr", {}, el("td", { colspan: COLUMNS.length, class: "empty" }, "No repeat contacts on this day.")));
  shown = [
    ["Customer", "Began", "After (ms)", "Within 24 h", "Channel", "Queue", "Agent", "Outcome", "Conversation"],
    ...repeats.map(({ customerId, startedAt, sincePreviousMs, channel, queue, agent, outcome, conversationId }) =>
      [customerId, new Date(startedAt).toISOString(), sincePreviousMs, isSoon(sincePreviousMs) ? "yes" : "no", channel, queue, agent, outcome, conversationId]),
  ];
}

const isSoon = (ms) => ms <= DAY_MS;

function inWords({ conversations, customers, within24h, within72h, repeats, complete }) {
  const share = (part) => (conversations > 0 ? ` (${percent.format(part / conversations)})` : "");
  const parts = [
    `${counted(conversations, "conversation", "conversations")} of ${counted(customers, "customer", "customers")}:`,
    `${within24h}${share(within24h)} began within 24 hours of the customer's previous one, ${within72h}${share(within72h)} within 72 hours.`,
    repeats.length < within72h && `The last ${repeats.length} are listed.`,
    !complete && "Not all: other instances have their own customers, or there are too many for one answer.",
  ];
  return parts.filter(Boolean).join(" ");
}

function row({ customerId, conversationId, startedAt, sincePreviousMs, channel, queue, agent, outcome }) {
  const iso = new Date(startedAt).toISOString();
  return el("tr", {},
    el("th", { scope: "row", title: customerId }, customerName(customerId) ?? customerId),
    el("td", {}, el("time", { datetime: iso, title: iso }, clock.format(startedAt))),
    el("td", {}, duration(sincePreviousMs)),
    el("td", {}, isSoon(sincePreviousMs) ? "24 h" : "72 h"),
    ...[channel, queue, agent, words(outcome)].map((text) => el("td", {}, text || "–")),
    el("td", {}, el("a", { href: linkTo(conversationId) }, conversationId)));
}
