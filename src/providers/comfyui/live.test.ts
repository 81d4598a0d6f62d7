// Progress and previews over real WebSockets, as two versions of ComfyUI were recorded to send them, with every trap of the
// recordings; and pictures that come over the WebSocket instead of as files.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/clock.ts';
import { openAdapter, startFakes, type Watched } from '../../../test/harness/comfyui-adapter.ts';
import type { ComfyuiVersion, FakeComfyui } from '../../../test/harness/fake-comfyui.ts';
import { promptIdOf } from './comfyui.ts';
import { parseFrame, parseText } from './live-messages.ts';

const VERSIONS: readonly ComfyuiVersion[] = ['0.27.1', '0.3.64'];

async function open(t: TestContext, version: ComfyuiVersion = '0.27.1', settings = {}) {
  const [fake] = await startFakes(t, 1, version);
  assert.ok(fake);
  const harness = openAdapter(t, [fake], settings);
  const connected = () => until(() => harness.adapter.detail().servers[0]?.live, { what: 'the connection' });
  return { fake, connected, ...harness };
}

/** A folder with a workflow of the operator's own. */
function workflows(t: TestContext, change: (graph: Record<string, { class_type: string }>) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'workflows-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const graph = {
    '3': { class_type: 'KSampler', inputs: { seed: 0, steps: 3 } },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0] } },
    '9': { class_type: 'SaveImageWebsocket', inputs: { images: ['8', 0] } },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: '' } },
  };
  change(graph);
  const template = { graph, inputs: { prompt: ['6.text'], seed: ['3.seed'] } };
  writeFileSync(join(folder, 'text-to-image.json'), JSON.stringify(template));
  return folder;
}

const anyNode = (fake: FakeComfyui, name: string) => fake.addNode(name);

for (const version of VERSIONS) {
  test(`${version}: progress, previews and the end of a run come at once`, async (t) => {
    const { fake, connected, accept, watch, poll } = await open(t, version);
    const jobId = await accept('job_1');
    const watched = watch(jobId);
    await connected();
    await until(() => fake.live.wantMetadata > 0, { what: 'the flag' });
    fake.startNext();
    await until(() => watched.fractions.length > 0, { what: 'the start' });
    const before = watched.wakes;
    fake.step();
    await until(() => watched.previews.length === 1, { what: 'a preview' });
    assert.equal(watched.previews[0]?.mime, 'image/jpeg');
    assert.deepEqual(Buffer.from(watched.previews[0]?.bytes ?? []), fake.live.preview);
    fake.step();
    await until(() => watched.previews.length === 2, { what: 'another preview' });
    const half = watched.fractions.at(-1) ?? 0;
    // Four nodes were cached, and the sampler counts for its 20 steps of 26 parts.
    assert.equal(half, (4 + 10) / 26);
    assert.deepEqual(await poll(jobId), { state: 'running', progress: half, pollAfterMs: 1000 });
    fake.finishNext();
    await until(() => watched.wakes > before, { what: 'the wake-up' });
    assert.equal((await poll(jobId)).state, 'done', 'it was in the history when we were woken');
    assert.deepEqual(
      watched.fractions,
      watched.fractions.toSorted((a, b) => a - b),
    );
    assert.ok((watched.fractions.at(-1) ?? 0) > 0.9);
  });

  test(`${version}: a failed run wakes too`, async (t) => {
    const { fake, connected, accept, watch, poll } = await open(t, version);
    for (const how of ['interrupted', 'bad_image']) {
      const jobId = await accept(`job_${how}`);
      const watched = watch(jobId);
      await connected();
      const before = watched.wakes;
      fake.endAs(how);
      await until(() => watched.wakes > before, { what: `the wake-up after ${how}` });
      assert.equal((await poll(jobId)).state, 'failed');
    }
  });

  test(`${version}: pictures that a workflow only sends are the result; unheard ones are lost`, async (t) => {
    const folder = workflows(t, () => {});
    const { fake, connected, accept, watch, poll, spooled } = await open(t, version, { workflows: folder });
    anyNode(fake, 'SaveImageWebsocket');
    const jobId = await accept('job_1');
    await connected();
    watch(jobId);
    fake.picture = Buffer.from('sent picture');
    fake.finishNext();
    const done = await until(async () => {
      const result = await poll(jobId);
      return result.state === 'done' ? result : null;
    });
    assert.deepEqual(spooled, ['sent picture', 'sent picture']);
    assert.deepEqual(
      done.outputs.map(({ seed }) => seed),
      [41, 41],
    );
    const second = await accept('job_2');
    fake.live.cut();
    fake.finishNext();
    assert.deepEqual(await poll(second), { state: 'lost' });
  });
}

