// One account's things against everyone else: generated from the contracts, so that a new route with an id is tried too. A
// foreign id and an unknown one must be answered alike, and no refused call may change anything.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { allContracts } from '../../src/contracts.ts';
import { newId } from '../../src/kernel/id.ts';
import { type RouteContract, SCOPES } from '../../src/kernel/route.ts';
import { defaultId } from '../../src/styles/default-styles.ts';
import { ADMIN_KEY, type TestAnswer, type TestApp } from '../harness/app.ts';
import {
  type Belongings,
  bearer,
  createKey,
  giveBelongings,
  MEMBER_SCOPES,
  openAccount,
  type Person,
  startFastApp,
} from './cast.ts';
import { bodyOf, fillPath, GOOD_BODIES, ID_PREFIX, idKindOf, isStream } from './route-calls.ts';

let app: TestApp;
let owner: Person;
let stranger: Person;
let belongings: Belongings;

before(async () => {
  app = await startFastApp();
  owner = await openAccount(app, 'owner');
  stranger = await openAccount(app, 'stranger');
  belongings = await giveBelongings(app, owner);
});
after(() => app.close());

function ownedIdOf(contract: RouteContract): string {
  const kind = idKindOf(contract);
  const { taskId, imageId, spareKeyId, webhookId, deliveryId, promptId, shareId } = belongings;
  return {
    task: taskId,
    image: imageId,
    upload: belongings.uploadId,
    galleryAction: belongings.galleryActionId,
    key: spareKeyId,
    account: owner.accountId,
    user: belongings.userId,
    invitation: belongings.invitationId,
    session: belongings.sessionId,
    batch: belongings.batchId,
    story: belongings.storyId,
    share: shareId,
    webhook: webhookId,
    delivery: deliveryId,
    prompt: promptId,
    // Everybody's, and an administrator's to change.
    style: defaultId('style', 'watercolour'),
    styleCategory: defaultId('stylecat', 'painting'),
  }[kind ?? 'task'];
}

/** Everything of the owner that a call could change. */
async function ownersState(): Promise<unknown> {
  const headers = bearer(owner.key);
  const paths = [
    `/v1/tasks/${belongings.taskId}`,
    '/v1/tasks',
    '/v1/prompts',
    '/v1/images',
    '/v1/images?trashed=true',
    '/v1/gallery/facets',
    `/v1/gallery/actions/${belongings.galleryActionId}`,
    '/v1/credits',
    '/v1/credits/entries',
    '/v1/auth/session',
    '/v1/account',
    '/v1/account/sessions',
    '/v1/batches',
    '/v1/shares',
    '/v1/webhooks',
    '/v1/webhooks/deliveries',
    '/v1/webhooks/default-secret',
  ];
  const answers = await Promise.all(paths.map((path) => app.request('GET', path, undefined, headers)));
  const keys = await app.request('GET', '/v1/keys', undefined, headers);
  const listed = keys.json.data.map(({ id, name, scopes }: Record<string, unknown>) => ({
    id,
    name,
    scopes,
  }));
  return [...answers.map(({ status, json }) => ({ status, json })), listed];
}

/** An answer without what differs from request to request: its own id, and the id that was asked for. */
function comparable({ status, text }: TestAnswer, id: string): string {
  return `${status} ${text.replaceAll(id, '<id>').replaceAll(/req_[0-9a-f]{32}/g, '<request>')}`;
}

const withId = allContracts.filter((contract) => contract.path.includes(':id'));

