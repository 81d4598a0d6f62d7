// The only door to other servers. Every request is bounded in time (connect, silence, whole) and in bytes, goes only to
// addresses its policy allows, is never repeated on its own, and never carries credentials across a redirect.
// A failure says what went wrong and whether anything may have reached the other side.
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { type Dispatcher, type FormData, request as undiciRequest } from 'undici';
import type { Clock } from './clock.ts';
import { crashPoint } from './crash-point.ts';
import type { Logger } from './log.ts';
import { type AddressPolicy, checkUrl, hostAndPort, redirectTarget } from './outbound-address.ts';
import {
  ACCEPTED_ENCODINGS,
  checkDeclaredLength,
  decoded,
  inPieces,
  isLarge,
  readAll,
} from './outbound-body.ts';
import { createFreshClient, createSharedAgent, systemLookup } from './outbound-connect.ts';
import { OutboundError } from './outbound-error.ts';
import { Exchange, WatchingHandler } from './outbound-exchange.ts';
import { ProxyRoutes, type ProxySettings } from './outbound-proxy.ts';
import { type OutboundSocket, openSocket, type SocketRequest } from './outbound-websocket.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
const DEFAULT_TOTAL_TIMEOUT_MS = 600_000;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
/** What a body read as text or JSON may have, unless the caller says more. */
const DEFAULT_MAX_TEXT_BYTES = 4 * 1024 * 1024;
export const MOST_REDIRECTS = 3;
/** The least rate is judged only after so much waiting, so that a slow start is forgiven. */
const THROUGHPUT_GRACE_MS = 30_000;
const MS_PER_S = 1000;
const USER_AGENT = 'drawbridge';
const REPEATABLE_METHODS = new Set(['GET', 'HEAD']);
/** All that a request keeps when it follows a redirect: nothing that could be a credential. */
const REDIRECT_HEADERS = new Set(['accept', 'accept-encoding', 'accept-language', 'range', 'user-agent']);

export type OutboundHeaders = Readonly<Record<string, string>>;

export interface OutboundRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string | URL;
  headers?: OutboundHeaders;
  body?: string | Uint8Array | Readable | FormData | null;
  /** What the request is for, in a word or two, for logs and messages: `jimeng submit`, `webhook`. */
  purpose: string;
  /** `public` for every address that did not come from the operator's configuration. */
  allow: AddressPolicy;
  /** Further exact `host:port` pairs to treat as configured, such as the provider's own for its result URLs. */
  allowHosts?: readonly string[];
  connectTimeoutMs?: number;
  /** Longest silence while sending, waiting for the answer's head, and between its pieces. */
  idleTimeoutMs?: number;
  /** Longest whole exchange, redirects and body included. */
  totalTimeoutMs?: number;
  /** Cap on the answer's body, encoded and decoded. */
  maxBytes?: number;
  /** Least average bytes a second once the body has been waited for 30 s; 0 (the default) asks for none. */
  minBytesPerS?: number;
  /** Redirects to follow (at most 3; GET and HEAD only). With 0, the default, a 3xx answer is returned as it is. */
  followRedirects?: number;
  signal?: AbortSignal;
  /** A unix socket to connect to instead of the URL's host. */
  socketPath?: string;
  /** A proxy's address to use instead of the environment's, or `direct` for none. */
  proxy?: string;
}

/** An answer whose head has arrived. Its body must be read to the end or discarded. */
export interface OutboundResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** Decoded bytes; can be iterated once. Throws `OutboundError`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The body as UTF-8 text without a byte order mark; at most `maxBytes` (default 4 MiB). */
  readText(maxBytes?: number): Promise<string>;
  /** The body as JSON; `bad_answer` if it is not. The caller validates the shape. */
  readJson(maxBytes?: number): Promise<unknown>;
  /** Drops the body and the connection. */
  discard(): void;
}

