// Providers' call backs. The address is the secret: whoever does not know it learns and changes nothing. A call back that is
// the provider's own makes the task's run poll, on whichever node it is; no state is ever taken from its body. Replayed,
// reordered and doubled ones therefore cost one poll at most.
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { equalSecrets } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { isPublicAddress } from '../kernel/outbound-address.ts';
import type { CallbackVerdict, ProviderAdapter } from '../providers/provider.ts';
import type { Providers } from '../providers/providers.ts';
import {
  type CalledAttempt,
  findByCallbackToken,
  isJobOfAnother,
  listCalledBack,
  noteCallback,
} from './callback-store.ts';
import type { LiveRuns } from './live-runs.ts';

/** Says to all nodes that a provider called back about a task that the called node does not run. */
export const CALLBACK_CHANNEL = 'callback';
/** How far back a signalled node looks: signals arrive within milliseconds, clocks of nodes differ by more. */
const LOOK_BACK_MS = 60_000;
/** Names that only this machine or its own network resolves. */
const LOCAL_NAMES = /(?:^|\.)(?:localhost|local|internal|lan|home|corp|intranet|home\.arpa|test|invalid)\.?$/;

export interface IncomingCallback {
  provider: string;
  token: string;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
}

export interface CallbacksOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  providers: Providers;
  live: LiveRuns;
}

export class Callbacks {
  readonly #options: CallbacksOptions;
  /** When each of this node's tasks was last called back, as far as it was woken for it. */
  readonly #seen = new Map<string, number>();

  constructor(options: CallbacksOptions) {
    this.#options = options;
    const { db, log } = options;
    db.onSignal(CALLBACK_CHANNEL, () => {
      void this.#wakeCalledBack().catch((error: unknown) =>
        log.warn({ err: error }, 'call backs could not be read; their tasks are polled all the same'),
      );
    });
  }

  /**
   * Takes one call back. Throws `not_found` for an address that was never given out or a job that is another's, and
   * `authentication_required` for one that is not the provider's own or was sent long ago.
   */
  async receive(call: IncomingCallback): Promise<void> {
    const { db, log, providers } = this.#options;
    const attempt = await findByCallbackToken(db.read, call.token);
    const adapter = providers.adapter(call.provider);
    // Compared also where there is none, so that every wrong address costs the same.
    const isKnown = equalSecrets(attempt?.callback_token ?? '', call.token);
    if (!attempt || !isKnown || attempt.provider !== call.provider || !adapter?.parseCallback)
      throw unknownAddress();
    const verdict = this.#judge(adapter, call);
    if (verdict.state !== 'wake') {
      log.warn(
        { task_id: attempt.task_id, provider: call.provider },
        `a ${verdict.state} call back was refused`,
      );
      throw new AppError('authentication_required', {
        detail: `The call back is ${verdict.state === 'stale' ? 'too old' : "not signed with the provider's key"}.`,
        fix: "Compare the signing key in Drawbridge's settings with the provider's, and the clocks of both.",
      });
    }
    await this.#take(attempt, verdict.jobId);
  }

  #judge(adapter: ProviderAdapter, call: IncomingCallback): CallbackVerdict {
    const { clock, log } = this.#options;
    const headers = Object.fromEntries(
      Object.entries(call.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : value,
      ]),
    );
    try {
      const verdict = adapter.parseCallback?.({ headers, body: call.body, nowMs: clock.now() });
      return verdict ?? { state: 'forged' };
    } catch (error) {
      log.error({ err: error, provider: call.provider }, 'an adapter failed at a call back; it is refused');
      return { state: 'forged' };
    }
  }

  async #take(attempt: CalledAttempt, jobId: string | null): Promise<void> {
    const { db, clock, live } = this.#options;
    const { task_id: taskId, n, outcome } = attempt;
    if (jobId !== null) {
      const isForeign =
        attempt.job_id === null ? await isJobOfAnother(db.read, attempt, jobId) : attempt.job_id !== jobId;
      if (isForeign) throw new AppError('not_found', { detail: 'The call back is about another job.' });
    }
    if (outcome !== 'open' && outcome !== 'accepted') return;
    // An accepted job that this node polls needs no more than a word; everything else must outlive this process.
    if (outcome === 'accepted' && live.wake(taskId)) return;
    await db.write(noteCallback, { taskId, n, jobId, now: clock.now() });
    live.wake(taskId);
    db.signal(CALLBACK_CHANNEL);
  }

  async #wakeCalledBack(): Promise<void> {
    const { db, clock, live } = this.#options;
    if (live.size === 0) return this.#seen.clear();
    const sinceMs = clock.now() - LOOK_BACK_MS;
    for (const [taskId, calledAtMs] of this.#seen) if (calledAtMs <= sinceMs) this.#seen.delete(taskId);
    for (const { task_id: taskId, called_back_at: calledAtMs } of await listCalledBack(db.read, sinceMs)) {
      if (calledAtMs === null || calledAtMs <= (this.#seen.get(taskId) ?? 0)) continue;
      if (live.wake(taskId)) this.#seen.set(taskId, calledAtMs);
    }
  }
}

function unknownAddress(): AppError {
  return new AppError('not_found', { detail: 'There is no such call-back address.' });
}

/** The address that a provider calls back; null when nothing outside can reach this server under its public URL. */
export function callbackAddress(publicUrl: string | null, provider: string, token: string): string | null {
  if (publicUrl === null || !isReachable(new URL(publicUrl))) return null;
  return `${publicUrl}/v1/callbacks/${encodeURIComponent(provider)}/${token}`;
}

function isReachable({ hostname }: URL): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  if (bare.includes(':') || /^[\d.]+$/.test(bare)) return isPublicAddress(bare);
  return bare.includes('.') && !LOCAL_NAMES.test(bare);
}
