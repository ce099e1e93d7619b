// SPDX-License-Identifier: Apache-2.0

/**
 * The records of cx-timelines' output topics, and tables of the current ones.
 *
 * Made by `cx-timelines generate typescript`; change topics.yaml or the schemas instead of this file.
 *
 * ```ts
 * const kafka = new Kafka({ brokers: ["127.0.0.1:9092"] });
 * await follow(kafka, "cx.conversations", ({ key, after }) => console.log(key, after?.state ?? "deleted"));
 * ```
 *
 * The values of the topics have to be JSON.
 *
 * @module
 */

/** A time: milliseconds since 1970-01-01T00:00:00Z, as `Date` takes them. */
export type EpochMillis = number;

/** A JSON object of any fields. */
export type JsonObject = { readonly [name: string]: unknown };
