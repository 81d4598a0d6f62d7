// The face of the accounts slice: who may use this server. Secrets are random, shown once and stored as digests; the
// first administrator account exists from the first start, and is signed in to by a one-time set-up link. The writer
// worker loads this file too, so nothing of HTTP is imported here.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, newSecret, sha256Hex } from '../kernel/id.ts';
import type { Access, Scope } from '../kernel/route.ts';
import type { NewAccount } from './admission-store.ts';
import { KEY_PREFIX } from './authenticator.ts';
import { ADMIN_ONLY_SCOPES, ALL_SCOPES, MEMBER_SCOPES, storeScopes } from './scopes.ts';
import {
  addSetupLink,
  consumeSetupLink,
  ensureTicketSecret,
  openSession,
  removeEndedSignIns,
  SESSION_ABSOLUTE_LIMIT_MS,
} from './sign-in-store.ts';
import { type ApiKey, findAccount, insertKey, type Role } from './store.ts';

export { insertAccounts } from './admission-store.ts';
export { type Authenticator, type Caller, createAuthenticator, requireScope } from './authenticator.ts';
export { ALL_SCOPES } from './scopes.ts';
export { claimAdminAccountId } from './sign-in-store.ts';
export { type Account, findAccount, listAccounts, updateAccount } from './store.ts';

export const SETUP_LINK_LIFETIME_MS = 24 * 3_600_000;
export const MAX_KEYS_PER_ACCOUNT = 1000;
const KEY_DISPLAY_CHARS = 10;
const MAX_USER_AGENT_CHARS = 300;
const SETUP_TOKEN_PREFIX = 'dbs_';

/** What opens accounts together with their balances; the credits slice, which ranks higher, gives it. */
export interface AccountOpener {
  /** Opens all or none. Throws `validation_failed` for an amount that is none. */
  open(input: {
    accounts: readonly (NewAccount & { grantCredits?: number | string | undefined })[];
    now: number;
  }): Promise<void>;
  /** The id of the first admin account, which is opened as `proposedId` if there is none yet. */
  openAdmin(input: { proposedId: string; now: number }): Promise<string>;
}

export interface Bootstrap {
  adminAccountId: string;
  ticketSecret: string;
  /** A fresh one-time token for the set-up link; null once an administrator has signed in. */
  setupToken: string | null;
}

/** Makes what must exist before the first request; safe at every start and on several nodes at once. */
export async function ensureBootstrap(db: Db, clock: Clock, opener: AccountOpener): Promise<Bootstrap> {
  const now = clock.now();
  const adminAccountId = await opener.openAdmin({ proposedId: newId('acct', now), now });
  const ticketSecret = await db.write(ensureTicketSecret, { proposed: newSecret() });
  await db.write(removeEndedSignIns, { now });
  const setupToken = `${SETUP_TOKEN_PREFIX}${newSecret()}`;
  const added = await db.write(addSetupLink, {
    hash: sha256Hex(setupToken),
    now,
    expiresAt: now + SETUP_LINK_LIFETIME_MS,
  });
  return { adminAccountId, ticketSecret, setupToken: added ? setupToken : null };
}

/** Where a sign-in comes from. */
export interface SessionOrigin {
  address: string | null;
  userAgent: string | null;
  /** The session that the browser had until now: it ends, so that a planted one is worth nothing. */
  replaces: string | null;
}

/** A session before it is stored, with the token that only its browser gets. */
export function newSession(now: number, scopes: ReadonlySet<Scope>, { address, userAgent }: SessionOrigin) {
  const token = newSecret();
  return {
    token,
    id: newId('sess', now),
    hash: sha256Hex(token),
    scopes: storeScopes(scopes),
    address,
    userAgent: userAgent?.slice(0, MAX_USER_AGENT_CHARS) ?? null,
    now,
    expiresAt: now + SESSION_ABSOLUTE_LIMIT_MS,
  };
}