for (const contract of withId) {
  test(`Z2 ${contract.method} ${contract.path}: anonymous 401, foreign as unknown, low scope 403`, async () => {
    const { access, method } = contract;
    assert.equal(access.kind, 'scope', 'a route with an id is for callers with a scope');
    const kind = idKindOf(contract);
    assert.ok(kind);
    const before = await ownersState();
    const call = (id: string, headers: Record<string, string>) =>
      app.request(method, fillPath(contract, id), bodyOf(contract), headers);
    const owned = ownedIdOf(contract);
    const unknown = newId(ID_PREFIX[kind], Date.now());

    const anonymous = await fetch(`${app.url}${fillPath(contract, owned)}`, { method });
    await anonymous.text();
    assert.equal(anonymous.status, 401);

    const asStranger = await call(owned, bearer(stranger.key));
    assert.equal(
      comparable(asStranger, owned),
      comparable(await call(unknown, bearer(stranger.key)), unknown),
    );
    assert.equal(asStranger.status, access.kind === 'scope' && access.scope === 'admin' ? 403 : 404);
    for (const secret of Object.values(belongings))
      assert.ok(!asStranger.text.includes(secret) || secret === owned, asStranger.text);

    const needed = access.kind === 'scope' ? access.scope : 'admin';
    const others = MEMBER_SCOPES.filter((scope) => scope !== needed);
    const low = await createKey(app, owner.accountId, others);
    const asLow = await call(owned, bearer(low.key));
    assert.equal(asLow.status, 403, asLow.text);
    const revoked = await app.request('DELETE', `/v1/keys/${low.keyId}`, undefined, bearer(owner.key));
    assert.equal(revoked.status, 204);

    assert.deepEqual(await ownersState(), before);
  });
}

test('Z2 a foreign upload or picture is no input of a task', async () => {
  const before = await ownersState();
  const headers = bearer(stranger.key);
  const unknownUpload = newId('up', Date.now());
  const unknownImage = newId('img', Date.now());
  const sources: [foreign: object, id: string, unknown: object, unknownId: string][] = [
    [{ upload_id: belongings.uploadId }, belongings.uploadId, { upload_id: unknownUpload }, unknownUpload],
    [{ image_id: belongings.imageId }, belongings.imageId, { image_id: unknownImage }, unknownImage],
    // An id of one kind in the field of another must not get around the check.
    [{ upload_id: belongings.imageId }, belongings.imageId, { upload_id: unknownImage }, unknownImage],
    [{ image_id: belongings.uploadId }, belongings.uploadId, { image_id: unknownUpload }, unknownUpload],
  ];
  for (const [foreign, id, unknown, unknownId] of sources) {
    for (const build of [
      (source: object) => ({ prompt: 'a', images: [source] }),
      (source: object) => ({ prompt: 'a', images: [source], mask: source }),
      (source: object) => ({ prompt: '', mode: 'upscale', images: [source] }),
    ]) {
      const asForeign = await app.request('POST', '/v1/tasks', build(foreign), headers);
      const asUnknown = await app.request('POST', '/v1/tasks', build(unknown), headers);
      assert.equal(asForeign.status, 404, asForeign.text);
      assert.equal(comparable(asForeign, id), comparable(asUnknown, unknownId));
    }
  }
  assert.deepEqual(await ownersState(), before);
});

test('Z2 lists, streams and foreign account ids show nothing of another account', async () => {
  const headers = bearer(stranger.key);
  const filters = [
    '/v1/tasks',
    '/v1/images',
    `/v1/images?task_id=${belongings.taskId}`,
    `/v1/tasks?cursor=${newId('task', Date.now() + 1000)}`,
    `/v1/images?cursor=${newId('img', Date.now() + 1000)}`,
    '/v1/tasks?q=lake',
    '/v1/images?q=lake',
  ];
  for (const path of filters) {
    const answer = await app.request('GET', path, undefined, headers);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json.data, [], path);
  }
  for (const target of [owner.accountId, newId('acct', Date.now())]) {
    const answer = await app.request('GET', '/v1/tasks', undefined, { ...headers, 'x-account-id': target });
    assert.equal(answer.status, 403, answer.text);
  }
  const stop = new AbortController();
  const events = await fetch(`${app.url}/v1/events?last_event_id=0-evt_${'0'.repeat(32)}`, {
    headers,
    signal: stop.signal,
  });
  const reader = events.body?.getReader();
  const first = await reader?.read();
  const again = Promise.race([reader?.read(), new Promise((resolve) => setTimeout(resolve, 200))]);
  const second = (await again) as { value?: Uint8Array } | undefined;
  stop.abort();
  const seen = [first?.value, second?.value].map((bytes) => Buffer.from(bytes ?? []).toString()).join('');
  assert.ok(!seen.includes(belongings.taskId), seen);
});

