// SPDX-License-Identifier: Apache-2.0

/** A record as Kafka's clients hand it over. */
export interface Message {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** What one record of a topic has changed in its table. */
export interface Change<R> {
  /** The record's key. */
  readonly key: string;
  /** The record of this key before, if there was one. */
  readonly before: R | undefined;
  /** The record of this key now; undefined if it was deleted. */
  readonly after: R | undefined;
}

/** The newest record of each key of a topic. */
export class Table<R> implements Iterable<[string, R]> {
  readonly #rows = new Map<string, R>();
  readonly #decoder = new TextDecoder();

  /**
   * Takes a record of the topic: an upsert, or, without a value, a tombstone, which deletes the row.
   *
   * An erasure comes as tombstones: delete the row in every other place where you keep it, too.
   */
  apply(message: Message): Change<R> {
    const key = this.#decoder.decode(message.key ?? new Uint8Array());
    const before = this.#rows.get(key);
    if (message.value === null) {
      this.#rows.delete(key);
      return { key, before, after: undefined };
    }
    const after = JSON.parse(this.#decoder.decode(message.value)) as R;
    this.#rows.set(key, after);
    return { key, before, after };
  }

  /** The current record of a key. */
  get(key: string): R | undefined {
    return this.#rows.get(key);
  }

  /** How many records there are. */
  get size(): number {
    return this.#rows.size;
  }

  [Symbol.iterator](): Iterator<[string, R]> {
    return this.#rows[Symbol.iterator]();
  }
}

/** What is needed of KafkaJS' consumer. */
export interface Consumer {
  connect(): Promise<void>;
  subscribe(subscription: { topics: string[]; fromBeginning: boolean }): Promise<void>;
  run(config: {
    autoCommit: boolean;
    eachMessage: (payload: { message: Message }) => Promise<void>;
  }): Promise<void>;
  disconnect(): Promise<void>;
}

/** What is needed of KafkaJS' client. */
export interface Kafka {
  consumer(config: { groupId: string; readUncommitted: boolean }): Consumer;
}

/** A topic that is read. */
export interface Following<R> {
  /** Its current records. */
  readonly table: Table<R>;
  /** Ends it. */
  stop(): Promise<void>;
}

/**
 * Reads a topic from its beginning, and goes on: keeps a table of its current records, and reports each change.
 *
 * Records of aborted transactions are not read. The consumer group has a name of its own each time, because a group would
 * share the partitions, and the table needs all of them; `groupPrefix` is its beginning.
 */
export async function follow<T extends keyof Topics>(
  kafka: Kafka,
  topic: T,
  changed: (change: Change<Topics[T]>, table: Table<Topics[T]>) => void | Promise<void>,
  groupPrefix = "cx-timelines-kit-",
): Promise<Following<Topics[T]>> {
  const table = new Table<Topics[T]>();
  const groupId = groupPrefix + globalThis.crypto.randomUUID();
  const consumer = kafka.consumer({ groupId, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      await changed(table.apply(message), table);
    },
  });
  return { table, stop: () => consumer.disconnect() };
}
