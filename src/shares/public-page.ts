// Answers visitors of share pages: decides what they may see (revoked, expired, locked, open), opens locked ones by password, and
// counts visits. Programs that do not ask for HTML get problems instead of pages.
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../kernel/errors.ts';
import { languageOf } from '../kernel/problem.ts';
import type { Access, Handler } from '../kernel/route.ts';
import { countedAddress } from '../kernel/try-counter.ts';
import { MAX_PASSWORD_CHARS, type openShareRoute, type sharePageRoute } from './contract.ts';
import {
  closedPage,
  fill,
  lockedPage,
  type Page,
  type PagePlace,
  type PageShare,
  picturesPage,
  shareUrl,
  textsOf,
} from './page.ts';
import { isPassword, type LockedShare, TRIES_PER_ADDRESS, TRIES_PER_SHARE } from './share-password.ts';
import type { Shares, ShareWithImages, VisitedShare } from './shares.ts';
import { storyPage } from './story-page.ts';
import { isVisit } from './view-counter.ts';

const MINUTE_MS = 60_000;
const gzipped = promisify(gzip);

/** A visitor, in the words of the handlers. */
export interface Visitor {
  slug: string;
  headers: IncomingHttpHeaders;
  access: Access | null;
}

export type Sight =
  | { kind: 'gone' }
  | { kind: 'expired' }
  | ({ kind: 'locked' } & VisitedShare)
  | ({ kind: 'open' } & VisitedShare);

/** What a visitor may see of a link. Its owner needs no password. */
export async function lookAt(shares: Shares, { slug, headers, access }: Visitor): Promise<Sight> {
  const found = await shares.visit(slug);
  if (!found) return { kind: 'gone' };
  if (shares.isExpired(found.share)) return { kind: 'expired' };
  const locked = lockedOf(found);
  const isOwner = access?.accountId === found.share.account_id;
  if (!locked || isOwner || shares.passes.opens(locked, headers)) return { kind: 'open', ...found };
  return { kind: 'locked', ...found };
}

function lockedOf({ share }: ShareWithImages): LockedShare | null {
  return share.password_hash === null ? null : { id: share.id, passwordHash: share.password_hash };
}

/** A share as its page shows it: prompts only where the owner lets visitors read them. */
export function toPageShare({ share, images }: ShareWithImages): PageShare {
  const isShown = share.show_prompt === 1;
  return {
    title: share.title,
    allowDownload: share.allow_download === 1,
    expiresAt: share.expires_at,
    pictures: images.map((image) => ({
      n: image.position,
      width: image.width,
      height: image.height,
      hasThumb: image.thumb_key !== null,
      prompt: isShown ? image.prompt : null,
      model: isShown ? image.model : '',
    })),
  };
}

/** The handler of `GET|HEAD /s/{slug}`. */
export function showPage(shares: Shares): Handler<typeof sharePageRoute> {
  return async ({ params, query, headers, access, raw, baseUrl, language }, reply) => {
    const { slug } = params;
    const place = placeOf({ slug, baseUrl, language, headers });
    const sight = await lookAt(shares, { slug, headers, access });
    if (sight.kind === 'gone' || sight.kind === 'expired') return sendClosed(raw, reply, place, sight.kind);
    if (sight.kind === 'locked') return send(raw, reply, 200, lockedPage(place, null));
    const { share, book } = sight;
    // Turning the pages of a story is no further visit.
    const isEntry = book === null || query.page === undefined;
    if (isEntry && access?.accountId !== share.account_id && isVisit(raw.method, headers))
      shares.views.note(share.id);
    const pageShare = toPageShare(sight);
    return send(
      raw,
      reply,
      200,
      book
        ? storyPage({ book, share: pageShare, place, wanted: query.page })
        : picturesPage(pageShare, place),
    );
  };
}

