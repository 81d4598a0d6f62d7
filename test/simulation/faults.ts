// The faults of a run and when they come: nodes killed, stopped and drained, a database that refuses, goes away or loses its
// power, a full disk, a service that is away. All of them end, so that what is left afterwards must come right by itself.
import type { SimDisk } from './disk.ts';
import type { SimNode } from './node.ts';
import type { SimService } from './service.ts';
import type { SimStore } from './store.ts';
import type { SimProcess, World } from './world.ts';

/** A process needs this long at least to be there again: whatever the old one had sent has arrived or is lost. */
const SHORTEST_RESTART_MS = 300;
const LONGEST_RESTART_MS = 12_000;
const LONGEST_STOP_MS = 15_000;
const LONGEST_AWAY_MS = 6_000;
const MOST_BLOWS = 4;
/** The commits after which a process is most likely to be hit: each leaves something half done. */
const CRASH_POINTS = [
  'createTask',
  'claimTasks',
  'beginAttempt',
  'beginAttempt',
  'recordAccepted',
  'recordProgress',
  'requeueTask',
  'finishTask',
  'requestCancel',
  'refuseCancel',
  'adoptTasks',
  'takeUpAgain',
] as const;
/** Of how many such commits one is chosen. */
const LONGEST_AMBUSH = 4;

export interface Fleet {
  world: World;
  store: SimStore;
  disk: SimDisk;
  services: readonly SimService[];
  place: 'server' | 'file';
  /** The live nodes, by slot. */
  nodes: SimNode[];
  startNode(slot: number): void;
}

type Blow = (fleet: Fleet, healAtMs: number) => void;

export class FaultPlan {
  readonly healAtMs: number;
  readonly #fleet: Fleet;
  #isHealed = false;

  constructor(fleet: Fleet, healAtMs: number) {
    this.#fleet = fleet;
    this.healAtMs = healAtMs;
    const { world, store, place } = fleet;
    const { random } = world;
    const { faults } = store;
    if (random.chance(0.4)) faults.refused = random.fraction() * 0.08;
    if (random.chance(0.4)) faults.unanswered = random.fraction() * 0.08;
    if (random.chance(0.2)) faults.readsFailed = random.fraction() * 0.05;
    if (place === 'server') faults.signalsLost = random.pick([0, 0.2, 1]);
    const blows = place === 'server' ? [...SHARED, ...CLUSTER] : [...SHARED, ...SINGLE];
    for (let count = random.between(0, MOST_BLOWS); count > 0; count -= 1) {
      const blow = random.pick(blows);
      world.schedule(random.between(200, healAtMs - 1), () => {
        if (!this.#isHealed) blow(fleet, healAtMs);
      });
    }
    for (let count = random.between(0, 2); count > 0; count -= 1) this.#layAmbush();
    world.schedule(healAtMs, () => this.#heal());
  }

  /** Hits a process right after one of its commits, before it knows of it. */
  #layAmbush(): void {
    const { world, store, place, nodes } = this.#fleet;
    const point = world.random.pick(CRASH_POINTS);
    const isPause = place === 'server' && world.random.chance(0.6);
    let passes = world.random.between(1, LONGEST_AMBUSH);
    const before = store.onExecuted;
    store.onExecuted = (name, process) => {
      before(name, process);
      if (name !== point || this.#isHealed || process.state !== 'running') return;
      passes -= 1;
      if (passes !== 0) return;
      world.note(`${process.name} is hit after ${name}`);
      if (isPause) pauseProcess(world, process, this.healAtMs);
      else
        killNode(
          this.#fleet,
          nodes.findIndex((node) => node.process === process),
        );
    };
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  #heal(): void {
    const { world, store, disk, services, nodes } = this.#fleet;
    this.#isHealed = true;
    world.note('all faults are over');
    Object.assign(store.faults, { refused: 0, unanswered: 0, readsFailed: 0, signalsLost: 0, isDown: false });
    disk.isFull = false;
    for (const service of services) Object.assign(service, { isHealed: true, isAway: false });
    for (const node of nodes) world.resume(node.process);
  }
}

/** Runs `end` after at most `longestMs`, and before everything heals. */
function until(world: World, longestMs: number, healAtMs: number, end: () => void): void {
  const latestMs = Math.max(0, healAtMs - world.elapsedMs);
  world.schedule(Math.min(world.random.between(100, longestMs), latestMs), end);
}

function killNode(fleet: Fleet, slot: number): void {
  const { world, nodes } = fleet;
  const node = nodes[slot];
  if (!node || node.process.state === 'dead') return;
  world.kill(node.process);
  world.schedule(world.random.between(SHORTEST_RESTART_MS, LONGEST_RESTART_MS), () => fleet.startNode(slot));
}

function pauseProcess(world: World, process: SimProcess, healAtMs: number): void {
  world.pause(process);
  until(world, LONGEST_STOP_MS, healAtMs, () => world.resume(process));
}

const anySlot = ({ world, nodes }: Fleet) => world.random.between(0, nodes.length - 1);

const SHARED: readonly Blow[] = [
  (fleet) => killNode(fleet, anySlot(fleet)),
  (fleet) => killNode(fleet, anySlot(fleet)),
  (fleet) => {
    const slot = anySlot(fleet);
    const node = fleet.nodes[slot];
    if (node?.isServing && node.process.state === 'running')
      node.stop(() => fleet.world.schedule(SHORTEST_RESTART_MS, () => fleet.startNode(slot)));
  },
  ({ world, disk }, healAtMs) => {
    world.note('the volume is full');
    disk.isFull = true;
    until(world, LONGEST_AWAY_MS, healAtMs, () => {
      disk.isFull = false;
    });
  },
  ({ world, services }, healAtMs) => {
    const service = world.random.pick(services);
    world.note(`${service.name} is away`);
    service.isAway = true;
    until(world, LONGEST_AWAY_MS, healAtMs, () => {
      service.isAway = false;
    });
  },
];

const CLUSTER: readonly Blow[] = [
  (fleet, healAtMs) => {
    const { world, nodes } = fleet;
    const process = nodes[anySlot(fleet)]?.process;
    if (process?.state !== 'running') return;
    pauseProcess(world, process, healAtMs);
  },
  ({ world, store }, healAtMs) => {
    world.note('the database is away');
    store.faults.isDown = true;
    until(world, LONGEST_AWAY_MS, healAtMs, () => {
      store.faults.isDown = false;
    });
  },
  ({ world, store }) => {
    world.note('the database server loses its power');
    store.losePower();
  },
];

const SINGLE: readonly Blow[] = [
  (fleet) => {
    const { world, store, disk } = fleet;
    world.note('the machine loses its power');
    killNode(fleet, 0);
    store.losePower();
    disk.losePower();
  },
];
