// WebSockets to other servers, under the rules of the door they belong to (outbound.ts): only allowed addresses, through
// the same proxies, never redirected, bounded in time, in bytes a message and in bytes a minute. A peer that is silent,
// lies or floods costs its own connection and nothing else; no handler is called after `onClose`.
import type { Socket } from 'node:net';
import { Dispatcher, ping, WebSocket } from 'undici';
import type { Clock, Timer } from './clock.ts';
import type { Logger } from './log.ts';
import type { DispatchRoute, DispatchTarget, OutboundHeaders } from './outbound.ts';
import { type AddressPolicy, checkUrl, hostAndPort } from './outbound-address.ts';
import { OutboundError, type OutboundErrorKind, toOutboundError } from './outbound-error.ts';
import { WatchingHandler } from './outbound-exchange.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 30_000;
const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const DEFAULT_MAX_BYTES_PER_MINUTE = 1024 * 1024 * 1024;
/** More messages than this in a minute serve no purpose but to keep us busy. */
const MOST_MESSAGES_PER_MINUTE = 60_000;
const MOST_FRAGMENTS = 1_024;
const MINUTE_MS = 60_000;
/** How long a peer may take to answer our farewell. */
const CLOSE_GRACE_MS = 2_000;
const USER_AGENT = 'drawbridge';
/** Leaving for an ordinary reason: done, or going away. */
const ORDINARY_CLOSE_CODES = new Set([1000, 1001, 1005]);
/** Compression would let a small frame grow; an `Origin` makes some servers refuse what is no page of theirs. */
const HEADERS_LEFT_OUT = new Set([
  'sec-websocket-extensions',
  'origin',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-dest',
  'accept-language',
]);

export interface SocketRequest {
  /** An http or https address; the handshake turns it into a WebSocket. */
  url: string | URL;
  headers?: OutboundHeaders;
  /** What it is for, in a word or two, for logs and messages. */
  purpose: string;
  allow: AddressPolicy;
  /** From the first step to the finished handshake. */
  connectTimeoutMs?: number;
  /** After so much silence a ping is sent; after as much again the connection is given up. */
  heartbeatMs?: number;
  maxMessageBytes?: number;
  maxBytesPerMinute?: number;
  /** A proxy's address to use instead of the environment's, or `direct` for none. */
  proxy?: string;
  onOpen(): void;
  onText(text: string): void;
  onBytes(bytes: Uint8Array): void;
  /** Once, and last of all; null when we closed it or the peer said good-bye. */
  onClose(error: OutboundError | null): void;
}

/** An opening or open connection. */
export interface OutboundSocket {
  /** Sends text; does nothing unless it is open. */
  send(text: string): void;
  /** Says good-bye; `onClose` follows. Idempotent. */
  close(): void;
}

/** What the door lends to its sockets. */
export interface SocketDoor {
  clock: Clock;
  log: Logger;
  /** Exact `host:port` pairs that are allowed beside the policy. */
  allowedHosts: readonly string[];
  route(target: DispatchTarget): DispatchRoute;
  onEnd(socket: OutboundSocket): void;
}

/** Opens a connection; nothing is thrown, every failure comes to `onClose` and never before this has returned. */
export function openSocket(request: SocketRequest, door: SocketDoor): OutboundSocket {
  const connection = new Connection(request, door);
  connection.start();
  return connection;
}

/** Shows the handshake's connection and answer; the message cap is read from here by undici. */
class SocketDispatcher extends Dispatcher {
  readonly webSocketOptions: { maxPayloadSize: number; maxFragments: number };
  readonly #inner: Dispatcher;
  readonly #connection: Connection;

  constructor(inner: Dispatcher, connection: Connection, maxMessageBytes: number) {
    super();
    this.#inner = inner;
    this.#connection = connection;
    this.webSocketOptions = { maxPayloadSize: maxMessageBytes, maxFragments: MOST_FRAGMENTS };
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const headers = Object.fromEntries(
      Object.entries((options.headers ?? {}) as Record<string, string>).filter(
        ([name]) => !HEADERS_LEFT_OUT.has(name.toLowerCase()),
      ),
    );
    return this.#inner.dispatch({ ...options, headers }, new HandshakeHandler(handler, this.#connection));
  }
}

