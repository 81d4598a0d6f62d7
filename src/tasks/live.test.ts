// A job that is watched while it runs, over real HTTP: its progress and unfinished pictures are seen at once, by its owner
// alone, and gone with the end of the run.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { until } from '../../test/harness/clock.ts';
import { pictures, png, ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { EventClient, type ReceivedEvent } from '../../test/whole/event-client.ts';

const FAR_MS = 600_000;
const LANE = { concurrency: 16, deadlineMs: 600_000 };

const provider = new ScriptedProvider({ watch: true });
let isDone = false;
let app: TestApp;
before(async () => {
  provider.onPoll = async (call) =>
    isDone
      ? { state: 'done', outputs: await pictures(call, 1) }
      : { state: 'running', progress: null, pollAfterMs: FAR_MS };
  app = await startTestApp({ providers: [{ adapter: provider, lane: LANE }] });
});
after(() => app.close());

const get = async (id: string) => (await app.request('GET', `/v1/tasks/${id}`)).json;

/** A running task with its channel open. */
async function watched() {
  isDone = false;
  const opened = provider.watches.length;
  const polls = provider.polls;
  const { json } = await app.request('POST', '/v1/tasks', { prompt: 'watched', model: 'scripted' });
  await until(() => provider.watches.length > opened && provider.polls > polls);
  const channel = provider.watches.at(-1);
  assert.ok(channel);
  return { id: json.id as string, channel };
}

async function finish(id: string, channel: { onWake(): void }) {
  isDone = true;
  channel.onWake();
  await until(async () => (await get(id)).finished_at !== null);
}

test('progress and previews show at once, and the end comes with a word from the provider', async () => {
  const { id, channel } = await watched();
  const events: ReceivedEvent[] = [];
  const client = new EventClient({
    target: () => ({
      url: `${app.url}/v1/tasks/${id}/events`,
      headers: { authorization: `Bearer ${app.adminKey}` },
    }),
    onEvent: (event) => events.push(event),
  }).start();
  assert.equal((await get(id)).preview_url, null);
  assert.equal((await app.request('GET', `/v1/tasks/${id}/preview`)).status, 404);
  const polls = provider.polls;
  channel.onProgress(0.5);
  const large = await sharp({ create: { width: 1600, height: 900, channels: 3, background: '#336699' } })
    .withExif({ IFD0: { Copyright: 'a secret recipe' } })
    .jpeg()
    .toBuffer();
  channel.onPreview({ bytes: large, mime: 'image/jpeg' });
  const seen = await until(() =>
    events.find(({ data }) => data.preview_url !== null && data.progress === 0.5),
  );
  assert.equal(seen.event, 'task.updated');
  assert.ok(seen.data.preview_url.startsWith(`${app.url}/v1/tasks/${id}/preview?v=`), seen.data.preview_url);
  assert.equal(provider.polls, polls, 'the channel alone told it');
  const answer = await fetch(seen.data.preview_url, { headers: { authorization: `Bearer ${app.adminKey}` } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'image/webp');
  assert.match(answer.headers.get('cache-control') ?? '', /no-store/);
  const shown = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
  assert.deepEqual([shown.width, shown.height, shown.exif], [512, 288, undefined]);
  channel.onPreview({ bytes: await png(7), mime: 'image/png' });
  await until(() => events.some(({ data }) => ![null, seen.data.preview_url].includes(data.preview_url)));
  await finish(id, channel);
  assert.equal((await get(id)).preview_url, null);
  assert.equal(
    (await fetch(seen.data.preview_url, { headers: { authorization: `Bearer ${app.adminKey}` } })).status,
    404,
  );
  assert.ok(channel.isStopped && channel.signal.aborted);
  const versions = events.map(({ data }) => data.version as number);
  assert.deepEqual(
    versions,
    [...new Set(versions)].sort((a, b) => a - b),
  );
  await client.close();
});

test('a preview is its owner’s alone', async () => {
  const { id, channel } = await watched();
  channel.onPreview({ bytes: await png(3), mime: 'image/png' });
  const { preview_url: url } = await until(async () => {
    const task = await get(id);
    return task.preview_url === null ? null : task;
  });
  const { json: account } = await app.request('POST', '/v1/admin/accounts', { name: 'somebody else' });
  const { json: key } = await app.request('POST', '/v1/keys', { name: 'k' }, { 'x-account-id': account.id });
  const as = (headers: Record<string, string>) => fetch(url, { headers }).then(({ status }) => status);
  assert.equal(await as({ authorization: `Bearer ${key.key}` }), 404);
  assert.equal(await as({}), 401);
  assert.equal(await as({ authorization: `Bearer ${app.adminKey}` }), 200);
  await finish(id, channel);
});

test('a preview that is no picture is passed over, and the task goes on', async () => {
  const { id, channel } = await watched();
  channel.onPreview({ bytes: Buffer.from('<svg onload="alert(1)"/>'), mime: 'image/png' });
  await until(() => app.log.records.some(({ message }) => /preview could not be decoded/.test(message)));
  assert.equal((await get(id)).preview_url, null);
  await finish(id, channel);
  assert.equal((await get(id)).status, 'succeeded');
});

test('a preview that comes with the submit is seen while the job waits', async () => {
  isDone = false;
  const watchesBefore = provider.watches.length;
  provider.submitScript.push(async (call) => {
    call.onProgress(0.2);
    call.onPreview({ bytes: await png(5), mime: 'image/png' });
    return { state: 'accepted', jobId: provider.makeJob(call.clientRef), pollAfterMs: 0 };
  });
  const { json } = await app.request('POST', '/v1/tasks', { prompt: 'streamed', model: 'scripted' });
  await until(
    async () => {
      const now = await get(json.id);
      return now.phase === 'waiting' && now.preview_url !== null;
    },
    { what: 'the preview of a job that waits' },
  );
  const channel = await until(() => provider.watches[watchesBefore], { what: 'the channel' });
  await finish(json.id, channel);
});

test('a channel that ends is opened again, and polling needs none', async () => {
  const { id, channel } = await watched();
  const opened = provider.watches.length;
  channel.onEnd?.();
  channel.onEnd?.();
  assert.ok(channel.isStopped);
  await until(() => provider.watches.length > opened, { what: 'the second channel' });
  assert.equal(provider.watches.length, opened + 1);
  const polls = provider.polls;
  channel.onWake();
  channel.onProgress(0.9);
  const second = provider.watches.at(-1);
  assert.ok(second);
  second.onProgress(0.3);
  await until(async () => (await get(id)).progress === 0.3);
  assert.equal(provider.polls, polls, 'a channel that ended says nothing more');
  await finish(id, second);
});
