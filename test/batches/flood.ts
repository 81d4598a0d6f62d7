// A batch in a real server that is killed while it runs, and single pictures of another account beside it. Everything is proved
// from outside: the API's counts, the ZIP, the doctor and the ledger.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, type ServerProcess, startServerProcess } from '../chaos/server-process.ts';
import { MODEL, PRICE_CREDITS } from './batch-node.ts';

const ADMIN_KEY = 'dbk_flood-admin-key-of-more-than-enough-length';
const NODE = join(import.meta.dirname, 'batch-node.ts');
const CENTRAL_ENTRY = Buffer.from('PK\u0001\u0002', 'latin1');

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Answer = Record<string, any>;

export interface FloodOptions {
  items: number;
  kills: number;
  paintMs: number;
  /** How many single pictures are asked for before and beside the batch. */
  singles: number;
  /** The whole batch must be done by then. */
  limitMs: number;
  report?(line: string): void;
}

export interface FloodReport {
  createMs: number;
  seconds: number;
  counts: Record<string, number>;
  captured: number;
  available: number;
  held: number;
  /** Pictures in the ZIP and lines of its manifest. */
  zipped: number;
  idleMs: number[];
  besideMs: number[];
  findings: string[];
}

const percentile = (values: readonly number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;

/** Milliseconds that a single picture took, without the batch and beside it. */
export function waits({ idleMs, besideMs }: FloodReport) {
  return {
    idle: percentile(idleMs, 0.5),
    beside: percentile(besideMs, 0.5),
    besideP95: percentile(besideMs, 0.95),
  };
}

class Flood {
  readonly #options: FloodOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'drawbridge-flood-'));
  readonly #env: Record<string, string>;
  #server: ServerProcess | null = null;
  #url = '';
  #account = '';

  constructor(options: FloodOptions, port: number) {
    this.#options = options;
    this.#url = `http://127.0.0.1:${port}`;
    this.#env = {
      DRAWBRIDGE_DATA_DIR: join(this.#folder, 'data'),
      DRAWBRIDGE_PORT: String(port),
      DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
      DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
      DRAWBRIDGE_CREDITS_STARTING_GRANT: String(options.items * PRICE_CREDITS + 1_000),
      DRAWBRIDGE_SANDBOX_ENABLED: 'false',
      DRAWBRIDGE_LOG_LEVEL: 'error',
      BATCH_PAINT_MS: String(options.paintMs),
    };
  }

  async run(): Promise<FloodReport> {
    const { items, report = () => {} } = this.#options;
    await this.#start();
    this.#account = (await this.#json('POST', '/v1/admin/accounts', { name: 'flooder' })).id as string;
    const idleMs = await this.#singles(this.#options.singles);
    report(`a single picture in an idle server: ${Math.round(percentile(idleMs, 0.5))} ms`);
    const lines = Array.from({ length: items }, (_, n) => `picture ${n}`).join('\n');
    const defaults = { model: MODEL, size: '64x64' };
    const startedAt = performance.now();
    const { id } = await this.#json('POST', '/v1/batches', { lines, defaults }, this.#account);
    const createMs = performance.now() - startedAt;
    report(`${items} items accepted in ${Math.round(createMs)} ms`);
    const beside = this.#singles(this.#options.singles);
    let isKilling = true;
    const killing = beside
      .then(() => this.#killWhileItRuns(id as string))
      .finally(() => {
        isKilling = false;
      });
    killing.catch(() => {});
    const counts = await this.#watch(id as string, startedAt, () => isKilling);
    await killing;
    const seconds = (performance.now() - startedAt) / 1000;
    const zip = await this.#call('GET', `/v1/batches/${id}/archive.zip`, undefined, this.#account);
    const zipped = await countEntries(zip);
    const credits = await this.#json('GET', '/v1/credits', undefined, this.#account);
    const batch = await this.#json('GET', `/v1/batches/${id}`, undefined, this.#account);
    const doctor = await this.#json('POST', '/v1/admin/doctor', { deep: true });
    const checks = (doctor.checks as { id: string; state: string; detail: string }[]).filter(
      ({ id: check }) => /^[A-Z]\d+$/.test(check),
    );
    if (checks.length === 0) throw new Error('the doctor checked nothing');
    const findings = checks
      .filter(({ state }) => state === 'error')
      .map(({ id: check, detail }) => `${check}: ${detail}`);
    return {
      createMs,
      seconds,
      counts,
      captured: batch.cost.captured,
      available: credits.available_credits,
      held: credits.held_credits,
      zipped,
      idleMs,
      besideMs: await beside,
      findings,
    };
  }

  async stop(): Promise<void> {
    await this.#server?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    this.#server = startServerProcess({
      cwd: this.#folder,
      env: this.#env,
      command: [process.execPath, NODE],
    });
    await this.#server.ready;
  }

  async #killWhileItRuns(id: string): Promise<void> {
    const { kills, items, report = () => {} } = this.#options;
    for (let kill = 1; kill <= kills; kill += 1) {
      // Spread over what is left, each while items run.
      for (;;) {
        const { counts } = await this.#json('GET', `/v1/batches/${id}`, undefined, this.#account);
        const done = items - counts.queued - counts.running;
        if (counts.running > 0 && done >= (items * (kill - 1)) / (kills + 1)) break;
        if (counts.queued + counts.running === 0) return;
        await delay(20);
      }
      await this.#server?.kill('SIGKILL');
      report(`kill ${kill}`);
      await this.#start();
    }
  }

  async #watch(id: string, startedAt: number, isKilling: () => boolean): Promise<Record<string, number>> {
    const { limitMs, report = () => {} } = this.#options;
    let told = 0;
    for (;;) {
      const batch = await this.#json('GET', `/v1/batches/${id}`, undefined, this.#account).catch(() => null);
      if (batch?.status === 'finished' && !isKilling()) return batch.counts;
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs > limitMs) throw new Error(`not finished in time: ${JSON.stringify(batch?.counts)}`);
      if (batch && elapsedMs - told > 15_000) {
        told = elapsedMs;
        report(`${Math.round(elapsedMs / 1000)} s: ${JSON.stringify(batch.counts)}`);
      }
      await delay(200);
    }
  }

  /** Milliseconds from the wish to the picture, one after another. */
  async #singles(count: number): Promise<number[]> {
    const took: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const startedAt = performance.now();
      const body = { prompt: `single ${n}`, model: MODEL, size: '64x64' };
      const task = await this.#json('POST', '/v1/tasks', body, undefined, { prefer: 'wait=60' });
      if (task.status !== 'succeeded') throw new Error(`a single picture: ${task.status}`);
      took.push(performance.now() - startedAt);
    }
    return took;
  }

  async #call(
    method: string,
    path: string,
    body?: unknown,
    account?: string,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const headers = {
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(account === undefined ? {} : { 'x-account-id': account }),
      ...more,
    };
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async #json(
    method: string,
    path: string,
    body?: unknown,
    account?: string,
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await this.#call(method, path, body, account, more);
    return (await answer.json()) as Answer;
  }
}

/** Files in a ZIP that streams by, less its two lists: only its directory at the end is looked at. */
async function countEntries(answer: Response): Promise<number> {
  let tail = Buffer.alloc(0);
  let entries = 0;
  for await (const chunk of answer.body ?? []) {
    const bytes = Buffer.concat([tail, chunk as Uint8Array]);
    for (let at = bytes.indexOf(CENTRAL_ENTRY); at >= 0; at = bytes.indexOf(CENTRAL_ENTRY, at + 4))
      entries += 1;
    tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - 3)));
  }
  return entries - 2;
}

/** Runs it; whatever happens, nothing of it is left. */
export async function runFlood(options: FloodOptions): Promise<FloodReport> {
  const flood = new Flood(options, await freePort());
  try {
    return await flood.run();
  } finally {
    await flood.stop();
  }
}
