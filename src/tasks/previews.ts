// The latest unfinished picture of each task that runs on this node. What a provider sent is hostile bytes: only what the
// image process decoded in full and painted anew is kept, in memory, under a cap for each and one for all, and dropped at
// the end of the run. Nothing waits for a preview, and pictures that are to be kept need the decoder more.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Preview } from '../providers/provider.ts';

/** A larger one, as the provider sent it, is passed over. */
export const MAX_SENT_BYTES = 8 * 1024 * 1024;
/** What may wait for its decoder, of all tasks together. */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** A small WebP has 10-60 kB. */
export const MAX_SHOWN_BYTES = 256 * 1024;
/** Of all tasks together; the oldest goes first. */
export const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
/** A task shows a new one at most this often. */
export const PREVIEW_INTERVAL_MS = 1_000;
/** Decoders that previews may take at the same time, of those that finished pictures share. */
const DECODING_AT_ONCE = 1;

export interface ShownPreview {
  /** A WebP of at most 512 pixels a side. */
  bytes: Uint8Array;
  /** Larger for every newer preview of this process. */
  version: number;
}

interface Entry {
  taskId: string;
  waiting: Uint8Array | null;
  isQueued: boolean;
  shown: ShownPreview | null;
  nextAtMs: number;
  timer: Timer | null;
  onShown: () => void;
}

export interface PreviewsOptions {
  clock: Clock;
  log: Logger;
  /** Decodes hostile bytes in a process of their own and returns a small WebP; throws for what is no picture. */
  shrink(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array>;
}

export class Previews {
  readonly #options: PreviewsOptions;
  /** In the order in which their pictures were last shown. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  #decoding = 0;
  #waitingBytes = 0;
  #totalBytes = 0;
  #lastVersion = 0;

  constructor(options: PreviewsOptions) {
    this.#options = options;
  }

  /** Takes a new preview in place of the one before; `onShown` is called once it can be seen, if it ever can. */
  offer(taskId: string, preview: Preview, onShown: () => void): void {
    const { byteLength } = preview.bytes;
    const entry = this.#entries.get(taskId) ?? this.#add(taskId);
    const freedBytes = entry.waiting?.byteLength ?? 0;
    if (byteLength > MAX_SENT_BYTES || this.#waitingBytes - freedBytes + byteLength > MAX_WAITING_BYTES)
      return;
    this.#waitingBytes += byteLength - freedBytes;
    entry.waiting = preview.bytes;
    entry.onShown = onShown;
    this.#schedule(entry);
  }

  /** The newest that may be shown, or null. */
  find(taskId: string): ShownPreview | null {
    return this.#entries.get(taskId)?.shown ?? null;
  }

  /** Forgets the task's previews, also one that is being decoded. */
  drop(taskId: string): void {
    const entry = this.#entries.get(taskId);
    if (!entry) return;
    this.#entries.delete(taskId);
    entry.timer?.cancel();
    this.#waitingBytes -= entry.waiting?.byteLength ?? 0;
    entry.waiting = null;
    this.#hide(entry);
  }

  #add(taskId: string): Entry {
    const entry: Entry = {
      taskId,
      waiting: null,
      isQueued: false,
      shown: null,
      nextAtMs: Number.NEGATIVE_INFINITY,
      timer: null,
      onShown: () => {},
    };
    this.#entries.set(taskId, entry);
    return entry;
  }

  #schedule(entry: Entry): void {
    if (entry.waiting === null || entry.isQueued || entry.timer !== null) return;
    const { clock } = this.#options;
    const waitMs = entry.nextAtMs - clock.monotonicMs();
    if (waitMs <= 0) {
      this.#enqueue(entry);
    } else {
      entry.timer = clock.after(waitMs, () => {
        entry.timer = null;
        this.#enqueue(entry);
      });
    }
  }

  #enqueue(entry: Entry): void {
    entry.isQueued = true;
    this.#queue.push(entry);
    this.#decodeNext();
  }

  #decodeNext(): void {
    while (this.#decoding < DECODING_AT_ONCE) {
      const entry = this.#queue.shift();
      if (!entry) return;
      void this.#decode(entry);
    }
  }

  async #decode(entry: Entry): Promise<void> {
    const { clock, log, shrink } = this.#options;
    const sent = entry.waiting;
    if (sent === null) return;
    this.#decoding += 1;
    this.#waitingBytes -= sent.byteLength;
    entry.waiting = null;
    entry.nextAtMs = clock.monotonicMs() + PREVIEW_INTERVAL_MS;
    try {
      this.#show(entry, await shrink(sent, MAX_SENT_BYTES));
    } catch (error) {
      log.debug({ task_id: entry.taskId, err: error }, 'a preview could not be decoded; it is not shown');
    } finally {
      this.#decoding -= 1;
      entry.isQueued = false;
      this.#schedule(entry);
      this.#decodeNext();
    }
  }

  #show(entry: Entry, bytes: Uint8Array): void {
    if (this.#entries.get(entry.taskId) !== entry || bytes.byteLength > MAX_SHOWN_BYTES) return;
    this.#hide(entry);
    this.#lastVersion += 1;
    entry.shown = { bytes, version: this.#lastVersion };
    this.#totalBytes += bytes.byteLength;
    this.#entries.delete(entry.taskId);
    this.#entries.set(entry.taskId, entry);
    for (const oldest of this.#entries.values()) {
      if (this.#totalBytes <= MAX_TOTAL_BYTES) break;
      this.#hide(oldest);
    }
    entry.onShown();
  }

  #hide(entry: Entry): void {
    this.#totalBytes -= entry.shown?.bytes.byteLength ?? 0;
    entry.shown = null;
  }
}