class HandshakeHandler extends WatchingHandler {
  readonly #connection: Connection;

  constructor(inner: Dispatcher.DispatchHandler, connection: Connection) {
    super(
      inner,
      () => connection.onSent(),
      () => {},
    );
    this.#connection = connection;
  }

  override onRequestUpgrade(
    ...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>
  ): void {
    this.#connection.onUpgrade(args[3] as Socket);
    super.onRequestUpgrade(...args);
  }

  override onResponseStart(
    ...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>
  ): void {
    this.#connection.onRefused(args[1], args[2]);
    super.onResponseStart(...args);
  }

  override onResponseError(
    ...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>
  ): void {
    this.#connection.onFailed(args[1]);
    super.onResponseError(...args);
  }
}

class Connection implements OutboundSocket {
  readonly #request: SocketRequest;
  readonly #door: SocketDoor;
  #route: DispatchRoute | null = null;
  #webSocket: WebSocket | null = null;
  #socket: Socket | null = null;
  #timer: Timer | null = null;
  #error: OutboundError | null = null;
  #isSent = false;
  #isOpen = false;
  #isClosing = false;
  #isEnded = false;
  #minuteStartMs = 0;
  #minuteBytes = 0;
  #minuteMessages = 0;

  constructor(request: SocketRequest, door: SocketDoor) {
    this.#request = request;
    this.#door = door;
  }

  start(): void {
    const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = this.#request;
    this.#timer = this.#door.clock.after(connectTimeoutMs, () =>
      this.#cut('connect_timeout', `no connection within ${connectTimeoutMs} ms`),
    );
    try {
      this.#connect();
    } catch (error) {
      this.onFailed(error);
      // Whoever asked has nothing in hand yet.
      queueMicrotask(() => this.#end());
    }
  }

