// The policy of every route, read from the contracts and tried on the running app: what is served, who may call it, and that
// nothing but what a contract describes is accepted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { allContracts } from '../../src/contracts.ts';
import { SCOPES, type Scope } from '../../src/kernel/route.ts';
import { ADMIN_KEY, type TestApp } from '../harness/app.ts';
import { bearer, createKey, openAccount, type Person, pictureForm, startFastApp } from './cast.ts';
import { assertOpenAiError, assertProblem } from './problems.ts';
import { bodyOf, fillPath, ID_PREFIX, idKindOf, isStream } from './route-calls.ts';

/** Pages and files, which no contract describes. */
const OTHER_ROUTES = [
  'GET /',
  'GET /account',
  'GET /account/*',
  'GET /admin',
  'GET /admin/*',
  'GET /assets/*',
  'GET /batches',
  'GET /batches/*',
  'GET /docs',
  'GET /docs/errors',
  'GET /docs/json',
  'GET /docs/static/*',
  'GET /docs/static/index.html',
  'GET /docs/static/swagger-initializer.js',
  'GET /docs/yaml',
  'GET /gallery',
  'GET /gallery/*',
  'GET /invitation',
  'GET /openapi.json',
  'GET /settings',
  'GET /settings/*',
  'GET /setup',
  'GET /sign-in',
  'GET /stories',
  'GET /stories/*',
];

let app: TestApp;
let member: Person;
/** One key of the member for each scope, and one of an administrator's for those that only administrators have. */
const keyWithOnly = new Map<Scope, string>();

before(async () => {
  app = await startFastApp();
  member = await openAccount(app, 'member');
  for (const scope of SCOPES) {
    const { key } = scope === 'admin' ? { key: ADMIN_KEY } : await createKey(app, member.accountId, [scope]);
    keyWithOnly.set(scope, key);
  }
});
after(() => app.close());

/** Method and path of each route that the router knows, HEAD aside. */
function routerTable(): string[] {
  const stack: string[] = [];
  const found: string[] = [];
  for (const line of app.app.server.printRoutes().split('\n')) {
    const match = /^([│├└─\s]*)(.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
    const [, indent = '', part = '', methods] = match ?? [];
    if (part === '') continue;
    const depth = indent.length / 4;
    stack.length = depth;
    stack.push(part);
    for (const method of methods?.split(', ') ?? [])
      if (method !== 'HEAD') found.push(`${method} ${stack.join('')}`);
  }
  return found.sort();
}

test('Z1 the router, the contracts and the OpenAPI document know the same routes', async () => {
  const contracts = allContracts.map(({ method, path }) => `${method} ${path}`);
  const served = routerTable().filter((route) => !OTHER_ROUTES.includes(route));
  assert.deepEqual(served, [...contracts].sort());
  assert.deepEqual(
    routerTable().filter((route) => OTHER_ROUTES.includes(route)),
    [...OTHER_ROUTES].sort(),
  );
  const document = (await app.request('GET', '/openapi.json')).json;
  const described = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1').replaceAll('{*}', '*')}`,
    ),
  );
  assert.deepEqual(described.sort(), [...contracts].sort());
});

test('Z1 every route declares who may call it and which limit counts it', () => {
  for (const { id, access, limit } of allContracts) {
    assert.ok(['public', 'scope', 'operator'].includes(access.kind), id);
    if (access.kind === 'scope') assert.ok(SCOPES.includes(access.scope), id);
    assert.ok(['api', 'sign_in', 'sign_up', 'media', 'callback', 'none'].includes(limit), id);
  }
  // What may be called without a key, or without being counted, is a decision that this list repeats.
  const idsOf = (pick: (contract: (typeof allContracts)[number]) => boolean) =>
    allContracts
      .filter(pick)
      .map(({ id }) => id)
      .sort();
  assert.deepEqual(
    idsOf(({ access }) => access.kind === 'public'),
    [
      'auth.acceptInvitation',
      'auth.checkInvitation',
      'auth.getSession',
      'auth.oidcCallback',
      'auth.oidcPrepare',
      'auth.oidcStart',
      'auth.options',
      'auth.register',
      'auth.resetPassword',
      'auth.signIn',
      'auth.signOut',
      // The address is the secret, see PC5.
      'callbacks.receive',
      'health.get',
      'health.live',
      'health.ready',
      'media.get',
      'media.getImage',
      'media.getOldPath',
      'older.health',
      'shares.embed',
      'shares.media',
      'shares.open',
      'shares.page',
      'styles.cover',
      'styles.list',
    ],
  );
  assert.deepEqual(
    idsOf(({ limit }) => limit === 'none'),
    ['health.get', 'health.live', 'health.ready', 'metrics.get'],
  );
});