export interface Outbound {
  /** Sends one request; rejects with `OutboundError`. Any status is an answer, not an error. */
  request(request: OutboundRequest): Promise<OutboundResponse>;
  /** Opens a WebSocket under the same rules; failures come to its `onClose`. */
  openSocket(request: SocketRequest): OutboundSocket;
  /** Cuts what is still open and closes kept connections. */
  close(): Promise<void>;
}

/** One hop of a request, for choosing its connection. */
export interface DispatchTarget {
  url: URL;
  policy: AddressPolicy;
  /** The request may be repeated without harm, so a kept connection will do. */
  repeatable: boolean;
  purpose: string;
  socketPath: string | undefined;
  proxy: string | undefined;
  /** The connection stays open both ways, so that a proxy must pass it through untouched. */
  needsTunnel?: boolean;
}

/** The connection for one hop; `release` is called when its exchange is over. */
export interface DispatchRoute {
  dispatcher: Dispatcher;
  release(): void;
  /** The error, if this answer is a proxy's own and proves that the request never reached its target. */
  refusalIn?: (status: number, headers: OutboundResponse['headers']) => OutboundError | undefined;
}

export interface OutboundOptions {
  clock: Clock;
  log: Logger;
  timeouts?: { connectTimeoutMs?: number; idleTimeoutMs?: number; totalTimeoutMs?: number };
  /** Exact `host:port` pairs in private networks that user-given addresses may lead to. */
  allowHosts?: readonly string[];
  /** Resolves names; the system's unless given. */
  lookup?: LookupFunction;
  /** The environment's proxies; none unless given. */
  proxies?: ProxySettings;
  /** Another route for a target, or undefined for the usual one: through its proxy, or direct. */
  dispatcherFor?: (target: DispatchTarget) => DispatchRoute | undefined;
}

type Head = Dispatcher.ResponseData;

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