test('Z2 a ticket opens streams, and nothing else', async () => {
  const made = await app.request('POST', '/v1/stream-tickets', undefined, bearer(owner.key));
  const ticket = made.json.ticket as string;
  for (const contract of allContracts) {
    if (contract.access.kind === 'public' || isStream(contract)) continue;
    const path = `${fillPath(contract, ownedIdOf(contract))}?ticket=${ticket}`;
    const answer = await fetch(`${app.url}${path}`, {
      method: contract.method,
      headers: { 'x-forwarded-for': '203.0.113.7' },
    });
    await answer.text();
    assert.equal(answer.status, 401, contract.id);
  }
  const foreign = await app.request('POST', '/v1/stream-tickets', undefined, bearer(stranger.key));
  const stream = await fetch(`${app.url}/v1/tasks/${belongings.taskId}/events?ticket=${foreign.json.ticket}`);
  await stream.text();
  assert.equal(stream.status, 404);
});

/** Fields that a caller would like to set. */
const WISHES: Record<string, unknown> = {
  id: 'chosen_by_the_caller',
  role: 'admin',
  is_admin: true,
  account_id: 'acct_of_someone_else',
  accountId: 'acct_of_someone_else',
  credits: 1_000_000,
  available_credits: 1_000_000,
  available_micros: 1e12,
  state: 'succeeded',
  status: 'succeeded',
  price: 0,
  price_credits: 0,
  cost: { held: 0 },
  cost_credits: 0,
  scopes: SCOPES,
  created_at: '2000-01-01T00:00:00.000Z',
  version: 99,
  lease_epoch: 99,
  credential_id: 'configured_key',
};

for (const contract of allContracts) {
  if (!contract.body || contract.errorStyle === 'openai' || contract.errorStyle === 'older') continue;
  test(`Z4 ${contract.id} refuses every field that callers do not set`, async () => {
    const headers = contract.path.startsWith('/v1/admin/') ? {} : bearer(owner.key);
    const before = await ownersState();
    const own = new Set(Object.keys((contract.body as { shape?: object }).shape ?? {}));
    const described = new Set([...own, ...Object.keys(GOOD_BODIES[contract.id] ?? {})]);
    let refused = 0;
    for (const [name, value] of Object.entries(WISHES)) {
      if (described.has(name)) continue;
      const body = { ...bodyOf(contract), [name]: value };
      // Each try to sign in from an address of its own: an address may try only so often.
      const from = { 'x-forwarded-for': `192.0.2.${refused}` };
      const answer = await app.request(contract.method, fillPath(contract, ownedIdOf(contract)), body, {
        ...headers,
        ...(contract.limit.startsWith('sign_') ? from : {}),
      });
      assert.equal(answer.status, 422, `${name}: ${answer.text.slice(0, 300)}`);
      assert.ok(answer.text.includes(name), answer.text);
      refused += 1;
    }
    assert.ok(refused > 5);
    assert.deepEqual(await ownersState(), before);
  });
}

test('Z4 the OpenAI routes ignore them', async () => {
  const body = { ...GOOD_BODIES['openai.images.generate'], ...WISHES, metadata: { a: 1 } };
  const answer = await app.request('POST', '/v1/images/generations', body, {
    ...bearer(owner.key),
    prefer: 'respond-async',
  });
  assert.equal(answer.status, 202, answer.text);
  assert.notEqual(answer.json.id, WISHES.id);
  assert.notEqual(answer.json.status, 'succeeded');
  const task = await app.request('GET', `/v1/tasks/${answer.json.id}`, undefined, bearer(owner.key));
  assert.equal(task.status, 200, "it is the caller's own");
  assert.notEqual(task.json.created_at, WISHES.created_at);
});

