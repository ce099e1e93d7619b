// SPDX-License-Identifier: Apache-2.0

/**
 * Prints the current records of an output topic as one JSON object, by key, and again after each change that is followed by
 * a pause: node dist/current.js TOPIC
 */

import { Kafka, logLevel } from "kafkajs";

import { follow, type Topics } from "./cx-timelines.js";

const PAUSE_MS = 200;

const topic = (process.argv[2] ?? "cx.conversations") as keyof Topics;
const brokers = (process.env["CX_BOOTSTRAP"] ?? "127.0.0.1:9092").split(",");
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR });

let timer: NodeJS.Timeout | undefined;
const following = await follow(kafka, topic, (_change, table) => {
  clearTimeout(timer);
  timer = setTimeout(() => console.log(JSON.stringify(Object.fromEntries(table))), PAUSE_MS);
});
process.once("SIGTERM", () => {
  clearTimeout(timer);
  void following.stop();
});
