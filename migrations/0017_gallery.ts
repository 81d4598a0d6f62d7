// The gallery: what it keeps of each picture in one index, words to search prompts by, pictures that are gone for good (so that
// readers who follow changes learn of them), and actions on many pictures at once.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';
import { createSearch } from '../src/kernel/db-search.ts';

export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await db.schema
    .alterTable('images')
    .addColumn('origin', text, (column) => column.notNull().defaultTo('api'))
    .execute();
  // Null until it is prepared: rows from before, a few at a time.
  await db.schema.alterTable('images').addColumn('gallery', text).execute();
  await sql`update images set origin = 'studio'
    where task_id in (select id from tasks where credential_id like 'sess\\_%' escape '\\')`.execute(db);
  // All that a load of the gallery reads; it serves the account's lists as well as the index that it replaces.
  await sql`drop index images_of_account`.execute(db);
  await sql`create index images_gallery on images (account_id, id, gallery, favourite, trashed_at)`.execute(
    db,
  );
  await sql`drop index images_by_change`.execute(db);
  await sql`create index images_changes on images (account_id, change, id)`.execute(db);
  await sql`create index images_unprepared on images (id) where gallery is null`.execute(db);
  await sql`create index images_tagged on images (account_id, id, tags, gallery, trashed_at) where tags <> '[]'`.execute(
    db,
  );
  await sql`create index images_of_parent on images (parent_id) where parent_id is not null`.execute(db);
  await createSearch(db, 'image_words');

  await createTable(db, 'gallery_names')
    .addColumn('no', integer, (column) => column.primaryKey().notNull())
    .addColumn('kind', text, (column) => column.notNull().check(sql`kind in ('model', 'provider', 'style')`))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('label', text)
    .addUniqueConstraint('gallery_names_once', ['kind', 'name'])
    .execute();
  await createKeyedTable(db, 'gallery_purges')
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('change', integer, (column) => column.notNull())
    .addColumn('image_id', text, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('gallery_purges_pk', ['account_id', 'change', 'image_id'])
    .execute();
  await sql`create index gallery_purges_age on gallery_purges (at)`.execute(db);
  await createOperations(db);
}

async function createOperations(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'gallery_operations')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('tag', text)
    .addColumn('state', text, (column) =>
      column.notNull().check(sql`state in ('collecting', 'running', 'done')`),
    )
    .addColumn('selected', integer, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('touched', integer, (column) => column.notNull())
    .addColumn('undo_of', text)
    .addColumn('undone_by', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('finished_at', integer)
    .execute();
  await sql`create index gallery_operations_open on gallery_operations (created_at) where state = 'running'`.execute(
    db,
  );
  await sql`create index gallery_operations_age on gallery_operations (created_at)`.execute(db);
  await createKeyedTable(db, 'gallery_operation_items')
    .addColumn('operation_id', text, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('image_id', text, (column) => column.notNull())
    .addColumn('touched', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('gallery_operation_items_pk', ['operation_id', 'position'])
    .execute();
}
