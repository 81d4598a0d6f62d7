// Links by which anybody can look at pictures: each link, and the pictures it shows in their order.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

/** Nothing that an older version reads or writes changes. */
export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'shares')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('slug', text, (column) => column.notNull().unique())
    .addColumn('source_kind', text, (column) =>
      column.notNull().check(sql`source_kind in ('images', 'story', 'batch')`),
    )
    .addColumn('source_id', text)
    .addColumn('title', text, (column) => column.notNull())
    .addColumn('show_prompt', integer, (column) => column.notNull())
    .addColumn('allow_download', integer, (column) => column.notNull())
    .addColumn('password_hash', text)
    .addColumn('expires_at', integer)
    .addColumn('views', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .execute();
  await sql`create index shares_of_account on shares (account_id, id)`.execute(db);
  await createKeyedTable(db, 'share_images')
    .addColumn('share_id', text, (column) => column.notNull().references('shares.id'))
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('image_id', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('share_images_pk', ['share_id', 'position'])
    .execute();
  await sql`create index share_images_image on share_images (image_id, share_id)`.execute(db);
}
