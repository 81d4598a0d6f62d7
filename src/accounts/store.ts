// The queries on accounts and API keys; sign-in-store.ts has those on sessions and set-up links. Secrets arrive here as
// digests only; what is read for a request is one indexed look-up, so that a revoked key or a disabled account is
// refused at the next call.
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';

export type Role = 'admin' | 'member';

interface AccountsTable {
  id: string;
  name: string;
  role: Role;
  created_at: number;
  disabled_at: number | null;
}

interface ApiKeysTable {
  id: string;
  account_id: string;
  name: string;
  /** First characters of the key, to tell keys apart in lists. */
  prefix: string;
  /** SHA-256 of the whole key, hexadecimal. */
  hash: string;
  /** JSON array of scopes. */
  scopes: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
  /** The person who made it, in their own account: it ends with them. */
  user_id?: string | null | undefined;
}

interface SessionsTable {
  id: string;
  account_id: string;
  /** The key that was used to sign in; revoking it ends the session. */
  key_id: string | null;
  /** The person who signed in. */
  user_id: string | null;
  address: string | null;
  user_agent: string | null;
  hash: string;
  scopes: string;
  created_at: number;
  /** Exact to an hour. */
  last_used_at: number | null;
  expires_at: number;
  revoked_at: number | null;
}

interface SetupLinksTable {
  hash: string;
  created_at: number;
  used_at: number | null;
  expires_at: number;
}

interface ServerSecretsTable {
  name: string;
  value: string;
}

declare module '../kernel/db.ts' {
  interface Tables {
    accounts: AccountsTable;
    api_keys: ApiKeysTable;
    sessions: SessionsTable;
    setup_links: SetupLinksTable;
    server_secrets: ServerSecretsTable;
  }
}

export type Account = AccountsTable;
export type ApiKey = Omit<ApiKeysTable, 'hash' | 'user_id'>;

/** A key's last use is worth a write this often at most. */
export const LAST_USED_RESOLUTION_MS = 60_000;
/** What a request's credential stands for, joined with its account. */
export interface CredentialRow {
  id: string;
  account_id: string;
  scopes: string;
  revoked_at: number | null;
  /** Of the account. */
  role: Role;
  disabled_at: number | null;
  /** Of the person behind it, if there is one. */
  user_role: Role | null;
  user_disabled_at: number | null;
}
export interface KeyCredentialRow extends CredentialRow {
  last_used_at: number | null;
}
export interface SessionCredentialRow extends CredentialRow {
  created_at: number;
  last_used_at: number | null;
  expires_at: number;
}

const selectKeyByHash = compileOnce<{ hash: string }, KeyCredentialRow>((query, param) =>
  query
    .selectFrom('api_keys as k')
    .innerJoin('accounts as a', 'a.id', 'k.account_id')
    .leftJoin('users as u', 'u.id', 'k.user_id')
    .select(['k.id', 'k.account_id', 'k.scopes', 'k.revoked_at', 'k.last_used_at', 'a.role', 'a.disabled_at'])
    .select(['u.role as user_role', 'u.disabled_at as user_disabled_at'])
    .where('k.hash', '=', param('hash')),
);

const selectSessionByHash = compileOnce<{ hash: string }, SessionCredentialRow>((query, param) =>
  query
    .selectFrom('sessions as s')
    .innerJoin('accounts as a', 'a.id', 's.account_id')
    .leftJoin('users as u', 'u.id', 's.user_id')
    .select([
      's.id',
      's.account_id',
      's.scopes',
      's.revoked_at',
      's.created_at',
      's.last_used_at',
      's.expires_at',
    ])
    .select(['a.role', 'a.disabled_at', 'u.role as user_role', 'u.disabled_at as user_disabled_at'])
    .where('s.hash', '=', param('hash')),
);

const selectAccount = compileOnce<{ id: string }, Account>((query, param) =>
  query.selectFrom('accounts').selectAll().where('id', '=', param('id')),
);

export async function findKeyByHash(read: Reader, hash: string): Promise<KeyCredentialRow | undefined> {
  return (await selectKeyByHash(read, { hash }))[0];
}

export async function findSessionByHash(
  read: Reader,
  hash: string,
): Promise<SessionCredentialRow | undefined> {
  return (await selectSessionByHash(read, { hash }))[0];
}

export async function findAccount(read: Reader, id: string): Promise<Account | undefined> {
  return (await selectAccount(read, { id }))[0];
}

/** Whether the key or session behind a credential id still counts; ids of other kinds of credentials always do. */
export async function isCredentialLive(read: Reader, credentialId: string, now: number): Promise<boolean> {
  if (credentialId.startsWith('sess_')) {
    const session = await read
      .selectFrom('sessions')
      .select(['revoked_at', 'expires_at'])
      .where('id', '=', credentialId)
      .executeTakeFirst();
    return session !== undefined && session.revoked_at === null && session.expires_at > now;
  }
  if (!credentialId.startsWith('key_')) return true;
  const key = await read
    .selectFrom('api_keys')
    .select('revoked_at')
    .where('id', '=', credentialId)
    .executeTakeFirst();
  return key !== undefined && key.revoked_at === null;
}

export interface PageQuery {
  limit: number;
  /** Rows with an id below this one: lists run from the newest to the oldest. */
  before?: string | undefined;
}

export async function listAccounts(read: Reader, { limit, before }: PageQuery): Promise<Account[]> {
  let query = read.selectFrom('accounts').selectAll().orderBy('id', 'desc').limit(limit);
  if (before) query = query.where('id', '<', before);
  return query.execute();
}

