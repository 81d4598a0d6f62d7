// This node's view of the cluster's breakers: read from the database at every signal and tick, so that claims and creates
// need no query of their own, and changed only through it. Whoever is due to probe an open breaker is decided there too.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { Logger } from '../kernel/log.ts';
import {
  type Channel,
  type ChannelEvent,
  type ChannelKey,
  freshChannel,
  isProbeDue,
  nextChannel,
} from './breaker.ts';
import {
  applyEvent,
  type ChannelChange,
  type HistoryRow,
  listChannels,
  listHistory,
  takeProbe,
} from './store.ts';

/** Between nodes: a breaker changed. */
const BREAKERS_CHANNEL = 'breakers';
/** The poll behind the signal, and how exactly a due probe is met. */
const REFRESH_MS = 1_000;

const idOf = ({ provider, scope, name }: ChannelKey) => `${provider}\n${scope}\n${name}`;

export interface BreakerBoardOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Whether this node has the provider; what it does not have it leaves to others. */
  isServed(provider: string): boolean;
  /** Probes what this breaker stands for and applies the outcome; called on one node of the cluster. Never throws. */
  probeDue(channel: Channel): Promise<void>;
}

export class BreakerBoard {
  readonly #options: BreakerBoardOptions;
  #channels = new Map<string, Channel>();
  /** Breakers by provider, for the questions that each claim asks. */
  #byProvider = new Map<string, Channel[]>();
  #refreshing: Promise<void> | null = null;
  #isStale = false;
  #timer: Timer | null = null;
  #unsubscribe: (() => void) | null = null;
  #isClosed = false;

  constructor(options: BreakerBoardOptions) {
    this.#options = options;
  }

  get(key: ChannelKey): Channel {
    return this.#channels.get(idOf(key)) ?? freshChannel(key);
  }

  /** All rows of a provider; none when nothing was ever wrong. */
  of(provider: string): readonly Channel[] {
    return this.#byProvider.get(provider) ?? [];
  }

  /** Follows the database until `close`; idempotent. */
  async start(): Promise<void> {
    if (this.#unsubscribe || this.#isClosed) return;
    this.#unsubscribe = this.#options.db.onSignal(BREAKERS_CHANNEL, () => void this.refresh());
    await this.refresh();
    this.#schedule();
  }

  /** Reads all breakers anew; keeps the old view when the database does not answer. */
  refresh(): Promise<void> {
    this.#isStale = true;
    this.#refreshing ??= this.#readUntilFresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Applies an event for the whole cluster. Without a database the view of this node alone changes. Never throws. */
  async apply(key: ChannelKey, event: ChannelEvent): Promise<ChannelChange> {
    const { db, clock, log } = this.#options;
    const now = clock.now();
    let change: ChannelChange;
    try {
      change = await db.write(applyEvent, { key, event, now });
    } catch (error) {
      log.warn({ err: error, ...key }, 'a breaker could not be written; this node goes by its own view');
      const before = this.get(key);
      change = { before, after: nextChannel(before, event, now) };
    }
    const { before, after } = change;
    this.#set(after);
    if (before.state !== after.state || before.drained !== after.drained) this.#tell(before, after);
    if (!isSameRow(before, after)) db.signal(BREAKERS_CHANNEL);
    return change;
  }

  history(provider: string, limit: number): Promise<HistoryRow[]> {
    return listHistory(this.#options.db.slow, provider, limit);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#unsubscribe?.();
  }

  async #readUntilFresh(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      try {
        const channels = await listChannels(this.#options.db.read);
        this.#channels = new Map(channels.map((channel) => [idOf(channel), channel]));
        this.#byProvider = Map.groupBy(channels, (channel) => channel.provider);
      } catch (error) {
        if (!this.#isClosed) this.#options.log.warn({ err: error }, 'the breakers could not be read');
      }
    }
  }

  #set(channel: Channel): void {
    this.#channels.set(idOf(channel), channel);
    const others = this.of(channel.provider).filter((other) => idOf(other) !== idOf(channel));
    this.#byProvider.set(channel.provider, [...others, channel]);
  }

  #tell(before: Channel, after: Channel): void {
    const { provider, scope, name, state, reason_code, reason_detail, next_probe_at, drained } = after;
    this.#options.log.info(
      {
        provider,
        scope,
        name,
        from: before.state,
        to: state,
        reason_code,
        reason_detail,
        next_probe_at,
        drained,
      },
      'provider breaker changed',
    );
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(REFRESH_MS, () => {
      void this.#tick().finally(() => this.#schedule());
    });
  }

  async #tick(): Promise<void> {
    await this.refresh();
    const { clock, isServed } = this.#options;
    const now = clock.now();
    for (const channel of [...this.#channels.values()]) {
      if (isProbeDue(channel, now) && isServed(channel.provider)) void this.#probe(channel);
    }
  }

  async #probe({ provider, scope, name }: Channel): Promise<void> {
    const { db, clock, log } = this.#options;
    const key = { provider, scope, name };
    try {
      const taken = await db.write(takeProbe, { key, now: clock.now() });
      if (!taken) return;
      this.#set(taken);
      await this.#options.probeDue(taken);
    } catch (error) {
      if (!this.#isClosed) log.warn({ err: error, ...key }, 'a due probe could not be made');
    }
  }
}

function isSameRow(a: Channel, b: Channel): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
