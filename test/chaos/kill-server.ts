// The chaos run: one to three nodes on SQLite or PostgreSQL, killed again and again at named crash points and at random moments
// while clients give them work, against providers that keep a log of their own; then the proof from outside that nothing was
// lost, made twice or charged wrongly. `npm run chaos -- --help` lists the options.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { type PostgresServer, postgresServer } from '../harness/postgres.ts';
import {
  type AttemptRow,
  checkHooks,
  checkMoney,
  checkOwners,
  checkProviderLog,
  checkTasks,
  DEATHS_UNTIL_PUT_ASIDE,
  GRANT_CREDITS,
  readLines,
} from './chaos-checks.ts';
import { ChaosClient, until } from './chaos-client.ts';
import { resumptions } from './chaos-figures.ts';
import { makePlans } from './kill-plans.ts';
import { type Kill, NodeKeeper, type Plan } from './node-keeper.ts';
import type { ChangeRecord } from './node-process.ts';
import { LANES } from './scripted-adapter.ts';
import type { ServiceRecord } from './scripted-service.ts';
import { seededRandom } from './seeded-random.ts';
import { freePort } from './server-process.ts';

const ADMIN_KEY = 'dbk_chaos-admin-key-of-more-than-enough-length';
const SECRETS_KEY = Buffer.alloc(32, 7).toString('base64');
const CLIENTS = 8;
/** Wishes that may be made ahead of the kills, in kills: work never ends before the kills do. */
const LEAD_KILLS = 2;
const LONGEST_STALL_MS = 300_000;
/** From the last kill to the end of the last task. */
const SETTLE_LIMIT_MS = 120_000;
const HOOKS_LIMIT_MS = 120_000;
/** Longer than the first two tries of a message may be apart. */
const HOOKS_PATIENCE_MS = 30_000;
/** A node that meets a database that was just away may end by itself; its supervisor starts it again. */
const DATABASE_EXCUSE_MS = 20_000;
const LONGEST_DATABASE_PAUSE_MS = 1_000;

export interface ChaosOptions {
  tasks: number;
  kills: number;
  seed: number;
  database: 'sqlite' | 'postgres';
  nodes: number;
  /** Share of the provider's answers that hang, fail or are cut. */
  faults: number;
  /** Only these crash points, and no other deaths; null or absent: all. */
  points?: readonly string[] | null;
  /** How often a node is stopped for longer than its lease and then goes on. */
  pauses: number;
  /** How often the PostgreSQL server dies at once and comes back. */
  databaseKills: number;
  /** `doctor --deep` after every so many kills, and at the end in any case. */
  doctorEvery: number;
  settleLimitMs?: number;
  /** Gets a line now and then. */
  report?: (line: string) => void;
  keepData?: boolean;
}

export interface ChaosReport {
  tasks: number;
  succeeded: number;
  /** Failed free of charge with `submit_unknown`, as the rules demand of providers that cannot be asked. */
  unknown: number;
  /** Failed free of charge after process upon process died under them. */
  putAside: string[];
  lost: number;
  kills: Kill[];
  seconds: number;
  /** From the last kill to the end of the last task, milliseconds. */
  settleMs: number;
  /** From the death of a node to the next owner of each task that it ran, milliseconds. */
  resumeMs: number[];
  /** From the database's return to the first committed change, milliseconds. */
  databaseBackMs: number[];
  submits: number;
  jobs: number;
  duplicateSubmits: number;
  /** `askedFor`: those whose next try was minutes away, and which were asked for at the end. */
  hooks: { messages: number; repeats: number; askedFor: number };
  doctorRuns: number;
  eventConnections: number;
  /** Everything that is not as it must be; empty when all is well. */
  findings: string[];
}

