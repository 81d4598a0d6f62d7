// The object calls that a store is made of, over one connection: whole puts and puts in equal parts with their MD5, what lies
// where, reading pinned to an ETag, listing in bounded stretches. Methods throw `S3Failure` unless they say otherwise.
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { AppError } from '../kernel/errors.ts';
import { measureStream, writeFailure } from './disk-files.ts';
import type { StagedFile } from './media-store.ts';
import { type S3Connection, toS3Failure } from './s3-connection.ts';

/** Larger files go in parts of this size, all equal but the last, as R2 asks. */
export const PART_BYTES = 8 * 1024 * 1024;
/** Objects listed in one call of `list`; the next call goes on where it ended. */
export const MOST_LISTED = 100_000;
const SHA256_FIELD = 'sha256';
const MD5_ETAG = /^"?([0-9a-f]{32})"?$/;

export interface ObjectHead {
  bytes: number;
  modifiedAtMs: number;
  etag: string | null;
  sha256: string | null;
}

export interface S3ObjectsOptions {
  connection: S3Connection;
  /** Parts of a large upload, in bytes (default 8 MB). */
  partBytes?: number | undefined;
  /** Objects in one stretch of a listing. */
  mostListed?: number | undefined;
}

export class S3Objects {
  readonly name: string;
  readonly #connection: S3Connection;
  readonly #partBytes: number;
  readonly #mostListed: number;
  /** Whether the store knows `If-None-Match: *`; until it refuses it, it is taken to. */
  #knowsConditions = true;
  /** Where the next bounded listing goes on: folder → object. */
  readonly #listedUpTo = new Map<string, string>();

  constructor({ connection, partBytes, mostListed }: S3ObjectsOptions) {
    this.#connection = connection;
    this.name = connection.config.name;
    this.#partBytes = partBytes ?? PART_BYTES;
    this.#mostListed = mostListed ?? MOST_LISTED;
  }

  async put(staged: StagedFile, object: string, mime: string): Promise<void> {
    const partBytes = this.#partBytes;
    if (staged.bytes > partBytes) return this.#putParts(staged, object, mime, partBytes);
    const bytes = await readFile(staged.path).catch((error: unknown) => {
      throw writeFailure(error);
    });
    await this.putBytes(bytes, object, mime, staged.sha256);
  }

