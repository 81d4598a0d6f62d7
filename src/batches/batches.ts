// The face of the slice: many pictures asked for at once. A batch is checked as a whole, row by row, and accepted as a whole:
// its items are tasks, made with their holds in one transaction, and from then on the engine runs them as any others.
import { balanceOf, requireSpendable, spendableOf } from '../credits/credits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, describeError, type Language } from '../kernel/errors.ts';
import { newId, sha256Hex } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import type { Styles } from '../styles/styles.ts';
import {
  type BatchItemFilter,
  bodyOfTask,
  checkIdempotencyKey,
  countOpenByLane,
  listBatchItems,
  MAX_BATCH_QUEUE_MS,
  type StoredStatus,
  type TaskParams,
  type TaskRow,
  type Tasks,
} from '../tasks/tasks.ts';
import { CellStates } from './cells.ts';
import type {
  BatchBody,
  BatchCellsBody,
  BatchCheckBody,
  BatchItemBody,
  CreateBatchBody,
} from './contract.ts';
import { DEFAULT_PATTERN } from './file-names.ts';
import { draftItems, yieldTurn } from './items.ts';
import { BatchKeeper } from './keeper.ts';
import { type BatchPlan, planBatch, rowErrors } from './plan.ts';
import {
  emptyPlan,
  nameOf,
  nothingLeft,
  type Planned,
  reportOf,
  requireBudget,
  requireCredits,
  toMicros,
  wrongRows,
} from './planned-batch.ts';
import { readSource } from './source.ts';
import {
  type BatchRow,
  type BatchStatus,
  beginCancel,
  createBatch,
  findBatch,
  findBatchByKey,
  findBatches,
  findBatchOfAnyone,
  listBatches,
  pauseBatch,
  requireSameRequest,
  resumeBatch,
  retryItems,
} from './store.ts';
import { type BatchView, countLetters, viewBatches, viewItems } from './view.ts';

export type { BatchRow } from './store.ts';

/** Open batches that a stream tells of when it is taken up again. */
const MOST_TOLD = 50;
/** Items that one read of a retry takes. */
const RETRY_PAGE = 500;

export interface BatchesOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  tasks: Tasks;
  styles: Styles;
  media: Media;
}

export interface CreateBatchOptions {
  access: Access;
  /** As the header gave it, or null. */
  idempotencyKey: string | null;
  /** Where the caller reached this server. */
  baseUrl: string;
  language: Language;
  signal: () => AbortSignal;
}

export class Batches {
  readonly #options: BatchesOptions;
  readonly #keeper: BatchKeeper;
  readonly #cells = new CellStates();

  constructor(options: BatchesOptions) {
    this.#options = options;
    const { db, clock, log, tasks } = options;
    this.#keeper = new BatchKeeper({ db, clock, log, onCancels: () => tasks.batchWork.wakeCancels() });
  }

  /** Sees to it that batches end; on nodes that work. */
  start(): void {
    this.#keeper.start();
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }

