// Sends the pictures of a link: never by the keys of their files, and only after the link itself was looked up, so that a revoked
// one shows nothing more. Answers ranges and conditional requests; whoever keeps a copy must ask before showing it again.
import { createReadStream } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { AppError } from '../kernel/errors.ts';
import type { Handler } from '../kernel/route.ts';
import { downloadName } from '../media/media.ts';
import { byteRange } from './byte-range.ts';
import type { shareMediaRoute } from './contract.ts';
import type { PreviewFile } from './previews.ts';
import { lookAt } from './public-page.ts';
import type { SharedImageRow, ShareRow, Shares } from './shares.ts';

/** Browsers may keep it but ask each time; a shared cache may not keep it at all. */
const OPEN_CACHE = 'private, no-cache';
const LOCKED_CACHE = 'private, no-store';
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** A file to send, wherever it lies. The one who gets it streams it or closes it. */
interface Sendable {
  bytes: number;
  mime: string;
  etag: string;
  stream(range?: { start: number; end: number }): Readable;
  close(): Promise<void>;
}

type Size = 'full' | 'preview' | 'thumb';

/** The handler of `GET|HEAD /s/{slug}/media/{n}`. */
export function sendPicture(shares: Shares): Handler<typeof shareMediaRoute> {
  return async ({ params, query, headers, access, raw }, reply) => {
    const sight = await lookAt(shares, { slug: params.slug, headers, access });
    // What is locked is not told from what is not there.
    if (sight.kind !== 'open') throw noPicture();
    const { share, images } = sight;
    const image = /^\d{1,4}$/.test(params.n)
      ? images.find(({ position }) => position === Number(params.n))
      : undefined;
    const size = query.size ?? (share.allow_download === 1 ? 'full' : 'preview');
    const mayHave = share.allow_download === 1 || (size !== 'full' && query.download === undefined);
    if (!image || !mayHave) throw noPicture();
    const file = await openSize(shares, share, image, size);
    let isSending = false;
    try {
      reply.headers({
        'content-type': file.mime,
        etag: file.etag,
        'cache-control': share.password_hash === null ? OPEN_CACHE : LOCKED_CACHE,
        'content-security-policy': CONTENT_POLICY,
        'cross-origin-resource-policy': share.password_hash === null ? 'cross-origin' : 'same-origin',
        'x-robots-tag': 'noindex',
        'accept-ranges': 'bytes',
        vary: 'Cookie',
      });
      if (query.download !== undefined) {
        const name = downloadName(image.image_id, file.mime);
        reply.header('content-disposition', `attachment; filename="${name}"`);
      }
      isSending = sendFile(reply, file, headers, raw.method === 'HEAD');
      return 'handled';
    } finally {
      if (!isSending) await file.close();
    }
  };
}

async function openSize(
  shares: Shares,
  share: ShareRow,
  image: SharedImageRow,
  size: Size,
): Promise<Sendable> {
  if (size === 'preview') return sendablePreview(await shares.previews.get(image, 'preview'));
  const isThumb = size === 'thumb' && image.thumb_key !== null;
  // Without a thumbnail the picture stands in for it, unless visitors may not have that.
  if (size === 'thumb' && !isThumb) return sendablePreview(await shares.previews.get(image, 'preview'));
  if (!isThumb && shares.filesHoldPrompts && share.show_prompt === 0)
    return sendablePreview(await shares.previews.get(image, 'clean'));
  const { row, opened } = await shares.media.openFile(
    isThumb ? 'thumb' : image.kind,
    isThumb ? (image.thumb_key ?? '') : image.file_key,
  );
  return {
    bytes: opened.bytes,
    mime: row.mime,
    etag: `"${row.sha256}"`,
    stream: (range) => (range ? opened.stream(range) : opened.stream()),
    close: () => opened.close(),
  };
}

function sendablePreview({ path, bytes, mime, etag }: PreviewFile): Sendable {
  return {
    bytes,
    mime,
    etag,
    stream: (range) => createReadStream(path, range ?? {}),
    close: async () => {},
  };
}

/** Sends all, a range, or only the headers; true when a stream has taken the file over. */
function sendFile(
  reply: FastifyReply,
  file: Sendable,
  headers: IncomingHttpHeaders,
  isHead: boolean,
): boolean {
  if (isUnchanged(headers, file.etag)) {
    reply.code(304).removeHeader('content-type').send();
    return false;
  }
  const condition = headers['if-range'];
  const isSame = condition === undefined || condition === file.etag;
  const range = isSame ? byteRange(headers.range, file.bytes) : null;
  if (range === 'unsatisfiable') {
    reply.code(416).header('content-range', `bytes */${file.bytes}`).removeHeader('content-type').send();
    return false;
  }
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${file.bytes}`);
  reply.header('content-length', range ? range.end - range.start + 1 : file.bytes);
  // Fastify's HEAD handling sets a length of 0 unless the body is a stream.
  reply.send(isHead ? Readable.from([]) : file.stream(range ?? undefined));
  return !isHead;
}

/** If-None-Match, compared weakly as RFC 9110 says for GET and HEAD. */
function isUnchanged(headers: IncomingHttpHeaders, etag: string): boolean {
  const wanted = headers['if-none-match'];
  if (wanted === undefined) return false;
  return wanted.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

function noPicture(): AppError {
  return new AppError('not_found', {
    detail: 'There is no such picture.',
    cause: 'The link was revoked, has expired or asks for a password, or the picture was deleted.',
    fix: 'Open the page of the link; it says what can be done.',
  });
}