/** Runs the whole experiment; resolves with what was found. Throws only when it cannot be carried out. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  if (options.database === 'sqlite' && (options.nodes > 1 || options.databaseKills > 0))
    throw new Error('SQLite serves one node, and dies with it');
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-chaos-'));
  const run = new ChaosRun(options, folder);
  try {
    return await run.toEnd();
  } finally {
    await run.stop();
    if (options.keepData) options.report?.(`The data is in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #random: () => number;
  readonly #findings: string[] = [];
  /** Task id by the number of the wish. */
  readonly #accepted = new Map<number, string>();
  readonly #kills: Kill[] = [];
  readonly #plans: Plan[];
  readonly #keepers: NodeKeeper[] = [];
  readonly #databaseBackAt: number[] = [];
  #database: { server: PostgresServer; name: string } | null = null;
  #databaseDownAt = Number.NEGATIVE_INFINITY;
  #service: ChildProcess | null = null;
  #serviceUrl = '';
  #ports: number[] = [];
  #doctorRuns = 0;
  #hooksAskedFor = 0;

  constructor(options: ChaosOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#random = seededRandom(options.seed);
    this.#plans = makePlans(options.kills, options.pauses, this.#random, options.points);
  }

  async toEnd(): Promise<ChaosReport> {
    const { tasks, nodes, report } = this.#options;
    const startedAtMs = Date.now();
    await this.#startService();
    if (this.#options.database === 'postgres') {
      const server = await postgresServer();
      this.#database = { server, name: await server.createDatabase() };
    }
    this.#ports = await Promise.all(Array.from({ length: nodes }, () => freePort()));
    const urls = this.#ports.map((port) => `http://127.0.0.1:${port}`);
    const client = new ChaosClient(urls, ADMIN_KEY);
    for (let node = 0; node < nodes; node += 1) this.#keepers.push(this.#keep(node, client));
    const events = client.listen();
    await client.post('/v1/webhooks', { url: `${this.#serviceUrl}/hooks/all` });
    const uploadId = await client.upload();
    const killing = this.#watchKills(client);
    await this.#makeWishes(client, uploadId);
    await killing;
    report?.(`all ${tasks} tasks are accepted, ${this.#kills.length} kills are done`);
    const lastKillMs = this.#kills.at(-1)?.atMs ?? Date.now();
    const limitMs = this.#options.settleLimitMs ?? SETTLE_LIMIT_MS;
    const settled = until(() => client.finished.size >= tasks, 'the last task', limitMs);
    await settled.catch((error: Error) => this.#findings.push(error.message));
    const settleMs = Date.now() - lastKillMs;
    report?.(`all finished ${(settleMs / 1000).toFixed(1)} s after the last kill; checking`);
    const counts = await checkTasks(client, this.#accepted, this.#findings);
    await this.#awaitHooks(client);
    await checkMoney(client, counts.succeeded, this.#findings);
    await this.#askDoctor(client, true);
    await events.close();
    await this.stop();
    return {
      tasks,
      ...counts,
      lost: tasks - counts.succeeded - counts.unknown - counts.putAside.length,
      kills: this.#kills,
      seconds: (Date.now() - startedAtMs) / 1000,
      settleMs,
      ...(await this.#proveFromOutside(client, counts.putAside)),
      doctorRuns: this.#doctorRuns,
      eventConnections: events.connections,
      findings: this.#findings,
    };
  }

  /** Ends all nodes and the service. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#keepers.splice(0).map((keeper) => keeper.stop()));
    this.#service?.stdin?.end();
    this.#service = null;
    const { server, name } = this.#database ?? {};
    if (server && name && this.#attempts === null) this.#attempts = await this.#readAttempts();
    if (server && name && !this.#options.keepData) await server.dropDatabase(name);
    this.#database = null;
  }

  #attempts: AttemptRow[] | null = null;

  async #readAttempts(): Promise<AttemptRow[]> {
    const query = 'select task_id, client_ref from attempts';
    if (this.#database) {
      const { server, name } = this.#database;
      return (await server.query(query, name).catch(() => [])) as unknown as AttemptRow[];
    }
    const db = new DatabaseSync(join(this.#folder, 'data-0', 'drawbridge.db'), { readOnly: true });
    const rows = db.prepare(query).all() as unknown as AttemptRow[];
    db.close();
    return rows;
  }

  async #startService(): Promise<void> {
    const { seed, faults } = this.#options;
    const program = fileURLToPath(new URL('./scripted-service.ts', import.meta.url));
    const args = [program, join(this.#folder, 'service.log'), String(seed), String(faults)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#service = child;
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    this.#serviceUrl = line.toString().trim();
  }

  #keep(node: number, client: ChaosClient): NodeKeeper {
    const cwd = join(this.#folder, `cwd-${node}`);
    mkdirSync(cwd);
    const { server, name } = this.#database ?? {};
    return new NodeKeeper({
      node,
      cwd,
      env: {
        DRAWBRIDGE_DATA_DIR: join(this.#folder, `data-${node}`),
        DRAWBRIDGE_MEDIA_ROOT: join(this.#folder, 'media'),
        DRAWBRIDGE_PORT: String(this.#ports[node]),
        DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
        // Any node sends the messages, so all must be able to read the secrets that sign them.
        DRAWBRIDGE_SECRETS_KEY: SECRETS_KEY,
        DRAWBRIDGE_SANDBOX_ENABLED: 'false',
        DRAWBRIDGE_CREDITS_STARTING_GRANT: String(GRANT_CREDITS),
        DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: '100000',
        DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
        DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: new URL(this.#serviceUrl).host,
        DRAWBRIDGE_LOG_LEVEL: 'warn',
        ...(server && name ? { DATABASE_URL: server.url(name) } : {}),
        CHAOS_SERVICE_URL: this.#serviceUrl,
        CHAOS_RECORDS: join(this.#folder, `records-${node}.log`),
      },
      nextPlan: () => this.#plans.shift() ?? null,
      onReady: (plan) => {
        // A collection is run for the point that lies in one.
        if (plan?.kind !== 'named' || plan.point !== 'kp16') return;
        client.call('/v1/admin/gc', { method: 'POST' }, node).catch(() => {});
      },
      onKill: (kill) => {
        this.#kills.push(kill);
        this.#options.report?.(
          `kill ${this.#kills.length} of node ${node}: ${kill.how}, at ${client.finished.size} of ${this.#options.tasks}`,
        );
      },
      onPause: (pid, atMs) => {
        this.#kills.push({ node, pid, how: 'stopped for a while', atMs, readyMs: null });
      },
      onWrong: (what) => {
        if (Date.now() - this.#databaseDownAt <= DATABASE_EXCUSE_MS) return;
        this.#findings.push(what);
        this.#options.report?.(what);
      },
    });
  }

  /** The number of deaths so far. */
  get #deaths(): number {
    return this.#kills.length;
  }

  /** Wishes keep pace with the kills, so that every kill meets work. */
  async #makeWishes(client: ChaosClient, uploadId: string): Promise<void> {
    const { tasks, kills } = this.#options;
    const models = Object.keys(LANES);
    let next = 0;
    const mayMake = (wish: number) => {
      const isOver = this.#deaths >= kills;
      return isOver || wish < ((this.#deaths + LEAD_KILLS) / kills) * tasks;
    };
    const work = async () => {
      for (let wish = next++; wish < tasks; wish = next++) {
        await until(() => mayMake(wish), `room for wish ${wish}`, LONGEST_STALL_MS);
        const model = models[Math.floor(wish / 2) % models.length] as string;
        this.#accepted.set(wish, await client.wish(wish, model, uploadId));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, work));
  }

  /** Asks the doctor now and then and kills the database, until all kills are done. */
  async #watchKills(client: ChaosClient): Promise<void> {
    const { kills, doctorEvery, databaseKills } = this.#options;
    let asked = 0;
    let databaseKilled = 0;
    while (this.#deaths < kills) {
      const before = this.#deaths;
      await until(() => this.#deaths > before || this.#deaths >= kills, 'the next kill', LONGEST_STALL_MS);
      if (
        databaseKilled < databaseKills &&
        this.#deaths >= ((databaseKilled + 1) * kills) / (databaseKills + 1)
      ) {
        databaseKilled += 1;
        await this.#killDatabase();
      }
      if (this.#deaths < asked + doctorEvery) continue;
      if (await this.#askDoctor(client, false)) asked = this.#deaths;
    }
  }

  async #killDatabase(): Promise<void> {
    const { server } = this.#database ?? {};
    if (!server) return;
    this.#options.report?.('the database dies');
    this.#databaseDownAt = Date.now();
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, this.#random() * LONGEST_DATABASE_PAUSE_MS));
    await server.start();
    this.#databaseDownAt = Date.now();
    this.#databaseBackAt.push(Date.now());
  }

  /** Whether the doctor could answer. At the end it must. */
  async #askDoctor(client: ChaosClient, isLast: boolean): Promise<boolean> {
    const wrong = await client.doctor();
    if (wrong === null) {
      if (isLast) this.#findings.push('the doctor did not answer');
      return false;
    }
    this.#doctorRuns += 1;
    // A service that hangs on purpose is no fault of the data.
    const ofData = wrong.filter((one) => !/"id":"provider"/.test(one));
    this.#findings.push(...ofData.map((one) => `the doctor, after ${this.#deaths} kills: ${one}`));
    return true;
  }

  /**
   * Waits until the end of every task was told. A message whose first tries met a dead node is tried again after 5 s, then
   * after 5 min; who does not want to wait so long asks for it, as an operator would, and it must come under its own id.
   */
  async #awaitHooks(client: ChaosClient): Promise<void> {
    const tasks = this.#accepted.size;
    const told = () => {
      const log = readLines<ServiceRecord>(join(this.#folder, 'service.log'));
      return new Set(log.flatMap((record) => (record.kind === 'hook' ? [record.task] : []))).size;
    };
    const startedAtMs = Date.now();
    let isAskedFor = false;
    while (told() < tasks && Date.now() - startedAtMs < HOOKS_LIMIT_MS) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (isAskedFor || Date.now() - startedAtMs < HOOKS_PATIENCE_MS) continue;
      isAskedFor = true;
      this.#hooksAskedFor = await client.redeliverWaiting();
    }
  }

  async #proveFromOutside(client: ChaosClient, putAside: readonly string[]) {
    const log = readLines<ServiceRecord>(join(this.#folder, 'service.log'));
    const files = this.#options.nodes;
    const records = Array.from({ length: files }, (_, node) =>
      readLines<ChangeRecord>(join(this.#folder, `records-${node}.log`)),
    );
    const all = records.flat().sort((a, b) => a.at - b.at);
    this.#attempts ??= await this.#readAttempts();
    const sent = checkProviderLog(log, this.#attempts, this.#findings);
    const hooks = checkHooks(log, this.#accepted.values(), this.#findings);
    for (const one of records) checkOwners(one, this.#findings);
    for (const id of this.#accepted.values()) {
      const times = client.finished.get(id) ?? 0;
      if (times !== 1) this.#findings.push(`the stream said ${times} times that ${id} finished`);
    }
    this.#findings.push(...client.findings);
    const orphaned = this.#kills.map((kill) => resumptions(kill, all));
    for (const id of putAside) {
      const deaths = orphaned.filter((waits) => waits.has(id)).length;
      if (deaths < DEATHS_UNTIL_PUT_ASIDE) this.#findings.push(`${id} was put aside after ${deaths} deaths`);
    }
    // What had ended just before its process could say so waits for nobody.
    const resumeMs = orphaned.flatMap((waits) => [...waits.values()].filter(Number.isFinite));
    const databaseBackMs = this.#databaseBackAt.flatMap((backAt) => {
      const first = all.find(({ at }) => at >= backAt);
      return first ? [first.at - backAt] : [];
    });
    return { ...sent, hooks: { ...hooks, askedFor: this.#hooksAskedFor }, resumeMs, databaseBackMs };
  }
}
