// A batch of ten thousand items in a real Chromium while fifty events a second arrive: what a frame takes, how often the page
// asks, and whether its counts are right to the item at the end. Server and pictures are left out, so that the screen alone is
// measured. The figures of a machine that others use are upper bounds.
//   node bench/batch-browser.ts [--items 10000] [--events 50] [--seconds 10]
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { PRETEND_ID, pretendBatch } from '../test/pages/batch-pretend.ts';
import { startStudioServer } from '../test/pages/studio-browser.ts';
import { percentile } from './side-by-side.ts';

const CHROMIUM = '/usr/bin/chromium';
const VIEWPORTS = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];
const SCROLL_STEP_PX = 12;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '10000' },
    events: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '10' },
  },
});

interface Figures {
  frames: number[];
  longTasks: number[];
  events: number;
  calls: number;
  elements: number;
}

/** Scrolls to and fro for a time and notes every frame. */
const WATCH = `(async () => {
  const longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask' });
  const frames = [];
  const { batchEvents, cellCalls } = window.pretend;
  const startMs = performance.now();
  let before = await new Promise((resolve) => requestAnimationFrame(resolve));
  while (performance.now() - startMs < ${Number(values.seconds) * 1000}) {
    const isDown = Math.floor((performance.now() - startMs) / 2000) % 2 === 0;
    scrollBy({ top: isDown ? ${SCROLL_STEP_PX} : -${SCROLL_STEP_PX}, behavior: 'instant' });
    const now = await new Promise((resolve) => requestAnimationFrame(resolve));
    frames.push(now - before);
    before = now;
  }
  return {
    frames,
    longTasks,
    events: window.pretend.batchEvents - batchEvents,
    calls: window.pretend.cellCalls - cellCalls,
    elements: document.querySelectorAll('main *').length,
  };
})()`;

/** Whether the counts on the screen come to be the true ones once nothing changes any more. */
const COUNTS_RIGHT = `(async () => {
  window.pretend.stop();
  const isRight = () => [...document.querySelectorAll('[data-show]')].every((chip) =>
    Number(chip.querySelector('.figures').textContent.replace(/\\D/g, '')) === window.pretend.counts()[chip.dataset.show]);
  for (let frame = 0; frame < 300 && !isRight(); frame += 1)
    await new Promise((resolve) => requestAnimationFrame(resolve));
  return isRight();
})()`;

async function measure(page: Page, baseUrl: string, title: string): Promise<void> {
  await pretendBatch(page, { items: Number(values.items), changesPerS: Number(values.events) });
  await page.goto(`${baseUrl}/batches/${PRETEND_ID}`);
  await page.locator('.cell-grid').waitFor();
  const figures = await page.evaluate<Figures>(WATCH);
  const isRight = await page.evaluate<boolean>(COUNTS_RIGHT);
  const seconds = figures.frames.reduce((sum, ms) => sum + ms, 0) / 1000;
  const rows: [name: string, value: string, target: string][] = [
    ['frames a second', (figures.frames.length / seconds).toFixed(1), '30'],
    ['frame p50', `${percentile(figures.frames, 0.5).toFixed(1)} ms`, ''],
    ['frame p95', `${percentile(figures.frames, 0.95).toFixed(1)} ms`, '34 ms'],
    [
      'tasks over 50 ms',
      `${figures.longTasks.length} (longest ${Math.max(0, ...figures.longTasks).toFixed(0)} ms)`,
      '',
    ],
    ['events a second', (figures.events / seconds).toFixed(1), values.events],
    ['questions a second', (figures.calls / seconds).toFixed(1), '4'],
    ['elements', String(figures.elements), '200'],
    ['counts', isRight ? 'right to the item' : 'WRONG', 'right to the item'],
  ];
  process.stdout.write(`\n${title}: ${Number(values.items).toLocaleString('en')} items\n`);
  for (const [name, value, target] of rows)
    process.stdout.write(`  ${name.padEnd(20)}${value.padEnd(26)}${target}\n`);
}

const server = await startStudioServer();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--headless', '--no-sandbox'] });
try {
  for (const viewport of VIEWPORTS) {
    const context = await browser.newContext({ viewport, locale: 'en-US' });
    await context.addCookies([await server.sessionCookie()]);
    await measure(await context.newPage(), server.baseUrl, `${viewport.width} px`);
    await context.close();
  }
} finally {
  await browser.close();
  await server.close();
}
