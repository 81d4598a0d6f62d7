// The admin rooms' lists and figures with many tasks, over HTTP on SQLite: pages of each saved filter, a search that finds, one that
// finds nothing, a job by its id, and the overview. The goal is a p95 of 200 ms for the list at a million tasks.
//   node bench/admin.ts [--tasks 1000000] [--rounds 40]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { DATABASE_FILE } from '../src/kernel/db-sqlite.ts';
import { startTestApp, type TestApp } from '../test/harness/app.ts';
import { percentile, printTable } from './side-by-side.ts';

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '40' } },
});
const TASKS = Number(values.tasks);
const ROUNDS = Number(values.rounds);
/** The seeded tasks are spread over so many days before now. */
const DAYS = 30;
const DAY_MS = 86_400_000;
/** Of a thousand tasks so many failed. */
const FAILED_OF_1000 = 20;

/** Copies the one task that is there; all but what the lists filter by stays as the program wrote it. */
function seed(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, DATABASE_FILE));
  database.exec('pragma synchronous = off; pragma cache_size = -400000');
  const columns = (
    database.prepare('select name from pragma_table_info(?)').all('tasks') as { name: string }[]
  ).map(({ name }) => name);
  const now = Date.now();
  const at = `(${now} - cast((${TASKS} - n) * ${(DAYS * DAY_MS) / TASKS} as integer))`;
  const failed = `n % 1000 < ${FAILED_OF_1000}`;
  const changed: Record<string, string> = {
    id: `'task_' || printf('%012x', ${at}) || '7' || printf('%019x', n)`,
    status: `case when ${failed} then 'failed' else 'succeeded' end`,
    error: `case when ${failed} then '{"code":"content_blocked","detail":"seeded"}' end`,
    prompt: `'a lake in the morning, number ' || n`,
    created_at: at,
    started_at: `${at} + 500`,
    finished_at: `${at} + 4000 + n % 9000`,
    deadline_at: `${at} + 300000`,
    hold_id: `'hold_' || n`,
  };
  const list = columns.join(', ');
  database.exec(`
    begin;
    with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${TASKS})
    insert into tasks (${list})
      select ${columns.map((name) => changed[name] ?? `model_task.${name}`).join(', ')}
      from numbers, (select * from tasks limit 1) as model_task;
    commit;
    analyze;`);
  database.close();
}

async function measure(app: TestApp, path: string): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    const { status, text } = await app.request('GET', path);
    times.push(performance.now() - startedAt);
    if (status !== 200) throw new Error(`${path}: ${text}`);
  }
  return times.sort((one, other) => one - other);
}

const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'));
try {
  const first = await startTestApp({ dataDir, sandbox: { instantPicture: true } });
  const made = await first.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a lake', size: '256x256' },
    { prefer: 'wait=30' },
  );
  const id = String(made.json.id);
  await first.close();
  seed(dataDir);
  const app = await startTestApp({ dataDir });
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const calls = {
    'all, newest': '/v1/admin/tasks',
    'all, far back': `/v1/admin/tasks?cursor=task_${Math.floor(Date.now() - (DAYS * DAY_MS) / 2)
      .toString(16)
      .padStart(12, '0')}`,
    'in flight': '/v1/admin/tasks?status=queued,running',
    'failed, 24 h': `/v1/admin/tasks?status=failed&since=${since}`,
    stuck: '/v1/admin/tasks?overdue=true',
    'search, found': '/v1/admin/tasks?q=number%201000',
    'search, not found': '/v1/admin/tasks?q=nothing%20like%20this',
    'a job by its id': `/v1/admin/tasks?q=${id}`,
    'figures of the overview': '/v1/admin/overview',
    heartbeats: '/v1/admin/heartbeats',
  };
  const rows: string[][] = [];
  // The first calls of a process wait for its modules and the database's pages.
  for (const path of Object.values(calls)) await app.request('GET', path);
  for (const [name, path] of Object.entries(calls)) {
    const times = await measure(app, path);
    rows.push([name, percentile(times, 0.5).toFixed(1), percentile(times, 0.95).toFixed(1)]);
  }
  printTable([`${TASKS} tasks, ms`, 'p50', 'p95'], rows);
  await app.close();
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
