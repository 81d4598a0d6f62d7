// Sends the bytes of a picture. Names from outside are matched against the exact shape of kinds and keys before a file is
// touched; what is checked is what is sent (one descriptor, no link followed); a browser can do nothing with it but show it.
import type { IncomingHttpHeaders } from 'node:http';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { send } from '@fastify/send';
import type { FastifyReply } from 'fastify';
import type { Reader } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Handler, HandlerRequest } from '../kernel/route.ts';
import { SENDFILE_HEADER, SENDFILE_TYPE } from '../kernel/send-file.ts';
import type { serveMediaRoute, serveOldImageRoute, serveOldPathRoute } from './contract.ts';
import type { Media, ServableFile } from './media.ts';
import { isMediaKey, isMediaKind, type MediaKind } from './media-store.ts';
import { findByAnyName, keyOfOldName } from './older-names.ts';
import type { Redirect } from './remote-files.ts';
import { ownsFile } from './store.ts';
import { attachmentHeader } from './urls.ts';

const PUBLIC_CACHE = 'public, max-age=31536000, immutable';
const PRIVATE_CACHE = 'private, no-store';
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** We answer conditions, types and caching; the path below the root has no dot files to hide. */
const RANGES_ONLY = {
  cacheControl: false,
  etag: false,
  lastModified: false,
  contentType: false,
  index: false,
} as const;

type ServeHandler = Handler<typeof serveMediaRoute>;
type ServeRequest = Pick<HandlerRequest<typeof serveMediaRoute>, 'query' | 'headers' | 'access' | 'raw'>;
type Send = (
  file: { kind: MediaKind; key: string },
  request: ServeRequest,
  reply: FastifyReply,
) => Promise<'handled'>;

/** The handler of `GET|HEAD /media/{kind}/{key}`; what is no key of ours may be the name of an imported picture. */
export function serveMedia(media: Media, reader: Reader): ServeHandler {
  const send = sendPicture(media, reader);
  return async (request, reply) => {
    const { kind, key } = request.params;
    if (!isMediaKind(kind)) throw notFound();
    const sendOld = async () => {
      const found = await keyOfOldName(reader, kind, key);
      if (found === null) throw notFound();
      return send({ kind, key: found }, request, reply);
    };
    if (!isMediaKey(key)) return sendOld();
    return send({ kind, key }, request, reply).catch((error: unknown) => {
      // Other systems made keys of this shape, too.
      if (error instanceof AppError && error.code === 'not_found') return sendOld();
      throw error;
    });
  };
}

/** The handler of `GET|HEAD /media/{kind}/{folder}/{name}`, for imported pictures. */
export function serveOldPath(media: Media, reader: Reader): Handler<typeof serveOldPathRoute> {
  const send = sendPicture(media, reader);
  return async (request, reply) => {
    const { kind, '*': name } = request.params;
    const key = isMediaKind(kind) ? await keyOfOldName(reader, kind, name) : null;
    if (!isMediaKind(kind) || key === null) throw notFound();
    return send({ kind, key }, request, reply);
  };
}

/** The handler of `GET|HEAD /images/{name}`. */
export function serveOldImage(media: Media, reader: Reader): Handler<typeof serveOldImageRoute> {
  const send = sendPicture(media, reader);
  return async (request, reply) => {
    const found = await findByAnyName(reader, request.params['*']);
    if (!found) throw notFound();
    return send(found, request, reply);
  };
}

function sendPicture(media: Media, reader: Reader): Send {
  return async ({ kind, key }, { query, headers, access, raw }, reply) => {
    if (media.urls.areSigned && !media.urls.verify(kind, key, query.expires, query.signature)) {
      if (!access || !(await ownsFile(reader, key, access.accountId))) throw notFound();
    }
    const disposition = query.download === undefined ? null : attachmentHeader(query.download);
    const elsewhere = await media.redirectOf(await media.requireFile(kind, key), disposition);
    if (elsewhere) return sendElsewhere(reply, elsewhere, media.urls.areSigned);
    const file = await media.openFile(kind, key);
    let isSending = false;
    try {
      setHeaders(reply, file, media.urls.areSigned ? PRIVATE_CACHE : PUBLIC_CACHE);
      if (disposition !== null) reply.header('content-disposition', disposition);
      if (isUnchanged(headers, file.row.sha256)) return finish(reply.code(304).removeHeader('content-type'));
      if (media.accelLocation !== null && file.opened.path !== null && isFromSender(headers))
        return finish(reply.header('x-accel-redirect', accelPath(media, kind, key)));
      isSending = await sendBytes(reply, file, headers, raw.method === 'HEAD');
      return 'handled';
    } finally {
      if (!isSending) await file.opened.close();
    }
  };
}

