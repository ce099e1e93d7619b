// Charts as plain SVG: what they show is said in words too, and stands in the table below them.

import { el } from "./dom.js";

const WIDTH = 720;
const HEIGHT = 200;
const LEFT = 56;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;
// Number of labels on the time axis.
const LABELS_MAX = 9;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800].map((seconds) => seconds * 1000);

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

// Values beside the upright axis, from 0 on: few, round, and not below the greatest.
function ticks(greatest, unit) {
  if (unit === "share") return [0, 0.25, 0.5, 0.75, 1];
  const wanted = Math.max(greatest, unit === "ms" ? 1000 : 1) / 4;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const round = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= wanted);
  const step = unit === "ms" ? (STEPS_MS.find((one) => one >= wanted) ?? Math.ceil(wanted / 86_400_000) * 86_400_000) : Math.max(1, round);
  return Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, n) => n * step).concat(greatest > 0 ? [] : [step]);
}

// A round time, for an axis.
function short(ms) {
  if (ms < 60_000) return `${ms / 1000} s`;
  return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}

// A frame of one chart, with its axes; gives where values and times stand.
function frame(labels, greatest, { unit, say }) {
  const all = ticks(greatest, unit);
  const top = all.at(-1);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(labels.length, 1);
  const x = (n) => LEFT + step * n;
  const lines = all.map((value) => svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
  const values = all.map((value) => svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, unit === "ms" ? short(value) : say(value)));
  const every = Math.ceil(labels.length / LABELS_MAX);
  const times = labels.map((label, n) => [label, n]).filter(([, n]) => n % every === 0)
    .map(([label, n]) => svg("text", { x: x(n) + step / 2, y: HEIGHT - 6, "text-anchor": "middle" }, label));
  return { parts: [...lines, ...values, ...times], x, y, step };
}

function bars({ labels, series, unit, say }) {
  const sums = labels.map((_, n) => series.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  const { parts, x, y, step } = frame(labels, Math.max(0, ...sums), { unit, say });
  labels.forEach((label, n) => {
    let below = 0;
    for (const { label: name, color, values } of series) {
      const value = values[n] ?? 0;
      if (value <= 0) continue;
      const height = Math.max(y(below) - y(below + value) - 1, 1);
      const bar = svg("rect", { class: color, x: x(n) + step * 0.12, width: step * 0.76, y: y(below + value), height });
      bar.append(svg("title", {}, `${label}: ${name} ${say(value)}`));
      parts.push(bar);
      below += value;
    }
  });
  return parts;
}

function line({ labels, series, unit, say }) {
  const [{ color, values }] = series;
  const { parts, x, y, step } = frame(labels, Math.max(0, ...values.map((value) => value ?? 0)), { unit, say });
  let path = "";
  let isOpen = false;
  values.forEach((value, n) => {
    if (value !== null) {
      const place = [x(n) + step / 2, y(value)];
      path += `${isOpen ? "L" : "M"}${place.join(" ")}`;
      const dot = svg("circle", { class: color, cx: place[0], cy: place[1], r: 3 });
      dot.append(svg("title", {}, `${labels[n]}: ${say(value)}`));
      parts.push(dot);
    }
    isOpen = value !== null;
  });
  return [svg("path", { class: `curve ${color}`, d: path || "M0 0" }), ...parts];
}

// What a chart shows, for those who do not see it.
function inWords({ title, labels, series, unit, say }) {
  const of = ({ label, values }) => {
    const known = values.map((value, n) => [value, labels[n]]).filter(([value]) => value !== null && value > 0);
    if (known.length === 0) return `${label}: none`;
    const [most, at] = known.reduce((a, b) => (b[0] > a[0] ? b : a));
    const total = unit === "share" ? "" : `${say(known.reduce((sum, [value]) => sum + value, 0))} in all, `;
    return `${label}: ${total}at most ${say(most)}, at ${at}`;
  };
  return `${title}, from ${labels[0]} to ${labels.at(-1)}. ${series.map(of).join(". ")}. The table by interval has all values.`;
}

// A chart: {kind, title, labels, series: [{label, color, values}], unit, say}. `say` writes a value for a person.
export function chart(what) {
  const drawn = what.kind === "line" ? line(what) : bars(what);
  const legend = what.series.map(({ label, color }) => el("li", { class: color }, el("span", { class: "label" }, label)));
  return el("figure", {},
    el("figcaption", {}, el("strong", {}, what.title), what.kind === "line" ? "" : el("ul", { class: "legend" }, legend)),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": inWords(what) }, ...drawn));
}
