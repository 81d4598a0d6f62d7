// The face of the slice. OpenAI's two image calls as durable tasks. The task is created first; a call that was cut off and is made again finds its
// task by the key's own requests, so that a retry makes no second picture and no second charge.
import type { ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { sha256Hex } from '../kernel/id.ts';
import { fieldErrors } from '../kernel/problem.ts';
import type { Access } from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import type { CreateTaskBody } from '../tasks/contract.ts';
import { findAttachable, markAnswerDelivered, type TaskRow, type Tasks } from '../tasks/tasks.ts';
import { editFields, type sharedFields } from './contract.ts';

/** A cut-off call finds its task this long. */
export const ATTACH_WINDOW_MS = 15 * 60_000;
const MAX_EDIT_PICTURES = 16;
const PIXELS_PER_K = 1024;
const MAX_FIELD_BYTES = 64 * 1024;
const MAX_FIELDS = 40;

export interface OpenAiContext {
  db: Db;
  clock: Clock;
  tasks: Tasks;
  media: Media;
  providers: Pick<Providers, 'requireModel'>;
  /** Equal calls of this process that are under way: while one is, another is a new wish. */
  underWay: Map<string, number>;
}

export interface OpenAiCall {
  access: Access;
  /** Equal for equal calls: what was asked for, and in which form the answer is wanted. */
  hash: string;
  idempotencyKey: string | null;
  /** What the official clients count in `x-stainless-retry-count`. */
  retryCount: number;
  signal(): AbortSignal;
}

type SharedFields = z.output<typeof sharedFields>;

/** OpenAI's fields as a task. */
export function toTaskBody(fields: SharedFields, providers: Pick<Providers, 'requireModel'>): CreateTaskBody {
  const asked = fields.size && fields.size !== 'auto' ? fields.size : null;
  const size = asked ?? (fields.resolution ? sizeOfResolution(fields, fields.resolution, providers) : null);
  return {
    prompt: fields.prompt,
    n: fields.n ?? 1,
    priority: 0,
    dedupe_window_s: 0,
    ...(fields.model ? { model: fields.model } : {}),
    ...(fields.ratio && !fields.resolution
      ? { aspect_ratio: fields.ratio }
      : size
        ? { size: requireSize(size) }
        : {}),
    ...(fields.seed === null || fields.seed === undefined ? {} : { seed: fields.seed }),
    ...(fields.negative_prompt ? { negative_prompt: fields.negative_prompt } : {}),
  };
}

/** jimeng's `2k` is a picture of as many pixels as a square of that side, in the ratio; never more than the model paints. */
function sizeOfResolution(
  { model, ratio }: SharedFields,
  resolution: string,
  providers: Pick<Providers, 'requireModel'>,
): string {
  const { maxSide, maxPixels, multiple } = providers.requireModel(model ?? null, null).providerModel
    .capabilities.sizes;
  const [w = 1, h = 1] = (ratio ?? '1:1').split(':').map(Number);
  if (w < 1 || h < 1) throw invalidForm('ratio', 'must be two numbers above 0, such as 16:9');
  const pixels = Math.min((Number.parseInt(resolution, 10) * PIXELS_PER_K) ** 2, maxPixels);
  const scale = Math.min(Math.sqrt(pixels / (w * h)), maxSide / w, maxSide / h);
  const floor = (side: number) => Math.max(multiple, Math.floor((side * scale) / multiple) * multiple);
  return `${floor(w)}x${floor(h)}`;
}

function requireSize(size: string): string {
  if (/^\d{2,5}x\d{2,5}$/.test(size)) return size;
  const detail = 'must be "auto" or pixels such as 1024x1024';
  throw new AppError('validation_failed', {
    detail: `size ${detail}.`,
    errors: [{ pointer: '/size', detail }],
  });
}

/** What makes two calls that create a picture equal. A task that was made in another way is never taken for theirs. */
export function generateHash(tasks: Tasks, body: CreateTaskBody, form: readonly unknown[]): string {
  return sha256Hex(JSON.stringify(['openai.images.generate', tasks.hashOf(body), ...form]));
}

/** The call's task: the one that an equal call before it has made, or a new one. */
export async function findOrCreate(
  context: OpenAiContext,
  body: CreateTaskBody,
  call: OpenAiCall,
  isOnlyOne: boolean,
): Promise<TaskRow> {
  const attached = call.idempotencyKey === null ? await findCutOff(context, call, isOnlyOne) : null;
  if (attached) return attached;
  const { access, idempotencyKey, signal, hash: requestHash } = call;
  const options = { access, idempotencyKey, retryOf: null, parentImageId: null, requestHash, signal };
  return (await context.tasks.accept(body, options)).task;
}

/** An equal call of the same key whose answer was never fully delivered: certainly meant when the client counts a retry, or nobody waits for it any more. */
async function findCutOff(
  { db, clock }: OpenAiContext,
  { access, hash, retryCount }: OpenAiCall,
  isOnlyOne: boolean,
): Promise<TaskRow | null> {
  if (retryCount === 0 && !isOnlyOne) return null;
  const { accountId, credentialId } = access;
  const createdAfter = clock.now() - ATTACH_WINDOW_MS;
  const task = await findAttachable(db.read, { accountId, credentialId, requestHash: hash, createdAfter });
  if (!task) return null;
  return retryCount > 0 || task.finished_at === null ? task : null;
}

/**
 * Counts a call as under way until its connection is done with it. Must run before anything is awaited, so that of several
 * equal calls that arrive together each sees the others; says whether this one is alone.
 */
export function countCall({ underWay }: OpenAiContext, call: OpenAiCall, response: ServerResponse): boolean {
  const key = `${call.access.accountId} ${call.access.credentialId} ${call.hash}`;
  const others = underWay.get(key) ?? 0;
  if (response.destroyed) return others === 0;
  underWay.set(key, others + 1);
  response.once('close', () => {
    const left = (underWay.get(key) ?? 1) - 1;
    if (left > 0) underWay.set(key, left);
    else underWay.delete(key);
  });
  return others === 0;
}

/** Notes when the task's last answer was handed over in full; `isLast` says whether what was sent was that. */
export function noteDelivery(
  { db, clock }: OpenAiContext,
  task: TaskRow,
  response: ServerResponse,
  isLast: () => boolean,
): void {
  response.once('close', () => {
    // Not waited for: a delivery that is not noted costs at most one attached call that finds the finished task.
    if (response.writableFinished && isLast())
      void db.write(markAnswerDelivered, { taskId: task.id, now: clock.now() }).catch(() => {});
  });
}

export interface EditForm {
  fields: z.output<typeof editFields>;
  body: CreateTaskBody;
  /** By the content of the pictures: a retried form has the same pictures under new names. */
  hash: string;
}

/** Reads an edit's form; its pictures become uploads of the account. Throws 4xx errors for everything that is wrong with it. */
export async function readEditForm(
  context: OpenAiContext,
  request: FastifyRequest,
  access: Access,
): Promise<EditForm> {
  if (!request.isMultipart()) {
    throw new AppError('unsupported_media_type', { detail: 'Send the form as multipart/form-data.' });
  }
  const { media } = context;
  const values: Record<string, string> = Object.create(null);
  const images: { id: string; sha256: string }[] = [];
  let mask: { id: string; sha256: string } | null = null;
  const limits = {
    fileSize: media.uploadBytes + 1,
    files: MAX_EDIT_PICTURES + 2,
    fields: MAX_FIELDS,
    fieldSize: MAX_FIELD_BYTES,
  };
  for await (const part of request.parts({ limits })) {
    if (part.type !== 'file') {
      values[part.fieldname] = requireText(part.fieldname, String(part.value));
      continue;
    }
    const isMask = part.fieldname === 'mask';
    const isImage = part.fieldname === 'image' || part.fieldname === 'image[]';
    if (!isMask && !isImage) throw invalidForm(part.fieldname, 'is not a picture that this call takes');
    if (isImage && images.length === MAX_EDIT_PICTURES)
      throw invalidForm('image', `at most ${MAX_EDIT_PICTURES} pictures`);
    const spooled = await media.spool(part.file, media.uploadBytes);
    const { id, sha256 } = await media
      .createUpload(access.accountId, spooled)
      .finally(() => media.discard(spooled.path));
    if (isMask) mask = { id, sha256 };
    else images.push({ id, sha256 });
  }
  if (images.length === 0) throw invalidForm('image', 'is missing');
  const parsed = editFields.safeParse(values);
  if (!parsed.success) {
    const errors = fieldErrors(parsed.error, 'body');
    throw new AppError('validation_failed', {
      detail: `${errors[0]?.pointer}: ${errors[0]?.detail}`,
      errors,
    });
  }
  const fields = parsed.data;
  const body: CreateTaskBody = {
    ...toTaskBody(fields, context.providers),
    mode: 'image-to-image',
    images: images.map(({ id }) => ({ upload_id: id })),
    ...(mask ? { mask: { upload_id: mask.id } } : {}),
    ...(fields.strength === null || fields.strength === undefined ? {} : { strength: fields.strength }),
  };
  const content = { ...values, images: images.map(({ sha256 }) => sha256), mask: mask?.sha256 ?? null };
  return { fields, body, hash: sha256Hex(JSON.stringify(content)) };
}

/** As for JSON bodies: PostgreSQL cannot store NUL. */
function requireText(field: string, value: string): string {
  if (!value.includes('\0')) return value;
  throw new AppError('malformed_request', {
    detail: `The field "${field.slice(0, 64)}" contains a NUL character.`,
  });
}

function invalidForm(field: string, detail: string): AppError {
  const pointer = `/${field.slice(0, 64)}`;
  return new AppError('validation_failed', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, detail }],
  });
}
