// Signing in elsewhere against a scripted provider, through the whole app: what a right answer does, and every wrong one.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { startTestApp, type TestApp, type TestAppOptions } from '../../test/harness/app.ts';
import { BrowserSession } from '../../test/harness/browser-session.ts';
import { type FakeOidc, startFakeOidc, type TokenFault } from '../../test/harness/fake-oidc.ts';

let provider: FakeOidc;
let app: TestApp;

const settings = (more: Record<string, string> = {}): TestAppOptions => ({
  env: {
    DRAWBRIDGE_OIDC_ISSUER: provider.issuer,
    DRAWBRIDGE_OIDC_CLIENT_ID: provider.clientId,
    DRAWBRIDGE_OIDC_CLIENT_SECRET: provider.clientSecret,
    DRAWBRIDGE_OIDC_NAME: 'Example',
    ...more,
  },
});

before(async () => {
  provider = await startFakeOidc();
  app = await startTestApp(settings({ DRAWBRIDGE_OIDC_AUTO_REGISTER: 'true' }));
});
after(async () => {
  await app.close();
  await provider.close();
});
beforeEach(() => {
  provider.fault = {};
  provider.profile = {};
  provider.documents.clear();
  provider.person = { sub: 'p-1', email: 'mia@example.com', email_verified: true, name: 'Mia' };
});

const locationOf = (answer: { headers: Headers }) => answer.headers.get('location') ?? '';

/** From the button to wherever the browser ends up; `change` may alter the way back. */
async function goThrough(browser: BrowserSession, change: (back: URL) => void = () => {}, returnTo?: string) {
  const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
  const started = await browser.request('GET', `/v1/auth/oidc/start${query}`);
  assert.equal(started.status, 302, started.text);
  const back = provider.visit(locationOf(started));
  change(back);
  const answer = await browser.request('GET', `${back.pathname}${back.search}`);
  assert.equal(answer.status, 302, answer.text);
  return locationOf(answer);
}

const failed = (reason: string) => `${app.url}/sign-in#error=${reason}`;

test('a newcomer is registered, comes back to the page that was wanted, and is the same person the next time', async () => {
  const browser = new BrowserSession(app);
  assert.equal(await goThrough(browser, undefined, '/gallery?tag=a'), `${app.url}/gallery?tag=a`);
  assert.deepEqual([...browser.cookies.keys()], ['drawbridge_session']);
  const { user } = (await browser.request('GET', '/v1/account')).json;
  assert.deepEqual([user.name, user.email, user.has_password], ['Mia', 'mia@example.com', false]);
  assert.deepEqual(
    user.identities.map(({ issuer }: { issuer: string }) => issuer),
    [provider.issuer],
  );
  const again = new BrowserSession(app);
  provider.person = { sub: 'p-1', email: 'mia@elsewhere.example', name: 'Mia B' };
  await goThrough(again);
  assert.equal((await again.request('GET', '/v1/account')).json.user.id, user.id);
  const options = (await again.request('GET', '/v1/auth/options')).json;
  assert.deepEqual(options.oidc, { name: 'Example', start_url: `${app.url}/v1/auth/oidc/start` });
});

