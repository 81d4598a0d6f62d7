// Signals between nodes by LISTEN and NOTIFY, outside of every transaction (inside one, NOTIFY halves the writes: 4.7k a second).
// One notification at a time carries all channels of meanwhile. While the connection is down signals reach this node only; after
// a reconnect every listener is called, since anything may have been missed. A heartbeat finds a connection that the network
// dropped in silence: nothing arrives on it, and nothing else would ever say so.
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
/** A database that is back has its first progress within 5 s (goal G8). */
const RECONNECT_LONGEST_MS = 3_000;
const CONNECT_LONGEST_MS = 3_000;
const HEARTBEAT_MS = 2_000;
/** The server's own event loop is never this slow; a busy one of ours is waited for. */
const HEARTBEAT_ANSWER_MS = 2_000;
/** A dead connection cannot be closed politely. */
const CLOSE_LONGEST_MS = 500;

/** pg's clients have these, its types do not. */
type UnrefClient = Client & {
  ref(): void;
  unref(): void;
  connection: { stream: { destroy(): void } };
};

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
  #client: UnrefClient | undefined;
  #sending = false;
  #closed = false;
  #reconnectMs = RECONNECT_FIRST_MS;
  #timer: Timer | undefined;
  #heartbeat: Timer | undefined;

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
    const client = this.#newClient({ connectionTimeoutMillis: CONNECT_LONGEST_MS }) as UnrefClient;
    let lost = false;
    const onLost = (error?: unknown) => {
      if (lost || this.#closed) return;
      lost = true;
      this.#client = undefined;
      this.#log.warn(
        { err: error, retryMs: this.#reconnectMs },
        'The connection for signals between nodes is lost',
      );
      this.#heartbeat?.cancel();
      hangUp(client);
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
    if (this.#closed || lost) return hangUp(client);
    // Like the SQLite workers: an open database does not keep the process alive, work does.
    client.unref();
    this.#client = client;
    this.#reconnectMs = RECONNECT_FIRST_MS;
    this.#local.signalAll();
    this.#scheduleHeartbeat(client, onLost);
  }

  /** Asks now and then for an answer on the connection itself; without one it counts as lost. */
  #scheduleHeartbeat(client: UnrefClient, onLost: (error: Error) => void): void {
    this.#heartbeat = this.#clock.after(HEARTBEAT_MS, () => {
      let isAnswered = false;
      const giveUp = () => {
        if (!isAnswered) onLost(new Error('No answer to the heartbeat'));
      };
      // One turn later: an answer that waits behind a stall of our own is read first.
      const patience = this.#clock.after(HEARTBEAT_ANSWER_MS, () => setImmediate(giveUp));
      client.query('select 1').then(() => {
        isAnswered = true;
        patience.cancel();
        if (this.#client === client) this.#scheduleHeartbeat(client, onLost);
      }, onLost);
    });
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
    this.#heartbeat?.cancel();
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    client.ref();
    const late = this.#clock.after(CLOSE_LONGEST_MS, () => hangUp(client));
    await client.end().catch(() => {});
    late.cancel();
  }
}

/** Ends a connection without waiting for an answer that may never come. */
function hangUp(client: UnrefClient): void {
  client.connection.stream.destroy();
  client.end().catch(() => {});
}
