// The tasks slice against one scripted provider: one database, a scripted clock, and nodes that are started, killed and
// stopped in good order. `close` proves the ledger.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { balanceOf, createAccountOpener, verifyLedger } from '../../src/credits/credits.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { type Db, registerWrites, type Trx } from '../../src/kernel/db.ts';
import { EventHub } from '../../src/kernel/event-hub.ts';
import { newId } from '../../src/kernel/id.ts';
import { NodeLease, removeNode } from '../../src/kernel/lease.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import type { Access } from '../../src/kernel/route.ts';
import { createMedia } from '../../src/media/media.ts';
import { Providers } from '../../src/providers/providers.ts';
import { createTaskBody } from '../../src/tasks/contract.ts';
import { findTask, listOwners } from '../../src/tasks/read-store.ts';
import type { TaskRow } from '../../src/tasks/store.ts';
import { Tasks } from '../../src/tasks/tasks.ts';
import { FakeClock, until } from './clock.ts';
import { type DatabaseKind, openTestDb } from './database.ts';
import type { ScriptedProvider } from './scripted-provider.ts';

export const DEADLINE_MS = 600_000;
const CREDITS = 20_000_000;

export type TaskWorld = Awaited<ReturnType<typeof createTaskWorld>>;

export async function createTaskWorld(
  kind: DatabaseKind,
  provider: ScriptedProvider,
  /** Stands before the database of the first node. */
  spoil: (db: Db) => Db = (db) => db,
) {
  const opened = await openTestDb(kind);
  const root = mkdtempSync(join(tmpdir(), 'drawbridge-tasks-'));
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const { db } = opened;
  // Pictures are decoded in real time: the scripted clock would kill the decoder for being slow.
  const media = createMedia({ db, clock: systemClock, log, root, minFreeBytes: 0 });
  await media.start();
  const accountId = newId('acct', clock.now());
  const accounts = [{ id: accountId, name: 'test', role: 'member' as const }];
  await createAccountOpener(db, CREDITS).open({ accounts, now: clock.now() });
  const access: Access = {
    accountId,
    scopes: new Set(['tasks:write', 'tasks:read']),
    via: 'key',
    credentialId: 'key_t',
  };
  const hubs: EventHub[] = [];
  const lives: { isOver: boolean; tasks: Tasks; node: NodeLease }[] = [];
  const downloads = {
    open: (_url: string): Promise<AsyncIterable<Uint8Array>> => Promise.reject(new Error('unused')),
  };

  async function startNode(nodeDb = db, isServing = true): Promise<Tasks> {
    const life = { isOver: false };
    const nodeClock = stoppable(clock, life);
    // The lease is the database's, and a server's time cannot be turned: by the scripted clock a node would lose it between two
    // renewals whenever one of them takes a moment, and its tasks would be taken over.
    const leaseClock = kind === 'postgres' ? stoppable(systemClock, life) : nodeClock;
    const node = new NodeLease({ db: nodeDb, clock: leaseClock, log });
    const hub = new EventHub({ db: nodeDb, clock: nodeClock, log });
    hubs.push(hub);
    const providers = new Providers({
      entries: [{ adapter: provider, lane: { concurrency: 4, deadlineMs: DEADLINE_MS } }],
      defaultModel: null,
      priceMicrosByModel: new Map(),
      db: nodeDb,
      clock: nodeClock,
      log,
    });
    const tasks = new Tasks({
      db: nodeDb,
      clock: nodeClock,
      log,
      media,
      providers,
      node,
      hub,
      maxOpenTasks: 100,
      maxStreams: 10,
      deadlineMs: null,
      callbackUrl: () => null,
      fetchPicture: () => Promise.reject(new Error('unused')),
      downloadResult: (url) => downloads.open(url),
    });
    lives.push(Object.assign(life, { tasks, node }));
    await hub.start();
    await node.start();
    if (isServing) await tasks.engine.start();
    return tasks;
  }

  const tasks = await startNode(spoil(db));
  async function passing<T>(work: Promise<T>, stepMs = 200): Promise<T> {
    let isOver = false;
    const watched = work.finally(() => {
      isOver = true;
    });
    watched.catch(() => {});
    await until(() => isOver, { clock, stepMs });
    return watched;
  }
  const find = async (id: string) => {
    const task = await findTask(db.read, id);
    assert.ok(task);
    return task;
  };
  return {
    db,
    clock,
    log,
    tasks,
    media,
    access,
    accountId,
    provider,
    downloads,
    startNode,
    find,
    /** A new process after all others were killed: no timer of theirs fires, their leases are over. */
    async restart(): Promise<Tasks> {
      for (const life of lives) life.isOver = true;
      // A renewal under way would make it live on.
      for (const { node } of lives) await node.close();
      for (const owner of await listOwners(db.read)) await db.write(removeNode, { id: owner });
      return startNode();
    },
    /** A new process after the others stopped in good order. */
    async replace(): Promise<Tasks> {
      for (const life of lives.filter(({ isOver }) => !isOver)) {
        await life.tasks.engine.drain();
        await life.node.close();
        life.isOver = true;
      }
      return startNode();
    },
    async create(wanted: Record<string, unknown> = {}, node = tasks) {
      const body = createTaskBody.parse({ prompt: 'a test', ...wanted });
      return (await node.accept(body, creation(access))).task;
    },
    retry: (id: string, idempotencyKey: string | null = null) =>
      tasks.retry(id, { ...creation(access), idempotencyKey }),
    /** Waits for the end; a fixed `stepMs` moves the clock meanwhile. */
    ended: (id: string, stepMs = 200) =>
      until(
        async () => {
          const task = await find(id);
          return task.finished_at === null ? null : task;
        },
        { clock, stepMs, what: `the end of ${id}` },
      ),
    /** Something that waits for the clock, which moves meanwhile. */
    while: passing,
    async money() {
      const { availableMicros, heldMicros } = await balanceOf(db.read, accountId);
      return { available: availableMicros / 1e6, held: heldMicros / 1e6 };
    },
    async close() {
      const report = await verifyLedger(db);
      for (const hub of hubs) hub.close();
      for (const life of lives.filter(({ isOver }) => !isOver))
        await passing(life.tasks.engine.drain(), 5_000);
      // A renewal under way must not meet a database that is closed.
      for (const { node } of lives) await node.close();
      await media.close();
      await opened.close();
      rmSync(root, { recursive: true, force: true });
      assert.deepEqual(report.findings, []);
    },
  };
}

/** The test's own hand in the database: what no path of the program does. */
export async function overwriteTask(trx: Trx, input: { id: string; set: Partial<TaskRow> }): Promise<void> {
  await trx.updateTable('tasks').set(input.set).where('id', '=', input.id).execute();
}

registerWrites(import.meta.url, { overwriteTask });

const creation = (access: Access) => ({
  access,
  idempotencyKey: null as string | null,
  retryOf: null,
  parentImageId: null,
  signal: () => new AbortController().signal,
});

/** A node's clock, whose timers die with the node. */
function stoppable(clock: Clock, life: { isOver: boolean }): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, () => (life.isOver ? undefined : callback())),
  };
}

/** What a killed node hangs in. */
export function hangUntilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}
