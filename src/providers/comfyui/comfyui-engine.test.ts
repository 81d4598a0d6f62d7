// The whole program over ComfyUI servers: one task makes one picture although the server dies, forgets, or never answers,
// and no second job is made where the first one lives.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTestApp, type TestApp } from '../../../test/harness/app.ts';
import { until } from '../../../test/harness/clock.ts';
import { type FakeComfyui, startFakeComfyui } from '../../../test/harness/fake-comfyui.ts';
import { flatPng } from '../../media/test-pictures.ts';

const PROMPT = 'a red fox in the snow';

async function open(t: TestContext): Promise<{ app: TestApp; fakes: [FakeComfyui, FakeComfyui] }> {
  const fakes: [FakeComfyui, FakeComfyui] = [await startFakeComfyui(), await startFakeComfyui('0.3.64')];
  for (const fake of fakes) fake.picture = flatPng(512, 512);
  const app = await startTestApp({ env: { COMFYUI_URL: fakes.map(({ url }) => url).join(',') } });
  t.after(async () => {
    await app.close();
    for (const fake of fakes) await fake.close();
  });
  return { app, fakes };
}

async function create(app: TestApp, more: Record<string, unknown> = {}): Promise<string> {
  const body = { prompt: PROMPT, model: 'comfyui', size: '512x512', seed: 7, ...more };
  const answer = await app.request('POST', '/v1/tasks', body);
  assert.ok(answer.status < 300, answer.text);
  return answer.json.id;
}

function ended(app: TestApp, id: string) {
  return until(
    async () => {
      const { json } = await app.request('GET', `/v1/tasks/${id}`);
      return ['succeeded', 'failed', 'cancelled'].includes(json.status) ? json : null;
    },
    { what: 'the end of the task' },
  );
}

test('a task is painted by a server of the pool, and its picture is served', async (t) => {
  const { app, fakes } = await open(t);
  const id = await create(app, { n: 2 });
  const fake = await until(() => fakes.find((each) => each.waiting > 0), { what: 'the prompt' });
  fake.finishNext();
  const task = await ended(app, id);
  assert.equal(task.status, 'succeeded', JSON.stringify(task));
  assert.equal(task.images.length, 2);
  assert.deepEqual(
    task.images.map((image: { seed: number }) => image.seed),
    [7, 8],
  );
});

test('P1 S3: an answer that was lost makes no second job', async (t) => {
  const { app, fakes } = await open(t);
  const [fake, other] = fakes;
  await other.close();
  fake.next('POST /prompt', (_request, response) => {
    response.end = () => response.destroy();
    return 'normal';
  });
  const id = await create(app);
  await until(() => fake.waiting > 0, { what: 'the prompt' });
  fake.finishNext();
  assert.equal((await ended(app, id)).status, 'succeeded');
  assert.equal(fake.jobs.length, 1);
});

test('PC2: a server that was restarted has lost the job, which is sent again once', async (t) => {
  const { app, fakes } = await open(t);
  const id = await create(app);
  const first = await until(() => fakes.find((each) => each.waiting > 0), { what: 'the prompt' });
  await first.restart();
  const second = await until(() => fakes.find((each) => each.waiting > 0), { what: 'the prompt again' });
  second.finishNext();
  assert.equal((await ended(app, id)).status, 'succeeded');
  assert.equal(fakes[0].jobs.length + fakes[1].jobs.length, 2);
});

test('X3: a cancelled task leaves the queue of its server', async (t) => {
  const { app, fakes } = await open(t);
  const id = await create(app);
  const fake = await until(() => fakes.find((each) => each.waiting > 0), { what: 'the prompt' });
  const answer = await app.request('POST', `/v1/tasks/${id}/cancel`);
  assert.ok(answer.status < 300, answer.text);
  assert.equal((await ended(app, id)).status, 'cancelled');
  assert.equal(fake.waiting, 0);
});

test('S8: a task that no server can paint fails and names what is missing', async (t) => {
  const { app, fakes } = await open(t);
  for (const fake of fakes) fake.missingNodes.add('VAEDecode');
  const [fake] = fakes;
  const task = await ended(app, await create(app));
  assert.equal(task.status, 'failed');
  assert.match(task.error.detail, /VAEDecode/);
  assert.ok(!task.error.detail.includes(fake.host));
});
