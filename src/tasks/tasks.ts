// The face of the slice: accept, find, cancel and retry tasks, follow them as they change, and the engine that runs them.
import type { Account } from '../accounts/accounts.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL, type EventHub } from '../kernel/event-hub.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access } from '../kernel/route.ts';
import type { LoopState } from '../kernel/supervised-loop.ts';
import type { ImageMaking } from '../media/contract.ts';
import { findImage, type ImagesTable, type Media } from '../media/media.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import { closeAccount } from './account-store.ts';
import { BatchWork, bodyOfTask } from './batch-work.ts';
import { Callbacks } from './callbacks.ts';
import type { CreateTaskBody, TaskBody } from './contract.ts';
import {
  type Accepted,
  acceptTask,
  type CreateContext,
  type CreateOptions,
  planTask,
  requestHash,
  requireStyle,
} from './create.ts';
import { Durations, estimateMs } from './durations.ts';
import { CANCEL_CHANNEL, QUEUE_CHANNEL, TaskEngine } from './engine.ts';
import { hastenTask, USUAL_PRIORITY } from './hasten-store.ts';
import { LiveRuns } from './live-runs.ts';
import { OpenTaskGauge } from './open-task-gauge.ts';
import type { ShownPreview } from './previews.ts';
import { PromptHistory } from './prompt-history.ts';
import { countOpenByLane, findTask, listTasks, type TaskFilter } from './read-store.ts';
import type { RunContext } from './run-state.ts';
import { requestCancel } from './run-store.ts';
import { PictureSaver } from './save.ts';
import type { TaskParams, TaskRow, TaskStyle } from './store.ts';
import { type StreamContext, type StreamedKind, waitForEnd } from './stream.ts';
import {
  asCreated,
  makingOfTask,
  taskBody,
  type ViewContext,
  viewTask,
  viewTasks,
  type Waiting,
  waitingOfTasks,
} from './view.ts';
import { Watchdog, type WatchdogOptions } from './watchdog.ts';

export {
  allowBatch,
  type BatchItemFilter,
  type BatchTaskInput,
  type BatchTasksInput,
  type BatchTotals,
  batchesOfTasks,
  cancelBatchTasks,
  hasOpenTasks,
  insertBatchTasks,
  listBatchItems,
  openLanesOf,
  parkBatch,
  statesOfBatch,
  totalsOfBatches,
  unparkBatch,
  vacatePlaces,
} from './batch-store.ts';
export { BatchWork, bodyOfTask, type ItemRequest, MAX_BATCH_QUEUE_MS } from './batch-work.ts';
export { callbackAddress } from './callbacks.ts';
export { type Accepted, checkIdempotencyKey } from './create.ts';
export { AHEAD_PRIORITY, USUAL_PRIORITY } from './hasten-store.ts';
export { countLateResults } from './late-store.ts';
export { decodeError, showError } from './outcome.ts';
export { areTasksEnded, countOpenByLane, findAttachable, findTask } from './read-store.ts';
export { idempotencyKey } from './request-headers.ts';
export {
  IDEMPOTENCY_KEY_TTL_MS,
  markAnswerDelivered,
  pruneIdempotencyKeys,
  type StoredStatus,
  statusOf,
  type TaskParams,
  type TaskRow,
  type TaskStyle,
} from './store.ts';
export type { StreamedKind } from './stream.ts';
export { streamTasks } from './stream.ts';
export { viewTask } from './view.ts';
export type { Finding as WatchdogFinding } from './watchdog-plan.ts';

