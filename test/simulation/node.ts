// One node of the program: the real tasks slice with its engine, lease, hub and providers, on a simulated process, database,
// disk and services. It is started by a supervisor, killed, stopped for a while, drained, and started again.
import { EventHub } from '../../src/kernel/event-hub.ts';
import { NodeLease } from '../../src/kernel/lease.ts';
import type { Logger } from '../../src/kernel/log.ts';
import { Providers } from '../../src/providers/providers.ts';
import { Tasks } from '../../src/tasks/tasks.ts';
import type { SimDisk } from './disk.ts';
import type { SimService } from './service.ts';
import type { SimStore } from './store.ts';
import { SimProcess, type World } from './world.ts';

/** Where nodes live. */
export interface Ground {
  world: World;
  store: SimStore;
  disk: SimDisk;
  services: readonly SimService[];
  concurrency: number;
  deadlineMs: number;
  /** Without it the engine must come right by itself. */
  hasWatchdog: boolean;
}

/** A process that could not start is started again after this. */
const RESTART_MS = 700;
/** Far more often than in life, so that it meets what still runs. */
const WATCHDOG = { intervalMs: 6_000, graceMs: 2_000 };
const MODEL = 'brush';

export class SimNode {
  readonly process: SimProcess;
  readonly tasks: Tasks;
  isServing = false;
  readonly #ground: Ground;
  readonly #hub: EventHub;
  readonly #lease: NodeLease;

  constructor(ground: Ground, name: string) {
    const { world, store, disk, services, concurrency, deadlineMs } = ground;
    this.#ground = ground;
    this.process = new SimProcess(name);
    const db = store.open(this.process);
    const clock = world.clockOf(this.process);
    const log = logOf(world, name);
    const providers = new Providers({
      entries: services.map((service) => ({
        adapter: service.adapterFor(this.process),
        lane: { concurrency, deadlineMs },
      })),
      defaultModel: null,
      priceMicrosByModel: new Map(),
      routing: new Map([
        [
          MODEL,
          {
            routes: services.map(({ name: provider }) => ({ provider, model: MODEL, weight: null })),
            priceMicros: null,
          },
        ],
      ]),
      db,
      clock,
      log,
    });
    this.#hub = new EventHub({ db, clock, log });
    this.#lease = new NodeLease({ db, clock, log });
    this.tasks = new Tasks({
      db,
      clock,
      log,
      media: disk.open(this.process),
      providers,
      node: this.#lease,
      hub: this.#hub,
      maxOpenTasks: 100,
      maxStreams: 1,
      deadlineMs: null,
      watchdog: ground.hasWatchdog ? WATCHDOG : { intervalMs: 0 },
      callbackUrl: () => null,
      fetchPicture: () => Promise.reject(new Error('Nothing is fetched here')),
      downloadResult: (url, provider) => this.#download(url, provider),
    });
  }

  /** Starts like the program does; a start that fails ends the process. */
  start(onFailed: () => void): void {
    const { world } = this.#ground;
    world.note(`${this.process.name} starts`);
    const work = async () => {
      await this.#hub.start();
      await this.#lease.start();
      await this.tasks.engine.start();
      this.tasks.watchdog.start();
      this.isServing = true;
      world.note(`${this.process.name} serves`);
    };
    work().catch((error: unknown) => {
      world.note(`${this.process.name} could not start: ${String(error)}`);
      if (this.process.state === 'dead') return;
      world.kill(this.process);
      world.schedule(RESTART_MS, onFailed);
    });
  }

  /** SIGTERM. */
  stop(onStopped: () => void): void {
    const { world } = this.#ground;
    world.note(`${this.process.name} is asked to stop`);
    this.isServing = false;
    const work = async () => {
      this.tasks.watchdog.stop();
      this.#hub.close();
      await this.tasks.engine.drain();
      await this.#lease.close();
    };
    const end = () => {
      if (this.process.state === 'dead') return;
      world.kill(this.process);
      onStopped();
    };
    work().then(end, end);
  }

  async #download(url: string, provider: string): Promise<AsyncIterable<Uint8Array>> {
    const service = this.#ground.services.find(({ name }) => name === provider);
    if (!service) throw new Error(`Nothing is at ${url}`);
    return service.download(url);
  }
}

/** What the program warns of is part of what happened. */
function logOf(world: World, name: string): Logger {
  const say = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    const error = fields.err instanceof Error ? `: ${fields.err.message}` : '';
    world.note(`${name} ${level} "${message}"${error}`);
  };
  const log: Logger = {
    debug: () => {},
    info: () => {},
    warn: say('warns'),
    error: say('reports'),
    child: () => log,
  };
  return log;
}
