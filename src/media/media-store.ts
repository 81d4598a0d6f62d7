// What a place for picture files must do, and the one shape of their keys. Bytes enter by `stage` (private, counted,
// hashed) and become visible only by `publish`, whole and durable; a key is unguessable and never used twice.
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';

export const MEDIA_KINDS = ['original', 'final', 'hd', 'thumb'] as const;
/** original = an upload, final = a provider's result, hd = its upscale, thumb = a small WebP of any of them. */
export type MediaKind = (typeof MEDIA_KINDS)[number];

export const PICTURE_FORMATS = ['png', 'jpeg', 'webp'] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

const EXTENSIONS: Record<PictureFormat, string> = { png: 'png', jpeg: 'jpg', webp: 'webp' };
const MIMES: Record<PictureFormat, string> = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' };

/** 160 random bits; base32 in lower case, so that keys differ on file systems that fold case as well. */
const KEY_RANDOM_BYTES = 20;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const KEY_PATTERN = /^[a-z2-7]{32}\.(?:png|jpg|webp)$/;

/** A fresh key such as `k3…f.png`; the extension is for people and is never trusted. */
export function newMediaKey(format: PictureFormat): string {
  let bits = 0n;
  for (const byte of randomBytes(KEY_RANDOM_BYTES)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let shift = BigInt(KEY_RANDOM_BYTES * 8 - 5); shift >= 0n; shift -= 5n) {
    text += BASE32[Number((bits >> shift) & 31n)];
  }
  return `${text}.${EXTENSIONS[format]}`;
}

/** Whether a value from outside is a kind; everything that is not gets a 404 before any file is touched. */
export function isMediaKind(value: string): value is MediaKind {
  return (MEDIA_KINDS as readonly string[]).includes(value);
}

/** Whether a value from outside has the exact shape of a key: no dots but one, no separators, ASCII only. */
export function isMediaKey(value: string): boolean {
  return KEY_PATTERN.test(value);
}

export function mimeOf(format: PictureFormat): string {
  return MIMES[format];
}

/** The usual extension (without the dot) of a stored mime type; `png` for one that is unknown. */
export function extensionOf(mime: string): string {
  const format = PICTURE_FORMATS.find((candidate) => MIMES[candidate] === mime);
  return EXTENSIONS[format ?? 'png'];
}

/** A private file beside the store's own, not visible to anyone until it is published. */
export interface StagedFile {
  path: string;
  bytes: number;
  /** Lower-case hex of exactly these bytes. */
  sha256: string;
}

/** A published file that was opened and found to be a plain file of the store. `close` is idempotent. */
export interface OpenedFile {
  bytes: number;
  modifiedAtMs: number;
  /** Where it is on local disk, or null for a remote store. */
  path: string | null;
  /** Bytes from `start` to `end`, both inclusive; closes the file when it ends or is destroyed. */
  stream(range?: { start: number; end: number }): Readable;
  close(): Promise<void>;
}

export interface ListedFile {
  kind: MediaKind;
  key: string;
  bytes: number;
  modifiedAtMs: number;
}

/**
 * A store of picture files. Expected failures are AppErrors: `storage_full`, `storage_unavailable`, `payload_too_large`,
 * `not_found`; none of them leaves a visible or partial file behind.
 */
export interface MediaStore {
  /** The store's name as kept in the `files` table. */
  readonly name: string;
  /** Reached over the network: a failed read says nothing about the file, and reading everything costs money. */
  readonly isRemote: boolean;
  /**
   * Makes a staged file visible under `key`, durably: when this resolves it survives a power cut. The disk moves the staged
   * file, a remote store leaves it for its caller to discard. When it fails nothing is visible that a row names; the staged
   * file is still there for another try, unless its bytes cannot be trusted. A try under the same key after an unknown
   * outcome is safe.
   */
  publish(staged: StagedFile, kind: MediaKind, key: string): Promise<void>;
  open(kind: MediaKind, key: string): Promise<OpenedFile>;
  /** Moves a file out of sight, to be deleted by a later `sweep`; a missing one is fine. */
  quarantine(kind: MediaKind, key: string): Promise<void>;
  /** Moves a file with wrong bytes out of sight and keeps it until the operator removes it; a missing one is fine. */
  setAside(kind: MediaKind, key: string): Promise<void>;
  /** Deletes for good; a missing file is fine. */
  remove(kind: MediaKind, key: string): Promise<void>;
  /** Deletes private files and quarantined ones that were last touched before these times; returns how many. */
  sweep(before: {
    stagedMs: number;
    quarantinedMs: number;
  }): Promise<{ staged: number; quarantined: number }>;
  /** Throws `storage_unavailable` unless the right volume or bucket is there just now: without it every file looks missing. */
  requireVolume(): Promise<void>;
  /** All visible files, in no order; a remote store may give a part of them, and goes on there at the next call. */
  list(): AsyncIterable<ListedFile>;
  /** Throws unless a picture can be written, made durable, read back and deleted just now. */
  probe(): Promise<void>;
  /** Free bytes for new pictures, or null where the store has no such limit. */
  freeBytes(): Promise<number | null>;
}

/** The store that bytes enter by: the local disk, whatever store they are published to in the end. */
export interface StagingStore extends MediaStore {
  /** Writes `source` to a private file; more than `maxBytes` throws `payload_too_large` and removes it. */
  stage(source: AsyncIterable<Uint8Array>, limits: { maxBytes: number }): Promise<StagedFile>;
  /** Takes a file that already lies in the staging area (of `stagingPath`) and measures it. */
  adopt(path: string): Promise<StagedFile>;
  /** A fresh path in the staging area, for a helper that writes files itself. */
  stagingPath(suffix: string): string;
  /** Removes a private file; a missing one is fine. */
  discard(path: string): Promise<void>;
  freeBytes(): Promise<number>;
}

/** What a caller gets to put an object into a store, or to read one there, by itself. */
export interface PresignedRequest {
  url: string;
  /** Headers that the caller must send exactly so. */
  headers: Record<string, string>;
  expiresAt: number;
}
