// The queries of sign-in: the first administrator account, one-time set-up links, browser sessions, and the secret that
// signs stream tickets. Only one set-up link ever works, and none after an administrator's first sign-in.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { findAccount } from './store.ts';

const ADMIN_ACCOUNT = 'admin_account_id';
const TICKET_SECRET = 'stream_ticket_secret';
const SETUP_COMPLETED = 'setup_completed_by';
/** Ended sessions and old set-up links are kept this long for whoever looks into an incident. */
const KEEP_ENDED_MS = 30 * 24 * 3_600_000;
/** A session that nobody used for this long has ended. */
export const SESSION_IDLE_LIMIT_MS = 14 * 24 * 3_600_000;
/** A session ends then, however much it is used. */
export const SESSION_ABSOLUTE_LIMIT_MS = 30 * 24 * 3_600_000;
/** A session's last use is worth a write this often at most. */
export const SESSION_USE_RESOLUTION_MS = 3_600_000;

/** What a person sees of a session. */
export interface SessionRow {
  id: string;
  account_id: string;
  user_id: string | null;
  key_id: string | null;
  address: string | null;
  user_agent: string | null;
  created_at: number;
  last_used_at: number | null;
  expires_at: number;
}

const SESSION_COLUMNS = [
  'id',
  'account_id',
  'user_id',
  'key_id',
  'address',
  'user_agent',
  'created_at',
  'last_used_at',
  'expires_at',
] as const;

