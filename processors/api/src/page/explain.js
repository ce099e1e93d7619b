// What a figure is made of: its contributions, each with its conversation.

import { get, Refused } from "./api.js";
import { byId, counted, duration, el, time, words } from "./dom.js";
import { linkTo } from "./list.js";

const LISTED_MAX = 200;

let asked = 0;

const amountOf = (figure, amount) => (figure.endsWith("Ms") ? duration(amount) : String(amount));
const spoken = (figure) => words(figure.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter}`));

// Shows what one value of a window is made of. `window` is its record; `figures` are those that the value is computed of.
export async function explain({ title, window, figures }) {
  const mine = ++asked;
  const place = byId("explained");
  byId("explained-title").textContent = title;
  byId("explained-note").replaceChildren("Asking …");
  byId("explained-sums").replaceChildren();
  byId("contributions").replaceChildren();
  place.hidden = false;
  place.focus();
  try {
    const answers = await Promise.all(figures.map((figure) => get(pathOf(window, figure))));
    if (mine === asked) show(figures, answers);
  } catch (error) {
    if (mine !== asked) return;
    if (error instanceof Refused && error.problem.status === 401) throw error;
    byId("explained-note").replaceChildren(error instanceof Refused ? error.message : "The instance does not answer.");
  }
}

function pathOf({ dimension, id, windowStart, windowEnd }, figure) {
  const parameters = new URLSearchParams({ windowStart, windowEnd, figure, limit: LISTED_MAX, follow: false });
  return `/api/metrics/${dimension}/${encodeURIComponent(id)}/explain?${parameters}`;
}

function show(figures, answers) {
  const sums = figures.map((figure, n) => {
    const { recorded, explained } = answers[n].figures[figure];
    return el("tr", {}, el("th", { scope: "row" }, spoken(figure)), el("td", {}, amountOf(figure, recorded)), el("td", {}, amountOf(figure, explained)));
  });
  byId("explained-sums").replaceChildren(...sums);
  const all = answers.flatMap(({ contributions }) => contributions).sort((a, b) => a.at - b.at);
  const total = answers.reduce((sum, { contributionsTotal }) => sum + contributionsTotal, 0);
  const notes = [...new Set(answers.flatMap((answer) => answer.notes))];
  const listed = all.length < total ? `The first ${all.length} of ${counted(total, "contribution", "contributions")}.` : `${counted(total, "contribution", "contributions")}.`;
  const same = notes.length === 0 ? " They make what is recorded." : "";
  byId("explained-note").replaceChildren(`${listed}${same}`, ...notes.map((note) => el("span", { class: "difference" }, note)));
  byId("contributions").replaceChildren(...all.map(({ at, conversationId, eventId, figure, amount }) => el("tr", {},
    el("td", {}, time(at)),
    // What has no conversation comes of an agent's state.
    el("td", {}, conversationId === undefined ? "the agent's state" : el("a", { href: linkTo(conversationId), title: `event ${eventId}` }, conversationId)),
    el("td", {}, spoken(figure)),
    el("td", {}, amountOf(figure, amount)))));
}

export function close() {
  asked += 1;
  byId("explained").hidden = true;
}
