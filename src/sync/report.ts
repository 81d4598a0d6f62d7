// Gathers the outcomes of a sync into its report: how much went, and for which reason each file that did not go stayed.
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import { MOST_FAILURES_KEPT, type SyncReport } from './contract.ts';
import type { SyncFault } from './fault.ts';
import type { PublicCheck } from './public-check.ts';
import type { Outcome } from './transfer.ts';

const MAX_TEXT_CHARS = 1_000;
const MAX_NAME_CHARS = 300;
/** Files that are at the target as they are here. */
const EQUAL: ReadonlySet<string> = new Set(['same', 'same_name', 'same_content']);
/** Files that were not sent although they differ. */
const HELD_BACK = ['target_newer', 'target_different'] as const;

type Fixed = Pick<SyncReport, 'target' | 'what' | 'mode' | 'comparison' | 'dry_run'>;

export class ReportBuilder {
  readonly #clock: Clock;
  readonly #fixed: Fixed;
  readonly #startedAtMs: number;
  readonly #kept = new Map<string, number>();
  readonly #failed = new Map<string, number>();
  readonly #failures: SyncReport['failures'] = [];
  readonly #sums = { files: 0, bytes: 0, sent: 0, sentBytes: 0, resumedBytes: 0, replaced: 0 };
  places: SyncReport['places'] = [];
  release: string | null = null;

  constructor(clock: Clock, fixed: Fixed) {
    this.#clock = clock;
    this.#fixed = fixed;
    this.#startedAtMs = clock.now();
  }

  add(outcome: Outcome): void {
    const sums = this.#sums;
    sums.files += 1;
    sums.bytes += outcome.bytes;
    if (outcome.result === 'sent') {
      sums.sent += 1;
      sums.sentBytes += outcome.bytes;
      sums.resumedBytes += outcome.resumedBytes;
      if (outcome.replacedOther) sums.replaced += 1;
      return;
    }
    const counts = outcome.result === 'kept' ? this.#kept : this.#failed;
    counts.set(outcome.reason, (counts.get(outcome.reason) ?? 0) + 1);
    if (outcome.result !== 'failed' || this.#failures.length >= MOST_FAILURES_KEPT) return;
    this.#failures.push({
      name: outcome.name.slice(0, MAX_NAME_CHARS),
      reason: outcome.reason,
      text: outcome.text.slice(0, MAX_TEXT_CHARS),
    });
  }

  /** The report as it stands now. `error`: what stopped the sync as a whole. */
  build(publicCheck: PublicCheck | null, error: SyncFault | null): SyncReport {
    const sums = this.#sums;
    const isUnseen = publicCheck === null || publicCheck.samples.length === 0;
    return {
      ...this.#fixed,
      started_at: toTimestamp(this.#startedAtMs),
      ended_at: toTimestamp(this.#clock.now()),
      state: this.#state(publicCheck, error),
      places: this.places,
      files: sums.files,
      bytes: sums.bytes,
      sent: sums.sent,
      sent_bytes: sums.sentBytes,
      resumed_bytes: sums.resumedBytes,
      replaced: sums.replaced,
      kept: Object.fromEntries(this.#kept),
      failed: Object.fromEntries(this.#failed),
      failures: this.#failures,
      public_check: isUnseen
        ? null
        : publicCheck.wrong.map(({ kind, why, urls, place }) => ({ kind, why, url: urls[0] ?? '', place })),
      release: this.release,
      error: error ? error.message.slice(0, MAX_TEXT_CHARS) : null,
    };
  }

  #state(publicCheck: PublicCheck | null, error: SyncFault | null): SyncReport['state'] {
    const { sent, files } = this.#sums;
    const equal = [...this.#kept].reduce((sum, [reason, count]) => sum + (EQUAL.has(reason) ? count : 0), 0);
    const isHeldBack = HELD_BACK.some((reason) => this.#kept.has(reason));
    const hasFailed = this.#failed.size > 0 || error !== null;
    if (hasFailed) return sent > 0 ? 'partial' : 'failed';
    if (files > 0 && sent === 0 && equal === 0) return 'nothing_sent';
    return isHeldBack || (publicCheck?.wrong.length ?? 0) > 0 ? 'partial' : 'done';
  }
}
