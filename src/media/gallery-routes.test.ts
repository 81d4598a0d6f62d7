// The gallery over HTTP on the whole program: bytes, conditions and compression of the index, rows, actions and repair, and that
// one account sees and touches nothing of another.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { TestApp } from '../../test/harness/app.ts';
import { bearer, openAccount, type Person, startFastApp } from '../../test/security/cast.ts';
import { decodeIndex } from './gallery-index-format.ts';

let app: TestApp;
let owner: Person;
let stranger: Person;
/** In the order of making. */
const ids: string[] = [];

before(async () => {
  app = await startFastApp();
  owner = await openAccount(app, 'owner');
  stranger = await openAccount(app, 'stranger');
  for (const [prompt, size] of [
    ['雨中的小猫', '256x256'],
    ['a lake at dawn', '512x256'],
  ]) {
    const task = await call('POST', '/v1/tasks', owner, { prompt, size }, { prefer: 'wait=60' });
    assert.equal(task.json.status, 'succeeded', task.text);
    ids.push(task.json.images[0].id);
  }
});
after(() => app.close());

function call(
  method: string,
  path: string,
  person: Person,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  return app.request(method, path, body, { ...bearer(person.key), ...headers });
}

async function fetchIndex(person: Person, query = '', headers: Record<string, string> = {}) {
  const answer = await fetch(`${app.url}/v1/gallery/index${query}`, {
    headers: { ...bearer(person.key), 'accept-encoding': 'identity', ...headers },
  });
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
}

test('the index: cold, warm, not changed, compressed, and for its owner only', async () => {
  const cold = await fetchIndex(owner);
  assert.equal(cold.answer.status, 200);
  assert.equal(cold.answer.headers.get('etag'), null);
  assert.equal(decodeIndex(cold.bytes).isComplete, true);
  const warm = await fetchIndex(owner);
  const etag = warm.answer.headers.get('etag') ?? '';
  assert.equal(warm.answer.headers.get('content-type'), 'application/octet-stream');
  assert.equal(warm.answer.headers.get('cache-control'), 'private, no-cache');
  assert.match(warm.answer.headers.get('vary') ?? '', /accept-encoding, authorization, cookie/);
  const decoded = decodeIndex(warm.bytes);
  assert.deepEqual([decoded.count, decoded.anchors, decoded.flags], [2, [ids[1]], 0]);
  assert.deepEqual(decoded.ratios, decodeIndex(cold.bytes).ratios);
  const same = await fetchIndex(owner, '', { 'if-none-match': `"x", ${etag}` });
  assert.deepEqual([same.answer.status, same.bytes.length], [304, 0]);
  assert.equal(same.answer.headers.get('etag'), etag);
  const raw = await app.app.server.inject({
    url: '/v1/gallery/index',
    headers: { ...bearer(owner.key), 'accept-encoding': 'br, gzip' },
  });
  assert.equal(raw.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(raw.rawPayload), warm.bytes);
  const head = await app.app.server.inject({
    method: 'HEAD',
    url: '/v1/gallery/index',
    headers: bearer(owner.key),
  });
  assert.deepEqual([head.statusCode, head.headers.etag], [200, etag]);
  const foreign = await fetchIndex(stranger);
  assert.equal(decodeIndex(foreign.bytes).count, 0);
  assert.equal((await fetchIndex(stranger, '', { 'if-none-match': etag })).answer.status, 200);
  const filtered = await fetchIndex(owner, `?q=${encodeURIComponent('小猫')}`);
  assert.equal(decodeIndex(filtered.bytes).count, 1);
});

test('a cold index is compressed block by block', async () => {
  const person = await openAccount(app, 'another');
  const raw = await app.app.server.inject({
    url: '/v1/gallery/index',
    headers: { ...bearer(person.key), 'accept-encoding': 'gzip' },
  });
  assert.equal(raw.headers['content-encoding'], 'gzip');
  assert.equal(raw.headers.etag, undefined);
  assert.equal(decodeIndex(gunzipSync(raw.rawPayload)).isComplete, true);
});

