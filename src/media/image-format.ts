// Says what a file is by its first bytes. Names and declared types are never looked at.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '../kernel/errors.ts';
import { readFailure } from './disk-files.ts';
import type { PictureFormat } from './media-store.ts';

/** Enough for every signature below, text forms after a byte-order mark and white space included. */
const SNIFF_BYTES = 512;

const FOREIGN: readonly { name: string; test: (head: Buffer) => boolean }[] = [
  { name: 'a GIF', test: (head) => head.toString('latin1', 0, 4) === 'GIF8' },
  { name: 'a PDF document', test: (head) => head.includes('%PDF-') },
  { name: 'a TIFF', test: (head) => ['II*\0', 'MM\0*'].includes(head.toString('latin1', 0, 4)) },
  { name: 'a BMP', test: (head) => head.toString('latin1', 0, 2) === 'BM' },
  {
    name: 'an AVIF or HEIC picture',
    test: (head) => /^ftyp(?:avif|avis|hei|mif1|msf1)/.test(head.toString('latin1', 4, 12)),
  },
  { name: 'a video', test: (head) => head.toString('latin1', 4, 8) === 'ftyp' },
  { name: 'a ZIP archive', test: (head) => head.toString('latin1', 0, 4) === 'PK\u0003\u0004' },
  { name: 'an SVG', test: (head) => /<svg[\s>]/i.test(head.toString('utf8')) },
  {
    name: 'a web page',
    test: (head) => /<(?:!doctype\s+html|html|head|body|script)\b/i.test(head.toString('utf8')),
  },
  { name: 'JSON', test: (head) => /^\s*[{[]/.test(head.toString('utf8')) },
];

/** The format whose signature `head` (the first bytes of a file) carries, or null. */
export function sniffFormat(head: Uint8Array): PictureFormat | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const latin = (start: number, end: number) => bytes.toString('latin1', start, end);
  if (latin(0, 8) === '\u0089PNG\r\n\u001a\n') return 'png';
  if (latin(0, 3) === '\u00ff\u00d8\u00ff') return 'jpeg';
  if (latin(0, 4) === 'RIFF' && latin(8, 12) === 'WEBP') return 'webp';
  return null;
}

/** What a file that is not one of our formats seems to be, in words for an error. */
export function describeForeign(head: Uint8Array): string {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length === 0) return 'an empty file';
  return FOREIGN.find(({ test }) => test(bytes))?.name ?? 'not a picture';
}

/**
 * Reads the head of a local file. Throws `unsupported_media_type`, naming what the file seems to be, unless it starts as a
 * PNG, JPEG or WebP; `storage_unavailable` when the disk does not answer, which says nothing about the file.
 */
export async function requireFormat(path: string): Promise<PictureFormat> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw readFailure(error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const format = sniffFormat(head);
    if (format) return format;
    throw new AppError('unsupported_media_type', {
      detail: `The file is ${describeForeign(head)}; PNG, JPEG and WebP are accepted.`,
    });
  } catch (error) {
    throw readFailure(error);
  } finally {
    await handle.close();
  }
}
