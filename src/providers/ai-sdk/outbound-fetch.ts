// The `fetch` of the picture packages, for one attempt: nothing is sent twice, no redirect carries a key. It keeps what was
// asked and answered, since only that tells whether a job may exist, and it keeps finished pictures out of memory: the
// package is handed a placeholder instead.
import { randomUUID } from 'node:crypto';
import { sha256Hex } from '../../kernel/id.ts';
import { MOST_REDIRECTS, type Outbound, type OutboundResponse } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import type { AnswerHeaders } from '../../kernel/retry-after.ts';
import { isSuccess, readAnswer } from '../adapter/read-answer.ts';
import {
  type FetchFunction,
  readSdkRequest,
  type SdkRequest,
  sendSdkRequest,
  toSdkResponse,
} from '../adapter/sdk-fetch.ts';
import type { LocalFile } from '../provider.ts';

/** Pictures may come as base64 inside an answer. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** Longest silence of a read; a request for pictures may be silent for as long as the task may take. */
const READ_IDLE_TIMEOUT_MS = 60_000;
const READ_TIMEOUT_MS = 5 * 60_000;
const PICTURE_NAME = /\.(?:png|jpe?g|webp|avif)$/i;
/** More than a placeholder has, in bytes or characters of base64. */
const LONGEST_MARK = 200;
/** Headers that carry nothing of the operator's. */
const PLAIN_HEADERS = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** One request of a package, and how far it got. */
export interface Exchange {
  /** GET or HEAD: it makes nothing. */
  isRead: boolean;
  /** Null while there is no answer. */
  status: number | null;
  headers: AnswerHeaders;
  /** What a refusal said; null for an answer that is none, or when it could not be read. */
  text: string | null;
  /** Why it broke, before the answer or within it. */
  error: OutboundError | null;
}

/** A picture that came by this door. */
export type Picture = { url: string } | { file: LocalFile };

export interface OutboundFetchOptions {
  outbound: Outbound;
  /** For logs and messages, in a word or two. */
  purpose: string;
  /** `host:port` of the service itself, which may be in a private network; all others must be public. */
  serviceHosts: readonly string[];
  signal: AbortSignal;
  /** Longest whole request for pictures. */
  submitTimeoutMs: number;
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
}

/** The door for one attempt. */
export class OutboundFetch {
  /** Oldest first. */
  readonly exchanges: Exchange[] = [];
  readonly #options: OutboundFetchOptions;
  readonly #pictures = new Map<string, Picture>();
  /** Requests that must not be repeated: the first, and those that did not succeed. */
  readonly #barred = new Set<string>();

  constructor(options: OutboundFetchOptions) {
    this.#options = options;
  }

  /** To be handed to a package; throws `OutboundError`. */
  readonly fetch: FetchFunction = async (input, init) => {
    const request = await readSdkRequest(input, init);
    const { url, isRead } = request;
    if (url.protocol === 'data:') return dataResponse(url);
    const isPlain = Object.keys(request.headers).every((name) => PLAIN_HEADERS.has(name));
    // The engine downloads it, with its own retries: a download that fails must not cost the whole job.
    if (isRead && isPlain && PICTURE_NAME.test(url.pathname)) return this.#placeholder({ url: url.href });
    const fingerprint = isRead ? null : this.#requireNew(request);
    const isFirst = this.exchanges.every((one) => one.isRead);
    const exchange: Exchange = { isRead, status: null, headers: {}, text: null, error: null };
    this.exchanges.push(exchange);
    try {
      const response = await this.#send(request);
      exchange.status = response.status;
      exchange.headers = response.headers;
      if (!isSuccess(response.status)) return await refusal(response, exchange);
      if (fingerprint !== null && !isFirst) this.#barred.delete(fingerprint);
      if (!/^image\/(?!svg)/i.test(headerOf(response, 'content-type'))) {
        return toSdkResponse(response, watched(response, exchange));
      }
      if (!isRead || !isPlain) {
        return this.#placeholder({ file: await this.#options.spool(watched(response, exchange)) });
      }
      response.discard();
      return this.#placeholder({ url: url.href });
    } catch (error) {
      if (error instanceof OutboundError) exchange.error ??= error;
      throw error;
    }
  };

  /** The picture that a package took for the bytes (or base64) `data`; null when they are a picture of their own. */
  pictureFor(data: string | Uint8Array): Picture | null {
    const start = data.slice(0, LONGEST_MARK);
    const mark = typeof start === 'string' ? Buffer.from(start, 'base64') : Buffer.from(start);
    return this.#pictures.get(mark.toString('latin1')) ?? null;
  }

  #placeholder(picture: Picture): Response {
    const mark = `drawbridge-picture-${randomUUID()}`;
    this.#pictures.set(mark, picture);
    return new Response(mark, { headers: { 'content-type': 'image/png' } });
  }

  /** A package that repeats a request on its own could pay twice. */
  #requireNew({ method, url, headers, body }: SdkRequest): string {
    // A form has another boundary each time.
    const boundary = /boundary=([^;]+)/.exec(headers['content-type'] ?? '')?.[1];
    const text = body?.toString('latin1') ?? '';
    const content = boundary === undefined ? text : text.replaceAll(boundary, '');
    const fingerprint = sha256Hex(`${method} ${url.href} ${content}`);
    if (this.#barred.has(fingerprint)) {
      throw new OutboundError('bad_request', 'not_sent', 'the package wanted to send the same request again');
    }
    this.#barred.add(fingerprint);
    return fingerprint;
  }

  #send(request: SdkRequest): Promise<OutboundResponse> {
    const { outbound, purpose, serviceHosts, signal, submitTimeoutMs } = this.#options;
    const { isRead, followsRedirects } = request;
    return sendSdkRequest(outbound, request, {
      purpose,
      allow: 'public',
      allowHosts: serviceHosts,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      idleTimeoutMs: isRead ? READ_IDLE_TIMEOUT_MS : submitTimeoutMs,
      totalTimeoutMs: isRead ? READ_TIMEOUT_MS : submitTimeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
      followRedirects: followsRedirects ? MOST_REDIRECTS : 0,
      signal,
    });
  }
}

function headerOf({ headers }: OutboundResponse, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

async function refusal(response: OutboundResponse, exchange: Exchange): Promise<Response> {
  exchange.text = await readAnswer(response, MAX_REFUSAL_BYTES);
  return toSdkResponse(response, exchange.text);
}

async function* watched(response: OutboundResponse, exchange: Exchange): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    if (error instanceof OutboundError) exchange.error = error;
    throw error;
  }
}

/** A picture inside its own address; nothing is sent. */
function dataResponse(url: URL): Response {
  const comma = url.href.indexOf(',');
  const head = url.href.slice('data:'.length, comma);
  const payload = url.href.slice(comma + 1);
  const bytes = head.endsWith(';base64')
    ? Buffer.from(decodeURIComponent(payload), 'base64')
    : Buffer.from(decodeURIComponent(payload));
  return new Response(bytes, { headers: { 'content-type': head.split(';')[0] || 'text/plain' } });
}
