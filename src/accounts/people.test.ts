// People from invitation to removal, over real HTTP on both databases.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { BrowserSession } from '../../test/harness/browser-session.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { MAX_TRIES } from './try-store.ts';

const PASSWORD = 'four words in a row';
const NEW_PASSWORD = 'and five other words';

for (const { kind, skip } of databaseKinds().filter(({ kind }) => kind !== 'sqlite-inline')) {
  suite(`people on ${kind}`, { skip }, () => {
    let app: TestApp;
    let people = 0;

    before(async () => {
      app = await startTestApp({
        database: kind === 'postgres' ? 'postgres' : 'sqlite',
        env: { DRAWBRIDGE_ACCOUNTS_OPEN_REGISTRATION: 'true', DRAWBRIDGE_CREDITS_STARTING_GRANT: '7' },
      });
    });
    after(() => app.close());

    const invite = async (body: object = {}) => {
      const answer = await app.request('POST', '/v1/admin/invitations', body);
      assert.equal(answer.status, 201, answer.text);
      return answer.json;
    };
    /** A person who is signed in. */
    const join = async (invitation: object = {}) => {
      people += 1;
      const username = `reader-${people}`;
      const browser = new BrowserSession(app);
      const { token, id } = await invite(invitation);
      const body = { token, username, password: PASSWORD, name: 'A Reader' };
      const answer = await browser.request('POST', '/v1/auth/invitations/accept', body);
      assert.equal(answer.status, 200, answer.text);
      return { browser, username, invitationId: id, userId: answer.json.user.id as string, ...answer.json };
    };
    const admin = (method: string, path: string, body?: object) => app.request(method, path, body);

    test('an invitation makes a person with an account, a grant and a session, once', async () => {
      const { token, url, ...invitation } = await invite({ grant_credits: '2.5', email: 'Ann@Example.com' });
      assert.equal(url, `${app.url}/invitation#token=${token}`);
      assert.equal(invitation.status, 'open');
      const browser = new BrowserSession(app);
      const check = await browser.request('POST', '/v1/auth/invitations/check', { token });
      assert.equal(check.json.email, 'ann@example.com');
      const body = { token, password: PASSWORD, name: 'Ann', email: 'other@example.com' };
      const weak = await browser.request('POST', '/v1/auth/invitations/accept', {
        ...body,
        password: 'short',
      });
      assert.equal(weak.status, 422);
      assert.match(weak.json.errors[0].detail, /at least 10/);
      const [first, second] = await Promise.all(
        [browser, new BrowserSession(app)].map((one) =>
          one.request('POST', '/v1/auth/invitations/accept', body),
        ),
      );
      assert.deepEqual([first?.status, second?.status].toSorted(), [200, 401]);
      const won = first?.status === 200 ? first : second;
      assert.equal(won?.json.user.email, 'ann@example.com');
      assert.equal(won?.json.user.role, 'member');
      assert.ok(!won?.text.includes('argon2'));
      const signedIn = new BrowserSession(app);
      assert.equal((await signedIn.signIn('ANN@example.com ', PASSWORD)).status, 200);
      assert.equal((await signedIn.request('GET', '/v1/credits')).json.available_credits, 2.5);
      const listed = (await admin('GET', '/v1/admin/invitations')).json.data;
      const used = listed.find((one: { id: string }) => one.id === invitation.id);
      assert.deepEqual([used.status, used.user_id], ['used', won?.json.user.id]);
    });

    test('an invitation ends when it is taken back', async () => {
      const taken = await invite();
      assert.equal((await admin('DELETE', `/v1/admin/invitations/${taken.id}`)).status, 204);
      assert.equal((await admin('DELETE', `/v1/admin/invitations/${taken.id}`)).status, 404);
      const body = { token: taken.token, username: 'nobody', password: PASSWORD };
      const answer = await new BrowserSession(app).request('POST', '/v1/auth/invitations/accept', body);
      assert.equal(answer.status, 401, answer.text);
    });

    test('people may share an account; members never that of the administrators', async () => {
      const first = await join();
      const second = await join({ account_id: first.account.id });
      assert.equal(second.account.id, first.account.id);
      const own = await admin('GET', '/v1/auth/session');
      const wrong = { account_id: own.json.account.id, role: 'member' };
      assert.equal((await admin('POST', '/v1/admin/invitations', wrong)).status, 409);
      const unknown = { account_id: `acct_${'0'.repeat(32)}` };
      assert.equal((await admin('POST', '/v1/admin/invitations', unknown)).status, 404);
    });

    test('registration opens an account with the starting grant; a taken login is a conflict', async () => {
      const browser = new BrowserSession(app);
      const body = { username: 'Registered', password: PASSWORD };
      const answer = await browser.request('POST', '/v1/auth/register', body);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.user.username, 'registered');
      assert.deepEqual(answer.json.scopes.includes('admin'), false);
      assert.equal((await browser.request('GET', '/v1/credits')).json.available_credits, 7);
      const accounts = (await admin('GET', '/v1/admin/accounts?limit=200')).json.data.length;
      const again = await new BrowserSession(app).request('POST', '/v1/auth/register', {
        ...body,
        username: 'REGISTERED',
      });
      assert.equal(again.status, 409, again.text);
      // The account that would have been theirs was taken back with them.
      assert.equal((await admin('GET', '/v1/admin/accounts?limit=200')).json.data.length, accounts);
      const options = (await browser.request('GET', '/v1/auth/options')).json;
      assert.deepEqual([options.registration, options.password, options.oidc], [true, true, null]);
    });

    test('Z6 a new password ends all other sessions and rotates this one', async () => {
      const { browser, username } = await join();
      const other = new BrowserSession(app);
      await other.signIn(username, PASSWORD);
      const before = browser.cookie;
      const change = (body: object) => browser.request('POST', '/v1/account/password', body);
      assert.equal((await change({ password: NEW_PASSWORD })).status, 422);
      const wrong = await change({ password: NEW_PASSWORD, current_password: 'not the right one' });
      assert.equal(wrong.json.errors[0].pointer, '/current_password');
      assert.equal(await other.isSignedIn(), true);
      const changed = await change({ password: NEW_PASSWORD, current_password: PASSWORD });
      assert.equal(changed.status, 200, changed.text);
      assert.notEqual(browser.cookie, before);
      assert.equal(await browser.isSignedIn(), true);
      assert.equal(await other.isSignedIn(), false);
      const stale = await app.request('GET', '/v1/account', undefined, { authorization: '', cookie: before });
      assert.equal(stale.status, 401);
      assert.equal((await other.signIn(username, PASSWORD)).status, 401);
      assert.equal((await other.signIn(username, NEW_PASSWORD)).status, 200);
    });

    test('a reset link sets a password once, and a newer one replaces it', async () => {
      const { browser, username, userId } = await join();
      const link = async () => (await admin('POST', `/v1/admin/users/${userId}/reset-link`)).json;
      const old = await link();
      const fresh = await link();
      assert.equal(fresh.url, `${app.url}/sign-in#reset=${fresh.token}`);
      const reset = (token: string) =>
        new BrowserSession(app).request('POST', '/v1/auth/password-reset', { token, password: NEW_PASSWORD });
      assert.equal((await reset(old.token)).status, 401);
      assert.equal((await reset(fresh.token)).status, 200);
      assert.equal((await reset(fresh.token)).status, 401);
      assert.equal(await browser.isSignedIn(), false);
      assert.equal((await browser.signIn(username, NEW_PASSWORD)).status, 200);
    });

    test('Z6 disabling ends sessions and keys of the person, enabling brings the keys back', async () => {
      const { browser, username, userId } = await join();
      const made = await browser.request('POST', '/v1/keys', { name: 'own' });
      const withKey = async () =>
        (await app.request('GET', '/v1/tasks', undefined, { authorization: `Bearer ${made.json.key}` }))
          .status;
      assert.equal(await withKey(), 200);
      const byKey = new BrowserSession(app);
      await byKey.request('POST', '/v1/auth/session', { api_key: made.json.key });
      const set = (disabled: boolean) => admin('PATCH', `/v1/admin/users/${userId}`, { disabled });
      assert.equal((await set(true)).json.disabled, true);
      assert.deepEqual(
        [await browser.isSignedIn(), await byKey.isSignedIn(), await withKey()],
        [false, false, 401],
      );
      const refused = await browser.signIn(username, PASSWORD);
      assert.match(refused.json.detail, /disabled/);
      assert.match((await browser.signIn(username, 'not the right one')).json.detail, /wrong/);
      await set(false);
      assert.equal(await browser.isSignedIn(), false, 'an ended session stays ended');
      assert.equal((await browser.signIn(username, PASSWORD)).status, 200);
      assert.equal(await withKey(), 200);
      assert.equal((await admin('DELETE', `/v1/admin/users/${userId}`)).status, 204);
      assert.deepEqual([await browser.isSignedIn(), await withKey()], [false, 401]);
      assert.equal((await admin('GET', `/v1/admin/users/${userId}`)).status, 404);
    });

    test('Z3 an administrator by role has all rights until the role is taken away, never by themselves', async () => {
      const { browser, userId, username } = await join({ role: 'admin' });
      assert.equal((await browser.request('GET', '/v1/admin/users')).status, 200);
      for (const body of [{ role: 'member' }, { disabled: true }])
        assert.equal((await browser.request('PATCH', `/v1/admin/users/${userId}`, body)).status, 409);
      assert.equal((await browser.request('DELETE', `/v1/admin/users/${userId}`)).status, 409);
      const key = await browser.request('POST', '/v1/keys', {
        name: 'wide',
        scopes: ['accounts:act', 'tasks:read'],
      });
      assert.equal(key.status, 201, key.text);
      assert.equal(
        (await admin('PATCH', `/v1/admin/users/${userId}`, { role: 'member' })).json.role,
        'member',
      );
      assert.equal(await browser.isSignedIn(), false);
      const bearer = { authorization: `Bearer ${key.json.key}` };
      assert.equal((await app.request('GET', '/v1/tasks', undefined, bearer)).status, 401);
      await browser.signIn(username, PASSWORD);
      assert.equal((await browser.request('GET', '/v1/admin/users')).status, 403);
    });

    test('the own profile and sessions: only the own, and a session can be ended', async () => {
      const { browser, username } = await join();
      const stranger = await join();
      const renamed = await browser.request('PATCH', '/v1/account', {
        name: 'Bea',
        email: 'Bea@Example.com',
      });
      assert.deepEqual([renamed.json.user.name, renamed.json.user.email], ['Bea', 'bea@example.com']);
      assert.equal(
        (await browser.request('PATCH', '/v1/account', { username: stranger.username })).status,
        409,
      );
      assert.equal(
        (await browser.request('PATCH', '/v1/account', { username: null, email: null })).status,
        409,
      );
      const phone = new BrowserSession(app);
      await phone.request(
        'POST',
        '/v1/auth/session',
        { login: username, password: PASSWORD },
        { 'user-agent': 'a phone' },
      );
      const { data } = (await browser.request('GET', '/v1/account/sessions')).json;
      assert.equal(data.length, 2);
      const other = data.find((one: { current: boolean }) => !one.current);
      assert.deepEqual([other.user_agent, other.address], ['a phone', phone.address]);
      assert.equal(
        (await stranger.browser.request('DELETE', `/v1/account/sessions/${other.id}`)).status,
        404,
      );
      assert.equal((await browser.request('DELETE', `/v1/account/sessions/${other.id}`)).status, 204);
      assert.equal(await phone.isSignedIn(), false);
      assert.equal(await browser.isSignedIn(), true);
    });

    test('people are found by any part of their names, a sign of the search language included', async () => {
      const { userId, browser } = await join();
      await browser.request('PATCH', '/v1/account', { name: '100%_Zoë', email: 'zoe@example.org' });
      const find = async (q: string) =>
        (await admin('GET', `/v1/admin/users?q=${encodeURIComponent(q)}`)).json.data.map(
          (one: { id: string }) => one.id,
        );
      for (const q of ['100%_z', 'ZOE@', 'example.org']) assert.deepEqual(await find(q), [userId], q);
      for (const q of ['100__z', '%zoë%', '\\']) assert.deepEqual(await find(q), [], q);
      const page = (await admin('GET', '/v1/admin/users?limit=1')).json;
      const next = (await admin('GET', `/v1/admin/users?limit=1&cursor=${page.next_cursor}`)).json;
      assert.notEqual(page.data[0].id, next.data[0].id);
    });

    test('Z7 ten wrong passwords from an address, and it waits; everybody else signs in', async () => {
      const { username } = await join();
      const attacker = new BrowserSession(app);
      const guess = () =>
        app.app.server.inject({
          method: 'POST',
          url: '/v1/auth/session',
          remoteAddress: '203.0.113.77',
          payload: { login: username, password: 'a wrong password' },
        });
      const statuses: number[] = [];
      for (let n = 0; n < MAX_TRIES + 5; n += 1) statuses.push((await guess()).statusCode);
      assert.deepEqual(statuses, [...Array(MAX_TRIES).fill(401), ...Array(5).fill(429)]);
      assert.equal(
        (await attacker.signIn(username, PASSWORD)).status,
        200,
        'the victim comes in from elsewhere',
      );
    });
  });
}
