// Asking providers whether they work, for nothing: all of them now and then, an open breaker when it is due, and one when an
// operator wants to know. What a probe says goes to the breakers, so that the whole cluster knows it.
import { type Clock, type Timer, timeoutSignal } from '../kernel/clock.ts';
import { type Channel, type ChannelKey, judge, type Reason } from './breaker.ts';
import type { BreakerBoard } from './breaker-board.ts';
import { severalCredentials } from './gate.ts';
import { type ProviderAdapter, ProviderError } from './provider.ts';
import type { ProviderCounters } from './provider-counters.ts';
import { reasonOf } from './provider-errors.ts';

/** How often every provider is probed unless it is configured otherwise; probes cost nothing. */
export const PROBE_INTERVAL_MS = 60_000;
const PROBE_TIMEOUT_MS = 20_000;

export interface ProberOptions {
  clock: Clock;
  board: BreakerBoard;
  counters: ProviderCounters;
  intervalMs: number;
  names(): string[];
  adapter(name: string): ProviderAdapter | null;
}

interface Answer {
  credential: string | null;
  note: string | null;
  error: unknown;
}

/** What the last look at a provider said. */
export interface LastProbe {
  checkedAt: number;
  note: string | null;
  /** Null when it, or one of its accounts at least, works. */
  reason: Reason | null;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #last = new Map<string, LastProbe>();
  readonly #closing = new AbortController();
  #timer: Timer | null = null;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  last(name: string): LastProbe | null {
    return this.#last.get(name) ?? null;
  }

  forget(name: string): void {
    this.#last.delete(name);
  }

  /** Probes all providers now, whatever their breakers say, and then every interval those that no breaker holds. */
  async start(): Promise<void> {
    const { clock, intervalMs, names } = this.#options;
    await Promise.all(names().map((name) => this.probe(name)));
    const next = () => {
      if (this.#closing.signal.aborted) return;
      this.#timer = clock.after(intervalMs, () => {
        void Promise.all(names().map((name) => this.#probeClosed(name))).finally(next);
      });
    };
    next();
  }

  close(): void {
    this.#timer?.cancel();
    this.#closing.abort(new Error('The server stops'));
  }

  /** Asks a provider with each of its accounts, and remembers the answer. Never throws for what the provider says. */
  async probe(name: string): Promise<LastProbe | null> {
    const adapter = this.#options.adapter(name);
    if (!adapter) return null;
    const ids = severalCredentials(adapter).map(({ id }) => id);
    return this.#settle(adapter, await this.#askAll(adapter, ids.length === 0 ? [null] : ids));
  }

  /** The probe of an open breaker: the account it stands for, or the provider as a whole. */
  async probeDue({ provider, scope, name }: Channel): Promise<void> {
    const adapter = this.#options.adapter(provider);
    if (!adapter) return;
    const { board } = this.#options;
    const several = severalCredentials(adapter).map(({ id }) => id);
    const asked = scope === 'credential' ? [name] : several.length === 0 ? [null] : several;
    const answers = await this.#askAll(adapter, asked);
    if (this.#closing.signal.aborted) return;
    const failure = answers.every(({ error }) => error !== null) ? answers[0]?.error : null;
    await board.apply(
      { provider, scope, name },
      failure === null
        ? { type: 'probe_ok' }
        : { type: 'probe_failed', reason: reasonOf(failure), isDue: true },
    );
    this.#remember(adapter, answers);
  }

  /** Those whose own breaker is open are probed when it is due, not more often (fault row S6: no hot loop). */
  async #probeClosed(name: string): Promise<void> {
    const { adapter: find, board } = this.#options;
    const adapter = find(name);
    if (!adapter || board.get({ provider: name, scope: 'provider', name: '' }).state === 'open') return;
    const several = severalCredentials(adapter).map(({ id }) => id);
    const closed = several.filter(
      (id) => board.get({ provider: name, scope: 'credential', name: id }).state !== 'open',
    );
    if (several.length > 0 && closed.length === 0) return;
    await this.#settle(adapter, await this.#askAll(adapter, several.length === 0 ? [null] : closed));
  }

  async #askAll(adapter: ProviderAdapter, credentials: readonly (string | null)[]): Promise<Answer[]> {
    return Promise.all(credentials.map((credential) => this.#ask(adapter, credential)));
  }

  async #ask(adapter: ProviderAdapter, credential: string | null): Promise<Answer> {
    const { clock, counters } = this.#options;
    const timeout = timeoutSignal(clock, PROBE_TIMEOUT_MS);
    const signal = AbortSignal.any([this.#closing.signal, timeout]);
    try {
      const result = await adapter.probe({ signal, credential });
      counters.add('probe_ok', adapter.name);
      return { credential, note: result.note, error: null };
    } catch (error) {
      counters.add('probe_failed', adapter.name);
      return { credential, note: null, error };
    }
  }

  async #settle(adapter: ProviderAdapter, answers: readonly Answer[]): Promise<LastProbe | null> {
    if (this.#closing.signal.aborted) return this.last(adapter.name);
    const own: ChannelKey = { provider: adapter.name, scope: 'provider', name: '' };
    const isAccount = answers.some(({ credential }) => credential !== null);
    if (isAccount) {
      for (const { credential, error } of answers) {
        // What speaks of the service and not of the account is the provider's own.
        if (credential === null || (error !== null && kindOf(error) === 'failure')) continue;
        await this.#apply({ provider: adapter.name, scope: 'credential', name: credential }, error);
      }
    }
    const isDown = answers.length > 0 && answers.every(({ error }) => error !== null);
    const service = answers.find(
      ({ error }) => error !== null && (!isAccount || kindOf(error) === 'failure'),
    );
    if (!isDown) await this.#apply(own, null);
    else if (service) await this.#apply(own, service.error);
    return this.#remember(adapter, answers);
  }

  async #apply(key: ChannelKey, error: unknown): Promise<void> {
    const { board, counters } = this.#options;
    if (error === null) {
      if (board.get(key).state === 'open') await board.apply(key, { type: 'probe_ok' });
    } else if (kindOf(error) === 'throttle') {
      const retryAfterMs = error instanceof ProviderError ? error.retryAfterMs : null;
      counters.add('throttled', key.provider);
      await board.apply(key, { type: 'throttle', retryAfterMs });
    } else {
      await board.apply(key, { type: 'probe_failed', reason: reasonOf(error), isDue: false });
    }
  }

  #remember(adapter: ProviderAdapter, answers: readonly Answer[]): LastProbe {
    const failed = answers.every(({ error }) => error !== null) ? answers[0] : undefined;
    const labels = new Map(severalCredentials(adapter).map(({ id, label }) => [id, label]));
    const notes = answers.flatMap(({ credential, note }) => {
      const label = credential === null ? undefined : labels.get(credential);
      return note === null ? [] : [label === undefined ? note : `${label}: ${note}`];
    });
    const last: LastProbe = {
      checkedAt: this.#options.clock.now(),
      note: notes.length === 0 ? null : notes.join('; '),
      reason: failed ? reasonOf(failed.error) : null,
    };
    this.#last.set(adapter.name, last);
    return last;
  }
}

function kindOf(error: unknown) {
  return error instanceof ProviderError ? judge(error.kind) : 'failure';
}
