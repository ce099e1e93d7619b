// What is shown, when: the list and one conversation, each asked for again when the server says that it changed.

import { follow, forgetToken, get, Refused, setToken } from "./api.js";
import { byId, el } from "./dom.js";
import * as list from "./list.js";
import * as reports from "./reports.js";
import * as timeline from "./timeline.js";

const PAGE = 200;
const AGAIN_MS = 2000;

let next = null;
let following = false;
// Which answers are still wanted: only those to the last question count.
let listAsked = 0;
let oneAsked = 0;
// What changes while a list is on its way: it may be older than that.
let missed = null;
// The conversation that is being asked for, and whether it has changed since.
let loading = null;
let isStale = false;

const chosen = () => {
  const [, id] = /^#\/conversation\/(.+)$/.exec(location.hash) ?? [];
  try {
    return id ? decodeURIComponent(id) : null;
  } catch {
    return null;
  }
};

const isReports = () => /^#\/?reports/.test(location.hash);

// Shows what the address names: the conversations, or the reports.
function showView() {
  const is = isReports();
  byId("columns").hidden = is;
  byId("reports").hidden = !is;
  byId("skip").textContent = is ? "Skip to the reports" : "Skip to the conversation";
  byId("skip").setAttribute("href", is ? "#reports" : "#detail");
  for (const [id, isThis] of [["to-reports", is], ["to-conversations", !is]]) {
    if (isThis) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
}

async function loadReports() {
  if (isReports()) await reports.open();
  else reports.leave();
}

async function loadList(after = null) {
  const parameters = new URLSearchParams({ limit: PAGE });
  if (byId("state").value) parameters.set("state", byId("state").value);
  if (after) parameters.set("after", after);
  const mine = ++listAsked;
  missed = [];
  try {
    const answer = await get(`/api/conversations?${parameters}`);
    if (mine !== listAsked) return;
    if (after) list.add(answer.conversations);
    else list.replaceAll(answer.conversations, answer.complete);
    for (const data of missed) list.change(data, null);
    next = answer.next;
  } finally {
    if (mine === listAsked) missed = null;
  }
  byId("more").hidden = next === null;
  list.show();
}

async function loadOne({ focus = false } = {}) {
  const id = chosen();
  list.choose(id);
  const mine = ++oneAsked;
  loading = id;
  isStale = false;
  try {
    if (id === null) timeline.clear("No conversation chosen", "Choose one from the list.");
    else await ask(id, () => mine === oneAsked);
  } finally {
    if (mine === oneAsked) loading = null;
  }
  if (mine !== oneAsked) return;
  if (focus) byId("detail").focus();
  if (isStale) await loadOne();
}

async function ask(id, isWanted) {
  try {
    const conversation = await get(`/api/conversations/${encodeURIComponent(id)}?follow=false`);
    if (isWanted()) timeline.show(conversation);
  } catch (error) {
    if (!isWanted()) return;
    if (!(error instanceof Refused) || error.problem.status === 401) throw error;
    timeline.clear(`Conversation ${id}`, error.message, ownerLink(error.problem.owner, id));
    if (error.problem.status === 503) setTimeout(() => isWanted() && guarded(loadOne), AGAIN_MS);
  }
}

// It has changed: asked for again, once those who answer are done with the last question.
function refresh(id) {
  if (loading === id) isStale = true;
  else guarded(loadOne);
}

// Addresses of other instances come from the group: only what is one becomes a link.
function webAddress(url) {
  try {
    const { protocol, origin } = new URL(url);
    return ["http:", "https:"].includes(protocol) ? origin : null;
  } catch {
    return null;
  }
}

function ownerLink(owner, id) {
  const origin = webAddress(owner);
  return origin && el("a", { href: `${origin}/${list.linkTo(id)}` }, `It is at ${origin}`);
}

async function loadInstances() {
  const { instances, partitions } = await get("/api/tasks");
  const others = instances.filter((instance) => !instance.isThis && instance.partitions.length > 0);
  byId("others").hidden = others.length === 0;
  byId("instances").replaceChildren(...others.map(({ name, url, partitions: own }) => {
    const origin = webAddress(url);
    const share = ` has ${own.length} of ${partitions} partitions`;
    return el("li", {}, origin ? el("a", { href: origin }, origin) : name, share);
  }));
}

function say(text, state) {
  const place = byId("connection");
  if (place.textContent !== text) place.textContent = text;
  place.dataset.state = state;
}

function wantToken() {
  following = false;
  forgetToken();
  byId("columns").hidden = true;
  byId("reports").hidden = true;
  reports.leave();
  byId("token-form").hidden = false;
  say("a token is needed", "lost");
  byId("token").focus();
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) wantToken();
    else say(error instanceof Refused ? error.message : "the instance does not answer", "lost");
  }
}

const loadAll = () => guarded(async () => {
  await loadList();
  await loadOne();
  await loadReports();
  await loadInstances();
});

const on = {
  open() {
    say("live", "live");
    // Changes before the connection are not sent.
    loadAll();
  },
  event(name, data) {
    if (name === "now") list.showNow(data, filterBy);
    else if (name === "resync") loadAll();
    else if (name === "changes") {
      missed?.push(data);
      reports.news();
      const isChosen = list.change(data, chosen());
      list.show();
      if (isChosen) refresh(chosen());
    }
  },
  lost(error) {
    if (error instanceof Refused && error.problem.status === 401) {
      wantToken();
      return "stop";
    }
    say(error instanceof Refused ? error.message : "not connected, trying again", "lost");
    return "go on";
  },
};

function start() {
  showView();
  if (!following) {
    following = true;
    follow(on);
  }
}

function filterBy(text) {
  byId("text").value = text;
  list.show();
  byId("text").focus();
}

byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("text").addEventListener("input", list.show);
byId("state").addEventListener("change", () => guarded(loadList));
byId("more").addEventListener("click", () => guarded(() => loadList(next)));
byId("every").addEventListener("change", timeline.showAgain);
byId("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  setToken(byId("token").value);
  try {
    await get("/api/now");
    byId("token-form").hidden = true;
    byId("token").value = "";
    byId("token-wrong").textContent = "";
    start();
  } catch (error) {
    byId("token-wrong").textContent = error instanceof Refused ? error.message : "The instance does not answer.";
  }
});
addEventListener("hashchange", () => {
  if (!following) return;
  showView();
  guarded(async () => {
    if (isReports()) byId("reports").focus();
    else await loadOne({ focus: true });
    await loadReports();
  });
});
setInterval(list.tick, 1000);
setInterval(() => following && guarded(loadInstances), 10_000);
reports.begin(guarded);
start();