test('the way there carries state, nonce and a PKCE challenge, and no secret', async () => {
  const started = await new BrowserSession(app).request('GET', '/v1/auth/oidc/start');
  const { searchParams } = new URL(locationOf(started));
  assert.equal(searchParams.get('code_challenge_method'), 'S256');
  for (const name of ['state', 'nonce', 'code_challenge'])
    assert.match(searchParams.get(name) ?? '', /^[\w-]{43}$/, name);
  assert.ok(!locationOf(started).includes('secret'));
  assert.match(
    started.headers.get('set-cookie') ?? '',
    /^drawbridge_attempt=[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
  );
  assert.equal(started.headers.get('referrer-policy'), 'no-referrer');
});

test('a callback counts only with its state, in the browser that started it, and once', async () => {
  const victim = new BrowserSession(app);
  assert.equal(await goThrough(victim, (back) => back.searchParams.set('state', 'x')), failed('oidc_stale'));
  const started = await new BrowserSession(app).request('GET', '/v1/auth/oidc/start');
  const back = provider.visit(locationOf(started));
  const path = `${back.pathname}${back.search}`;
  assert.equal(locationOf(await victim.request('GET', path)), failed('oidc_stale'), 'login CSRF');
  const own = new BrowserSession(app);
  const begun = await own.request('GET', '/v1/auth/oidc/start');
  const attempt = own.cookie;
  const way = provider.visit(locationOf(begun));
  await own.request('GET', `${way.pathname}${way.search}`);
  assert.equal(await own.isSignedIn(), true);
  const replayed = await victim.request('GET', `${way.pathname}${way.search}`, undefined, {
    cookie: attempt,
  });
  assert.equal(locationOf(replayed), failed('oidc_unavailable'), 'the provider takes a code once');
  assert.equal(await victim.isSignedIn(), false);
  const forged = attempt.replace(/\.[\w-]+$/, `.${'A'.repeat(43)}`);
  const answer = await victim.request('GET', `${way.pathname}${way.search}`, undefined, { cookie: forged });
  assert.equal(locationOf(answer), failed('oidc_stale'));
});

test('a refusal at the provider, an answer of another issuer, and no code end on the sign-in page', async () => {
  const cases: [(back: URL) => void, string][] = [
    [(back) => back.searchParams.set('error', 'access_denied'), 'oidc_refused'],
    [(back) => back.searchParams.delete('code'), 'oidc_refused'],
    [(back) => back.searchParams.set('iss', 'https://evil.example'), 'oidc_unavailable'],
    [(back) => back.searchParams.set('code', 'guessed'), 'oidc_unavailable'],
  ];
  for (const [change, reason] of cases) {
    const browser = new BrowserSession(app);
    assert.equal(await goThrough(browser, change), failed(reason));
    assert.equal(browser.cookies.size, 0);
  }
});

const nowS = () => Math.floor(Date.now() / 1000);
const FAULTS: [string, () => TokenFault][] = [
  ['another nonce', () => ({ claims: { nonce: 'of another sign-in' } })],
  ['no nonce', () => ({ claims: { nonce: undefined } })],
  ['another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
  ['another audience', () => ({ claims: { aud: 'another-client' } })],
  ['two audiences and no party', () => ({ claims: { aud: ['drawbridge-client', 'b'] } })],
  ['another party', () => ({ claims: { azp: 'another-client' } })],
  ['an over token', () => ({ claims: { exp: nowS() - 120 } })],
  ['an old token', () => ({ claims: { iat: nowS() - 3600 } })],
  ['a token of tomorrow', () => ({ claims: { iat: nowS() + 86_400 } })],
  ['no subject', () => ({ claims: { sub: '' } })],
  ['the signature of another key', () => ({ signature: 'foreign' })],
  ['no signature', () => ({ signature: 'none' })],
  ['the algorithm none', () => ({ header: { alg: 'none' } })],
  ['a shared-secret algorithm', () => ({ header: { alg: 'HS256' } })],
  ['the algorithm of another key type', () => ({ header: { alg: 'ES256' } })],
  ['a critical extension', () => ({ header: { crit: ['x'] } })],
  ['an unknown key', () => ({ header: { kid: 'unknown' } })],
];

for (const [what, fault] of FAULTS) {
  test(`an ID token with ${what} signs nobody in`, async () => {
    provider.fault = fault();
    const browser = new BrowserSession(app);
    assert.equal(await goThrough(browser), failed('oidc_unavailable'));
    assert.equal(await browser.isSignedIn(), false);
    assert.ok(!app.log.text().includes(provider.clientSecret));
  });
}

test('broken documents and bare statuses of the provider end on the sign-in page', async () => {
  for (const [path, document] of [
    ['/token', 500],
    ['/token', { id_token: 'x' }],
    ['/token', 'text'],
  ] as const) {
    provider.documents.set(path, document);
    assert.equal(await goThrough(new BrowserSession(app)), failed('oidc_unavailable'), `${path} ${document}`);
    provider.documents.clear();
  }
});

test('what the documents point to is reached only where it is public or the issuer itself', async () => {
  const inner = await startFakeOidc();
  const other = await startTestApp(settings());
  try {
    const document = {
      issuer: provider.issuer,
      authorization_endpoint: `${provider.issuer}/authorize`,
      token_endpoint: `${inner.issuer}/token`,
      jwks_uri: `${inner.issuer}/keys`,
    };
    provider.documents.set('/.well-known/openid-configuration', document);
    const browser = new BrowserSession(other);
    const started = await browser.request('GET', '/v1/auth/oidc/start');
    const back = provider.visit(locationOf(started));
    const answer = await browser.request('GET', `${back.pathname}${back.search}`);
    assert.match(locationOf(answer), /#error=oidc_unavailable$/);
    assert.deepEqual(inner.asked, []);
    provider.documents.set('/.well-known/openid-configuration', {
      ...document,
      issuer: 'https://evil.example',
    });
    const third = await startTestApp(settings());
    const refused = await new BrowserSession(third).request('GET', '/v1/auth/oidc/start');
    assert.match(locationOf(refused), /#error=oidc_unavailable$/);
    await third.close();
  } finally {
    await other.close();
    await inner.close();
  }
});

test('an unknown person needs an invitation where newcomers do not register themselves; domains are checked', async () => {
  const strict = await startTestApp(settings({ DRAWBRIDGE_OIDC_ALLOWED_DOMAINS: 'Example.com' }));
  try {
    const invite = async (email?: string) =>
      (await strict.request('POST', '/v1/admin/invitations', { role: 'admin', ...(email ? { email } : {}) }))
        .json;
    const accept = async (invitation: string | undefined) => {
      const browser = new BrowserSession(strict);
      const body = invitation === undefined ? {} : { invitation };
      const prepared = await browser.request('POST', '/v1/auth/oidc/start', body);
      assert.equal(prepared.status, 200, prepared.text);
      const back = provider.visit(prepared.json.url);
      const answer = await browser.request('GET', `${back.pathname}${back.search}`);
      return { browser, reason: locationOf(answer).split('#error=')[1] ?? 'in' };
    };
    assert.equal((await accept(undefined)).reason, 'oidc_unknown');
    for (const person of [
      { sub: 'p-2', email: 'x@example.org', email_verified: true },
      { sub: 'p-2', email: 'x@example.com', email_verified: false },
      { sub: 'p-2', email: 'x@example.com.evil.example', email_verified: true },
      { sub: 'p-2' },
    ]) {
      provider.person = person;
      assert.equal((await accept((await invite()).token)).reason, 'oidc_not_allowed', JSON.stringify(person));
    }
    provider.person = { sub: 'p-3', email: 'Li@example.com', email_verified: true };
    assert.equal((await accept((await invite('other@example.com')).token)).reason, 'oidc_not_allowed');
    const { token } = await invite('li@example.com');
    const { reason, browser } = await accept(token);
    assert.equal(reason, 'in');
    assert.equal((await browser.request('GET', '/v1/admin/users')).status, 200, 'the role of the invitation');
    const wrong = await browser.request('POST', '/v1/auth/oidc/start', { invitation: token });
    assert.equal(wrong.status, 401, 'an invitation works once');
  } finally {
    await strict.close();
  }
});

test('an address alone opens nobody’s account; a person adds the sign-in while signed in', async () => {
  const { token } = (await app.request('POST', '/v1/admin/invitations', { email: 'kim@example.com' })).json;
  const kim = new BrowserSession(app);
  const person = { token, password: 'four words in a row', name: 'Kim' };
  const { user } = (await kim.request('POST', '/v1/auth/invitations/accept', person)).json;
  provider.person = { sub: 'k-1', email: 'kim@example.com', email_verified: true, name: 'Kim' };
  const other = new BrowserSession(app);
  await goThrough(other);
  const stranger = (await other.request('GET', '/v1/account')).json.user;
  assert.notEqual(stranger.id, user.id);
  assert.equal(stranger.email, null);
  const link = async (browser: BrowserSession) => {
    const prepared = await browser.request('POST', '/v1/auth/oidc/start', {
      link: true,
      return_to: '/account',
    });
    const back = provider.visit(prepared.json.url);
    return locationOf(await browser.request('GET', `${back.pathname}${back.search}`));
  };
  assert.equal(await link(kim), failed('oidc_taken'));
  provider.person = { sub: 'k-2', email: 'kim@example.com', email_verified: true };
  assert.equal(await link(kim), `${app.url}/account`);
  const elsewhere = new BrowserSession(app);
  await goThrough(elsewhere);
  assert.equal((await elsewhere.request('GET', '/v1/account')).json.user.id, user.id);
  const nobody = await new BrowserSession(app).request('POST', '/v1/auth/oidc/start', { link: true });
  assert.equal(nobody.status, 401);
  const crossSite = { origin: 'https://evil.example' };
  const forged = await kim.request('POST', '/v1/auth/oidc/start', { link: true }, crossSite);
  assert.equal(forged.status, 403);
  await app.request('PATCH', `/v1/admin/users/${user.id}`, { disabled: true });
  assert.equal(await goThrough(new BrowserSession(app)), failed('disabled'));
});

test('W5 the page to return to is a path of this server, whatever is asked for', async () => {
  for (const target of [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '\\\\evil',
    '/a\nb',
    'x',
    '',
  ]) {
    const answer = await new BrowserSession(app).request(
      'GET',
      `/v1/auth/oidc/start?return_to=${encodeURIComponent(target)}`,
    );
    assert.equal(answer.status, 422, target);
  }
});

test('an address that the token lacks comes from the profile, of the same person only', async () => {
  provider.person = { sub: 'u-1' };
  provider.profile = { email: 'una@example.com', email_verified: true, name: 'Una' };
  const browser = new BrowserSession(app);
  assert.equal(await goThrough(browser), `${app.url}/`);
  const { user } = (await browser.request('GET', '/v1/account')).json;
  assert.deepEqual([user.name, user.email], ['Una', 'una@example.com']);
  provider.person = { sub: 'u-2' };
  provider.profile = { sub: 'u-1' };
  assert.equal(await goThrough(new BrowserSession(app)), failed('oidc_unavailable'));
});

test('a changed signing key is fetched anew, but not for every forged token', async () => {
  const fresh = await startTestApp(settings({ DRAWBRIDGE_OIDC_AUTO_REGISTER: 'true' }));
  try {
    const browser = new BrowserSession(fresh);
    const attempt = async () => {
      const back = provider.visit(locationOf(await browser.request('GET', '/v1/auth/oidc/start')));
      return locationOf(await browser.request('GET', `${back.pathname}${back.search}`));
    };
    assert.equal(await attempt(), `${fresh.url}/`);
    const asked = () => provider.asked.filter((path) => path === '/keys').length;
    const before = asked();
    provider.fault = { header: { kid: 'unknown' } };
    for (let n = 0; n < 3; n += 1) assert.match(await attempt(), /oidc_unavailable/);
    assert.equal(asked(), before, 'the keys are younger than a minute');
  } finally {
    await fresh.close();
  }
});
