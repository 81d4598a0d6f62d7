// The server is killed in the middle of a picture, for all providers at once: while it submits, asks, downloads, and again while
// it recovers. Started anew on its data, each task comes to its end; each fake's own log says that no job was made twice.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { flatPng } from '../../src/media/test-pictures.ts';
import { freePort, type ServerProcess, startServerProcess } from '../chaos/server-process.ts';
import { until } from '../harness/clock.ts';
import type { Driver, Stage } from './driver.ts';
import { DRIVERS } from './drivers.ts';
import { sandboxJobs } from './sandbox-driver.ts';

const ADMIN_KEY = 'dbk_crash-admin-key-of-more-than-enough-length';
const LIMIT_MS = 120_000;
const LOOK_MS = 50;
/** Nobody waits for it: the server is killed before. */
const never = { after: new Promise<never>(() => {}) };

interface Task {
  status: string;
  error: { code: string } | null;
  finished_at: string | null;
}

interface Role {
  driver: Driver;
  stage: Stage;
  id: string;
}

class Crashing {
  readonly roles: Role[] = [];
  readonly dataDir: string;
  readonly #cwd: string;
  readonly #env: Record<string, string>;
  readonly #url: string;
  #server: ServerProcess | null = null;

  private constructor(folder: string, port: number) {
    this.dataDir = join(folder, 'data');
    this.#cwd = join(folder, 'cwd');
    mkdirSync(this.#cwd);
    this.#url = `http://127.0.0.1:${port}`;
    this.#env = {
      DRAWBRIDGE_DATA_DIR: this.dataDir,
      DRAWBRIDGE_PORT: String(port),
      DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
      DRAWBRIDGE_LOG_LEVEL: 'warn',
      DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
      DRAWBRIDGE_SANDBOX_SLOW_SECONDS: '6',
    };
  }

  static async open(t: TestContext): Promise<Crashing> {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-crash-'));
    const crashing = new Crashing(folder, await freePort());
    t.after(async () => {
      await crashing.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    let yaml = '';
    for (const driver of DRIVERS) {
      const stage = await driver.start(t);
      stage.serve(flatPng(512, 512));
      const settings = driver.settings(stage.url);
      Object.assign(crashing.#env, settings.env);
      yaml += settings.yaml ?? '';
      crashing.roles.push({ driver, stage, id: '' });
    }
    writeFileSync(join(crashing.#cwd, 'drawbridge.yaml'), `providers:\n${yaml}`);
    await crashing.start();
    return crashing;
  }

  async start(): Promise<void> {
    this.#server = startServerProcess({ cwd: this.#cwd, env: this.#env });
    await this.#server.ready;
  }

  async kill(): Promise<void> {
    await this.#server?.kill('SIGKILL');
    await this.#server?.closed;
    this.#server = null;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async call(path: string, body?: unknown): Promise<any> {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${this.#url}${path}`, { headers, ...init });
    const json = await answer.json();
    assert.ok(answer.ok, JSON.stringify(json));
    return json;
  }

  async createAll(): Promise<void> {
    for (const role of this.roles) {
      const model = role.driver.provider === 'sandbox' ? 'sandbox-slow' : role.driver.model;
      role.id = (await this.call('/v1/tasks', { prompt: 'a red fox', model, size: '512x512' })).id;
    }
  }

  run(condition: () => boolean | Promise<boolean>, what: string): Promise<true> {
    return until(
      async () => {
        for (const { stage } of this.roles) stage.work?.();
        return (await condition()) ? (true as const) : null;
      },
      { limitMs: LIMIT_MS, what },
    );
  }

  async endAll() {
    const last = new Map<string, Task>();
    const isEnded = async ({ driver, id }: Role) => {
      const known = last.get(driver.provider);
      if (known?.finished_at == null) last.set(driver.provider, await this.call(`/v1/tasks/${id}`));
      return last.get(driver.provider)?.finished_at !== null;
    };
    await this.run(async () => {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      return (await Promise.all(this.roles.map(isEnded))).every(Boolean);
    }, 'the end of all tasks').catch((error: Error) => {
      const open = [...last].filter(([, task]) => task.finished_at === null);
      throw new Error(`${error.message}: ${JSON.stringify(open)}`);
    });
    return last;
  }

  async submitsOf({ driver, stage }: Role): Promise<number> {
    return driver.provider === 'sandbox' ? sandboxJobs(this.dataDir) : stage.submits();
  }
}

test('S12 P1: killed while it submits, a provider that can be asked is asked, and no other is sent it again', async (t) => {
  const crashing = await Crashing.open(t);
  for (const { stage } of crashing.roles) stage.next('submit', [never]);
  await crashing.createAll();
  const isSent = async (role: Role) => (await crashing.submitsOf(role)) === 1;
  await crashing.run(
    async () => (await Promise.all(crashing.roles.map(isSent))).every(Boolean),
    'all submits',
  );
  await crashing.kill();
  await crashing.start();
  const ended = await crashing.endAll();
  for (const role of crashing.roles) {
    const { driver, stage } = role;
    const task = ended.get(driver.provider);
    if (driver.canLookUp) {
      assert.equal(task?.status, 'succeeded', `${driver.provider}: ${JSON.stringify(task?.error)}`);
      const jobs = driver.provider === 'sandbox' ? await sandboxJobs(crashing.dataDir) : stage.jobs();
      assert.equal(jobs, 1, `${driver.provider}: one job`);
    } else {
      assert.equal(task?.error?.code, 'submit_unknown', driver.provider);
      assert.equal(stage.submits(), 1, `${driver.provider}: never sent again`);
    }
  }
});

const polls = (driver: Driver) => driver.faults['failed polls'].at === 'poll';
const downloads = (driver: Driver) => driver.faults['truncated download'].at === 'download';

test('Q2 D6 P1: killed while it asks, while it downloads, and while it recovers, every picture comes and none is painted twice', async (t) => {
  const crashing = await Crashing.open(t);
  const { roles } = crashing;
  for (const { driver, stage } of roles) {
    if (polls(driver)) stage.next('poll', [never]);
    if (downloads(driver)) stage.next('download', polls(driver) ? [never] : [never, never]);
  }
  await crashing.createAll();
  const reached = (least: (role: Role) => boolean, what: string) =>
    crashing.run(() => roles.every(least), what);
  await reached(
    ({ driver, stage }) =>
      polls(driver) ? stage.polls() >= 1 : downloads(driver) ? stage.downloads() >= 1 : stage.submits() >= 0,
    'a poll or a download at each',
  );
  await crashing.kill();
  await crashing.start();
  await reached(
    ({ driver, stage }) => !downloads(driver) || stage.downloads() >= (polls(driver) ? 1 : 2),
    'a download at each',
  );
  await crashing.kill();
  await crashing.start();
  const ended = await crashing.endAll();
  for (const role of roles) {
    const { provider } = role.driver;
    const task = ended.get(provider);
    assert.equal(task?.status, 'succeeded', `${provider}: ${JSON.stringify(task?.error)}`);
    assert.equal(await crashing.submitsOf(role), 1, `${provider}: one job`);
  }
});
