// Health as the business sees it: a row can be written and read back, a picture can be stored, a provider takes work. Results
// are shared for some seconds, so that probes of anybody cost next to nothing, and a part that hangs counts as down.
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode, errorText } from '../kernel/errors.ts';
import type { LeaseTrouble, NodeLease } from '../kernel/lease.ts';
import type { Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import type { Stories } from '../stories/stories.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { findMark, setMark } from './store.ts';

const DATABASE_RESULT_MS = 1_000;
const STORE_RESULT_MS = 5_000;
/** A part that has not answered by then is down for whoever asks. */
const PROBE_TIMEOUT_MS = 5_000;
const MARK = 'readiness';

export interface Part {
  /** `database`, `store`, `engine`, `store:<name>`, or `provider:<name>`. */
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
  tasks: Pick<Tasks, 'loops'>;
  stories: Pick<Stories, 'loops'>;
}

type Outcome = Pick<Part, 'state' | 'reason' | 'code'>;

const LEASE_TROUBLE: Record<LeaseTrouble, string> = {
  not_renewed: 'This node could not renew its lease and runs no tasks until the database answers again.',
  history_lost:
    'The database lacks changes that it had confirmed (a failover to a standby that was behind, or an older backup). Nothing is sent to providers until it is accepted: drawbridge accept-database',
};

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

/** `provider:jimeng (The provider has no credential)`: for anybody, so without the detail. */
export function inShort({ name, code }: Part): string {
  if (!name.startsWith('provider:')) return name;
  return code === null ? name : `${name} (${errorText(code, 'en').title})`;
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
      ...this.#remoteStores(),
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

  /** Why the server is not ready; empty when it is. Terse: names and kinds of trouble, nothing of the inside. */
  async notReadyBecause(): Promise<string[]> {
    const parts = await this.parts();
    const providers = parts.filter(({ name }) => name.startsWith('provider:'));
    const reasons = parts
      .filter(({ name, state, required }) => required && state === 'down' && !name.startsWith('provider:'))
      .map(({ name }) => `${name} is not usable`);
    if (!this.#options.providers.overview().usable) {
      // The sandbox may work, but it is not what somebody waits for.
      const down = providers.filter(({ state }) => state === 'down').map(inShort);
      reasons.push(['no provider is usable', ...down].join('; '));
    }
    return reasons;
  }

  /**
   * Whether pictures can be made with what is configured: a provider is usable, and none lacks an accepted credential.
   */
  hasSession(parts: readonly Part[]): boolean {
    const lacks = ({ name, state, code }: Part) =>
      name.startsWith('provider:') &&
      state === 'down' &&
      (code === 'provider_credentials_missing' || code === 'provider_credentials_expired');
    return this.#options.providers.overview().usable && !parts.some(lacks);
  }

  /** Stores other than the disk; pictures go to the next one while one of them fails. */
  #remoteStores(): Part[] {
    return this.#options.media
      .storeHealth()
      .filter(({ kind }) => kind !== 'disk')
      .map(({ name, state, reason }) => ({
        name: `store:${name}`,
        state: state === 'resting' ? 'down' : 'ok',
        reason,
        code: state === 'resting' ? 'storage_unavailable' : null,
        required: false,
      }));
  }

  #engine(): Outcome {
    if (this.#isStopping) return { state: 'down', reason: 'The server is stopping.', code: null };
    const { node, tasks, media, stories } = this.#options;
    const { trouble } = node;
    if (trouble !== null)
      return { state: 'down', reason: LEASE_TROUBLE[trouble], code: 'database_unavailable' };
    const bad = [...tasks.loops, ...stories.loops, ...media.loops].find(
      ({ state }) => state === 'stalled' || state === 'failing',
    );
    if (!bad) return OK;
    const reason = `The loop "${bad.name}" ${bad.state === 'stalled' ? 'hung' : 'fails'}: ${bad.problem ?? 'no reason is known'}`;
    return { state: 'degraded', reason, code: null };
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
