// A bucket as a target. A PUT is seen whole or not at all; what lies there afterwards is asked for with its size and SHA-256.
// Large files go in parts, each with its MD5; a cut takes back the parts of that file, and the next run sends it anew.
import { createHash } from 'node:crypto';
import type { S3TargetConfig, SyncKind } from '../kernel/config-sync.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { S3Connection, S3Objects, toS3Failure } from '../media/media.ts';
import { SyncFault } from './fault.ts';
import { addressesOf } from './public-check.ts';
import { nameOf, type RemoteFile, type SendOptions, type SourceFile, type Target } from './target.ts';

const PART_BYTES = 8 * 1024 * 1024;
const SMALL_LANES = 24;
const LARGE_LANES = 3;
const FULL_STATUS = 507;
const MIMES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  mp4: 'video/mp4',
  json: 'application/json',
};

const md5Of = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('base64');

/** The bytes of a source in equal parts, the last one smaller. */
async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of source) {
    pieces.push(chunk);
    held += chunk.byteLength;
    while (held >= PART_BYTES) {
      const all = Buffer.concat(pieces);
      yield all.subarray(0, PART_BYTES);
      const rest = all.subarray(PART_BYTES);
      pieces = rest.byteLength > 0 ? [rest] : [];
      held = rest.byteLength;
    }
  }
  if (held > 0) yield Buffer.concat(pieces);
}

function faultOf(error: unknown): SyncFault {
  if (error instanceof SyncFault) return error;
  const failure = toS3Failure(error);
  const text = `the bucket ${failure.message}`;
  if (failure.status === 403 || failure.status === 401) {
    const isSignIn = /^(?:InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken)$/.test(
      failure.code ?? '',
    );
    return new SyncFault(isSignIn ? 'sign_in' : 'denied', text, error);
  }
  if (failure.status === FULL_STATUS || /Quota|StorageFull/.test(failure.code ?? ''))
    return new SyncFault('full', text, error);
  return new SyncFault(failure.isRetryable ? 'connection' : 'failed', text, error);
}

export class S3Target implements Target {
  readonly label: string;
  readonly comparison = 'size_hash';
  readonly lanes = { small: SMALL_LANES, large: LARGE_LANES };
  readonly #config: S3TargetConfig;
  readonly #connection: S3Connection;
  readonly #objects: S3Objects;

  constructor(config: S3TargetConfig, openOutbound: () => Promise<Outbound>) {
    this.#config = config;
    this.#connection = new S3Connection({ config: config.store, outbound: openOutbound });
    this.#objects = new S3Objects({ connection: this.#connection, mostListed: Number.MAX_SAFE_INTEGER });
    this.label = `s3://${config.store.bucket}`;
  }

  takes(): boolean {
    return true;
  }

  place(kind: SyncKind): string {
    return `${this.label}/${this.#prefixOf(kind)}`;
  }

  publicUrls(file: SourceFile): string[] {
    const { publicUrl } = this.#config;
    if (publicUrl === null) return [];
    const object = this.#objectOf(file).split('/').map(encodeURIComponent).join('/');
    return [...new Set([`${publicUrl}/${object}`, ...addressesOf(publicUrl, file)])];
  }

  async list(kinds: readonly SyncKind[]): Promise<Map<string, RemoteFile>> {
    const found = new Map<string, RemoteFile>();
    const { prefix } = this.#config.store;
    for (const kind of kinds) {
      const own = this.#prefixOf(kind);
      try {
        for await (const { object, bytes } of this.#objects.list(own.slice(prefix.length)))
          found.set(nameOf({ kind, path: object.slice(own.length) }), { bytes, modifiedAtMs: null });
      } catch (error) {
        throw faultOf(error);
      }
    }
    return found;
  }

  async sha256Of(file: SourceFile): Promise<string | null> {
    const object = this.#objectOf(file);
    try {
      const head = await this.#objects.head(object);
      if (!head || head.sha256 !== null) return head?.sha256 ?? null;
      const hash = createHash('sha256');
      for await (const chunk of this.#objects.read(object, head)) hash.update(chunk);
      return hash.digest('hex');
    } catch (error) {
      throw faultOf(error);
    }
  }

  async send(file: SourceFile, options: SendOptions): Promise<{ resumedBytes: number }> {
    try {
      const sha256 =
        file.bytes > PART_BYTES ? await this.#putParts(file, options) : await this.#putWhole(file, options);
      await this.#check(file, sha256);
    } catch (error) {
      throw faultOf(error);
    }
    return { resumedBytes: 0 };
  }

  async close(): Promise<void> {}

  #prefixOf(kind: SyncKind): string {
    const own = this.#config.paths[kind];
    const folder = own ?? (kind === 'files' ? '' : kind);
    return `${this.#config.store.prefix}${folder}${folder === '' ? '' : '/'}`;
  }

  #objectOf(file: SourceFile): string {
    return `${this.#prefixOf(file.kind)}${file.path}`;
  }

