// oEmbed of a link, for sites that show a card or the picture where somebody pastes the address.
import { AppError } from '../kernel/errors.ts';
import type { Handler } from '../kernel/route.ts';
import type { shareEmbedRoute } from './contract.ts';
import { pictureUrl, textsOf, titleOf } from './page.ts';
import { previewSize } from './preview-size.ts';
import { lookAt, passwordNeeded, toPageShare } from './public-page.ts';
import type { Shares } from './shares.ts';

/** Nobody should keep what may be revoked. */
const CACHE_AGE_S = 0;
const THUMB_SIDE = 512;

/** The handler of `GET /s/oembed`. */
export function sendEmbed(shares: Shares): Handler<typeof shareEmbedRoute> {
  return async ({ query, headers, baseUrl, language }) => {
    const slug = slugOf(query.url, baseUrl);
    // Whoever asks is a site's server: what only the owner may see is none of its business.
    const sight =
      slug === null ? null : await lookAt(shares, { slug, headers: noCookies(headers), access: null });
    if (sight?.kind === 'locked') throw passwordNeeded();
    if (slug === null || sight?.kind !== 'open')
      throw new AppError('not_found', { detail: 'There is nothing at this address.' });
    const share = toPageShare(sight);
    const [first] = share.pictures;
    if (!first) throw new AppError('not_found', { detail: 'There is nothing at this address.' });
    const common = {
      version: '1.0' as const,
      title: titleOf(share, textsOf(language)),
      provider_name: 'Drawbridge',
      provider_url: `${baseUrl}/`,
      cache_age: CACHE_AGE_S,
    };
    const room = { width: query.maxwidth ?? Infinity, height: query.maxheight ?? Infinity };
    const [best] = offers(first).filter(({ width, height }) => width <= room.width && height <= room.height);
    const url = best ? pictureUrl(baseUrl, slug, first.n, `size=${best.size}`) : undefined;
    const robots = { 'x-robots-tag': 'noindex', vary: 'Accept-Language' };
    if (!best || !url) return { status: 200, headers: robots, body: { ...common, type: 'link' } };
    const { width, height } = best;
    return {
      status: 200,
      headers: robots,
      body:
        share.pictures.length === 1
          ? { ...common, type: 'photo', url, width, height }
          : {
              ...common,
              type: 'link',
              thumbnail_url: url,
              thumbnail_width: width,
              thumbnail_height: height,
            },
    };
  };
}

/** The sizes of a picture that may be embedded, largest first. */
function offers(picture: { width: number; height: number; hasThumb: boolean }) {
  const { width, height } = previewSize(picture);
  const scale = Math.min(1, THUMB_SIDE / Math.max(picture.width, picture.height));
  const thumb = {
    size: 'thumb',
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
  };
  return [{ size: 'preview', width, height }, ...(picture.hasThumb ? [thumb] : [])];
}

function noCookies({ cookie: _left, ...headers }: Parameters<typeof lookAt>[1]['headers']) {
  return headers;
}

/** The slug in the address of one of our pages; the host may be any that people reach this server by. */
function slugOf(address: string, baseUrl: string): string | null {
  if (!URL.canParse(address)) return null;
  const { pathname, protocol } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return null;
  const prefix = new URL(baseUrl).pathname.replace(/\/$/, '');
  const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : pathname;
  return /^\/s\/([a-z2-7]+)\/?$/.exec(path)?.[1] ?? null;
}
