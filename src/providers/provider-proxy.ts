// A provider's own proxy: checked once, then part of the only door its adapter gets, so that no leg can go another way.
import { PROXY_FIELD } from '../kernel/config-externals.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound } from '../kernel/outbound.ts';

/** Instead of an address: no proxy, whatever the environment says. */
const DIRECT = 'direct';

/**
 * The proxy of a provider's section: an address, `direct`, or null for the environment's. Throws `validation_failed`,
 * which never quotes the value: it may hold a password.
 */
export function proxyOfSection(provider: string, raw: Readonly<Record<string, unknown>>): string | null {
  const value = raw[PROXY_FIELD];
  if (value === undefined || value === null || value === '') return null;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text.toLowerCase() === DIRECT) return DIRECT;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^(?:https?|socks5h?):$/.test(url.protocol) && url.hostname !== '') return text;
  throw new AppError('validation_failed', {
    detail: `providers.${provider}.${PROXY_FIELD} must be a proxy address such as http://10.0.0.2:3128 or socks5://user:password@10.0.0.2:1080 (special characters in the password as % escapes), or "direct" for none`,
  });
}

/** A proxy's address as it may be shown: without user name and password. */
export function shownProxy(proxy: string): string {
  if (!URL.canParse(proxy)) return proxy;
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

/** The same door with every request and socket bound to a proxy; null leaves the environment's. Closing stays with its owner. */
export function throughProxy(outbound: Outbound, proxy: string | null): Outbound {
  if (proxy === null) return outbound;
  return {
    request: (request) => outbound.request({ ...request, proxy }),
    openSocket: (request) => outbound.openSocket({ ...request, proxy }),
    close: async () => {},
  };
}