  /**
   * Makes a batch durable; answers after its COMMIT. Throws `validation_failed` with every wrong row (the first of them named),
   * and what keeps a task from being accepted.
   */
  async create(
    body: CreateBatchBody,
    options: CreateBatchOptions,
  ): Promise<{ batch: BatchRow; created: 'new' | 'replayed' }> {
    const { db, clock, tasks, log } = this.#options;
    const { access, idempotencyKey: key, baseUrl } = options;
    checkIdempotencyKey(key);
    const requestHash = sha256Hex(JSON.stringify(body)).slice(0, 32);
    const first = key === null ? undefined : await findBatchByKey(db.read, access.accountId, key);
    if (first) {
      requireSameRequest(first, requestHash);
      return { batch: first, created: 'replayed' };
    }
    if (body.webhook_url !== undefined) tasks.batchWork.checkWebhookUrl(body.webhook_url);
    const planned = await this.#plan(body, options, false);
    if (planned.errors.length > 0) throw wrongRows(planned.errors);
    if (planned.items.length === 0) throw nothingLeft(planned.source);
    requireBudget(planned.costMicros, body.budget_credits);
    await tasks.batchWork.requireRoom(access.accountId, planned.items.length);
    const now = clock.now();
    const batchId = newId('batch', now);
    const outcome = await db.write(createBatch, {
      batch: {
        id: batchId,
        account_id: access.accountId,
        name: body.name?.trim() || nameOf(body, planned),
        source: planned.source.kind,
        items: planned.items.length,
        pictures: planned.pictures,
        skipped: planned.source.skipped,
        budget_micros: body.budget_credits === undefined ? null : toMicros(body.budget_credits),
        file_pattern: body.file_pattern?.trim() || DEFAULT_PATTERN,
        webhook: body.webhook_url === undefined ? null : JSON.stringify({ url: body.webhook_url, baseUrl }),
        idempotency_key: key,
        request_hash: requestHash,
        created_at: now,
      },
      isPaused: body.paused,
      tasks: this.#toTasks(batchId, access, planned, now),
    });
    if (outcome.created === 'new') {
      const { id, account_id, items } = outcome.batch;
      log.info({ batch_id: id, account_id, items }, 'batch accepted');
      tasks.batchWork.wake(planned.items.map(({ lane }) => lane));
    }
    return outcome;
  }

