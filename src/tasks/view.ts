// Rows as the task resource that callers see; every URL absolute.
import { toTimestamp } from '../kernel/clock.ts';
import type { Reader } from '../kernel/db.ts';
import type { Language } from '../kernel/errors.ts';
import { findImagesOfTask, findImagesOfTasks, type ImagesTable, type Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import type { TaskBody } from './contract.ts';
import { decodeError, showError } from './outcome.ts';
import type { Previews } from './previews.ts';
import { listAttempts, listAttemptsOf, queuePosition } from './read-store.ts';
import { type AttemptRow, statusOf, type TaskParams, type TaskRow } from './store.ts';

const MICROS_PER_CREDIT = 1_000_000;

export interface ViewContext {
  media: Media;
  baseUrl: string;
  language: Language;
  /** This node's unfinished pictures; without them none is shown. */
  previews?: Pick<Previews, 'find'>;
  /** What keeps ready tasks of a provider's model from starting, in words; null when only their turn does. */
  providers?: Pick<Providers, 'waitingReason'>;
}

const timestampOrNull = (ms: number | null) => (ms === null ? null : toTimestamp(ms));

/** One task with its pictures and attempts. */
export function taskBody(
  { media, baseUrl, language, previews, providers }: ViewContext,
  row: TaskRow,
  images: readonly ImagesTable[],
  attempts: readonly AttemptRow[],
  position: number | null,
): TaskBody {
  const params = JSON.parse(row.params) as TaskParams;
  const self = `${baseUrl}/v1/tasks/${row.id}`;
  // Computed, so that a breaker that opens before 10,000 tasks writes none of them.
  const blocked = row.status === 'queued' ? providers?.waitingReason(row.lane, row.provider_model) : null;
  const preview = row.status === 'running' ? previews?.find(row.id) : null;
  return {
    id: row.id,
    status: statusOf(row),
    phase: row.phase,
    progress: row.progress,
    queue_position: position,
    waiting_reason: blocked ?? row.waiting_reason,
    mode: row.mode,
    model: row.model,
    provider: row.lane,
    prompt: row.prompt,
    params: {
      size: `${params.width}x${params.height}`,
      negative_prompt: params.negativePrompt,
      seed: params.seed,
      strength: params.strength,
      images: params.inputs.map((input) => ({
        url: media.urls.view(baseUrl, input.kind, input.key),
        width: input.width,
        height: input.height,
      })),
      mask: params.mask ? { url: media.urls.view(baseUrl, params.mask.kind, params.mask.key) } : null,
      deadline_s: Math.round(params.deadlineMs / 1000),
      priority: row.priority,
    },
    n: row.pictures,
    images: images.map((image) => media.taskImage(image, baseUrl)),
    preview_url: preview ? `${self}/preview?v=${preview.version}` : null,
    error: row.error === null ? null : showError(row.error, language),
    cost: {
      held: row.finished_at === null ? row.held_micros / MICROS_PER_CREDIT : 0,
      captured: row.captured_micros / MICROS_PER_CREDIT,
      released: row.released_micros / MICROS_PER_CREDIT,
    },
    attempts: attempts.map((attempt) => ({
      n: attempt.n,
      provider: attempt.provider,
      outcome: attempt.outcome,
      started_at: toTimestamp(attempt.started_at),
      ended_at: timestampOrNull(attempt.ended_at),
      error: attempt.error === null ? null : decodeError(attempt.error).detail,
    })),
    cancel: { state: row.cancel_state, note: row.cancel_note },
    retry_of: row.retry_of,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    version: row.version,
    created_at: toTimestamp(row.created_at),
    started_at: timestampOrNull(row.started_at),
    finished_at: timestampOrNull(row.finished_at),
    urls: {
      get: self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      web: `${baseUrl}/?task=${row.id}`,
    },
  };
}

/** The task as it was when it was accepted: what a replayed `Idempotency-Key` answers, whatever has happened since. */
export function asCreated(row: TaskRow): TaskRow {
  const unstarted = { phase: null, progress: null, waiting_reason: null, error: null, cancel_note: null };
  const params = JSON.parse(row.params) as TaskParams;
  return {
    ...row,
    ...unstarted,
    status: 'queued',
    cancel_state: 'none',
    captured_micros: 0,
    released_micros: 0,
    held_micros: params.unitMicros * row.pictures,
    version: 1,
    started_at: null,
    finished_at: null,
  };
}

/** Reads what belongs to a task and shows it. */
export async function viewTask(reader: Reader, context: ViewContext, row: TaskRow): Promise<TaskBody> {
  const hasRun = row.version > 1;
  const [images, attempts, position] = await Promise.all([
    hasRun ? findImagesOfTask(reader, row.id) : [],
    hasRun ? listAttempts(reader, row.id) : [],
    row.status === 'queued' ? queuePosition(reader, row) : null,
  ]);
  return taskBody(context, row, images, attempts, position);
}

/** A page of tasks with two queries, not two for each. Queue positions are left to the single task. */
export async function viewTasks(
  reader: Reader,
  context: ViewContext,
  rows: readonly TaskRow[],
): Promise<TaskBody[]> {
  const ids = rows.map((row) => row.id);
  const [images, attempts] = await Promise.all([findImagesOfTasks(reader, ids), listAttemptsOf(reader, ids)]);
  return rows.map((row) =>
    taskBody(
      context,
      row,
      images.filter((image) => image.task_id === row.id),
      attempts.filter((attempt) => attempt.task_id === row.id),
      null,
    ),
  );
}
