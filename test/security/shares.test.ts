// What must hold of links that anybody can open: nobody guesses one, revoking is at once and leaves nothing in caches, passwords
// travel in bodies only, and neither log nor header gives anything away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newSlug } from '../../src/shares/shares.ts';
import type { TestApp } from '../harness/app.ts';
import { bearer, giveBelongings, openAccount, type Person, startFastApp } from './cast.ts';

const BROWSER = { accept: 'text/html', 'user-agent': 'Mozilla/5.0 Chrome/141.0', 'accept-language': 'en' };
const REVOKE_LONGEST_MS = 1_000;

let app: TestApp;
let owner: Person;
let imageId: string;
before(async () => {
  app = await startFastApp();
  owner = await openAccount(app, 'owner');
  imageId = (await giveBelongings(app, owner)).imageId;
});
after(() => app.close());

async function share(body: object = {}): Promise<{ id: string; url: string; slug: string }> {
  const made = await app.request('POST', '/v1/shares', { image_ids: [imageId], ...body }, bearer(owner.key));
  assert.equal(made.status, 201, made.text);
  return made.json;
}

const visit = (url: string, init: RequestInit = {}) =>
  fetch(url, { redirect: 'manual', ...init, headers: { ...BROWSER, ...(init.headers as object) } });

const enter = (url: string, password: string) =>
  visit(url, { method: 'POST', body: new URLSearchParams({ password }) });

test('W6 a link is 130 random bits', () => {
  const slugs = Array.from({ length: 2_000 }, newSlug);
  assert.equal(new Set(slugs).size, slugs.length);
  for (const slug of slugs) assert.match(slug, /^[a-z2-7]{26}$/);
  const counts = new Map<string, number>();
  for (const char of slugs.join('')) counts.set(char, (counts.get(char) ?? 0) + 1);
  assert.equal(counts.size, 32);
  const expected = (slugs.length * 26) / 32;
  for (const [char, count] of counts)
    assert.ok(Math.abs(count - expected) < expected * 0.2, `${char}: ${count} of ${expected}`);
});

test('W6 revoking ends page, pictures and embeds within a second, and none of them was left in a cache', async () => {
  const { id, url } = await share({ show_prompt: true });
  const addresses = [
    url,
    `${url}/media/1`,
    `${url}/media/1?size=preview`,
    `${url}/media/1?size=thumb`,
    `${app.url}/s/oembed?url=${encodeURIComponent(url)}`,
  ];
  for (const address of addresses) {
    const answer = await visit(address);
    assert.equal(answer.status, 200, address);
    assert.match(answer.headers.get('cache-control') ?? '', /no-store|^private, no-cache$/, address);
    assert.match(answer.headers.get('x-robots-tag') ?? '', /noindex/, address);
    await answer.arrayBuffer();
  }
  const etag = (await visit(`${url}/media/1`)).headers.get('etag') ?? '';
  const startedMs = performance.now();
  const revoked = await app.request('DELETE', `/v1/shares/${id}`, undefined, bearer(owner.key));
  assert.equal(revoked.status, 204);
  for (const address of addresses) assert.equal((await visit(address)).status, 404, address);
  // A browser that kept a picture asks again, and is not told that its copy is still good.
  assert.equal((await visit(`${url}/media/1`, { headers: { 'if-none-match': etag } })).status, 404);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < REVOKE_LONGEST_MS, `${tookMs} ms`);
});

test('W6 a stranger cannot read, change or revoke a link, nor share another’s pictures', async () => {
  const stranger = await openAccount(app, 'stranger');
  const { id, slug } = await share();
  for (const name of [id, slug]) {
    for (const [method, body] of [['GET'], ['PATCH', { title: 'mine' }], ['DELETE']] as const) {
      const answer = await app.request(method, `/v1/shares/${name}`, body, bearer(stranger.key));
      assert.equal(answer.status, 404, `${method} ${answer.text}`);
    }
  }
  const stolen = await app.request('POST', '/v1/shares', { image_ids: [imageId] }, bearer(stranger.key));
  assert.equal(stolen.status, 404);
  const seen = await app.request('GET', `/v1/shares?image_ids=${imageId}`, undefined, bearer(stranger.key));
  assert.deepEqual(seen.json.data, []);
});

test('W6 a disabled account’s links are gone', async () => {
  const leaver = await openAccount(app, 'leaver');
  const belongings = await giveBelongings(app, leaver);
  const { json } = await app.request(
    'GET',
    `/v1/shares/${belongings.shareId}`,
    undefined,
    bearer(leaver.key),
  );
  assert.equal((await visit(json.url)).status, 200);
  await app.request('PATCH', `/v1/admin/accounts/${leaver.accountId}`, { disabled: true });
  assert.equal((await visit(json.url)).status, 404);
  assert.equal((await visit(`${json.url}/media/1`)).status, 404);
});

