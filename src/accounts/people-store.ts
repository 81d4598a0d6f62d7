// The queries on people: who they are, how they sign in, and which sessions and keys end with them. Whatever takes rights
// away (a new password, a smaller role, disabling, removal) ends the sessions concerned in the same transaction.
import { sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { PageQuery, Role } from './store.ts';

interface UsersTable {
  id: string;
  account_id: string;
  role: Role;
  /** As it is shown. */
  name: string;
  /** Lower case, never with an @. */
  username: string | null;
  /** Lower case; not proven to be the person's. */
  email: string | null;
  /** argon2id in the PHC form; null for who signs in elsewhere only. */
  password: string | null;
  password_set_at: number | null;
  created_at: number;
  signed_in_at: number | null;
  disabled_at: number | null;
}

interface UserIdentitiesTable {
  issuer: string;
  subject: string;
  user_id: string;
  email: string | null;
  linked_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    users: UsersTable;
    user_identities: UserIdentitiesTable;
  }
}

export type User = UsersTable;
export type Identity = UserIdentitiesTable;
/** A sign-in elsewhere, as the issuer named it. */
export type NewIdentity = Pick<Identity, 'issuer' | 'subject' | 'email'>;

export interface NewPerson {
  id: string;
  role: Role;
  name: string;
  username: string | null;
  email: string | null;
  password: string | null;
}

