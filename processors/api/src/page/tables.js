// What reports show of windows: a table by subject, one by interval, and charts of the latter.

import { chart } from "./charts.js";
import { byId, duration, el, reconcile } from "./dom.js";
import { explain } from "./explain.js";
import { REPORTS, sum } from "./kpis.js";
import { agentName } from "./list.js";

// Number of intervals in a chart.
const CHARTED_MAX = 400;

let dimension = "queue";
let work = (one) => one();
// What the explanation was asked by.
let opener = null;
// The tables as they are shown, for CSV.
const shown = { subjects: [], intervals: [] };

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
const number = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

const SAYS = { count: (value) => number.format(value), ms: (value) => duration(Math.round(value)), share: (value) => percent.format(value) };
const say = (unit, value) => (value === null ? "–" : SAYS[unit](value));

// `guarded` runs what asks, and deals with what is refused.
export function begin(guarded) {
  work = guarded;
}

export const rowsOf = (name) => shown[name];

// Puts the focus where it was before a figure was explained.
export const focusBack = () => (opener?.isConnected ? opener : byId("reports")).focus();

// How a subject is called, found once for each time that all is shown.
const names = new Map();

function nameOf(id) {
  if (!names.has(id)) names.set(id, named(id));
  return names.get(id);
}

function named(id) {
  if (dimension === "queue-agent") return id.split("/").map(decoded).join(" / ");
  return dimension === "agent" ? (agentName(id) ?? id) : id;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function grouped(windows, keyOf) {
  const groups = new Map();
  for (const window of windows) {
    const key = keyOf(window);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(window);
  }
  return groups;
}

// Shows all windows of a dimension, and the intervals of the chosen subject or of all together.
export function show(answer) {
  dimension = answer.dimension;
  const report = REPORTS[dimension];
  byId("levels").hidden = dimension !== "queue";
  names.clear();
  const bySubject = grouped(answer.windows, ({ id }) => id);
  const ids = [...bySubject.keys()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  choose(ids);
  const chosen = byId("report-subject").value;
  const windows = chosen ? bySubject.get(chosen.slice(1)) : answer.windows;
  const byInterval = [...grouped(windows, ({ windowStart, windowEnd }) => `${windowStart} ${windowEnd}`).values()]
    .sort(([a], [b]) => a.windowStart - b.windowStart || a.windowEnd - b.windowEnd);
  const total = sum(answer.windows);
  const columns = report.columns(byId("report-level").value).filter((one) => !one.optional || one.of(total));
  const subjects = ids.map((id) => row(`=${id}`, nameOf(id), bySubject.get(id), columns));
  const intervals = byInterval.map((some) => row(String(some[0].windowStart), label(some[0]), some, columns));
  table("subjects", report.one, columns, subjects, (item) => subjectHead(item, chosen));
  table("intervals", "From", columns, intervals, ({ text, from, to }) => el("th", { scope: "row" }, el("time", { datetime: from, title: `${from} – ${to}` }, text)));
  byId("intervals-title").textContent = `By interval: ${chosen ? nameOf(chosen.slice(1)) : "all together"}`;
  draw(report, columns, intervals);
}

function choose(ids) {
  const select = byId("report-subject");
  const wanted = select.value;
  const items = [{ value: "", text: "all together" }, ...ids.map((id) => ({ value: `=${id}`, text: nameOf(id) }))];
  reconcile(select, items, ({ value }) => value, ({ value, text }) => el("option", { value }, text));
  select.value = items.some(({ value }) => value === wanted) ? wanted : "";
}

const label = ({ windowStart, windowEnd }) => (windowEnd - windowStart < 86_400_000 ? clock : whole).format(windowStart);

// A row of values. Those of one window alone can be explained.
function row(key, text, windows, columns) {
  const all = sum(windows);
  const [first, last] = [windows[0], windows.at(-1)];
  const one = windows.length === 1 ? { dimension: first.dimension, id: first.id, windowStart: first.windowStart, windowEnd: first.windowEnd } : null;
  const iso = (ms) => new Date(ms).toISOString();
  return { key, text, start: first.windowStart, end: first.windowEnd, from: iso(first.windowStart), to: iso(last.windowEnd), one, values: columns.map((column) => column.of(all)) };
}

function subjectHead({ key, text }, chosen) {
  const button = el("button", { type: "button", class: "link", title: "Show this one's intervals", "aria-pressed": String(key === chosen) }, text);
  button.addEventListener("click", () => {
    byId("report-subject").value = key === chosen ? "" : key;
    byId("report-subject").dispatchEvent(new Event("change"));
  });
  return el("th", { scope: "row" }, button);
}

function table(name, first, columns, rows, head) {
  const heads = [{ id: "", label: first }, ...columns.map(({ id, label, title }) => ({ id, label, title }))];
  reconcile(byId(`${name}-head`), heads, ({ id }) => id, ({ label, title }) => el("th", { scope: "col", title }, label));
  const what = columns.map(({ label }) => label).join();
  const chosen = byId("report-subject").value;
  const items = rows.length > 0 ? rows.map((one) => ({ ...one, what, chosen })) : [{ key: "nothing", what }];
  reconcile(byId(name), items, ({ key }) => key, (item) => (rows.length > 0
    ? el("tr", {}, head(item), ...columns.map((column, n) => cell(item, column, item.values[n])))
    : el("tr", {}, el("td", { colspan: columns.length + 1, class: "empty" }, "No windows on this day."))));
  shown[name] = [
    [first, "windowStart", "windowEnd", ...columns.map(({ label, unit }) => (unit === "ms" ? `${label} (ms)` : label))],
    ...rows.map(({ text, from, to, values }) => [text, from, to, ...values]),
  ];
}

function cell({ one, text }, column, value) {
  const said = say(column.unit, value);
  const isNothing = value === null || (value === 0 && column.unit !== "share");
  if (one === null || isNothing || column.explains.length === 0) return el("td", {}, said);
  const title = () => `${column.label} of ${nameOf(one.id)}, ${whole.format(one.windowStart)} to ${whole.format(one.windowEnd)}: ${said}`;
  const button = el("button", { type: "button", class: "link", title: "What it is made of", "aria-label": `${said}, ${column.label}, ${text}: what it is made of` }, said);
  button.addEventListener("click", () => {
    opener = button;
    work(() => explain({ title: title(), window: one, figures: column.explains }));
  });
  return el("td", {}, button);
}

// The rows of a chart: those of a table, and empty ones where an interval between has no windows.
function withGaps(rows) {
  const all = [];
  for (const one of rows) {
    const last = all.at(-1);
    const step = last ? last.end - last.start : 0;
    const missing = last ? (one.start - last.end) / step : 0;
    if (Number.isInteger(missing) && all.length + missing <= CHARTED_MAX) {
      for (let start = last?.end; start < one.start; start += step) {
        all.push({ start, end: start + step, text: label({ windowStart: start, windowEnd: start + step }), values: null });
      }
    }
    all.push(one);
  }
  return all;
}

function draw(report, columns, rows) {
  const charted = withGaps(rows);
  const series = ([id, color]) => {
    const n = columns.findIndex((column) => column.id === id);
    return n < 0 ? null : { label: columns[n].label, color, unit: columns[n].unit, values: charted.map(({ values }) => values?.[n] ?? null) };
  };
  const charts = rows.length === 0 ? [] : report.charts.map(({ series: wanted, title, ...rest }) => {
    const all = wanted.map(series).filter(Boolean);
    return { ...rest, title: title ?? all[0].label, labels: charted.map(({ text }) => text), series: all, unit: all[0].unit };
  });
  reconcile(byId("charts"), charts, ({ id }) => id, (what) => chart({ ...what, say: (value) => say(what.unit, value) }));
}
