// The face of the slice: accept, find, cancel and retry tasks, follow them as they change, and the engine that runs them.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL, type EventHub } from '../kernel/event-hub.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access } from '../kernel/route.ts';
import { findImage, type Media } from '../media/media.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import type { CreateTaskBody, TaskBody } from './contract.ts';
import {
  type Accepted,
  acceptTask,
  type CreateContext,
  type CreateOptions,
  planTask,
  requestHash,
} from './create.ts';
import { CANCEL_CHANNEL, QUEUE_CHANNEL, TaskEngine } from './engine.ts';
import { OpenTaskGauge } from './open-task-gauge.ts';
import { countOpenByLane, findTask, listTasks, type TaskFilter } from './read-store.ts';
import { requestCancel } from './run-store.ts';
import { PictureSaver } from './save.ts';
import type { TaskParams, TaskRow } from './store.ts';
import { type StreamContext, waitForEnd } from './stream.ts';
import { asCreated, taskBody, type ViewContext, viewTask, viewTasks } from './view.ts';

export type { Accepted } from './create.ts';
export { decodeError, showError } from './outcome.ts';
export { areTasksEnded, countOpenByLane, findAttachable, findTask } from './read-store.ts';
export { idempotencyKey } from './request-headers.ts';
export { IDEMPOTENCY_KEY_TTL_MS, markAnswerDelivered, pruneIdempotencyKeys, type TaskRow } from './store.ts';
export { streamTasks } from './stream.ts';
export { viewTask } from './view.ts';

