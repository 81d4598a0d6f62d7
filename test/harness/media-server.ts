// A server with nothing but the media slice, a database and a folder of pictures, for tests over real HTTP.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { createHttpServer, type HttpOptions } from '../../src/kernel/http.ts';
import { bindRoutes } from '../../src/kernel/http-routes.ts';
import { newId } from '../../src/kernel/id.ts';
import type { Logger } from '../../src/kernel/log.ts';
import type { Access, Scope } from '../../src/kernel/route.ts';
import { createMedia, type Media, type MediaOptions } from '../../src/media/media.ts';
import { mediaRoutes } from '../../src/media/routes.ts';
import { photo } from '../../src/media/test-pictures.ts';
import { insertForTest } from '../../src/media/test-writes.ts';
import { openTestDb, type TestDb } from './database.ts';

export const UPLOAD_BYTES = 300_000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, each looked at by its test
  json: any;
}

export interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  account?: string | null;
}

export class MediaServer {
  readonly media: Media;
  readonly #mismatches: object[];
  #port = 0;
  #close: () => Promise<unknown> = async () => {};

  /** `mismatches` gathers answers that do not fit their contract. */
  constructor(media: Media, mismatches: object[]) {
    this.media = media;
    this.#mismatches = mismatches;
  }

  get base(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(db: TestDb['db'], publicUrl: string | null = null): Promise<this> {
    const options: HttpOptions = {
      log: silent,
      clock: systemClock,
      publicUrl,
      trustedProxies: [],
      corsOrigins: [],
      requestsPerMinute: 1_000_000,
      anonymousRequestsPerMinute: 1_000_000,
      onAnswerMismatch: (detail) => this.#mismatches.push(detail),
      // The account is the key, and may do everything with pictures.
      authenticate: async ({ headers }): Promise<Access | null> => {
        const accountId = headers.authorization;
        if (!accountId) return null;
        const scopes = new Set<Scope>(['tasks:write', 'images:read', 'images:write']);
        return { accountId, scopes, via: 'key', credentialId: 'key_1' };
      },
    };
    await this.media.start();
    const app = await createHttpServer(options);
    bindRoutes(
      app,
      options,
      mediaRoutes({ db, clock: systemClock, media: this.media, makingOf: async () => null }),
    );
    await app.listen({ port: 0, host: '127.0.0.1' });
    this.#port = (app.server.address() as AddressInfo).port;
    this.#close = async () => {
      await app.close();
      await this.media.close();
    };
    return this;
  }

  close(): Promise<unknown> {
    return this.#close();
  }

  /** Sends `path` exactly as it is: no client normalises it on the way. */
  call(path: string, { method = 'GET', headers = {}, body, account = 'acct_1' }: Call = {}): Promise<Answer> {
    const authorization = account === null ? {} : { authorization: account };
    const local = path.startsWith(this.base) ? path.slice(this.base.length) : path;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: false,
          host: '127.0.0.1',
          port: this.#port,
          path: local,
          method,
          headers: { ...authorization, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const isJson = response.headers['content-type']?.includes('json');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: bytes,
              json: isJson ? JSON.parse(bytes.toString()) : null,
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  upload(
    parts: readonly { field: string; name?: string; bytes: Uint8Array; type?: string }[],
  ): Promise<Answer> {
    const boundary = 'drawbridge-test-boundary';
    const body = Buffer.concat([
      ...parts.flatMap(({ field, name, bytes, type = 'application/octet-stream' }) => [
        Buffer.from(
          `--${boundary}\r\ncontent-disposition: form-data; name="${field}"${name === undefined ? '' : `; filename="${name}"\r\ncontent-type: ${type}`}\r\n\r\n`,
        ),
        bytes,
        Buffer.from('\r\n'),
      ]),
      Buffer.from(`--${boundary}--\r\n`),
    ]);
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    return this.call('/v1/uploads', { method: 'POST', headers, body });
  }
}

/** What the tests of one file share; other servers may be started beside its own. */
export interface MediaWorld {
  readonly db: TestDb['db'];
  /** Pictures are in its folder `media`. */
  readonly folder: string;
  readonly server: MediaServer;
  start(more?: Partial<MediaOptions>, publicUrl?: string | null): Promise<MediaServer>;
  addImage(account?: string, bytes?: Uint8Array): Promise<{ id: string; key: string; bytes: Buffer }>;
  /** Fails when an answer of any of its servers did not fit its contract. */
  close(): Promise<void>;
}

export async function openMediaWorld(): Promise<MediaWorld> {
  const database = await openTestDb('sqlite-inline');
  const { db } = database;
  const folder = await mkdtemp(join(tmpdir(), 'drawbridge-media-http-'));
  const root = join(folder, 'media');
  const mismatches: object[] = [];
  const start = (more: Partial<MediaOptions> = {}, publicUrl: string | null = null) => {
    const options = { db, clock: systemClock, log: silent, root, decoders: 1, uploadBytes: UPLOAD_BYTES };
    return new MediaServer(createMedia({ ...options, ...more }), mismatches).start(db, publicUrl);
  };
  const server = await start();
  return {
    db,
    folder,
    server,
    start,
    addImage: (account = 'acct_1', bytes) => addImage(server.media, db, account, bytes),
    async close() {
      await server.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
      assert.deepEqual(mismatches, [], 'every answer fits its contract');
    },
  };
}

async function addImage(
  media: Media,
  db: TestDb['db'],
  account: string,
  bytes: Uint8Array | undefined,
): Promise<{ id: string; key: string; bytes: Buffer }> {
  const content = Buffer.from(bytes ?? (await photo('png', 48)));
  const picture = await media.ingestResult(
    (async function* () {
      yield content;
    })(),
  );
  const id = newId('img', systemClock.now());
  const image = {
    id,
    accountId: account,
    taskId: 'task_1',
    position: 0,
    kind: 'final',
    picture,
    seed: 1,
    mode: 'text-to-image',
    model: 'm',
    provider: 'p',
    prompt: 'fox',
    parentId: null,
    extra: false,
    captured: true,
  } as const;
  await db.write(insertForTest, { now: systemClock.now(), images: [image] });
  return { id, key: picture.fileKey, bytes: content };
}
