// Passwords, sessions and forms of other sites, tried on the whole app: rows Z6, Z7, Z9, W4 and W5.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { countTry, MAX_TRIES, TRY_WINDOW_MS } from '../../src/accounts/try-store.ts';
import { allContracts } from '../../src/contracts.ts';
import type { TestApp } from '../harness/app.ts';
import { BrowserSession } from '../harness/browser-session.ts';
import { openTestDb } from '../harness/database.ts';
import { startFastApp } from './cast.ts';
import { assertProblem } from './problems.ts';
import { bodyOf, fillPath, ID_PREFIX, idKindOf, isStream } from './route-calls.ts';

const PASSWORD = 'four words in a row';
let app: TestApp;

before(async () => {
  app = await startFastApp({ env: { DRAWBRIDGE_CORS_ORIGINS: 'https://studio.example' } });
});
after(() => app.close());

/** A person, and a browser in which they are signed in. */
async function givePerson(login: string, role = 'member') {
  const invitation = await app.request('POST', '/v1/admin/invitations', { role });
  const browser = new BrowserSession(app);
  const body = { token: invitation.json.token, username: login, password: PASSWORD };
  const accepted = await browser.request('POST', '/v1/auth/invitations/accept', body);
  assert.equal(accepted.status, 200, accepted.text);
  return { browser, token: invitation.json.token as string, userId: accepted.json.user.id as string };
}

test('Z6 a sign-in rotates the session, and signing out ends it on the server', async () => {
  const { browser } = await givePerson('rotating');
  const first = browser.cookie;
  assert.equal((await browser.signIn('rotating', PASSWORD)).status, 200);
  const second = browser.cookie;
  assert.notEqual(first, second);
  const ask = async (cookie: string) =>
    (await fetch(`${app.url}/v1/account`, { headers: { cookie } })).status;
  assert.deepEqual([await ask(first), await ask(second)], [401, 200]);
  await browser.request('DELETE', '/v1/auth/session');
  assert.equal(await ask(second), 401);
  assert.equal(browser.cookies.size, 0);
});

test('Z6 on https the cookie is __Host-, HttpOnly, Secure and SameSite; on http plain, HttpOnly and SameSite', async () => {
  await givePerson('careful');
  const signIn = (headers: Record<string, string>) =>
    new BrowserSession(app).request(
      'POST',
      '/v1/auth/session',
      { login: 'careful', password: PASSWORD },
      headers,
    );
  const plain = await signIn({});
  assert.match(
    plain.headers.get('set-cookie') ?? '',
    /^drawbridge_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
  );
  assert.equal(plain.json.secure_transport, false);
  const host = 'draw.example';
  const secure = await signIn({
    'x-forwarded-proto': 'https',
    'x-forwarded-host': host,
    origin: `https://${host}`,
  });
  assert.match(
    secure.headers.get('set-cookie') ?? '',
    /^__Host-drawbridge=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/,
  );
  assert.match(secure.headers.get('strict-transport-security') ?? '', /max-age=31536000/);
});

test('Z7 known and unknown people, and those without a password, are answered alike in words', async () => {
  await givePerson('known');
  const answers = await Promise.all(
    ['known', 'unknown', 'unknown@example.com', 'Kn\u200bown', '', "' or 1=1 --", 'x'.repeat(254)].map(
      (login) => new BrowserSession(app).signIn(login || ' ', 'a wrong password'),
    ),
  );
  const texts = answers.map(({ status, text }) => `${status} ${text.replaceAll(/req_[0-9a-f]{32}/g, '')}`);
  const [known, ...others] = texts.filter((text) => !text.startsWith('422'));
  assert.ok(known?.startsWith('401'));
  for (const other of others) assert.equal(other, known);
});

/** A round takes about two seconds; more than one is needed only where other work disturbs. */
const MOST_ROUNDS = 10;

test('Z7 known and unknown people cost the same time', async () => {
  await givePerson('timed');
  const timeOf = async (login: string) => {
    const browser = new BrowserSession(app);
    const startedAt = performance.now();
    const answer = await browser.signIn(login, 'a wrong password');
    assert.equal(answer.status, 401);
    return performance.now() - startedAt;
  };
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  await timeOf('timed');
  let best = Number.POSITIVE_INFINITY;
  // Other work on the machine disturbs single rounds; a difference of ours would be in every one.
  for (let round = 0; round < MOST_ROUNDS && best >= 0.05; round += 1) {
    const known: number[] = [];
    const unknown: number[] = [];
    for (let n = 0; n < 15; n += 1) {
      known.push(await timeOf('timed'));
      unknown.push(await timeOf(`nobody-${round}-${n}`));
    }
    const [a, b] = [median(known), median(unknown)];
    best = Math.min(best, Math.abs(a - b) / Math.max(a, b));
  }
  assert.ok(best < 0.05, `the medians differ by ${Math.round(best * 100)} %`);
});

