// One provider behind the whole program: its fake, the line to it, the app as its configuration makes it, and a clock that
// the test moves. At the end of each test no secret may be in a log or an answer, and no credential anywhere but at its own
// service.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { flatPng } from '../../src/media/test-pictures.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { FakeClock, until } from '../harness/clock.ts';
import { canary } from '../harness/egress-proxies.ts';
import { writesDone } from '../harness/idle-writes.ts';
import { OpenCalls } from '../harness/open-calls.ts';
import { copyMigratedDatabase } from '../harness/sqlite-template.ts';
import type { Answer, Driver, FaultName, Stage } from './driver.ts';
import { sandboxJobs } from './sandbox-driver.ts';
import { Wire } from './wire.ts';

/** When the fakes say that their jobs were made. */
const START_MS = 1_795_320_000_000;
const PICTURE = flatPng(512, 512);
/** Slow enough for what is done in real time, such as decoding. */
export const STEP_MS = 100;
/** While a task waits in the queue and neither a call nor a write is under way, nothing is done in real time. */
const QUEUED_STEP_MS = 5_000;
const QUIET_MS = 5;
export const PRICE = 1;
const LIMIT_MS = 60_000;
const END = new Set(['succeeded', 'failed', 'cancelled']);

/** A task as the API shows it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Shown = any;

export interface Play {
  driver: Driver;
  stage: Stage;
  app: TestApp;
  clock: FakeClock;
  wire: Wire | null;
  /** Requests that reached the address to which a redirect led. */
  thieves(): number;
  /** Makes the fault at the next task; returns what its prompt must say. */
  inject(name: FaultName): string;
  create(words?: string, more?: Record<string, unknown>): Promise<string>;
  show(id: string): Promise<Shown>;
  /** Lets everything go on until the condition holds. */
  run<T>(condition: () => T | Promise<T>, what: string, stepMs?: number): Promise<NonNullable<T>>;
  ended(id: string): Promise<Shown>;
  /** Requests for jobs, and jobs, by the provider's own log. */
  submits(): Promise<number>;
  jobs(): Promise<number>;
}

/** Starts all of it; it is checked and closed with the test. */
export async function open(t: TestContext, driver: Driver): Promise<Play> {
  const stage = await driver.start(t);
  stage.serve(PICTURE);
  const hasAddress = stage.url !== '';
  const wire = hasAddress ? await Wire.open(t, stage.url) : null;
  if (wire) stage.moveTo(wire.url);
  const thief = await canary(t);
  const dataDir = mkdtempSync(join(tmpdir(), `drawbridge-${driver.provider}-`));
  const { env, yaml } = driver.settings(wire?.url ?? '');
  if (yaml !== undefined) writeFileSync(join(dataDir, 'drawbridge.yaml'), `providers:\n${yaml}`);
  const clock = new FakeClock(START_MS);
  await copyMigratedDatabase(dataDir);
  const app = await startTestApp({
    dataDir,
    clock,
    env: {
      ...env,
      DRAWBRIDGE_SANDBOX_ENABLED: String(!hasAddress),
      DRAWBRIDGE_CREDITS_PRICES: `${driver.model}=${PRICE}`,
    },
  });
  const calls = wire && new OpenCalls(wire.url);
  const play = makePlay({ driver, stage, app, clock, wire, calls, thief });
  t.after(async () => {
    calls?.close();
    const answers = await everyAnswer(app, SHORT_LOOK);
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
    checkSecrets(driver, `${app.log.text()}\n${answers}`);
    checkWire(driver, wire);
    assert.equal(play.thieves(), 0, 'P3: something reached an address that the operator did not set');
  });
  return play;
}

function makePlay(
  parts: Pick<Play, 'driver' | 'stage' | 'app' | 'clock' | 'wire'> & {
    calls: OpenCalls | null;
    thief: { port: number; connections(): number };
  },
): Play {
  const { driver, stage, app, clock, calls, thief } = parts;
  const isSandbox = driver.provider === 'sandbox';
  const show = async (id: string) => (await app.request('GET', `/v1/tasks/${id}`)).json;
  const run: Play['run'] = (condition, what, stepMs = STEP_MS) =>
    until(
      () => {
        stage.work?.();
        return condition();
      },
      { clock, stepMs, limitMs: LIMIT_MS, what },
    );
  return {
    ...parts,
    thieves: thief.connections,
    show,
    run,
    inject(name) {
      const fault = driver.faults[name];
      if (fault.at === 'nowhere') throw new Error(`${driver.provider} cannot have the fault "${name}"`);
      if (fault.at === 'prompt') return fault.words;
      if (fault.at === 'picture') stage.serve(fault.bytes);
      else
        stage.next(
          fault.at,
          fault.answers.map((answer) => aimed(answer, thief.port)),
        );
      return '';
    },
    async create(words = '', more = {}) {
      const body = { prompt: `a red fox ${words}`, model: driver.model, size: '512x512', ...more };
      const answer = await app.request('POST', '/v1/tasks', body);
      assert.ok(answer.status < 300, answer.text);
      return answer.json.id;
    },
    ended: (id) =>
      run(async () => {
        const task = await show(id);
        if (task.status === 'queued') {
          await writesDone(app.app.db);
          const isQuiet = !parts.wire || (parts.wire.quietForMs > QUIET_MS && calls?.count === 0);
          if (isQuiet) clock.advance(QUEUED_STEP_MS);
        }
        return END.has(task.status) ? task : null;
      }, 'the end of the task'),
    submits: async () => (isSandbox ? sandboxJobs(app.dataDir) : stage.submits()),
    jobs: async () => (isSandbox ? sandboxJobs(app.dataDir) : stage.jobs()),
  };
}

/** Redirects lead to the thief. */
function aimed(answer: Answer, port: number): Answer {
  const location = answer.headers?.location;
  if (location === undefined) return answer;
  const led = location.replace('{thief}', `http://127.0.0.1:${port}/stolen`);
  return { ...answer, headers: { ...answer.headers, location: led } };
}

const SHORT_LOOK = ['/v1/tasks?limit=100', '/v1/admin/status', '/v1/admin/providers', '/health', '/metrics'];
const LONG_LOOK = [...SHORT_LOOK, '/v1/models', '/v1/admin/doctor', '/healthz', '/readyz'];

/** What can be asked without knowing an id; all of it, or what most tasks pass through. */
export async function everyAnswer(app: TestApp, paths: readonly string[] = LONG_LOOK): Promise<string> {
  const answers = await Promise.all(paths.map((path) => app.request('GET', path)));
  return answers.map(({ text, headers }) => `${text}\n${JSON.stringify([...headers])}`).join('\n');
}

function checkSecrets({ secrets }: Driver, seen: string): void {
  for (const secret of secrets) assert.ok(!seen.includes(secret), 'K1: a secret was shown');
  assert.doesNotMatch(seen, /10\.1\.2\.3/, 'SR8: what an error page said of its network was shown');
}

/** P3: a picture is fetched without the credential, which goes with nothing else but the service's own calls. */
function checkWire(driver: Driver, wire: Wire | null): void {
  for (const head of wire?.heads ?? []) {
    const isDownload = /^get \/files\//.test(head);
    const hasSecret = driver.secrets.some((secret) => head.includes(secret.toLowerCase()));
    assert.ok(!(isDownload && hasSecret), 'P3: a download carried the credential');
  }
}