  send(text: string): void {
    if (this.#isOpen && !this.#isClosing) this.#webSocket?.send(text);
  }

  close(): void {
    if (this.#isEnded || this.#isClosing) return;
    this.#isClosing = true;
    this.#timer?.cancel();
    if (this.#isOpen) {
      this.#timer = this.#door.clock.after(CLOSE_GRACE_MS, () => this.#end());
      this.#webSocket?.close(1000);
    } else {
      this.#end();
    }
  }

  onSent(): void {
    this.#isSent = true;
  }

  onUpgrade(socket: Socket): void {
    this.#socket = socket;
    if (this.#isEnded) socket.destroy();
  }

  /** An answer other than the upgrade that was asked for. */
  onRefused(status: number, headers: Parameters<NonNullable<DispatchRoute['refusalIn']>>[1]): void {
    this.#error ??=
      this.#route?.refusalIn?.(status, headers) ??
      new OutboundError('bad_answer', 'sent', `${this.#request.purpose}: no WebSocket there (${status})`);
  }

  onFailed(error: unknown): void {
    const phase = this.#isSent ? 'sent' : 'not_sent';
    this.#error ??= toOutboundError(error, phase, this.#request.purpose);
  }

  #connect(): void {
    const { url: given, purpose, allow, proxy, headers, maxMessageBytes } = this.#request;
    if (!URL.canParse(String(given))) {
      throw new OutboundError('blocked_url', 'not_sent', `${purpose}: not an address`);
    }
    const url = new URL(given);
    const allowed = new Set(this.#door.allowedHosts);
    if (allow === 'configured') allowed.add(hostAndPort(url));
    const policy = checkUrl(url, allow, allowed, purpose);
    // Plain requests may pass a proxy in absolute form; a connection that stays open both ways needs a tunnel.
    const target = {
      url,
      policy,
      repeatable: false,
      purpose,
      socketPath: undefined,
      proxy,
      needsTunnel: true,
    };
    this.#route = this.#door.route(target);
    const dispatcher = new SocketDispatcher(
      this.#route.dispatcher,
      this,
      maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    );
    const webSocket = new WebSocket(url.href.replace(/^http/, 'ws'), {
      dispatcher,
      headers: { 'user-agent': USER_AGENT, ...headers },
    });
    webSocket.binaryType = 'arraybuffer';
    webSocket.addEventListener('open', () => this.#onOpen());
    webSocket.addEventListener('message', ({ data }) => this.#onMessage(data));
    webSocket.addEventListener('error', () => {});
    webSocket.addEventListener('close', ({ code }) => this.#onClosed(code));
    this.#webSocket = webSocket;
  }

  #onOpen(): void {
    if (this.#isEnded) return;
    this.#timer?.cancel();
    this.#isOpen = true;
    this.#minuteStartMs = this.#door.clock.monotonicMs();
    this.#listenForLife(-1, false);
    this.#guarded(() => this.#request.onOpen());
  }

  /** Any byte is a sign of life, an answered ping too. */
  #listenForLife(bytesBefore: number, isPinged: boolean): void {
    const { heartbeatMs = DEFAULT_HEARTBEAT_MS } = this.#request;
    this.#timer = this.#door.clock.after(heartbeatMs, () => {
      const bytes = this.#socket?.bytesRead ?? 0;
      const isSilent = bytes === bytesBefore;
      if (isSilent && isPinged) return this.#cut('idle_timeout', 'no sign of life');
      if (isSilent && this.#webSocket) ping(this.#webSocket);
      this.#listenForLife(bytes, isSilent);
    });
  }

  #onMessage(data: unknown): void {
    if (this.#isEnded || this.#isClosing) return;
    const isText = typeof data === 'string';
    const bytes = isText ? data.length : (data as ArrayBuffer).byteLength;
    if (this.#isFlood(bytes)) {
      this.#cut('too_large', 'sends more than it should');
      return;
    }
    this.#guarded(() => {
      if (isText) this.#request.onText(data);
      else this.#request.onBytes(new Uint8Array(data as ArrayBuffer));
    });
  }

  #isFlood(bytes: number): boolean {
    const { maxBytesPerMinute = DEFAULT_MAX_BYTES_PER_MINUTE } = this.#request;
    const now = this.#door.clock.monotonicMs();
    if (now - this.#minuteStartMs >= MINUTE_MS) {
      this.#minuteStartMs = now;
      this.#minuteBytes = 0;
      this.#minuteMessages = 0;
    }
    this.#minuteBytes += bytes;
    this.#minuteMessages += 1;
    return this.#minuteBytes > maxBytesPerMinute || this.#minuteMessages > MOST_MESSAGES_PER_MINUTE;
  }

  #onClosed(code: number): void {
    if (!this.#isClosing && !ORDINARY_CLOSE_CODES.has(code)) {
      const phase = this.#isSent ? 'sent' : 'not_sent';
      this.#error ??= new OutboundError(
        'reset',
        phase,
        `${this.#request.purpose}: the connection ended (${code})`,
      );
    }
    this.#end();
  }

  #cut(kind: OutboundErrorKind, what: string): void {
    const phase = this.#isSent ? 'sent' : 'not_sent';
    this.#error ??= new OutboundError(kind, phase, `${this.#request.purpose}: ${what}`);
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#timer?.cancel();
    // While it is still connecting, this gives the attempt up.
    this.#webSocket?.close();
    this.#socket?.destroy();
    this.#route?.release();
    this.#door.onEnd(this);
    const error = this.#isClosing ? null : this.#error;
    this.#door.log.debug({ purpose: this.#request.purpose, kind: error?.kind }, 'outbound socket closed');
    this.#guarded(() => this.#request.onClose(error));
  }

  /** Events of a socket have no caller that could catch: what a handler throws must not end the process. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#door.log.error({ err: error, purpose: this.#request.purpose }, 'a socket handler failed');
    }
  }
}
