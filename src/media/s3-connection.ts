// The way to one bucket: the AWS SDK, loaded at its first use, over the program's own door to the network (so that proxies,
// time limits and caps hold), without the checksums and chunks that other stores refuse. Every failure comes out as an
// `S3Failure`: what the store said, and whether another try may help. Repeating is the caller's business, never the SDK's.
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../kernel/config-stores.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
/** One request; a part or a whole small picture. */
const TOTAL_TIMEOUT_MS = 300_000;
/** The largest object that is read: the largest result of a provider and some room. */
const MAX_OBJECT_BYTES = 512 * 1024 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Error codes of S3 and its kin that another try may cure, beyond the 5xx and 429. */
const PASSING_CODES = new Set([
  'SlowDown',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'BadDigest',
  'IncompleteBody',
  'TooManyRequests',
  'ConditionalRequestConflict',
]);
const FULL_CODES = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientCapacity', 'StorageFull']);

/** Why the store did not do what was asked. */
export class S3Failure extends Error {
  /** HTTP status, or null when no answer came. */
  readonly status: number | null;
  /** The store's own code, such as `SlowDown`; null when it gave none. */
  readonly code: string | null;
  readonly isRetryable: boolean;

  constructor(message: string, status: number | null, code: string | null, isRetryable: boolean) {
    super(message);
    this.name = 'S3Failure';
    this.status = status;
    this.code = code;
    this.isRetryable = isRetryable;
  }

  get isMissing(): boolean {
    return this.status === 404 && this.code !== 'NoSuchBucket';
  }

  /** As callers of stores get it. */
  toAppError(store: string): AppError {
    if (this.isMissing) return new AppError('not_found', { detail: 'There is no such file.' });
    const isFull = this.status === 507 || FULL_CODES.has(this.code ?? '');
    const detail = `The store "${store}" ${this.message}`;
    return new AppError(isFull ? 'storage_full' : 'storage_unavailable', { detail });
  }
}

export function toS3Failure(error: unknown): S3Failure {
  if (error instanceof S3Failure) return error;
  const cause = error instanceof Error && error.cause instanceof OutboundError ? error.cause : error;
  if (cause instanceof OutboundError) {
    const isForGood = cause.kind === 'blocked_address' || cause.kind === 'blocked_url';
    return new S3Failure(`could not be reached (${cause.kind}).`, null, null, !isForGood);
  }
  const { name, $metadata } = error as { name?: unknown; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? null;
  const code = typeof name === 'string' && /^[A-Za-z0-9]{2,64}$/.test(name) ? name : null;
  if (status === null)
    return new S3Failure(`gave an answer that is not understood (${code}).`, null, code, true);
  const isRetryable = status >= 500 ? status !== 501 : status === 429 || PASSING_CODES.has(code ?? '');
  // An answer of 200 with an error inside comes from CompleteMultipartUpload.
  return new S3Failure(
    `answered ${status} ${code ?? ''}`.trim().concat('.'),
    status,
    code,
    isRetryable || status === 200,
  );
}

export interface S3ConnectionOptions {
  config: S3StoreConfig;
  outbound(): Promise<Outbound>;
}

/** What the SDK hands to a request handler; a part of its own type. */
interface SdkRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

type Sdk = typeof import('@aws-sdk/client-s3');

export class S3Connection {
  readonly config: S3StoreConfig;
  readonly #options: S3ConnectionOptions;
  #opened: Promise<{ client: S3Client; sdk: Sdk }> | null = null;

  constructor(options: S3ConnectionOptions) {
    this.#options = options;
    this.config = options.config;
  }

  /** Runs one command; the time it may take is limited at the door to the network. Throws `S3Failure`. */
  async send<Output>(run: (client: S3Client, sdk: Sdk) => Promise<Output>): Promise<Output> {
    try {
      const { client, sdk } = await this.open();
      return await run(client, sdk);
    } catch (error) {
      throw toS3Failure(error);
    }
  }

  open(): Promise<{ client: S3Client; sdk: Sdk }> {
    this.#opened ??= this.#open();
    this.#opened.catch(() => {
      this.#opened = null;
    });
    return this.#opened;
  }

  async #open(): Promise<{ client: S3Client; sdk: Sdk }> {
    const { endpoint, region, addressing, accessKeyId, secretAccessKey } = this.config;
    const sdk = await import('@aws-sdk/client-s3');
    const client = new sdk.S3Client({
      region,
      ...(endpoint === null ? {} : { endpoint }),
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: addressing === 'path',
      bucketEndpoint: addressing === 'endpoint',
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // R2 and others never answer 100: every larger upload would wait six seconds.
      expectContinueHeader: false,
      maxAttempts: 1,
      requestHandler: {
        handle: async (request: SdkRequest, how?: { abortSignal?: AbortSignal }) => ({
          response: await this.#exchange(request, how?.abortSignal),
        }),
      } as never,
    });
    return { client, sdk };
  }

  async #exchange(request: SdkRequest, signal: AbortSignal | undefined) {
    const { proxy } = this.config;
    const outbound = await this.#options.outbound();
    const port = request.port === undefined ? '' : `:${request.port}`;
    const { host: _host, ...headers } = request.headers;
    const answer = await outbound.request({
      method: request.method as 'GET',
      url: `${request.protocol}//${request.hostname}${port}${request.path}${queryText(request.query)}`,
      // What comes back is hashed and sent on as it lies there.
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: (request.body ?? null) as Uint8Array | null,
      purpose: `store ${this.config.name}`,
      allow: 'configured',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      totalTimeoutMs: TOTAL_TIMEOUT_MS,
      maxBytes: MAX_OBJECT_BYTES,
      ...(proxy === null ? {} : { proxy }),
      ...(signal ? { signal } : {}),
    });
    return { statusCode: answer.status, headers: flat(answer), body: await bodyOf(request, answer) };
  }

  /** The address to give as `Bucket`: the endpoint itself where it is the bucket's own domain. */
  get bucket(): string {
    const { addressing, endpoint, bucket } = this.config;
    return addressing === 'endpoint' && endpoint !== null ? endpoint : bucket;
  }
}

function queryText(query: SdkRequest['query']): string {
  const escaped = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const parts = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${escaped(name)}=${one === null ? '' : escaped(one)}`),
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function flat({ headers }: OutboundResponse): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) found[name] = Array.isArray(value) ? value.join(', ') : value;
  return found;
}

/** Objects are streamed; every other answer is read here, so that its connection is free whatever the SDK does with it. */
async function bodyOf({ method, query }: SdkRequest, answer: OutboundResponse): Promise<Readable> {
  const isObject = method === 'GET' && (answer.status === 200 || answer.status === 206) && !isList(query);
  if (isObject) return Readable.from(answer.body, { objectMode: false });
  if (method !== 'HEAD') return Readable.from([Buffer.from(await answer.readText(MAX_ANSWER_BYTES))]);
  answer.discard();
  return Readable.from([]);
}

function isList(query: SdkRequest['query']): boolean {
  return query !== undefined && ('list-type' in query || 'uploads' in query);
}
