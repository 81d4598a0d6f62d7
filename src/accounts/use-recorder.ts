// Writes when credentials were last used: gathered off the request path, in one write a second at most and no more often
// for each credential than its resolution. Losing some at a crash harms nobody.
import type { Clock, Timer } from '../kernel/clock.ts';

const FLUSH_DELAY_MS = 1000;
/** More distinct credentials than this within a second are written by later uses. */
const MAX_PENDING = 1000;

export interface UseRecorderOptions {
  clock: Clock;
  /** A credential is written this often at most. */
  resolutionMs: number;
  write(uses: [credentialId: string, usedAt: number][]): Promise<void>;
  onError(error: unknown): void;
}

export class UseRecorder {
  readonly #options: UseRecorderOptions;
  #pending = new Map<string, number>();
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: UseRecorderOptions) {
    this.#options = options;
  }

  /** Notes a use now, if the stored one is old enough. */
  note(credentialId: string, lastUsedAt: number | null): void {
    const { clock, resolutionMs } = this.#options;
    const now = clock.now();
    if (lastUsedAt !== null && now - lastUsedAt < resolutionMs) return;
    if (this.#pending.has(credentialId) || this.#pending.size >= MAX_PENDING) return;
    this.#pending.set(credentialId, now);
    this.#timer ??= clock.after(FLUSH_DELAY_MS, () => this.#flush());
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending.size === 0) return;
    const uses = [...this.#pending];
    this.#pending = new Map();
    const { write, onError } = this.#options;
    this.#writing = this.#writing.then(() => write(uses)).catch(onError);
  }

  /** Writes what is pending and waits for it. */
  async close(): Promise<void> {
    this.#flush();
    await this.#writing;
  }
}
