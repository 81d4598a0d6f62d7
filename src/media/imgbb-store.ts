// ImgBB as a public place for pictures when no other takes them. Everything there can be seen by anybody who has its address,
// and nothing can be deleted by a program: removing is forgetting. So it is never used under private access, and what was put
// there is remembered for good. A picture counts as stored only after its bytes were fetched back and found unchanged.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { ImgbbStoreConfig } from '../kernel/config-stores.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError } from '../kernel/outbound-error.ts';
import { measureStream, writeFailure } from './disk-files.ts';
import type { ListedFile, MediaKind, MediaStore, OpenedFile, StagedFile } from './media-store.ts';
import { findPublicCopy, type PublicCopiesTable, rememberPublicCopy } from './public-copy-store.ts';

/** What ImgBB takes at most. */
export const MOST_BYTES = 32 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
const TOTAL_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 256 * 1024;

const numeric = z.coerce.number().int().min(0);
/** Numbers come as numbers or as text, depending on the age of the server that answers. */
const uploadAnswer = z.object({
  data: z.object({
    url: z.url(),
    size: numeric,
    expiration: numeric.default(0),
    delete_url: z.url().nullish(),
  }),
});
const errorAnswer = z.object({ error: z.object({ message: z.string() }) });

export interface ImgbbStoreOptions {
  config: ImgbbStoreConfig;
  db: Db;
  clock: Clock;
  outbound(): Promise<Outbound>;
}

export class ImgbbStore implements MediaStore {
  readonly name: string;
  readonly isRemote = true;
  readonly #options: ImgbbStoreOptions;

  constructor(options: ImgbbStoreOptions) {
    this.#options = options;
    this.name = options.config.name;
  }

