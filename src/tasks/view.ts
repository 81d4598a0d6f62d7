// Rows as the task resource that callers see; every URL absolute.
import { toTimestamp } from '../kernel/clock.ts';
import type { Reader } from '../kernel/db.ts';
import type { Language } from '../kernel/errors.ts';
import type { ImageMaking } from '../media/contract.ts';
import { findImagesOfTask, findImagesOfTasks, type ImagesTable, type Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import type { TaskBody } from './contract.ts';
import { type DurationBook, type Durations, estimateMs } from './durations.ts';
import { decodeError, showError } from './outcome.ts';
import type { Previews } from './previews.ts';
import { listAttempts, listAttemptsOf, queuePosition } from './read-store.ts';
import { parseRemark, type Remark, remarkAfter } from './remarks.ts';
import { type AttemptRow, finalPrompts, statusOf, type TaskParams, type TaskRow } from './store.ts';

const MICROS_PER_CREDIT = 1_000_000;

export interface ViewContext {
  media: Media;
  baseUrl: string;
  language: Language;
  /** This node's unfinished pictures; without them none is shown. */
  previews?: Pick<Previews, 'find'>;
  /** What keeps ready tasks of a provider's model from starting, in words; null when only their turn does. */
  providers?: Pick<Providers, 'waitingReason' | 'stop' | 'modelOf' | 'lane'>;
  /** How long pictures took lately; without it no estimate is shown. */
  durations?: Pick<Durations, 'peek'>;
  /** Milliseconds. */
  now?: () => number;
}

/** What is read beside the row for one answer. */
export interface TaskParts {
  images: readonly ImagesTable[];
  attempts: readonly AttemptRow[];
  position: number | null;
  /** Null: no estimate. */
  durations: DurationBook | null;
}

const timestampOrNull = (ms: number | null) => (ms === null ? null : toTimestamp(ms));

/** One task with its pictures and attempts. */
export function taskBody(
  context: ViewContext,
  row: TaskRow,
  { images, attempts, position, durations }: TaskParts,
): TaskBody {
  const { media, baseUrl, language, previews, providers } = context;
  const params = JSON.parse(row.params) as TaskParams;
  const self = `${baseUrl}/v1/tasks/${row.id}`;
  const waiting = waitingOf(context, row, attempts.at(-1));
  const takesNegative = providers?.modelOf(row.lane, row.provider_model)?.providerModel.capabilities
    .negativePrompt;
  const final = finalPrompts({ prompt: row.prompt, params }, takesNegative ?? true);
  const preview = row.status === 'running' ? previews?.find(row.id) : null;
  return {
    id: row.id,
    status: statusOf(row),
    phase: row.phase,
    progress: row.progress,
    queue_position: position,
    waiting_reason: waiting?.spoken ?? null,
    waiting: waiting?.remark ?? null,
    eta_s: durations ? etaSeconds(context, row, { position, durations }) : null,
    mode: row.mode,
    model: row.model,
    provider: row.lane,
    provider_model: row.provider_model,
    prompt: row.prompt,
    style: params.style
      ? { id: params.style.id, name: params.style.names[language], names: params.style.names }
      : null,
    final_prompt: final.prompt,
    final_negative_prompt: final.negativePrompt,
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
    timings: timingsOf(row, attempts.at(-1)),
    cost: {
      held: row.finished_at === null ? row.held_micros / MICROS_PER_CREDIT : 0,
      captured: row.captured_micros / MICROS_PER_CREDIT,
      released: row.released_micros / MICROS_PER_CREDIT,
    },
    attempts: attempts.map((attempt, index) => attemptBody(attempt, attempts[index - 1])),
    cancel: {
      state: row.cancel_state,
      note: row.cancel_note,
      remark: row.cancel_note === null ? null : parseRemark(row.cancel_note),
    },
    retry_of: row.retry_of,
    batch_id: row.batch_id,
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

/** What a task waits for: in English, and as a code with its values. */
export interface Waiting {
  spoken: string;
  remark: Remark;
}

/** Computed, so that a breaker that opens before 10,000 tasks writes none of them. */
const blockOf = ({ providers }: ViewContext, row: TaskRow) =>
  row.status === 'queued' ? (providers?.waitingReason(row.lane, row.provider_model) ?? null) : null;

/** Null when it waits for nothing but its turn; a provider that takes nothing just now also says why. */
function waitingOf(context: ViewContext, row: TaskRow, last: AttemptRow | undefined): Waiting | null {
  const blocked = blockOf(context, row);
  if (blocked !== null) {
    const { code, params } = parseRemark(blocked);
    const stop = context.providers?.stop(row.lane, row.provider_model);
    return { spoken: blocked, remark: { code, params: stop ? { ...params, error: stop.code } : params } };
  }
  const spoken = row.waiting_reason;
  if (spoken === null) return null;
  return { spoken, remark: remarkAfter(spoken, last?.error ? decodeError(last.error) : null) };
}

/** What each of these tasks waits for, by its id, with at most one read; those that only wait for their turn are not in it. */
export async function waitingOfTasks(
  reader: Reader,
  context: ViewContext,
  rows: readonly TaskRow[],
): Promise<Map<string, Waiting>> {
  const told = rows.filter((row) => row.waiting_reason !== null && blockOf(context, row) === null);
  const attempts = await listAttemptsOf(
    reader,
    told.map(({ id }) => id),
  );
  const last = new Map(attempts.map((attempt) => [attempt.task_id, attempt]));
  return new Map(
    rows.flatMap((row) => {
      const waiting = waitingOf(context, row, last.get(row.id));
      return waiting ? [[row.id, waiting] as const] : [];
    }),
  );
}

const errorOf = ({ error }: AttemptRow) => (error === null ? null : decodeError(error));

function attemptBody(attempt: AttemptRow, before: AttemptRow | undefined): TaskBody['attempts'][number] {
  const isElsewhere = before !== undefined && before.provider !== attempt.provider;
  return {
    n: attempt.n,
    provider: attempt.provider,
    provider_model: attempt.provider_model,
    switched: isElsewhere
      ? {
          from: before.provider,
          reason: errorOf(before)?.detail ?? null,
          reason_code: errorOf(before)?.code ?? null,
        }
      : null,
    outcome: attempt.outcome,
    started_at: toTimestamp(attempt.started_at),
    ended_at: timestampOrNull(attempt.ended_at),
    ...phasesOf(attempt),
    error: errorOf(attempt)?.detail ?? null,
    error_code: errorOf(attempt)?.code ?? null,
  };
}

const span = (from: number | null, to: number | null) =>
  from === null || to === null ? null : Math.max(0, to - from);

function phasesOf(attempt: AttemptRow) {
  const { started_at: started, accepted_at: accepted, saving_at: saving, ended_at: ended } = attempt;
  return {
    submit_ms: span(started, accepted),
    wait_ms: span(accepted, saving),
    save_ms: span(saving, ended),
  };
}

function timingsOf(row: TaskRow, last: AttemptRow | undefined): TaskBody['timings'] {
  const phases = last ? phasesOf(last) : { submit_ms: null, wait_ms: null, save_ms: null };
  return {
    queued_ms: span(row.created_at, row.started_at),
    ...phases,
    total_ms: span(row.created_at, row.finished_at),
  };
}

/** Seconds until a task is ready; null when nothing is known, or when it takes longer than usual already. */
function etaSeconds(
  { providers, now }: ViewContext,
  row: TaskRow,
  { position, durations }: Pick<TaskParts, 'position'> & { durations: DurationBook },
): number | null {
  const medianMs = durations.medianMs(row.lane, row.provider_model);
  if (medianMs === null) return null;
  const concurrency = providers?.lane(row.lane)?.concurrency ?? 1;
  // It waits, so every place is taken; the first gets free any moment.
  const queuedMs =
    position === null ? null : estimateMs(medianMs, position - 1 + concurrency - 1, concurrency);
  const runsForMs = row.started_at === null || !now ? null : now() - row.started_at;
  const runningMs = runsForMs === null || runsForMs > medianMs ? null : medianMs - runsForMs;
  const leftMs = row.status === 'queued' ? queuedMs : row.status === 'running' ? runningMs : null;
  return leftMs === null ? null : Math.round(leftMs / 100) / 10;
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

/** What of a task says how its pictures came to be. */
export function makingOfTask(task: TaskBody): ImageMaking {
  const { params, style } = task;
  return {
    task_id: task.id,
    batch_id: task.batch_id,
    mode: task.mode,
    model: task.model,
    provider: task.provider,
    provider_model: task.provider_model,
    prompt: task.prompt,
    negative_prompt: params.negative_prompt,
    final_prompt: task.final_prompt,
    final_negative_prompt: task.final_negative_prompt,
    style: style && { id: style.id, names: style.names },
    size: params.size,
    n: task.n,
    seed: params.seed,
    strength: params.strength,
    images: params.images,
    mask: params.mask,
    total_ms: task.timings.total_ms,
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
  const durations = bookFor(context, [row]);
  return taskBody(context, row, { images, attempts, position, durations });
}

/** What estimates are made of; null when none of these tasks needs one. */
function bookFor({ durations }: ViewContext, rows: readonly TaskRow[]): DurationBook | null {
  return durations && rows.some((row) => row.finished_at === null) ? durations.peek() : null;
}

/** A page of tasks with two queries, not two for each. Queue positions are left to the single task. */
export async function viewTasks(
  reader: Reader,
  context: ViewContext,
  rows: readonly TaskRow[],
): Promise<TaskBody[]> {
  const ids = rows.map((row) => row.id);
  const [images, attempts] = await Promise.all([findImagesOfTasks(reader, ids), listAttemptsOf(reader, ids)]);
  const durations = bookFor(context, rows);
  return rows.map((row) =>
    taskBody(context, row, {
      images: images.filter((image) => image.task_id === row.id),
      attempts: attempts.filter((attempt) => attempt.task_id === row.id),
      position: null,
      durations,
    }),
  );
}