export async function findUser(read: Reader, id: string): Promise<User | undefined> {
  return read.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

/** By user name or e-mail address, both lower case: only an address has an @. */
export async function findUserByLogin(read: Reader, login: string): Promise<User | undefined> {
  const column = login.includes('@') ? 'email' : 'username';
  return read.selectFrom('users').selectAll().where(column, '=', login).executeTakeFirst();
}

export async function findUserByIdentity(
  read: Reader,
  { issuer, subject }: { issuer: string; subject: string },
): Promise<User | undefined> {
  return read
    .selectFrom('user_identities as i')
    .innerJoin('users as u', 'u.id', 'i.user_id')
    .selectAll('u')
    .where('i.issuer', '=', issuer)
    .where('i.subject', '=', subject)
    .executeTakeFirst();
}

export async function listIdentities(read: Reader, userIds: readonly string[]): Promise<Identity[]> {
  if (userIds.length === 0) return [];
  return read
    .selectFrom('user_identities')
    .selectAll()
    .where('user_id', 'in', [...userIds])
    .execute();
}

/** Newest first; `q` is looked for in names, user names and addresses. */
export async function listUsers(read: Reader, page: PageQuery & { q?: string | undefined }): Promise<User[]> {
  let query = read.selectFrom('users').selectAll().orderBy('id', 'desc').limit(page.limit);
  if (page.before) query = query.where('id', '<', page.before);
  if (page.q) {
    const pattern = `%${page.q.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
    // The letter that escapes must be named: SQLite knows none of its own.
    const like = (column: 'name' | 'username' | 'email') =>
      sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
    query = query.where((expression) => expression.or([like('name'), like('username'), like('email')]));
  }
  return query.execute();
}

/** Inserts a person and, if given, their sign-in elsewhere. Throws `conflict` when a name, address or sign-in is taken. */
export async function insertPerson(
  trx: Trx,
  input: { person: NewPerson; accountId: string; identity: NewIdentity | null; now: number },
): Promise<void> {
  const { person, accountId, identity, now } = input;
  const inserted = await trx
    .insertInto('users')
    .values({
      ...person,
      account_id: accountId,
      password_set_at: person.password === null ? null : now,
      created_at: now,
      signed_in_at: null,
      disabled_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) throw loginTaken();
  if (identity) await insertIdentity(trx, { identity, userId: person.id, now });
}

const loginTaken = () =>
  new AppError('conflict', {
    detail: 'Somebody here has this user name or e-mail address already.',
    fix: 'Choose another user name, or sign in if it is you.',
  });

async function insertIdentity(
  trx: Trx,
  { identity, userId, now }: { identity: NewIdentity; userId: string; now: number },
): Promise<void> {
  const inserted = await trx
    .insertInto('user_identities')
    .values({ ...identity, user_id: userId, linked_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) {
    throw new AppError('conflict', { detail: 'This sign-in belongs to another person here already.' });
  }
}

/** Lets a person also sign in elsewhere; the same sign-in twice is one. Throws `conflict` when it is another's. */
export async function linkIdentity(
  trx: Trx,
  input: { identity: NewIdentity; userId: string; now: number },
): Promise<void> {
  const owner = await findUserByIdentity(trx, input.identity);
  if (owner?.id === input.userId) return;
  await insertIdentity(trx, input);
}

/** Whether any person belongs to the account. */
export async function hasPeople(read: Reader, accountId: string): Promise<boolean> {
  const row = await read
    .selectFrom('users')
    .select('id')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row !== undefined;
}

/** The person, or `not_found`. */
export async function getUser(read: Reader, id: string): Promise<User> {
  const user = await findUser(read, id);
  if (!user) throw new AppError('not_found', { detail: 'There is no person with this id.' });
  return user;
}

export interface ProfileChange {
  name?: string | undefined;
  username?: string | null | undefined;
  email?: string | null | undefined;
}

/** Changes what a person is called. Throws `conflict` for a taken name or address, or when no login would be left. */
export async function updateProfile(
  trx: Trx,
  input: { userId: string; change: ProfileChange },
): Promise<User> {
  const user = await getUser(trx, input.userId);
  const { name = user.name, username = user.username, email = user.email } = input.change;
  if (user.password !== null && username === null && email === null) {
    throw new AppError('conflict', {
      detail: 'A user name or an e-mail address must be left to sign in with.',
    });
  }
  const taken = await trx
    .selectFrom('users')
    .select('id')
    .where('id', '!=', user.id)
    .where((expression) =>
      expression.or([
        ...(username === null ? [] : [expression('username', '=', username)]),
        ...(email === null ? [] : [expression('email', '=', email)]),
      ]),
    )
    .executeTakeFirst();
  if (taken && (username !== null || email !== null)) throw loginTaken();
  await trx.updateTable('users').set({ name, username, email }).where('id', '=', user.id).execute();
  return { ...user, name, username, email };
}

/** Ends a person's sessions, with those that keys of theirs opened. */
async function endSessions(trx: Trx, { userId, now }: { userId: string; now: number }): Promise<void> {
  const keys = trx.selectFrom('api_keys').select('id').where('user_id', '=', userId);
  await trx
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where((expression) =>
      expression.or([expression('user_id', '=', userId), expression('key_id', 'in', keys)]),
    )
    .where('revoked_at', 'is', null)
    .execute();
}

/** Stores a new password, ends every session of the person, and makes older reset links worthless. */
export async function replacePassword(
  trx: Trx,
  input: { userId: string; password: string; now: number },
): Promise<void> {
  const { userId, password, now } = input;
  await trx.updateTable('users').set({ password, password_set_at: now }).where('id', '=', userId).execute();
  await trx.deleteFrom('password_resets').where('user_id', '=', userId).execute();
  await endSessions(trx, { userId, now });
}

/** As an administrator: renames, gives another role, disables or enables. Throws `not_found` and `conflict`. */
export async function updatePerson(
  trx: Trx,
  input: {
    userId: string;
    name?: string | undefined;
    role?: Role | undefined;
    disabled?: boolean | undefined;
    now: number;
  },
): Promise<User> {
  const user = await getUser(trx, input.userId);
  const { now } = input;
  const role = input.role ?? user.role;
  const wasDisabled = user.disabled_at !== null;
  const isDisabled = input.disabled ?? wasDisabled;
  if (role !== user.role && role === 'member') await requireMemberAccount(trx, user.account_id);
  const changed = {
    name: input.name ?? user.name,
    role,
    disabled_at: isDisabled ? (user.disabled_at ?? now) : null,
  };
  await trx.updateTable('users').set(changed).where('id', '=', user.id).execute();
  if (role !== user.role || (isDisabled && !wasDisabled)) await endSessions(trx, { userId: user.id, now });
  if (role !== user.role && role === 'member') await revokeWideKeys(trx, { userId: user.id, now });
  return { ...user, ...changed };
}

/** Members may not share the administrators' account: what its keys may do would be theirs. */
export async function requireMemberAccount(trx: Trx, accountId: string): Promise<void> {
  const account = await trx
    .selectFrom('accounts')
    .select('role')
    .where('id', '=', accountId)
    .executeTakeFirst();
  if (account?.role !== 'admin') return;
  throw new AppError('conflict', {
    detail: "The administrators' account is for administrators only.",
    fix: 'Invite the person as a member with an account of their own.',
  });
}

/** A former administrator's keys keep what members' keys may do; those that may do more end. */
async function revokeWideKeys(trx: Trx, { userId, now }: { userId: string; now: number }): Promise<void> {
  await trx
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where((expression) =>
      expression.or([
        expression('scopes', 'like', '%"admin"%'),
        expression('scopes', 'like', '%"accounts:act"%'),
      ]),
    )
    .execute();
}

/** Removes a person with their sign-ins; their sessions and keys end, their account and its pictures stay. */
export async function removePerson(trx: Trx, input: { userId: string; now: number }): Promise<void> {
  const { userId, now } = input;
  await getUser(trx, userId);
  await endSessions(trx, { userId, now });
  await trx
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute();
  await trx.deleteFrom('password_resets').where('user_id', '=', userId).execute();
  await trx.deleteFrom('user_identities').where('user_id', '=', userId).execute();
  await trx.deleteFrom('users').where('id', '=', userId).execute();
}

registerWrites(import.meta.url, { linkIdentity, updateProfile, updatePerson, removePerson });