test('without the flag, pictures belong to the run that spoke last; a stranger’s are nobody’s', async (t) => {
  const { fake, connected, accept, watch } = await open(t);
  fake.live.ignoresFlags = true;
  const watched = watch(await accept('job_1'));
  await connected();
  fake.startNext();
  fake.step();
  await until(() => watched.previews.length === 1, { what: 'a preview' });
  fake.live.playStranger();
  fake.step();
  fake.finishNext();
  const before = watched.wakes;
  await until(() => watched.wakes > before, { what: 'the end' });
  assert.equal(watched.previews.length, 10, 'as many as there are steps');
});

test('one connection serves all jobs of a server, and closes when nobody needs it', async (t) => {
  const { fake, connected, accept, watch, clock } = await open(t);
  const jobs: Watched[] = [];
  for (let count = 0; count < 20; count += 1) jobs.push(watch(await accept(`job_${count}`)));
  await connected();
  assert.equal(fake.live.handshakes.length, 1);
  fake.startNext();
  await until(() => jobs[0]?.fractions.length, { what: 'progress of the first' });
  assert.equal(jobs[1]?.fractions.length, 0);
  for (const job of jobs.slice(1)) job.stop();
  clock.advance(61_000);
  assert.equal(fake.live.connections, 1, 'one job still needs it');
  jobs[0]?.stop();
  clock.advance(61_000);
  await until(() => fake.live.connections === 0, { what: 'the end of the connection' });
  const again = watch(await accept('job_again'));
  await until(() => fake.live.connections === 1, { what: 'the next connection' });
  again.stop();
});

test('a break is waited out, the next connection has the same id, and whoever waits is woken', async (t) => {
  const { fake, connected, accept, watch, clock, adapter } = await open(t);
  const watched = watch(await accept('job_1'));
  await connected();
  fake.startNext();
  await until(() => watched.fractions.length > 0, { what: 'the start' });
  const before = watched.wakes;
  fake.live.cut({ keepsRun: true });
  await until(() => watched.wakes > before, { what: 'the wake-up after the break' });
  assert.equal(adapter.detail().servers[0]?.live, false);
  assert.equal(fake.live.handshakes.length, 1, 'not at once');
  await until(() => fake.live.handshakes.length === 2, { clock, stepMs: 100, what: 'the reconnect' });
  await connected();
  assert.equal(new Set(fake.live.clientIds).size, 1);
  fake.step();
  await until(() => watched.previews.length > 0, { what: 'what goes on' });
});

test('a server behind a proxy without WebSockets is only polled, and asked ever more rarely', async (t) => {
  const { fake, accept, watch, poll, clock } = await open(t);
  fake.live.refuses = true;
  const jobId = await accept('job_1');
  const watched = watch(jobId);
  await until(() => fake.live.refused === 1, { what: 'the refusal' });
  fake.startNext();
  assert.deepEqual(await poll(jobId), { state: 'running', progress: null, pollAfterMs: 1000 });
  const startedMs = clock.monotonicMs();
  await until(() => clock.monotonicMs() - startedMs >= 32_000, { clock, stepMs: 250, what: 'half a minute' });
  assert.ok(fake.live.refused >= 3 && fake.live.refused <= 6, `${fake.live.refused} tries in half a minute`);
  fake.finishNext();
  assert.equal((await poll(jobId)).state, 'done');
  assert.equal(watched.fractions.length, 0);
});

