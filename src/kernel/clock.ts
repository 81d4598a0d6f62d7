// The only source of time. Everything that waits or stamps takes a Clock, so that tests and the simulation can turn it.

/** A started timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, integer milliseconds UTC. For stamps and deadlines that are shown or stored. */
  now(): number;
  /** Monotonic milliseconds with an arbitrary zero. For durations inside one process. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; a timer never keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Node's timers take a 32-bit delay; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A signal that is aborted after `delayMs`; unlike AbortSignal.timeout it follows the Clock. */
export function timeoutSignal(clock: Clock, delayMs: number): AbortSignal {
  const controller = new AbortController();
  clock.after(delayMs, () =>
    controller.abort(new DOMException(`Not done within ${delayMs} ms`, 'TimeoutError')),
  );
  return controller.signal;
}

/** RFC 3339 UTC with milliseconds, as every time in an answer is written. */
export function toTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
