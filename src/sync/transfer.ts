// Carries a plan out: many files at once in two lanes (small files are mostly waiting, large ones are mostly bytes), each tried
// again after a broken connection, and everything stopped where no file can work. Every file ends with one outcome.
import { createHash } from 'node:crypto';
import { type Clock, sleep } from '../kernel/clock.ts';
import { SyncFault, type SyncFaultKind, toSyncFault } from './fault.ts';
import { decide, decideByContent, type KeepReason, type PlanRules, type SendReason } from './plan.ts';
import type { LeftOut } from './selection.ts';
import { nameOf, type RemoteFile, type SourceFile, type Target } from './target.ts';

export const LARGE_FILE_BYTES = 1024 * 1024;
const MOST_TRIES = 5;
const FIRST_WAIT_MS = 250;

export type Outcome =
  | {
      name: string;
      bytes: number;
      result: 'sent';
      reason: SendReason;
      resumedBytes: number;
      /** Something else lay there. */
      replacedOther: boolean;
      tries: number;
    }
  | { name: string; bytes: number; result: 'kept'; reason: KeepReason | LeftOut }
  | { name: string; bytes: number; result: 'failed'; reason: SyncFaultKind | 'not_tried'; text: string };

export interface Progress {
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface TransferOptions {
  target: Target;
  clock: Clock;
  rules: PlanRules;
  signal: AbortSignal;
  /** Only says what would happen. */
  isDryRun: boolean;
  onOutcome(outcome: Outcome): void;
  onProgress(progress: Progress): void;
}

async function sha256OfSource(file: SourceFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.read()) hash.update(chunk);
  return hash.digest('hex');
}

/** Brings these files to the target; resolves when each has its outcome. */
export class Transfer {
  readonly #options: TransferOptions;
  readonly #there: ReadonlyMap<string, RemoteFile>;
  readonly #progress: Progress;
  #stop: SyncFault | null = null;

  constructor(
    options: TransferOptions,
    files: readonly SourceFile[],
    there: ReadonlyMap<string, RemoteFile>,
  ) {
    this.#options = options;
    this.#there = there;
    const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#progress = { files: 0, totalFiles: files.length, bytes: 0, totalBytes };
  }

  /** Why it was stopped before its end, if it was. */
  get stopped(): SyncFault | null {
    return this.#stop;
  }

  async run(files: readonly SourceFile[]): Promise<void> {
    const { lanes } = this.#options.target;
    const large = files.filter(({ bytes }) => bytes > LARGE_FILE_BYTES);
    const small = files.filter(({ bytes }) => bytes <= LARGE_FILE_BYTES);
    await Promise.all([this.#lane(large, lanes.large), this.#lane(small, lanes.small)]);
  }

  async #lane(files: readonly SourceFile[], width: number): Promise<void> {
    let next = 0;
    const work = async () => {
      for (let file = files[next++]; file !== undefined; file = files[next++]) {
        const outcome = await this.#one(file);
        this.#progress.files += 1;
        this.#options.onOutcome(outcome);
        this.#options.onProgress(this.#progress);
      }
    };
    await Promise.all(Array.from({ length: Math.min(width, files.length) }, work));
  }

  async #one(file: SourceFile): Promise<Outcome> {
    const base = { name: nameOf(file), bytes: file.bytes };
    for (let tries = 1; ; tries += 1) {
      if (this.#stop) return this.#notTried(base, this.#stop);
      const counted = { bytes: 0 };
      try {
        return await this.#try(file, tries, counted);
      } catch (error) {
        this.#progress.bytes -= counted.bytes;
        if (this.#options.signal.aborted) this.#stop ??= new SyncFault('failed', 'it was interrupted');
        const fault = toSyncFault(error);
        if (fault.stopsAll) this.#stop ??= fault;
        if (!this.#stop && fault.isRetryable && tries < MOST_TRIES) {
          await sleep(this.#options.clock, FIRST_WAIT_MS * 2 ** (tries - 1), this.#options.signal).catch(
            () => {},
          );
          continue;
        }
        this.#progress.bytes += file.bytes;
        // Where nobody could be reached five times in a row, the others would wait as long for the same.
        if (fault.kind === 'connection') this.#stop ??= fault;
        return { ...base, result: 'failed', reason: fault.kind, text: fault.message };
      }
    }
  }

  #notTried(base: { name: string; bytes: number }, { message }: SyncFault): Outcome {
    return { ...base, result: 'failed', reason: 'not_tried', text: message };
  }

  async #try(file: SourceFile, tries: number, counted: { bytes: number }): Promise<Outcome> {
    const { target, rules, isDryRun, signal } = this.#options;
    const base = { name: nameOf(file), bytes: file.bytes };
    const count = (bytes: number) => {
      counted.bytes += bytes;
      this.#progress.bytes += bytes;
      this.#options.onProgress(this.#progress);
    };
    let decision = decide(file, this.#there.get(base.name), rules);
    if (decision.action === 'compare') {
      const [here, there] = await Promise.all([sha256OfSource(file), target.sha256Of(file)]);
      decision = decideByContent(`${here}` === `${there}`, decision.isOlder, rules);
    }
    if (decision.action !== 'send') {
      count(file.bytes);
      const reason = decision.action === 'keep' ? decision.reason : 'target_different';
      return { ...base, result: 'kept', reason };
    }
    const { reason, replaces, isDifferent: replacedOther } = decision;
    if (isDryRun) {
      count(file.bytes);
      return { ...base, result: 'sent', reason, resumedBytes: 0, replacedOther, tries };
    }
    const { resumedBytes } = await target.send(file, { replaces, onBytes: count, signal });
    return { ...base, result: 'sent', reason, resumedBytes, replacedOther, tries };
  }
}
