// Kills the server again and again while clients give it work, then proves from outside that nothing was lost, made twice
// or charged wrongly. `node test/chaos/kill-server.ts --tasks 1000 --kills 20 [--seed 1] [--keep]`
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { readJobLog } from '../../src/providers/sandbox/job-log.ts';
import { EventClient } from '../whole/event-client.ts';
import { freePort, type ServerProcess, startServerProcess } from './server-process.ts';

const ADMIN_KEY = 'dbk_chaos-admin-key-of-more-than-enough-length';
const CLIENTS = 8;
/** Every so many tasks one works from an upload, and one costs credits. */
const EDIT_EVERY = 5;
const PRICED_EVERY = 4;
const PRICE = 0.25;
const GRANT = 100_000;
const RETRY_MS = 50;
/** A call that gets no answer was cut off in the middle of a kill. */
const CALL_TIMEOUT_MS = 15_000;
/** Some kills come while the server starts. */
const KILL_DURING_START = 0.2;
const LONGEST_START_MS = 1_000;
const LONGEST_EXTRA_MS = 300;
const SETTLE_LIMIT_MS = 120_000;
/** SIGTERM drains within 30 s. */
const STOP_LIMIT_MS = 31_000;

export interface ChaosOptions {
  tasks: number;
  kills: number;
  seed: number;
  /** Gets a line now and then. */
  report?: (line: string) => void;
  keepData?: boolean;
}

export interface ChaosReport {
  tasks: number;
  kills: number;
  seconds: number;
  /** From the start of a process to the first task that it finished, milliseconds. */
  recoveryMs: number[];
  /** From the start of a process to its ready line, milliseconds. */
  startMs: number[];
  jobs: number;
  attempts: number;
  pictures: number;
  eventConnections: number;
  /** Everything that is not as it must be; empty when all is well. */
  findings: string[];
}

interface Client {
  url: string;
  dataDir: string;
  headers: Record<string, string>;
}

