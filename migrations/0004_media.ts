// Pictures: the files in the stores, the pictures made of them, what callers uploaded, and the volumes that hold them.
import type { Kysely } from 'kysely';
import { columnTypes, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createFiles(db);
  await createImages(db);
  await createUploads(db);
  const { text, integer } = columnTypes(db);
  await createTable(db, 'media_volumes')
    .addColumn('store', text, (column) => column.primaryKey().notNull())
    .addColumn('marker_id', text, (column) => column.notNull())
    .addColumn('attached_at', integer, (column) => column.notNull())
    .execute();
}

async function createFiles(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'files')
    .addColumn('key', text, (column) => column.primaryKey().notNull())
    .addColumn('store', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('mime', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('sha256', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('hidden', integer, (column) => column.notNull())
    .addColumn('deleted_at', integer)
    .addColumn('damaged_at', integer)
    .execute();
  await db.schema
    .createIndex('files_quarantined')
    .on('files')
    .columns(['store', 'deleted_at'])
    .where('deleted_at', 'is not', null)
    .execute();
}

async function createImages(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'images')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('task_id', text)
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('file_key', text, (column) => column.notNull().unique())
    .addColumn('thumb_key', text)
    .addColumn('width', integer, (column) => column.notNull())
    .addColumn('height', integer, (column) => column.notNull())
    .addColumn('mime', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('sha256', text, (column) => column.notNull())
    .addColumn('thumbhash', text)
    .addColumn('seed', integer)
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('model', text, (column) => column.notNull())
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('prompt', text, (column) => column.notNull())
    .addColumn('favourite', integer, (column) => column.notNull())
    .addColumn('tags', text, (column) => column.notNull())
    .addColumn('parent_id', text)
    .addColumn('extra', integer, (column) => column.notNull())
    .addColumn('captured', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('trashed_at', integer)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('change', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('images_of_account').on('images').columns(['account_id', 'id']).execute();
  await db.schema.createIndex('images_of_task').on('images').columns(['task_id', 'position']).execute();
  await db.schema.createIndex('images_by_thumb').on('images').column('thumb_key').execute();
  await db.schema.createIndex('images_by_change').on('images').columns(['change', 'id']).execute();
  await db.schema
    .createIndex('images_in_trash')
    .on('images')
    .column('trashed_at')
    .where('trashed_at', 'is not', null)
    .execute();
}

async function createUploads(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'uploads')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('file_key', text, (column) => column.notNull().unique())
    .addColumn('thumb_key', text)
    .addColumn('width', integer, (column) => column.notNull())
    .addColumn('height', integer, (column) => column.notNull())
    .addColumn('mime', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('sha256', text, (column) => column.notNull())
    .addColumn('thumbhash', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('uploads_of_account').on('uploads').columns(['account_id', 'id']).execute();
  await db.schema.createIndex('uploads_by_expiry').on('uploads').column('expires_at').execute();
  await db.schema.createIndex('uploads_by_thumb').on('uploads').column('thumb_key').execute();
}