test('a job of an earlier process is followed under the id that it was submitted with', async (t) => {
  const { fake, accept, connected } = await open(t);
  const jobId = await accept('job_1');
  await connected();
  const [first] = fake.live.clientIds;
  fake.live.cut({ keepsRun: true });
  const later = openAdapter(t, [fake]);
  const watched = later.watch(jobId);
  await later.poll(jobId);
  await until(() => fake.live.clientIds.length === 2, { what: 'its connection' });
  assert.equal(fake.live.clientIds[1], first);
  await until(() => fake.live.connections === 1, { what: 'the connection' });
  fake.startNext();
  fake.step();
  await until(() => watched.previews.length === 1 && watched.fractions.length > 0, { what: 'its progress' });
});

test('a connection that says nothing of a run is opened anew', async (t) => {
  const { fake, accept, watch, connected, poll, clock } = await open(t);
  await accept('job_0');
  await connected();
  const jobId = await accept('job_1');
  watch(jobId);
  fake.finishNext();
  fake.live.deafen();
  fake.finishNext();
  assert.equal((await poll(jobId)).state, 'done');
  await until(() => fake.live.handshakes.length === 2, { clock, stepMs: 100, what: 'the new connection' });
});

test('a job that somebody takes out of the queue is not sent again; one lost with a restart is', async (t) => {
  const { fake, accept, watch, connected, poll } = await open(t);
  await accept('job_0');
  await connected();
  fake.startNext();
  const removed = await accept('job_1');
  watch(removed);
  assert.equal((await poll(removed)).state, 'running');
  await fetch(`${fake.url}/queue`, {
    method: 'POST',
    body: JSON.stringify({ delete: [promptIdOf('job_1')] }),
  });
  const result = await poll(removed);
  assert.ok(result.state === 'failed');
  assert.match(result.error.message, /taken out of the queue of ComfyUI server 1/);
  const lost = await accept('job_2');
  watch(lost);
  assert.equal((await poll(lost)).state, 'running');
  await fake.restart();
  assert.deepEqual(await poll(lost).catch(() => poll(lost)), { state: 'lost' });
});

test('messages and frames of any other shape are nothing', () => {
  const texts = [
    '',
    'junk',
    '[]',
    '{"type":"status","data":{"status":{}}}',
    '{"type":"executing","data":{"node":"3"}}',
    '{"type":"progress","data":{"prompt_id":"a","node":"3","value":"1","max":4}}',
    '{"type":"progress","data":{"prompt_id":"a","node":"3","value":1,"max":0}}',
    '{"type":"execution_success","data":{"prompt_id":"a"}}',
  ];
  for (const text of texts) assert.equal(parseText(text), null, text);
  const over = parseText('{"type":"progress","data":{"prompt_id":"a","node":"3","value":9,"max":4}}');
  assert.deepEqual(over, { type: 'progress', promptId: 'a', nodes: new Map([['3', 1]]) });
  const frames = [
    '',
    '00000001',
    '0000000100000009ff',
    '0000000300000001616263',
    '00000004ffffffff6162',
    '0000000400000002616263',
  ];
  for (const hex of frames) assert.equal(parseFrame(Buffer.from(hex, 'hex')), null, hex);
});

test('K1: the key goes with the handshake, and nowhere else', async (t) => {
  const [fake] = await startFakes(t, 1);
  assert.ok(fake);
  const { accept, watch, log } = openAdapter(t, [fake], { api_key: 'canary-key-17' });
  watch(await accept('job_1'));
  await until(() => fake.live.handshakes.length === 1, { what: 'the handshake' });
  assert.equal(fake.live.handshakes[0]?.authorization, 'Bearer canary-key-17');
  assert.equal(fake.live.handshakes[0]?.origin, undefined);
  assert.ok(!JSON.stringify(log.records).includes('canary-key-17'));
});
