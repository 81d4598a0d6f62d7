// The real program with its built studio, and a Chromium that watches itself: every page records script errors,
// breaches of the content security policy and requests to another origin, and `assertClean` fails on any of them.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { newSecret } from '../../src/kernel/id.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { copyMigratedDatabase } from '../harness/sqlite-template.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Asking a busy page without pause keeps it busy. */
const BETWEEN_CHECKS_MS = 20;
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Far longer than anything takes: a picture is painted in a second, and in many on a machine that does much else. */
export const ACTION_TIMEOUT_MS = 45_000;

/** Why the page tests cannot run on this machine, or false. */
export const pageTestsSkipped = existsSync(CHROMIUM) ? false : `needs ${CHROMIUM}`;

export interface SessionCookie {
  name: string;
  value: string;
  url: string;
}

export interface StudioServer {
  baseUrl: string;
  /** The one-time set-up link. */
  setUpUrl: string;
  /** A key that always exists. */
  apiKey: string;
  /** Signs in once and returns the same cookie ever after, since sign-ins are limited per address. */
  sessionCookie(): Promise<SessionCookie>;
  close(): Promise<void>;
}

async function signIn(baseUrl: string, apiKey: string): Promise<SessionCookie> {
  const answer = await fetch(`${baseUrl}/v1/auth/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ api_key: apiKey }),
  });
  const [pair = ''] = (answer.headers.get('set-cookie') ?? '').split(';', 1);
  const [name = '', value = ''] = pair.split('=', 2);
  assert.ok(name !== '' && value !== '', await answer.text());
  return { name, value, url: baseUrl };
}

/** Starts the program on a free port over an empty data directory, with further settings if they are given. */
export async function startStudioServer(more: Readonly<Record<string, string>> = {}): Promise<StudioServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drawbridge-pages-'));
  const apiKey = `dbk_${newSecret()}`;
  const { config, problems } = loadConfig({
    env: {
      DRAWBRIDGE_DATA_DIR: dataDir,
      DRAWBRIDGE_HOST: '127.0.0.1',
      DRAWBRIDGE_PORT: '0',
      // Many pages are opened a minute here, from one address.
      DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000',
      DRAWBRIDGE_ADMIN_KEY: apiKey,
      ...more,
    },
    cwd: dataDir,
  });
  assert.ok(config, JSON.stringify(problems));
  await copyMigratedDatabase(dataDir);
  const app = await createApp({
    config,
    log: createMemoryLogger({ level: 'warn' }),
    // A build beside the checkout's own, so that one can be tried while the other is served.
    webFolder: process.env.DRAWBRIDGE_TEST_WEB_DIST,
  });
  const baseUrl = `http://127.0.0.1:${await app.listen()}`;
  let cookie: Promise<SessionCookie> | null = null;
  return {
    baseUrl,
    setUpUrl: `${baseUrl}/setup#token=${app.bootstrap.setupToken}`,
    apiKey,
    sessionCookie: () => {
      cookie ??= signIn(baseUrl, apiKey);
      return cookie;
    },
    async close() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export interface WatchedPage {
  page: Page;
  /** Fails when the page broke, breached its policy or called another origin. */
  assertClean(): void;
  close(): Promise<void>;
}

/** Opens a page of its own context (no cookies, no storage). */
export async function openPage(
  browser: Browser,
  baseUrl: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    locale: 'en-US',
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const faults: string[] = [];
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== baseUrl) faults.push(`request to ${url.origin}`);
  });
  context.on('weberror', (error) => faults.push(`script error: ${error.error().stack}`));
  context.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  return {
    page: await context.newPage(),
    assertClean: () => assert.deepEqual(faults, []),
    async close() {
      // An answer that is still on its way must not be given to a page that is gone.
      for (const open of context.pages()) await open.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    },
  };
}

/** Opens a page that is signed in and shows the Studio. */
export async function openStudio(
  browser: Browser,
  server: StudioServer,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const watched = await openPage(browser, server.baseUrl, options);
  await watched.page.context().addCookies([await server.sessionCookie()]);
  await watched.page.goto(server.baseUrl);
  await watched.page.locator('#prompt').waitFor();
  await watched.page.locator('form [type=submit]').waitFor();
  return watched;
}

function readAxe(): string {
  return readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
}

/**
 * Every violation that axe-core finds on the page, as `rule: element`; of all rules, or of these alone.
 * The checker is handed over once a document, since it is half a megabyte.
 */
export async function accessibilityViolations(page: Page, rules?: readonly string[]): Promise<string[]> {
  // As an expression over the debugging protocol, since the page's policy allows no injected script element.
  if (!(await page.evaluate<boolean>('window.axe !== undefined'))) await page.evaluate(`${readAxe()};0`);
  return page.evaluate(`(async () => {
    // Colours that are still fading are judged by what they fade to.
    await Promise.allSettled(document.getAnimations()
      .filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity).map(({ finished }) => finished));
    const { violations } = await window.axe.run({
      resultTypes: ['violations'],
      // No rule that is run reads style sheets.
      preload: { assets: ['media'] },
      ...${JSON.stringify(rules ? { runOnly: rules } : {})},
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' ')));
  })()`);
}

/** Picks a model, opening the list and, on narrow screens, the settings around it. */
export async function chooseModel(page: Page, title: string): Promise<void> {
  const settings = page.locator('form details > summary', { hasText: /^(Settings|设置)/ });
  if ((await settings.count()) > 0 && !(await page.locator('form fieldset').first().isVisible()))
    await settings.click();
  const opener = page.locator('form button[aria-controls]');
  if ((await opener.getAttribute('aria-expanded')) === 'false') await opener.click();
  await page.getByRole('radio', { name: title }).check();
  await opener.click();
}

/** Opens the account's menu: in the header, or behind the last tab on phones. */
export async function openMenu(page: Page): Promise<void> {
  await page.locator('[popovertarget=account-panel]:visible').click();
  await page.locator('#account-panel:popover-open').waitFor();
}

/** Waits, frame by frame, until an expression holds in the page. (waitForFunction is refused by the page's policy.) */
export async function untilInPage(page: Page, condition: string): Promise<void> {
  const held = await page.evaluate<boolean>(`(async () => {
    const endMs = performance.now() + ${ACTION_TIMEOUT_MS};
    while (performance.now() < endMs) {
      if (${condition}) return true;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return false;
  })()`);
  assert.ok(held, condition);
}

/**
 * Asserts what a page will come to show: `check` is called again until it throws nothing, and what it last threw is thrown when
 * it never does. For what follows an action later than the action itself; never for what must not happen.
 */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + ACTION_TIMEOUT_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await setTimeout(BETWEEN_CHECKS_MS);
  }
}
