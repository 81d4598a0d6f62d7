// People who sign in: their passwords (argon2id only), sign-ins elsewhere, invitations, reset links, counted tries, and
// whose sessions and keys are whose. Links are stored as SHA-256 digests only.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'users')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('role', text, (column) => column.notNull().check(sql`role in ('admin', 'member')`))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('username', text, (column) => column.unique())
    .addColumn('email', text, (column) => column.unique())
    .addColumn('password', text)
    .addColumn('password_set_at', integer)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('signed_in_at', integer)
    .addColumn('disabled_at', integer)
    .execute();
  await db.schema.createIndex('users_of_account').on('users').column('account_id').execute();
  await createKeyedTable(db, 'user_identities')
    .addColumn('issuer', text, (column) => column.notNull())
    .addColumn('subject', text, (column) => column.notNull())
    .addColumn('user_id', text, (column) => column.notNull().references('users.id'))
    .addColumn('email', text)
    .addColumn('linked_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('user_identities_pk', ['issuer', 'subject'])
    .execute();
  await db.schema.createIndex('identities_of_user').on('user_identities').column('user_id').execute();
  await createTable(db, 'invitations')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('hash', text, (column) => column.notNull().unique())
    .addColumn('role', text, (column) => column.notNull().check(sql`role in ('admin', 'member')`))
    .addColumn('email', text)
    .addColumn('account_id', text, (column) => column.references('accounts.id'))
    .addColumn('grant_credits', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .addColumn('used_at', integer)
    .addColumn('used_by', text)
    .addColumn('revoked_at', integer)
    .execute();
  await createKeyedTable(db, 'password_resets')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    .addColumn('user_id', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('resets_of_user').on('password_resets').column('user_id').execute();
  await createKeyedTable(db, 'sign_in_tries')
    .addColumn('key', text, (column) => column.primaryKey().notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('count', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sign_in_tries_age').on('sign_in_tries').column('started_at').execute();
  await addOwners(db);
}

/** Rows of before, and of a node of the version before, have none of these. */
async function addOwners(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  for (const column of ['user_id', 'address', 'user_agent'])
    await db.schema.alterTable('sessions').addColumn(column, text).execute();
  await db.schema.alterTable('sessions').addColumn('last_used_at', integer).execute();
  await db.schema.alterTable('api_keys').addColumn('user_id', text).execute();
  await db.schema.createIndex('sessions_of_user').on('sessions').column('user_id').execute();
  await db.schema.createIndex('sessions_of_account').on('sessions').column('account_id').execute();
  await db.schema.createIndex('api_keys_of_user').on('api_keys').column('user_id').execute();
}
