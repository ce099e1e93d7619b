// Reports: the windows of a day, of all queues, agents, channels or bots that this instance has, by subject and by interval; and
// the repeat contacts of its customers.

import { get, Refused } from "./api.js";
import { save } from "./csv.js";
import { byId, el } from "./dom.js";
import { close } from "./explain.js";
import { LEVELS } from "./kpis.js";
import * as repeats from "./repeats.js";
import * as tables from "./tables.js";

const WINDOWS_MAX = 20_000;
const REFRESH_MS = 10_000;
// After news one asks again, but not more often than this.
const SOON_MS = 3000;
const DEFAULT_SIZE = "900000";

let isOpen = false;
// The answer that is shown; only the last question's counts.
let answer = null;
let asked = 0;
let sizesOf = null;
let lastAsked = 0;
let timer = null;
let work = (one) => one();

const dimension = () => byId("report-of").value;
const isoDay = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");

// The first instant of the chosen day and of the next, where this browser is.
function span() {
  const [year, month, day] = byId("report-day").value.split("-").map(Number);
  const from = new Date(year, month - 1, day).getTime();
  return Number.isFinite(from) ? { from, to: new Date(year, month - 1, day + 1).getTime() } : null;
}

const path = (parameters) => `/api/metrics/${dimension()}?${new URLSearchParams(parameters)}`;

// `guarded` runs what asks, and deals with what is refused.
export function begin(guarded) {
  work = guarded;
  tables.begin(guarded);
  const options = Object.entries(LEVELS).map(([type, { label, title }]) => el("option", { value: type, title }, label));
  byId("report-level").replaceChildren(...options);
  byId("report-day").value = isoDay(new Date());
  byId("report").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["report-of", "report-day"]) byId(id).addEventListener("change", () => reload(id === "report-of"));
  byId("report-size").addEventListener("change", () => reload(false));
  for (const id of ["report-subject", "report-level"]) byId(id).addEventListener("change", show);
  byId("explained-close").addEventListener("click", () => {
    close();
    tables.focusBack();
  });
  for (const name of ["subjects", "intervals"]) byId(`${name}-csv`).addEventListener("click", () => save(fileName(name), tables.rowsOf(name)));
  byId("repeats-csv").addEventListener("click", () => save(`repeats-${byId("report-day").value}.csv`, repeats.rows()));
  setInterval(() => isOpen && Date.now() - lastAsked >= REFRESH_MS && work(load), 1000);
}

const fileName = (name) => `${dimension()}-${name === "subjects" ? "day" : "intervals"}-${byId("report-day").value}.csv`;

export async function open() {
  isOpen = true;
  await load();
}

export function leave() {
  isOpen = false;
}

// Something has changed: what is shown is asked for again, soon.
export function news() {
  if (!isOpen || timer !== null) return;
  timer = setTimeout(() => {
    timer = null;
    if (isOpen) work(load);
  }, Math.max(0, SOON_MS - (Date.now() - lastAsked)));
}

function reload(isOther) {
  if (isOther) byId("report-subject").value = "";
  close();
  work(load);
}

// Where today has no windows, the last day that has some.
async function lastDay() {
  const { from, to } = span();
  const today = await get(path({ from, to, limit: 1 }));
  if (today.windowsTotal > 0) return;
  const { windows } = await get(path({ limit: 1 }));
  if (windows.length > 0) byId("report-day").value = isoDay(new Date(windows[0].windowStart));
}

async function load() {
  const mine = ++asked;
  lastAsked = Date.now();
  if (span() === null) return;
  try {
    if (sizesOf === null) await lastDay();
    if (mine === asked) await ask(span(), () => mine === asked);
    if (mine === asked) await repeats.load(span(), () => mine === asked);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status === 401) throw error;
    if (mine === asked) byId("report-note").textContent = error.message;
  }
}

async function ask(day, isWanted) {
  const key = `${dimension()} ${byId("report-day").value}`;
  const known = byId("report-size");
  if (sizesOf !== key || known.value === "") {
    const { sizes } = await get(path({ ...day, limit: 1 }));
    if (!isWanted()) return;
    sizesOf = key;
    offer(sizes);
  }
  const size = known.value || DEFAULT_SIZE;
  const got = await get(path({ ...day, size, limit: WINDOWS_MAX }));
  if (!isWanted()) return;
  answer = { ...got, windows: got.windows.filter((window) => isOfDay(window, day)) };
  show();
}

function show() {
  if (answer === null) return;
  tables.show(answer);
  note();
}

// A window that is not longer than a day is of the day that its middle lies in.
function isOfDay({ windowStart, windowEnd }, { from, to }) {
  const middle = (windowStart + windowEnd) / 2;
  return windowEnd - windowStart > to - from || (middle >= from && middle < to);
}

function offer(sizes) {
  const select = byId("report-size");
  const wanted = [select.value, DEFAULT_SIZE, sizes[0] ?? ""].find((size) => sizes.includes(size)) ?? "";
  const order = (size) => Number(size) || (size.startsWith("7d") ? 7 : 1) * 86_400_000;
  const sorted = [...sizes].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
  select.replaceChildren(...sorted.map((size) => el("option", { value: size }, sizeInWords(size))));
  select.value = wanted;
}

function sizeInWords(size) {
  const [days, zone] = size.split("@");
  if (zone) return `${days === "7d" ? "week" : "day"}, ${zone}`;
  const minutes = Number(size) / 60_000;
  return minutes % 1440 === 0 ? `${minutes / 1440} d` : minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

function note() {
  const { complete, windowsTotal } = answer;
  const parts = [
    !complete && "Not all: other instances have their own partitions, or states are still being read.",
    windowsTotal > WINDOWS_MAX && `Only the last ${WINDOWS_MAX} of ${windowsTotal} windows.`,
    answer.windows.length > 0 && (byId("report-subject").value ? "An underlined figure says what it is made of." : "Choose one below to see its intervals, and what each figure is made of."),
  ];
  byId("report-note").textContent = parts.filter(Boolean).join(" ");
}