/** The status of a call; of a stream as soon as it begins. */
async function statusOf(
  contract: (typeof allContracts)[number],
  headers: Record<string, string>,
): Promise<number> {
  const kind = idKindOf(contract);
  const path = fillPath(contract, kind ? `${ID_PREFIX[kind]}_${'0'.repeat(32)}` : '');
  const body = bodyOf(contract);
  const stop = new AbortController();
  const answer = await fetch(`${app.url}${path}`, {
    method: contract.method,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    signal: stop.signal,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (isStream(contract) && answer.status === 200) stop.abort();
  else await answer.arrayBuffer();
  return answer.status;
}

for (const contract of allContracts) {
  const { access, id } = contract;
  test(`Z3 ${id} takes exactly the callers that its contract names`, async () => {
    const expectRefused = async (headers: Record<string, string>, refusal: 401 | 403 | null) => {
      const status = await statusOf(contract, headers);
      if (refusal === null)
        assert.ok(status !== 403 && (status !== 401 || access.kind === 'public'), `${id}: ${status}`);
      else assert.equal(status, refusal, `${id} ${JSON.stringify(headers)}`);
    };
    // Through a proxy, so that being on the same machine does not count.
    const proxied = { 'x-forwarded-for': '203.0.113.7' };
    await expectRefused(proxied, access.kind === 'public' ? null : 401);
    await expectRefused({ ...bearer('dbk_nobody'), ...proxied }, access.kind === 'public' ? null : 401);
    const needed = access.kind === 'scope' ? access.scope : access.kind === 'operator' ? 'admin' : null;
    for (const scope of SCOPES) {
      // A collection run or a check of everything by an administrator is other tests' business.
      if (scope === 'admin' && contract.path.startsWith('/v1/admin/') && contract.method === 'POST') continue;
      const isAllowed = needed === null || needed === scope || scope === 'admin';
      await expectRefused({ ...bearer(keyWithOnly.get(scope) ?? ''), ...proxied }, isAllowed ? null : 403);
    }
  });
}

test('Z3 a call from this machine through no proxy may read the metrics', async () => {
  const answer = await fetch(`${app.url}/metrics`);
  await answer.text();
  assert.equal(answer.status, 200);
});

type Schema = Record<string, unknown>;

/** One value of every JSON type that the schema does not take, and one that is too long. */
function wrongValues(schema: Schema): unknown[] {
  const text = JSON.stringify(schema);
  const takes = (...types: string[]) =>
    types.some((type) => text.includes(`"type":"${type}"`)) || text.includes('"enum"');
  const values: unknown[] = takes('null') ? [] : [null];
  if (!takes('string')) values.push('yes');
  if (!takes('number')) values.push(0.5);
  if (!takes('boolean')) values.push(true);
  if (!takes('array')) values.push([[[]]]);
  if (!takes('object')) values.push({ unexpected: { nested: true } });
  if (takes('string') && (text.includes('maxLength') || text.includes('"enum"')))
    values.push('x'.repeat(70_000));
  if (text.includes('"maximum"')) values.push(1e308);
  return values;
}

for (const contract of allContracts) {
  const { body } = contract;
  if (!body) continue;
  test(`${contract.id} refuses bodies that its contract does not describe`, async () => {
    const kind = idKindOf(contract);
    const path = fillPath(contract, kind ? `${ID_PREFIX[kind]}_${'0'.repeat(32)}` : '');
    const schema = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as Schema;
    const good = bodyOf(contract) ?? {};
    const isLoose = contract.errorStyle === 'openai';
    // Old pages send more than anybody here knows.
    const takesMore = isLoose || contract.errorStyle === 'older';
    const bad: [string, unknown][] = [
      ['a string', 'text'],
      ['a list', [good]],
      ['a number', 1],
    ];
    for (const name of (schema.required ?? []) as string[]) {
      const { [name]: _left, ...rest } = good;
      bad.push([`no ${name}`, rest]);
    }
    for (const [name, property] of Object.entries((schema.properties ?? {}) as Record<string, Schema>)) {
      for (const value of wrongValues(property)) {
        // OpenAI's clients send null for what is not set, and numbers as text in forms.
        if (isLoose && (value === null || typeof value !== 'object')) continue;
        bad.push([`${name} = ${JSON.stringify(value).slice(0, 40)}`, { ...good, [name]: value }]);
      }
    }
    if (!takesMore) bad.push(['an unknown field', { ...good, unexpected: 1 }]);
    for (const [what, value] of bad) {
      const json = JSON.stringify(value);
      const answer = await app.request(contract.method, path, json, { 'content-type': 'application/json' });
      const label = `${contract.id} with ${what}: ${answer.status} ${answer.text.slice(0, 300)}`;
      // Ten tries to sign in, and the address has to wait.
      const allowed = contract.limit.startsWith('sign_') ? [422, 429] : [422];
      assert.ok(allowed.includes(answer.status) || (isLoose && answer.status === 400), label);
      (isLoose ? assertOpenAiError : assertProblem)(answer);
    }
  });
}

for (const contract of allContracts) {
  const { query } = contract;
  if (!query || isStream(contract) || contract.path.startsWith('/media/')) continue;
  test(`${contract.id} refuses wrong and too long query values`, async () => {
    const schema = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' }) as Schema;
    for (const name of Object.keys((schema.properties ?? {}) as Schema)) {
      for (const value of ['x'.repeat(5000), '[object Object]', '-1', '1e999', '%F0%28%8C%28']) {
        const answer = await app.request(contract.method, `${contract.path}?${name}=${value}`);
        assert.ok(answer.status < 500, `${name}=${value.slice(0, 20)}: ${answer.text.slice(0, 300)}`);
        if (value.length === 5000) assert.equal(answer.status, 422, `${name}: ${answer.text.slice(0, 300)}`);
        if (answer.status >= 400) assertProblem(answer);
      }
      const twice = await app.request(contract.method, `${contract.path}?${name}=a&${name}=b`);
      assert.equal(twice.status, 422, `${name}: ${twice.text.slice(0, 300)}`);
    }
  });
}

test('every unknown, malformed or hostile id is a 4xx in plain words', async () => {
  const ids = ['nothing', `task_${'0'.repeat(32)}`, '../../etc/passwd', '%', 'é', 'a'.repeat(400), '"', '😀'];
  for (const contract of allContracts) {
    if (!idKindOf(contract)) continue;
    for (const id of ids) {
      const answer = await app.request(contract.method, fillPath(contract, id), bodyOf(contract));
      const label = `${contract.method} ${fillPath(contract, id).slice(0, 80)}: ${answer.status} ${answer.text.slice(0, 200)}`;
      assert.ok(answer.status >= 400 && answer.status < 500, label);
      assertProblem(answer);
    }
  }
});

test('an upload in the wrong field, twice, or not at all is refused', async () => {
  const twice = await pictureForm();
  twice.append('file', new Blob([new Uint8Array(10)]), 'b.png');
  for (const form of [new FormData(), await pictureForm(undefined, 'a.png', 'picture'), twice]) {
    form.set('note', 'x');
    const answer = await app.request('POST', '/v1/uploads', form);
    assert.equal(answer.status, 422, answer.text);
    assertProblem(answer);
  }
});
