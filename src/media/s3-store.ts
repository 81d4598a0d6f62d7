// A store in a bucket of R2, OSS, SeaweedFS, MinIO or AWS: `<prefix><kind>/<aa>/<key>`, and beside it `incoming/` (uploads that
// callers put there), `quarantine/` and `damaged/`. Keys are never used twice, so a PUT may be repeated; what it came to is
// decided by a HEAD. A marker object, whose id the database remembers, proves that it is the right bucket: without it
// nothing is stored, collected or swept.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Clock, sleep } from '../kernel/clock.ts';
import type { S3StoreConfig } from '../kernel/config-stores.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { measureStream } from './disk-files.ts';
import {
  isMediaKey,
  isMediaKind,
  type ListedFile,
  MEDIA_KINDS,
  type MediaKind,
  type MediaStore,
  newMediaKey,
  type OpenedFile,
  type PresignedRequest,
  type StagedFile,
} from './media-store.ts';
import { S3Connection, S3Failure, toS3Failure } from './s3-connection.ts';
import { isSameBytes, S3Objects, sha256Of, told } from './s3-objects.ts';

const PUT_TRIES = 3;
const FIRST_RETRY_MS = 200;
/** How long a marker that was seen stands for the next writes. */
const MARKER_STANDS_MS = 60_000;
const MARKER_ID = /^[0-9a-f]{32}$/;
const PROBE_BYTES = 4096;
export const LONGEST_PRESIGN_MS = 15 * 60_000;
/** What the database remembers of the bucket's marker. */
export interface MarkerMemory {
  find(): Promise<string | null>;
  /** Keeps the id at the first start; returns the one that holds (another node may have been first). */
  remember(id: string): Promise<string>;
}

export interface S3StoreOptions {
  config: S3StoreConfig;
  clock: Clock;
  marker: MarkerMemory;
  outbound(): Promise<Outbound>;
  /** Parts of a large upload, in bytes (default 8 MB). */
  partBytes?: number;
  mostListed?: number;
}

