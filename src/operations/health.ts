// Health as the business sees it: a row can be written and read back, a picture can be stored, a provider takes work. Results
// are shared for some seconds, so that probes of anybody cost next to nothing, and a part that hangs counts as down.
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import { findMark, setMark } from './store.ts';

const DATABASE_RESULT_MS = 1_000;
const STORE_RESULT_MS = 5_000;
/** A part that has not answered by then is down for whoever asks. */
const PROBE_TIMEOUT_MS = 5_000;
const MARK = 'readiness';

export interface Part {
  /** `database`, `store`, `engine`, or `provider:<name>`. */
  name: string;
  state: 'ok' | 'degraded' | 'down';
  /** Why it is not ok, in plain English. */
  reason: string | null;
  code: ErrorCode | null;
  /** Whether the server is not ready without it. */
  required: boolean;
}

export interface HealthOptions {
  db: Db;
  clock: Clock;
  media: Media;
  providers: Providers;
  node: NodeLease;
}

type Outcome = Pick<Part, 'state' | 'reason' | 'code'>;

const OK: Outcome = { state: 'ok', reason: null, code: null };

/** Runs a probe at most once per `keepMs` and shares its result, also among those who ask meanwhile. */
class SharedProbe {
  readonly #run: () => Promise<void>;
  readonly #keepMs: number;
  readonly #clock: Clock;
  readonly #code: ErrorCode;
  #latest: { startedAt: number; outcome: Promise<Outcome> } | null = null;

  constructor(clock: Clock, keepMs: number, code: ErrorCode, run: () => Promise<void>) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#code = code;
    this.#run = run;
  }

  outcome(): Promise<Outcome> {
    const now = this.#clock.monotonicMs();
    if (!this.#latest || now - this.#latest.startedAt >= this.#keepMs) {
      this.#latest = { startedAt: now, outcome: this.#probe() };
    }
    return this.#latest.outcome;
  }

  async #probe(): Promise<Outcome> {
    const over = new AbortController();
    const late = sleep(this.#clock, PROBE_TIMEOUT_MS, over.signal).then(() => {
      throw new AppError(this.#code, { detail: `It did not answer within ${PROBE_TIMEOUT_MS / 1000} s.` });
    });
    // Lost races must not end the process as unhandled rejections.
    late.catch(() => {});
    try {
      await Promise.race([this.#run(), late]);
      return OK;
    } catch (error) {
      const known = error instanceof AppError ? error : null;
      const reason = known?.message ?? `It failed: ${error instanceof Error ? error.message : String(error)}`;
      return { state: 'down', reason, code: known?.code ?? this.#code };
    } finally {
      over.abort();
    }
  }
}

export class Health {
  readonly #options: HealthOptions;
  readonly #database: SharedProbe;
  readonly #store: SharedProbe;
  #isStopping = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    const { clock, media } = options;
    this.#database = new SharedProbe(clock, DATABASE_RESULT_MS, 'database_unavailable', () =>
      this.#writeAndReadBack(),
    );
    this.#store = new SharedProbe(clock, STORE_RESULT_MS, 'storage_unavailable', () => media.probe());
  }

  /** From now on the server is not ready: it finishes what it has and takes no more. */
  stop(): void {
    this.#isStopping = true;
  }

  /** All parts, required ones first. */
  async parts(): Promise<Part[]> {
    const [database, store] = await Promise.all([this.#database.outcome(), this.#store.outcome()]);
    const { usable, providers } = this.#options.providers.overview();
    return [
      { name: 'database', ...database, required: true },
      { name: 'store', ...store, required: true },
      { name: 'engine', ...this.#engine(), required: true },
      ...providers.map(
        (health): Part => ({
          name: `provider:${health.name}`,
          state: health.state === 'healthy' ? 'ok' : health.state,
          reason: health.reason?.detail ?? null,
          code: health.reason?.code ?? null,
          // One usable provider is enough.
          required: !usable,
        }),
      ),
    ];
  }

  /** Why the server is not ready; empty when it is. Terse: names and states, nothing of the inside. */
  async notReadyBecause(): Promise<string[]> {
    const parts = await this.parts();
    const reasons = parts
      .filter(({ name, state, required }) => required && state === 'down' && !name.startsWith('provider:'))
      .map(({ name }) => `${name} is not usable`);
    if (!this.#options.providers.overview().usable) reasons.push('no provider is usable');
    return reasons;
  }

  #engine(): Outcome {
    if (this.#isStopping) return { state: 'down', reason: 'The server is stopping.', code: null };
    if (!this.#options.node.lost.aborted) return OK;
    return {
      state: 'down',
      reason: 'This node could not renew its lease, so it runs no tasks until it is restarted.',
      code: 'database_unavailable',
    };
  }

  async #writeAndReadBack(): Promise<void> {
    const { db, clock, node } = this.#options;
    const mark = { name: MARK, at: clock.now(), ok: 1 as const, note: node.id };
    await db.write(setMark, mark);
    const found = await findMark(db.read, MARK);
    // Another node may have written since, by a clock of its own.
    if (!found || (found.note === node.id && found.at < mark.at))
      throw new AppError('database_unavailable', { detail: 'What was just written was not found again.' });
  }
}
