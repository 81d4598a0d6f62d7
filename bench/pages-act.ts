// How quickly the studio answers: a person's clicks and keys, typing beside hundreds of live cards, a task that is sent, events
// of the server, and a server that was killed and comes back. Times in milliseconds.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page, Route } from 'playwright-core';
import { newSecret } from '../src/kernel/id.ts';
import { openVisitor } from '../test/pages/screens-account.ts';
import { percentile } from './side-by-side.ts';

const LIVE_CARDS = 500;
const SENT_TASKS = 10;
const EVENT_TASKS = 15;
const KILLS = 3;
/** Interactions shorter than this are not reported by the browser, and counted as this long. */
const SHORTEST_REPORTED_MS = 16;
const TYPED = 'typing while five hundred pictures are being made by somebody else';

/** Collects the longest event of every interaction: what Interaction to Next Paint is made of. */
const OBSERVE_INTERACTIONS = `
  window.interactions = new Map();
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries())
      if (interactionId > 0) interactions.set(interactionId, Math.max(duration, interactions.get(interactionId) ?? 0));
  }).observe({ type: 'event', durationThreshold: ${SHORTEST_REPORTED_MS}, buffered: true });
`;

async function interactions(page: Page): Promise<number[]> {
  const { seen, total } = await page.evaluate<{ seen: number[]; total: number }>(
    `new Promise((resolve) => setTimeout(() =>
      resolve({ seen: [...interactions.values()], total: performance.interactionCount }), 300))`,
  );
  const unseen = Math.max(0, total - seen.length);
  return [...seen, ...Array.from({ length: unseen }, () => SHORTEST_REPORTED_MS)];
}

const nextPicture = (page: Page, prompt: string) =>
  page.locator('article', { hasText: prompt }).locator('[data-image] img').first();

/** Uses the studio as a person does, room after room; resolves to the p95 of all interactions and their number. */
export async function useEverything(page: Page): Promise<{ p95Ms: number; count: number }> {
  await page.evaluate(OBSERVE_INTERACTIONS);
  const press = (...keys: string[]) =>
    keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  await page.locator('#prompt').click();
  await page.keyboard.type('a heron in the reeds, morning mist');
  await page.locator('.style-choice').nth(2).click();
  await page.locator('form label', { hasText: '3:4' }).click();
  await page.locator('form button[aria-controls]').first().click();
  await page.locator('form button[aria-controls]').first().click();
  await page.locator('form [type=submit]').click();
  await nextPicture(page, 'a heron in the reeds').click();
  await page.locator('dialog[open] img').first().waitFor();
  await press('ArrowRight', 'ArrowLeft', 'i', 'Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page.locator('[popovertarget=account-panel]:visible').click();
  await press('Escape');
  await page.locator('.rooms a').nth(1).click();
  await page.locator('.wall-shown').first().waitFor();
  await page.locator('.wall-open').first().click();
  await page.locator('.stage-loaded').waitFor();
  await press('ArrowRight', 'ArrowRight', 'ArrowLeft', 'Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await press('Space', 'Shift+ArrowRight', 'Escape', '/');
  await page.keyboard.type('heron');
  await press('Enter');
  await page.locator('.rooms a').nth(2).click();
  await page.locator('main a[href$="/batches/new"]').first().waitFor();
  await press('n');
  await page.locator('textarea').click();
  await page.keyboard.type('a fox\na cat\na {red|blue} boat');
  await page.locator('.rooms a').nth(0).click();
  await page.locator('#prompt').waitFor();
  const all = await interactions(page);
  return { p95Ms: percentile(all, 0.95), count: all.length };
}

/** Types into the prompt beside `LIVE_CARDS` cards that count their seconds; resolves to the p95 of a key until its paint. */
export async function typeAmongMany(page: Page, baseUrl: string): Promise<number> {
  const live = {
    status: 'running',
    phase: 'waiting',
    progress: 0.42,
    eta_s: 20,
    images: [],
    finished_at: null,
  };
  await page.route('**/v1/tasks?*', async (route: Route) => {
    const answer = await route.fetch();
    const list = await answer.json();
    const data = Array.from({ length: LIVE_CARDS }, (_, n) => ({
      ...list.data[0],
      ...live,
      id: `task_${String(LIVE_CARDS - n).padStart(6, '0')}`,
      metadata: {},
      prompt: `live ${n}`,
      started_at: new Date().toISOString(),
    }));
    await route.fulfill({ response: answer, json: { ...list, data } });
  });
  await page.goto(baseUrl);
  await page.locator('article', { hasText: `live ${LIVE_CARDS - 1}` }).waitFor({ state: 'attached' });
  await page.locator('#prompt').click();
  await page.evaluate(OBSERVE_INTERACTIONS);
  const before = await page.evaluate<number>('performance.interactionCount');
  for (const letter of TYPED) await page.keyboard.press(letter === ' ' ? 'Space' : letter);
  const all = await interactions(page);
  await page.unroute('**/v1/tasks?*');
  return percentile(all.slice(0, all.length - before), 0.95);
}

/** From the key that sends a task to the frame that shows its card; the slowest of ten. */
export async function sendTasks(page: Page, baseUrl: string): Promise<number> {
  await page.goto(baseUrl);
  const spent: number[] = [];
  for (let n = 0; n < SENT_TASKS; n += 1) {
    const prompt = `sent number ${n} of ten`;
    await page.fill('#prompt', prompt);
    await page.evaluate(`window.shown = new Promise((resolve) => {
      addEventListener('keydown', (event) => {
        if (event.key !== 'Enter') return;
        const look = (now) => document.querySelector('#feed').textContent.includes('${prompt}')
          ? resolve(now - event.timeStamp)
          : requestAnimationFrame(look);
        requestAnimationFrame(look);
      }, { capture: true });
    });0`);
    await page.locator('#prompt').press('Control+Enter');
    spent.push(await page.evaluate<number>('window.shown'));
    await nextPicture(page, prompt).waitFor();
  }
  return Math.max(...spent);
}

/** Follows the account's events beside the page; times are those of the wall clock. */
async function followEvents(baseUrl: string, apiKey: string) {
  const abort = new AbortController();
  const answer = await fetch(`${baseUrl}/v1/events?topics=tasks`, {
    headers: { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream' },
    signal: abort.signal,
  });
  const arrived = new Map<string, number>();
  const ended = (async () => {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body ?? []) {
      const atMs = performance.timeOrigin + performance.now();
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const prompt = /"prompt":"([^"]*)"/.exec(event)?.[1];
        const status = /"status":"(\w+)"/.exec(event)?.[1];
        const what = status === 'succeeded' ? 'picture' : 'card';
        if (prompt && !arrived.has(`${what} ${prompt}`)) arrived.set(`${what} ${prompt}`, atMs);
      }
    }
  })().catch(() => {});
  return {
    arrived,
    async stop() {
      abort.abort();
      await ended;
    },
  };
}

