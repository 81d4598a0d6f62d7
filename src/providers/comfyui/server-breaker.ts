// Whether one ComfyUI server of the pool is worth asking. Closed: it gets jobs. Open after some failures in a row: it gets
// none until its next trial is due, whose wait doubles. Half-open while one question tries it. Any answer closes it again:
// polls of its jobs and probes go on all the time, so that it closes by itself.
import type { Clock } from '../../kernel/clock.ts';

const FAILURES_TO_OPEN = 3;
const FIRST_REST_MS = 15_000;
const LONGEST_REST_MS = 5 * 60_000;
/** A trial that never came to an end does not keep the server out for ever. */
const TRIAL_TIMEOUT_MS = 60_000;
const HISTORY_LENGTH = 20;

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BreakerChange {
  /** Wall time in milliseconds. */
  atMs: number;
  from: BreakerState;
  to: BreakerState;
  reason: string | null;
}

export interface BreakerDetail {
  state: BreakerState;
  /** The last failure in plain words; null while it works. */
  reason: string | null;
  /** In a row. */
  failures: number;
  /** Wall time of the next trial; null unless it is open. */
  nextProbeAtMs: number | null;
  /** Since when it has not answered, wall time; null while it does. */
  unreachableSinceMs: number | null;
  /** Oldest first. */
  history: readonly BreakerChange[];
}

export class ServerBreaker {
  readonly #clock: Clock;
  readonly #onChange: (change: BreakerChange) => void;
  #state: BreakerState = 'closed';
  #failures = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #reason: string | null = null;
  #restMs = FIRST_REST_MS;
  /** Monotonic, like all times in here but those of the history. */
  #nextTrialAtMs = 0;
  #unreachableSinceMs: number | null = null;
  #history: BreakerChange[] = [];

  constructor(clock: Clock, onChange: (change: BreakerChange) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Works as far as is known: it did not fail just now. */
  get isTrusted(): boolean {
    return this.#state === 'closed' && this.#clock.monotonicMs() - this.#failedAtMs >= FIRST_REST_MS;
  }

  get isTrialDue(): boolean {
    return this.#state !== 'closed' && this.#clock.monotonicMs() >= this.#nextTrialAtMs;
  }

  /** How long it has given no answer at all; 0 while it does. */
  get unreachableForMs(): number {
    return this.#unreachableSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#unreachableSinceMs;
  }

  /** One question goes out to try it; without effect while it is closed. */
  beginTrial(): void {
    if (this.#state === 'closed') return;
    this.#nextTrialAtMs = this.#clock.monotonicMs() + TRIAL_TIMEOUT_MS;
    this.#change('half_open', this.#reason);
  }

  succeed(): void {
    this.#failures = 0;
    this.#failedAtMs = Number.NEGATIVE_INFINITY;
    this.#unreachableSinceMs = null;
    if (this.#state === 'closed') {
      this.#reason = null;
      return;
    }
    this.#restMs = FIRST_REST_MS;
    this.#reason = null;
    this.#change('closed', null);
  }

  /** `isSilent`: there was no answer of a ComfyUI at all. */
  fail(reason: string, isSilent: boolean): void {
    const now = this.#clock.monotonicMs();
    this.#failures += 1;
    this.#failedAtMs = now;
    this.#reason = reason;
    if (isSilent) this.#unreachableSinceMs ??= now;
    else this.#unreachableSinceMs = null;
    if (this.#state === 'half_open') this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
    const opens =
      this.#state === 'half_open' || (this.#state === 'closed' && this.#failures >= FAILURES_TO_OPEN);
    if (!opens) return;
    this.#nextTrialAtMs = now + this.#restMs;
    this.#change('open', reason);
  }

  detail(): BreakerDetail {
    const toWall = this.#clock.now() - this.#clock.monotonicMs();
    const since = this.#unreachableSinceMs;
    return {
      state: this.#state,
      reason: this.#reason,
      failures: this.#failures,
      nextProbeAtMs: this.#state === 'open' ? Math.round(toWall + this.#nextTrialAtMs) : null,
      unreachableSinceMs: since === null ? null : Math.round(toWall + since),
      history: [...this.#history],
    };
  }

  #change(to: BreakerState, reason: string | null): void {
    if (to === this.#state) return;
    const change = { atMs: this.#clock.now(), from: this.#state, to, reason };
    this.#state = to;
    this.#history = [...this.#history, change].slice(-HISTORY_LENGTH);
    this.#onChange(change);
  }
}