  async putBytes(bytes: Uint8Array, object: string, mime: string, sha256: string): Promise<void> {
    const conditional = this.#knowsConditions;
    try {
      await this.#connection.send((client, sdk) =>
        client.send(
          new sdk.PutObjectCommand({
            Bucket: this.#connection.bucket,
            Key: object,
            Body: bytes,
            ContentLength: bytes.byteLength,
            ContentType: mime,
            // Checked by every store, unlike the newer checksums.
            ContentMD5: md5Of(bytes, 'base64'),
            Metadata: { [SHA256_FIELD]: sha256 },
            ...(conditional ? { IfNoneMatch: '*' } : {}),
          }),
        ),
      );
    } catch (error) {
      const { status } = toS3Failure(error);
      if (!conditional || (status !== 501 && status !== 400)) throw error;
      // Keys are never used twice: the condition is a second belt that some stores do not have.
      this.#knowsConditions = false;
      await this.putBytes(bytes, object, mime, sha256);
    }
  }

  async #putParts(staged: StagedFile, object: string, mime: string, partBytes: number): Promise<void> {
    const base = { Bucket: this.#connection.bucket, Key: object };
    const handle = await open(staged.path).catch((error: unknown) => {
      throw writeFailure(error);
    });
    let uploadId: string | undefined;
    try {
      const Metadata = { [SHA256_FIELD]: staged.sha256 };
      const begun = await this.#connection.send((client, sdk) =>
        client.send(new sdk.CreateMultipartUploadCommand({ ...base, ContentType: mime, Metadata })),
      );
      uploadId = begun.UploadId;
      const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
      for (let offset = 0; offset < staged.bytes; offset += partBytes) {
        const bytes = await readPart(handle, offset, Math.min(partBytes, staged.bytes - offset));
        const PartNumber = Parts.length + 1;
        const part = {
          ...base,
          UploadId: uploadId,
          PartNumber,
          Body: bytes,
          ContentLength: bytes.byteLength,
        };
        const { ETag } = await this.#connection.send((client, sdk) =>
          client.send(new sdk.UploadPartCommand({ ...part, ContentMD5: md5Of(bytes, 'base64') })),
        );
        Parts.push({ ETag, PartNumber });
      }
      await this.#connection.send((client, sdk) =>
        client.send(
          new sdk.CompleteMultipartUploadCommand({ ...base, UploadId: uploadId, MultipartUpload: { Parts } }),
        ),
      );
    } catch (error) {
      // What cannot be aborted now is found by the sweep.
      if (uploadId !== undefined) await this.#abort(object, uploadId).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
  }

  async #abort(object: string, uploadId: string): Promise<void> {
    await this.#connection.send((client, sdk) =>
      client.send(
        new sdk.AbortMultipartUploadCommand({
          Bucket: this.#connection.bucket,
          Key: object,
          UploadId: uploadId,
        }),
      ),
    );
  }

  /** Aborts uploads in parts that were begun before this time; returns how many. */
  async abortOldParts(beforeMs: number): Promise<number> {
    const { prefix } = this.#connection.config;
    const { Uploads = [] } = await this.#connection
      .send((client, sdk) =>
        client.send(
          new sdk.ListMultipartUploadsCommand({
            Bucket: this.#connection.bucket,
            ...(prefix ? { Prefix: prefix } : {}),
          }),
        ),
      )
      .catch((error: unknown) => {
        // Some stores cannot list them; those let them expire by themselves.
        if (toS3Failure(error).status === 501) return { Uploads: [] };
        throw error;
      });
    let aborted = 0;
    for (const { Key, UploadId, Initiated } of Uploads) {
      if (!Key?.startsWith(prefix) || !UploadId || !Initiated || Initiated.getTime() >= beforeMs) continue;
      await this.#abort(Key, UploadId).catch((error: unknown) => {
        if (toS3Failure(error).status !== 404) throw error;
      });
      aborted += 1;
    }
    return aborted;
  }

  async head(object: string): Promise<ObjectHead | null> {
    try {
      const head = await this.#connection.send((client, sdk) =>
        client.send(new sdk.HeadObjectCommand({ Bucket: this.#connection.bucket, Key: object })),
      );
      return {
        bytes: head.ContentLength ?? -1,
        modifiedAtMs: head.LastModified?.getTime() ?? 0,
        etag: head.ETag ?? null,
        sha256: head.Metadata?.[SHA256_FIELD] ?? null,
      };
    } catch (error) {
      if (toS3Failure(error).isMissing) return null;
      throw error;
    }
  }

  /** Whether these very bytes lie there: size and hash of the HEAD, and the bytes themselves where its ETag says otherwise. */
  async holds(object: string, staged: StagedFile): Promise<boolean> {
    const head = await this.head(object);
    if (!head || head.bytes !== staged.bytes) return false;
    const isMarked = head.sha256 === null || isSameBytes({ ...head, sha256: head.sha256 }, staged);
    if (!isMarked) return false;
    const md5 = MD5_ETAG.exec(head.etag ?? '')?.[1];
    const isWhole = staged.bytes <= this.#partBytes;
    const fits =
      head.sha256 !== null && isWhole && md5 !== undefined && md5 === (await md5OfFile(staged.path));
    const isPlainlyParts = head.sha256 !== null && !isWhole && md5 === undefined;
    // With server-side encryption an ETag is no MD5: then the bytes are read back.
    return fits || isPlainlyParts || isSameBytes(await measureStream(this.read(object, head)), staged);
  }

  async *read(
    object: string,
    head: ObjectHead,
    range?: { start: number; end: number },
  ): AsyncGenerator<Uint8Array> {
    const wanted = range ? range.end - range.start + 1 : head.bytes;
    let got = 0;
    try {
      const { Body } = await this.#connection.send((client, sdk) =>
        client.send(
          new sdk.GetObjectCommand({
            Bucket: this.#connection.bucket,
            Key: object,
            ...(head.etag === null ? {} : { IfMatch: head.etag }),
            ...(range ? { Range: `bytes=${range.start}-${range.end}` } : {}),
          }),
        ),
      );
      for await (const chunk of Body as AsyncIterable<Uint8Array>) {
        got += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      throw told(this.name, error);
    }
    if (got !== wanted) {
      const detail = `The store "${this.name}" sent ${got} of ${wanted} bytes.`;
      throw new AppError('storage_unavailable', { detail });
    }
  }

  async delete(object: string): Promise<void> {
    await this.#connection
      .send((client, sdk) =>
        // One by one: the bulk form asks for a checksum that some stores refuse.
        client.send(new sdk.DeleteObjectCommand({ Bucket: this.#connection.bucket, Key: object })),
      )
      .catch((error: unknown) => {
        if (!toS3Failure(error).isMissing) throw error;
      });
  }

  /** A bounded stretch of the objects in a folder, from where the last one ended. */
  async *list(folder: string): AsyncGenerator<{ object: string; bytes: number; modifiedAtMs: number }> {
    const Prefix = `${this.#connection.config.prefix}${folder}`;
    const most = this.#mostListed;
    let after = this.#listedUpTo.get(folder);
    this.#listedUpTo.delete(folder);
    for (let listed = 0; ; ) {
      const page = await this.#connection.send((client, sdk) =>
        client.send(
          new sdk.ListObjectsV2Command({
            Bucket: this.#connection.bucket,
            Prefix,
            MaxKeys: Math.min(1000, most - listed),
            ...(after === undefined ? {} : { StartAfter: after }),
          }),
        ),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key === undefined) continue;
        yield { object: Key, bytes: Size ?? 0, modifiedAtMs: LastModified?.getTime() ?? 0 };
        after = Key;
        listed += 1;
      }
      if (!page.IsTruncated || (page.Contents ?? []).length === 0) return;
      if (listed >= most) {
        if (after !== undefined) this.#listedUpTo.set(folder, after);
        return;
      }
    }
  }

  /** Copies an object; false when there is none. */
  async copy(from: string, to: string): Promise<boolean> {
    const { bucket } = this.#connection.config;
    try {
      await this.#connection.send((client, sdk) =>
        client.send(
          new sdk.CopyObjectCommand({
            Bucket: this.#connection.bucket,
            Key: to,
            CopySource: `${bucket}/${from}`,
          }),
        ),
      );
      return true;
    } catch (error) {
      if (toS3Failure(error).isMissing) return false;
      throw error;
    }
  }
}

/** A failure as callers of stores get it. */
export function told(store: string, error: unknown): Error {
  return error instanceof AppError ? error : toS3Failure(error).toAppError(store);
}

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const md5Of = (bytes: Uint8Array, encoding: 'base64' | 'hex') =>
  createHash('md5').update(bytes).digest(encoding);

async function md5OfFile(path: string): Promise<string> {
  return md5Of(await readFile(path), 'hex');
}

async function readPart(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  if (bytesRead === length) return bytes;
  throw new AppError('storage_unavailable', {
    detail: 'The picture changed while it was sent to its store.',
  });
}

/** The hashes of stored bytes, which are no secrets. */
export function isSameBytes(
  found: { bytes: number; sha256: string } | null,
  wanted: { bytes: number; sha256: string },
): boolean {
  return found !== null && `${found.bytes} ${found.sha256}` === `${wanted.bytes} ${wanted.sha256}`;
}