  async publish(staged: StagedFile, _kind: MediaKind, key: string): Promise<void> {
    if (staged.bytes > MOST_BYTES) {
      throw new AppError('storage_unavailable', { detail: 'ImgBB takes no picture larger than 32 MB.' });
    }
    // An earlier try whose end was not heard of: another copy there could not be removed.
    const known = await this.#findCopy(key);
    const copy = known ?? (await this.#upload(staged, key));
    if (!known) await this.#options.db.write(rememberPublicCopy, copy);
    const { bytes, sha256 } = await measureStream(await this.#fetch(copy.url, staged.bytes));
    if (`${bytes} ${sha256}` === `${staged.bytes} ${staged.sha256}`) return;
    throw new AppError('storage_unavailable', { detail: 'ImgBB changed the picture that was put there.' });
  }

  async open(_kind: MediaKind, key: string): Promise<OpenedFile> {
    const copy = await this.#findCopy(key);
    if (!copy) throw new AppError('not_found', { detail: 'There is no such file.' });
    const answer = await this.#ask({ method: 'HEAD', url: copy.url }, 'public');
    answer.discard();
    if (answer.status === 404 || answer.status === 410)
      throw new AppError('not_found', { detail: 'There is no such file.' });
    const bytes = Number(answer.headers['content-length'] ?? Number.NaN);
    if (answer.status !== 200 || !Number.isSafeInteger(bytes)) throw unusable(`status ${answer.status}`);
    const self = this;
    async function* read(range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
      let position = 0;
      const { start, end } = range ?? { start: 0, end: bytes - 1 };
      // A public host need not know ranges; pictures are small enough to skip over what was not asked for.
      for await (const chunk of await self.#fetch(copy?.url ?? '', bytes)) {
        const from = Math.max(0, start - position);
        const to = Math.min(chunk.byteLength, end + 1 - position);
        position += chunk.byteLength;
        if (to > from) yield chunk.subarray(from, to);
      }
    }
    return {
      bytes,
      modifiedAtMs: copy.created_at,
      path: null,
      stream: (range) => Readable.from(read(range), { objectMode: false }),
      close: async () => {},
    };
  }

  /** The address under which anybody sees the file; null when it was never put there. */
  async publicUrl(key: string): Promise<string | null> {
    return (await this.#findCopy(key))?.url ?? null;
  }

  /** Nothing can be taken away there. */
  async quarantine(): Promise<void> {}

  async setAside(): Promise<void> {}

  async remove(): Promise<void> {}

  async sweep(): Promise<{ staged: number; quarantined: number }> {
    return { staged: 0, quarantined: 0 };
  }

  /** There is no call that costs nothing; the first picture tells. */
  async requireVolume(): Promise<void> {}

  /** It cannot be listed: what is there is known by its rows. */
  async *list(): AsyncIterable<ListedFile> {}

  /** Would leave a picture behind for good each time, so nothing is tried. */
  async probe(): Promise<void> {}

  async freeBytes(): Promise<null> {
    return null;
  }

  #findCopy(key: string): Promise<PublicCopiesTable | undefined> {
    return findPublicCopy(this.#options.db.read, key, this.name);
  }

  async #upload(staged: StagedFile, key: string): Promise<PublicCopiesTable> {
    const { config, clock } = this.#options;
    const bytes = await readFile(staged.path).catch((error: unknown) => {
      throw writeFailure(error);
    });
    const { headers, body } = uploadForm(config.apiKey, bytes, key);
    const place = `${config.url}/1/upload`;
    const answer = await this.#ask({ method: 'POST', url: place, headers, body }, 'configured');
    const said = await answer.readJson(MAX_ANSWER_BYTES).catch((error: unknown) => {
      throw toFailure(error);
    });
    const parsed = uploadAnswer.safeParse(said);
    if (answer.status !== 200 || !parsed.success) throw refusal(answer.status, said);
    const { url, size, expiration, delete_url: deleteUrl } = parsed.data.data;
    if (size !== staged.bytes) throw unusable(`it holds ${size} of ${staged.bytes} bytes`);
    const now = clock.now();
    return {
      file_key: key,
      store: this.name,
      url,
      delete_url: deleteUrl ?? null,
      expires_at: expiration === 0 ? null : now + expiration * 1000,
      created_at: now,
    };
  }

  async #fetch(url: string, bytes: number): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.#ask({ method: 'GET', url, maxBytes: bytes + 1 }, 'public');
    if (answer.status === 200) return answer.body;
    answer.discard();
    throw unusable(`the picture's address answered ${answer.status}`);
  }

  async #ask(
    request: Pick<OutboundRequest, 'method' | 'url' | 'maxBytes' | 'headers' | 'body'>,
    allow: 'configured' | 'public',
  ): Promise<OutboundResponse> {
    const { config, outbound } = this.#options;
    const own = new URL(config.url);
    const port = own.port || (own.protocol === 'https:' ? '443' : '80');
    try {
      return await (await outbound()).request({
        ...request,
        purpose: `store ${this.name}`,
        allow,
        allowHosts: [`${own.hostname}:${port}`],
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        totalTimeoutMs: TOTAL_TIMEOUT_MS,
        ...(config.proxy === null ? {} : { proxy: config.proxy }),
      });
    } catch (error) {
      throw toFailure(error);
    }
  }
}

/** The form that ImgBB takes: the key, and the picture as bytes. */
function uploadForm(apiKey: string, bytes: Uint8Array, name: string) {
  const boundary = `drawbridge-${randomUUID()}`;
  const part = (header: string) => `--${boundary}\r\ncontent-disposition: form-data; ${header}\r\n\r\n`;
  const head = `${part('name="key"')}${apiKey}\r\n${part(`name="image"; filename="${name}"`)}`;
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}

/** Every refusal there is a 400; only its words tell them apart. */
function refusal(status: number, said: unknown): AppError {
  const message = errorAnswer.safeParse(said).data?.error.message ?? '';
  if (/rate limit/i.test(message)) return unusable('its rate limit is reached');
  if (/api.*key|key.*invalid/i.test(message)) return unusable('it refuses the API key');
  return unusable(`it refused the upload with status ${status}`);
}

function unusable(why: string): AppError {
  return new AppError('storage_unavailable', { detail: `ImgBB could not be used: ${why}.` });
}

function toFailure(error: unknown): unknown {
  return error instanceof OutboundError ? unusable(`it could not be reached (${error.kind})`) : error;
}
