// The bars of a task: in order, filling the line, with long idle stretches folded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timelineOf } from './job-timeline.ts';

const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
const now = Date.parse(at(10_000));

type Timed = Parameters<typeof timelineOf>[0];
const attempt = (n: number, from: number, to: number | null, phases: (number | null)[]) =>
  ({
    n,
    started_at: at(from),
    ended_at: to === null ? null : at(to),
    submit_ms: phases[0] ?? null,
    wait_ms: phases[1] ?? null,
    save_ms: phases[2] ?? null,
  }) as Timed['attempts'][number];

test('bars follow each other and fill the line; an hour in the queue is folded', () => {
  const spans = timelineOf(
    {
      created_at: at(0),
      started_at: at(3600),
      finished_at: at(3625),
      attempts: [attempt(1, 3600, 3602, [2000]), attempt(2, 3605, 3625, [1000, 17_000, 2000])],
    },
    now,
  );
  assert.deepEqual(
    spans.map(({ kind, attempt, isFolded }) => [kind, attempt, isFolded]),
    [
      ['queued', null, true],
      ['submit', 1, false],
      ['pause', null, false],
      ['submit', 2, false],
      ['wait', 2, false],
      ['save', 2, false],
    ],
  );
  assert.equal(spans[0]?.durationMs, 3_600_000);
  const last = spans.at(-1);
  assert.ok(Math.abs((last?.from ?? 0) + (last?.width ?? 0) - 1) < 1e-9);
  for (const [index, span] of spans.entries())
    assert.ok(Math.abs(span.from - spans.slice(0, index).reduce((sum, { width }) => sum + width, 0)) < 1e-9);
});

test('what runs ends now, and a task without attempts only waits', () => {
  const running = timelineOf(
    {
      created_at: at(9_990),
      started_at: at(9_991),
      finished_at: null,
      attempts: [attempt(1, 9_991, null, [1000])],
    },
    now,
  );
  assert.deepEqual(
    running.map(({ kind, durationMs }) => [kind, durationMs]),
    [
      ['queued', 1000],
      ['submit', 1000],
      ['wait', 8000],
    ],
  );
  const waiting = timelineOf(
    { created_at: at(9_000), started_at: null, finished_at: null, attempts: [] },
    now,
  );
  assert.deepEqual(
    waiting.map(({ kind, width }) => [kind, width]),
    [['queued', 1]],
  );
});
