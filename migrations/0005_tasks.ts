// Tasks, their attempts, the clocks of the queue's lanes, idempotency keys and results that came too late.
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';
import { dialectOf } from '../src/kernel/db-dialect.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer, real } = columnTypes(db);
  await createTable(db, 'tasks')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('credential_id', text, (column) => column.notNull())
    .addColumn('status', text, (column) =>
      column.notNull().check(sql`status in ('queued','delayed','running','succeeded','failed','cancelled')`),
    )
    .addColumn('phase', text)
    .addColumn('progress', real)
    .addColumn('waiting_reason', text)
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('model', text, (column) => column.notNull())
    .addColumn('lane', text, (column) => column.notNull())
    .addColumn('provider_model', text, (column) => column.notNull())
    .addColumn('prompt', text, (column) => column.notNull())
    .addColumn('params', text, (column) => column.notNull())
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('pictures', integer, (column) => column.notNull())
    .addColumn('priority', integer, (column) => column.notNull())
    .addColumn('flow', text, (column) => column.notNull())
    .addColumn('fair', real, (column) => column.notNull())
    .addColumn('due_at', integer)
    .addColumn('deadline_at', integer, (column) => column.notNull())
    .addColumn('lease_owner', text)
    .addColumn('lease_epoch', integer, (column) => column.notNull())
    .addColumn('adoptions', integer, (column) => column.notNull())
    .addColumn('attempt', integer, (column) => column.notNull())
    .addColumn('cancel_state', text, (column) => column.notNull())
    .addColumn('cancel_note', text)
    .addColumn('error', text)
    .addColumn('hold_id', text, (column) => column.notNull())
    .addColumn('held_micros', integer, (column) => column.notNull())
    .addColumn('captured_micros', integer, (column) => column.notNull())
    .addColumn('released_micros', integer, (column) => column.notNull())
    .addColumn('retry_of', text)
    .addColumn('metadata', text, (column) => column.notNull())
    .addColumn('answer_delivered_at', integer)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('started_at', integer)
    .addColumn('finished_at', integer)
    .execute();
  // One index a question that the hot paths ask; partial, so that finished tasks weigh nothing.
  await sql`create index tasks_ready on tasks (lane, priority desc, fair) where status = 'queued'`.execute(
    db,
  );
  await sql`create index tasks_flow on tasks (flow, lane, priority, fair) where status = 'queued'`.execute(
    db,
  );
  await sql`create index tasks_delayed on tasks (due_at) where status = 'delayed'`.execute(db);
  await sql`create index tasks_running on tasks (lane, lease_owner) where status = 'running'`.execute(db);
  await sql`create index tasks_deadline on tasks (deadline_at) where status in ('queued', 'delayed')`.execute(
    db,
  );
  await sql`create index tasks_open on tasks (account_id) where status in ('queued', 'delayed', 'running')`.execute(
    db,
  );
  await sql`create index tasks_account on tasks (account_id, id)`.execute(db);
  await sql`create index tasks_request on tasks (account_id, request_hash, created_at)`.execute(db);

  await createTable(db, 'attempts')
    .addColumn('task_id', text, (column) => column.notNull().references('tasks.id'))
    .addColumn('n', integer, (column) => column.notNull())
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('client_ref', text, (column) => column.notNull().unique())
    .addColumn('job_id', text)
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('outputs', text)
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('error', text)
    .addPrimaryKeyConstraint('attempts_pk', ['task_id', 'n'])
    .execute();
  // One provider job belongs to one attempt, whatever the provider says (fault row S11).
  await sql`create unique index attempts_job on attempts (provider, job_id) where job_id is not null`.execute(
    db,
  );

  await createKeyedTable(db, 'lanes')
    .addColumn('lane', text, (column) => column.notNull())
    .addColumn('priority', integer, (column) => column.notNull())
    .addColumn('clock', real, (column) => column.notNull())
    .addPrimaryKeyConstraint('lanes_pk', ['lane', 'priority'])
    .execute();

  await createKeyedTable(db, 'idempotency_keys')
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('task_id', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_pk', ['account_id', 'key'])
    .execute();
  await sql`create index idempotency_keys_age on idempotency_keys (created_at)`.execute(db);

  // For the doctor: each ended task has exactly one final event (invariant T2).
  await sql`create index events_final on events (entity_id) where type = 'task.finished'`.execute(db);

  await createTable(db, 'late_results')
    .addColumn('task_id', text, (column) => column.notNull())
    .addColumn('attempt', integer, (column) => column.notNull())
    .addColumn('note', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  for (const guard of dialectOf(db).name === 'sqlite' ? sqliteGuards() : postgresGuards())
    await guard.execute(db);
}

/** What has ended stays as it ended (invariant T2), whatever the code above the database does. */
function sqliteGuards(): RawBuilder<unknown>[] {
  return [
    sql`create trigger tasks_stay_ended before update of status on tasks
      when old.status in ('succeeded', 'failed', 'cancelled') and new.status <> old.status
      begin select raise(abort, 'a task that has ended does not change'); end`,
  ];
}

function postgresGuards(): RawBuilder<unknown>[] {
  return [
    sql`create function refuse_task_revival() returns trigger language plpgsql as $$
      begin raise exception 'a task that has ended does not change'; end $$`,
    sql`create trigger tasks_stay_ended before update of status on tasks for each row
      when (old.status in ('succeeded', 'failed', 'cancelled') and new.status <> old.status)
      execute function refuse_task_revival()`,
  ];
}
