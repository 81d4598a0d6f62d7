// Servers, people and pictures of the pages before the Studio, of the account and of the settings, for their tests and for
// `node test/pages/screenshots.ts`.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { newSecret } from '../../src/kernel/id.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { openPage, type WatchedPage } from './studio-browser.ts';

/** The folder of the built studio. */
const WEB_DIST = process.env.DRAWBRIDGE_TEST_WEB_DIST ?? join(import.meta.dirname, '../../web/dist');
export const PASSWORD = 'four quiet herons wait';
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export interface AccountServer {
  baseUrl: string;
  port: number;
  setUpUrl: string;
  apiKey: string;
  /** Calls the API as the administrator's key, unless headers say otherwise; returns the parsed answer. */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** A new member with `PASSWORD`; returns the login. */
  addMember(): Promise<string>;
  close(): Promise<void>;
}

let members = 0;

/** Starts the program with further settings on a free port, or on `port`, over an empty data directory or `dataDir`. */
export async function startAccountServer(
  env: Record<string, string> = {},
  {
    port = 0,
    dataDir: kept,
    apiKey = `dbk_${newSecret()}`,
  }: { port?: number; dataDir?: string; apiKey?: string } = {},
): Promise<AccountServer> {
  const dataDir = kept ?? (await mkdtemp(join(tmpdir(), 'drawbridge-account-')));
  const { config, problems } = loadConfig({
    env: {
      DRAWBRIDGE_DATA_DIR: dataDir,
      DRAWBRIDGE_HOST: '127.0.0.1',
      DRAWBRIDGE_PORT: String(port),
      DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000',
      // Each page comes from an address of its own, since sign-ins are limited by address.
      DRAWBRIDGE_TRUSTED_PROXIES: '127.0.0.1',
      DRAWBRIDGE_ADMIN_KEY: apiKey,
      ...env,
    },
    cwd: dataDir,
  });
  assert.ok(config, JSON.stringify(problems));
  const app = await createApp({ config, log: createMemoryLogger({ level: 'warn' }), webFolder: WEB_DIST });
  const listening = await app.listen();
  const baseUrl = `http://127.0.0.1:${listening}`;
  const call: AccountServer['call'] = async (method, path, body) => {
    const answer = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  return {
    baseUrl,
    port: listening,
    setUpUrl: `${baseUrl}/setup#token=${app.bootstrap.setupToken}`,
    apiKey,
    call,
    async addMember() {
      members += 1;
      const username = `heron${members}`;
      const { token } = await call('POST', '/v1/admin/invitations', { grant_credits: 20 });
      const body = { token, username, password: PASSWORD, sign_in: false };
      const answer = await fetch(`${baseUrl}/v1/auth/invitations/accept`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 200, await answer.text());
      return username;
    },
    async close() {
      await app.close();
      if (!kept) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface PlainWebServer {
  origin: string;
  close(): Promise<void>;
}

/** A web server that knows nothing of Drawbridge and holds the built pages, as a host of static files does. */
export async function startPlainWebServer(): Promise<PlainWebServer> {
  const server = createServer((request, answer) => {
    const path = normalize((request.url ?? '/').split('?', 1)[0] ?? '/');
    const isAsset = path.startsWith('/assets/');
    const isPage = request.headers.accept?.includes('text/html') === true;
    if (!isAsset && !isPage)
      return void answer.writeHead(404, { 'content-type': 'text/html' }).end('Not found');
    readFile(join(WEB_DIST, isAsset ? path : 'index.html')).then(
      (bytes) =>
        answer
          .writeHead(200, { 'content-type': isAsset ? (TYPES[extname(path)] ?? 'text/plain') : 'text/html' })
          .end(isAsset ? bytes : bytes.toString('utf8').replaceAll('%BASE%', '')),
      () => answer.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** This machine's address in its network; null where it has none. */
export function lanAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null;
}

let visitors = 0;

/** Opens a page that the server takes for one from an address of its own. */
export function openVisitor(
  browser: Browser,
  server: { baseUrl: string },
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  visitors += 1;
  const extraHTTPHeaders = { 'x-forwarded-for': `10.1.${visitors >> 8}.${visitors & 255}` };
  return openPage(browser, server.baseUrl, { ...options, extraHTTPHeaders });
}

/** Signs a member in by the page itself and waits for the Studio. */
export async function signInAs(page: Page, baseUrl: string, login: string): Promise<void> {
  await page.goto(`${baseUrl}/sign-in`);
  await page.locator('#login').fill(login);
  await page.locator('#password').fill(PASSWORD);
  await page.locator('#password').press('Enter');
  await page.locator('#prompt').waitFor();
}

type Shoot = (page: Page, name: string) => Promise<void>;

let shown: Promise<{ server: AccountServer; login: string; invitation: string }> | undefined;

async function prepare() {
  const server = await startAccountServer({
    DRAWBRIDGE_ACCOUNTS_OPEN_REGISTRATION: 'true',
    DRAWBRIDGE_OIDC_ISSUER: 'https://id.example.com',
    DRAWBRIDGE_OIDC_CLIENT_ID: 'studio',
    DRAWBRIDGE_OIDC_CLIENT_SECRET: 'not-used',
    DRAWBRIDGE_OIDC_NAME: 'Example',
    DRAWBRIDGE_CREDITS_PRICES: 'sandbox=1',
  });
  const { url } = await server.call('POST', '/v1/admin/invitations', { email: 'kai@example.com' });
  return { server, login: await server.addMember(), invitation: String(url) };
}

/** Ends the server of these pictures. */
export async function closeAccountScreens(): Promise<void> {
  await (await shown)?.server.close();
}

/** Signing in with everything that a server can offer, an invitation, the account's pages, the settings, another server. */
export async function shootAccount(
  browser: Browser,
  options: BrowserContextOptions,
  shoot: Shoot,
): Promise<void> {
  shown ??= prepare();
  const { server, login, invitation } = await shown;
  const { page, close } = await openVisitor(browser, server, options);
  await page.goto(invitation);
  await page.locator('#new-password').waitFor();
  await shoot(page, 'invitation');
  await page.goto(`${server.baseUrl}/sign-in`);
  await page.locator('a[href*="oidc/start"]').waitFor();
  await page.locator('#login').fill(login);
  await page.locator('#password').fill('a wrong one');
  await page.locator('#password').press('Enter');
  await page.locator('[role=alert] dl').waitFor();
  await shoot(page, 'sign-in-ways');
  await signInAs(page, server.baseUrl, login);
  await page.fill('#prompt', 'A heron in the reeds 芦苇中的白鹭');
  await page.locator('#prompt').press('Control+Enter');
  await page.locator('[data-image] img').first().waitFor();
  for (const [path, name, ready] of [
    ['account', 'account', '#current-password'],
    ['account/keys', 'account-keys', 'main .button-lamp'],
    ['account/credits', 'account-credits', 'main li time'],
    ['settings', 'settings', 'main details'],
  ] as const) {
    await page.goto(`${server.baseUrl}/${path}`);
    await page.locator(ready).first().waitFor();
    await shoot(page, name);
  }
  await page.goto(`${server.baseUrl}/account/keys`);
  await page.locator('main .button-lamp').click();
  await page.locator('#key-name').fill('Night job');
  await shoot(page, 'account-key-new');
  await page.locator('#key-name').press('Enter');
  await page.locator('dialog input[readonly]').waitFor();
  await shoot(page, 'account-key-made');
  await page.goto(`${server.baseUrl}/settings/server`);
  await page.locator('#server-address').fill('127.0.0.1:9');
  await page.locator('#server-key').fill('dbk_example');
  await page.locator('#server-key').press('Enter');
  await page.locator('[data-state=failed]').waitFor();
  await shoot(page, 'settings-server');
  await close();
}
