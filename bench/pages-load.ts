// How long a page takes to show its largest part, and how much moves meanwhile: cold visits, each in a browser context of its own,
// on the line as it is and on a slow one with a slow processor.
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openVisitor } from '../test/pages/screens-account.ts';
import type { SessionCookie } from '../test/pages/studio-browser.ts';
import { median } from './side-by-side.ts';

/** 1.6 Mbit/s down, half of it up, 150 ms to and fro, a quarter of the processor: a phone on a poor line. */
const SLOW_LINE = {
  offline: false,
  latency: 150,
  downloadThroughput: 1_600_000 / 8,
  uploadThroughput: 800_000 / 8,
} as const;
const SLOW_PROCESSOR = 4;
/** No larger part is expected after the page has been quiet for this long. */
const QUIET_MS = 1_500;

export interface Visit {
  url: string;
  /** Visible once the page is there. */
  ready: string;
  cookie: SessionCookie | null;
  isSlow: boolean;
}

export interface Load {
  lcpMs: number;
  cls: number;
}

/** Sums up what moves and notes the largest part, from the first frame on. */
const OBSERVE = `
  window.measured = { lcpMs: 0, cls: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.measured.lcpMs = entry.startTime;
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.measured.cls += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
`;

async function slowDown(page: Page): Promise<void> {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', SLOW_LINE);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOW_PROCESSOR });
}

async function load(browser: Browser, visit: Visit): Promise<Load> {
  const { page, close } = await openVisitor(browser, { baseUrl: new URL(visit.url).origin });
  page.setDefaultTimeout(60_000);
  if (visit.cookie) await page.context().addCookies([visit.cookie]);
  await page.addInitScript(OBSERVE);
  if (visit.isSlow) await slowDown(page);
  await page.goto(visit.url);
  await page.locator(visit.ready).first().waitFor();
  const measured = await page.evaluate<Load>(
    `new Promise((resolve) => setTimeout(() => resolve(window.measured), ${QUIET_MS}))`,
  );
  await close();
  return measured;
}

/** Visits `times` times; resolves to the median of the largest paint and the worst of what moved. */
export async function loadOften(browser: Browser, visit: Visit, times: number): Promise<Load> {
  const loads: Load[] = [];
  for (let time = 0; time < times; time += 1) loads.push(await load(browser, visit));
  return {
    lcpMs: median(loads.map(({ lcpMs }) => lcpMs)),
    cls: Math.max(...loads.map(({ cls }) => cls)),
  };
}
