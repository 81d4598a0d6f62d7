// The browser's session cookie: its name and attributes for https and plain http, and the proof that a changing request
// with a cookie was made by our own pages. On https only the `__Host-` cookie counts, so that nobody who can write
// plain-http cookies for this host can plant a session.
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../kernel/errors.ts';

/** A cookie by its two names. */
interface CookieNames {
  https: string;
  http: string;
}

const SESSION: CookieNames = { https: '__Host-drawbridge', http: 'drawbridge_session' };
/** Lives for minutes, while its browser signs in elsewhere; it opens nothing. */
const ATTEMPT: CookieNames = { https: '__Host-drawbridge-attempt', http: 'drawbridge_attempt' };
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The parts of a request that decide about cookies. */
export interface CookieCaller {
  method: string;
  headers: IncomingHttpHeaders;
  /** Where the caller reaches this server, without a trailing slash. */
  baseUrl: string;
}

/**
 * Whether the browser talks https to us. The origin that the browser names wins over a configured public URL: the same
 * server may also be opened by its LAN address over plain http.
 */
export function isSecureCaller({ headers, baseUrl }: CookieCaller): boolean {
  const { origin } = headers;
  if (origin?.startsWith('http://')) return false;
  if (origin?.startsWith('https://')) return true;
  return isPublicHttps(headers, baseUrl);
}

function isPublicHttps(headers: IncomingHttpHeaders, baseUrl: string): boolean {
  const url = new URL(baseUrl);
  return url.protocol === 'https:' && (headers.host === undefined || headers.host === url.host);
}

/** The session token that the request's cookies carry. */
export function readSessionCookie(caller: CookieCaller): string | undefined {
  return readCookie(caller, SESSION);
}

/** What the browser carries of its attempt to sign in elsewhere. */
export function readAttemptCookie(caller: CookieCaller): string | undefined {
  return readCookie(caller, ATTEMPT);
}

function readCookie({ headers, baseUrl }: CookieCaller, names: CookieNames): string | undefined {
  const { cookie } = headers;
  if (cookie === undefined) return undefined;
  const hostCookie = cookieValue(cookie, names.https);
  if (hostCookie !== undefined) return hostCookie;
  return isPublicHttps(headers, baseUrl) ? undefined : cookieValue(cookie, names.http);
}

function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** A `Set-Cookie` value that keeps `token` for `maxAgeS` seconds. */
export function sessionCookie(caller: CookieCaller, token: string, maxAgeS: number): string {
  return writeCookie(caller, SESSION, token, maxAgeS);
}

/** A `Set-Cookie` value that keeps an attempt to sign in elsewhere. */
export function attemptCookie(caller: CookieCaller, value: string, maxAgeS: number): string {
  return writeCookie(caller, ATTEMPT, value, maxAgeS);
}

function writeCookie(caller: CookieCaller, names: CookieNames, value: string, maxAgeS: number): string {
  const attributes = `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax`;
  return isSecureCaller(caller)
    ? `${names.https}=${value}; ${attributes}; Secure`
    : `${names.http}=${value}; ${attributes}`;
}

/** A `Set-Cookie` value that removes the session cookie. */
export function clearedSessionCookie(caller: CookieCaller): string {
  return sessionCookie(caller, '', 0);
}

/**
 * Throws `permission_denied` unless a changing request was provably made by a page of this origin: Sec-Fetch-Site where
 * the browser sends it (https and localhost), else Origin, which browsers send with every other changing request.
 */
export function requireSameOrigin(caller: CookieCaller): void {
  if (SAFE_METHODS.has(caller.method)) return;
  if (madeBySameOrigin(caller)) return;
  throw new AppError('permission_denied', {
    detail: 'This request came with a browser session, but not from a page of this Drawbridge.',
    cause: 'Another web site made it, or a program sent the cookie without an Origin header.',
    fix: 'Use the studio itself, or send an API key as "Authorization: Bearer dbk_…".',
  });
}

/** Refuses only what names another site: for sign-in, which programs without an Origin may call. */
export function refuseOtherSites(caller: CookieCaller): void {
  const { origin } = caller.headers;
  if (origin === undefined && caller.headers['sec-fetch-site'] === undefined) return;
  requireSameOrigin(caller);
}

function madeBySameOrigin({ headers, baseUrl }: CookieCaller): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  const { origin: caller, host } = new URL(origin);
  // A page cannot choose the Host header, and cookies go by host: its own host is as good as the configured one.
  return caller === new URL(baseUrl).origin || host === headers.host;
}
