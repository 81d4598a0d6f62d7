// Styles by category with the default set, the style that tasks and pictures were made with, and when an attempt's job was
// accepted and its pictures were there.
import { type Insertable, type Kysely, sql } from 'kysely';
import { columnTypes, createTable } from '../src/kernel/db-columns.ts';
import { DEFAULT_CATEGORIES, defaultId } from '../src/styles/default-styles.ts';
import type { CategoryRow, StyleRow } from '../src/styles/store.ts';

export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'style_categories')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('names', text, (column) => column.notNull())
    .addColumn('cover', text)
    .addColumn('cover_upload_id', text)
    .addColumn('enabled', integer, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .execute();
  await createTable(db, 'styles')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('category_id', text, (column) => column.notNull().references('style_categories.id'))
    .addColumn('names', text, (column) => column.notNull())
    .addColumn('cover', text)
    .addColumn('cover_upload_id', text)
    .addColumn('prompt_template', text, (column) => column.notNull())
    .addColumn('negative_prompt', text, (column) => column.notNull())
    .addColumn('model', text)
    .addColumn('aspect_ratio', text)
    .addColumn('enabled', integer, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .execute();
  await sql`create index styles_of_category on styles (category_id, position)`.execute(db);
  await addDefaults(db as Kysely<{ style_categories: CategoryRow; styles: StyleRow }>);
  await db.schema.alterTable('tasks').addColumn('style_id', text).execute();
  for (const column of ['style_id', 'style_names'])
    await db.schema.alterTable('images').addColumn(column, text).execute();
  for (const column of ['accepted_at', 'saving_at'])
    await db.schema.alterTable('attempts').addColumn(column, integer).execute();
}

/** Once in the life of a database: what an operator deletes never comes back. */
async function addDefaults(db: Kysely<{ style_categories: CategoryRow; styles: StyleRow }>): Promise<void> {
  const categories: Insertable<CategoryRow>[] = [];
  const styles: Insertable<StyleRow>[] = [];
  for (const [place, category] of DEFAULT_CATEGORIES.entries()) {
    const id = defaultId('stylecat', category.slug);
    const [first] = category.styles;
    const common = { cover_upload_id: null, enabled: 1 as const };
    categories.push({
      id,
      names: JSON.stringify(category.names),
      cover: `builtin/${first?.slug}.webp`,
      position: place,
      ...common,
    });
    for (const [position, style] of category.styles.entries()) {
      styles.push({
        id: defaultId('style', style.slug),
        category_id: id,
        names: JSON.stringify(style.names),
        cover: `builtin/${style.slug}.webp`,
        prompt_template: style.template,
        negative_prompt: style.negative,
        model: null,
        aspect_ratio: style.aspectRatio,
        position,
        ...common,
      });
    }
  }
  await db.insertInto('style_categories').values(categories).execute();
  await db.insertInto('styles').values(styles).execute();
}
