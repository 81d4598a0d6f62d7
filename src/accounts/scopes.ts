// Scopes as they are stored (a JSON array) and as they work (a set in which `admin` includes all others).
import { SCOPES, type Scope } from '../kernel/route.ts';
import type { Role } from './store.ts';

export const ALL_SCOPES: ReadonlySet<Scope> = new Set(SCOPES);
/** What a key gets when its maker asks for nothing particular: everything that concerns the own account. */
export const MEMBER_SCOPES: readonly Scope[] = SCOPES.filter(
  (scope) => scope !== 'admin' && scope !== 'accounts:act',
);
/** Only an administrator gives these away. */
export const ADMIN_ONLY_SCOPES: readonly Scope[] = ['admin', 'accounts:act'];

/** There are 2^7 combinations and two roles: the cache is bounded by nature. */
const cache = new Map<string, ReadonlySet<Scope>>();

export function storeScopes(scopes: Iterable<Scope>): string {
  const wanted = new Set(scopes);
  return JSON.stringify(SCOPES.filter((scope) => wanted.has(scope)));
}

/** What stored scopes allow an account of this role: `admin` counts for admin accounts only. Shared sets, never changed. */
export function loadScopes(stored: string, role: Role): ReadonlySet<Scope> {
  const key = `${role}${stored}`;
  const known = cache.get(key);
  if (known) return known;
  const listed = new Set(JSON.parse(stored) as string[]);
  const held = SCOPES.filter((scope) => listed.has(scope) && (scope !== 'admin' || role === 'admin'));
  const scopes: ReadonlySet<Scope> = held.includes('admin') ? ALL_SCOPES : new Set(held);
  cache.set(key, scopes);
  return scopes;
}
