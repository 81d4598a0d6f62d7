// A batch of any size without a server behind it, inside the page itself: its calls and its event stream are answered there, so
// that what is measured is the screen alone. Everything else goes to the real program.
import type { Page } from 'playwright-core';

export const PRETEND_ID = 'batch_pretend';

export interface PretendOptions {
  items: number;
  /** Items that change their state in a second, each with an event of its own; 0 for a batch that stands still. */
  changesPerS: number;
}

/** Has this page answer `v1/batches/batch_pretend` and the stream itself; `window.pretend` is its truth. */
export async function pretendBatch(page: Page, { items, changesPerS }: PretendOptions): Promise<void> {
  await page.addInitScript(`(() => {
    // The stream is then read in the page, where it can be answered.
    delete window.SharedWorker;
    const total = ${items};
    const letters = new Array(total).fill('q');
    for (let at = 0; at < total; at += 1)
      if (at < total / 4) letters[at] = at % 50 === 7 ? 'f' : 's';
    const log = [];
    const names = { q: 'queued', r: 'running', s: 'succeeded', f: 'failed', c: 'cancelled' };
    const counts = () => {
      const answer = { total, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
      for (const letter of letters) answer[names[letter]] += 1;
      return answer;
    };
    const set = (at, letter) => {
      letters[at] = letter;
      log.push([at, letter]);
    };
    let next = Math.ceil(total / 4);
    let running = [];
    let send = () => {};
    const batch = () => ({
      id: '${PRETEND_ID}', name: 'Ten thousand', status: 'running', source: 'lines', counts: counts(), pictures: total,
      skipped: 0, cost: { held: 100, captured: 50, released: 0 }, eta_s: 4210, budget_credits: null,
      file_pattern: '{n}', version: log.length, created_at: new Date().toISOString(), finished_at: null, urls: {},
    });
    const beganMs = performance.now();
    window.pretend = {
      counts, cellCalls: 0, batchEvents: 0,
      /** Ends the changes; returns how long they went on, in ms. */
      stop: () => {
        clearInterval(timer);
        return performance.now() - beganMs;
      },
    };
    const step = () => {
      if (running.length >= 25) {
        const at = running.shift();
        set(at, at % 40 === 3 ? 'f' : 's');
      } else if (next < total) {
        set(next, 'r');
        running.push(next);
        next += 1;
      }
      window.pretend.batchEvents += 1;
      send('event: batch.updated\\ndata: ' + JSON.stringify(batch()) + '\\n\\n');
    };
    const timer = ${changesPerS} > 0 ? setInterval(step, 1000 / ${changesPerS || 1}) : 0;
    const waits = {
      waiting_reason: '"sandbox" takes no work just now: It is drained.',
      waiting: {
        code: 'provider_stopped',
        params: { provider: 'sandbox', detail: 'It is drained.', error: 'provider_unavailable' },
      },
    };
    const itemOf = (position) => ({
      position, row: position + 1, task_id: 'task_' + position, tries: 1, status: names[letters[position]], progress: null,
      ...(letters[position] === 'q' ? waits : { waiting_reason: null, waiting: null }), prompt: 'prompt number ' + position, model: 'sandbox', provider: 'sandbox', size: '1024x1024',
      seed: position, style: null, n: 1, images: [],
      error: letters[position] === 'f'
        ? { code: 'content_blocked', title: 'Blocked', detail: 'The provider refused it.', cause: 'c', fix: 'f', retryable: false }
        : null,
      cost: { held: 0, captured: 0 }, fields: {}, version: 1, finished_at: null,
    });
    const answer = (path, query) => {
      if (path.endsWith('/cells')) {
        window.pretend.cellCalls += 1;
        const since = query.get('since');
        const head = { version: String(log.length), total, counts: counts(), status: 'running' };
        return since === null
          ? { ...head, states: letters.join(''), changes: null }
          : { ...head, states: null, changes: [...new Map(log.slice(Number(since)))] };
      }
      if (path.endsWith('/items')) {
        const wanted = query.get('status');
        const data = [];
        let at = Number(query.get('cursor') ?? 0);
        for (; at < total && data.length < Number(query.get('limit') ?? 50); at += 1)
          if (wanted === null || names[letters[at]] === wanted) data.push(itemOf(at));
        return { data, next_cursor: at < total ? String(at) : null };
      }
      return batch();
    };
    const real = window.fetch.bind(window);
    window.fetch = async (input, init) => {
      const url = new URL(typeof input === 'string' ? input : input.url ?? input, location.href);
      if (url.pathname.endsWith('/v1/events')) {
        const encoder = new TextEncoder();
        const body = new ReadableStream({
          start(controller) {
            send = (text) => controller.enqueue(encoder.encode(text));
            send(': hello\\n\\n');
            init?.signal?.addEventListener('abort', () => { send = () => {}; controller.error(new DOMException('', 'AbortError')); });
          },
        });
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
      }
      if (url.pathname.includes('/v1/batches/${PRETEND_ID}'))
        return new Response(JSON.stringify(answer(url.pathname, url.searchParams)), { headers: { 'content-type': 'application/json' } });
      return real(input, init);
    };
  })()`);
}