export class S3Store implements MediaStore {
  readonly name: string;
  readonly isRemote = true;
  readonly config: S3StoreConfig;
  readonly #options: S3StoreOptions;
  readonly #connection: S3Connection;
  readonly #objects: S3Objects;
  #markerSeenAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: S3StoreOptions) {
    this.#options = options;
    this.config = options.config;
    this.name = options.config.name;
    this.#connection = new S3Connection(options);
    const { partBytes, mostListed } = options;
    this.#objects = new S3Objects({ connection: this.#connection, partBytes, mostListed });
  }

  async publish(staged: StagedFile, kind: MediaKind, key: string): Promise<void> {
    await this.requireVolume();
    const object = this.#objectOf(kind, key);
    for (let tries = 1; ; tries += 1) {
      const failure = await this.#objects.put(staged, object, mimeOfKey(key)).then(
        () => null,
        (error: unknown) => (error instanceof AppError ? error : toS3Failure(error)),
      );
      if (failure instanceof AppError) throw failure;
      try {
        // Whatever the PUT was answered with: what lies there decides.
        if ((failure?.isRetryable ?? true) || failure?.status === 412) {
          if (await this.#objects.holds(object, staged)) return;
        }
        if (failure === null || failure.status === 412) await this.#objects.delete(object);
      } catch (error) {
        if (!toS3Failure(error).isRetryable || tries >= PUT_TRIES) throw this.#told(failure ?? error);
      }
      if (failure && !failure.isRetryable && failure.status !== 412) throw this.#told(failure);
      if (tries >= PUT_TRIES) {
        throw failure
          ? this.#told(failure)
          : new AppError('storage_unavailable', {
              detail: `The store "${this.name}" does not hold the bytes that were sent to it.`,
            });
      }
      await sleep(this.#options.clock, FIRST_RETRY_MS * 4 ** (tries - 1));
    }
  }

  async open(kind: MediaKind, key: string): Promise<OpenedFile> {
    const object = this.#objectOf(kind, key);
    const head = await this.#toldAs(this.#objects.head(object));
    if (!head) throw new AppError('not_found', { detail: 'There is no such file.' });
    return {
      bytes: head.bytes,
      modifiedAtMs: head.modifiedAtMs,
      path: null,
      stream: (range) => Readable.from(this.#objects.read(object, head, range), { objectMode: false }),
      close: async () => {},
    };
  }

  async quarantine(kind: MediaKind, key: string): Promise<void> {
    await this.#hide(kind, key, 'quarantine');
  }

  async setAside(kind: MediaKind, key: string): Promise<void> {
    await this.#hide(kind, key, 'damaged');
  }

  async remove(kind: MediaKind, key: string): Promise<void> {
    await this.requireVolume();
    await this.#toldAs(this.#objects.delete(this.#objectOf(kind, key)));
  }

  async sweep(before: {
    stagedMs: number;
    quarantinedMs: number;
  }): Promise<{ staged: number; quarantined: number }> {
    await this.requireVolume();
    const staged = await this.#sweepFolder('incoming/', before.stagedMs);
    const quarantined = await this.#sweepFolder('quarantine/', before.quarantinedMs);
    return {
      staged: staged + (await this.#toldAs(this.#objects.abortOldParts(before.stagedMs))),
      quarantined,
    };
  }

  /** Looks for the marker; what it saw stands for a minute. Throws `storage_unavailable`. */
  async requireVolume(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#markerSeenAtMs < MARKER_STANDS_MS) return;
    await this.check();
  }

  /** As `requireVolume`, but asks the bucket in any case. */
  async check(): Promise<void> {
    const { marker, clock } = this.#options;
    this.#markerSeenAtMs = Number.NEGATIVE_INFINITY;
    const known = await marker.find();
    let found = await this.#toldAs(this.#readMarker());
    if (known === null) {
      found ??= await this.#toldAs(this.#writeMarker());
      if (found !== (await marker.remember(found))) throw this.#wrongBucket(found);
    } else if (found !== known) throw this.#wrongBucket(found);
    this.#markerSeenAtMs = clock.monotonicMs();
  }

  async *list(): AsyncIterable<ListedFile> {
    await this.requireVolume();
    for (const kind of MEDIA_KINDS) {
      for await (const { object, bytes, modifiedAtMs } of this.#objects.list(`${kind}/`)) {
        const key = object.slice(object.lastIndexOf('/') + 1);
        if (isMediaKey(key)) yield { kind, key, bytes, modifiedAtMs };
      }
    }
  }

  async probe(): Promise<void> {
    await this.check();
    const content = randomBytes(PROBE_BYTES);
    const object = this.#objectOf('thumb', newMediaKey('png'));
    await this.#toldAs(
      this.#objects.putBytes(content, object, 'application/octet-stream', sha256Of(content)),
    );
    try {
      const head = await this.#toldAs(this.#objects.head(object));
      const read = head ? await measureStream(this.#objects.read(object, head)) : null;
      if (!isSameBytes(read, { bytes: PROBE_BYTES, sha256: sha256Of(content) })) {
        const detail = `A test file was read back from the store "${this.name}" with other bytes.`;
        throw new AppError('storage_unavailable', { detail });
      }
    } finally {
      await this.#toldAs(this.#objects.delete(object));
    }
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  /** Where a caller may read a file by itself until `expiresAt`; never longer than 15 minutes. */
  async presignGet(
    kind: MediaKind,
    key: string,
    how: { ttlMs: number; mime: string; disposition: string | null },
  ): Promise<PresignedRequest> {
    const { sdk, client } = await this.#connection.open();
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new sdk.GetObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#objectOf(kind, key),
      ResponseContentType: how.mime,
      ...(how.disposition === null ? {} : { ResponseContentDisposition: how.disposition }),
    });
    const ttlMs = Math.min(how.ttlMs, LONGEST_PRESIGN_MS);
    const url = await getSignedUrl(client, command, { expiresIn: Math.floor(ttlMs / 1000) });
    return { url, headers: {}, expiresAt: this.#options.clock.now() + ttlMs };
  }

  /** Where a caller may put exactly `bytes` bytes, once, under `incoming/<name>`; never for longer than 15 minutes. */
  async presignPut(
    name: string,
    how: { bytes: number; mime: string; ttlMs: number },
  ): Promise<PresignedRequest> {
    await this.requireVolume();
    const { sdk, client } = await this.#connection.open();
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new sdk.PutObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#incoming(name),
      ContentLength: how.bytes,
      ContentType: how.mime,
    });
    const ttlMs = Math.min(how.ttlMs, LONGEST_PRESIGN_MS);
    const url = await getSignedUrl(client, command, {
      expiresIn: Math.floor(ttlMs / 1000),
      // The length is signed by itself; the type only when it is asked for.
      signableHeaders: new Set(['host', 'content-type', 'content-length']),
    });
    const headers = { 'content-type': how.mime };
    return { url, headers, expiresAt: this.#options.clock.now() + ttlMs };
  }

  /** What a caller put under `incoming/<name>`, or null when nothing is there. */
  async openIncoming(name: string): Promise<{ bytes: number; stream: AsyncIterable<Uint8Array> } | null> {
    const object = this.#incoming(name);
    const head = await this.#toldAs(this.#objects.head(object));
    return head && { bytes: head.bytes, stream: this.#objects.read(object, head) };
  }

  async removeIncoming(name: string): Promise<void> {
    await this.#toldAs(this.#objects.delete(this.#incoming(name)));
  }

  /** The address under which anybody can read the file, if the bucket has a public one. */
  publicUrl(kind: MediaKind, key: string): string | null {
    const { publicUrl } = this.config;
    return publicUrl === null ? null : `${publicUrl}/${this.#objectOf(kind, key)}`;
  }

  #objectOf(kind: MediaKind, key: string): string {
    if (!isMediaKind(kind) || !isMediaKey(key))
      throw new AppError('not_found', { detail: 'There is no such file.' });
    return `${this.config.prefix}${kind}/${key.slice(0, 2)}/${key}`;
  }

  #incoming(name: string): string {
    if (!/^[a-z0-9_]{1,64}$/.test(name))
      throw new AppError('not_found', { detail: 'There is no such upload.' });
    return `${this.config.prefix}incoming/${name}`;
  }

  async #hide(kind: MediaKind, key: string, folder: 'quarantine' | 'damaged'): Promise<void> {
    await this.requireVolume();
    const object = this.#objectOf(kind, key);
    const hidden = `${this.config.prefix}${folder}/${kind}.${key}`;
    if (!(await this.#toldAs(this.#objects.copy(object, hidden)))) return;
    await this.#toldAs(this.#objects.delete(object));
  }

  async #sweepFolder(folder: string, beforeMs: number): Promise<number> {
    let removed = 0;
    for await (const { object, modifiedAtMs } of this.#objects.list(folder)) {
      if (modifiedAtMs >= beforeMs) continue;
      await this.#toldAs(this.#objects.delete(object));
      removed += 1;
    }
    return removed;
  }

  get #markerObject(): string {
    return `${this.config.prefix}drawbridge-media-marker`;
  }

  async #readMarker(): Promise<string | null> {
    const head = await this.#objects.head(this.#markerObject);
    if (!head) return null;
    const parts: Uint8Array[] = [];
    for await (const part of this.#objects.read(this.#markerObject, head)) parts.push(part);
    const id = Buffer.concat(parts).toString('latin1').trim();
    if (!MARKER_ID.test(id)) throw this.#wrongBucket(id);
    return id;
  }

  async #writeMarker(): Promise<string> {
    const id = randomBytes(16).toString('hex');
    const bytes = Buffer.from(`${id}\n`);
    try {
      await this.#objects.putBytes(bytes, this.#markerObject, 'text/plain', sha256Of(bytes));
    } catch (error) {
      // Another node was first: its marker is the one.
      if (toS3Failure(error).status !== 412) throw error;
    }
    const found = await this.#readMarker();
    if (found === null) throw new S3Failure('lost a file that was just written.', null, null, true);
    return found;
  }

  #wrongBucket(found: string | null): AppError {
    const what = found === null ? 'is missing in' : 'belongs to another installation than this one, in';
    return new AppError('storage_unavailable', {
      detail: `The marker object ${what} the bucket of the store "${this.name}".`,
      fix: 'Check bucket and prefix: another bucket than before needs another name in media.stores.',
    });
  }

  #told(error: unknown): Error {
    return told(this.name, error);
  }

  async #toldAs<Output>(work: Promise<Output>): Promise<Output> {
    try {
      return await work;
    } catch (error) {
      throw this.#told(error);
    }
  }
}

function mimeOfKey(key: string): string {
  if (key.endsWith('.jpg')) return 'image/jpeg';
  return key.endsWith('.webp') ? 'image/webp' : 'image/png';
}