test('Z7 10,000 tries from 1 and from 100 addresses: at most ten for each login and address in 15 minutes', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  const allowed = async (addresses: number, tries: number, now: number) => {
    let count = 0;
    for (let n = 0; n < tries; n += 1) {
      const key = `login\n${n % addresses}`;
      if ((await db.write(countTry, { key, now: now + n })).retryAfterMs === 0) count += 1;
    }
    return count;
  };
  assert.equal(await allowed(1, 5_000, 0), MAX_TRIES);
  assert.equal(await allowed(100, 5_000, TRY_WINDOW_MS * 2), 100 * MAX_TRIES);
  await close();
});

test('Z7 over HTTP an address is stopped, and its victim comes in from elsewhere', async () => {
  await givePerson('victim');
  const attacker = new BrowserSession(app);
  const statuses: number[] = [];
  for (let n = 0; n < 14; n += 1)
    statuses.push((await attacker.signIn('victim', `a wrong password ${n}`)).status);
  assert.deepEqual(statuses, [...Array(10).fill(401), ...Array(4).fill(429)]);
  const last = await attacker.signIn('victim', PASSWORD);
  assert.equal(last.status, 429, 'the right password does not help it any more');
  assert.ok(Number(last.headers.get('retry-after')) > 0);
  assertProblem(last);
  assert.equal((await new BrowserSession(app).signIn('victim', PASSWORD)).status, 200);
});

test('Z7 only wrong tries count: people behind one address come in as often as they like, and an IPv6 network is one', async () => {
  await givePerson('office');
  const office = new BrowserSession(app);
  for (let n = 0; n < 12; n += 1)
    assert.equal((await office.signIn('office', PASSWORD)).status, 200, `sign-in ${n + 1}`);
  const statuses: number[] = [];
  for (let n = 0; n < 31; n += 1) {
    const guest = new BrowserSession(app);
    guest.address = `2001:db8:9:9::${n + 1}`;
    statuses.push((await guest.request('POST', '/v1/auth/session', { api_key: `dbk_guess${n}` })).status);
  }
  assert.deepEqual(statuses, [...Array(30).fill(401), 429]);
  const neighbour = new BrowserSession(app);
  neighbour.address = '2001:db8:9:a::1';
  assert.equal((await neighbour.signIn('office', PASSWORD)).status, 200);
});

