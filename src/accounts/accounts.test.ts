import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { sql } from 'kysely';
import { databaseKinds, openTestDb, type TestDb } from '../../test/harness/database.ts';
import { balanceOf, createAccountOpener } from '../credits/credits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { AppError } from '../kernel/errors.ts';
import { createHttpServer, type HttpOptions } from '../kernel/http.ts';
import { bindRoutes } from '../kernel/http-routes.ts';
import { newSecret, sha256Hex } from '../kernel/id.ts';
import { type Access, SCOPES } from '../kernel/route.ts';
import { type Authenticator, type Bootstrap, createAuthenticator, ensureBootstrap } from './accounts.ts';
import { PasswordHasher } from './passwords.ts';
import { signInWithPassword } from './people.ts';
import { accountRoutes, authenticateRequest } from './routes.ts';
import { findKeyByHash } from './store.ts';
import { MAX_TRIES, TRY_WINDOW_MS } from './try-store.ts';

const ADMIN_KEY = 'a-configured-admin-key';
const START = 1_800_000_000_000;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A clock that stands still until a test moves it; timers fire when it passes them. */
class HandClock implements Clock {
  #now = START;
  #timers: { at: number; callback: () => void }[] = [];
  now = () => this.#now;
  monotonicMs = () => this.#now;
  after(delayMs: number, callback: () => void) {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    const cancel = () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
    return { cancel };
  }
  advance(ms: number) {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

interface Server {
  clock: HandClock;
  db: Db;
  bootstrap: Bootstrap;
  authenticator: Authenticator;
  app: FastifyInstance;
  call(method: string, url: string, options?: Call): Promise<Answer>;
}
interface Call {
  key?: string;
  cookie?: string;
  headers?: Record<string, string>;
  body?: object;
}
interface Answer {
  status: number;
  cookie: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

async function startServer(db: Db, publicUrl: string | null = null): Promise<Server> {
  const clock = new HandClock();
  const opener = createAccountOpener(db, 100_000_000);
  const bootstrap = await ensureBootstrap(db, clock, opener);
  const authenticator = createAuthenticator({
    db,
    clock,
    ...bootstrap,
    adminKey: ADMIN_KEY,
    onBackgroundError: (error) => {
      throw error;
    },
  });
  const options: HttpOptions = {
    log: silent,
    clock,
    publicUrl,
    trustedProxies: [],
    corsOrigins: [],
    requestsPerMinute: 1_000_000,
    anonymousRequestsPerMinute: 1_000_000,
    authenticate: authenticateRequest(authenticator, publicUrl),
    onAnswerMismatch: (detail) => assert.fail(JSON.stringify(detail)),
  };
  const app = await createHttpServer(options);
  bindRoutes(
    app,
    options,
    accountRoutes({
      db,
      clock,
      authenticator,
      opener,
      ticketSecret: bootstrap.ticketSecret,
      openRegistration: true,
      oidc: null,
      closeAccount: () => Promise.reject(new Error('unused')),
    }),
  );
  let address = 0;
  const call = async (method: string, url: string, { key, cookie, headers, body }: Call = {}) => {
    address += 1;
    const response = await app.inject({
      method: method as NonNullable<InjectOptions['method']>,
      url,
      // A new address each, so that the limit on sign-ins is not what is tested.
      remoteAddress: `10.0.${address >> 8}.${address & 255}`,
      headers: {
        host: 'studio.example',
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(cookie ? { cookie } : {}),
        ...headers,
      },
      ...(body ? { payload: body } : {}),
    });
    const set = response.headers['set-cookie'];
    return {
      status: response.statusCode,
      cookie: typeof set === 'string' ? set : undefined,
      body: response.body === '' ? undefined : response.json(),
    };
  };
  return { clock, db, bootstrap, authenticator, app, call };
}

const FROM = { address: '192.0.2.1', userAgent: null, replaces: null };
const people = ({ db, clock }: Server) => ({
  db,
  clock,
  opener: createAccountOpener(db, 0),
  hasher: new PasswordHasher(),
});

const pairOf = (setCookie: string | undefined) => setCookie?.split(';')[0] ?? '';
const SAME_ORIGIN = { origin: 'http://studio.example' };

for (const { kind, skip } of databaseKinds().filter(({ kind }) => kind !== 'sqlite-inline')) {
  suite(`accounts on ${kind}`, { skip }, () => {
    let opened: TestDb;
    let server: Server;
    const call = (method: string, url: string, options?: Call) => server.call(method, url, options);
    const makeKey = async (
      body: object,
      options: Call = { key: ADMIN_KEY },
    ): Promise<{ id: string; key: string }> => {
      const { status, body: answer } = await call('POST', '/v1/keys', { ...options, body });
      assert.equal(status, 201, JSON.stringify(answer));
      return answer;
    };
    const makeAccount = async (): Promise<string> =>
      (await call('POST', '/v1/admin/accounts', { key: ADMIN_KEY, body: { name: 'Bo' } })).body.id;
    const acting = (accountId: string) => ({ key: ADMIN_KEY, headers: { 'x-account-id': accountId } });

    before(async () => {
      opened = await openTestDb(kind);
      server = await startServer(opened.db);
    });
    after(async () => {
      await server.app.close();
      await server.authenticator.close();
      await opened.close();
    });

    test('Z9: a set-up link signs in once, whoever races, and then none works any more', async () => {
      const { db, bootstrap, clock } = server;
      const opener = createAccountOpener(db, 0);
      const others = await Promise.all([1, 2, 3].map(() => ensureBootstrap(db, clock, opener)));
      assert.ok(others.every((other) => other.adminAccountId === bootstrap.adminAccountId));
      assert.ok(others.every((other) => other.ticketSecret === bootstrap.ticketSecret));
      const tokens = [bootstrap, ...others].map((one) => one.setupToken ?? '');
      assert.equal(new Set(tokens).size, 4);
      const wrong = await call('POST', '/v1/auth/session', { body: { token: 'dbs_wrong' } });
      assert.equal(wrong.status, 401);
      const attempts = [...tokens, ...tokens, ...tokens];
      const answers = await Promise.all(
        attempts.map((token) => call('POST', '/v1/auth/session', { body: { token } })),
      );
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [
        200,
        ...attempts.slice(1).map(() => 401),
      ]);
      const winner = answers.find(({ status }) => status === 200);
      assert.equal(winner?.body.account.role, 'admin');
      assert.deepEqual(winner?.body.scopes, [...SCOPES]);
      const session = await call('GET', '/v1/auth/session', { cookie: pairOf(winner?.cookie) });
      assert.equal(session.body.via, 'session');
      assert.equal((await ensureBootstrap(db, clock, opener)).setupToken, null);
    });

    test('Z5: keys are random, shown once, and nowhere in the database', async () => {
      const created = await makeKey({ name: 'ci' });
      assert.match(created.key, /^dbk_[\w-]{43}$/);
      const listed = await call('GET', '/v1/keys', { key: ADMIN_KEY });
      const row = listed.body.data.find((one: { id: string }) => one.id === created.id);
      assert.equal(row.prefix, created.key.slice(0, 10));
      assert.ok(!JSON.stringify(listed.body).includes(created.key));
      for (const table of ['accounts', 'api_keys', 'sessions', 'setup_links', 'server_secrets']) {
        const { rows } = await sql`select * from ${sql.table(table)}`.execute(server.db.read);
        assert.ok(!JSON.stringify(rows).includes(created.key.slice(10)), table);
      }
      assert.ok(await findKeyByHash(server.db.read, sha256Hex(created.key)));
    });

    test('Z5: a key never gets a scope that its maker does not have', async () => {
      const narrow = await makeKey({ name: 'narrow', scopes: ['tasks:read', 'tasks:write'] });
      const mint = (scopes?: string[]) =>
        call('POST', '/v1/keys', { key: narrow.key, body: { name: 'more', ...(scopes ? { scopes } : {}) } });
      for (const scope of SCOPES.filter((one) => !one.startsWith('tasks:')))
        assert.equal((await mint(['tasks:read', scope])).status, 403, scope);
      assert.deepEqual((await mint()).body.scopes, ['tasks:read', 'tasks:write']);
      const signedIn = await call('POST', '/v1/auth/session', { body: { api_key: narrow.key } });
      assert.deepEqual(signedIn.body.scopes, ['tasks:read', 'tasks:write']);
      const app = await makeKey({ name: 'app', scopes: ['tasks:write', 'accounts:act'] });
      const again = { key: app.key, body: { name: 'x', scopes: ['accounts:act'] } };
      assert.equal((await call('POST', '/v1/keys', again)).status, 403);
      const member = await makeAccount();
      const forMember = { ...acting(member), body: { name: 'x', scopes: ['admin'] } };
      assert.equal((await call('POST', '/v1/keys', forMember)).status, 403);
    });

    test('Z5: a revoked key is refused at the next request, with its sessions and tickets', async () => {
      const { key, id } = await makeKey({ name: 'short-lived' });
      const cookie = pairOf((await call('POST', '/v1/auth/session', { body: { api_key: key } })).cookie);
      const { ticket } = (await call('POST', '/v1/stream-tickets', { key })).body;
      const caller = { method: 'GET', viaControlSocket: false, baseUrl: 'http://studio.example' };
      const byTicket = () => server.authenticator.authenticate({ ...caller, headers: {}, ticket });
      assert.equal((await byTicket())?.via, 'ticket');
      assert.equal((await call('DELETE', `/v1/keys/${id}`, { key })).status, 204);
      assert.match((await call('GET', '/v1/keys', { key })).body.detail, /revoked/);
      assert.match((await call('GET', '/v1/auth/session', { key })).body.detail, /revoked/);
      assert.equal((await call('GET', '/v1/auth/session')).status, 401);
      assert.equal((await call('GET', '/v1/keys', { cookie })).status, 401);
      await assert.rejects(byTicket(), { code: 'authentication_required' });
      assert.equal((await call('DELETE', `/v1/keys/${id}`, { key: ADMIN_KEY })).status, 404);
    });

    test('Z2: keys of another account are not found', async () => {
      const { id } = await makeKey({ name: 'mine' });
      const stranger = await makeKey({ name: 'theirs' }, acting(await makeAccount()));
      const answer = await call('DELETE', `/v1/keys/${id}`, { key: stranger.key });
      assert.equal(answer.status, 404);
      const listed = await call('GET', '/v1/keys', { key: stranger.key });
      assert.deepEqual(
        listed.body.data.map((one: { id: string }) => one.id),
        [stranger.id],
      );
    });

    test('a key notes its last use once a minute, off the request path', async () => {
      const { key, id } = await makeKey({ name: 'used' });
      const lastUse = async () => {
        await server.authenticator.close();
        return (await findKeyByHash(server.db.read, sha256Hex(key)))?.last_used_at;
      };
      assert.equal(await lastUse(), null);
      const first = server.clock.now();
      await Promise.all([1, 2, 3].map(() => call('GET', '/v1/keys', { key })));
      assert.equal(await lastUse(), first);
      server.clock.advance(59_999);
      await call('GET', '/v1/keys', { key });
      assert.equal(await lastUse(), first);
      server.clock.advance(1);
      await call('GET', '/v1/keys', { key });
      assert.equal(await lastUse(), first + 60_000);
      const listed = await call('GET', '/v1/keys', { key });
      const row = listed.body.data.find((one: { id: string }) => one.id === id);
      assert.equal(row.last_used_at, new Date(first + 60_000).toISOString());
    });

    test('Z6: a session ends at sign-out, after 30 days, and when another sign-in replaces it', async () => {
      const { key } = await makeKey({ name: 'browser' });
      const signIn = (cookie?: string) =>
        call('POST', '/v1/auth/session', {
          body: { api_key: key },
          headers: SAME_ORIGIN,
          ...(cookie ? { cookie } : {}),
        });
      const first = await signIn();
      assert.match(
        first.cookie ?? '',
        /^drawbridge_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
      );
      assert.equal(first.body.secure_transport, false);
      const second = await signIn(pairOf(first.cookie));
      assert.notEqual(pairOf(second.cookie), pairOf(first.cookie));
      const ask = (cookie: string | undefined) => call('GET', '/v1/keys', { cookie: pairOf(cookie) });
      assert.equal((await ask(first.cookie)).status, 401);
      assert.equal((await ask(second.cookie)).status, 200);
      const out = await call('DELETE', '/v1/auth/session', {
        cookie: pairOf(second.cookie),
        headers: SAME_ORIGIN,
      });
      assert.equal(out.status, 204);
      assert.match(out.cookie ?? '', /^drawbridge_session=; Path=\/; Max-Age=0/);
      assert.equal((await ask(second.cookie)).status, 401);
      const third = await signIn();
      server.clock.advance(30 * 24 * 3_600_000);
      assert.match((await ask(third.cookie)).body.detail, /session has ended/);
    });

    test('Z6: a session ends after 14 days without use, and after 30 days however much it is used', async () => {
      const person = { username: 'wanderer', password: 'four words in a row' };
      const busy = await call('POST', '/v1/auth/register', { body: person });
      assert.equal(busy.status, 200, JSON.stringify(busy.body));
      const login = { login: 'Wanderer', password: person.password };
      const idle = await call('POST', '/v1/auth/session', { body: login });
      const ask = async ({ cookie }: Answer) =>
        (await call('GET', '/v1/account', { cookie: pairOf(cookie) })).status;
      for (let week = 1; week <= 4; week += 1) {
        server.clock.advance(7 * 24 * 3_600_000);
        assert.equal(await ask(busy), 200, `week ${week}`);
        await server.authenticator.close();
      }
      assert.equal(await ask(idle), 401);
      server.clock.advance(2 * 24 * 3_600_000);
      assert.equal(await ask(busy), 401);
    });

    test('links end by their time', async () => {
      const body = { expires_in_h: 1 };
      const { token } = (await call('POST', '/v1/admin/invitations', { key: ADMIN_KEY, body })).body;
      const check = () => call('POST', '/v1/auth/invitations/check', { body: { token } });
      assert.equal((await check()).status, 200);
      server.clock.advance(3_600_000);
      assert.equal((await check()).status, 401);
      const person = { username: 'forgetful', password: 'four words in a row' };
      const { user } = (await call('POST', '/v1/auth/register', { body: person })).body;
      const link = await call('POST', `/v1/admin/users/${user.id}/reset-link`, { key: ADMIN_KEY });
      server.clock.advance(24 * 3_600_000);
      const reset = { token: link.body.token, password: 'and five other words' };
      assert.equal((await call('POST', '/v1/auth/password-reset', { body: reset })).status, 401);
    });

    test('Z7: tries are forgotten after 15 minutes and by the right password', async () => {
      const person = { username: 'clumsy', password: 'four words in a row' };
      await call('POST', '/v1/auth/register', { body: person });
      const attempt = async (password: string) =>
        // One address, but not one request limit: this is about the tries alone.
        (await signInWithPassword(people(server), { login: 'clumsy', password }, FROM).catch(
          (error: AppError) => error.code,
        )) as string | object;
      for (let n = 0; n < MAX_TRIES - 1; n += 1)
        assert.equal(await attempt('wrong'), 'authentication_required');
      assert.equal(typeof (await attempt(person.password)), 'object');
      for (let n = 0; n < MAX_TRIES; n += 1) assert.equal(await attempt('wrong'), 'authentication_required');
      assert.equal(await attempt(person.password), 'rate_limited');
      server.clock.advance(TRY_WINDOW_MS);
      assert.equal(typeof (await attempt(person.password)), 'object');
    });

    test('W4: a changing request with a cookie must come from our own pages', async () => {
      const { key } = await makeKey({ name: 'browser' });
      const cookie = pairOf((await call('POST', '/v1/auth/session', { body: { api_key: key } })).cookie);
      const ticketWith = async (headers: Record<string, string>) =>
        (await call('POST', '/v1/stream-tickets', { cookie, headers })).status;
      const refused = [
        {},
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site', ...SAME_ORIGIN },
        { 'sec-fetch-site': 'same-site' },
      ];
      for (const headers of refused) assert.equal(await ticketWith(headers), 403, JSON.stringify(headers));
      assert.equal(await ticketWith(SAME_ORIGIN), 201);
      assert.equal(await ticketWith({ 'sec-fetch-site': 'same-origin' }), 201);
      assert.equal(
        (await call('GET', '/v1/keys', { cookie, headers: { origin: 'https://evil.example' } })).status,
        200,
      );
      const signIn = { body: { api_key: key }, headers: { origin: 'https://evil.example' } };
      assert.equal((await call('POST', '/v1/auth/session', signIn)).status, 403);
      await call('DELETE', '/v1/auth/session', { cookie, headers: { 'sec-fetch-site': 'cross-site' } });
      assert.equal((await call('GET', '/v1/keys', { cookie })).status, 200);
    });

    test('stream tickets last 60 seconds, cannot be forged, and work for event streams only', async () => {
      const { authenticator, clock } = server;
      const { key } = await makeKey({ name: 'stream', scopes: ['tasks:read'] });
      const answer = await call('POST', '/v1/stream-tickets', { key });
      assert.equal(answer.body.expires_in_s, 60);
      const { ticket } = answer.body;
      const ask = (value: string): Promise<Access | null> =>
        authenticator.authenticate({
          method: 'GET',
          headers: {},
          ticket: value,
          viaControlSocket: false,
          baseUrl: 'http://studio.example',
        });
      const access = await ask(ticket);
      assert.deepEqual([...(access?.scopes ?? [])], ['tasks:read']);
      const [payload, signature] = ticket.slice(4).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const richer = Buffer.from(JSON.stringify({ ...claims, s: ['admin'] })).toString('base64url');
      for (const forged of [
        `dbt_${richer}.${signature}`,
        `dbt_${payload}.`,
        `dbt_${payload}`,
        'dbt_',
        '',
        newSecret(),
      ])
        await assert.rejects(ask(forged), { code: 'authentication_required' }, forged);
      assert.equal((await call('GET', `/v1/keys?ticket=${ticket}`)).status, 401);
      clock.advance(60_000);
      await assert.rejects(ask(ticket), { code: 'authentication_required' });
    });

    test('X-Account-Id needs the scope, an account that exists, and never makes an administrator', async () => {
      const member = await makeAccount();
      const app = await makeKey({ name: 'app', scopes: ['tasks:read', 'tasks:write', 'accounts:act'] });
      const plain = await makeKey({ name: 'plain' }, acting(member));
      const as = (key: string, accountId: string) =>
        call('GET', '/v1/auth/session', { key, headers: { 'x-account-id': accountId } });
      assert.equal((await as(app.key, member)).body.account.id, member);
      assert.equal((await as(plain.key, member)).body.account.id, member);
      const { adminAccountId } = server.bootstrap;
      const list = (key: string, accountId: string) =>
        call('GET', '/v1/keys', { key, headers: { 'x-account-id': accountId } });
      assert.equal((await list(plain.key, adminAccountId)).status, 403);
      assert.equal((await list(app.key, `acct_${'0'.repeat(32)}`)).status, 404);
      const memberApp = await makeKey(
        { name: 'app', scopes: ['tasks:read', 'accounts:act'] },
        acting(member),
      );
      assert.equal((await list(memberApp.key, adminAccountId)).status, 404);
    });

    test('a disabled account is refused at its next request, and the administrator cannot be disabled', async () => {
      const member = await makeAccount();
      const { key } = await makeKey({ name: 'x' }, acting(member));
      const set = (id: string, disabled: boolean) =>
        call('PATCH', `/v1/admin/accounts/${id}`, { key: ADMIN_KEY, body: { disabled } });
      assert.equal((await set(member, true)).body.disabled, true);
      assert.match((await call('GET', '/v1/keys', { key })).body.detail, /disabled/);
      assert.equal((await call('GET', '/v1/keys', acting(member))).status, 403);
      await set(member, false);
      assert.equal((await call('GET', '/v1/keys', { key })).status, 200);
      assert.equal((await set(server.bootstrap.adminAccountId, true)).status, 409);
      assert.equal((await set(`acct_${'0'.repeat(32)}`, true)).status, 404);
    });

    test('accounts are opened singly and in bulk, with their grants, and listed by page', async () => {
      const open = (body: object) => call('POST', '/v1/admin/accounts', { key: ADMIN_KEY, body });
      const one = await open({ name: '  Cy  ', grant_credits: '2.5' });
      assert.equal(one.status, 201);
      assert.equal(one.body.name, 'Cy');
      assert.equal((await balanceOf(server.db.read, one.body.id)).availableMicros, 2_500_000);
      const many = await open({
        accounts: [{ name: 'D', grant_credits: 0 }, { name: 'E' }],
        grant_credits: 7,
      });
      const [d, e] = many.body.data;
      assert.equal((await balanceOf(server.db.read, d.id)).availableMicros, 0);
      assert.equal((await balanceOf(server.db.read, e.id)).availableMicros, 7_000_000);
      assert.equal((await open({ name: 'F', grant_credits: -1 })).status, 422);
      assert.equal((await open({ name: 'F', accounts: [{ name: 'G' }] })).status, 422);
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const url = `/v1/admin/accounts?limit=2${cursor ? `&cursor=${cursor}` : ''}`;
        const page: Answer = await call('GET', url, { key: ADMIN_KEY });
        seen.push(...page.body.data.map((account: { id: string }) => account.id));
        cursor = page.body.next_cursor;
      }
      assert.equal(new Set(seen).size, seen.length);
      assert.ok([one.body.id, d.id, server.bootstrap.adminAccountId].every((id) => seen.includes(id)));
    });

    test('Z4: fields that are not for the caller are refused, and change nothing', async () => {
      const member = await makeAccount();
      const injected = {
        role: 'admin',
        id: 'acct_x',
        account_id: member,
        credits: 9,
        created_at: 1,
        disabled_at: 1,
      };
      for (const [field, value] of Object.entries(injected)) {
        const answers = [
          await call('POST', '/v1/admin/accounts', { key: ADMIN_KEY, body: { name: 'x', [field]: value } }),
          await call('PATCH', `/v1/admin/accounts/${member}`, { key: ADMIN_KEY, body: { [field]: value } }),
          await call('POST', '/v1/keys', { key: ADMIN_KEY, body: { name: 'x', [field]: value } }),
        ];
        for (const answer of answers) assert.equal(answer.status, 422, field);
      }
    });

    test("another service's secret is recognised and not repeated", async () => {
      const secrets = [
        'sk-proj-0123456789abcdef',
        '0123456789abcdef0123456789abcdef',
        'hk-0123456789abcdef0123456789abcdef',
      ];
      for (const key of secrets) {
        const { status, body } = await call('GET', '/v1/keys', { key });
        assert.equal(status, 401);
        assert.match(body.detail, /looks like/);
        assert.ok(!JSON.stringify(body).includes(key));
      }
      assert.match((await call('GET', '/v1/keys', { key: 'dbk_unknown' })).body.detail, /no such API key/);
      const basic = await call('GET', '/v1/keys', { headers: { authorization: 'Basic dTpw' } });
      assert.match(basic.body.detail, /Bearer/);
    });
  });
}

test('Z6: on https only the __Host- cookie is set and counts; on its LAN address the same server uses a plain one', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  const { call, app } = await startServer(db, 'https://studio.example');
  const signIn = (headers: Record<string, string>) =>
    call('POST', '/v1/auth/session', { body: { api_key: ADMIN_KEY }, headers });
  const secure = await signIn({ origin: 'https://studio.example' });
  assert.match(
    secure.cookie ?? '',
    /^__Host-drawbridge=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/,
  );
  assert.equal(secure.body.secure_transport, true);
  const token = pairOf(secure.cookie).split('=')[1];
  const ask = (cookie: string, host: string) => call('GET', '/v1/keys', { cookie, headers: { host } });
  assert.equal((await ask(pairOf(secure.cookie), 'studio.example')).status, 200);
  assert.equal((await ask(`drawbridge_session=${token}`, 'studio.example')).status, 401);
  const lan = await signIn({ origin: 'http://192.168.1.5:8080', host: '192.168.1.5:8080' });
  assert.match(lan.cookie ?? '', /^drawbridge_session=/);
  assert.equal((await ask(pairOf(lan.cookie), '192.168.1.5:8080')).status, 200);
  await app.close();
  await close();
});
