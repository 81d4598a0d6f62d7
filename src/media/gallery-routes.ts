// Binds the contracts of the gallery.
import { Readable } from 'node:stream';
import { createGzip, constants as zlib } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import type { GalleryOperationsTable } from './gallery-action-store.ts';
import { canUndo } from './gallery-actions.ts';
import {
  actOnGalleryRoute,
  countNewInGalleryRoute,
  type GalleryOperation,
  type GalleryQuery,
  type GalleryRow,
  getGalleryActionRoute,
  getGalleryFacetsRoute,
  getGalleryIndexRoute,
  getGalleryWindowRoute,
  repairImageRoute,
  undoGalleryActionRoute,
} from './gallery-contract.ts';
import { facetsOf } from './gallery-facets.ts';
import { variantsOf, type WindowRow, windowRows } from './gallery-store.ts';
import type { Media } from './media.ts';
import { imageResource } from './resources.ts';

const INDEX_TYPE = 'application/octet-stream';
const MOST_STACKED = 8;

/** Whether the client takes gzip: named without q=0, or everything is taken. */
function takesGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((part) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(part));
}

/** If-None-Match, compared weakly as RFC 9110 says for GET. */
function isKnown(header: string | undefined, etag: string): boolean {
  return (
    header !== undefined && (header.trim() === '*' || header.split(',').some((tag) => tag.trim() === etag))
  );
}

/** All routes of the gallery. */
export function galleryRoutes({ db, media }: { db: Db; media: Media }): BoundRoute[] {
  const { gallery, galleryActions } = media;
  return [
    bindRoute(getGalleryIndexRoute, async ({ query, access, headers }, reply) => {
      const { utc_offset: utcOffsetMin, ...filter } = query;
      const isZipped = takesGzip(headers['accept-encoding']);
      reply.headers({
        'content-type': INDEX_TYPE,
        // The browser keeps it and asks each time.
        'cache-control': 'private, no-cache',
        vary: 'accept-encoding, authorization, cookie',
        ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
      });
      const known = headers['if-none-match'];
      const cold = known === undefined ? gallery.coldIndex(access.accountId, filter, utcOffsetMin) : null;
      if (cold) return sendStream(reply, cold, isZipped);
      const body = await gallery.index(access.accountId, filter, utcOffsetMin);
      reply.header('etag', body.etag);
      if (isKnown(known, body.etag)) {
        reply.code(304).removeHeader('content-type').removeHeader('content-encoding').send();
        return 'handled';
      }
      reply.send(isZipped ? await body.gzipped() : body.bytes);
      return 'handled';
    }),
    bindRoute(getGalleryWindowRoute, async ({ query, access, baseUrl }) => {
      const { anchor, offset, limit, ...filter } = query;
      const ids = await gallery.window(access.accountId, filter, { anchor, offset, limit });
      return {
        status: 200 as const,
        body: { data: await rowsOf(db, media, access.accountId, ids, baseUrl) },
      };
    }),
    bindRoute(getGalleryFacetsRoute, async ({ query, access }) => {
      const { utc_offset: utcOffsetMin, ...filter } = query;
      return {
        status: 200 as const,
        body: await facetsOf(gallery, db, access.accountId, filter, utcOffsetMin),
      };
    }),
    bindRoute(countNewInGalleryRoute, async ({ query: { since, ...filter }, access }) => {
      const { count, newestId } = await gallery.countNew(
        access.accountId,
        filter satisfies GalleryQuery,
        since,
      );
      return { status: 200 as const, body: { count, newest_id: newestId } };
    }),
    bindRoute(actOnGalleryRoute, async ({ body, access }) => ({
      status: 200 as const,
      body: operationResource(await galleryActions.act(access.accountId, body)),
    })),
    bindRoute(getGalleryActionRoute, async ({ params, access }) => ({
      status: 200 as const,
      body: operationResource(await galleryActions.get(access.accountId, params.id)),
    })),
    bindRoute(undoGalleryActionRoute, async ({ params, access }) => ({
      status: 200 as const,
      body: operationResource(await galleryActions.undo(access.accountId, params.id)),
    })),
    bindRoute(repairImageRoute, async ({ params, access }) => ({
      status: 200 as const,
      body: { outcome: await media.repair(params.id, access.accountId) },
    })),
  ];
}

function sendStream(reply: FastifyReply, blocks: AsyncGenerator<Uint8Array>, isZipped: boolean): 'handled' {
  const source = Readable.from(blocks, { objectMode: false });
  if (!isZipped) {
    reply.send(source);
    return 'handled';
  }
  // Each block is of use by itself, so it must not wait inside the compressor for the next.
  const zipped = createGzip({ level: 1, flush: zlib.Z_SYNC_FLUSH });
  source.on('error', (error) => zipped.destroy(error));
  zipped.on('close', () => source.destroy());
  reply.send(source.pipe(zipped));
  return 'handled';
}

/** These pictures as the gallery shows them, in this order; those that are not the account's are left out. */
export async function rowsOf(
  db: Db,
  media: Media,
  accountId: string,
  ids: readonly string[],
  baseUrl: string,
): Promise<GalleryRow[]> {
  const [rows, variants] = await Promise.all([
    windowRows(db.slow, accountId, ids),
    variantsOf(db.slow, accountId, ids),
  ]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const stacks = Map.groupBy(variants, ({ parent_id }) => parent_id);
  return ids.flatMap((id) => {
    const row = byId.get(id);
    if (!row) return [];
    return [rowResource(row, stacks.get(id)?.map((variant) => variant.id) ?? [], media, baseUrl)];
  });
}

function rowResource(row: WindowRow, variants: readonly string[], media: Media, baseUrl: string): GalleryRow {
  const { damaged_at: damagedAt } = row;
  return {
    ...imageResource(row, media.urls, baseUrl),
    origin: row.origin,
    stack: variants.length === 0 ? null : { count: variants.length, ids: variants.slice(0, MOST_STACKED) },
    damage:
      damagedAt === null
        ? null
        : { found_at: toTimestamp(damagedAt), repair: media.hasReplica ? 'possible' : 'none' },
  };
}

function operationResource(row: GalleryOperationsTable): GalleryOperation {
  return {
    id: row.id,
    action: row.action,
    tag: row.tag,
    state: row.state === 'done' ? 'done' : 'running',
    selected: row.selected,
    touched: row.touched,
    undo_of: row.undo_of,
    can_undo: canUndo(row),
    created_at: toTimestamp(row.created_at),
    finished_at: row.finished_at === null ? null : toTimestamp(row.finished_at),
  };
}
