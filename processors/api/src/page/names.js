// Names of customers. A list holds only their ids, a timeline has the names: so conversations at the top of the list whose
// customer has no name yet are asked for, one after another.

import { get } from "./api.js";

const PAUSE_MS = 200;
const AGAIN_MS = 5000;
const TRIES_MAX = 3;
const KEPT_MAX = 5000;
// The end of a timeline that is asked for.
const ENTRIES = 50;

// By customer id: the name, or how often and when it was asked for in vain.
const known = new Map();
let wanted = [];
let isAsking = false;

export const customerName = (id) => known.get(id)?.name ?? null;

// Takes the customer's name from a timeline.
export function learn(id, timeline) {
  if (!id) return;
  const named = ({ actor }) => actor?.type === "CUSTOMER" && actor.id === id && actor.name;
  const name = timeline.find(named)?.actor.name ?? customerName(id);
  if (known.size >= KEPT_MAX) known.clear();
  known.set(id, { name, tries: (known.get(id)?.tries ?? 0) + 1, at: Date.now() });
}

const isWanted = ({ customerId }) => {
  if (!customerId) return false;
  const { name, tries, at } = known.get(customerId) ?? { name: null, tries: 0, at: 0 };
  return !name && tries < TRIES_MAX && Date.now() - at >= AGAIN_MS;
};

// Asks for the customers of these conversations, the first ones first, and calls `onName` after each name.
export function askFor(rows, onName) {
  wanted = rows.filter(isWanted);
  if (!isAsking && wanted.length > 0) askOn(onName);
}

async function askOn(onName) {
  isAsking = true;
  while (wanted.length > 0) {
    const row = wanted.shift();
    if (!isWanted(row)) continue;
    const { conversationId, customerId } = row;
    try {
      const { timeline } = await get(`/api/conversations/${encodeURIComponent(conversationId)}?follow=false&limit=${ENTRIES}`);
      learn(customerId, timeline);
    } catch {
      // The list works without names.
      learn(customerId, []);
    }
    if (customerName(customerId)) onName();
    await new Promise((resume) => setTimeout(resume, PAUSE_MS));
  }
  isAsking = false;
}
