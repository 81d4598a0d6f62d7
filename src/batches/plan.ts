// What a batch comes to before anything is stored: its styles and pictures found, every item planned and priced as a single task
// would be, and what is wrong listed by row.
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import type { Access } from '../kernel/route.ts';
import { mergePrompt, parseNames, type Styles } from '../styles/styles.ts';
import type { CreateTaskBody } from '../tasks/contract.ts';
import type { BatchTaskInput, BatchWork, TaskStyle } from '../tasks/tasks.ts';
import type { RowError } from './contract.ts';
import { type ItemDraft, yieldTurn } from './items.ts';

/** Items between which others get their turn: a fraction of a millisecond each. */
const ITEMS_A_TURN = 100;
/** Different addresses of pictures that one batch may have fetched; more are uploaded first. */
const MAX_FETCHED = 100;
/** Pictures that are fetched or looked up at once. */
const PICTURES_AT_ONCE = 8;

export interface PlannedItem extends BatchTaskInput {
  row: number;
}

export interface BatchPlan {
  items: PlannedItem[];
  errors: RowError[];
  /** Uploads that the items read. */
  uploadIds: string[];
  pictures: number;
  costMicros: number;
}

export interface PlanContext {
  work: BatchWork;
  styles: Styles;
  now: number;
  access: Access;
  signal: () => AbortSignal;
  /** Fetches and stores nothing. */
  isDry: boolean;
}

type Picture = Awaited<ReturnType<BatchWork['picture']>>;
type ImageSource = NonNullable<CreateTaskBody['images']>[number];

/** Throws what is wrong with the batch as a whole, such as a provider that cannot be used now. */
export async function planBatch(context: PlanContext, drafts: readonly ItemDraft[]): Promise<BatchPlan> {
  const plan: BatchPlan = { items: [], errors: [], uploadIds: [], pictures: 0, costMicros: 0 };
  const findStyle = await styleFinder(context.styles, drafts);
  const pictures = await findPictures(context, drafts);
  for (const [index, draft] of drafts.entries()) {
    if (index % ITEMS_A_TURN === 0) await yieldTurn();
    try {
      const style = findStyle(draft.body);
      const item = context.work.planItem({
        body: draft.body,
        pictures: picturesOf(draft.body).map((source) => requirePicture(pictures, source)),
        style,
        taskId: newId('task', context.now),
        position: plan.items.length,
        row: draft.row,
        tries: 1,
        retryOf: null,
        metadata: draft.extra,
      });
      plan.items.push({ ...item, row: draft.row });
      plan.pictures += item.pictures;
      plan.costMicros += item.unitMicros * item.pictures;
    } catch (error) {
      plan.errors.push(...rowErrors(draft.row, error));
    }
  }
  const found = [...pictures.values()].filter((one) => !(one instanceof AppError));
  plan.uploadIds = context.isDry ? [] : context.work.uploadsOf(found as Picture[]);
  return plan;
}

/** What is wrong with one row; anything that is wrong with more than it is thrown again. */
export function rowErrors(row: number, error: unknown): RowError[] {
  if (!(error instanceof AppError)) throw error;
  const { code, options } = error;
  if (code === 'validation_failed' && options.errors && options.errors.length > 0) {
    return options.errors.map(({ pointer, detail }) => ({
      row,
      field: pointer.replace(/^\//, '').split('/')[0] || null,
      detail,
    }));
  }
  if (code === 'model_not_found') return [{ row, field: 'model', detail: error.message }];
  if (['not_found', 'image_invalid', 'unsupported_media_type', 'payload_too_large'].includes(code))
    return [{ row, field: 'images', detail: error.message }];
  if (code === 'validation_failed') return [{ row, field: null, detail: error.message }];
  throw error;
}

const picturesOf = (body: CreateTaskBody): ImageSource[] => [
  ...(body.images ?? []),
  ...(body.mask ? [body.mask] : []),
];

const keyOf = (source: ImageSource) => JSON.stringify(source);

/** Each picture that the items name, once; an error where it cannot be had. */
async function findPictures(
  { work, access, signal, isDry }: PlanContext,
  drafts: readonly ItemDraft[],
): Promise<Map<string, Picture | AppError>> {
  const wanted = new Map(
    drafts.flatMap(({ body }) => picturesOf(body).map((one) => [keyOf(one), one] as const)),
  );
  const addresses = [...wanted.values()].filter((source) => 'url' in source);
  if (addresses.length > MAX_FETCHED) {
    const detail = `The items name ${addresses.length} addresses of pictures, and at most ${MAX_FETCHED} are fetched for a batch; upload the others first.`;
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/images', detail }] });
  }
  const found = new Map<string, Picture | AppError>();
  const queue = [...wanted];
  const fetchNext = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [key, source] = next;
      try {
        found.set(key, await work.picture(source, { access, signal }, isDry));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        found.set(key, error);
      }
    }
  };
  await Promise.all(Array.from({ length: PICTURES_AT_ONCE }, fetchNext));
  return found;
}

function requirePicture(pictures: ReadonlyMap<string, Picture | AppError>, source: ImageSource): Picture {
  const found = pictures.get(keyOf(source));
  if (found instanceof AppError) throw found;
  if (!found) throw new Error('A picture of an item was not looked for');
  return found;
}

/** Finds styles by id or by name in either language; one read for all items. */
async function styleFinder(
  styles: Styles,
  drafts: readonly ItemDraft[],
): Promise<(body: CreateTaskBody) => TaskStyle | null> {
  if (!drafts.some(({ body }) => body.style !== undefined)) return () => null;
  const book = await styles.list();
  const open = new Set(book.categories.filter(({ enabled }) => enabled === 1).map(({ id }) => id));
  const usable = book.styles.filter((style) => style.enabled === 1 && open.has(style.category_id));
  const byName = new Map(
    usable.flatMap((style) => {
      const { en, zh } = parseNames(style);
      return [style.id, en.toLowerCase(), zh.toLowerCase()].map((name) => [name, style] as const);
    }),
  );
  return ({ style: wanted, prompt, mode }) => {
    if (wanted === undefined) return null;
    const row = byName.get(wanted) ?? byName.get(wanted.trim().toLowerCase());
    if (mode === 'upscale') throw invalidStyle('upscale takes no style');
    if (!row) throw invalidStyle(`there is no style "${wanted}"; see GET /v1/styles`);
    return {
      id: row.id,
      names: parseNames(row),
      prompt: mergePrompt(row.prompt_template, prompt),
      negativePrompt: row.negative_prompt === '' ? null : row.negative_prompt,
    };
  };
}

function invalidStyle(detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer: '/style', detail }] });
}
