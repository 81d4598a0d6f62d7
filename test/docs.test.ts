// The documentation pages as a browser sees them: reachable at their very paths, complete, offline, and within a
// content security policy that allows no inline script - at the root and under a path prefix.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { type Browser, chromium } from 'playwright-core';
import { z } from 'zod';
import { systemClock } from '../src/kernel/clock.ts';
import { registerDocs } from '../src/kernel/docs-page.ts';
import { ERROR_CODES } from '../src/kernel/errors.ts';
import { createHttpServer, type HttpOptions } from '../src/kernel/http.ts';
import { bindRoutes } from '../src/kernel/http-routes.ts';
import type { Logger } from '../src/kernel/log.ts';
import { buildOpenApi } from '../src/kernel/openapi.ts';
import { bindRoute, defineRoute } from '../src/kernel/route.ts';

const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const createPicture = defineRoute({
  id: 'pictures.create',
  method: 'POST',
  path: '/v1/pictures',
  tag: 'Pictures',
  summary: 'Make a picture',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: z.strictObject({ prompt: z.string().meta({ description: 'What to paint' }) }),
  responses: {
    201: { description: 'The picture', schema: z.object({ id: z.string() }).meta({ id: 'Picture' }) },
  },
  errors: ['insufficient_credits'],
});

const LOG_METHODS = ['debug', 'info', 'warn', 'error'];

/** A logger that keeps the fields of every line. */
function recordingLog(lines: Record<string, unknown>[]): Logger {
  const write = (fields: unknown) => void lines.push(fields as Record<string, unknown>);
  const log: Record<string, unknown> = { child: () => log };
  for (const method of LOG_METHODS) log[method] = write;
  return log as unknown as Logger;
}

async function startDocs(publicUrl: string | null = null) {
  const lines: Record<string, unknown>[] = [];
  const options: HttpOptions = {
    log: recordingLog(lines),
    clock: systemClock,
    publicUrl,
    trustedProxies: ['loopback'],
    corsOrigins: [],
    requestsPerMinute: 1_000_000,
    anonymousRequestsPerMinute: 1_000_000,
    authenticate: async () => ({
      accountId: 'acct_1',
      scopes: new Set(['admin']),
      via: 'key',
      credentialId: 'key_1',
    }),
    onAnswerMismatch: () => assert.fail('no answer may differ from its schema'),
  };
  const app = await createHttpServer(options);
  bindRoutes(app, options, [
    bindRoute(createPicture, async () => ({ status: 201 as const, body: { id: 'img_1' } })),
  ]);
  await registerDocs(app, { document: () => buildOpenApi([createPicture], { version: '1.2.3' }), publicUrl });
  return { app, lines };
}

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

test('/docs answers 200 at that very path, with and without a slash, and is logged', async () => {
  const { app, lines } = await startDocs();
  const port = await listen(app);
  for (const path of ['/docs', '/docs/']) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'error' });
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(
      answer.headers.get('content-security-policy') ?? '',
      /default-src 'none'; script-src 'self';/,
    );
    await answer.text();
    assert.ok(
      lines.some((line) => line.path === path && 'ip' in line),
      'in the request log',
    );
  }
  const head = await fetch(`http://127.0.0.1:${port}/docs`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  await app.close();
  assert.ok(
    lines.some((line) => line.path === '/docs' && line.status === 200),
    'its end is logged too',
  );
});

test('the document names the server it was asked at; the page uses a relative one', async () => {
  const { app } = await startDocs();
  const answer = await app.inject({ url: '/openapi.json', headers: { host: 'pictures.lan:8080' } });
  assert.equal(answer.statusCode, 200);
  const document = answer.json();
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(document.servers, [{ url: 'http://pictures.lan:8080' }]);
  assert.equal(document.externalDocs.url, 'http://pictures.lan:8080/docs/errors');
  assert.equal(document.info.version, '1.2.3');
  const page = (await app.inject('/docs/json')).json();
  assert.deepEqual(page.servers, [{ url: '/' }]);
  assert.deepEqual(page.paths, document.paths);
  await app.close();
});

test('the page of errors has an anchor for every code, in the language asked for', async () => {
  const { app } = await startDocs('https://host.example/draw');
  const english = await app.inject({ url: '/docs/errors', headers: { 'accept-language': 'de, en;q=0.5' } });
  const chinese = await app.inject({ url: '/draw/docs/errors', headers: { 'accept-language': 'zh-CN' } });
  for (const code of Object.keys(ERROR_CODES)) {
    assert.ok(english.body.includes(`id="${code}"`), code);
    assert.ok(chinese.body.includes(`id="${code}"`), code);
  }
  assert.match(english.body, /<html lang="en">/);
  assert.match(english.body, /<a href="\/draw\/docs">API reference/);
  assert.match(chinese.body, /<html lang="zh-CN">/);
  assert.match(chinese.body, /<h1>错误说明<\/h1>/);
  assert.match((await app.inject('/docs/errors?lang=zh')).body, /<html lang="zh-CN">/);
  assert.ok(!english.body.includes('Send "Authorization'), 'quotes are escaped');
  await app.close();
});

/** A reverse proxy that strips `/draw`, as nginx does with a path in proxy_pass. */
async function startStrippingProxy(targetPort: () => number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/^\/draw/, '') || '/';
    const { method, headers } = request;
    const upstream = httpRequest({ port: targetPort(), path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

/** Opens `url`, expands the operation, and returns what the browser complained about or asked of others. */
async function visit(browser: Browser, url: string): Promise<string[]> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(url).origin)
      complaints.push(`foreign: ${request.url()}`);
  });
  await page.goto(url);
  await page.getByText('Make a picture').click();
  await page.getByText('Needs the scope').waitFor();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.locator('.modal-ux').waitFor();
  await page.getByRole('button', { name: 'Close' }).first().click();
  await page.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('button', { name: 'Execute' }).click();
  await page.locator('.live-responses-table').getByText('img_1').waitFor();
  await page.getByRole('link', { name: 'Every error code' }).waitFor();
  const target = await page.getByRole('link', { name: 'Every error code' }).getAttribute('href');
  const errors = await page.goto(new URL(target ?? '', url).href);
  assert.equal(errors?.status(), 200);
  await page.locator('#insufficient_credits').waitFor();
  await page.close();
  return complaints;
}

const withoutBrowser = existsSync(CHROMIUM) ? false : `needs ${CHROMIUM}`;

test('a browser shows the operations without a violation or a foreign request', {
  skip: withoutBrowser,
}, async () => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  const { app } = await startDocs();
  try {
    const port = await listen(app);
    assert.deepEqual(await visit(browser, `http://127.0.0.1:${port}/docs`), []);
  } finally {
    await app.close();
    await browser.close();
  }
});

test('the same under a prefix that a proxy strips', { skip: withoutBrowser }, async () => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  let appPort = 0;
  const proxy = await startStrippingProxy(() => appPort);
  const publicUrl = `http://127.0.0.1:${proxy.port}/draw`;
  const { app } = await startDocs(publicUrl);
  try {
    appPort = await listen(app);
    assert.deepEqual(await visit(browser, `${publicUrl}/docs`), []);
  } finally {
    await app.close();
    proxy.server.close();
    await browser.close();
  }
});
