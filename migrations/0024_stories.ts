// Stories: an idea with its outlines, the pages that branch from it, the jobs that write and paint them, and each try of a job.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

/** Nothing that an older version reads or writes changes. */
export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'stories')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('credential_id', text, (column) => column.notNull())
    .addColumn('idea', text, (column) => column.notNull())
    .addColumn('language', text, (column) => column.notNull())
    .addColumn('title', text, (column) => column.notNull())
    .addColumn('style_id', text)
    .addColumn('style_text', text)
    .addColumn('model', text)
    .addColumn('aspect_ratio', text, (column) => column.notNull())
    .addColumn('page_count', integer, (column) => column.notNull())
    .addColumn('safety', text, (column) => column.notNull())
    .addColumn('softened', text, (column) => column.notNull())
    .addColumn('ahead', text, (column) => column.notNull())
    .addColumn('ahead_budget_micros', integer, (column) => column.notNull())
    .addColumn('ahead_spent_micros', integer, (column) => column.notNull())
    .addColumn('seed', integer, (column) => column.notNull())
    .addColumn('cast_wanted', text, (column) => column.notNull())
    .addColumn('proposals', text, (column) => column.notNull())
    .addColumn('outline', text)
    .addColumn('by_demo_writer', integer, (column) => column.notNull())
    .addColumn('writer', text)
    .addColumn('idempotency_key', text)
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .execute();
  await sql`create index stories_of_account on stories (account_id, id)`.execute(db);
  await sql`create unique index stories_idempotency on stories (account_id, idempotency_key) where idempotency_key is not null`.execute(
    db,
  );
  await createTable(db, 'story_pages')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('story_id', text, (column) => column.notNull().references('stories.id'))
    .addColumn('parent_id', text)
    .addColumn('number', integer, (column) => column.notNull())
    .addColumn('choice', text)
    .addColumn('choice_index', integer)
    .addColumn('opened', integer, (column) => column.notNull())
    .addColumn('text', text, (column) => column.notNull())
    .addColumn('choices', text, (column) => column.notNull())
    .addColumn('picture_prompt', text, (column) => column.notNull())
    .addColumn('alt_text', text, (column) => column.notNull())
    .addColumn('task_id', text)
    .addColumn('former_task_id', text)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await sql`create index story_pages_of_story on story_pages (story_id, number, id)`.execute(db);
  // The same way on leads to the same page, whoever asks at the same time.
  await sql`create unique index story_pages_way on story_pages (story_id, coalesce(parent_id, ''), coalesce(choice, ''))`.execute(
    db,
  );
  await createTable(db, 'story_jobs')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('story_id', text, (column) => column.notNull().references('stories.id'))
    .addColumn('page_id', text)
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('kind', text, (column) =>
      column.notNull().check(sql`kind in ('outlines', 'page', 'retell', 'picture')`),
    )
    .addColumn('status', text, (column) =>
      column.notNull().check(sql`status in ('queued', 'waiting', 'running', 'done', 'failed')`),
    )
    .addColumn('ahead', integer, (column) => column.notNull())
    .addColumn('lease_owner', text)
    .addColumn('attempt', integer, (column) => column.notNull())
    .addColumn('due_at', integer, (column) => column.notNull())
    .addColumn('deadline_at', integer, (column) => column.notNull())
    .addColumn('error', text)
    .addColumn('input', text, (column) => column.notNull())
    .addColumn('price_micros', integer, (column) => column.notNull())
    .addColumn('hold_id', text)
    .addColumn('task_id', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .execute();
  await sql`create index story_jobs_of_story on story_jobs (story_id, id)`.execute(db);
  await sql`create index story_jobs_due on story_jobs (ahead, due_at) where status in ('queued', 'waiting')`.execute(
    db,
  );
  await sql`create index story_jobs_running on story_jobs (lease_owner) where status = 'running'`.execute(db);
  await createKeyedTable(db, 'story_attempts')
    .addColumn('job_id', text, (column) => column.notNull().references('story_jobs.id'))
    .addColumn('n', integer, (column) => column.notNull())
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('model', text)
    .addColumn('input_tokens', integer, (column) => column.notNull())
    .addColumn('output_tokens', integer, (column) => column.notNull())
    .addColumn('requests', integer, (column) => column.notNull())
    .addColumn('error', text)
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addPrimaryKeyConstraint('story_attempts_pk', ['job_id', 'n'])
    .execute();
}
