// The door of the AI SDK's packages to the network: what they hand to `fetch`, sent through our own Outbound, so that proxy,
// address rules, size caps and time limits hold and nothing is sent twice; and the answer in the form they read.
import type { Outbound, OutboundRequest, OutboundResponse } from '../../kernel/outbound.ts';

/** The highest status that a `Response` can have. */
const HIGHEST_STATUS = 599;
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
/** The body is decoded already, and cookies are nobody's business. */
const DROPPED_HEADERS = new Set(['content-encoding', 'content-length', 'transfer-encoding', 'set-cookie']);

/** What packages take for `fetch`. */
export type FetchFunction = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** One request of a package, read whole. */
export interface SdkRequest {
  method: OutboundRequest['method'];
  url: URL;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Null for a read. */
  body: Buffer | null;
  /** GET or HEAD: it makes nothing. */
  isRead: boolean;
  followsRedirects: boolean;
  signal: AbortSignal;
}

export async function readSdkRequest(
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<SdkRequest> {
  const request = new Request(input, init);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return {
    method: request.method as OutboundRequest['method'],
    url: new URL(request.url),
    headers: Object.fromEntries(request.headers),
    body: isRead ? null : Buffer.from(await request.arrayBuffer()),
    isRead,
    followsRedirects: isRead && request.redirect === 'follow',
    signal: request.signal,
  };
}

/** Sends `request`; what `rules` says goes before what the package asked for. Throws `OutboundError`. */
export function sendSdkRequest(
  outbound: Outbound,
  request: SdkRequest,
  { signal, ...rules }: Partial<OutboundRequest> & Pick<OutboundRequest, 'purpose' | 'allow'>,
): Promise<OutboundResponse> {
  const { method, url, headers, body } = request;
  const signals = signal ? [signal, request.signal] : [request.signal];
  return outbound.request({ method, url, headers, body, ...rules, signal: AbortSignal.any(signals) });
}

/** An answer as a package reads it, with `body` for its own. */
export function toSdkResponse(
  { status, headers }: Pick<OutboundResponse, 'status' | 'headers'>,
  body: string | AsyncIterable<Uint8Array> | null,
): Response {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (DROPPED_HEADERS.has(name) || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) kept.append(name, one);
  }
  const shown = WITHOUT_BODY.has(status) ? null : body;
  const isText = typeof shown === 'string' || shown === null;
  return new Response(isText ? shown : ReadableStream.from(shown), {
    status: Math.min(status, HIGHEST_STATUS),
    headers: kept,
  });
}
