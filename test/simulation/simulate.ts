// One run: a seed decides the shape of the cluster, its services, users and faults; the run goes on until everybody has what
// they were promised, and is judged. The same seed gives the same run, to the last line.
import { createAccountOpener } from '../../src/credits/credits.ts';
import type { Db } from '../../src/kernel/db.ts';
import type { SqliteConnection } from '../../src/kernel/db-node-sqlite.ts';
import { newId } from '../../src/kernel/id.ts';
import { SimDisk } from './disk.ts';
import { FaultPlan, type Fleet } from './faults.ts';
import { checkLedger, type Evidence, judge, openTasks, watchWrites } from './judge.ts';
import { type Ground, SimNode } from './node.ts';
import { drawEntropyFrom, Random } from './random.ts';
import { SimService } from './service.ts';
import { SimStore } from './store.ts';
import { Users } from './users.ts';
import { World } from './world.ts';

const LINES_KEPT = 400;
const CREDITS_MICROS = 12_000;
/** Invariant T6. */
const GRACE_MS = 60_000;
/** Breakers that opened close within this once their provider works again. */
const LONGEST_CLOSED_MS = 150_000;
const LANE_DEADLINE_MS = 20_000;
/** Between two looks at the ledger while a run goes on. */
const AUDIT_MS = 4_000;

/** What a run is made without, to prove that it would be missed. */
export interface Conditions {
  /** The database's commits reach the disk when they are acknowledged. */
  isStoreSynced: boolean;
  /** fsync on the volume does what it says. */
  isDiskSynced: boolean;
}

export const HONEST: Conditions = { isStoreSynced: true, isDiskSynced: true };

export interface RunReport {
  seed: number;
  violations: string[];
  /** Of everything that happened. */
  digest: string;
  lines: string[];
  tasks: number;
  succeeded: number;
  events: number;
  /** Virtual time. */
  elapsedMs: number;
}

/** Simulates one seed in a blank database. `isTraced` keeps every line of what happened. */
export async function simulate(
  connection: SqliteConnection,
  seed: number,
  { conditions = HONEST, isTraced = false }: { conditions?: Conditions; isTraced?: boolean } = {},
): Promise<RunReport> {
  const random = new Random(seed);
  drawEntropyFrom(random);
  const world = new World(random, isTraced ? Number.POSITIVE_INFINITY : LINES_KEPT);
  const place = random.chance(0.5) ? 'server' : 'file';
  const store = new SimStore(world, connection, { place, isSynced: conditions.isStoreSynced });
  const noteRejection = (error: unknown) => world.violate('unhandled rejection', String(error));
  process.on('unhandledRejection', noteRejection);
  try {
    const { evidence, fleet } = await build(world, store, place, conditions);
    await play(world, evidence, fleet);
    await judge(evidence);
    const tasks = store.rows<{ status: string }>('select status from tasks');
    return {
      seed,
      violations: world.violations,
      digest: world.digest(),
      lines: world.lines,
      tasks: tasks.length,
      succeeded: tasks.filter(({ status }) => status === 'succeeded').length,
      events: world.events,
      elapsedMs: world.elapsedMs,
    };
  } finally {
    process.off('unhandledRejection', noteRejection);
    store.close();
  }
}

interface Scene {
  evidence: Evidence;
  fleet: Fleet;
}

async function build(
  world: World,
  store: SimStore,
  place: 'server' | 'file',
  conditions: Conditions,
): Promise<Scene> {
  const { random } = world;
  const disk = new SimDisk(world, conditions.isDiskSynced);
  const services = ['alpha', 'beta']
    .slice(0, random.chance(0.3) ? 2 : 1)
    .map((name) => newService(world, name));
  const concurrency = random.between(1, 3);
  const ground: Ground = {
    world,
    store,
    disk,
    services,
    concurrency,
    hasWatchdog: random.chance(0.4),
    deadlineMs: LANE_DEADLINE_MS,
  };
  const accountIds = await openAccounts(store, world, random.between(1, 2));
  const nodes: SimNode[] = [];
  let started = 0;
  const startNode = (slot: number) => {
    started += 1;
    const node = new SimNode(ground, `node${slot + 1}.${started}`);
    nodes[slot] = node;
    node.start(() => startNode(slot));
  };
  const slots = place === 'server' ? random.between(1, 3) : 1;
  for (let slot = 0; slot < slots; slot += 1) startNode(slot);
  const users = new Users(world, () => nodes, accountIds);
  world.note(`${place}, ${slots} nodes, ${concurrency} at once, ${services.map(describe).join('; ')}`);
  const evidence: Evidence = {
    world,
    store,
    disk,
    services,
    users,
    concurrency,
    grantMicros: CREDITS_MICROS,
  };
  watchWrites(evidence);
  return { evidence, fleet: { world, store, disk, services, place, nodes, startNode } };
}

async function openAccounts(store: SimStore, world: World, count: number): Promise<string[]> {
  const accounts = Array.from({ length: count }, () => ({
    id: newId('acct', world.now),
    name: 'user',
    role: 'member' as const,
  }));
  const db: Pick<Db, 'write'> = { write: (write, input) => store.prepare(write, input) };
  await createAccountOpener(db as Db, CREDITS_MICROS).open({ accounts, now: world.now });
  return accounts.map(({ id }) => id);
}

function newService(world: World, name: string): SimService {
  const { random } = world;
  const lookup = random.chance(0.5);
  return new SimService(world, name, {
    lookup,
    idempotentSubmit: random.chance(0.3),
    cancel: random.chance(0.6),
    isImmediate: random.chance(0.3),
    watch: random.chance(0.3),
    trouble: random.pick([0, 0.2, 0.5]),
  });
}

function describe({ name, traits }: SimService): string {
  const { trouble, ...able } = traits;
  const can = Object.entries(able).filter(([, can]) => can);
  return `${name} (${can.map(([what]) => what).join(' ')}) trouble ${trouble}`;
}

/** Plays a run until everything has ended, or until it should have. */
async function play(world: World, evidence: Evidence, fleet: Fleet): Promise<void> {
  const { random } = world;
  const { store, users } = evidence;
  const plan = new FaultPlan(fleet, random.between(5_000, 25_000));
  users.plan(random.between(1, 6), random.between(500, 12_000));
  const audit = () => {
    world.schedule(random.between(AUDIT_MS / 4, AUDIT_MS), async () => {
      await checkLedger(evidence);
      audit();
    });
  };
  audit();
  const isOver = () => plan.isHealed && users.areDone && openTasks(store).length === 0;
  const limitMs = () => latestEndMs(world, evidence, plan.healAtMs);
  const end = await world.run(isOver, limitMs);
  if (end === 'over') return;
  for (const { id } of openTasks(store)) world.violate('T6', `${id} is still open`);
  if (!users.areDone) world.violate('T6', 'a user still waits');
}

/** By when all must have ended: each lane works off its tasks one deadline after another at worst. */
function latestEndMs(world: World, { store, users, concurrency }: Evidence, healAtMs: number): number {
  const rounds = Math.ceil((users.promised.length + 6) / concurrency);
  const startedAt = world.now - world.elapsedMs;
  const deadlines = openTasks(store).map(({ deadline_at }) => deadline_at - startedAt);
  const nearest = deadlines.length === 0 ? 0 : Math.min(...deadlines);
  const worst = healAtMs + rounds * LANE_DEADLINE_MS + LONGEST_CLOSED_MS;
  return Math.max(healAtMs, Math.min(nearest, worst)) + GRACE_MS;
}
