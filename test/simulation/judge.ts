// What must be true of a run: on every write (no stale epoch, no lane over its limit), now and then while it goes on (the
// ledger), and at its end. The rules carry the ids of the fault matrix; what the services know decides, not what was said.
import { verifyLedger } from '../../src/credits/credits.ts';
import type { Db } from '../../src/kernel/db.ts';
import type { StoredStatus } from '../../src/tasks/store.ts';
import type { SimDisk } from './disk.ts';
import type { SimService } from './service.ts';
import type { SimStore } from './store.ts';
import type { Users } from './users.ts';
import type { World } from './world.ts';

const TERMINAL: readonly StoredStatus[] = ['succeeded', 'failed', 'cancelled'];
/** What may follow a state; staying is always legal until the end. */
const NEXT: Record<string, readonly string[]> = {
  queued: ['running', 'failed', 'cancelled', 'queued', 'delayed'],
  delayed: ['queued', 'failed', 'cancelled'],
  running: ['queued', 'delayed', 'succeeded', 'failed', 'cancelled'],
};
/** One resubmit after a loss, and three after an absence that was proven. */
const MOST_LOST_ATTEMPTS = 5;

interface TaskFacts {
  id: string;
  status: StoredStatus;
  error: string | null;
  pictures: number;
  lease_epoch: number;
  deadline_at: number;
  finished_at: number | null;
  held_micros: number;
  captured_micros: number;
  released_micros: number;
  hold_state: string;
  hold_captured: number;
  finals: number;
}

interface AttemptFacts {
  task_id: string;
  n: number;
  client_ref: string;
  outcome: string;
  provider: string;
}

export interface Evidence {
  world: World;
  store: SimStore;
  disk: SimDisk;
  services: readonly SimService[];
  users: Users;
  concurrency: number;
  /** What each account was given at first; nobody gives or takes anything later. */
  grantMicros: number;
}

/** T4 and the lanes' limits, on every write. */
export function watchWrites({ world, store, concurrency }: Evidence): void {
  store.onWrite = ({ name, input, process }) => {
    const lease = (input as { lease?: { taskId: string; epoch: number } } | null)?.lease;
    const before = lease && stampOf(store, lease.taskId);
    return () => {
      if (name === 'claimTasks') checkLanes(world, store, concurrency);
      if (!lease || !before || before.lease_epoch === lease.epoch) return;
      const after = stampOf(store, lease.taskId);
      if (after?.version !== before.version)
        world.violate('T4', `${process} wrote ${name} on ${lease.taskId} with a stale epoch`);
    };
  };
}

function stampOf(store: SimStore, taskId: string) {
  const [row] = store.rows<{ lease_epoch: number; version: number }>(
    'select lease_epoch, version from tasks where id = ?',
    [taskId],
  );
  return row;
}

function checkLanes(world: World, store: SimStore, concurrency: number): void {
  const lanes = store.rows<{ lane: string; count: number }>(
    "select lane, count(*) as count from tasks where status = 'running' group by lane",
  );
  for (const { lane, count } of lanes)
    if (count > concurrency) world.violate('lane limit', `${count} tasks run at ${lane}, ${concurrency} may`);
}

export function openTasks(store: SimStore): { id: string; deadline_at: number; started_at: number | null }[] {
  return store.rows(
    "select id, deadline_at, started_at from tasks where status not in ('succeeded', 'failed', 'cancelled')",
  );
}

/** L1 to L8, at any moment. */
export async function checkLedger({ world, store }: Pick<Evidence, 'world' | 'store'>): Promise<void> {
  const db = { slow: store.judge, read: store.judge } as unknown as Db;
  const { findings } = await verifyLedger(db, {
    areTasksTerminal: async (ids) =>
      new Map(
        ids.flatMap((id): [string, boolean][] => {
          const [row] = store.rows<{ status: StoredStatus }>('select status from tasks where id = ?', [id]);
          return row ? [[id, TERMINAL.includes(row.status)]] : [];
        }),
      ),
  });
  for (const { rule, problem, rowId } of findings) world.violate(rule, `${problem} (${rowId})`);
}

/** Everything at the end of a run. */
export async function judge(evidence: Evidence): Promise<void> {
  const { store } = evidence;
  const tasks = store.rows<TaskFacts>(
    `select tasks.id, tasks.status, tasks.error, tasks.pictures, tasks.lease_epoch, tasks.deadline_at, tasks.finished_at,
       tasks.held_micros, tasks.captured_micros, tasks.released_micros,
       holds.state as hold_state, holds.captured_micros as hold_captured,
       (select count(*) from images where task_id = tasks.id and extra = 0) as finals
     from tasks left join holds on holds.id = tasks.hold_id order by tasks.id`,
  );
  const attempts = store.rows<AttemptFacts>(
    'select task_id, n, client_ref, outcome, provider from attempts order by task_id, n',
  );
  await checkLedger(evidence);
  checkBalances(evidence);
  checkPromises(evidence, tasks);
  checkEnds(evidence, tasks);
  checkTransitions(evidence);
  checkPictures(evidence, tasks);
  checkJobs(evidence, tasks, attempts);
}