function lowerCased(headers: OutboundHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** What undici is given as headers and body; large bodies go in pieces with their length declared. */
function prepare(request: OutboundRequest, headers: Record<string, string>) {
  const all = { 'user-agent': USER_AGENT, 'accept-encoding': ACCEPTED_ENCODINGS, ...headers };
  const bytes = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
  if (bytes instanceof Uint8Array && isLarge(bytes)) {
    return {
      headers: { ...all, 'content-length': String(bytes.byteLength) },
      body: Readable.from(inPieces(bytes)),
    };
  }
  return { headers: all, body: bytes ?? null };
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status);

async function* watchedBody(head: Head, exchange: Exchange, idleTimeoutMs: number, minBytesPerS: number) {
  const source: AsyncIterator<Uint8Array> = head.body[Symbol.asyncIterator]();
  let waitedMs = 0;
  let bytes = 0;
  let complete = false;
  try {
    for (;;) {
      const askedAt = exchange.clock.monotonicMs();
      exchange.limit('idle_timeout', idleTimeoutMs);
      const { done, value } = await source.next();
      exchange.unlimit();
      if (done) {
        complete = true;
        return;
      }
      waitedMs += exchange.clock.monotonicMs() - askedAt;
      bytes += value.byteLength;
      if (waitedMs > THROUGHPUT_GRACE_MS && bytes < (minBytesPerS * waitedMs) / MS_PER_S) {
        throw new OutboundError('too_slow', 'sent', `${exchange.about}: slower than ${minBytesPerS} bytes/s`);
      }
      yield value;
    }
  } catch (error) {
    throw exchange.explain(error);
  } finally {
    // Destroying a body that has just ended would close its connection, which others could still use.
    if (!complete) head.body.destroy();
    exchange.end();
  }
}

function toResponse(
  head: Head,
  url: URL,
  request: OutboundRequest,
  exchange: Exchange,
  idleTimeoutMs: number,
) {
  const { about } = exchange;
  const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES;
  checkDeclaredLength(
    request.method === 'HEAD' ? undefined : single(head.headers['content-length']),
    maxBytes,
    about,
  );
  const encoding = single(head.headers['content-encoding']);
  const raw = watchedBody(head, exchange, idleTimeoutMs, request.minBytesPerS ?? 0);
  const source = decoded(raw, request.method === 'HEAD' ? undefined : encoding, maxBytes, about);
  async function* classified(): AsyncGenerator<Uint8Array> {
    let complete = false;
    try {
      yield* source;
      complete = true;
    } catch (error) {
      throw exchange.explain(error);
    } finally {
      if (!complete) head.body.destroy();
      exchange.end();
    }
  }
  const body = classified();
  const readText = (most = DEFAULT_MAX_TEXT_BYTES) => readAll(body, most, about);
  const response: OutboundResponse = {
    status: head.statusCode,
    headers: head.headers,
    url: url.href,
    body,
    readText,
    async readJson(most) {
      const text = await readText(most);
      try {
        return JSON.parse(text);
      } catch {
        throw new OutboundError('bad_answer', 'sent', `${about}: the answer is not JSON`);
      }
    },
    discard() {
      exchange.end();
      head.body.destroy();
    },
  };
  return response;
}

/** Opens the door. `close` must be called; tests pass their own clock and look-up. */
export function createOutbound(options: OutboundOptions): Outbound {
  return new OutboundClient(options);
}

class OutboundClient implements Outbound {
  readonly #options: OutboundOptions;
  readonly #timeouts: NonNullable<OutboundOptions['timeouts']>;
  readonly #lookup: LookupFunction;
  readonly #shared: Dispatcher;
  readonly #proxies: ProxyRoutes;
  readonly #alwaysAllowed: readonly string[];
  readonly #open = new Set<Exchange>();
  readonly #sockets = new Set<OutboundSocket>();

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#timeouts = options.timeouts ?? {};
    this.#lookup = options.lookup ?? systemLookup;
    this.#shared = createSharedAgent(this.#lookup);
    this.#proxies = new ProxyRoutes({ ...options, lookup: this.#lookup });
    this.#alwaysAllowed = (options.allowHosts ?? []).map((host) => host.toLowerCase());
  }

  async request(request: OutboundRequest): Promise<OutboundResponse> {
    const { clock, log } = this.#options;
    const startedAt = clock.monotonicMs();
    const host = URL.canParse(String(request.url)) ? new URL(request.url).host : 'no address';
    const total = request.totalTimeoutMs ?? this.#timeouts.totalTimeoutMs ?? DEFAULT_TOTAL_TIMEOUT_MS;
    const exchange = new Exchange({
      clock,
      about: request.purpose,
      totalTimeoutMs: total,
      signal: request.signal,
      onEnd: () => this.#open.delete(exchange),
    });
    const fields = () => ({
      purpose: request.purpose,
      method: request.method,
      host,
      ms: Math.round(clock.monotonicMs() - startedAt),
    });
    this.#open.add(exchange);
    try {
      const response = await this.#follow(request, exchange);
      log.debug({ ...fields(), status: response.status }, 'outbound answer');
      return response;
    } catch (error) {
      const outboundError = exchange.explain(error);
      exchange.end();
      log.debug(
        { ...fields(), kind: outboundError.kind, phase: outboundError.phase },
        'outbound request failed',
      );
      throw outboundError;
    }
  }

  openSocket(request: SocketRequest): OutboundSocket {
    const { clock, log } = this.#options;
    const socket = openSocket(request, {
      clock,
      log,
      allowedHosts: this.#alwaysAllowed,
      route: (target) => this.#routeTo(target),
      onEnd: (ended) => this.#sockets.delete(ended),
    });
    this.#sockets.add(socket);
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    for (const exchange of this.#open) exchange.cut('aborted', 'was stopped, since the program is closing');
    await Promise.all([this.#shared.destroy(), this.#proxies.close()]);
  }

  #routeTo(target: DispatchTarget): DispatchRoute {
    return this.#options.dispatcherFor?.(target) ?? this.#proxies.route(target) ?? this.#directRoute(target);
  }

  #directRoute(target: DispatchTarget): DispatchRoute {
    const { url, policy, repeatable, socketPath } = target;
    if (repeatable && policy === 'configured' && socketPath === undefined) {
      return { dispatcher: this.#shared, release: () => {} };
    }
    const dispatcher = createFreshClient(url.origin, { policy, lookup: this.#lookup, socketPath });
    return { dispatcher, release: () => void dispatcher.destroy() };
  }

  async #sendHop(
    request: OutboundRequest,
    url: URL,
    policy: AddressPolicy,
    headers: Record<string, string>,
    exchange: Exchange,
  ): Promise<Head> {
    const repeatable = REPEATABLE_METHODS.has(request.method);
    const { purpose, socketPath, proxy } = request;
    const route = this.#routeTo({ url, policy, repeatable, purpose, socketPath, proxy });
    exchange.holds(route.release);
    const idleTimeoutMs = request.idleTimeoutMs ?? this.#timeouts.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    const phaseBefore = exchange.phase;
    let answered = false;
    const onProgress = () => {
      // An answer may come before the upload has ended; from then on its body has the limit.
      if (!answered) exchange.limit('headers_timeout', idleTimeoutMs);
    };
    const onStart = () => {
      exchange.phase = 'sent';
      onProgress();
    };
    const onSent = () => {
      onProgress();
      if (!REPEATABLE_METHODS.has(request.method)) crashPoint('kp6');
    };
    const dispatcher = route.dispatcher.compose(
      (dispatch) => (dispatchOptions, handler) =>
        dispatch(dispatchOptions, new WatchingHandler(handler, onStart, onProgress, onSent)),
    );
    exchange.limit(
      'connect_timeout',
      request.connectTimeoutMs ?? this.#timeouts.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    );
    exchange.signal.throwIfAborted();
    const prepared = prepare(request, headers);
    const pending = undiciRequest(url, {
      dispatcher,
      method: request.method,
      headers: prepared.headers,
      body: prepared.body,
      signal: exchange.signal,
    });
    const head = await exchange.orCut(pending);
    answered = true;
    exchange.unlimit();
    // A body that nobody is reading yet, or any more, must not bring the process down when it is cut.
    head.body.on('error', () => {});
    const refusal = route.refusalIn?.(head.statusCode, head.headers);
    if (!refusal) return head;
    exchange.phase = phaseBefore;
    head.body.destroy();
    throw refusal;
  }

  async #follow(request: OutboundRequest, exchange: Exchange): Promise<OutboundResponse> {
    const { about } = exchange;
    const idleTimeoutMs = request.idleTimeoutMs ?? this.#timeouts.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    const most = REPEATABLE_METHODS.has(request.method)
      ? Math.min(request.followRedirects ?? 0, MOST_REDIRECTS)
      : 0;
    const allowed = new Set([
      ...this.#alwaysAllowed,
      ...(request.allowHosts ?? []).map((host) => host.toLowerCase()),
    ]);
    if (!URL.canParse(String(request.url))) {
      throw new OutboundError('blocked_url', 'not_sent', `${about}: not an address`);
    }
    let url = new URL(request.url);
    let policy = request.allow;
    if (policy === 'configured') allowed.add(hostAndPort(url));
    let headers = lowerCased(request.headers);
    for (let hops = 0; ; hops += 1) {
      const addressPolicy = checkUrl(url, policy, allowed, about);
      const head = await this.#sendHop(request, url, addressPolicy, headers, exchange);
      const location = single(head.headers.location);
      if (most === 0 || !isRedirect(head.statusCode) || location === undefined) {
        try {
          return toResponse(head, url, request, exchange, idleTimeoutMs);
        } catch (error) {
          head.body.destroy();
          throw error;
        }
      }
      head.body.destroy();
      exchange.leaveHop();
      if (hops >= most)
        throw new OutboundError('redirect_refused', 'sent', `${about}: more than ${most} redirects`);
      url = redirectTarget(url, location, about);
      // Where it leads was the other side's choice: from here on only public addresses and exact exceptions.
      policy = 'public';
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => REDIRECT_HEADERS.has(name)));
    }
  }
}