/** From an event's arrival at this machine to the frame that shows it, for tasks that somebody else has sent; p95. */
export async function watchEvents(page: Page, baseUrl: string, apiKey: string): Promise<number> {
  await page.goto(baseUrl);
  await page.getByRole('img', { name: 'Live' }).waitFor();
  const stream = await followEvents(baseUrl, apiKey);
  await page.evaluate(`window.painted = {};
    const look = () => {
      for (const card of document.querySelectorAll('#feed article')) {
        const prompt = /elsewhere \\d+ /.exec(card.textContent)?.[0];
        if (!prompt) continue;
        const now = performance.timeOrigin + performance.now();
        painted['card ' + prompt] ??= now;
        if (card.querySelector('[data-image] img')) painted['picture ' + prompt] ??= now;
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);0`);
  for (let n = 0; n < EVENT_TASKS; n += 1) {
    const prompt = `elsewhere ${n} `;
    await fetch(`${baseUrl}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify({ prompt: `${prompt}from another device`, size: '256x256' }),
    });
  }
  await nextPicture(page, `elsewhere ${EVENT_TASKS - 1} `).waitFor();
  const painted = await page.evaluate<Record<string, number>>('window.painted');
  await stream.stop();
  const delays = Object.entries(painted).flatMap(([what, paintedMs]) => {
    const arrivedMs = [...stream.arrived].find(([name]) => name.startsWith(what))?.[1];
    // The page may have been told by its own stream first.
    return arrivedMs === undefined ? [] : [Math.max(0, paintedMs - arrivedMs)];
  });
  return percentile(delays, 0.95);
}

async function startProcess(dataDir: string, port: number, apiKey: string) {
  const file = fileURLToPath(new URL('./servers/pages.ts', import.meta.url));
  const child: ChildProcess = fork(file, [dataDir, String(port), apiKey]);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, url };
}

/** Kills the server and starts it again; the longest time from its listening to the page that says it is live. */
export async function killAndReturn(browser: Browser): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drawbridge-pages-bench-'));
  const apiKey = `dbk_${newSecret()}`;
  let { child, url } = await startProcess(dataDir, 0, apiKey);
  const { page, close } = await openVisitor(browser, { baseUrl: url });
  const away: number[] = [];
  try {
    await page.context().request.post(`${url}/v1/auth/session`, { data: { api_key: apiKey } });
    await page.goto(url);
    const live = page.getByRole('img', { name: 'Live' });
    await live.waitFor();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await live.waitFor({ state: 'detached' });
      ({ child } = await startProcess(dataDir, Number(new URL(url).port), apiKey));
      const backMs = performance.now();
      await live.waitFor();
      away.push(performance.now() - backMs);
    }
  } finally {
    await close();
    child.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  }
  return Math.max(...away);
}