/** The handler of `POST /s/{slug}`. */
export function openPage(shares: Shares): Handler<typeof openShareRoute> {
  return async ({ params, headers, access, raw, baseUrl, language }, reply) => {
    const { slug } = params;
    const place = placeOf({ slug, baseUrl, language, headers });
    const sight = await lookAt(shares, { slug, headers, access });
    if (sight.kind === 'gone' || sight.kind === 'expired') return sendClosed(raw, reply, place, sight.kind);
    const back = { status: 303 as const, headers: { location: shareUrl(place.ownUrl, slug) } };
    const locked = sight.kind === 'locked' ? lockedOf(sight) : null;
    if (!locked) return back;
    const texts = textsOf(language);
    const waitMs = countTry(shares, locked, raw.ip);
    if (waitMs > 0) {
      const minutes = Math.ceil(waitMs / MINUTE_MS);
      const retryAfterS = Math.ceil(waitMs / 1000);
      if (!wantsHtml(headers)) {
        const detail = `Too many passwords were tried from this network; try again in ${minutes} min.`;
        throw new AppError('rate_limited', { detail, retryAfterS });
      }
      reply.header('retry-after', retryAfterS);
      return send(raw, reply, 429, lockedPage(place, fill(texts.throttled, { minutes })));
    }
    const given = new URLSearchParams(Buffer.isBuffer(raw.body) ? raw.body.toString('utf8') : '');
    const password = given.get('password') ?? '';
    if (password.length <= MAX_PASSWORD_CHARS && (await isPassword(password, locked.passwordHash))) {
      shares.tries.forget(addressKey(locked, raw.ip));
      const { pathname } = new URL(shareUrl(baseUrl, slug));
      const cookie = shares.passes.issue(locked, { path: pathname, isSecure: isSecure(headers, baseUrl) });
      return { ...back, headers: { ...back.headers, 'set-cookie': cookie } };
    }
    if (!wantsHtml(headers)) throw passwordNeeded();
    return send(raw, reply, 401, lockedPage(place, texts.wrong));
  };
}

/** For programs that come without the password. */
export function passwordNeeded(): AppError {
  return new AppError('authentication_required', {
    detail: 'This link is protected by a password.',
    cause: 'Its owner set a password, and this request came without it or with another one.',
    fix: 'Open the link in a browser and enter the password there.',
  });
}

const addressKey = ({ id }: LockedShare, ip: string) => `${id} ${countedAddress(ip)}`;

/** Counts a try against the address and against the share; the milliseconds to wait when it is one too many. */
function countTry({ tries }: Shares, share: LockedShare, ip: string): number {
  return tries.take(addressKey(share, ip), TRIES_PER_ADDRESS) || tries.take(share.id, TRIES_PER_SHARE);
}

function isSecure(headers: IncomingHttpHeaders, baseUrl: string): boolean {
  return baseUrl.startsWith('https:') && isByPublicHost(headers, baseUrl);
}

/**
 * Where the page is, for the world and for this visitor: who came by another host than the public one (the LAN address, say) stays
 * there, since the pass is kept for the host that set it.
 */
function placeOf({
  slug,
  baseUrl,
  language,
  headers,
}: Pick<PagePlace, 'slug' | 'baseUrl' | 'language'> & { headers: IncomingHttpHeaders }): PagePlace {
  const ownUrl = isByPublicHost(headers, baseUrl) ? baseUrl : new URL(baseUrl).pathname.replace(/\/$/, '');
  return { slug, baseUrl, language, ownUrl };
}

function isByPublicHost(headers: IncomingHttpHeaders, baseUrl: string): boolean {
  const { host } = new URL(baseUrl);
  return headers.host === undefined || [headers.host, headers['x-forwarded-host']].includes(host);
}

export const wantsHtml = ({ accept }: IncomingHttpHeaders) => (accept ?? '').includes('text/html');

/** Unknown and revoked links are answered alike. */
function sendClosed(
  raw: FastifyRequest,
  reply: FastifyReply,
  place: PagePlace,
  why: 'gone' | 'expired',
): Promise<'handled'> {
  if (wantsHtml(raw.headers)) return send(raw, reply, why === 'gone' ? 404 : 410, closedPage(place, why));
  const detail = why === 'gone' ? 'There is nothing at this address.' : 'This link has expired.';
  throw new AppError('not_found', { detail, fix: 'Ask whoever sent you the link for a new one.' });
}

/** Sends a page that nobody may keep: what is revoked must not come back from a cache. */
async function send(
  raw: FastifyRequest,
  reply: FastifyReply,
  status: number,
  page: Page,
): Promise<'handled'> {
  reply.code(status).headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': page.policy,
    'content-language': textsOf(languageOf(raw.headers['accept-language'])).lang,
    'cache-control': 'private, no-store',
    'x-robots-tag': 'noindex, noarchive',
    vary: 'Accept-Language, Accept-Encoding, Cookie',
  });
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(
    String(raw.headers['accept-encoding'] ?? ''),
  );
  if (takesGzip) reply.header('content-encoding', 'gzip').send(await gzipped(page.html));
  else reply.send(page.html);
  return 'handled';
}
