// Rows of this slice as answers show them, and what its handlers share about who is calling.
import type { FastifyRequest } from 'fastify';
import { toTimestamp } from '../kernel/clock.ts';
import { controlSocketFlag } from '../kernel/control-socket.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { type Access, SCOPES, type Scope } from '../kernel/route.ts';
import type { OpenedSession, SessionOrigin } from './accounts.ts';
import type { Caller } from './authenticator.ts';
import { findPerson } from './people.ts';
import { type Identity, listIdentities, type User } from './people-store.ts';
import { isSecureCaller, sessionCookie } from './session-cookie.ts';
import { findSession, SESSION_ABSOLUTE_LIMIT_MS } from './sign-in-store.ts';
import { type Account, findAccount } from './store.ts';

/** The parts of a handled request that decide who is calling. */
export function callerOf(request: { raw: FastifyRequest; baseUrl: string }): Caller {
  const { raw, baseUrl } = request;
  return { method: raw.method, headers: raw.headers, viaControlSocket: controlSocketFlag(raw.raw), baseUrl };
}

/** Where a sign-in comes from, and the session that it takes the place of. */
export function originOf({ raw, access }: { raw: FastifyRequest; access: Access | null }): SessionOrigin {
  return {
    address: controlSocketFlag(raw.raw) ? null : raw.ip,
    userAgent: raw.headers['user-agent'] ?? null,
    replaces: access?.via === 'session' ? access.credentialId : null,
  };
}

export async function getAccount(db: Db, id: string): Promise<Account> {
  const account = await findAccount(db.read, id);
  if (!account) throw new AppError('not_found', { detail: 'There is no account with this id.' });
  return account;
}

export function toWireAccount(account: Account) {
  return {
    id: account.id,
    name: account.name,
    role: account.role,
    disabled: account.disabled_at !== null,
    created_at: toTimestamp(account.created_at),
  };
}

export function toWireUser(user: User, identities: readonly Identity[]) {
  return {
    id: user.id,
    account_id: user.account_id,
    role: user.role,
    name: user.name,
    username: user.username,
    email: user.email,
    disabled: user.disabled_at !== null,
    has_password: user.password !== null,
    identities: identities
      .filter((identity) => identity.user_id === user.id)
      .map(({ issuer, email, linked_at: at }) => ({ issuer, email, linked_at: toTimestamp(at) })),
    created_at: toTimestamp(user.created_at),
    last_sign_in_at: user.signed_in_at === null ? null : toTimestamp(user.signed_in_at),
  };
}

export async function describeUser(db: Db, user: User) {
  return toWireUser(user, await listIdentities(db.read, [user.id]));
}

/** In the order of SCOPES, whatever order they were given in. */
export function toWireScopes(scopes: ReadonlySet<Scope>): Scope[] {
  return SCOPES.filter((scope) => scopes.has(scope));
}

/** Who is calling, for `GET /v1/auth/session` and every answer that signs in. */
export async function describeSession(db: Db, access: Access, caller: Caller) {
  const session = access.via === 'session' ? await findSession(db.read, access.credentialId) : undefined;
  const user = await findPerson({ db }, access);
  return {
    account: toWireAccount(await getAccount(db, access.accountId)),
    user: user ? await describeUser(db, user) : null,
    scopes: toWireScopes(access.scopes),
    via: access.via,
    expires_at: session ? toTimestamp(session.expires_at) : null,
    secure_transport: isSecureCaller(caller),
  };
}

/** The answer to a sign-in: the cookie, and who signed in. */
export async function signedIn(db: Db, caller: Caller, opened: OpenedSession) {
  const { accountId, scopes, sessionId: credentialId } = opened;
  return {
    status: 200 as const,
    headers: { 'set-cookie': cookieOf(caller, opened) },
    body: await describeSession(db, { accountId, scopes, via: 'session', credentialId }, caller),
  };
}

export function cookieOf(caller: Caller, { token }: OpenedSession): string {
  return sessionCookie(caller, token, SESSION_ABSOLUTE_LIMIT_MS / 1000);
}

/** A page out of one row more than asked for: the extra row says that another page follows. */
export function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
): { data: Item[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  return { data: shown.map(toItem), next_cursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}
