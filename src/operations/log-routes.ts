// Binds the contracts of the live log. A reader that falls behind gets the newest lines and is told of the gap.
import type { Clock } from '../kernel/clock.ts';
import { type StreamEvent, serveEventStream } from '../kernel/event-stream.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import { logStreamRoute, recentLogRoute } from './log-contract.ts';
import { LOG_LINES_KEPT, type LogFilter, type LogPage, type LogRing } from './log-ring.ts';

const MS_PER_S = 1000;

export interface LogRoutesOptions {
  ring: LogRing;
  clock: Clock;
  /** Aborted when the server stops. */
  closing: AbortSignal;
}

export function logRoutes(options: LogRoutesOptions): BoundRoute[] {
  const { ring, clock, closing } = options;
  return [
    bindRoute(logStreamRoute, async ({ query, headers }, reply) => {
      const { level, component, q: text, tail } = query;
      const filter: LogFilter = { level, component, text };
      const lastId = firstOf(headers['last-event-id']) ?? query.last_event_id ?? null;
      let afterId = lastId;
      const startId = lastId ?? ring.read(null, filter, 0).lastId;
      await serveEventStream(reply, clock, {
        startId,
        async next() {
          const isFirst = afterId === null;
          const page = ring.read(afterId, filter, isFirst ? tail : LOG_LINES_KEPT);
          const lines = isFirst && tail === 0 ? [] : page.lines;
          afterId = page.lastId;
          const gap: StreamEvent[] = page.isGap
            ? [{ event: 'reset', data: { reason: 'lines are gone' } }]
            : [];
          return [...gap, ...lines.map((line) => ({ id: line.id, event: 'log', data: line }))];
        },
        onWake: (wake) => ring.subscribe(wake),
        signal: closing,
      });
      return 'handled';
    }),
    bindRoute(recentLogRoute, async ({ query, disconnected }) => {
      const { level, component, q: text, tail, after, wait_s: waitS } = query;
      const filter: LogFilter = { level, component, text };
      const read = () => ring.read(after ?? null, filter, tail);
      const page = await pageOf(read, waitS * MS_PER_S, AbortSignal.any([disconnected, closing]), options);
      return { status: 200 as const, body: { data: page.lines, last_id: page.lastId, gap: page.isGap } };
    }),
  ];
}

/** A page with lines, or what there is after `waitMs` or when `signal` is aborted. */
async function pageOf(
  read: () => LogPage,
  waitMs: number,
  signal: AbortSignal,
  { ring, clock }: LogRoutesOptions,
): Promise<LogPage> {
  const now = read();
  if (now.lines.length > 0 || waitMs === 0 || signal.aborted) return now;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = ring.subscribe(() => {
    if (read().lines.length > 0) resolve();
  });
  const timer = clock.after(waitMs, resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  try {
    await promise;
  } finally {
    unsubscribe();
    timer.cancel();
  }
  return read();
}

const firstOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
