// One outbound exchange while it lasts: its time limits, what cuts it, and whether anything of it was sent.
import type { Dispatcher } from 'undici';
import type { Clock, Timer } from './clock.ts';
import {
  OutboundError,
  type OutboundErrorKind,
  type OutboundPhase,
  toOutboundError,
} from './outbound-error.ts';

/** Tells when the request is about to be written and when pieces of it have been. */
export class WatchingHandler implements Dispatcher.DispatchHandler {
  readonly #inner: Dispatcher.DispatchHandler;
  readonly #onStart: () => void;
  readonly #onProgress: () => void;
  readonly #onSent: () => void;

  constructor(
    inner: Dispatcher.DispatchHandler,
    onStart: () => void,
    onProgress: () => void,
    onSent = onProgress,
  ) {
    this.#inner = inner;
    this.#onStart = onStart;
    this.#onProgress = onProgress;
    this.#onSent = onSent;
  }

  onRequestStart(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestStart']>>): void {
    this.#onStart();
    this.#inner.onRequestStart?.(...args);
  }
  onBodySent(): void {
    this.#onProgress();
  }
  onRequestSent(): void {
    this.#onSent();
  }
  onRequestUpgrade(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>): void {
    this.#inner.onRequestUpgrade?.(...args);
  }
  onResponseStart(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    this.#inner.onResponseStart?.(...args);
  }
  onResponseData(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseData']>>): void {
    this.#inner.onResponseData?.(...args);
  }
  onResponseEnd(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    this.#inner.onResponseEnd?.(...args);
  }
  onResponseError(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>): void {
    this.#inner.onResponseError?.(...args);
  }
}

/** One exchange's limits: cuts it with a reason, and knows whether anything was sent. */
export class Exchange {
  readonly clock: Clock;
  readonly about: string;
  readonly #abort = new AbortController();
  readonly #total: Timer;
  readonly #stopListening: () => void;
  readonly #onEnd: () => void;
  #phaseTimer: Timer | null = null;
  #release: () => void = () => {};
  phase: OutboundPhase = 'not_sent';

  constructor(options: {
    clock: Clock;
    about: string;
    totalTimeoutMs: number;
    signal: AbortSignal | undefined;
    onEnd: () => void;
  }) {
    const { clock, about, totalTimeoutMs, signal } = options;
    this.clock = clock;
    this.about = about;
    this.#onEnd = options.onEnd;
    this.#total = clock.after(totalTimeoutMs, () =>
      this.cut('total_timeout', `took longer than ${totalTimeoutMs} ms`),
    );
    const onAbort = () => this.cut('aborted', 'was stopped');
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cut(kind: OutboundErrorKind, what: string): void {
    this.#abort.abort(new OutboundError(kind, this.phase, `${this.about}: ${what}`));
  }

  /** Replaces the running limit on the present step. */
  limit(kind: OutboundErrorKind, timeoutMs: number): void {
    this.#phaseTimer?.cancel();
    this.#phaseTimer = this.clock.after(timeoutMs, () => this.cut(kind, `no progress for ${timeoutMs} ms`));
  }

  unlimit(): void {
    this.#phaseTimer?.cancel();
    this.#phaseTimer = null;
  }

  /** What to undo when the exchange, or this hop of it, is over. */
  holds(release: () => void): void {
    this.#release = release;
  }

  leaveHop(): void {
    this.unlimit();
    this.#release();
    this.#release = () => {};
  }

  /** Idempotent. */
  end(): void {
    this.#total.cancel();
    this.#stopListening();
    this.leaveHop();
    this.#onEnd();
  }

  /** The outcome of `work`, or the cut if that comes first: undici heeds its signal only once it is connected. */
  orCut<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onCut = () => reject(this.signal.reason);
      if (this.signal.aborted) onCut();
      this.signal.addEventListener('abort', onCut, { once: true });
      work.then(resolve, reject).finally(() => this.signal.removeEventListener('abort', onCut));
    });
  }

  /** The reason it was cut for, if it was, else what was thrown, classified. */
  explain(error: unknown): OutboundError {
    const { reason } = this.#abort.signal;
    const found = reason instanceof OutboundError ? reason : toOutboundError(error, this.phase, this.about);
    // A later hop may fail before it is sent, but the request as a whole has been.
    return found.phase === this.phase || this.phase === 'not_sent'
      ? found
      : new OutboundError(found.kind, this.phase, found.message, found);
  }
}