/** Keys of one account that were not revoked. */
export async function listKeys(read: Reader, accountId: string, page: PageQuery): Promise<ApiKey[]> {
  let query = read
    .selectFrom('api_keys')
    .select(['id', 'account_id', 'name', 'prefix', 'scopes', 'created_at', 'last_used_at', 'revoked_at'])
    .where('account_id', '=', accountId)
    .where('revoked_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.before) query = query.where('id', '<', page.before);
  return query.execute();
}

export interface NewAccount {
  id: string;
  name: string;
  role: Role;
}

/** Rows in one INSERT; five parameters each stay far below both databases' limits. */
const INSERT_ROWS = 200;

/** Inserts accounts inside a caller's transaction. */
export async function insertAccountRows(
  trx: Trx,
  accounts: readonly NewAccount[],
  now: number,
): Promise<void> {
  for (let start = 0; start < accounts.length; start += INSERT_ROWS) {
    const rows = accounts.slice(start, start + INSERT_ROWS);
    await trx
      .insertInto('accounts')
      .values(rows.map(({ id, name, role }) => ({ id, name, role, created_at: now, disabled_at: null })))
      .execute();
  }
}

export interface NewKey {
  id: string;
  accountId: string;
  name: string;
  prefix: string;
  hash: string;
  scopes: string;
  /** The session or key that asks for it: whose person it will belong to. */
  madeWith: string;
  now: number;
}

/** The person behind a credential, if the account is theirs too. */
async function ownerOfKey(trx: Trx, { madeWith, accountId }: NewKey): Promise<string | null> {
  const table = madeWith.startsWith('sess_') ? 'sessions' : madeWith.startsWith('key_') ? 'api_keys' : null;
  if (table === null) return null;
  const row = await trx
    .selectFrom(table)
    .innerJoin('users', 'users.id', `${table}.user_id`)
    .select('users.id')
    .where(`${table}.id`, '=', madeWith)
    .where('users.account_id', '=', accountId)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Stores a key, unless the account has `maxKeys` live ones already: then `conflict`. */
export async function insertKey(trx: Trx, input: { key: NewKey; maxKeys: number }): Promise<void> {
  const { key } = input;
  const { live } = await trx
    .selectFrom('api_keys')
    .select((expression) => expression.fn.countAll<number>().as('live'))
    .where('account_id', '=', key.accountId)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(live) >= input.maxKeys) {
    throw new AppError('conflict', {
      detail: `This account has ${input.maxKeys} API keys already; revoke one that is no longer used.`,
    });
  }
  await trx
    .insertInto('api_keys')
    .values({
      id: key.id,
      account_id: key.accountId,
      name: key.name,
      prefix: key.prefix,
      hash: key.hash,
      scopes: key.scopes,
      created_at: key.now,
      last_used_at: null,
      revoked_at: null,
      user_id: await ownerOfKey(trx, key),
    })
    .execute();
}

/** Revokes a key of this account and ends the sessions that it opened; false when there is no such live key. */
export async function revokeKey(
  trx: Trx,
  input: { accountId: string; keyId: string; now: number },
): Promise<boolean> {
  const revoked = await trx
    .updateTable('api_keys')
    .set({ revoked_at: input.now })
    .where('id', '=', input.keyId)
    .where('account_id', '=', input.accountId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (revoked.numUpdatedRows === 0n) return false;
  await trx
    .updateTable('sessions')
    .set({ revoked_at: input.now })
    .where('key_id', '=', input.keyId)
    .where('revoked_at', 'is', null)
    .execute();
  return true;
}

/** Notes when keys were last used, never more often than `LAST_USED_RESOLUTION_MS` a key. */
export async function touchKeys(trx: Trx, input: { uses: [keyId: string, usedAt: number][] }): Promise<void> {
  for (const [keyId, usedAt] of input.uses) {
    await trx
      .updateTable('api_keys')
      .set({ last_used_at: usedAt })
      .where('id', '=', keyId)
      .where((expression) =>
        expression.or([
          expression('last_used_at', 'is', null),
          expression('last_used_at', '<=', usedAt - LAST_USED_RESOLUTION_MS),
        ]),
      )
      .execute();
  }
}

/** Renames, disables or enables an account. Throws `not_found`, or `conflict` for disabling the first admin. */
export async function updateAccount(
  trx: Trx,
  input: { accountId: string; name?: string | undefined; disabled?: boolean | undefined; now: number },
): Promise<Account> {
  const account = await findAccount(trx, input.accountId);
  if (!account) throw new AppError('not_found', { detail: 'There is no account with this id.' });
  if (input.disabled && account.role === 'admin') {
    throw new AppError('conflict', {
      detail: 'The administrator account cannot be disabled: nobody could enable it again.',
      fix: 'Revoke the keys that should stop working instead.',
    });
  }
  const disabledAt =
    input.disabled === undefined
      ? account.disabled_at
      : input.disabled
        ? (account.disabled_at ?? input.now)
        : null;
  const updated = { ...account, name: input.name ?? account.name, disabled_at: disabledAt };
  await trx
    .updateTable('accounts')
    .set({ name: updated.name, disabled_at: updated.disabled_at })
    .where('id', '=', account.id)
    .execute();
  return updated;
}

registerWrites(import.meta.url, { insertKey, revokeKey, touchKeys, updateAccount });
