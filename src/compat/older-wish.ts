// What an older page asks for, in the words of `POST /v1/tasks`. Addresses of pictures that lie here are taken as those
// pictures, never fetched: they belong to the caller, or they are not found.
import type { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { isId } from '../kernel/id.ts';
import { fieldErrors } from '../kernel/problem.ts';
import { findByAnyName, findOwnerOfFile, keyOfOldName } from '../media/media.ts';
import { type CreateTaskBody, createTaskBody } from '../tasks/contract.ts';
import type { OlderParts } from './older-tasks.ts';

/** Their words for the two modes, without what separates their parts. */
const MODES: Readonly<Record<string, 'text-to-image' | 'image-to-image'>> = {
  texttoimage: 'text-to-image',
  text2image: 'text-to-image',
  text2img: 'text-to-image',
  txt2img: 'text-to-image',
  t2i: 'text-to-image',
  imagetoimage: 'image-to-image',
  image2image: 'image-to-image',
  img2img: 'image-to-image',
  i2i: 'image-to-image',
};

/** Our field → what older pages called it, our own name first. */
const NAMES = {
  negative_prompt: ['negative_prompt', 'negativePrompt'],
  aspect_ratio: ['aspect_ratio', 'aspectRatio', 'ratio'],
  n: ['n', 'num_images', 'numImages', 'nVariants', 'batch_size', 'count'],
} as const;
const PICTURES = [
  'image_url',
  'imageUrl',
  'image_urls',
  'imageUrls',
  'filesUrl',
  'image',
  'image_id',
  'imageId',
];
const RATIO = /^\d{1,3}:\d{1,3}$/;

type Fields = Readonly<Record<string, unknown>>;

const isGiven = (value: unknown) => value !== null && value !== undefined && value !== '';
const firstOf = (fields: Fields, names: readonly string[]) => names.map((name) => fields[name]).find(isGiven);

function refuse(pointer: string, detail: string): AppError {
  return new AppError('validation_failed', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, detail }],
  });
}

/** Throws `validation_failed` for what cannot be a wish, `not_found` for a picture here that is not the caller's. */
export async function readWish(
  parts: OlderParts,
  fields: Fields,
  { accountId, dedupeWindowS }: { accountId: string; dedupeWindowS: number },
): Promise<CreateTaskBody> {
  const known = Object.entries(fields).filter(
    ([name, value]) => name in createTaskBody.shape && isGiven(value),
  );
  const wish: Record<string, unknown> = { dedupe_window_s: dedupeWindowS, ...Object.fromEntries(known) };
  for (const [ours, names] of Object.entries(NAMES)) {
    const value = firstOf(fields, names);
    if (value !== undefined) wish[ours] = value;
  }
  if (typeof wish.n === 'string' && /^\d{1,3}$/.test(wish.n)) wish.n = Number(wish.n);
  readMode(wish);
  readSize(wish, fields);
  const named = PICTURES.flatMap((name) => fields[name]).filter(isGiven);
  if (named.length > 0 && wish.images === undefined)
    wish.images = await Promise.all(named.map((value) => toSource(parts, String(value), accountId)));
  return parseWish(wish);
}

function readMode(wish: Record<string, unknown>): void {
  if (wish.mode === undefined) return;
  const word = String(wish.mode)
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '');
  const mode = Object.hasOwn(MODES, word) ? MODES[word] : undefined;
  if (mode === undefined) throw refuse('/mode', 'must be text-to-image or image-to-image');
  wish.mode = mode;
}

/** `size` may be a ratio there; `auto`, or a ratio beside it, means that pixels were not chosen. */
function readSize(wish: Record<string, unknown>, { width, height }: Fields): void {
  const { size } = wish;
  if (typeof size === 'string' && RATIO.test(size)) wish.aspect_ratio ??= size;
  if (size === 'auto' || wish.aspect_ratio !== undefined) delete wish.size;
  if (wish.aspect_ratio === 'auto') delete wish.aspect_ratio;
  const hasPixels = isGiven(width) && isGiven(height);
  if (hasPixels && wish.size === undefined && wish.aspect_ratio === undefined)
    wish.size = `${width}x${height}`;
}

function parseWish(wish: unknown): CreateTaskBody {
  const parsed: z.ZodSafeParseResult<CreateTaskBody> = createTaskBody.safeParse(wish);
  if (parsed.success) return parsed.data;
  throw new AppError('validation_failed', { errors: fieldErrors(parsed.error, 'body') });
}

async function toSource(parts: OlderParts, value: string, accountId: string): Promise<object> {
  if (isId('up', value)) return { upload_id: value };
  if (isId('img', value)) return { image_id: value };
  const data = /^data:image\/[\w.+-]+;base64,(.+)$/s.exec(value);
  if (data) return { b64: data[1] };
  const here = await findPictureAt(parts, value, accountId);
  if (here === 'foreign') throw new AppError('not_found', { detail: 'There is no such picture here.' });
  if (here === null) return { url: value };
  return isId('up', here.id) ? { upload_id: here.id } : { image_id: here.id };
}

/** An address's path as text; null when it has none that can be read. */
function pathOf(address: string): string | null {
  try {
    return decodeURIComponent(new URL(address, 'http://here.invalid').pathname);
  } catch {
    return null;
  }
}

/**
 * The account's own picture or upload that an address of this server means, whichever of its names the address uses.
 * `foreign`: the address means a picture here that is not the account's. Null: it does not mean a picture here.
 */
export async function findPictureAt(
  { db }: OlderParts,
  address: string,
  accountId: string,
): Promise<
  { id: string; kind: 'original' | 'final' | 'hd' | 'thumb'; key: string; name: string } | 'foreign' | null
> {
  const path = pathOf(address);
  const match = /\/(?:media\/(original|final|hd)|images)\/(.+)$/.exec(path ?? '');
  const name = match?.[2];
  if (name === undefined) return null;
  const kind = match?.[1] as 'original' | 'final' | 'hd' | undefined;
  const alias = kind && (await keyOfOldName(db.read, kind, name));
  const found = kind && alias ? { kind, key: alias } : await findByAnyName(db.read, name);
  if (!found || (kind !== undefined && found.kind !== kind)) return null;
  const owned = await findOwnerOfFile(db.read, found.key, accountId);
  return owned ? { ...found, id: owned.id, name: name.split('/').at(-1) ?? name } : 'foreign';
}