/** Who follows it gets the bytes from the store itself; a signed address is nobody's to keep. */
function sendElsewhere(reply: FastifyReply, { url, publicForS }: Redirect, isPrivate: boolean): 'handled' {
  const caching = isPrivate || publicForS === 0 ? PRIVATE_CACHE : `public, max-age=${publicForS}`;
  reply
    .code(302)
    .headers({ location: url, 'cache-control': caching, 'referrer-policy': 'no-referrer' })
    .send();
  return 'handled';
}

function notFound(): AppError {
  return new AppError('not_found', { detail: 'There is no such picture.' });
}

function finish(reply: FastifyReply): 'handled' {
  reply.send();
  return 'handled';
}

function etagOf(sha256: string): string {
  return `"${sha256}"`;
}

function setHeaders(reply: FastifyReply, { row }: ServableFile, cacheControl: string): void {
  reply.headers({
    'content-type': row.mime,
    etag: etagOf(row.sha256),
    'cache-control': cacheControl,
    'x-content-type-options': 'nosniff',
    'content-security-policy': CONTENT_POLICY,
    'cross-origin-resource-policy': 'cross-origin',
    'accept-ranges': 'bytes',
  });
}

/** Whether a proxy says that it sends files itself. Whoever calls past it would get an answer without a body. */
function isFromSender(headers: IncomingHttpHeaders): boolean {
  return headers[SENDFILE_HEADER] === SENDFILE_TYPE;
}

function accelPath(media: Media, kind: MediaKind, key: string): string {
  return `${media.accelLocation}/${kind}/${key.slice(0, 2)}/${key}`;
}

/** If-None-Match, compared weakly as RFC 9110 says for GET and HEAD. */
function isUnchanged(headers: IncomingHttpHeaders, sha256: string): boolean {
  const wanted = headers['if-none-match'];
  if (wanted === undefined) return false;
  if (wanted.trim() === '*') return true;
  return wanted.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etagOf(sha256));
}

/** A range counts only while the client's copy is ours: If-Range takes the exact strong tag. */
function rangeOf(headers: IncomingHttpHeaders, sha256: string): string | undefined {
  const condition = headers['if-range'];
  return condition === undefined || condition === etagOf(sha256) ? headers.range : undefined;
}

/** One range of a file in a remote store; null for several or none that can be understood, which get the whole file. */
function windowOf(range: string, bytes: number): { start: number; end: number } | 'outside' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range.trim());
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const last = Math.min(Number(match[2]), bytes);
    return last === 0 ? 'outside' : { start: bytes - last, end: bytes - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? bytes - 1 : Math.min(Number(match[2]), bytes - 1);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= bytes ? 'outside' : { start, end };
}

/**
 * Sends all or a range; true when a stream has taken the open file over. The library judges the range (from headers alone, by
 * a HEAD of its own); the bytes come from our descriptor, because the library would open the path again and follow links.
 */
async function sendBytes(
  reply: FastifyReply,
  { row, opened }: ServableFile,
  headers: IncomingHttpHeaders,
  isHead: boolean,
): Promise<boolean> {
  const range = rangeOf(headers, row.sha256);
  let bytes = opened.bytes;
  let window: { start: number; end: number } | null = null;
  if (range !== undefined && opened.path === null) {
    const wanted = windowOf(range, bytes);
    if (wanted === 'outside') {
      reply.code(416).header('content-range', `bytes */${bytes}`).removeHeader('content-type').send();
      return false;
    }
    if (wanted) {
      window = wanted;
      reply.code(206).header('content-range', `bytes ${wanted.start}-${wanted.end}/${bytes}`);
      bytes = wanted.end - wanted.start + 1;
    }
  }
  if (range !== undefined && opened.path !== null) {
    const question = Object.assign(Readable.from([]), { method: 'HEAD', headers: { range } });
    const root = dirname(opened.path);
    const verdict = await send(question, `/${row.key}`, { ...RANGES_ONLY, root });
    if (verdict.statusCode === 416) {
      reply.code(416).header('content-range', `bytes */${bytes}`).removeHeader('content-type').send();
      return false;
    }
    const contentRange = verdict.statusCode === 206 ? verdict.headers['Content-Range'] : undefined;
    const match = /^bytes (\d+)-(\d+)\//.exec(contentRange ?? '');
    if (contentRange && match) {
      window = { start: Number(match[1]), end: Number(match[2]) };
      bytes = window.end - window.start + 1;
      reply.code(206).header('content-range', contentRange);
    }
  }
  reply.header('content-length', bytes);
  if (isHead) {
    // Fastify's HEAD handling sets a length of 0 unless the body is a stream.
    reply.send(Readable.from([]));
    return false;
  }
  reply.send(window ? opened.stream(window) : opened.stream());
  return true;
}
