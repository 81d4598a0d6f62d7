// Who is taken for the operator without a key, and what the log keeps of addresses that hold a secret: over real connections.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { systemClock } from './clock.ts';
import { loadConfig } from './config.ts';
import { createHttpServer, type HttpOptions } from './http.ts';
import { bindRoutes } from './http-routes.ts';
import type { Logger } from './log.ts';
import { bindRoute, defineRoute } from './route.ts';

const SLUG = 'k7qvw2m4xj5tq8zr3c9n6b1hfa';
const HANDED_ON = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'forwarded',
  'via',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
];

const numbersRoute = defineRoute({
  id: 'test.numbers',
  method: 'GET',
  path: '/numbers',
  tag: 'Test',
  summary: 'Numbers',
  access: { kind: 'operator' },
  limit: 'none',
  responses: { 200: { description: 'Numbers', schema: z.object({ n: z.int() }) } },
  errors: [],
});
const linkRoute = defineRoute({
  id: 'test.link',
  method: 'GET',
  path: '/s/:slug',
  tag: 'Test',
  summary: 'A link',
  access: { kind: 'public' },
  limit: 'none',
  params: z.object({ slug: z.string() }),
  hasSecretPath: true,
  responses: { 200: { description: 'It', schema: z.object({ n: z.int() }) } },
  errors: [],
});

async function startServer(trustLoopback: boolean) {
  const lines: Record<string, unknown>[] = [];
  const keep = (fields: unknown) => void lines.push(fields as Record<string, unknown>);
  const options: HttpOptions = {
    log: { debug: keep, info: keep, warn: keep, error: keep } as unknown as Logger,
    clock: systemClock,
    publicUrl: null,
    trustedProxies: ['loopback'],
    trustLoopback,
    corsOrigins: [],
    requestsPerMinute: 1_000,
    anonymousRequestsPerMinute: 1_000,
    authenticate: async () => null,
  };
  const app = await createHttpServer(options);
  bindRoutes(app, options, [
    bindRoute(numbersRoute, async () => ({ status: 200 as const, body: { n: 1 } })),
    bindRoute(linkRoute, async () => ({ status: 200 as const, body: { n: 1 } })),
  ]);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${url}${path}`, init);
    await answer.arrayBuffer();
    return answer.status;
  };
  return { app, lines, get };
}

describe('a server', () => {
  let open: Awaited<ReturnType<typeof startServer>>;
  let behindProxy: Awaited<ReturnType<typeof startServer>>;
  before(async () => {
    open = await startServer(true);
    behindProxy = await startServer(false);
  });
  after(() => Promise.all([open.app.close(), behindProxy.app.close()]));

  test('O4 takes a caller on this machine for the operator only where it may and nothing shows a proxy', async () => {
    assert.equal(await open.get('/numbers'), 200);
    for (const name of HANDED_ON)
      assert.equal(await open.get('/numbers', { headers: { [name]: '127.0.0.1' } }), 401, name);
    assert.equal(await behindProxy.get('/numbers'), 401);
  });

  test('logs no address that could be a link, whether a route answers at it or not', async () => {
    const { lines, get } = open;
    lines.length = 0;
    assert.equal(await get(`/s/${SLUG}`), 200);
    assert.equal(await get(`/s/${SLUG}`, { method: 'PUT' }), 404);
    for (const path of [`/s/${SLUG}/`, `/s/${SLUG}/more`, `//s/${SLUG}`, `/draw/s/${SLUG}?x=${SLUG}`])
      await get(path);
    // The router cannot read this one at all.
    assert.equal(await get(`/s/${SLUG}/%zz`), 400);
    assert.ok(lines.length >= 13);
    assert.ok(!JSON.stringify(lines).includes(SLUG), JSON.stringify(lines));
    const paths = new Set(lines.map(({ path }) => path));
    assert.ok(paths.has('/s/:slug') && paths.has('/s/…') && paths.has('/draw/s/…'), [...paths].join(' '));
    await get('/wp-admin/setup-config.php');
    assert.ok(
      lines.some(({ path }) => path === '/wp-admin/setup-config.php'),
      'what is no token stays readable',
    );
  });
});

test('a public address means a proxy may be near: then a caller on this machine needs a key, unless told otherwise', () => {
  const trusts = (env: Record<string, string>) => loadConfig({ env, cwd: '/nowhere' }).config?.trustLoopback;
  assert.equal(trusts({}), true);
  assert.equal(trusts({ DRAWBRIDGE_PUBLIC_URL: 'https://draw.example' }), false);
  assert.equal(trusts({ DRAWBRIDGE_TRUST_LOOPBACK: 'false' }), false);
  const told = { DRAWBRIDGE_PUBLIC_URL: 'https://draw.example', DRAWBRIDGE_TRUST_LOOPBACK: 'true' };
  assert.equal(trusts(told), true);
});
