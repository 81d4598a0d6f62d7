// A task's life as bars on one line of time. Stretches in which nothing was done for it (waiting in the queue or between two
// attempts) are folded when they would make the work itself too small to see.
import type { Task } from '../api/resources.ts';

export type SpanKind = 'queued' | 'submit' | 'wait' | 'save' | 'pause';

export interface TimelineSpan {
  kind: SpanKind;
  /** The attempt that it belongs to; null before the first and between two. */
  attempt: number | null;
  durationMs: number;
  /** It is drawn shorter than it was. */
  isFolded: boolean;
  /** Place and width on the line, as parts of 1. */
  from: number;
  width: number;
}

interface RawSpan {
  kind: SpanKind;
  attempt: number | null;
  durationMs: number;
}

/** A pause that is longer than this part of all work is folded to FOLDED_PART of it. */
const FOLD_ABOVE = 0.5;
const FOLDED_PART = 0.2;
/** Every bar can be seen and pointed at. */
const LEAST_PART = 0.012;

type TimedTask = Pick<Task, 'attempts' | 'created_at' | 'started_at' | 'finished_at'>;

function spansOfAttempt(attempt: Task['attempts'][number], nowMs: number): RawSpan[] {
  const { n, submit_ms, wait_ms, save_ms } = attempt;
  const phases: RawSpan[] = [];
  if (submit_ms !== null) phases.push({ kind: 'submit', attempt: n, durationMs: submit_ms });
  if (wait_ms !== null) phases.push({ kind: 'wait', attempt: n, durationMs: wait_ms });
  if (save_ms !== null) phases.push({ kind: 'save', attempt: n, durationMs: save_ms });
  const known = phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const endMs = attempt.ended_at === null ? nowMs : Date.parse(attempt.ended_at);
  const restMs = endMs - Date.parse(attempt.started_at) - known;
  const running: SpanKind = submit_ms === null ? 'submit' : wait_ms === null ? 'wait' : 'save';
  if (restMs > 0 && save_ms === null) phases.push({ kind: running, attempt: n, durationMs: restMs });
  return phases;
}

function rawSpans(task: TimedTask, nowMs: number): RawSpan[] {
  const spans: RawSpan[] = [];
  let atMs = Date.parse(task.created_at);
  for (const attempt of task.attempts) {
    const gapMs = Date.parse(attempt.started_at) - atMs;
    if (gapMs > 0)
      spans.push({
        kind: attempt.n === task.attempts[0]?.n ? 'queued' : 'pause',
        attempt: null,
        durationMs: gapMs,
      });
    spans.push(...spansOfAttempt(attempt, nowMs));
    atMs = attempt.ended_at === null ? nowMs : Date.parse(attempt.ended_at);
  }
  const endMs = task.finished_at === null ? nowMs : Date.parse(task.finished_at);
  const restMs = endMs - atMs;
  if (restMs > 0)
    spans.push({ kind: task.attempts.length === 0 ? 'queued' : 'pause', attempt: null, durationMs: restMs });
  return spans.filter(({ durationMs }) => durationMs > 0);
}

const isIdle = ({ kind }: RawSpan) => kind === 'queued' || kind === 'pause';

/** The bars of a task, in order; `nowMs` ends what has not ended. */
export function timelineOf(task: TimedTask, nowMs: number): TimelineSpan[] {
  const spans = rawSpans(task, nowMs);
  const workMs = spans.reduce((sum, span) => sum + (isIdle(span) ? 0 : span.durationMs), 0);
  const drawn = spans.map((span) => {
    const isFolded = workMs > 0 && isIdle(span) && span.durationMs > workMs * FOLD_ABOVE;
    return { ...span, isFolded, drawnMs: isFolded ? workMs * FOLDED_PART : span.durationMs };
  });
  const leastMs = drawn.reduce((sum, { drawnMs }) => sum + drawnMs, 0) * LEAST_PART;
  const totalMs = drawn.reduce((sum, { drawnMs }) => sum + Math.max(drawnMs, leastMs), 0);
  let from = 0;
  return drawn.map(({ drawnMs, ...span }) => {
    const width = Math.max(drawnMs, leastMs) / totalMs;
    const placed = { ...span, from, width };
    from += width;
    return placed;
  });
}