export interface OpenedSession {
  /** For the cookie; never stored. */
  token: string;
  sessionId: string;
  accountId: string;
  scopes: ReadonlySet<Scope>;
  expiresAt: number;
}

/** Signs in with a set-up token. Throws `authentication_required` when it is unknown, used or over. */
export async function signInWithSetupToken(
  db: Db,
  clock: Clock,
  setupToken: string,
  from: SessionOrigin,
): Promise<OpenedSession> {
  const now = clock.now();
  const { token, expiresAt, ...session } = newSession(now, ALL_SCOPES, from);
  const signedIn = await db.write(consumeSetupLink, {
    linkHash: sha256Hex(setupToken),
    session: { ...session, expiresAt },
  });
  if (!signedIn) {
    throw new AppError('authentication_required', {
      detail: 'This set-up link does not work any more: it was used, is over 24 hours old, or never existed.',
      fix: 'Sign in with an API key. On the server itself, "drawbridge keys create" makes one.',
    });
  }
  return { token, sessionId: session.id, accountId: signedIn.accountId, scopes: ALL_SCOPES, expiresAt };
}

/** Opens a session with the scopes of the key that `access` stands for; ends the session that the browser had. */
export async function signInWithKey(
  db: Db,
  clock: Clock,
  access: Access,
  from: SessionOrigin,
): Promise<OpenedSession> {
  const now = clock.now();
  const { token, expiresAt, ...session } = newSession(now, access.scopes, from);
  await db.write(openSession, {
    session: {
      ...session,
      expiresAt,
      accountId: access.accountId,
      keyId: access.credentialId.startsWith('key_') ? access.credentialId : null,
      userId: null,
    },
    replaces: from.replaces,
  });
  return { token, sessionId: session.id, accountId: access.accountId, scopes: access.scopes, expiresAt };
}

/**
 * Creates a key for the account that `access` acts for, with at most its maker's scopes. Throws `permission_denied` for
 * more, `conflict` when the account has too many keys.
 */
export async function createKey(
  db: Db,
  clock: Clock,
  access: Access,
  input: { name: string; scopes?: readonly Scope[] | undefined },
): Promise<{ row: ApiKey; key: string }> {
  const scopes = input.scopes ?? MEMBER_SCOPES.filter((scope) => access.scopes.has(scope));
  const account = await findAccount(db.read, access.accountId);
  if (!account) throw new AppError('not_found', { detail: 'There is no account with this id.' });
  requireGrantable(access, scopes, account.role);
  const now = clock.now();
  const key = `${KEY_PREFIX}${newSecret()}`;
  const row = {
    id: newId('key', now),
    account_id: access.accountId,
    name: input.name,
    prefix: key.slice(0, KEY_DISPLAY_CHARS),
    scopes: storeScopes(scopes),
    created_at: now,
    last_used_at: null,
    revoked_at: null,
  };
  await db.write(insertKey, {
    key: {
      id: row.id,
      accountId: row.account_id,
      name: row.name,
      prefix: row.prefix,
      hash: sha256Hex(key),
      scopes: row.scopes,
      madeWith: access.credentialId,
      now,
    },
    maxKeys: MAX_KEYS_PER_ACCOUNT,
  });
  return { row, key };
}

function requireGrantable(access: Access, scopes: readonly Scope[], role: Role): void {
  const missing = scopes.find((scope) => !access.scopes.has(scope));
  if (missing) {
    throw new AppError('permission_denied', {
      detail: `You do not have the scope "${missing}" yourself, so you cannot give it to a key.`,
    });
  }
  const reserved = scopes.find((scope) => ADMIN_ONLY_SCOPES.includes(scope));
  if (reserved && !access.scopes.has('admin')) {
    throw new AppError('permission_denied', {
      detail: `Only an administrator can create a key with "${reserved}".`,
    });
  }
  if (scopes.includes('admin') && role !== 'admin') {
    throw new AppError('permission_denied', {
      detail: 'Only the administrator account can have keys with the scope "admin".',
    });
  }
}