export async function findSession(read: Reader, id: string): Promise<SessionRow | undefined> {
  return read
    .selectFrom('sessions')
    .select([...SESSION_COLUMNS])
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Whose sessions: a person's own, or those of an account that no person opened. */
export type SessionOwner = { userId: string } | { accountId: string };

/** Sessions that count at this moment, newest first. */
export async function listSessions(
  read: Reader,
  { owner, now, limit }: { owner: SessionOwner; now: number; limit: number },
): Promise<SessionRow[]> {
  const sessions = read
    .selectFrom('sessions')
    .select([...SESSION_COLUMNS])
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where((expression) =>
      expression(expression.fn.coalesce('last_used_at', 'created_at'), '>', now - SESSION_IDLE_LIMIT_MS),
    )
    .orderBy('id', 'desc')
    .limit(limit);
  return 'userId' in owner
    ? sessions.where('user_id', '=', owner.userId).execute()
    : sessions.where('account_id', '=', owner.accountId).where('user_id', 'is', null).execute();
}

/** Ends one of the owner's sessions; false when there is no such live one. */
export async function endSession(
  trx: Trx,
  input: { owner: SessionOwner; sessionId: string; now: number },
): Promise<boolean> {
  const { owner, sessionId, now } = input;
  const update = trx
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where('id', '=', sessionId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now);
  const ended = await ('userId' in owner
    ? update.where('user_id', '=', owner.userId)
    : update.where('account_id', '=', owner.accountId).where('user_id', 'is', null)
  ).executeTakeFirst();
  return ended.numUpdatedRows !== 0n;
}

/** Notes when sessions were last used, never back in time. */
export async function touchSessions(
  trx: Trx,
  input: { uses: [sessionId: string, usedAt: number][] },
): Promise<void> {
  for (const [sessionId, usedAt] of input.uses) {
    await trx.updateTable('sessions').set({ last_used_at: usedAt }).where('id', '=', sessionId).execute();
  }
}

/** Whether an administrator has ever signed in. */
export async function isSetupDone(read: Reader): Promise<boolean> {
  const row = await read
    .selectFrom('server_secrets')
    .select('name')
    .where('name', '=', SETUP_COMPLETED)
    .executeTakeFirst();
  return row !== undefined;
}

/** An administrator signed in: no set-up link works any more. */
export async function closeSetup(trx: Trx, sessionId: string): Promise<void> {
  await putSecretOnce(trx, SETUP_COMPLETED, sessionId);
}

/**
 * Makes `proposedId` the id of the first admin account unless another one was taken before, also by another node at
 * the same moment. `isNew` says that the caller has to insert the account in this transaction.
 */
export async function claimAdminAccountId(
  trx: Trx,
  proposedId: string,
): Promise<{ accountId: string; isNew: boolean }> {
  const accountId = await putSecretOnce(trx, ADMIN_ACCOUNT, proposedId);
  return { accountId, isNew: accountId === proposedId };
}

/** Stores a value under a name once; returns the one that is stored. */
async function putSecretOnce(trx: Trx, name: string, value: string): Promise<string> {
  await trx
    .insertInto('server_secrets')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const row = await trx
    .selectFrom('server_secrets')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return row.value;
}

/** The key that signs stream tickets on every node: the first proposal wins. */
export async function ensureTicketSecret(trx: Trx, input: { proposed: string }): Promise<string> {
  return putSecretOnce(trx, TICKET_SECRET, input.proposed);
}

/** Stores a set-up link's digest unless an administrator has signed in before; says whether it did. */
export async function addSetupLink(
  trx: Trx,
  input: { hash: string; now: number; expiresAt: number },
): Promise<boolean> {
  if (await isSetupDone(trx)) return false;
  await trx
    .insertInto('setup_links')
    .values({ hash: input.hash, created_at: input.now, used_at: null, expires_at: input.expiresAt })
    .execute();
  return true;
}

export interface NewSession {
  id: string;
  accountId: string;
  keyId: string | null;
  /** The person who signed in; null for a key or a set-up link. */
  userId: string | null;
  hash: string;
  /** JSON array of scopes. */
  scopes: string;
  /** Where it was opened from, to be told apart in a list. */
  address: string | null;
  userAgent: string | null;
  now: number;
  expiresAt: number;
}

/** Trades a set-up link for the first admin session. Only one link ever works, however many raced: else `false`. */
export async function consumeSetupLink(
  trx: Trx,
  input: { linkHash: string; session: Omit<NewSession, 'accountId' | 'keyId' | 'userId'> },
): Promise<{ accountId: string } | false> {
  const { session } = input;
  const used = await trx
    .updateTable('setup_links')
    .set({ used_at: session.now })
    .where('hash', '=', input.linkHash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', session.now)
    .executeTakeFirst();
  if (used.numUpdatedRows !== 1n) return false;
  const winner = await putSecretOnce(trx, SETUP_COMPLETED, session.id);
  if (winner !== session.id) return false;
  const admin = await trx
    .selectFrom('server_secrets')
    .select('value')
    .where('name', '=', ADMIN_ACCOUNT)
    .executeTakeFirstOrThrow();
  await insertSession(trx, { ...session, accountId: admin.value, keyId: null, userId: null });
  return { accountId: admin.value };
}

export async function insertSession(trx: Trx, session: NewSession): Promise<void> {
  await trx
    .insertInto('sessions')
    .values({
      id: session.id,
      account_id: session.accountId,
      key_id: session.keyId,
      user_id: session.userId,
      address: session.address,
      user_agent: session.userAgent,
      hash: session.hash,
      scopes: session.scopes,
      created_at: session.now,
      expires_at: session.expiresAt,
      last_used_at: session.now,
      revoked_at: null,
    })
    .execute();
}

/** Signs in with a key that was checked before. An admin's sign-in closes the set-up links. */
export async function openSession(
  trx: Trx,
  input: { session: NewSession; replaces: string | null },
): Promise<void> {
  const { session, replaces } = input;
  await insertSession(trx, session);
  if (replaces) await revokeSession(trx, { sessionId: replaces, now: session.now });
  const account = await findAccount(trx, session.accountId);
  if (account?.role === 'admin') await closeSetup(trx, session.id);
}

export async function revokeSession(trx: Trx, input: { sessionId: string; now: number }): Promise<void> {
  await trx
    .updateTable('sessions')
    .set({ revoked_at: input.now })
    .where('id', '=', input.sessionId)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Removes sessions and set-up links that ended long ago; returns how many. */
export async function removeEndedSignIns(trx: Trx, input: { now: number }): Promise<number> {
  const before = input.now - KEEP_ENDED_MS;
  const sessions = await trx.deleteFrom('sessions').where('expires_at', '<', before).executeTakeFirst();
  const links = await trx
    .deleteFrom('setup_links')
    .where('expires_at', '<', before)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return Number(sessions.numDeletedRows + links.numDeletedRows);
}

registerWrites(import.meta.url, {
  ensureTicketSecret,
  addSetupLink,
  consumeSetupLink,
  openSession,
  revokeSession,
  endSession,
  touchSessions,
  removeEndedSignIns,
});
