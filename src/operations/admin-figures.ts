// The figures of the overview and the heartbeats of providers: counts of the store put into hours and segments.
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { Providers } from '../providers/providers.ts';
import { countOpenByLane } from '../tasks/tasks.ts';
import type { HeartbeatBody, OverviewBody } from './admin-contract.ts';
import {
  countFinished,
  countOverdue,
  type FinishedCount,
  listLatencies,
  oldestWaiting,
} from './admin-store.ts';

const MICROS_PER_CREDIT = 1_000_000;
const HOUR_MS = 3_600_000;
const HOURS = 24;
const SEGMENTS = 90;
/** 90 of these are a day. */
export const SEGMENT_MS = (HOURS * HOUR_MS) / SEGMENTS;
const HISTORY_ROWS = 200;
const ENDS = ['succeeded', 'failed', 'cancelled'] as const;

interface FiguresParts {
  db: Db;
  clock: Clock;
  providers: Providers;
  freeBytes(): Promise<number | null>;
}

function sumUp(rows: readonly FinishedCount[]) {
  const ends = { succeeded: 0, failed: 0, cancelled: 0 };
  let micros = 0;
  for (const { status, count, capturedMicros } of rows) {
    for (const end of ENDS) if (status === end) ends[end] += count;
    micros += capturedMicros;
  }
  return { ...ends, credits: micros / MICROS_PER_CREDIT };
}

/** The value below which a part of the ascending values lies; null for none. */
export function percentile(values: readonly number[], part: number): number | null {
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? null;
}

function openByProvider(rows: readonly { lane: string; status: string; count: number }[]) {
  const lanes = new Map<string, { provider: string; queued: number; running: number }>();
  for (const { lane, status, count } of rows) {
    const entry = lanes.get(lane) ?? { provider: lane, queued: 0, running: 0 };
    if (status === 'running') entry.running += count;
    else entry.queued += count;
    lanes.set(lane, entry);
  }
  return [...lanes.values()].sort((one, other) => one.provider.localeCompare(other.provider));
}

/** Queue, throughput, latency, failures, credits and disk. */
export async function overview({ db, clock, freeBytes }: FiguresParts): Promise<OverviewBody> {
  const now = clock.now();
  const lastHour = Math.floor(now / HOUR_MS);
  const firstHour = lastHour - HOURS + 1;
  const [open, oldest, stuck, minutes, latencies, free] = await Promise.all([
    countOpenByLane(db.slow),
    oldestWaiting(db.slow),
    countOverdue(db.slow, now),
    // By the minute of the clock, from which both the running hour and the hours of the day are summed.
    countFinished(db.slow, { since: now - HOURS * HOUR_MS, slotMs: 60_000 }),
    listLatencies(db.slow, now),
    freeBytes(),
  ]);
  const byProvider = openByProvider(open);
  const startOf = ({ slot }: FinishedCount) => slot * 60_000;
  const hourOf = (row: FinishedCount) => Math.floor(startOf(row) / HOUR_MS);
  const recent = minutes.filter((row) => startOf(row) >= now - HOUR_MS);
  return {
    at: toTimestamp(now),
    queued: byProvider.reduce((sum, { queued }) => sum + queued, 0),
    running: byProvider.reduce((sum, { running }) => sum + running, 0),
    by_provider: byProvider,
    oldest_waiting_s: oldest === null ? null : Math.max(0, Math.round((now - oldest) / 1000)),
    stuck,
    last_hour: { ...sumUp(recent), p50_ms: percentile(latencies, 0.5), p95_ms: percentile(latencies, 0.95) },
    last_day: sumUp(minutes),
    hours: Array.from({ length: HOURS }, (_, index) => ({
      at: toTimestamp((firstHour + index) * HOUR_MS),
      ...sumUp(minutes.filter((row) => hourOf(row) === firstHour + index)),
    })),
    media_free_bytes: free,
  };
}

type SegmentState = HeartbeatBody['segments'][number]['state'];
const WORST: readonly SegmentState[] = ['open', 'drained', 'probing', 'ok'];
const STATE_OF: Record<string, SegmentState> = {
  closed: 'ok',
  half_open: 'probing',
  open: 'open',
  drained: 'drained',
};

export interface StateChange {
  /** RFC 3339. */
  at: string;
  scope: string;
  name: string;
  from: string;
  to: string;
}

/** The worst state of any breaker in each segment, out of the changes, newest first. */
export function statesOf(
  changes: readonly StateChange[],
  firstSegment: number,
  count: number,
): SegmentState[] {
  const states = Array.from({ length: count }, (): SegmentState => 'ok');
  const raise = (index: number, state: string) => {
    const wanted = STATE_OF[state] ?? 'ok';
    const had = states[index];
    if (had !== undefined && WORST.indexOf(wanted) < WORST.indexOf(had)) states[index] = wanted;
  };
  const channels = Map.groupBy(changes, ({ scope, name }) => `${scope}:${name}`);
  for (const newestFirst of channels.values()) {
    const ordered = [...newestFirst].reverse();
    const indexOf = ({ at }: StateChange) => Math.floor(Date.parse(at) / SEGMENT_MS) - firstSegment;
    const first = ordered[0];
    if (first)
      for (let index = 0; index <= Math.min(indexOf(first), count - 1); index += 1) raise(index, first.from);
    for (const [order, change] of ordered.entries()) {
      const next = ordered[order + 1];
      const until = next ? Math.min(indexOf(next), count - 1) : count - 1;
      for (let index = Math.max(0, indexOf(change)); index <= until; index += 1) raise(index, change.to);
    }
  }
  return states;
}

/** The last day of every provider. */
export async function heartbeats({ db, clock, providers }: FiguresParts): Promise<HeartbeatBody[]> {
  const firstSegment = Math.floor(clock.now() / SEGMENT_MS) - SEGMENTS + 1;
  const finished = await countFinished(db.slow, { since: firstSegment * SEGMENT_MS, slotMs: SEGMENT_MS });
  return Promise.all(
    providers.names.map(async (provider) => {
      const states = statesOf(await providers.history(provider, HISTORY_ROWS), firstSegment, SEGMENTS);
      const rows = finished.filter(({ lane }) => lane === provider);
      return {
        provider,
        segments: states.map((state, index) => {
          const { succeeded, failed } = sumUp(rows.filter(({ slot }) => slot === firstSegment + index));
          return { at: toTimestamp((firstSegment + index) * SEGMENT_MS), state, succeeded, failed };
        }),
      };
    }),
  );
}
