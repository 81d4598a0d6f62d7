// Keeps one event stream open: reads SSE by fetch (cookie auth), resumes from the last id, treats silence as a dead
// connection, and reconnects with jitter. Runs in the shared worker, or in the page where there is none.
import { type ServerEvent, SseParser } from './sse.ts';

/** `signed-out` ends the stream until `start` is called again. */
export type LiveState = 'connecting' | 'open' | 'waiting' | 'signed-out';

export interface StreamTimers {
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** From 0 up to 1. */
  random(): number;
}

export interface StreamOptions {
  open(lastEventId: string, signal: AbortSignal): Promise<Response>;
  onEvent(event: ServerEvent): void;
  onState(state: LiveState): void;
  timers: StreamTimers;
  /** How many failures in a row pass before it asks less often; EARLY_ATTEMPTS without. */
  earlyAttempts?(): number | undefined;
}

/** The server sends a heartbeat every 15 s: two lost and some slack mean that the connection is dead. */
export const STALE_AFTER_MS = 40_000;
/** A page that wakes up does not wait out the full limit: one lost heartbeat is suspicious enough. */
const SUSPICIOUS_AFTER_MS = 20_000;
const SHORTEST_RETRY_MS = 500;
/** A restarted server is found again within three seconds… */
const EARLY_JITTER_MS = 2_000;
const EARLY_ATTEMPTS = 20;
/** …and one that stays away is not hammered by every open tab. */
const LATE_JITTER_MS = 9_500;

export const systemTimers: StreamTimers = {
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
  nowMs: () => performance.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
};

export class LiveStream {
  readonly #options: StreamOptions;
  #lastEventId = '';
  #state: LiveState = 'waiting';
  #running: AbortController | null = null;
  #connection: AbortController | null = null;
  #skipDelay: (() => void) | null = null;
  #lastByteMs = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Opens the stream; does nothing when it is already kept open. */
  start(): void {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    void this.#keepOpen(running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#connection?.abort();
    this.#skipDelay?.();
  }

  /** Something suggests that the network changed: reconnect at once if waiting, or if the line has been suspiciously quiet. */
  wake(): void {
    if (this.#skipDelay) this.#skipDelay();
    else if (this.#state === 'open' && this.#options.timers.nowMs() - this.#lastByteMs > SUSPICIOUS_AFTER_MS)
      this.#connection?.abort();
  }

  #setState(state: LiveState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  async #keepOpen(stopped: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stopped.aborted) {
      this.#setState('connecting');
      const outcome = await this.#connectOnce();
      if (stopped.aborted) return;
      if (outcome === 'signed-out') {
        this.#running = null;
        return this.#setState('signed-out');
      }
      failures = outcome === 'ended' ? 0 : failures + 1;
      this.#setState('waiting');
      const earlyAttempts = this.#options.earlyAttempts?.() ?? EARLY_ATTEMPTS;
      const jitterMs = failures < earlyAttempts ? EARLY_JITTER_MS : LATE_JITTER_MS;
      await this.#delay(SHORTEST_RETRY_MS + this.#options.timers.random() * jitterMs);
    }
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        cancel();
        this.#skipDelay = null;
        resolve();
      };
      const cancel = this.#options.timers.after(delayMs, finish);
      this.#skipDelay = finish;
    });
  }

  /** `ended` means that the stream had been open; `failed` that it never was. */
  async #connectOnce(): Promise<'ended' | 'failed' | 'signed-out'> {
    const connection = new AbortController();
    this.#connection = connection;
    let cancelStale = () => {};
    const watch = () => {
      cancelStale();
      this.#lastByteMs = this.#options.timers.nowMs();
      cancelStale = this.#options.timers.after(STALE_AFTER_MS, () => connection.abort());
    };
    let opened = false;
    try {
      watch();
      const response = await this.#options.open(this.#lastEventId, connection.signal);
      if (response.status === 401 || response.status === 403) return 'signed-out';
      if (!response.ok || !response.body) return 'failed';
      opened = true;
      this.#setState('open');
      await this.#read(response.body, watch);
      return 'ended';
    } catch {
      return opened ? 'ended' : 'failed';
    } finally {
      cancelStale();
      connection.abort();
    }
  }

  async #read(body: ReadableStream<Uint8Array>, onBytes: () => void): Promise<void> {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#options.onEvent(event);
      if (parser.lastId !== '') this.#lastEventId = parser.lastId;
    }
  }
}