/** After its deadline a task has this long before it counts as stuck, unless it is set. */
export const WATCHDOG_GRACE_MS = 90_000;

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
  /** Unfinished items of batches that one account may have; absent: as many as single tasks. */
  maxOpenBatchItems?: number;
  /** Open event streams that one account may have. */
  maxStreams: number;
  /** Replaces every provider's own deadline; null leaves it. */
  deadlineMs: number | null;
  /** Absent: it looks only when it is asked to. */
  watchdog?: Partial<Pick<WatchdogOptions, 'intervalMs' | 'graceMs'>>;
  /** Told of every committed change of a task, after it is visible; for measurements. */
  onTaskChange?: ((task: TaskRow) => void) | undefined;
  /** Throws `validation_failed` for a `webhook_url` that no message would ever be sent to. */
  checkWebhookUrl?: CreateContext['checkWebhookUrl'];
  requireStorage?: CreateContext['requireStorage'];
  /** A style merged with a prompt; null when there is no such style. */
  resolveStyle?: CreateContext['resolveStyle'];
  /** Fetches a user's picture: public addresses only, bounded. */
  fetchPicture: CreateContext['fetchPicture'];
  /** Fetches a provider's result: bounded. */
  /** The address that a provider calls back, or null where nothing outside can reach this server. */
  callbackUrl(provider: string, token: string): string | null;
  downloadResult(url: string, provider: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** What a new task of a model may expect; null where nothing was made in the last hour. */
export interface Outlook {
  /** Tasks that wait or run at its provider. */
  queueAhead: number;
  medianMs: number | null;
  etaMs: number | null;
}

/** How a caller wants to see a task. */
type AskedView = Pick<ViewContext, 'baseUrl' | 'language'>;

export class Tasks {
  readonly engine: TaskEngine;
  readonly watchdog: Watchdog;
  readonly callbacks: Callbacks;
  readonly stream: StreamContext;
  readonly prompts: PromptHistory;
  readonly durations: Durations;
  /** What batches are made with. */
  readonly batchWork: BatchWork;
  readonly #options: TasksOptions;
  readonly #create: CreateContext;
  readonly #live: LiveRuns;

  constructor(options: TasksOptions) {
    const { db, clock, log, media, providers, node, hub } = options;
    this.#options = options;
    this.stream = { db, clock, hub, maxStreams: options.maxStreams, openStreams: new Map(), kinds: [] };
    this.prompts = new PromptHistory(db, clock);
    this.durations = new Durations(db, clock);
    this.#create = {
      db,
      clock,
      media,
      providers,
      openTasks: new OpenTaskGauge(db, clock, options.maxOpenTasks),
      deadlineMs: options.deadlineMs,
      checkWebhookUrl: options.checkWebhookUrl,
      requireStorage: options.requireStorage,
      resolveStyle: options.resolveStyle,
      fetchPicture: options.fetchPicture,
    };
    this.#live = new LiveRuns({ db, clock, log, shrink: (bytes, maxBytes) => media.shrink(bytes, maxBytes) });
    this.callbacks = new Callbacks({ db, clock, log, providers, live: this.#live });
    const run: RunContext = {
      node,
      db,
      clock,
      log,
      providers,
      live: this.#live,
      saver: new PictureSaver({ clock, media, download: options.downloadResult }),
      callbackUrl: options.callbackUrl,
      spool: (source) => media.spool(source),
      inputFile: (id, accountId) => media.localFileOf(id, accountId),
      onChange: (task) => this.#changed(task),
    };
    this.engine = new TaskEngine({ ...run, node, deadlineMs: options.deadlineMs });
    const { maxOpenBatchItems = options.maxOpenTasks } = options;
    this.batchWork = new BatchWork(this.#create, this.engine, maxOpenBatchItems);
    this.watchdog = new Watchdog({
      ctx: { ...run, log: log.child({ component: 'watchdog' }) },
      node,
      engine: this.engine,
      intervalMs: options.watchdog?.intervalMs ?? 0,
      graceMs: options.watchdog?.graceMs ?? WATCHDOG_GRACE_MS,
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

  /** What a request would cost, and who would do it. Throws as `accept` does. */
  quote(body: CreateTaskBody) {
    return planTask(this.#create, body, [], null);
  }

  /** What the provider would be asked: the prompt merged with its style. Throws `validation_failed` for an unknown one. */
  async finalPrompt(body: CreateTaskBody): Promise<string> {
    return (await requireStyle(this.#create, body))?.prompt ?? body.prompt;
  }

  /** How long pictures took lately, and how many tasks each provider has before a new one. */
  async outlook(): Promise<(model: PublicModel) => Outlook> {
    const { db, providers } = this.#options;
    const [book, counts] = await Promise.all([this.durations.book(), countOpenByLane(db.slow)]);
    return ({ provider, providerModel }) => {
      const open = counts.filter(({ lane }) => lane === provider);
      const queueAhead = open.reduce((sum, { count }) => sum + count, 0);
      const medianMs = book.medianMs(provider, providerModel.name);
      const concurrency = providers.lane(provider)?.concurrency ?? 1;
      const etaMs = medianMs === null ? null : estimateMs(medianMs, queueAhead, concurrency);
      return { queueAhead, medianMs, etaMs };
    };
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

  /** A task that was made ahead of need is waited for now: it stands among the others again. Nothing where it has begun. */
  async hasten(taskId: string): Promise<void> {
    const { db, clock } = this.#options;
    const task = await db.write(hastenTask, { taskId, priority: USUAL_PRIORITY, now: clock.now() });
    if (!task) return;
    this.#changed(task);
    db.signal(QUEUE_CHANNEL);
  }

  /** Ends an account and all it has; see closeAccount. Throws `not_found` and `conflict`. */
  async closeAccount(accountId: string): Promise<Account> {
    const { db, clock } = this.#options;
    const account = await db.write(closeAccount, { accountId, now: clock.now() });
    db.signal(CANCEL_CHANNEL);
    db.signal(EVENTS_CHANNEL);
    return account;
  }

  /** The same request as a new task, at the provider and of the model that are named; else as it was routed before. */
  async retry(
    id: string,
    options: Omit<CreateOptions, 'retryOf' | 'parentImageId'>,
    { provider, model }: { provider?: string | undefined; model?: string | undefined } = {},
  ): Promise<Accepted> {
    const task = await this.get(id, options.access);
    // The style as it was then: it may have been changed or deleted since.
    const { body: asked, style } = bodyOfTask(task);
    // A provider that the request was pinned to need not serve another model.
    const { provider: _pinned, ...unpinned } = asked;
    const elsewhere = {
      ...unpinned,
      ...(model === undefined ? {} : { model }),
      ...(provider === undefined ? {} : { provider }),
    };
    const body = provider === undefined && model === undefined ? asked : elsewhere;
    const { parentImageId } = JSON.parse(task.params) as TaskParams;
    return this.accept(body, { ...options, style, retryOf: id, parentImageId });
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
    return this.accept(body, { ...options, style: styleOf(image), retryOf: null, parentImageId: imageId });
  }

  /** Lets the event streams tell of batches too. */
  showBatchesBy(describe: NonNullable<StreamContext['describeBatches']>): void {
    this.stream.describeBatches = describe;
  }

  /** Lets the event streams of accounts tell of another kind of thing. */
  showKind(kind: StreamedKind): void {
    this.stream.kinds.push(kind);
  }

  /** The loops that must go on while this process serves. */
  get loops(): LoopState[] {
    return [this.engine.loop, ...(this.watchdog.intervalMs > 0 ? [this.watchdog.loop] : [])];
  }

  /** Aborted when the server stops: nobody may wait any longer. */
  get closing(): AbortSignal {
    return this.#options.hub.closing;
  }

  /** The task once it has ended, or as it is after `waitMs`. */
  waitForEnd(task: TaskRow, waitMs: number, signal: AbortSignal): Promise<TaskRow> {
    return waitForEnd(this.stream, task, waitMs, signal);
  }

  /** The newest unfinished picture; throws `not_found` when the task is not the account's or this node has none. */
  async preview(id: string, access: Access): Promise<ShownPreview> {
    await this.get(id, access);
    const preview = this.#live.previews.find(id);
    if (!preview) throw new AppError('not_found', { detail: 'This task has no preview just now.' });
    return preview;
  }

  /** What a task is shown by, with this node's previews. */
  viewContext(context: AskedView): ViewContext {
    const { media, providers, clock } = this.#options;
    const { durations } = this;
    return { ...context, media, providers, durations, now: () => clock.now(), previews: this.#live.previews };
  }

  view(context: AskedView, task: TaskRow): Promise<TaskBody> {
    return viewTask(this.#options.db.read, this.viewContext(context), task);
  }

  viewPage(context: AskedView, tasks: readonly TaskRow[]): Promise<TaskBody[]> {
    return viewTasks(this.#options.db.read, this.viewContext(context), tasks);
  }

  /** What each of these tasks waits for beside its turn, by its id. */
  waitingOf(context: AskedView, tasks: readonly TaskRow[]): Promise<Map<string, Waiting>> {
    return waitingOfTasks(this.#options.db.read, this.viewContext(context), tasks);
  }

  /** The request behind a picture, for whoever shows the picture; null when it is gone or another account's. */
  async makingOf(taskId: string, accountId: string, baseUrl: string): Promise<ImageMaking | null> {
    const task = await findTask(this.#options.db.read, taskId);
    if (task?.account_id !== accountId) return null;
    return makingOfTask(this.viewAsCreated({ baseUrl, language: 'en' }, task, true));
  }

  /** The answer that the first of several equal calls got. */
  viewAsCreated(context: AskedView, task: TaskRow, isNew = false): TaskBody {
    const row = isNew ? task : asCreated(task);
    const { media, providers } = this.#options;
    const parts = { images: [], attempts: [], position: null, durations: null };
    return taskBody({ ...context, media, providers }, row, parts);
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

/** The style of a picture, for its variants: they show it, and their prompt has it already. */
function styleOf(image: ImagesTable): TaskStyle | null {
  if (image.style_id === null || image.style_names === null) return null;
  const names = JSON.parse(image.style_names) as TaskStyle['names'];
  return { id: image.style_id, names, prompt: image.prompt, negativePrompt: null };
}