let callers = 0;

/** From an address of its own each time: an address may try only so often. */
function signIn(key: string): Promise<TestAnswer> {
  callers += 1;
  return app.request(
    'POST',
    '/v1/auth/session',
    { api_key: key },
    { 'x-forwarded-for': `192.0.2.${callers}` },
  );
}

test('Z5 a key is shown once, is not in the database or the log, and has 256 random bits', async () => {
  const { key, keyId } = await createKey(app, owner.accountId, ['tasks:read']);
  assert.match(key, /^dbk_[A-Za-z0-9_-]{43}$/);
  assert.equal((await app.request('GET', '/v1/tasks', undefined, bearer(key))).status, 200);
  const session = await signIn(key);
  const cookie = session.headers.get('set-cookie')?.split(';')[0]?.split('=')[1] ?? '';
  assert.ok(cookie.length >= 22, session.text);
  const ticket = (await app.request('POST', '/v1/stream-tickets', undefined, bearer(key))).json.ticket;
  const listed = await app.request('GET', '/v1/keys', undefined, bearer(owner.key));
  assert.ok(listed.text.includes(keyId));
  const files = readdirSync(app.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  assert.ok(
    files.some((bytes) => bytes.includes(keyId)),
    'the dump is of the right files',
  );
  const log = app.log.text();
  for (const secret of [key, owner.key, ADMIN_KEY, cookie, ticket]) {
    assert.ok(!listed.text.includes(secret));
    assert.ok(!files.some((bytes) => bytes.includes(secret)), 'a secret is in a file');
    assert.ok(!log.includes(secret), 'a secret is in the log');
  }
});

test('Z5 no key makes a wider one, for itself or for another account', async () => {
  const { key } = await createKey(app, owner.accountId, ['tasks:write']);
  for (const scope of SCOPES.filter((name) => name !== 'tasks:write')) {
    for (const scopes of [[scope], ['tasks:write', scope]]) {
      const answer = await app.request('POST', '/v1/keys', { name: 'wider', scopes }, bearer(key));
      assert.equal(answer.status, 403, `${scopes}: ${answer.text}`);
    }
  }
  const equal = await app.request('POST', '/v1/keys', { name: 'as wide' }, bearer(key));
  assert.deepEqual(equal.json.scopes, ['tasks:write']);
  for (const scope of ['admin', 'accounts:act']) {
    const full = await app.request('POST', '/v1/keys', { name: 'x', scopes: [scope] }, bearer(owner.key));
    assert.equal(full.status, 403, full.text);
  }
  const actor = await createKey(app, stranger.accountId, ['accounts:act', 'tasks:write']);
  const session = (await app.request('GET', '/v1/auth/session')).json;
  const asAdmin = await app.request(
    'POST',
    '/v1/keys',
    { name: 'x' },
    { ...bearer(actor.key), 'x-account-id': session.account.id },
  );
  assert.equal(asAdmin.status, 404, asAdmin.text);
  const forOwner = await app.request(
    'POST',
    '/v1/keys',
    { name: 'x', scopes: ['images:write'] },
    { ...bearer(actor.key), 'x-account-id': owner.accountId },
  );
  assert.equal(forOwner.status, 403, forOwner.text);
});

test('Z5 a revoked key, its sessions and its tickets are refused at the next call', async () => {
  const { key, keyId } = await createKey(app, owner.accountId, MEMBER_SCOPES);
  const session = await signIn(key);
  const cookie = { authorization: '', cookie: session.headers.get('set-cookie')?.split(';')[0] ?? '' };
  const ticket = (await app.request('POST', '/v1/stream-tickets', undefined, bearer(key))).json.ticket;
  const call = async (headers: Record<string, string>, path = '/v1/tasks') => {
    const answer = await fetch(`${app.url}${path}`, { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  const { authorization: _none, ...withCookie } = cookie;
  assert.deepEqual(
    [await call(bearer(key)), await call(withCookie), await call({}, `/v1/events?ticket=${ticket}`)],
    [200, 200, 200],
  );
  assert.equal((await app.request('DELETE', `/v1/keys/${keyId}`, undefined, bearer(owner.key))).status, 204);
  assert.deepEqual(
    [await call(bearer(key)), await call(withCookie), await call({}, `/v1/events?ticket=${ticket}`)],
    [401, 401, 401],
  );
});

const SPOOFED = {
  'x-forwarded-for': '198.51.100.9',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
};

async function seenFrom(target: TestApp, headers: Record<string, string>) {
  const made = await target.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a', size: '256x256' },
    { ...headers, prefer: 'wait=60' },
  );
  const signedIn = await target.request('POST', '/v1/auth/session', { api_key: ADMIN_KEY }, headers);
  const line = target.log.records.findLast(({ message }) => message === 'request started');
  return {
    url: made.json.images[0].url as string,
    location: made.headers.get('location') ?? '',
    problem: (await target.request('GET', '/v1/tasks/x', undefined, headers)).json.type as string,
    servers: JSON.stringify((await target.request('GET', '/openapi.json', undefined, headers)).json.servers),
    cookie: signedIn.headers.get('set-cookie') ?? '',
    hsts: signedIn.headers.get('strict-transport-security'),
    ip: line?.fields.ip,
  };
}

test('Z8 X-Forwarded-* counts only from a trusted hop', async () => {
  const distrustful = await startFastApp({ env: { DRAWBRIDGE_TRUSTED_PROXIES: '10.0.0.0/8' } });
  try {
    const seen = await seenFrom(distrustful, SPOOFED);
    for (const url of [seen.url, seen.location, seen.problem])
      assert.ok(url.startsWith(`${distrustful.url}/`), url);
    assert.ok(seen.servers.includes(distrustful.url), seen.servers);
    assert.match(seen.cookie, /^drawbridge_session=/);
    assert.doesNotMatch(seen.cookie, /Secure/);
    assert.equal(seen.hsts, null);
    assert.equal(seen.ip, '127.0.0.1');
  } finally {
    await distrustful.close();
  }
});

test('Z8 behind a trusted hop they do, and only as far as its own entry', async () => {
  // As a browser's sign-in comes through a proxy.
  const headers = {
    ...SPOOFED,
    'x-forwarded-for': '6.6.6.6, 198.51.100.9',
    origin: 'https://evil.example',
  };
  const seen = await seenFrom(app, headers);
  for (const url of [seen.url, seen.location, seen.problem])
    assert.ok(url.startsWith('https://evil.example/'), url);
  assert.match(seen.cookie, /^__Host-drawbridge=.*; Secure$/);
  assert.equal(seen.hsts, 'max-age=31536000');
  assert.equal(seen.ip, '198.51.100.9');
  const metrics = await fetch(`${app.url}/metrics`, { headers: { 'x-forwarded-for': '127.0.0.1' } });
  await metrics.text();
  assert.equal(metrics.status, 401, 'a proxied caller is not on this machine, whatever it says');
});

test('Z8 a Host or forwarded header that is no host is refused, not built into addresses', async () => {
  const hosts = ['a b', 'a[', 'user@evil.example', 'evil.example/path', 'a:99999999', '"><script>', 'a\\b'];
  for (const host of hosts) {
    for (const path of ['/', '/v1/tasks', '/docs/errors', '/openapi.json']) {
      const headers = { 'x-forwarded-host': host, cookie: 'drawbridge_session=x' };
      const answer = await app.request('GET', path, undefined, headers);
      assert.equal(answer.status, 400, `${host} ${path}: ${answer.text.slice(0, 200)}`);
      assert.ok(!answer.text.includes(host), answer.text);
    }
  }
  for (const proto of ['javascript', 'foo bar', 'https, gopher', '']) {
    const answer = await app.request('GET', '/v1/tasks/x', undefined, { 'x-forwarded-proto': proto });
    assert.equal(answer.status, 404, answer.text);
    assert.match(answer.json.type, /^http:\/\/127\.0\.0\.1:/);
  }
});