test('W6 the password is taken from the body only, kept as a hash and never shown or logged', async () => {
  const password = 'tr0ubadour & köln';
  const { id, url, slug } = await share({ password });
  const inUrl = encodeURIComponent(password);
  for (const init of [
    { headers: { cookie: `drawbridge_share=${inUrl}` } },
    { headers: { authorization: `Basic ${Buffer.from(`x:${password}`).toString('base64')}` } },
  ])
    assert.equal((await visit(`${url}/media/1?password=${inUrl}`, init)).status, 404);
  assert.equal((await visit(`${url}?password=${inUrl}`, { method: 'POST' })).status, 401);
  const entered = await enter(url, password);
  assert.equal(entered.status, 303);
  const pass = (entered.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  assert.equal((await visit(`${url}/media/1`, { headers: { cookie: pass } })).status, 200);
  // A pass that somebody wrote himself, or that belongs to another link, opens nothing.
  const other = await share({ password });
  const [name = '', value = ''] = pass.split('=');
  const [, mark = ''] = value.split('.');
  for (const cookie of [`${name}=9999999999999.${mark}`, `${name}=${value.slice(0, -1)}`, `${name}=`, 'x'])
    assert.equal((await visit(`${url}/media/1`, { headers: { cookie } })).status, 404, cookie);
  assert.equal((await visit(`${other.url}/media/1`, { headers: { cookie: pass } })).status, 404);
  const stored = await app.app.db.read
    .selectFrom('shares')
    .select('password_hash')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  assert.match(stored.password_hash ?? '', /^argon2id\$19456\$2\$/);
  const shown = await app.request('GET', `/v1/shares/${id}`, undefined, bearer(owner.key));
  assert.ok(!shown.text.includes(password) && !shown.text.includes('argon2'), shown.text);
  const log = JSON.stringify(app.log.records);
  for (const secret of [password, inUrl, slug, mark])
    assert.ok(!log.includes(secret), `the log has ${secret}`);
});

test('W6 guesses are refused by the eleventh, side by side as well, and other links stay open', async () => {
  const { url } = await share({ password: 'sesame' });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => enter(url, `guess ${n}`)));
  const statuses = Map.groupBy(answers, ({ status }) => status);
  assert.deepEqual([statuses.get(401)?.length, statuses.get(429)?.length], [10, 30]);
  const other = await share({ password: 'sesame' });
  assert.equal((await enter(other.url, 'sesame')).status, 303);
});

test('M7s locked pictures are never stored, open ones are asked for again each time', async () => {
  const open = await share();
  const locked = await share({ password: 'sesame' });
  const pass = ((await enter(locked.url, 'sesame')).headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  for (const [url, cache, policy] of [
    [open.url, 'private, no-cache', 'cross-origin'],
    [locked.url, 'private, no-store', 'same-origin'],
  ] as const) {
    for (const size of ['full', 'preview', 'thumb']) {
      const answer = await visit(`${url}/media/1?size=${size}`, { headers: { cookie: pass } });
      assert.deepEqual([answer.status, answer.headers.get('cache-control')], [200, cache]);
      assert.equal(answer.headers.get('cross-origin-resource-policy'), policy);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/);
      assert.match(answer.headers.get('etag') ?? '', /^"[\w-]{16,}"$/);
    }
    const page = await visit(url, { headers: { cookie: pass } });
    assert.equal(page.headers.get('cache-control'), 'private, no-store');
  }
});

test('W3 W5 the page runs nothing, is framed by nobody, and tells nobody where its visitor came from', async () => {
  const { url } = await share();
  for (const [address, status] of [
    [url, 200],
    [`${app.url}/s/${'a'.repeat(26)}`, 404],
  ] as const) {
    const answer = await visit(address);
    assert.equal(answer.status, status);
    assert.match(
      answer.headers.get('content-security-policy') ?? '',
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; img-src 'self' data:; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'$/,
    );
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.ok(Buffer.byteLength(await answer.text()) < 15_000);
  }
});

test('W7 line ends in titles and file names make no header and no log line', async () => {
  const title = 'a\r\nset-cookie: stolen=1\r\n\r\n<b>';
  const { id, url } = await share({ title, show_prompt: true });
  for (const address of [
    url,
    `${url}/media/1?download=1`,
    `${app.url}/s/oembed?url=${encodeURIComponent(url)}`,
  ]) {
    const answer = await visit(address);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('set-cookie'), null, address);
    await answer.arrayBuffer();
  }
  const saved = await visit(`${url}/media/1?download=1`);
  assert.match(saved.headers.get('content-disposition') ?? '', /^attachment; filename="[\w.-]+"$/);
  for (const bad of ['%0d%0aset-cookie:%20a=b', '1%0d%0ax:%20y']) {
    const answer = await visit(`${url}/media/1?download=${bad}`);
    assert.equal(answer.status, 422);
    assert.equal((await visit(`${app.url}/s/${bad}`)).headers.get('set-cookie'), null);
  }
  const listed = await app.request('GET', `/v1/shares/${id}`, undefined, bearer(owner.key));
  assert.equal(listed.json.title, title.trim());
  assert.ok(!app.log.records.some((record) => JSON.stringify(record).includes('stolen')));
});