  /** What `create` would find, with nothing made and no picture fetched. */
  async check(body: CreateBatchBody, options: CreateBatchOptions): Promise<BatchCheckBody> {
    const { db, clock, tasks } = this.#options;
    const { access, language } = options;
    const problems: BatchCheckBody['problems'] = [];
    const attempt = async <Result>(work: () => Result | Promise<Result>): Promise<Result | null> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'payload_too_large') throw error;
        const { code, title, detail, fix } = describeError(error, language);
        problems.push({ code, title, detail, fix });
        return null;
      }
    };
    const planned = (await attempt(() => this.#plan(body, options, true))) ?? emptyPlan(body);
    const { accountId } = access;
    const { availableMicros } = await balanceOf(db.read, accountId);
    const spendableMicros = await spendableOf(db.slow, { accountId, now: clock.now() });
    if (body.webhook_url !== undefined) {
      const url = body.webhook_url;
      await attempt(() => tasks.batchWork.checkWebhookUrl(url));
    }
    await attempt(() => requireBudget(planned.costMicros, body.budget_credits));
    await attempt(() => tasks.batchWork.requireRoom(access.accountId, planned.items.length));
    const cost = { accountId, amountMicros: planned.costMicros, now: clock.now() };
    await attempt(() => requireSpendable(db.slow, cost));
    await attempt(() => requireCredits(planned.costMicros, availableMicros));
    if (planned.items.length === 0 && planned.errors.length === 0 && problems.length === 0)
      await attempt(() => Promise.reject(nothingLeft(planned.source)));
    const etaS = await this.#eta(planned);
    return reportOf(planned, { problems, availableMicros, spendableMicros, etaS });
  }

  /** The account's own batch. Throws `not_found` for foreign and unknown ids alike. */
  async get(batchId: string, access: Access): Promise<BatchRow> {
    const row = await findBatch(this.#options.db.read, { batchId, accountId: access.accountId });
    if (!row) throw new AppError('not_found', { detail: 'There is no such batch.' });
    return row;
  }

  list(filter: {
    accountId: string;
    status?: BatchStatus;
    beforeId?: string;
    limit: number;
  }): Promise<BatchRow[]> {
    return listBatches(this.#options.db.slow, filter);
  }

  /** Throws `not_found` and `conflict`. */
  async pause(batchId: string, { accountId }: Access): Promise<BatchRow> {
    const { db, clock, tasks } = this.#options;
    const batch = await db.write(pauseBatch, { batchId, accountId, now: clock.now() });
    tasks.batchWork.wake([]);
    return batch;
  }

  /** Throws `not_found` and `conflict`. */
  async resume(batchId: string, { accountId }: Access): Promise<BatchRow> {
    const { db, clock, tasks } = this.#options;
    const batch = await db.write(resumeBatch, { batchId, accountId, now: clock.now() });
    tasks.batchWork.wake((await countOpenByLane(db.slow)).map(({ lane }) => lane));
    return batch;
  }

  /** Ends what waits and asks what runs to stop; goes on at the next start if this process ends meanwhile. Throws `not_found`. */
  async cancel(batchId: string, access: Access): Promise<BatchRow> {
    const { db, clock } = this.#options;
    const { accountId } = access;
    const batch = await db.write(beginCancel, { batchId, accountId, now: clock.now() });
    if (batch.status === 'cancelling') await this.#keeper.cancel(batchId);
    return this.get(batchId, access);
  }

  /** Failed items as new tasks, at the present price: all, with `cancelled` those too, or only those at `positions`. */
  async retry(
    batchId: string,
    wanted: { positions?: readonly number[]; cancelled: boolean; budgetCredits?: number | undefined },
    options: Pick<CreateBatchOptions, 'access' | 'signal'>,
  ): Promise<BatchRow> {
    const { db, clock, tasks } = this.#options;
    const { access } = options;
    const before = await this.get(batchId, access);
    if (before.status === 'cancelling')
      throw new AppError('conflict', { detail: 'The batch is being cancelled; wait for its end.' });
    const plan = await this.#planRetry(batchId, wanted, options);
    if (plan.errors.length > 0) throw wrongRows(plan.errors);
    if (plan.items.length === 0) return before;
    requireBudget(plan.costMicros, wanted.budgetCredits);
    await tasks.batchWork.requireRoom(access.accountId, plan.items.length);
    const now = clock.now();
    const input = { batchId, accountId: access.accountId, now };
    const { batch } = await db.write(retryItems, {
      ...input,
      tasks: this.#toTasks(batchId, access, plan, now),
    });
    tasks.batchWork.wake(plan.items.map(({ lane }) => lane));
    return batch;
  }

  async #planRetry(
    batchId: string,
    wanted: { positions?: readonly number[]; cancelled: boolean },
    options: Pick<CreateBatchOptions, 'access' | 'signal'>,
  ): Promise<BatchPlan> {
    const { db } = this.#options;
    const plan: BatchPlan = { items: [], errors: [], uploadIds: [], pictures: 0, costMicros: 0 };
    const positions = wanted.positions === undefined ? null : new Set(wanted.positions);
    const statuses: StoredStatus[] = wanted.cancelled ? ['failed', 'cancelled'] : ['failed'];
    const uploads = new Set<string>();
    for (let from = 0; ; ) {
      const page = await listBatchItems(db.slow, { batchId, statuses, from, limit: RETRY_PAGE });
      for (const task of page) {
        if (positions && !positions.has(task.batch_position ?? -1)) continue;
        await this.#planAgain(plan, task, uploads, options);
      }
      if (page.length < RETRY_PAGE) break;
      from = (page.at(-1)?.batch_position ?? 0) + 1;
      await yieldTurn();
    }
    plan.uploadIds = [...uploads];
    return plan;
  }

  async #planAgain(
    plan: BatchPlan,
    task: TaskRow,
    uploads: Set<string>,
    { access, signal }: Pick<CreateBatchOptions, 'access' | 'signal'>,
  ): Promise<void> {
    const { clock, tasks } = this.#options;
    const { batch } = JSON.parse(task.params) as TaskParams;
    const row = batch?.row ?? (task.batch_position ?? 0) + 1;
    try {
      const { body, style } = bodyOfTask(task);
      const sources = [...(body.images ?? []), ...(body.mask ? [body.mask] : [])];
      const pictures = await Promise.all(
        sources.map((one) => tasks.batchWork.picture(one, { access, signal }, false)),
      );
      for (const id of tasks.batchWork.uploadsOf(pictures)) uploads.add(id);
      const item = tasks.batchWork.planItem({
        body,
        pictures,
        style,
        taskId: newId('task', clock.now()),
        position: task.batch_position ?? 0,
        row: batch?.row ?? null,
        tries: (batch?.tries ?? 1) + 1,
        retryOf: task.id,
        metadata: body.metadata ?? {},
      });
      plan.items.push({ ...item, row });
      plan.pictures += item.pictures;
      plan.costMicros += item.unitMicros * item.pictures;
    } catch (error) {
      plan.errors.push(...rowErrors(row, error));
    }
  }

  #toTasks(batchId: string, access: Access, plan: BatchPlan, now: number) {
    return {
      batchId,
      accountId: access.accountId,
      credentialId: access.credentialId,
      deadlineAt: now + MAX_BATCH_QUEUE_MS,
      uploadIds: plan.uploadIds,
      items: plan.items.map(({ row: _row, ...item }) => item),
      now,
    };
  }

  async #plan(body: CreateBatchBody, options: CreateBatchOptions, isDry: boolean): Promise<Planned> {
    const { clock, styles, tasks } = this.#options;
    const { access, signal } = options;
    const source = readSource(body);
    const drafts = await draftItems(source, body.defaults ?? {});
    const plan = await planBatch(
      {
        work: tasks.batchWork,
        styles,
        now: clock.now(),
        access,
        signal,
        // Pictures of a batch that is refused anyway are not fetched; its other rows are still told about.
        isDry: isDry || drafts.errors.length > 0,
      },
      drafts.items,
    );
    const errors = [...drafts.errors, ...plan.errors].sort((a, b) => a.row - b.row);
    return { ...plan, source, errors };
  }

  /** Seconds until a planned batch would be done, behind what waits now; null where nothing was made lately. */
  async #eta(planned: Planned): Promise<number | null> {
    const { db, tasks } = this.#options;
    if (planned.items.length === 0) return null;
    const [book, open, places] = await Promise.all([
      tasks.durations.book(),
      countOpenByLane(db.slow),
      tasks.batchWork.placesOf(planned.items.map(({ lane }) => lane)),
    ]);
    const groups = Map.groupBy(planned.items, ({ lane, providerModel }) => `${lane}\n${providerModel}`);
    const msByLane = new Map<string, number>();
    for (const items of groups.values()) {
      const [{ lane, providerModel }] = items as [(typeof items)[number]];
      const queued = open.filter((one) => one.lane === lane).reduce((sum, one) => sum + one.count, 0);
      const ahead = msByLane.has(lane) ? 0 : queued;
      const work = { lane, providerModel, count: items.length, ahead, places: places.get(lane) };
      const ms = tasks.batchWork.timeFor(book, work);
      if (ms === null) return null;
      msByLane.set(lane, (msByLane.get(lane) ?? 0) + ms);
    }
    return Math.round(Math.max(...msByLane.values()) / 1000);
  }

  /** Batches as answers show them. */
  view(rows: readonly BatchRow[], view: BatchView): Promise<BatchBody[]> {
    return viewBatches(this.#options, rows, view);
  }

  /** A batch of any account as its webhook tells of it; null when there is none. */
  async describe(batchId: string, baseUrl: string): Promise<BatchBody | null> {
    const row = await findBatchOfAnyone(this.#options.db.read, batchId);
    if (!row) return null;
    const [body] = await this.view([row], { baseUrl, language: 'en' });
    return body ?? null;
  }

  /** For event streams: these batches of an account, or those that are not finished. */
  async describeFor(accountId: string, ids: readonly string[] | null, view: BatchView): Promise<BatchBody[]> {
    return this.view(await findBatches(this.#options.db.read, accountId, ids, MOST_TOLD), view);
  }

  listItems(filter: BatchItemFilter): Promise<TaskRow[]> {
    return listBatchItems(this.#options.db.slow, filter);
  }

  viewItems(rows: readonly TaskRow[], view: BatchView): Promise<BatchItemBody[]> {
    return viewItems(this.#options, rows, view);
  }

  /** The letters of all items, or what changed since a version. */
  async cells(batch: BatchRow, since: string | undefined): Promise<BatchCellsBody> {
    const { cells, all } = await this.#cells.read(this.#options.db.slow, batch.id, since);
    return { ...cells, total: batch.items, counts: countLetters(batch, all), status: batch.status };
  }
}