  #headersOf(file: SourceFile, sha256: string) {
    const extension = file.path.slice(file.path.lastIndexOf('.') + 1).toLowerCase();
    return {
      ContentType: MIMES[extension] ?? 'application/octet-stream',
      Metadata: { sha256, mtime: String(Math.floor(file.modifiedAtMs / 1000)) },
    };
  }

  async #putWhole(file: SourceFile, { onBytes, replaces }: SendOptions): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of file.read()) pieces.push(chunk);
    const bytes = Buffer.concat(pieces);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const put = (isConditional: boolean) =>
      this.#connection.send((client, sdk) =>
        client.send(
          new sdk.PutObjectCommand({
            Bucket: this.#connection.bucket,
            Key: this.#objectOf(file),
            Body: bytes,
            ContentLength: bytes.byteLength,
            ContentMD5: md5Of(bytes),
            ...this.#headersOf(file, sha256),
            ...(isConditional ? { IfNoneMatch: '*' } : {}),
          }),
        ),
      );
    await put(!replaces).catch(async (error: unknown) => {
      const { status } = toS3Failure(error);
      if (!replaces && status === 412) {
        // Our own try before, of which no answer came, looks the same.
        if (`${await this.sha256Of(file)}` === sha256) return;
        throw new SyncFault('appeared', 'another file appeared there meanwhile; it was left alone', error);
      }
      if (replaces || (status !== 501 && status !== 400)) throw error;
      // Some stores do not know the condition.
      await put(false);
    });
    onBytes(bytes.byteLength);
    return sha256;
  }

  async #putParts(file: SourceFile, { onBytes, signal }: SendOptions): Promise<string> {
    // The hash must be known before the first part: the object carries it.
    const hash = createHash('sha256');
    for await (const chunk of file.read()) hash.update(chunk);
    const sha256 = hash.digest('hex');
    const base = { Bucket: this.#connection.bucket, Key: this.#objectOf(file) };
    const send = this.#connection;
    const { UploadId } = await send.send((client, sdk) =>
      client.send(new sdk.CreateMultipartUploadCommand({ ...base, ...this.#headersOf(file, sha256) })),
    );
    try {
      const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
      for await (const part of inParts(file.read())) {
        signal.throwIfAborted();
        const PartNumber = Parts.length + 1;
        const input = { ...base, UploadId, PartNumber, Body: part, ContentLength: part.byteLength };
        const { ETag } = await send.send((client, sdk) =>
          client.send(new sdk.UploadPartCommand({ ...input, ContentMD5: md5Of(part) })),
        );
        Parts.push({ ETag, PartNumber });
        onBytes(part.byteLength);
      }
      await send.send((client, sdk) =>
        client.send(
          new sdk.CompleteMultipartUploadCommand({ ...base, UploadId, MultipartUpload: { Parts } }),
        ),
      );
    } catch (error) {
      await send
        .send((client, sdk) => client.send(new sdk.AbortMultipartUploadCommand({ ...base, UploadId })))
        .catch(() => {});
      throw error;
    }
    return sha256;
  }

  async #check(file: SourceFile, sha256: string): Promise<void> {
    const head = await this.#objects.head(this.#objectOf(file));
    const found = `${head?.bytes} ${head?.sha256}`;
    if (found === `${file.bytes} ${sha256}`) return;
    throw new SyncFault('hash', 'the bucket does not hold what was sent');
  }
}
