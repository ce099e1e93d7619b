// Elements, and texts as a person reads them. Whatever comes from the API becomes text and never markup.

export const byId = (id) => document.getElementById(id);

// el("p", {class: "x"}, "text", child, …): strings become text nodes, null and false are left out.
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Makes the children of a list those of `items`, keyed, and touches only what has changed: focus and open details stay.
const shown = new WeakMap();

export function reconcile(parent, items, keyOf, render) {
  const known = new Map([...parent.children].map((child) => [shown.get(child)?.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const print = JSON.stringify(item);
    let child = known.get(key);
    known.delete(key);
    if (!child || shown.get(child).print !== print) {
      const fresh = render(item);
      shown.set(fresh, { key, print });
      if (child) {
        // It takes the old one's place: whatever is moved loses the focus.
        if (child === place) place = fresh;
        replaceKeepingFocus(child, fresh);
      }
      child = fresh;
    }
    if (child === place) place = child.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of known.values()) child.remove();
}

function replaceKeepingFocus(old, fresh) {
  const focusable = (element) => [...element.querySelectorAll("a, button, summary")];
  const index = focusable(old).indexOf(document.activeElement);
  old.querySelectorAll("details").forEach((details, n) => {
    const same = fresh.querySelectorAll("details")[n];
    if (same) same.open = details.open;
  });
  old.replaceWith(fresh);
  if (index >= 0) focusable(fresh)[index]?.focus({ preventScroll: true });
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

// A point in time as a <time>: of today the clock alone, of other days the date too.
export function time(ms) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  const attributes = { datetime: date.toISOString(), title: full.format(date) };
  return el("time", attributes, isToday ? clock.format(date) : `${date.toLocaleDateString()} ${clock.format(date)}`);
}

export function duration(ms) {
  if (ms < 0) return `-${duration(-ms)}`;
  const seconds = Math.floor(ms / 1000);
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

// A word of the contract for a person: SELF_SERVICE → self service.
export const words = (word) => (word ?? "").replaceAll("_", " ").toLowerCase();

export const counted = (n, one, many) => `${n} ${n === 1 ? one : many}`;
