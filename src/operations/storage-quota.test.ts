// Quotas and retention through the whole app: who is full is refused with the reason, nobody else is; what is old goes to the
// trash, favourites stay.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { bearer, openAccount, type Person, pictureForm } from '../../test/security/cast.ts';
import { systemClock } from '../kernel/clock.ts';
import { retirePictures } from './retention.ts';

let app: TestApp;
let person: Person;

before(async () => {
  app = await startTestApp({
    sandbox: { instantPicture: true },
    env: { DRAWBRIDGE_LIMITS_STORAGE_MB_PER_ACCOUNT: '50' },
  });
  person = await openAccount(app, 'somebody');
});
after(() => app.close());

const as = (headers = {}) => ({ ...bearer(person.key), ...headers });
const storage = () => `/v1/admin/accounts/${person.accountId}/storage`;

async function makePicture(headers = {}) {
  const body = { prompt: 'a lake', size: '256x256' };
  return app.request('POST', '/v1/tasks', body, as({ prefer: 'wait=30', ...headers }));
}

test('a full account is refused new tasks and uploads, a repeated call is not', async () => {
  const made = await makePicture({ 'idempotency-key': 'first' });
  assert.equal(made.status, 200, made.text);
  const before = await app.request('GET', storage());
  assert.equal(before.json.quota_bytes, 50 * 1024 * 1024);
  assert.equal(before.json.own, false);
  assert.equal(before.json.used_bytes, made.json.images[0].bytes);

  const tiny = await app.request('PUT', storage(), { quota_mb: 0.001 });
  assert.deepEqual([tiny.status, tiny.json.own], [200, true]);
  const task = await makePicture();
  assert.equal(task.status, 403);
  assert.equal(task.json.code, 'storage_quota_reached');
  assert.match(task.json.detail, /of the 0\.0 MB/);
  const upload = await app.request('POST', '/v1/uploads', await pictureForm(), as());
  assert.equal(upload.json.code, 'storage_quota_reached');
  const chinese = await makePicture({ 'accept-language': 'zh' });
  assert.match(chinese.json.title, /空间已满/);
  const again = await makePicture({ 'idempotency-key': 'first' });
  assert.equal(again.json.id, made.json.id, 'what was accepted is answered again');
  assert.equal(
    (await app.request('POST', '/v1/tasks', { prompt: 'a', size: '256x256' })).status,
    202,
    'others',
  );

  await app.request('DELETE', `/v1/images/${made.json.images[0].id}`, undefined, as());
  await app.request('PUT', storage(), { quota_mb: 0.001 });
  assert.equal((await makePicture()).status, 200, 'the trash does not count');
  assert.equal((await app.request('PUT', storage(), { quota_mb: 0 })).json.quota_bytes, null);
  assert.equal((await app.request('PUT', storage(), { quota_mb: null })).json.own, false);
  const nobody = `/v1/admin/accounts/acct_${'0'.repeat(32)}/storage`;
  assert.equal((await app.request('PUT', nobody, { quota_mb: 1 })).status, 404);
});

test('pictures past their age go to the trash, favourites stay', async () => {
  const [old, loved] = [(await makePicture()).json.images[0], (await makePicture()).json.images[0]];
  await app.request('PATCH', `/v1/images/${loved.id}`, { favourite: true }, as());
  const { db } = app.app;
  const never = new AbortController().signal;
  const clock = { ...systemClock, now: () => systemClock.now() + 1_000 };
  assert.equal(await retirePictures({ db, clock }, null, never), 0);
  assert.equal(await retirePictures({ db, clock }, 3_600_000, never), 0);
  assert.ok((await retirePictures({ db, clock }, 1, never)) >= 1);
  const trashed = await app.request('GET', `/v1/images/${old.id}`, undefined, as());
  assert.ok(trashed.json.trashed_at !== null, trashed.text);
  const kept = await app.request('GET', `/v1/images/${loved.id}`, undefined, as());
  assert.equal(kept.json.trashed_at, null);
});