test('rows are pictures with their stack and the state of their file; damaged ones say what can be done', async () => {
  const hd = await call('POST', `/v1/images/${ids[0]}/upscale`, owner, { scale: 2 }, { prefer: 'wait=60' });
  assert.equal(hd.json.status, 'succeeded', hd.text);
  const window = await call('GET', '/v1/gallery/window', owner);
  const [variant, lake, cat] = window.json.data;
  assert.deepEqual([variant.kind, variant.parent_id, variant.stack], ['hd', ids[0], null]);
  assert.deepEqual(
    [cat.id, cat.stack, cat.damage, cat.origin],
    [ids[0], { count: 1, ids: [variant.id] }, null, 'api'],
  );
  const { making, ...detail } = (await call('GET', `/v1/images/${ids[1]}`, owner)).json;
  assert.deepEqual(detail, lake);
  assert.deepEqual(
    [making.task_id, making.prompt, making.final_prompt, making.size, making.n, making.mode],
    [lake.task_id, 'a lake at dawn', 'a lake at dawn', '512x256', 1, 'text-to-image'],
  );
  const enlarged = (await call('GET', `/v1/images/${variant.id}`, owner)).json;
  assert.deepEqual(
    [enlarged.parent_id, enlarged.making.mode, enlarged.making.images[0].url],
    [ids[0], 'upscale', cat.url],
  );
  assert.equal((await call('GET', `/v1/images/${variant.id}`, stranger)).status, 404);

  const key = new URL(lake.url).pathname.split('/').at(-1) ?? '';
  await rm(join(app.app.media.root, 'final', key.slice(0, 2), key));
  const repair = await call('POST', `/v1/images/${ids[1]}/repair`, owner);
  assert.deepEqual(repair.json, { outcome: 'damaged' });
  const after = await call('GET', `/v1/gallery/window?anchor=${ids[1]}&limit=1`, owner);
  assert.equal(after.json.data[0].damage.repair, 'possible');
  assert.deepEqual((await call('POST', `/v1/images/${ids[0]}/repair`, owner)).json, { outcome: 'whole' });
  assert.equal((await call('POST', `/v1/images/${ids[0]}/repair`, stranger)).status, 404);
});

test('an action, its conflict with the new count, and its undo', async () => {
  const act = (person: Person, selection: object, action = 'trash') =>
    call('POST', '/v1/gallery/actions', person, { action, selection });
  const refused = await act(owner, { filter: { q: '小猫', kind: 'final' }, expected_count: 7 });
  assert.deepEqual([refused.status, refused.json.errors[0].detail], [409, '1']);
  assert.equal((await act(stranger, { ids })).json.touched, 0);
  const done = await act(owner, { filter: { q: '小猫', kind: 'final' }, expected_count: 1 });
  assert.deepEqual([done.json.touched, done.json.can_undo, done.json.state], [1, true, 'done']);
  const trash = await call('GET', '/v1/gallery/window?trashed=true', owner);
  assert.deepEqual(
    trash.json.data.map(({ id }: { id: string }) => id),
    [ids[0]],
  );
  assert.equal((await call('GET', '/v1/gallery/facets', owner)).json.trash.count, 1);
  assert.equal((await call('POST', `/v1/gallery/actions/${done.json.id}/undo`, stranger)).status, 404);
  const undone = await call('POST', `/v1/gallery/actions/${done.json.id}/undo`, owner);
  assert.deepEqual([undone.json.action, undone.json.touched], ['restore', 1]);
  assert.equal((await call('GET', `/v1/gallery/actions/${done.json.id}`, owner)).json.can_undo, false);
});

test('what the filter does not know is refused', async () => {
  for (const query of [
    'origin=space',
    'ratio=9',
    'mode=x',
    'favourite=1',
    'before=yesterday',
    'anchor=task_1',
    'utc_offset=9999',
  ]) {
    const path = query.startsWith('utc') ? '/v1/gallery/index' : '/v1/gallery/window';
    assert.equal((await call('GET', `${path}?${query}`, owner)).status, 422, query);
  }
  const body = { action: 'trash', selection: { filter: { sql: '1=1' }, expected_count: 0 } };
  assert.equal((await call('POST', '/v1/gallery/actions', owner, body)).status, 422);
  const untold = { action: 'tag', selection: { ids } };
  assert.equal((await call('POST', '/v1/gallery/actions', owner, untold)).status, 422);
});
