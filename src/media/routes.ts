// Binds the contracts of uploads, pictures and their files to the slice.
import type { IncomingMessage } from 'node:http';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import {
  createUploadRoute,
  getImageRoute,
  type ImageMaking,
  listImagesRoute,
  removeImageRoute,
  restoreImageRoute,
  serveMediaRoute,
  serveOldImageRoute,
  serveOldPathRoute,
  updateImageRoute,
} from './contract.ts';
import { galleryRoutes, rowsOf } from './gallery-routes.ts';
import type { LocalPicture, Media } from './media.ts';
import { imageResource, publicCopyResource, uploadResource } from './resources.ts';
import { serveMedia, serveOldImage, serveOldPath } from './serve.ts';
import { findImages, type ImagesTable, setImageTrashed, updateImage } from './store.ts';
import { storeRoutes } from './store-routes.ts';

const UPLOAD_FIELD = 'file';
/** Room for the other, ignored parts of a form. */
const MAX_FORM_FIELDS = 20;
const MAX_FIELD_BYTES = 10_000;
/** What a form adds around the file, at most; a longer request is refused before it is read. */
const FORM_OVERHEAD_BYTES = 64 * 1024;
/** How much of a refused request is read to its end. */
const DRAIN_BYTES = 64 * 1024 * 1024;

export interface MediaRoutesOptions {
  db: Db;
  clock: Clock;
  media: Media;
  /** The request behind a picture; null when it is gone. Tasks rank above pictures, so they are asked through this. */
  makingOf(taskId: string, accountId: string, baseUrl: string): Promise<ImageMaking | null>;
}

/** All routes of the slice. */
export function mediaRoutes({ db, clock, media, makingOf }: MediaRoutesOptions): BoundRoute[] {
  const show = (row: ImagesTable | undefined, baseUrl: string) => {
    if (!row) throw noSuchPicture();
    return { status: 200 as const, body: imageResource(row, media.urls, baseUrl) };
  };
  const setTrashed = async (id: string, accountId: string, trashed: boolean) => {
    const row = await db.write(setImageTrashed, { id, accountId, now: clock.now(), trashed });
    if (row) db.signal('events');
    return row;
  };
  return [
    bindRoute(createUploadRoute, async ({ raw, access, baseUrl }) => {
      const spooled = await readUpload(raw, media);
      const row = await media
        .createUpload(access.accountId, spooled)
        .finally(() => media.discard(spooled.path));
      return { status: 201 as const, body: uploadResource(row, media.urls, baseUrl) };
    }),
    bindRoute(listImagesRoute, async ({ query, access, baseUrl }) => {
      const { cursor, task_id, limit, ...filter } = query;
      const rows = await findImages(db.slow, {
        ...filter,
        accountId: access.accountId,
        taskId: task_id,
        afterId: cursor,
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const next_cursor = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
      return {
        status: 200 as const,
        body: { data: page.map((row) => imageResource(row, media.urls, baseUrl)), next_cursor },
      };
    }),
    bindRoute(getImageRoute, async ({ params, access, baseUrl }) => {
      const [row] = await rowsOf(db, media, access.accountId, [params.id], baseUrl);
      if (!row) throw noSuchPicture();
      const making = row.task_id === null ? null : await makingOf(row.task_id, access.accountId, baseUrl);
      return { status: 200 as const, body: { ...row, making } };
    }),
    bindRoute(updateImageRoute, async ({ params, body, access, baseUrl }) => {
      const { favourite, tags } = body;
      const row = await db.write(updateImage, {
        id: params.id,
        accountId: access.accountId,
        now: clock.now(),
        ...(favourite === undefined ? {} : { favourite }),
        ...(tags === undefined ? {} : { tags }),
      });
      if (row) db.signal('events');
      return show(row, baseUrl);
    }),
    bindRoute(removeImageRoute, async ({ params, access, baseUrl }) => {
      const row = await setTrashed(params.id, access.accountId, true);
      const { status, body } = show(row, baseUrl);
      const keys = row ? [row.file_key, row.thumb_key].filter((key) => key !== null) : [];
      const copies = await media.publicCopies(keys);
      return { status, body: { ...body, public_copies: copies.map(publicCopyResource) } };
    }),
    bindRoute(restoreImageRoute, async ({ params, access, baseUrl }) =>
      show(await setTrashed(params.id, access.accountId, false), baseUrl),
    ),
    ...galleryRoutes({ db, media }),
    bindRoute(serveMediaRoute, serveMedia(media, db.read)),
    bindRoute(serveOldPathRoute, serveOldPath(media, db.read)),
    bindRoute(serveOldImageRoute, serveOldImage(media, db.read)),
    ...storeRoutes({ db, media }),
  ];
}

function noSuchPicture(): AppError {
  return new AppError('not_found', { detail: 'There is no such picture.' });
}

/**
 * Reads a form with exactly one file in the field `file` to a private local file. Other fields are ignored.
 * Throws `unsupported_media_type` (not a form), `validation_failed` (no file, several, another field), `payload_too_large`.
 */
export async function readUpload(request: FastifyRequest, media: Media): Promise<LocalPicture> {
  if (!request.isMultipart()) {
    throw new AppError('unsupported_media_type', {
      detail: `Send the picture as multipart/form-data in the field "${UPLOAD_FIELD}".`,
    });
  }
  if (Number(request.headers['content-length'] ?? 0) > media.uploadBytes + FORM_OVERHEAD_BYTES) {
    await drain(request.raw);
    throw new AppError('payload_too_large', { detail: tooLargeDetail(media.uploadBytes) });
  }
  let spooled: LocalPicture | null = null;
  let current: MultipartFile | null = null;
  try {
    // One byte more than allowed reaches the store, whose own cap then says so; the parser's would cut the file silently.
    const limits = {
      fileSize: media.uploadBytes + 1,
      files: 2,
      fields: MAX_FORM_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
    };
    for await (const part of request.parts({ limits })) {
      if (part.type !== 'file') continue;
      current = part;
      if (spooled) throw invalidForm('Send one file at a time.');
      if (part.fieldname !== UPLOAD_FIELD) {
        throw invalidForm(
          `The file came in the field "${part.fieldname.slice(0, 64)}"; it belongs in "${UPLOAD_FIELD}".`,
        );
      }
      spooled = await media.spool(part.file, media.uploadBytes);
    }
    if (spooled) return spooled;
  } catch (error) {
    current?.file.resume();
    if (spooled) await media.discard(spooled.path);
    await drain(request.raw);
    throw error;
  }
  throw invalidForm(`There is no file in the field "${UPLOAD_FIELD}".`);
}

/**
 * Reads the rest of a refused request, up to a limit: an answer on a connection with unread bytes is followed by a reset, and
 * the client would see a broken connection instead of what is wrong.
 */
async function drain(request: IncomingMessage): Promise<void> {
  let bytes = 0;
  request.unpipe();
  await new Promise<void>((resolve) => {
    if (request.readableEnded || request.destroyed) return resolve();
    request.once('end', resolve).once('close', resolve);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > DRAIN_BYTES) resolve();
    });
    request.resume();
  });
}

function invalidForm(detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer: `/${UPLOAD_FIELD}`, detail }] });
}

function tooLargeDetail(maxBytes: number): string {
  return `The file is larger than the ${Math.floor(maxBytes / 1024 / 1024)} MB that are allowed.`;
}
