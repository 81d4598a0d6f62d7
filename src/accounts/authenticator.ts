// Turns the credential of a request into an Access: control socket, bearer key, stream ticket or session cookie, in that
// order. Nothing is cached: each request reads its credential's row, so a revoked key is refused at the very next call.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import { sha256Hex } from '../kernel/id.ts';
import type { Access, Scope } from '../kernel/route.ts';
import { describeForeignSecret } from './foreign-secret.ts';
import { ALL_SCOPES, loadScopes } from './scopes.ts';
import { readSessionCookie, requireSameOrigin } from './session-cookie.ts';
import { SESSION_IDLE_LIMIT_MS, SESSION_USE_RESOLUTION_MS, touchSessions } from './sign-in-store.ts';
import {
  type CredentialRow,
  findAccount,
  findKeyByHash,
  findSessionByHash,
  isCredentialLive,
  LAST_USED_RESOLUTION_MS,
  type SessionCredentialRow,
  touchKeys,
} from './store.ts';
import { readTicket } from './stream-ticket.ts';
import { UseRecorder } from './use-recorder.ts';

export const KEY_PREFIX = 'dbk_';
/** Credential ids of callers that have no row of their own. */
export const CONFIGURED_KEY_ID = 'configured_key';
export const SOCKET_ID = 'control_socket';
/** No credential of ours is longer; what is longer is not even hashed. */
const MAX_CREDENTIAL_CHARS = 4096;

export interface Caller {
  method: string;
  headers: IncomingHttpHeaders;
  /** The value of `?ticket=`, only on routes that take tickets. */
  ticket?: string | undefined;
  viaControlSocket: boolean;
  /** `https://host/prefix` without a trailing slash. */
  baseUrl: string;
}

export interface AuthenticatorOptions {
  db: Db;
  clock: Clock;
  /** From ensureBootstrap: the first admin account. */
  adminAccountId: string;
  /** From ensureBootstrap: signs stream tickets on every node. */
  ticketSecret: string;
  /** The configured admin key, or null when there is none. */
  adminKey: string | null;
  /** Told when a key's last use could not be written; the request itself is fine. */
  onBackgroundError: (error: unknown) => void;
}

export interface Authenticator {
  /**
   * Who is calling; null when no credential is given. Throws `authentication_required` for one that is wrong, over or
   * of a disabled account, `permission_denied` for a cross-site request with a cookie, `not_found` for an unknown
   * account in X-Account-Id.
   */
  authenticate(caller: Caller): Promise<Access | null>;
  /** As `authenticate`, for public routes: a credential that does not count makes an anonymous caller. */
  identify(caller: Caller): Promise<Access | null>;
  /** The key or configured key that `secret` is; throws `authentication_required`. Used by sign-in. */
  authenticateKey(secret: string): Promise<Access>;
  /** Writes what is still to be written about the last use of keys and sessions. */
  close(): Promise<void>;
}

/** What a public route overlooks; a database that is down is not among them. */
const CREDENTIAL_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'authentication_required',
  'permission_denied',
  'not_found',
]);

const refused = (detail: string, fix?: string) =>
  new AppError('authentication_required', { detail, ...(fix ? { fix } : {}) });

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new DatabaseAuthenticator(options);
}

class DatabaseAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #adminDigest: Buffer | null;
  readonly #keyUse: UseRecorder;
  readonly #sessionUse: UseRecorder;

  constructor(options: AuthenticatorOptions) {
    const { db, clock, adminKey, onBackgroundError } = options;
    this.#options = options;
    this.#adminDigest = adminKey === null ? null : createHash('sha256').update(adminKey).digest();
    const recorder = { clock, onError: onBackgroundError };
    this.#keyUse = new UseRecorder({
      ...recorder,
      resolutionMs: LAST_USED_RESOLUTION_MS,
      write: (uses) => db.write(touchKeys, { uses }),
    });
    this.#sessionUse = new UseRecorder({
      ...recorder,
      resolutionMs: SESSION_USE_RESOLUTION_MS,
      write: (uses) => db.write(touchSessions, { uses }),
    });
  }

  async authenticate(caller: Caller): Promise<Access | null> {
    const access = await this.#credentialOf(caller);
    const wanted = caller.headers['x-account-id'];
    if (!access || wanted === undefined || wanted === '' || wanted === access.accountId) return access;
    return actFor(this.#options.db, access, String(wanted));
  }

  async identify(caller: Caller): Promise<Access | null> {
    try {
      return await this.authenticate(caller);
    } catch (error) {
      if (error instanceof AppError && CREDENTIAL_ERRORS.has(error.code)) return null;
      throw error;
    }
  }

  async authenticateKey(secret: string): Promise<Access> {
    if (secret.length > MAX_CREDENTIAL_CHARS) throw refused('The key is far longer than any Drawbridge key.');
    const digest = createHash('sha256').update(secret).digest();
    if (this.#adminDigest && timingSafeEqual(digest, this.#adminDigest))
      return this.#admin('key', CONFIGURED_KEY_ID);
    // The look-up compares digests inside the database: its timing tells nothing about a secret.
    const row = secret.startsWith(KEY_PREFIX)
      ? await findKeyByHash(this.#options.db.read, digest.toString('hex'))
      : undefined;
    if (!row) throw unknownKey(secret);
    if (row.revoked_at !== null) throw refused('This API key was revoked.');
    const access = accessOf(row, 'key');
    this.#keyUse.note(row.id, row.last_used_at);
    return access;
  }

  async close(): Promise<void> {
    await Promise.all([this.#keyUse.close(), this.#sessionUse.close()]);
  }

  async #credentialOf(caller: Caller): Promise<Access | null> {
    if (caller.viaControlSocket) return this.#admin('socket', SOCKET_ID);
    const { authorization } = caller.headers;
    const bearer = authorization === undefined ? undefined : bearerToken(authorization);
    if (bearer !== undefined) return this.authenticateKey(bearer);
    if (caller.ticket !== undefined) return this.#fromTicket(caller.ticket);
    const token = readSessionCookie(caller);
    if (token) return this.#fromCookie(token, caller);
    // A password of a proxy in front of us comes as Basic beside our own cookie; alone it is a mistake.
    if (authorization !== undefined)
      throw refused('The Authorization header is not of the form "Bearer dbk_…".');
    return null;
  }

  async #fromTicket(value: string): Promise<Access> {
    const { db, clock, ticketSecret } = this.#options;
    const now = clock.now();
    const ticket = readTicket(value, ticketSecret, now);
    if (!ticket) {
      throw refused(
        'The stream ticket is not valid, or its 60 seconds are over.',
        'Ask for a new one with POST /v1/stream-tickets and connect with it at once.',
      );
    }
    const account = await findAccount(db.read, ticket.accountId);
    const isLive = await isCredentialLive(db.read, ticket.credentialId, now);
    if (!account || account.disabled_at !== null || !isLive)
      throw refused('What this stream ticket was made with does not count any more.');
    return { ...ticket, via: 'ticket' };
  }

  async #fromCookie(token: string, caller: Caller): Promise<Access> {
    const { db, clock } = this.#options;
    requireSameOrigin(caller);
    const row =
      token.length > MAX_CREDENTIAL_CHARS ? undefined : await findSessionByHash(db.read, sha256Hex(token));
    const now = clock.now();
    if (!row || row.revoked_at !== null || row.expires_at <= now || isIdle(row, now))
      throw refused('Your session has ended.', 'Sign in again.');
    const access = accessOf(row, 'session');
    this.#sessionUse.note(row.id, row.last_used_at);
    return access;
  }

  #admin(via: Access['via'], credentialId: string): Access {
    return { accountId: this.#options.adminAccountId, scopes: ALL_SCOPES, via, credentialId };
  }
}

/** The token of a Bearer header; undefined for other schemes. */
function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S.*)$/i.exec(authorization)?.[1]?.trim();
}

function isIdle({ created_at, last_used_at }: SessionCredentialRow, now: number): boolean {
  return (last_used_at ?? created_at) <= now - SESSION_IDLE_LIMIT_MS;
}

function accessOf(row: CredentialRow, via: 'key' | 'session'): Access {
  if (row.disabled_at !== null) {
    throw refused('This account is disabled.', 'Ask an administrator to enable the account again.');
  }
  if (row.user_disabled_at !== null) {
    throw refused(
      'The person whose credential this is was disabled.',
      'Ask an administrator to enable the person again.',
    );
  }
  // A person is what their own role says in whichever account; a key is never more than its account.
  const role = via === 'session' ? (row.user_role ?? row.role) : row.role;
  return {
    accountId: row.account_id,
    scopes: loadScopes(row.scopes, role),
    via,
    credentialId: row.id,
  };
}

function unknownKey(secret: string): AppError {
  const foreign = describeForeignSecret(secret);
  if (foreign) return refused(foreign.detail, foreign.fix);
  return refused(
    secret.startsWith(KEY_PREFIX)
      ? 'There is no such API key here; it may be from another Drawbridge, or cut off when it was copied.'
      : 'The bearer token is not a Drawbridge key (those start with "dbk_").',
  );
}

/** The same caller acting for another account, as an app's backend does for its users. */
async function actFor(db: Db, access: Access, accountId: string): Promise<Access> {
  const isAdmin = access.scopes.has('admin');
  if (!isAdmin && !access.scopes.has('accounts:act')) {
    throw new AppError('permission_denied', {
      detail: 'Acting for another account (X-Account-Id) needs the scope "accounts:act".',
    });
  }
  const account = await findAccount(db.read, accountId);
  // Whoever may act for users may not become an administrator by it.
  if (!account || (account.role === 'admin' && !isAdmin)) {
    throw new AppError('not_found', { detail: 'There is no account with the id in X-Account-Id.' });
  }
  if (account.disabled_at !== null) {
    throw new AppError('permission_denied', { detail: 'The account in X-Account-Id is disabled.' });
  }
  return { ...access, accountId };
}

/** Throws `authentication_required` for nobody and `permission_denied` for a caller without `scope`. */
export function requireScope(access: Access | null, scope: Scope): Access {
  if (!access) throw new AppError('authentication_required');
  if (access.scopes.has(scope) || access.scopes.has('admin')) return access;
  throw new AppError('permission_denied', { detail: `This call needs the scope "${scope}".` });
}
