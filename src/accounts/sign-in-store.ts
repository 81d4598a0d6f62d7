// The queries of sign-in: the first administrator account, one-time set-up links, browser sessions, and the secret that
// signs stream tickets. Only one set-up link ever works, and none after an administrator's first sign-in.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { findAccount } from './store.ts';

const ADMIN_ACCOUNT = 'admin_account_id';
const TICKET_SECRET = 'stream_ticket_secret';
const SETUP_COMPLETED = 'setup_completed_by';
/** Ended sessions and old set-up links are kept this long for whoever looks into an incident. */
const KEEP_ENDED_MS = 30 * 24 * 3_600_000;

export async function findSession(read: Reader, id: string): Promise<{ expires_at: number } | undefined> {
  return read.selectFrom('sessions').select('expires_at').where('id', '=', id).executeTakeFirst();
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
  const completed = await trx
    .selectFrom('server_secrets')
    .select('name')
    .where('name', '=', SETUP_COMPLETED)
    .executeTakeFirst();
  if (completed) return false;
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
  hash: string;
  /** JSON array of scopes. */
  scopes: string;
  now: number;
  expiresAt: number;
}

/** Trades a set-up link for the first admin session. Only one link ever works, however many raced: else `false`. */
export async function consumeSetupLink(
  trx: Trx,
  input: { linkHash: string; session: Omit<NewSession, 'accountId' | 'keyId'> },
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
  await insertSession(trx, { ...session, accountId: admin.value, keyId: null });
  return { accountId: admin.value };
}

async function insertSession(trx: Trx, session: NewSession): Promise<void> {
  await trx
    .insertInto('sessions')
    .values({
      id: session.id,
      account_id: session.accountId,
      key_id: session.keyId,
      hash: session.hash,
      scopes: session.scopes,
      created_at: session.now,
      expires_at: session.expiresAt,
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
  if (account?.role === 'admin') await putSecretOnce(trx, SETUP_COMPLETED, session.id);
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
  removeEndedSignIns,
});
