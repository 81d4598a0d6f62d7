// One WebSocket to one ComfyUI server under one client id, shared by all jobs that were submitted with it. Opened when it
// is first wanted, closed a while after it is not, opened again after a break with growing waits. ComfyUI keeps one
// connection a client id, and forgets the newer one when an older one closes late: so a break is always waited out.
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { OutboundSocket } from '../../kernel/outbound-websocket.ts';
import { FEATURE_FLAGS, type LiveFrame, type LiveMessage, parseFrame, parseText } from './live-messages.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 20_000;
/** A finished picture may come as a frame. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_BYTES_PER_MINUTE = 2 * 1024 * 1024 * 1024;
const FIRST_RECONNECT_MS = 1_000;
const LONGEST_RECONNECT_MS = 60_000;
/** A channel that lived this long was a good one: the next wait is short again. */
const GOOD_CHANNEL_MS = 60_000;
const IDLE_CLOSE_MS = 60_000;

export interface ChannelOptions {
  /** The server's address, without a slash at its end. */
  url: string;
  authorization: string | null;
  clientId: string;
  outbound: Outbound;
  clock: Clock;
  onMessage(message: LiveMessage): void;
  onFrame(frame: LiveFrame): void;
  /** What was said while it was closed is lost: whoever waits should ask. */
  onOpen(): void;
  onBreak(): void;
}

export class LiveChannel {
  readonly #options: ChannelOptions;
  #socket: OutboundSocket | null = null;
  #openSinceMs: number | null = null;
  #isWanted = false;
  #failures = 0;
  #idleTimer: Timer | null = null;
  #reconnectTimer: Timer | null = null;
  /** The prompt and node of which pictures come that name none. */
  #speaking: { promptId: string; node: string | null } | null = null;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Since when it has been open without a break, in monotonic milliseconds; null while it is not. */
  get openSinceMs(): number | null {
    return this.#openSinceMs;
  }

  /** Opens it unless it is open or about to be, and keeps it open. */
  want(): void {
    this.#isWanted = true;
    this.#idleTimer?.cancel();
    if (!this.#socket && !this.#reconnectTimer) this.#connect();
  }

  /** Nobody needs it just now: closed after a while. */
  unwant(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = this.#options.clock.after(IDLE_CLOSE_MS, () => this.close());
  }

  /** Opens it anew: it looks open, but says nothing. */
  restart(): void {
    this.#socket?.close();
  }

  close(): void {
    this.#isWanted = false;
    this.#idleTimer?.cancel();
    this.#reconnectTimer?.cancel();
    this.#reconnectTimer = null;
    this.#socket?.close();
  }

  #connect(): void {
    const { url, authorization, clientId, outbound, clock, onOpen } = this.#options;
    this.#reconnectTimer = null;
    this.#speaking = null;
    const socket = outbound.openSocket({
      url: `${url}/ws?clientId=${encodeURIComponent(clientId)}`,
      headers: authorization === null ? {} : { authorization },
      purpose: 'comfyui live',
      allow: 'configured',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      heartbeatMs: HEARTBEAT_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxBytesPerMinute: MAX_BYTES_PER_MINUTE,
      onOpen: () => {
        socket.send(FEATURE_FLAGS);
        this.#openSinceMs = clock.monotonicMs();
        onOpen();
      },
      onText: (text) => this.#onText(text),
      onBytes: (bytes) => this.#onBytes(bytes),
      onClose: () => this.#onClosed(),
    });
    this.#socket = socket;
  }

  #onClosed(): void {
    const { clock, onBreak } = this.#options;
    const wasOpen = this.#openSinceMs !== null;
    const openForMs = this.#openSinceMs === null ? 0 : clock.monotonicMs() - this.#openSinceMs;
    this.#socket = null;
    this.#openSinceMs = null;
    if (openForMs >= GOOD_CHANNEL_MS) this.#failures = 0;
    if (this.#isWanted) {
      const delayMs = Math.min(FIRST_RECONNECT_MS * 2 ** this.#failures, LONGEST_RECONNECT_MS);
      this.#failures += 1;
      this.#reconnectTimer = clock.after(delayMs, () => this.#connect());
    }
    if (wasOpen) onBreak();
  }

  #onText(text: string): void {
    const message = parseText(text);
    if (!message) return;
    if (message.type === 'executing') this.#speaking = { promptId: message.promptId, node: message.node };
    else if (message.type === 'ended') this.#speaking = null;
    else if (message.promptId !== this.#speaking?.promptId) {
      // Somebody else's run may be told to everybody; its pictures are not ours.
      this.#speaking = { promptId: message.promptId, node: null };
    }
    this.#options.onMessage(message);
  }

  #onBytes(bytes: Uint8Array): void {
    const frame = parseFrame(bytes);
    if (!frame) return;
    this.#options.onFrame(
      frame.promptId === null && this.#speaking ? { ...frame, ...this.#speaking } : frame,
    );
  }
}