test('Z9 no password, link or session is in the data folder or the log; there is no account to begin with', async () => {
  const fresh = await startFastApp();
  try {
    assert.deepEqual((await fresh.request('GET', '/v1/admin/users')).json.data, []);
    const guess = await new BrowserSession(fresh).signIn('admin', 'admin');
    assert.equal(guess.status, 401);
    assert.equal((await fresh.request('GET', '/v1/auth/options')).json.setup_done, false);
    const { setupToken } = fresh.app.bootstrap;
    const browser = new BrowserSession(fresh);
    const first = await browser.request('POST', '/v1/auth/session', { token: setupToken });
    assert.equal(first.status, 200, first.text);
    assert.equal(first.json.user, null);
    const weak = await browser.request('POST', '/v1/account/password', {
      password: 'short',
      username: 'root',
    });
    assert.equal(weak.status, 422);
    const set = await browser.request('POST', '/v1/account/password', {
      password: PASSWORD,
      username: 'root',
    });
    assert.equal(set.status, 200, set.text);
    assert.deepEqual([set.json.user.role, set.json.scopes.includes('admin')], ['admin', true]);
    assert.equal((await browser.request('GET', '/v1/auth/options')).json.setup_done, true);
    const again = await new BrowserSession(fresh).request('POST', '/v1/auth/session', { token: setupToken });
    assert.equal(again.status, 401, 'the set-up link works once');
    assert.equal((await new BrowserSession(fresh).signIn('root', PASSWORD)).status, 200);
    const link = await fresh.request('POST', `/v1/admin/users/${set.json.user.id}/reset-link`);
    const invitation = (await fresh.request('POST', '/v1/admin/invitations', {})).json.token;
    const session = browser.cookie.split('=')[1] ?? '';
    const files = readdirSync(fresh.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    assert.ok(files.some((bytes) => bytes.includes('$argon2id$v=19$m=19456,t=2,p=1$')));
    for (const secret of [PASSWORD, session, link.json.token, invitation, setupToken ?? '']) {
      assert.ok(secret.length > 10);
      assert.ok(!files.some((bytes) => bytes.includes(secret)), 'a secret is in a file');
      assert.ok(!fresh.log.text().includes(secret), 'a secret is in the log');
    }
  } finally {
    await fresh.close();
  }
});

test('Z5 a session with fewer rights than a person of its account makes no such person', async () => {
  const account = await app.request('POST', '/v1/admin/accounts', { name: 'narrow' });
  const acting = { 'x-account-id': account.json.id };
  const signedInWith = async (scopes: string[]) => {
    const key = await app.request('POST', '/v1/keys', { name: 'narrow', scopes }, acting);
    const browser = new BrowserSession(app);
    await browser.request('POST', '/v1/auth/session', { api_key: key.json.key });
    return browser;
  };
  const body = { username: 'grown', password: PASSWORD };
  const narrow = await signedInWith(['tasks:write', 'tasks:read']);
  assert.equal((await narrow.request('POST', '/v1/account/password', body)).status, 409);
  const wide = await signedInWith([
    'tasks:read',
    'tasks:write',
    'images:read',
    'images:write',
    'credits:read',
  ]);
  const made = await wide.request('POST', '/v1/account/password', body);
  assert.equal(made.status, 200, made.text);
  assert.equal(made.json.user.role, 'member');
  const second = await signedInWith([
    'tasks:read',
    'tasks:write',
    'images:read',
    'images:write',
    'credits:read',
  ]);
  const more = await second.request('POST', '/v1/account/password', { ...body, username: 'second' });
  assert.equal(more.status, 409, 'somebody has the account already');
});

const OTHER_SITES: [string, Record<string, string>][] = [
  ['another origin', { origin: 'https://evil.example' }],
  ['a sandboxed page', { origin: 'null' }],
  ['the header of another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['a sibling of the site', { 'sec-fetch-site': 'same-site' }],
];
const FORMS: [string, string, string][] = [
  ['a form', 'application/x-www-form-urlencoded', 'a=b'],
  [
    'a multipart form',
    'multipart/form-data; boundary=x',
    '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
  ],
  ['plain text', 'text/plain', '{"a":"b"}'],
];

test('W4 every changing route refuses the cookie with a page of another site, a form, or no Origin', async () => {
  const { browser, userId } = await givePerson('forged', 'admin');
  const state = async () => [
    (await browser.request('GET', '/v1/account')).text,
    (await browser.request('GET', '/v1/keys')).text,
    (await browser.request('GET', `/v1/admin/users/${userId}`)).text,
  ];
  const before = await state();
  const call = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const answer = await fetch(`${app.url}${path}`, {
      method,
      headers: { cookie: browser.cookie, 'x-forwarded-for': browser.address, ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
    });
    await answer.body?.cancel();
    return answer.status;
  };
  for (const contract of allContracts) {
    // Public routes do not count the cookie of such a request at all.
    if (contract.method === 'GET' || contract.access.kind === 'public') continue;
    const kind = idKindOf(contract);
    const path = fillPath(contract, kind ? `${ID_PREFIX[kind]}_${'0'.repeat(32)}` : '');
    const body = contract.body ? JSON.stringify(bodyOf(contract)) : undefined;
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    assert.equal(await call(contract.method, path, json, body), 403, `${contract.id} without Origin`);
    for (const [what, headers] of OTHER_SITES)
      assert.equal(
        await call(contract.method, path, { ...json, ...headers }, body),
        403,
        `${contract.id} from ${what}`,
      );
    for (const [what, type, text] of FORMS) {
      const status = await call(
        contract.method,
        path,
        { 'content-type': type, origin: 'https://evil.example' },
        text,
      );
      assert.ok([403, 415].includes(status), `${contract.id} with ${what}: ${status}`);
    }
  }
  assert.deepEqual(await state(), before);
});

test('W4 pages of other sites neither sign in nor out, nor use links', async () => {
  const { browser } = await givePerson('lured');
  const invitation = (await app.request('POST', '/v1/admin/invitations', {})).json.token;
  const lures: [string, string, object][] = [
    ['POST', '/v1/auth/session', { login: 'lured', password: PASSWORD }],
    ['POST', '/v1/auth/register', { username: 'lured-2', password: PASSWORD }],
    ['POST', '/v1/auth/invitations/check', { token: invitation }],
    ['POST', '/v1/auth/invitations/accept', { token: invitation, username: 'lured-3', password: PASSWORD }],
    ['POST', '/v1/auth/password-reset', { token: 'x', password: PASSWORD }],
  ];
  for (const [method, path, body] of lures) {
    for (const [what, headers] of OTHER_SITES) {
      const answer = await new BrowserSession(app).request(method, path, body, headers);
      assert.equal(answer.status, 403, `${path} from ${what}: ${answer.text}`);
      assert.equal(answer.headers.get('set-cookie'), null);
    }
    for (const [what, type, text] of FORMS) {
      const answer = await fetch(`${app.url}${path}`, {
        method,
        headers: { 'content-type': type },
        body: text,
      });
      await answer.body?.cancel();
      assert.ok([403, 415].includes(answer.status), `${path} with ${what}: ${answer.status}`);
    }
  }
  const { cookie } = browser;
  await browser.request('DELETE', '/v1/auth/session', undefined, { origin: 'https://evil.example' });
  const kept = await fetch(`${app.url}/v1/account`, { headers: { cookie } });
  await kept.body?.cancel();
  assert.equal(kept.status, 200, 'the session goes on');
  assert.equal((await app.request('POST', '/v1/auth/invitations/check', { token: invitation })).status, 200);
});

test('W4 no GET changes anything', async () => {
  const { browser } = await givePerson('reader', 'admin');
  const watched = [
    '/v1/keys',
    '/v1/admin/users',
    '/v1/admin/invitations',
    '/v1/credits',
    '/v1/tasks',
    '/v1/webhooks',
  ];
  const state = () => Promise.all(watched.map(async (path) => (await browser.request('GET', path)).text));
  const before = await state();
  for (const contract of allContracts) {
    if (contract.method !== 'GET' || isStream(contract)) continue;
    const kind = idKindOf(contract);
    const path = fillPath(contract, kind ? `${ID_PREFIX[kind]}_${'0'.repeat(32)}` : '');
    await browser.request('GET', path, undefined, { origin: 'https://evil.example' });
  }
  assert.deepEqual(await state(), before);
});

test('W5 every class of answers has the same policies towards other sites', async () => {
  const { browser } = await givePerson('policed');
  const requests: [string, string, unknown][] = [
    ['GET', '/v1/auth/options', undefined],
    ['GET', '/v1/auth/session', undefined],
    ['GET', '/v1/account', undefined],
    ['GET', '/v1/account/sessions', undefined],
    ['POST', '/v1/auth/session', { login: 'policed', password: 'a wrong password' }],
    ['POST', '/v1/auth/session', { login: 'policed', password: PASSWORD }],
    ['POST', '/v1/auth/session', 'no object'],
    ['POST', '/v1/auth/register', { username: 'x1', password: PASSWORD }],
    ['GET', '/v1/auth/oidc/start', undefined],
    ['GET', '/v1/auth/oidc/callback?code=a&state=b', undefined],
    ['GET', '/v1/admin/users', undefined],
    ['GET', '/v1/nothing', undefined],
  ];
  for (const [method, path, body] of requests) {
    for (const origin of [undefined, 'https://evil.example', 'https://studio.example', 'null']) {
      const headers: Record<string, string> = origin === undefined || method !== 'GET' ? {} : { origin };
      for (const proto of ['http', 'https']) {
        const host = new URL(app.url).host;
        const answer = await browser.request(method, path, body, {
          ...headers,
          'x-forwarded-proto': proto,
          ...(method === 'GET' ? {} : { origin: `${proto}://${host}` }),
        });
        const label = `${method} ${path} ${origin} ${proto}`;
        const get = (name: string) => answer.headers.get(name);
        assert.equal(
          get('access-control-allow-origin'),
          origin === 'https://studio.example' && method === 'GET' ? origin : null,
          label,
        );
        assert.equal(get('access-control-allow-credentials'), null, label);
        assert.equal(get('cross-origin-opener-policy'), 'same-origin', label);
        assert.equal(get('referrer-policy'), 'no-referrer', label);
        assert.equal(get('strict-transport-security'), proto === 'https' ? 'max-age=31536000' : null, label);
        assert.equal(get('cache-control'), 'no-store', label);
        assert.equal(get('x-content-type-options'), 'nosniff', label);
        if (answer.status < 400 && path.includes('oidc')) assert.fail('nothing is configured to go to');
      }
    }
  }
});
