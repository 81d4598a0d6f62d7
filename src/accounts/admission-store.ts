// How people come in: with an account of their own, opened in the same transaction as its balance, or into one that exists. A
// person, the invitation they used, their sign-in elsewhere and their first session come together or not at all.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { useInvitation } from './invitation-store.ts';
import {
  findUser,
  getUser,
  hasPeople,
  insertPerson,
  type NewIdentity,
  type NewPerson,
  replacePassword,
  requireMemberAccount,
  type User,
} from './people-store.ts';
import { closeSetup, insertSession, type NewSession, revokeSession } from './sign-in-store.ts';
import { type NewAccount as AccountRow, findAccount, insertAccountRows } from './store.ts';

/** A session that belongs to whoever is let in. */
export type PersonSession = Omit<NewSession, 'accountId' | 'userId' | 'keyId'>;

export interface Admission {
  person: NewPerson;
  /** Digest of the invitation's token. */
  invitationHash: string | null;
  identity: NewIdentity | null;
  /** Null: the person signs in later. */
  session: PersonSession | null;
}

export interface NewAccount extends AccountRow {
  /** The person whose account it is. */
  admission?: Admission | undefined;
}

/** Inserts accounts, with their people, inside a caller's transaction; the credits slice opens their balances in the same one. */
export async function insertAccounts(trx: Trx, accounts: readonly NewAccount[], now: number): Promise<void> {
  await insertAccountRows(trx, accounts, now);
  for (const { id, admission } of accounts) {
    if (admission) await admit(trx, { accountId: id, admission, now });
  }
}

async function admit(
  trx: Trx,
  { accountId, admission, now }: { accountId: string; admission: Admission; now: number },
): Promise<void> {
  const { person, invitationHash, identity, session } = admission;
  if (invitationHash !== null) await useInvitation(trx, { hash: invitationHash, userId: person.id, now });
  await insertPerson(trx, { person, accountId, identity, now });
  if (session) await openFor(trx, { user: { ...person, account_id: accountId }, session });
}

async function openFor(
  trx: Trx,
  { user, session }: { user: Pick<User, 'id' | 'account_id' | 'role'>; session: PersonSession },
): Promise<void> {
  await insertSession(trx, { ...session, accountId: user.account_id, userId: user.id, keyId: null });
  await trx.updateTable('users').set({ signed_in_at: session.now }).where('id', '=', user.id).execute();
  if (user.role === 'admin') await closeSetup(trx, session.id);
}

/** Lets a person into an account that exists. Throws `conflict`, `not_found`, `authentication_required`. */
export async function joinAccount(
  trx: Trx,
  input: { accountId: string; admission: Admission; now: number },
): Promise<void> {
  const account = await findAccount(trx, input.accountId);
  if (!account || account.disabled_at !== null) {
    throw new AppError('conflict', { detail: 'The account that this invitation is for was closed.' });
  }
  if (input.admission.person.role === 'member') await requireMemberAccount(trx, input.accountId);
  await admit(trx, input);
}

/** Why a person may not sign in although they are who they say; null when they may. */
async function refusalOf(read: Reader, user: User): Promise<AppError | null> {
  if (user.disabled_at !== null) return disabled('You were disabled on this server.');
  const account = await findAccount(read, user.account_id);
  return account?.disabled_at === null ? null : disabled('Your account on this server is disabled.');
}

const disabled = (detail: string) =>
  new AppError('authentication_required', { detail, fix: 'Ask an administrator to enable it again.' });

/**
 * Opens a session for a person whose password or sign-in elsewhere was checked. `passwordSetAt` is that of the checked
 * password: if it was changed meanwhile, the check does not count. Throws `authentication_required`.
 */
export async function openPersonSession(
  trx: Trx,
  input: {
    userId: string;
    passwordSetAt: number | null | undefined;
    session: PersonSession;
    replaces: string | null;
  },
): Promise<User> {
  const { session, replaces } = input;
  const user = await findUser(trx, input.userId);
  const isStale = input.passwordSetAt !== undefined && user?.password_set_at !== input.passwordSetAt;
  if (!user || isStale) throw new AppError('authentication_required', { detail: 'Sign in again.' });
  const refusal = await refusalOf(trx, user);
  if (refusal) throw refusal;
  if (replaces) await revokeSession(trx, { sessionId: replaces, now: session.now });
  await openFor(trx, { user, session });
  return user;
}

/** Stores a person's new password, ends all their sessions, and opens the one session that goes on. Throws `not_found`. */
export async function changePassword(
  trx: Trx,
  input: { userId: string; passwordSetAt: number | null; password: string; session: PersonSession },
): Promise<User> {
  const { userId, password, session } = input;
  const user = await getUser(trx, userId);
  if (user.password_set_at !== input.passwordSetAt) {
    throw new AppError('conflict', { detail: 'The password was changed in another place at this moment.' });
  }
  await replacePassword(trx, { userId, password, now: session.now });
  await openFor(trx, { user, session });
  return user;
}

/** Uses a reset link up: a new password, no older session left, and a new one if asked for. */
export async function resetPassword(
  trx: Trx,
  input: { hash: string; password: string; session: PersonSession | null; now: number },
): Promise<User | null> {
  const used = await trx
    .selectFrom('password_resets')
    .select('user_id')
    .where('hash', '=', input.hash)
    .where('expires_at', '>', input.now)
    .executeTakeFirst();
  if (!used) return null;
  const user = await getUser(trx, used.user_id);
  await replacePassword(trx, { userId: user.id, password: input.password, now: input.now });
  if (input.session) {
    const refusal = await refusalOf(trx, user);
    if (refusal) throw refusal;
    await openFor(trx, { user, session: input.session });
  }
  return user;
}

/**
 * Makes the first person of an account out of a session that no person has: the set-up link's, or a key's. Throws
 * `conflict` when somebody has the account already, `authentication_required` when the session has ended.
 */
export async function settleAccount(
  trx: Trx,
  input: { sessionId: string; person: NewPerson; session: PersonSession },
): Promise<string> {
  const { person, session } = input;
  const current = await trx
    .selectFrom('sessions')
    .select(['account_id', 'user_id'])
    .where('id', '=', input.sessionId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!current || current.user_id !== null) throw new AppError('authentication_required');
  if (await hasPeople(trx, current.account_id)) {
    throw new AppError('conflict', {
      detail: 'This account belongs to somebody already.',
      fix: 'Sign in as that person, or invite another one.',
    });
  }
  await revokeSession(trx, { sessionId: input.sessionId, now: session.now });
  await insertPerson(trx, { person, accountId: current.account_id, identity: null, now: session.now });
  await openFor(trx, { user: { ...person, account_id: current.account_id }, session });
  return current.account_id;
}

registerWrites(import.meta.url, {
  joinAccount,
  openPersonSession,
  changePassword,
  resetPassword,
  settleAccount,
});