export interface TasksOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  media: Media;
  providers: Providers;
  node: NodeLease;
  hub: EventHub;
  /** Unfinished tasks that one account may have. */
  maxOpenTasks: number;
  /** Open event streams that one account may have. */
  maxStreams: number;
  /** Replaces every provider's own deadline; null leaves it. */
  deadlineMs: number | null;
  /** Told of every committed change of a task, after it is visible; for measurements. */
  onTaskChange?: ((task: TaskRow) => void) | undefined;
  /** Fetches a user's picture: public addresses only, bounded. */
  fetchPicture: CreateContext['fetchPicture'];
  /** Fetches a provider's result: bounded. */
  /** The address that a provider calls back, or null where nothing outside can reach this server. */
  callbackUrl(provider: string, token: string): string | null;
  downloadResult(url: string, provider: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export class Tasks {
  readonly engine: TaskEngine;
  readonly stream: StreamContext;
  readonly #options: TasksOptions;
  readonly #create: CreateContext;

  constructor(options: TasksOptions) {
    const { db, clock, log, media, providers, node, hub } = options;
    this.#options = options;
    this.stream = { db, clock, hub, maxStreams: options.maxStreams, openStreams: new Map() };
    this.#create = {
      db,
      clock,
      media,
      providers,
      openTasks: new OpenTaskGauge(db, clock, options.maxOpenTasks),
      deadlineMs: options.deadlineMs,
      fetchPicture: options.fetchPicture,
    };
    this.engine = new TaskEngine({
      db,
      clock,
      log,
      providers,
      node,
      saver: new PictureSaver({ clock, media, download: options.downloadResult }),
      callbackUrl: options.callbackUrl,
      spool: (source) => media.spool(source),
      inputFile: (id, accountId) => media.localFileOf(id, accountId),
      deadlineMs: options.deadlineMs,
      onChange: (task) => this.#changed(task),
    });
  }

  /** Makes a task durable; answers after its COMMIT. Throws what keeps it from being accepted. */
  async accept(body: CreateTaskBody, options: CreateOptions): Promise<Accepted> {
    const accepted = await acceptTask(this.#create, body, options);
    if (accepted.created === 'new') {
      this.#changed(accepted.task);
      this.engine.wake(accepted.task.lane);
      this.#options.db.signal(QUEUE_CHANNEL);
    }
    return accepted;
  }

  /** A hash that is equal for equal requests; see findAttachable. */
  hashOf(body: CreateTaskBody): string {
    const model = this.#options.providers.requireModel(body.model ?? null, body.provider ?? null);
    return requestHash(body, model.name, { retryOf: null, parentImageId: null });
  }

  /** What a request would cost, and about when it would be ready. */
  quote(body: CreateTaskBody) {
    const { providers } = this.#options;
    const plan = planTask(this.#create, body, []);
    providers.requireUsable(plan.model.provider);
    return plan;
  }

  /** Seconds until a new task of this model would be ready: its typical time, after those that wait before it. */
  async estimateSeconds(model: PublicModel, concurrency: number): Promise<number> {
    const counts = await countOpenByLane(this.#options.db.slow);
    const waiting = counts.filter(({ lane, status }) => lane === model.provider && status !== 'running');
    const ahead = waiting.reduce((sum, { count }) => sum + count, 0);
    const rounds = 1 + ahead / Math.max(1, concurrency);
    return Math.round(model.providerModel.typicalSeconds * rounds * 10) / 10;
  }

  /** The account's own task; foreign and unknown ids are the same to the caller. */
  async get(id: string, access: Access): Promise<TaskRow> {
    const task = await findTask(this.#options.db.read, id);
    if (!task || task.account_id !== access.accountId)
      throw new AppError('not_found', { detail: 'There is no such task.' });
    return task;
  }

  list(filter: TaskFilter): Promise<TaskRow[]> {
    return listTasks(this.#options.db.slow, filter);
  }

  /** Idempotent; the task says what came of it. */
  async cancel(id: string, access: Access): Promise<TaskRow> {
    await this.get(id, access);
    const { db, clock } = this.#options;
    const outcome = await db.write(requestCancel, { taskId: id, now: clock.now() });
    const task = await this.get(id, access);
    if (outcome !== 'already') this.#changed(task);
    if (outcome === 'requested') db.signal(CANCEL_CHANNEL);
    return task;
  }

  /** The same request as a new task. */
  async retry(id: string, options: Omit<CreateOptions, 'retryOf' | 'parentImageId'>): Promise<Accepted> {
    const task = await this.get(id, options.access);
    const params = JSON.parse(task.params) as TaskParams;
    const body: CreateTaskBody = {
      prompt: task.prompt,
      model: task.model,
      mode: task.mode,
      size: `${params.width}x${params.height}`,
      n: task.pictures,
      seed: params.seed,
      priority: 0,
      dedupe_window_s: 0,
      metadata: JSON.parse(task.metadata) as Record<string, unknown>,
      ...(params.negativePrompt === null ? {} : { negative_prompt: params.negativePrompt }),
      ...(params.strength === null ? {} : { strength: params.strength }),
      ...(params.inputs.length === 0 ? {} : { images: params.inputs.map((input) => toSource(input.id)) }),
      ...(params.mask === null ? {} : { mask: toSource(params.mask.id) }),
    };
    return this.accept(body, { ...options, retryOf: id, parentImageId: params.parentImageId });
  }

  /** An HD variant of one of the account's pictures. */
  async upscale(
    imageId: string,
    wanted: { scale: number; model?: string | undefined },
    options: Omit<CreateOptions, 'retryOf' | 'parentImageId'>,
  ): Promise<Accepted> {
    const { db, providers } = this.#options;
    const image = await findImage(db.read, imageId, options.access.accountId);
    if (!image) throw new AppError('not_found', { detail: 'There is no such picture.' });
    const model = wanted.model ?? providers.requireUpscaler(image.provider).name;
    const body: CreateTaskBody = {
      prompt: image.prompt,
      model,
      mode: 'upscale',
      size: `${image.width * wanted.scale}x${image.height * wanted.scale}`,
      n: 1,
      images: [{ image_id: imageId }],
      priority: 0,
      dedupe_window_s: 0,
      ...(image.seed === null ? {} : { seed: image.seed }),
    };
    return this.accept(body, { ...options, retryOf: null, parentImageId: imageId });
  }

  /** Aborted when the server stops: nobody may wait any longer. */
  get closing(): AbortSignal {
    return this.#options.hub.closing;
  }

  /** The task once it has ended, or as it is after `waitMs`. */
  waitForEnd(task: TaskRow, waitMs: number, signal: AbortSignal): Promise<TaskRow> {
    return waitForEnd(this.stream, task, waitMs, signal);
  }

  view(context: Omit<ViewContext, 'media'>, task: TaskRow): Promise<TaskBody> {
    return viewTask(this.#options.db.read, { ...context, media: this.#options.media }, task);
  }

  viewPage(context: Omit<ViewContext, 'media'>, tasks: readonly TaskRow[]): Promise<TaskBody[]> {
    return viewTasks(this.#options.db.read, { ...context, media: this.#options.media }, tasks);
  }

  /** The answer that the first of several equal calls got. */
  viewAsCreated(context: Omit<ViewContext, 'media'>, task: TaskRow, isNew = false): TaskBody {
    const row = isNew ? task : asCreated(task);
    return taskBody({ ...context, media: this.#options.media }, row, [], [], null);
  }

  /** One log line a transition, and a wake-up for everybody who follows. */
  #changed(task: TaskRow): void {
    const { log, db } = this.#options;
    const fields = {
      task_id: task.id,
      account_id: task.account_id,
      status: task.status,
      phase: task.phase,
      version: task.version,
      ...(task.error === null ? {} : { error: task.error }),
      ...(task.waiting_reason === null ? {} : { waiting_reason: task.waiting_reason }),
    };
    if (task.progress !== null && task.progress > 0 && task.status === 'running')
      log.debug(fields, 'task progress');
    else log.info(fields, 'task changed');
    db.signal(EVENTS_CHANNEL);
    this.#options.onTaskChange?.(task);
  }
}

function toSource(id: string): { upload_id: string } | { image_id: string } {
  return id.startsWith('up_') ? { upload_id: id } : { image_id: id };
}
