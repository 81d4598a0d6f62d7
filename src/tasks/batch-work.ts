// What the tasks slice does for batches: plans items without storing anything, counts the room that an account has for them,
// and wakes who runs them. The rows are written by batch-store.ts, inside the batch's own transactions.
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import type { BatchTaskInput } from './batch-store.ts';
import type { CreateTaskBody } from './contract.ts';
import {
  type CreateContext,
  type CreateOptions,
  type ImageSource,
  paramsOf,
  planTask,
  resolvePicture,
  sourceUploads,
} from './create.ts';
import type { DurationBook } from './durations.ts';
import { CANCEL_CHANNEL, QUEUE_CHANNEL, type TaskEngine } from './engine.ts';
import { placesForBatches, readOccupancy } from './place-store.ts';
import { countOpenTasks } from './read-store.ts';
import type { InputPicture, TaskParams, TaskRow, TaskStyle } from './store.ts';

/** An item that nobody could start by then fails, whatever it waited for; a large batch may take days, or be paused. */
export const MAX_BATCH_QUEUE_MS = 30 * 24 * 3600_000;
/** What pictures of an address that was not fetched yet count as. */
const UNKNOWN_PICTURE: InputPicture = {
  id: '',
  kind: 'original',
  key: '',
  width: 1024,
  height: 1024,
  mime: 'image/png',
};

/** An item as `planItem` takes it. */
export interface ItemRequest {
  body: CreateTaskBody;
  /** Input pictures, the mask last where there is one. */
  pictures: readonly InputPicture[];
  style: TaskStyle | null;
  taskId: string;
  position: number;
  row: number | null;
  tries: number;
  retryOf: string | null;
  metadata: Record<string, unknown>;
}

export class BatchWork {
  /** Items of batches that one account may have open. */
  readonly maxOpenItems: number;
  readonly #create: CreateContext;
  readonly #engine: TaskEngine;

  constructor(create: CreateContext, engine: TaskEngine, maxOpenItems: number) {
    this.#create = create;
    this.#engine = engine;
    this.maxOpenItems = maxOpenItems;
  }

  /** Settles model, size and price of an item. Throws as `planTask` does. */
  planItem(request: ItemRequest): BatchTaskInput {
    const { body, style, taskId, position } = request;
    const pictures = [...request.pictures];
    const mask = body.mask ? (pictures.pop() ?? null) : null;
    const plan = planTask(this.#create, body, pictures, taskId);
    const params: TaskParams = {
      ...paramsOf(body, plan, { pictures, mask, style }),
      batch: { row: request.row, tries: request.tries },
    };
    return {
      taskId,
      position,
      mode: plan.mode,
      model: plan.model.name,
      lane: plan.model.provider,
      providerModel: plan.model.providerModel.name,
      prompt: body.prompt,
      styleId: style?.id ?? null,
      params: JSON.stringify(params),
      pictures: body.n,
      unitMicros: plan.model.priceMicros,
      retryOf: request.retryOf,
      metadata: JSON.stringify(request.metadata),
    };
  }

  /** A stored copy of an input picture; `isDry` fetches nothing. Throws what reading it throws. */
  picture(
    source: ImageSource,
    options: Pick<CreateOptions, 'access' | 'signal'>,
    isDry: boolean,
  ): Promise<InputPicture> {
    if (isDry && 'url' in source) return Promise.resolve(UNKNOWN_PICTURE);
    return resolvePicture(this.#create, source, options);
  }

  /** The uploads among pictures, each once. */
  uploadsOf(pictures: Iterable<InputPicture>): string[] {
    return sourceUploads([...pictures]);
  }

  /** Throws `rate_limited` when the account may not have so many more items, and what keeps it from storing more. */
  async requireRoom(accountId: string, items: number): Promise<void> {
    const { db } = this.#create;
    await this.#create.requireStorage?.(accountId);
    const open = await countOpenTasks(db.slow, accountId, this.maxOpenItems, true);
    if (open + items <= this.maxOpenItems) return;
    throw new AppError('rate_limited', {
      detail: `This account has ${open} unfinished batch items and may have ${this.maxOpenItems}; ${items} more are too many.`,
      retryAfterS: 60,
    });
  }

  /** Throws `validation_failed` for an address that no message would ever be sent to. */
  checkWebhookUrl(url: string): void {
    this.#create.checkWebhookUrl?.(url);
  }

  /** There is something to claim in these lanes, on any node. */
  wake(lanes: Iterable<string>): void {
    for (const lane of new Set(lanes)) this.#engine.wake(lane);
    this.#create.db.signal(QUEUE_CHANNEL);
    this.#create.db.signal(EVENTS_CHANNEL);
  }

  /** Something was cancelled. */
  wakeCancels(): void {
    this.#create.db.signal(CANCEL_CHANNEL);
    this.#create.db.signal(EVENTS_CHANNEL);
  }

  /** How many items run at once in each of these lanes, as things are now: a place may be kept for single pictures. */
  async placesOf(lanes: Iterable<string>): Promise<Map<string, number>> {
    const { db, clock, providers } = this.#create;
    const each = [...new Set(lanes)].map(async (lane) => {
      const [occupied] = await readOccupancy(db.slow, { lane });
      const all = Math.max(1, providers.lane(lane)?.concurrency ?? 1);
      return [lane, placesForBatches(all, occupied, clock.now())] as const;
    });
    return new Map(await Promise.all(each));
  }

  /** Milliseconds until so many items of a lane's model are done, behind `ahead` others; null where nothing is known. */
  timeFor(
    book: DurationBook | null,
    {
      lane,
      providerModel,
      count,
      ahead,
      places,
    }: { lane: string; providerModel: string; count: number; ahead: number; places: number | undefined },
  ): number | null {
    const medianMs = book?.medianMs(lane, providerModel) ?? null;
    if (medianMs === null) return null;
    return Math.ceil((count + ahead) / Math.max(1, places ?? 1)) * medianMs;
  }
}

/** A task's request as its maker could send it again. */
export function bodyOfTask(task: TaskRow): { body: CreateTaskBody; style: TaskStyle | null } {
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
    ...(params.isPinned ? { provider: task.lane } : {}),
    ...(params.style === undefined ? {} : { style: params.style.id }),
    ...(params.webhook === undefined ? {} : { webhook_url: params.webhook.url }),
    ...(params.inputs.length === 0 ? {} : { images: params.inputs.map((input) => sourceOf(input.id)) }),
    ...(params.mask === null ? {} : { mask: sourceOf(params.mask.id) }),
  };
  return { body, style: params.style ?? null };
}

const sourceOf = (id: string) => (id.startsWith('img_') ? { image_id: id } : { upload_id: id });
