// The whole program over KIE AI: a call back brings the picture without a wait, and finds the task whose creation was never
// answered; nobody but KIE can make it do so. The clock stands still, so nothing is asked unless a call back asks for it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTestApp, type TestApp } from '../../../test/harness/app.ts';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import {
  type FakeKie,
  fakeCallback,
  fakeResult,
  fakeSignature,
  fakeTask,
  startFakeKie,
} from '../../../test/harness/fake-kie.ts';
import { flatPng } from '../../media/test-pictures.ts';

const KEY = 'canary0123456789abcdef';
const WEBHOOK_KEY = 'canary-webhook-0123456789';

interface Stage {
  fake: FakeKie;
  app: TestApp;
  clock: FakeClock;
}

async function open(t: TestContext): Promise<Stage> {
  const fake = await startFakeKie(t);
  fake.picture = flatPng(512, 512);
  const clock = new FakeClock(1_795_320_000_000);
  const env = {
    KIE_AI_API_KEY: KEY,
    KIE_AI_BASE_URL: fake.url,
    DRAWBRIDGE_PUBLIC_URL: 'https://draw.example',
  };
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-kie-'));
  writeFileSync(join(dataDir, 'drawbridge.yaml'), `providers: {kie: {webhook_key: ${WEBHOOK_KEY}}}\n`);
  const app = await startTestApp({ env, clock, dataDir });
  t.after(async () => {
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
    assert.doesNotMatch(app.log.text(), /canary/, 'K1: a secret is in the log');
  });
  return { fake, app, clock };
}

async function create({ app }: Stage): Promise<string> {
  const body = { prompt: 'a paper boat', model: 'nano-banana-2', size: '512x512' };
  const answer = await app.request('POST', '/v1/tasks', body);
  assert.ok(answer.status < 300, answer.text);
  return answer.json.id;
}

/** Where KIE was told to call, as a path here. */
async function addressGiven({ fake }: Stage): Promise<string> {
  const isCreate = () => fake.calls.find(({ leg }) => leg === 'create');
  const call = await until(isCreate, { what: 'the creation' });
  const { callBackUrl } = JSON.parse(call.body.toString()) as { callBackUrl: string };
  assert.match(callBackUrl, /^https:\/\/draw\.example\/v1\/callbacks\/kie\/[\w-]{40,}$/);
  return new URL(callBackUrl).pathname;
}

async function callBack({ app, clock }: Stage, path: string, taskId: string, key = WEBHOOK_KEY) {
  const headers = { 'content-type': 'application/json', ...fakeSignature(key, taskId, clock.now()) };
  const body = new Uint8Array(fakeCallback(taskId));
  const answer = await fetch(app.url + path, { method: 'POST', headers, body });
  return answer.status;
}

/** Fires what is due now, but lets no time pass. */
function succeeded({ app, clock }: Stage, id: string) {
  return until(
    async () => {
      const { json } = await app.request('GET', `/v1/tasks/${id}`);
      assert.notEqual(json.status, 'failed', JSON.stringify(json));
      return json.status === 'succeeded' ? json : null;
    },
    { clock, stepMs: 0, what: 'the picture' },
  );
}

const done = ({ fake }: Stage, taskId: string) =>
  fakeTask(taskId, { state: 'success', resultJson: fakeResult(`${fake.url}/files/a.png`) });

test('PC4, PC5: a call back brings the picture at once, a forged one changes nothing', async (t) => {
  const stage = await open(t);
  const { fake } = stage;
  const id = await create(stage);
  const path = await addressGiven(stage);
  const isWaiting = async () => {
    const { json } = await stage.app.request('GET', `/v1/tasks/${id}`);
    return json.phase === 'waiting';
  };
  await until(isWaiting, { what: 'KIE to have taken the task' });
  const polls = () => fake.calls.filter(({ leg }) => leg === 'poll').length;
  assert.equal(await callBack(stage, path, 'task_1', 'another-key'), 401);
  assert.equal(await callBack(stage, `${path}x`, 'task_1'), 404);
  assert.equal(await callBack(stage, path, 'task_2'), 404);
  assert.equal(polls(), 0);
  fake.script.poll = [done(stage, 'task_1')];
  assert.equal(await callBack(stage, path, 'task_1'), 200);
  assert.equal((await succeeded(stage, id)).images.length, 1);
  assert.equal(polls(), 1);
  assert.equal(await callBack(stage, path, 'task_1'), 200, 'a late duplicate is no fault');
  assert.equal(polls(), 1);
});

test('S2, PC6: a task whose creation was never answered is found by its call back, and not made twice', async (t) => {
  const stage = await open(t);
  const { fake } = stage;
  fake.script.create = [{ cut: 'reset' }];
  const id = await create(stage);
  const path = await addressGiven(stage);
  fake.script.poll = Array.from({ length: 4 }, () => done(stage, 'task_7'));
  fake.script.link = Array.from({ length: 4 }, () => ({ status: 422, body: { code: 422, msg: 'x' } }));
  assert.equal(await callBack(stage, path, 'task_7'), 200);
  await succeeded(stage, id);
  assert.equal(fake.calls.filter(({ leg }) => leg === 'create').length, 1);
});
