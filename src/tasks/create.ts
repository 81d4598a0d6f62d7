// From a request to an accepted task: model, size, price and input pictures are settled first, then one transaction
// makes it durable. Nothing is created when anything is wrong.
import { randomInt } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { Db, Reader } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, sha256Hex } from '../kernel/id.ts';
import type { Access } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import type { Capabilities, Mode } from '../providers/provider.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import { type CreateTaskBody, MAX_SEED } from './contract.ts';
import type { OpenTaskGauge, TaskRoom } from './open-task-gauge.ts';
import { findByIdempotencyKey, findTask } from './read-store.ts';
import { checkSize, invalid, type PixelSize, parseSize, sizeOfRatio } from './size.ts';
import {
  type CreateTaskInput,
  createdTask,
  createTask,
  type InputPicture,
  idempotencyMismatch,
  type TaskParams,
  type TaskRow,
  type TaskStyle,
} from './store.ts';

/** A task that nobody could start by then fails, whatever it waited for. */
export const MAX_QUEUE_MS = 24 * 3600_000;
const MICROS_PER_CREDIT = 1_000_000;
const MAX_IDEMPOTENCY_KEY_CHARS = 200;

export interface CreateContext {
  db: Db;
  clock: Clock;
  media: Media;
  providers: Providers;
  openTasks: OpenTaskGauge;
  /** Throws when the account may keep nothing more. */
  requireStorage?: ((accountId: string) => Promise<void>) | undefined;
  /** Replaces every provider's own deadline; null leaves it. */
  deadlineMs: number | null;
  /** Throws `validation_failed` for an address that no message would ever be sent to. */
  checkWebhookUrl?: ((url: string) => void) | undefined;
  /** A style merged with a prompt, as it is now; null when there is no such style. Absent: there are no styles. */
  resolveStyle?: ((id: string, prompt: string) => Promise<TaskStyle | null>) | undefined;
  /** Fetches a user's picture from a URL: public addresses only, bounded. */
  fetchPicture(url: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** What a request comes to, before anything is stored. */
export interface TaskPlan {
  mode: Mode;
  /** As the route serves it that would do the work now. */
  model: PublicModel;
  size: PixelSize;
  costMicros: number;
  deadlineMs: number;
}

export interface CreateOptions {
  access: Access;
  /** As the header gave it, or null. */
  idempotencyKey: string | null;
  retryOf: string | null;
  /** For `upscale`: the picture that the result is a variant of. */
  parentImageId: string | null;
  /** The style as an earlier task had it; it counts instead of looking up the body's `style`. */
  style?: TaskStyle | null;
  /** The id that it gets: of a caller that wrote it down before, so that a crash in between makes no second task. */
  taskId?: string;
  /** What its pictures come from, where the caller's credential does not say it. */
  origin?: 'story';
  /** Where the caller reached this server: what addresses in the webhook's message start with. */
  baseUrl?: string;
  /** What makes two requests equal, for callers whose pictures are named anew in every call; null: by the body. */
  requestHash?: string;
  /** Aborted when the caller goes away; asked for only when a picture has to be fetched. */
  signal(): AbortSignal;
}

/**
 * Settles model, route, mode, size and price: the route is the first that can do the request and takes work now. `seed` is the
 * task's id, by which routes of equal rank take turns; null without one. Throws `model_not_found`, `validation_failed`, and
 * why no provider can be used.
 */
export function planTask(
  context: CreateContext,
  body: CreateTaskBody,
  inputs: readonly InputPicture[],
  seed: string | null,
): TaskPlan {
  const { providers } = context;
  const mode = body.mode ?? (body.images?.length ? 'image-to-image' : 'text-to-image');
  const named = providers.requireModel(body.model ?? null, body.provider ?? null);
  if (mode !== 'upscale' && body.prompt.trim() === '') throw invalid('/prompt', 'must not be empty');
  const able = ableRoutes(named, mode, body, inputs);
  const route = providers.chooseRoute([...able.keys()], seed);
  const size = able.get(route) as PixelSize;
  const model = { ...named, provider: route.provider, providerModel: route.providerModel };
  const costMicros = model.priceMicros * body.n;
  const deadlineMs =
    body.deadline_s === undefined
      ? (context.deadlineMs ?? providers.lane(model.provider)?.deadlineMs ?? MAX_QUEUE_MS)
      : body.deadline_s * 1000;
  if (body.budget_credits !== undefined && costMicros > Math.round(body.budget_credits * MICROS_PER_CREDIT)) {
    throw invalid(
      '/budget_credits',
      `the task costs ${costMicros / MICROS_PER_CREDIT} credits, which is more than that`,
    );
  }
  return { mode, model, size, costMicros, deadlineMs };
}

/** The routes that can do the request, each with the size it would paint; throws the first's objection when none can. */
function ableRoutes(
  model: PublicModel,
  mode: Mode,
  body: CreateTaskBody,
  inputs: readonly InputPicture[],
): Map<PublicModel['routes'][number], PixelSize> {
  const able = new Map<PublicModel['routes'][number], PixelSize>();
  let objection: unknown = null;
  for (const route of model.routes) {
    const { capabilities } = route.providerModel;
    try {
      checkCapabilities(model.name, capabilities, {
        mode,
        images: body.images?.length ?? 0,
        n: body.n,
        hasMask: body.mask !== undefined,
        hasStrength: body.strength !== undefined,
        hasNegativePrompt: !!body.negative_prompt,
      });
      able.set(route, planSize(capabilities.sizes, mode, body, inputs));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      objection ??= error;
    }
  }
  if (able.size === 0) throw objection;
  return able;
}

/** What a request asks of a model. */
export interface RequestNeeds {
  mode: Mode;
  images: number;
  n: number;
  hasMask: boolean;
  hasStrength: boolean;
  hasNegativePrompt: boolean;
}

/** Throws `validation_failed` with what the model called `name` cannot do. */
export function checkCapabilities(name: string, capabilities: Capabilities, needs: RequestNeeds): void {
  const { mode, images } = needs;
  if (!capabilities.modes.includes(mode)) throw invalid('/mode', `the model "${name}" does not do ${mode}`);
  if (mode === 'text-to-image' && images > 0)
    throw invalid('/images', 'text-to-image takes no pictures; use image-to-image');
  if (mode !== 'text-to-image' && images === 0)
    throw invalid('/images', `${mode} needs at least one picture`);
  if (images > capabilities.maxInputImages) {
    throw invalid('/images', `the model "${name}" takes at most ${capabilities.maxInputImages} pictures`);
  }
  if (needs.n > capabilities.maxImages)
    throw invalid('/n', `the model "${name}" paints at most ${capabilities.maxImages} at once`);
  if (needs.hasMask && !capabilities.mask) throw invalid('/mask', `the model "${name}" takes no mask`);
  if (needs.hasMask && images === 0) throw invalid('/mask', 'a mask needs a picture');
  if (needs.hasStrength && !capabilities.strength)
    throw invalid('/strength', `the model "${name}" has no strength`);
  if (needs.hasNegativePrompt && !capabilities.negativePrompt)
    throw invalid('/negative_prompt', `the model "${name}" takes no negative prompt`);
}

function planSize(
  limits: Capabilities['sizes'],
  mode: Mode,
  body: CreateTaskBody,
  inputs: readonly InputPicture[],
): PixelSize {
  if (body.size) {
    const size = parseSize(body.size);
    if (!size) throw invalid('/size', 'must look like 1024x768');
    return checkSize(size, limits, '/size');
  }
  if (body.aspect_ratio) return sizeOfRatio(body.aspect_ratio, limits);
  const [first] = inputs;
  if (!first) return sizeOfRatio('1:1', limits);
  const pixels = mode === 'upscale' ? first.width * first.height * 4 : undefined;
  return sizeOfRatio(`${first.width}:${first.height}`, limits, pixels);
}

/** The style that a request names, merged with its prompt; null when it names none. Throws `validation_failed`. */
export async function requireStyle(
  { resolveStyle }: Pick<CreateContext, 'resolveStyle'>,
  { style, prompt, mode }: Pick<CreateTaskBody, 'style' | 'prompt' | 'mode'>,
): Promise<TaskStyle | null> {
  if (style === undefined) return null;
  if (mode === 'upscale') throw invalid('/style', 'upscale takes no style');
  const found = await resolveStyle?.(style, prompt);
  if (!found) throw invalid('/style', 'there is no such style; see GET /v1/styles');
  return found;
}

/** Accepts a task durably; `created` says whether it is new, replayed by its key, or an equal earlier one. */
export async function acceptTask(
  context: CreateContext,
  body: CreateTaskBody,
  options: CreateOptions,
): Promise<Accepted> {
  const { access, idempotencyKey } = options;
  checkIdempotencyKey(idempotencyKey);
  if (body.priority > 0 && !access.scopes.has('accounts:act') && !access.scopes.has('admin')) {
    throw new AppError('permission_denied', {
      detail: 'A priority above 0 needs the scope "accounts:act" or "admin".',
    });
  }
  const model = context.providers.requireModel(body.model ?? null, body.provider ?? null);
  if (body.webhook_url !== undefined) context.checkWebhookUrl?.(body.webhook_url);
  const hash = options.requestHash ?? requestHash(body, model.name, options);
  const replay = () => findReplay(context.db.read, access.accountId, idempotencyKey, hash);
  const sources = [...(body.images ?? []), ...(body.mask ? [body.mask] : [])];
  // A repeated call needs neither its pictures again nor room nor a provider that works just now.
  const earlier = sources.length > 0 ? await replay() : null;
  if (earlier) return earlier;
  const taskId = options.taskId ?? newId('task', context.clock.now());
  let room: TaskRoom;
  let style: TaskStyle | null;
  try {
    // Before pictures are fetched and stored for nothing; which of its routes can do the request shows after that.
    context.providers.chooseRoute(model.routes, taskId);
    style = options.style ?? (await requireStyle(context, body));
    await context.requireStorage?.(access.accountId);
    room = await context.openTasks.requireRoom(access.accountId);
  } catch (error) {
    const first = await replay();
    if (first) return first;
    throw error;
  }
  try {
    const accepted = await makeTask(context, body, options, { taskId, hash, sources, style });
    if (accepted.created === 'new') room.taken();
    return accepted;
  } finally {
    room.leave();
  }
}

/** Fetches and freezes the pictures, settles everything, and makes the task durable. */
async function makeTask(
  context: CreateContext,
  body: CreateTaskBody,
  options: CreateOptions,
  {
    taskId,
    hash,
    sources,
    style,
  }: { taskId: string; hash: string; sources: readonly ImageSource[]; style: TaskStyle | null },
): Promise<Accepted> {
  const { clock, db } = context;
  const { access, idempotencyKey } = options;
  const pictures = await Promise.all(sources.map((source) => resolvePicture(context, source, options)));
  const mask = body.mask ? (pictures.pop() ?? null) : null;
  const plan = planTask(context, body, pictures, taskId);
  const now = clock.now();
  const params: TaskParams = {
    ...paramsOf(body, plan, { pictures, mask, style }),
    parentImageId: options.parentImageId,
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    ...(body.webhook_url === undefined
      ? {}
      : { webhook: { url: body.webhook_url, baseUrl: options.baseUrl ?? null } }),
  };
  const input: CreateTaskInput = {
    taskId,
    accountId: access.accountId,
    credentialId: access.credentialId,
    mode: plan.mode,
    model: plan.model.name,
    lane: plan.model.provider,
    providerModel: plan.model.providerModel.name,
    prompt: body.prompt,
    styleId: style?.id ?? null,
    params: JSON.stringify(params),
    requestHash: hash,
    pictures: body.n,
    priority: body.priority,
    flow: access.accountId,
    unitMicros: plan.model.priceMicros,
    deadlineAt: now + (body.deadline_s === undefined ? MAX_QUEUE_MS : plan.deadlineMs),
    retryOf: options.retryOf,
    metadata: JSON.stringify(body.metadata ?? {}),
    idempotencyKey,
    uploadIds: sourceUploads([...pictures, ...(mask ? [mask] : [])]),
    dedupeWindowMs: body.dedupe_window_s * 1000,
    now,
  };
  const outcome = await db.write(createTask, input);
  crashPoint('kp2');
  const { created } = outcome;
  if (created !== 'new') return { task: await getTask(db.read, outcome.taskId), created };
  return { task: createdTask(input), created };
}

/** A planned request as it is stored. */
export function paramsOf(
  body: CreateTaskBody,
  plan: TaskPlan,
  { pictures, mask, style }: { pictures: InputPicture[]; mask: InputPicture | null; style: TaskStyle | null },
): TaskParams {
  return {
    width: plan.size.width,
    height: plan.size.height,
    negativePrompt: body.negative_prompt?.trim() || null,
    seed: body.seed ?? randomInt(MAX_SEED),
    strength: body.strength ?? null,
    inputs: pictures,
    mask,
    deadlineMs: plan.deadlineMs,
    unitMicros: plan.model.priceMicros,
    parentImageId: null,
    ...(body.provider === undefined ? {} : { isPinned: true }),
    ...(style === null ? {} : { style }),
  };
}

/** What accepting gave: the row, and whether an earlier request had made it. */
export interface Accepted {
  task: TaskRow;
  created: 'new' | 'replayed' | 'duplicate';
}

/** The task that this key made before; throws `idempotency_mismatch` when it was for another request. */
async function findReplay(
  reader: Reader,
  accountId: string,
  key: string | null,
  hash: string,
): Promise<Accepted | null> {
  const first = key === null ? undefined : await findByIdempotencyKey(reader, accountId, key);
  if (!first) return null;
  if (first.request_hash !== hash) throw idempotencyMismatch();
  return { task: await getTask(reader, first.task_id), created: 'replayed' };
}

async function getTask(reader: Reader, id: string): Promise<TaskRow> {
  const task = await findTask(reader, id);
  if (!task) throw new Error('A task that an idempotency key names does not exist');
  return task;
}

/** The uploads among a task's input pictures; finished pictures have a life of their own. */
export function sourceUploads(inputs: readonly InputPicture[]): string[] {
  return [...new Set(inputs.filter(({ kind }) => kind === 'original').map(({ id }) => id))];
}

export function checkIdempotencyKey(key: string | null): void {
  if (key === null || (key.length > 0 && key.length <= MAX_IDEMPOTENCY_KEY_CHARS)) return;
  const detail = `must have 1 to ${MAX_IDEMPOTENCY_KEY_CHARS} characters`;
  throw new AppError('malformed_request', { errors: [{ pointer: 'header/idempotency-key', detail }] });
}

/**
 * The same request gives the same hash: what the caller sent, less what does not change the picture. Pictures count as
 * they were named, so that a retried call with base64 is equal without storing it twice.
 */
export function requestHash(
  body: CreateTaskBody,
  model: string,
  { retryOf, parentImageId }: Pick<CreateOptions, 'retryOf' | 'parentImageId'>,
): string {
  const { dedupe_window_s: _window, budget_credits: _budget, ...request } = body;
  const images = body.images?.map((image) => ('b64' in image ? { sha256: sha256Hex(image.b64) } : image));
  const mask = body.mask && 'b64' in body.mask ? { sha256: sha256Hex(body.mask.b64) } : body.mask;
  return shortHash(JSON.stringify({ ...request, images, mask, model, retryOf, parentImageId }));
}

/** 128 bits, which no two requests share by chance, in half the space of the index. */
export function shortHash(text: string): string {
  return sha256Hex(text).slice(0, 32);
}

export type ImageSource = NonNullable<CreateTaskBody['images']>[number];

/** A stored copy of an input picture: fetched once, checked and frozen, whatever happens to its source later. */
export async function resolvePicture(
  context: CreateContext,
  source: ImageSource,
  { access, signal }: Pick<CreateOptions, 'access' | 'signal'>,
): Promise<InputPicture> {
  const { media } = context;
  const id = 'upload_id' in source ? source.upload_id : 'image_id' in source ? source.image_id : null;
  if (id !== null) {
    const found = await media.localFileOf(id, access.accountId);
    return {
      id,
      kind: found.kind,
      key: found.key,
      width: found.width,
      height: found.height,
      mime: found.mime,
    };
  }
  const bytes =
    'b64' in source
      ? decodeBase64(source.b64)
      : await context.fetchPicture((source as { url: string }).url, signal());
  const upload = await media.createUpload(access.accountId, bytes).catch((error: unknown) => {
    // "Unsupported media type" would speak of this call's own body, which is JSON.
    if (error instanceof AppError && error.code === 'unsupported_media_type')
      throw new AppError('image_invalid', { detail: error.message });
    throw error;
  });
  const { width, height, mime } = upload;
  return { id: upload.id, kind: 'original', key: upload.file_key, width, height, mime };
}

async function* decodeBase64(text: string): AsyncGenerator<Uint8Array> {
  const data = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text;
  if (!/^[A-Za-z0-9+/_=\s-]*$/.test(data))
    throw new AppError('image_invalid', { detail: 'The base64 of a picture has other characters in it.' });
  yield Buffer.from(data, 'base64');
}
