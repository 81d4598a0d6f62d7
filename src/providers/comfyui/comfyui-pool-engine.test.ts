// The whole program over a pool of ComfyUI servers that die, come back and forget: every task ends with its picture, none is
// painted twice where it lives, and a page sees a run's progress and previews.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { startTestApp, type TestApp } from '../../../test/harness/app.ts';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import { startFakes } from '../../../test/harness/comfyui-adapter.ts';
import type { ComfyuiVersion, FakeComfyui } from '../../../test/harness/fake-comfyui.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { flatPng } from '../../media/test-pictures.ts';
import { type ComfyuiAdapter, createComfyuiProvider } from './comfyui.ts';
import { parseComfyuiSettings } from './comfyui-settings.ts';

/** The recorded run has four. */
const MOST_STEPS = 3;
const STEP = { stepMs: 100 };

interface Whole {
  app: TestApp;
  adapter: ComfyuiAdapter;
  clock: FakeClock;
  fakes: FakeComfyui[];
}

async function open(
  t: TestContext,
  count: number,
  settings: Record<string, unknown> = {},
  version: ComfyuiVersion = '0.27.1',
): Promise<Whole> {
  const fakes = await startFakes(t, count, version);
  for (const fake of fakes) fake.picture = flatPng(512, 512);
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const parsed = parseComfyuiSettings({ url: fakes.map(({ url }) => url).join(','), ...settings });
  const adapter = createComfyuiProvider({ settings: parsed.settings, outbound, clock, log });
  const app = await startTestApp({ clock, providers: [{ adapter, lane: parsed.lane }] });
  t.after(async () => {
    await app.close();
    await outbound.close();
  });
  return { app, adapter, clock, fakes };
}

async function create(app: TestApp, seed: number): Promise<string> {
  const body = { prompt: 'a red fox in the snow', model: 'comfyui', size: '512x512', seed };
  const answer = await app.request('POST', '/v1/tasks', body);
  assert.ok(answer.status < 300, answer.text);
  return answer.json.id;
}

const show = async (app: TestApp, id: string) => (await app.request('GET', `/v1/tasks/${id}`)).json;

