// Signals between nodes by LISTEN and NOTIFY, outside of every transaction (inside one, NOTIFY halves the writes: 4.7k a second).
// One notification at a time carries all channels of meanwhile. While the connection is down signals reach this node only; after
// a reconnect every listener is called, since anything may have been missed.
import { randomInt } from 'node:crypto';
import type { Client, ClientConfig, Notification } from 'pg';
import type { Clock, Timer } from './clock.ts';
import type { DbLog } from './db.ts';
import { LocalSignals } from './db-signals.ts';
import { newId } from './id.ts';

const CHANNEL = 'drawbridge_signals';
/** PostgreSQL takes payloads below 8,000 bytes. */
const PAYLOAD_LARGEST_BYTES = 7_000;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_LONGEST_MS = 10_000;

/** pg's clients have these, its types do not. */
type UnrefClient = Client & { ref(): void; unref(): void };

/** Cuts channels into payloads of `<node>\n<channel>\n<channel>…`. */
function toPayloads(nodeId: string, channels: Iterable<string>): string[] {
  const payloads: string[] = [];
  let payload = nodeId;
  for (const channel of channels) {
    if (Buffer.byteLength(payload) + Buffer.byteLength(channel) + 1 > PAYLOAD_LARGEST_BYTES) {
      payloads.push(payload);
      payload = nodeId;
    }
    payload += `\n${channel}`;
  }
  return [...payloads, payload];
}

export class PostgresSignals {
  readonly #local: LocalSignals;
  readonly #clock: Clock;
  readonly #log: DbLog;
  readonly #newClient: (config: ClientConfig) => Client;
  readonly #nodeId: string;
  readonly #due = new Set<string>();
  #client: Client | undefined;
  #sending = false;
  #closed = false;
  #reconnectMs = RECONNECT_FIRST_MS;
  #timer: Timer | undefined;

  constructor(newClient: (config: ClientConfig) => Client, clock: Clock, log: DbLog) {
    this.#local = new LocalSignals(log);
    this.#newClient = newClient;
    this.#clock = clock;
    this.#log = log;
    this.#nodeId = newId('node', clock.now());
  }

  onSignal(channel: string, listener: () => void): () => void {
    return this.#local.onSignal(channel, listener);
  }

  signal(channel: string): void {
    this.#local.signal(channel);
    if (this.#closed || !this.#client) return;
    this.#due.add(channel);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => void this.#send());
  }

  async #send(): Promise<void> {
    while (this.#due.size > 0 && this.#client) {
      const payloads = toPayloads(this.#nodeId, this.#due);
      this.#due.clear();
      try {
        for (const payload of payloads)
          await this.#client.query('select pg_notify($1, $2)', [CHANNEL, payload]);
      } catch {
        // The connection's own error handler reconnects; signals are hints, and listeners poll as well.
        this.#due.clear();
      }
    }
    this.#sending = false;
  }

  /** Connects and listens; after a failure it tries again in the background for as long as it is not closed. */
  async start(): Promise<void> {
    const client = this.#newClient({ keepAlive: true, keepAliveInitialDelayMillis: 10_000 });
    let lost = false;
    const onLost = (error?: unknown) => {
      if (lost || this.#closed) return;
      lost = true;
      this.#client = undefined;
      this.#log.warn(
        { err: error, retryMs: this.#reconnectMs },
        'The connection for signals between nodes is lost',
      );
      client.end().catch(() => {});
      this.#scheduleReconnect();
    };
    client.on('error', onLost);
    client.on('end', () => onLost());
    client.on('notification', (notification) => this.#receive(notification));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch (error) {
      return onLost(error);
    }
    if (this.#closed) return client.end();
    // Like the SQLite workers: an open database does not keep the process alive, work does.
    (client as UnrefClient).unref();
    this.#client = client;
    this.#reconnectMs = RECONNECT_FIRST_MS;
    this.#local.signalAll();
  }

  #scheduleReconnect(): void {
    const delayMs = this.#reconnectMs / 2 + randomInt(this.#reconnectMs);
    this.#reconnectMs = Math.min(this.#reconnectMs * 2, RECONNECT_LONGEST_MS);
    this.#timer = this.#clock.after(delayMs, () => void this.start());
  }

  #receive({ payload = '' }: Notification): void {
    const [from, ...channels] = payload.split('\n');
    if (from === this.#nodeId) return;
    for (const channel of channels) this.#local.signal(channel);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const client = this.#client as UnrefClient | undefined;
    this.#client = undefined;
    client?.ref();
    await client?.end().catch(() => {});
  }
}