/** L3, by plain counting: an account has what it was given, less what its pictures cost and what is held for others. */
function checkBalances({ world, store, grantMicros }: Evidence): void {
  const accounts = store.rows<{ account_id: string; available_micros: number; spent: number }>(
    `select account_id, available_micros, (select coalesce(sum(case when state = 'open' then amount_micros else captured_micros end), 0)
       from holds where holds.account_id = credit_balances.account_id) as spent from credit_balances`,
  );
  for (const { account_id: id, available_micros: available, spent } of accounts)
    if (available !== grantMicros - spent)
      world.violate('L3', `${id} has ${available} left of ${grantMicros} after spending ${spent}`);
}

/** T1 and T7: what was promised is there, and one key is one task. */
function checkPromises({ world, users }: Evidence, tasks: readonly TaskFacts[]): void {
  const ids = new Set(tasks.map(({ id }) => id));
  const byKey = new Map<string, string>();
  for (const { taskId, key } of users.promised) {
    if (!ids.has(taskId)) world.violate('T1', `${taskId} was promised and is gone`);
    if (key === null) continue;
    const first = byKey.get(key) ?? taskId;
    byKey.set(key, first);
    if (first !== taskId) world.violate('T7', `"${key}" led to ${first} and to ${taskId}`);
  }
}

/** T2 and N1: one final event for each end. */
function checkEnds({ world, store }: Evidence, tasks: readonly TaskFacts[]): void {
  const events = new Map(
    store
      .rows<{ entity_id: string; count: number }>(
        "select entity_id, count(*) as count from events where type = 'task.finished' group by entity_id",
      )
      .map(({ entity_id, count }) => [entity_id, count]),
  );
  for (const { id, status } of tasks) {
    const wanted = TERMINAL.includes(status) ? 1 : 0;
    const count = events.get(id) ?? 0;
    if (count !== wanted) world.violate('T2', `${id} is ${status} and has ${count} final events`);
  }
}

/** T3: only legal changes, epochs and versions never go back. */
function checkTransitions({ world, store }: Evidence): void {
  const changes = store.rows<{
    task_id: string;
    from_status: string;
    to_status: string;
    from_epoch: number;
    to_epoch: number;
    from_version: number;
    to_version: number;
  }>('select * from sim_transitions');
  for (const change of changes) {
    const { task_id: id, from_status: from, to_status: to } = change;
    const isLegal = from === to || NEXT[from]?.includes(to);
    if (!isLegal) world.violate('T3', `${id} went from ${from} to ${to}`);
    if (change.to_epoch < change.from_epoch || change.to_version < change.from_version)
      world.violate('T3', `${id} went back to epoch ${change.to_epoch}, version ${change.to_version}`);
  }
}

/** M1: captured, succeeded and stored are one. */
function checkPictures({ world, store, disk }: Evidence, tasks: readonly TaskFacts[]): void {
  for (const task of tasks) {
    const { id, status, pictures, finals, held_micros: held, captured_micros: captured } = task;
    const wanted = status === 'succeeded' ? (held / pictures) * Math.min(pictures, finals) : 0;
    if (captured !== wanted || task.hold_captured !== wanted)
      world.violate(
        'M1',
        `${id} is ${status} with ${finals} of ${pictures} pictures, captured ${captured} (hold: ${task.hold_captured}) instead of ${wanted}`,
      );
    if (status === 'succeeded' && finals === 0) world.violate('M1', `${id} succeeded without a picture`);
    if (TERMINAL.includes(status) && task.hold_state !== 'resolved')
      world.violate('L5', `the hold of ${id} is ${task.hold_state}`);
    if (TERMINAL.includes(status) && captured + task.released_micros !== held)
      world.violate('L7', `${id} held ${held}, captured ${captured}, released ${task.released_micros}`);
  }
  for (const { task_id: id, file_key: key } of store.rows<{ task_id: string; file_key: string }>(
    'select task_id, file_key from images',
  ))
    if (!disk.isWhole(key)) world.violate('M2', `${id} has a picture whose file ${key} is gone or torn`);
}

/** P1, P2 and T5, by what the services know. */
function checkJobs(
  { world, services }: Evidence,
  tasks: readonly TaskFacts[],
  attempts: readonly AttemptFacts[],
): void {
  const byTask = Map.groupBy(attempts, ({ task_id }) => task_id);
  const submits = Map.groupBy(
    services.flatMap((service) => service.submits),
    ({ clientRef }) => clientRef,
  );
  const jobs = Map.groupBy(
    services.flatMap((service) => [...service.jobs.values()]),
    ({ clientRef }) => clientRef,
  );
  for (const task of tasks) {
    const own = byTask.get(task.id) ?? [];
    const kept = own
      .flatMap(({ client_ref }) => jobs.get(client_ref) ?? [])
      .filter(({ state }) => state === 'alive');
    if (kept.length > 1)
      world.violate('P1', `${task.id} has ${kept.length} jobs: ${kept.map(({ id }) => id).join(', ')}`);
    const lost = own.filter(({ outcome }) => outcome === 'lost').length;
    if (lost > MOST_LOST_ATTEMPTS)
      world.violate('T5', `${task.id} was sent again ${lost} times after a loss`);
    for (const { client_ref } of own)
      for (const { sentAtMs, process } of submits.get(client_ref) ?? []) {
        const sentAt = world.now - world.elapsedMs + sentAtMs;
        if (task.finished_at !== null && sentAt > task.finished_at)
          world.violate('P2', `${process.name} submitted ${task.id} after its end`);
      }
  }
  const known = new Set(attempts.map(({ client_ref }) => client_ref));
  for (const ref of submits.keys())
    if (!known.has(ref)) world.violate('R3', `${ref} was sent without an intent`);
}