/** Runs the whole experiment; resolves with what was found. Throws only when it cannot be carried out. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-chaos-'));
  const run = new ChaosRun(options, folder, await freePort());
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
  readonly #client: Client;
  readonly #env: Record<string, string>;
  readonly #cwd: string;
  readonly #random: () => number;
  readonly #findings: string[] = [];
  /** Task id by the number of the wish. */
  readonly #accepted = new Map<number, string>();
  /** Task id to the times that the stream said it finished. */
  readonly #finished = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #recoveryMs: number[] = [];
  readonly #startMs: number[] = [];
  readonly #processes: ServerProcess[] = [];
  #isRecovering = false;

  constructor(options: ChaosOptions, folder: string, port: number) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const dataDir = join(folder, 'data');
    this.#cwd = join(folder, 'cwd');
    mkdirSync(this.#cwd);
    this.#client = {
      url: `http://127.0.0.1:${port}`,
      dataDir,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    };
    this.#env = {
      DRAWBRIDGE_DATA_DIR: dataDir,
      DRAWBRIDGE_PORT: String(port),
      DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
      DRAWBRIDGE_CREDITS_STARTING_GRANT: String(GRANT),
      DRAWBRIDGE_CREDITS_PRICES: `sandbox-flaky=${PRICE}`,
      DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: '100000',
      DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
      DRAWBRIDGE_LOG_LEVEL: 'warn',
    };
  }

  async toEnd(): Promise<ChaosReport> {
    const { tasks, kills, report } = this.#options;
    const startedAtMs = Date.now();
    await this.#start().ready;
    const events = this.#listen();
    await until(() => events.connections > 0, 'the event stream');
    const uploadId = await this.#upload();
    const wishes = Array.from({ length: tasks }, (_, i) => i);
    const posting = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let i = wishes.shift(); i !== undefined; i = wishes.shift()) {
          this.#accepted.set(i, await this.#post(i, uploadId));
        }
      }),
    );
    await this.#killAgainAndAgain();
    await posting;
    report?.(`all ${tasks} tasks are accepted, ${kills} kills are done`);
    await until(() => this.#finished.size >= tasks, 'the last task', SETTLE_LIMIT_MS).catch((error: Error) =>
      this.#findings.push(error.message),
    );
    const seconds = (Date.now() - startedAtMs) / 1000;
    report?.(`all finished after ${seconds.toFixed(1)} s; checking`);
    const pictures = await this.#checkTasks();
    await this.#checkMoney();
    await this.#checkDoctor();
    await events.close();
    await this.stop();
    const { jobs, attempts } = await this.#checkJobs();
    this.#checkEvents();
    return {
      tasks,
      kills,
      seconds,
      recoveryMs: this.#recoveryMs,
      startMs: this.#startMs,
      jobs,
      attempts,
      pictures,
      eventConnections: events.connections,
      findings: this.#findings,
    };
  }

  /** Ends the server, and tells when one of its helpers outlived it. */
  async stop(): Promise<void> {
    for (const server of this.#processes.splice(0)) {
      server.kill('SIGTERM');
      const isGone = await Promise.race([
        server.closed.then(() => true),
        new Promise<false>((resolve) => setTimeout(resolve, STOP_LIMIT_MS, false).unref()),
      ]);
      if (!isGone) {
        this.#findings.push(`process ${server.pid} or a child of it did not end`);
        server.kill('SIGKILL');
      }
    }
  }

  #start(): ServerProcess {
    const server = startServerProcess({ cwd: this.#cwd, env: this.#env });
    this.#processes.push(server);
    this.#isRecovering = true;
    server.ready.then(
      () => this.#startMs.push(Date.now() - server.startedAtMs),
      () => {},
    );
    return server;
  }

  get #server(): ServerProcess {
    return this.#processes.at(-1) as ServerProcess;
  }

  #listen(): EventClient {
    const { url, headers } = this.#client;
    return new EventClient({
      target: () => ({ url: `${url}/v1/events`, headers }),
      onEvent: ({ event, data }) => {
        if (event === 'reset') return void this.#findings.push('the event stream was reset');
        const before = this.#versions.get(data.id) ?? 0;
        if (data.version < before)
          this.#findings.push(`${data.id}: version ${data.version} came after ${before}`);
        this.#versions.set(data.id, data.version);
        if (event !== 'task.finished') return;
        this.#finished.set(data.id, (this.#finished.get(data.id) ?? 0) + 1);
        const finishedAtMs = Date.parse(data.finished_at);
        if (this.#isRecovering && finishedAtMs >= this.#server.startedAtMs) {
          this.#isRecovering = false;
          this.#recoveryMs.push(finishedAtMs - this.#server.startedAtMs);
        }
      },
    }).start();
  }

  /** Kills at random moments, spread over the whole of the work by how much of it is done. */
  async #killAgainAndAgain(): Promise<void> {
    const { tasks, kills, report } = this.#options;
    const moments = Array.from({ length: kills }, () => this.#random() * 0.95 * tasks).sort((a, b) => a - b);
    for (const [index, moment] of moments.entries()) {
      const isEarly = index > 0 && this.#random() < KILL_DURING_START;
      if (isEarly) await pause(this.#random() * LONGEST_START_MS);
      else {
        await this.#server.ready;
        await until(() => this.#finished.size >= moment, `task ${Math.round(moment)}`, SETTLE_LIMIT_MS);
        await pause(this.#random() * LONGEST_EXTRA_MS);
      }
      await this.#server.kill('SIGKILL');
      report?.(
        `kill ${index + 1} at ${this.#finished.size} of ${tasks}${isEarly ? ', while it started' : ''}`,
      );
      this.#start();
    }
    await this.#server.ready;
  }

  /** One call, repeated until a server answers it. */
  async #call(path: string, init: RequestInit = {}): Promise<Response> {
    const { url, headers } = this.#client;
    for (;;) {
      try {
        const response = await fetch(`${url}${path}`, {
          ...init,
          headers: { ...headers, ...init.headers },
          signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
        });
        if (response.status !== 503) return response;
        await response.body?.cancel();
      } catch {
        // Killed in the middle: the call is simply made again.
      }
      await pause(RETRY_MS);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async #json(path: string, init: RequestInit = {}): Promise<any> {
    for (;;) {
      const response = await this.#call(path, init);
      const body = await response.json().catch(() => null);
      if (body === null) continue;
      if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${JSON.stringify(body)}`);
      return body;
    }
  }

  async #upload(): Promise<string> {
    const background = { r: 40, g: 120, b: 200 };
    const bytes = await sharp({ create: { width: 96, height: 64, channels: 3, background } })
      .png()
      .toBuffer();
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'input.png');
    return (await this.#json('/v1/uploads', { method: 'POST', body: form })).id;
  }

  async #post(i: number, uploadId: string): Promise<string> {
    const body = JSON.stringify({
      prompt: `picture number ${i}`,
      size: '64x64',
      model: isPriced(i) ? 'sandbox-flaky' : 'sandbox',
      metadata: { number: i },
      ...(isEdit(i) ? { images: [{ upload_id: uploadId }] } : {}),
    });
    const headers = { 'content-type': 'application/json', 'idempotency-key': `wish-${i}` };
    return (await this.#json('/v1/tasks', { method: 'POST', body, headers })).id;
  }

  async #checkTasks(): Promise<number> {
    const seen = new Map<number, string>();
    let pictures = 0;
    for (let cursor = ''; ; ) {
      const page = await this.#json(`/v1/tasks?limit=100${cursor && `&cursor=${cursor}`}`);
      for (const task of page.data) {
        const number = task.metadata.number as number;
        if (seen.has(number))
          this.#findings.push(`wish ${number} has two tasks: ${seen.get(number)}, ${task.id}`);
        seen.set(number, task.id);
        pictures += await this.#checkTask(task, number);
      }
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    for (const [number, id] of this.#accepted) {
      if (seen.get(number) !== id) this.#findings.push(`${id} was accepted and is not there`);
    }
    return pictures;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a task as the API gives it
  async #checkTask(task: any, number: number): Promise<number> {
    const price = isPriced(number) ? PRICE : 0;
    if (task.status !== 'succeeded') {
      this.#findings.push(
        `${task.id} is ${task.status}: ${JSON.stringify(task.error ?? task.waiting_reason)}`,
      );
      return 0;
    }
    if (task.cost.captured !== price)
      this.#findings.push(`${task.id} cost ${task.cost.captured}, not ${price}`);
    if (task.images.length !== 1) this.#findings.push(`${task.id} has ${task.images.length} pictures`);
    for (const { id, url } of task.images) {
      const image = await this.#json(`/v1/images/${id}`);
      const answer = await fetch(url);
      const bytes = Buffer.from(await answer.arrayBuffer());
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (answer.status !== 200 || sha256 !== image.sha256)
        this.#findings.push(`${id}: status ${answer.status}, content ${sha256} instead of ${image.sha256}`);
      const size = await sharp(bytes)
        .raw()
        .toBuffer({ resolveWithObject: true })
        .then(({ info }) => `${info.width}x${info.height}`)
        .catch((error: Error) => error.message);
      if (size !== '64x64') this.#findings.push(`${id} does not decode to its size: ${size}`);
    }
    return task.images.length;
  }

  async #checkMoney(): Promise<void> {
    const verified = await this.#json('/v1/admin/credits/verify');
    if (!verified.ok) this.#findings.push(`the ledger: ${JSON.stringify(verified.findings)}`);
    const balance = await this.#json('/v1/credits');
    const priced = Array.from({ length: this.#options.tasks }, (_, i) => i).filter(isPriced).length;
    const expected = GRANT - priced * PRICE;
    if (balance.available_credits !== expected || balance.held_credits !== 0)
      this.#findings.push(`the balance is ${JSON.stringify(balance)}, not ${expected} available`);
  }

  async #checkDoctor(): Promise<void> {
    const answer = await this.#call('/v1/admin/doctor', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ deep: true }),
    });
    const report = (await answer.json()) as { findings: { severity: string }[] };
    if (answer.status === 404) return void this.#options.report?.('this version has no doctor yet');
    if (answer.status !== 200) return void this.#findings.push(`the doctor answered ${answer.status}`);
    for (const finding of report.findings) {
      if (finding.severity === 'error') this.#findings.push(`the doctor: ${JSON.stringify(finding)}`);
    }
  }

  /** What the provider itself remembers of us, against our attempts. */
  async #checkJobs(): Promise<{ jobs: number; attempts: number }> {
    const jobs = await readJobLog(join(this.#client.dataDir, 'sandbox'));
    const db = new DatabaseSync(join(this.#client.dataDir, 'drawbridge.db'), { readOnly: true });
    const attempts = db.prepare('select task_id, client_ref, job_id, outcome from attempts').all() as {
      task_id: string;
      client_ref: string;
      job_id: string | null;
      outcome: string;
    }[];
    db.close();
    for (const key of ['client_ref', 'job_id'] as const) {
      const twice = repeated(jobs.map((job) => job[key]));
      if (twice.length > 0)
        this.#findings.push(`the provider has two jobs of one ${key}: ${twice.join(', ')}`);
    }
    const byRef = new Map(attempts.map((attempt) => [attempt.client_ref, attempt]));
    const strange = jobs.filter((job) => !byRef.has(job.client_ref));
    if (strange.length > 0) this.#findings.push(`${strange.length} jobs belong to no attempt`);
    const taskJobs = jobs.map((job) => byRef.get(job.client_ref)?.task_id ?? '');
    const paidTwice = repeated(taskJobs);
    if (paidTwice.length > 0) this.#findings.push(`more than one job was made for ${paidTwice.join(', ')}`);
    return { jobs: jobs.length, attempts: attempts.length };
  }

  #checkEvents(): void {
    for (const id of this.#accepted.values()) {
      const times = this.#finished.get(id) ?? 0;
      if (times !== 1) this.#findings.push(`the stream said ${times} times that ${id} finished`);
    }
  }
}

const isPriced = (i: number) => i % PRICED_EVERY === 0;
const isEdit = (i: number) => i % EDIT_EVERY === 1;

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean, what: string, limitMs = 60_000): Promise<void> {
  const startedAtMs = Date.now();
  while (!condition()) {
    if (Date.now() - startedAtMs > limitMs) throw new Error(`Waited in vain for ${what}`);
    await pause(20);
  }
}

/** Mulberry32: the same seed gives the same moments. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '1000' },
      kills: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
    },
  });
  const report = await runChaos({
    tasks: Number(values.tasks),
    kills: Number(values.kills),
    seed: Number(values.seed),
    keepData: values.keep,
    report: (line) => console.error(line),
  });
  const { recoveryMs, startMs, findings, ...figures } = report;
  const both = (times: readonly number[]) => ({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) });
  console.log(JSON.stringify({ ...figures, startMs: both(startMs), recoveryMs: both(recoveryMs) }, null, 2));
  for (const finding of findings.slice(0, 50)) console.log(`FOUND ${finding}`);
  console.log(
    findings.length === 0 ? 'Nothing was lost, doubled or charged wrongly.' : `${findings.length} findings`,
  );
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (import.meta.main) await main();
