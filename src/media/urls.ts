// The one place that makes picture URLs and the names of downloads. Every URL is absolute, `<base>/media/<kind>/<key>`;
// under private access it carries a signature that opens this one file for at most 15 minutes.
import { createHmac } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { equalSecrets } from '../kernel/id.ts';
import { extensionOf, type MediaKind } from './media-store.ts';

export const SIGNED_URL_MS = 15 * 60_000;
/** Expiries fall on this grid, so that a list asked for twice has the same URLs and browsers keep their pictures. */
const EXPIRY_GRID_MS = 5 * 60_000;
const MAX_DOWNLOAD_NAME_CHARS = 120;

export interface MediaUrlOptions {
  clock: Clock;
  /** Set under private access: the secret that signs URLs, the same on every node. */
  signingKey: Uint8Array | null;
}

export class MediaUrls {
  readonly #options: MediaUrlOptions;

  constructor(options: MediaUrlOptions) {
    this.#options = options;
  }

  /** Whether a signature or the owner's login is needed. */
  get areSigned(): boolean {
    return this.#options.signingKey !== null;
  }

  /** `baseUrl` is `https://host/prefix` without a trailing slash. */
  view(baseUrl: string, kind: MediaKind, key: string): string {
    return this.#build(baseUrl, kind, key, new URLSearchParams());
  }

  /** Like `view`, but browsers save it under `name`. */
  download(baseUrl: string, kind: MediaKind, key: string, name: string): string {
    return this.#build(baseUrl, kind, key, new URLSearchParams({ download: name }));
  }

  /** Whether a request's `expires` and `signature` open this file now. */
  verify(kind: MediaKind, key: string, expires: string | undefined, signature: string | undefined): boolean {
    if (!expires || !signature || !/^\d{1,13}$/.test(expires)) return false;
    const expiresAt = Number(expires) * 1000;
    const nowMs = this.#options.clock.now();
    if (expiresAt <= nowMs || expiresAt > nowMs + SIGNED_URL_MS) return false;
    return equalSecrets(signature, this.#sign(kind, key, expires));
  }

  #build(baseUrl: string, kind: MediaKind, key: string, query: URLSearchParams): string {
    if (this.#options.signingKey) {
      const latest = this.#options.clock.now() + SIGNED_URL_MS;
      const expires = String(Math.floor((latest - (latest % EXPIRY_GRID_MS)) / 1000));
      query.set('expires', expires);
      query.set('signature', this.#sign(kind, key, expires));
    }
    const text = query.toString();
    return `${baseUrl}/media/${kind}/${key}${text === '' ? '' : `?${text}`}`;
  }

  #sign(kind: MediaKind, key: string, expires: string): string {
    return createHmac('sha256', this.#options.signingKey ?? '')
      .update(`${kind}/${key}/${expires}`)
      .digest('base64url');
  }
}

/** The name under which its owner saves a picture: it carries the whole id, so that the file leads back to its settings. */
export function ownDownloadName(id: string, mime: string): string {
  return `drawbridge-${id.slice(id.indexOf('_') + 1)}.${extensionOf(mime)}`;
}

/** The name under which others save a picture, such as `drawbridge-1f3a9c0e.png`. */
export function downloadName(id: string, mime: string): string {
  return `drawbridge-${id.slice(-8)}.${extensionOf(mime)}`;
}

/**
 * A `Content-Disposition: attachment` for a name from outside (RFC 6266 and 5987): no control character, quote or path
 * separator survives, so that it stays one header and one file name. An empty name becomes `picture`.
 */
export function attachmentHeader(name: string): string {
  const safe = name
    .toWellFormed()
    // Control characters, bidirectional overrides (which disguise an extension) and what file systems refuse.
    .replace(/[\p{Cc}\p{Cf}"\\/:*?<>|]+/gu, '_')
    .replace(/^[.\s]+/, '')
    .slice(0, MAX_DOWNLOAD_NAME_CHARS)
    .toWellFormed();
  const shown = safe === '' ? 'picture' : safe;
  const ascii = shown.replace(/[^\u0020-\u007e]+/g, '_').replaceAll('%', '_');
  const encoded = encodeURIComponent(shown).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