/** Lets every server that lives paint, but for those named, until all tasks have ended. */
function paintAll({ app, clock, fakes }: Whole, ids: readonly string[], idle: readonly FakeComfyui[] = []) {
  return until(
    async () => {
      for (const fake of fakes) if (!idle.includes(fake) && fake.waiting > 0) fake.finishNext();
      const tasks = await Promise.all(ids.map((id) => show(app, id)));
      return tasks.every(({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status))
        ? tasks
        : null;
    },
    { clock, ...STEP, limitMs: 40_000, what: 'the end of all tasks' },
  );
}

test('PC1: of three servers one dies for good in mid-run: its tasks move on, and it is taken back when it lives', async (t) => {
  const whole = await open(t, 3, { unreachable_after_s: 10 });
  const { app, adapter, clock, fakes } = whole;
  const [dead] = fakes;
  assert.ok(dead);
  const ids = await Promise.all(Array.from({ length: 9 }, (_, seed) => create(app, seed)));
  const all = () => fakes.reduce((sum, { jobs }) => sum + jobs.length, 0);
  await until(() => all() === 6, { clock, ...STEP, what: 'two jobs at each server' });
  assert.deepEqual(
    fakes.map(({ jobs }) => jobs.length),
    [2, 2, 2],
  );
  dead.startNext();
  dead.step();
  await dead.close();
  const tasks = await paintAll(whole, ids, [dead]);
  for (const task of tasks) {
    assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
    assert.equal(task.images.length, 1);
  }
  assert.equal(dead.jobs.length, 2);
  assert.equal(all(), 11, 'what the dead one had was sent once more, and nothing else');
  const [shown] = adapter.detail().servers;
  assert.equal(shown?.state, 'open');
  assert.match(shown?.reason ?? '', /ComfyUI server 1 (refuses|broke off|cannot)/);
  // It comes back with all that it had, and even finishes a picture: nobody asks for it.
  await dead.start(dead.port);
  dead.finishNext();
  await until(() => adapter.detail().servers[0]?.state === 'closed', { clock, ...STEP, what: 'the closing' });
  await until(() => dead.waiting === 0, { clock, ...STEP, what: 'the other old job to be taken away' });
  assert.ok(!dead.requests.includes('GET /view'));
  const more = await create(app, 100);
  await until(() => dead.jobs.length === 3, { clock, ...STEP, what: 'new work for it' });
  assert.equal((await paintAll(whole, [more]))[0]?.status, 'succeeded');
});

for (const version of ['0.27.1', '0.3.64'] as const) {
  test(`${version} PC2: a server that is restarted in mid-run has lost its job, which is sent again once`, async (t) => {
    const whole = await open(t, 1, {}, version);
    const { app, clock, fakes } = whole;
    const [fake] = fakes;
    assert.ok(fake);
    const id = await create(app, 1);
    await until(() => fake.waiting > 0, { clock, ...STEP, what: 'the prompt' });
    fake.startNext();
    fake.step();
    await fake.restart();
    await until(() => fake.jobs.length === 2, { clock, ...STEP, what: 'the prompt again' });
    assert.notEqual(fake.jobs[0]?.promptId, fake.jobs[1]?.promptId);
    const [task] = await paintAll(whole, [id]);
    assert.equal(task.status, 'succeeded');
    assert.equal(fake.jobs.length, 2);
  });

  test(`${version}: a page sees progress and an unfinished picture while the run goes on`, async (t) => {
    const whole = await open(t, 1, {}, version);
    const { app, adapter, clock, fakes } = whole;
    const [fake] = fakes;
    assert.ok(fake);
    fake.live.preview = await sharp(flatPng(512, 512)).jpeg().toBuffer();
    const id = await create(app, 1);
    await until(() => fake.waiting > 0 && adapter.detail().servers[0]?.live, {
      clock,
      ...STEP,
      what: 'the prompt',
    });
    fake.startNext();
    let steps = 0;
    const running = await until(
      async () => {
        const task = await show(app, id);
        if (task.progress > 0 && task.preview_url !== null) return task;
        // A preview that comes before anybody listens is gone.
        if (task.phase === 'waiting' && steps < MOST_STEPS) {
          steps += 1;
          fake.step();
        }
        return null;
      },
      { clock, ...STEP, what: 'progress and a preview' },
    );
    const preview = await fetch(running.preview_url, {
      headers: { authorization: `Bearer ${app.adminKey}` },
    });
    assert.equal(preview.headers.get('content-type'), 'image/webp');
    assert.equal((await sharp(Buffer.from(await preview.arrayBuffer())).metadata()).width, 512);
    fake.finishNext();
    assert.equal((await paintAll(whole, [id]))[0]?.status, 'succeeded');
  });
}

test('X3: a running task is interrupted at its server, and no other job is', async (t) => {
  const whole = await open(t, 1);
  const { app, clock, fakes } = whole;
  const [fake] = fakes;
  assert.ok(fake);
  const id = await create(app, 1);
  await until(() => fake.waiting > 0, { clock, ...STEP, what: 'the prompt' });
  fake.startNext();
  const other = await create(app, 2);
  await until(() => fake.waiting > 0, { clock, ...STEP, what: 'the other prompt' });
  assert.ok((await app.request('POST', `/v1/tasks/${id}/cancel`)).status < 300);
  await until(async () => (await show(app, id)).status === 'cancelled', {
    clock,
    ...STEP,
    what: 'the cancel',
  });
  assert.equal(fake.requests.filter((line) => line === 'POST /interrupt').length, 1);
  assert.equal((await paintAll(whole, [other]))[0]?.status, 'succeeded');
});

test('PC7: a run that never ends is stopped at the deadline, also at its server', async (t) => {
  const whole = await open(t, 1, { deadline_s: 10 });
  const { app, clock, fakes } = whole;
  const [fake] = fakes;
  assert.ok(fake);
  const id = await create(app, 1);
  await until(() => fake.waiting > 0, { clock, ...STEP, what: 'the prompt' });
  fake.startNext();
  const [task] = await paintAll(whole, [id]);
  assert.equal(task.error.code, 'deadline_exceeded');
  assert.equal(fake.requests.filter((line) => line === 'POST /interrupt').length, 1);
});
