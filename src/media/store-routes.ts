// Binds the contracts of stores and direct uploads to the slice.
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { isId } from '../kernel/id.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import {
  completeUploadRoute,
  getStorageRoute,
  listMovesRoute,
  presignUploadRoute,
  retryMovesRoute,
} from './contract.ts';
import type { Media } from './media.ts';
import { countByStore, countMoves, findMoves, type StoreMovesTable } from './move-store.ts';
import { uploadResource } from './resources.ts';

const stamp = (atMs: number | null) => (atMs === null ? null : toTimestamp(atMs));

export function storeRoutes({ db, media }: { db: Db; media: Media }): BoundRoute[] {
  return [
    bindRoute(getStorageRoute, async () => ({ status: 200 as const, body: await storage(db, media) })),
    bindRoute(listMovesRoute, async ({ query }) => {
      const { state = null, cursor = null, limit } = query;
      const rows = await findMoves(db.slow, { state, afterKey: cursor, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const next_cursor = rows.length > limit ? (page.at(-1)?.file_key ?? null) : null;
      return { status: 200 as const, body: { data: page.map(moveResource), next_cursor } };
    }),
    bindRoute(retryMovesRoute, async () => ({
      status: 200 as const,
      body: { retried: await media.mover.retry() },
    })),
    bindRoute(presignUploadRoute, async ({ body, access }) => {
      const wanted = { bytes: body.bytes, mime: body.content_type };
      const { uploadId, url, headers, expiresAt } = await media.directUploads.promise(
        access.accountId,
        wanted,
      );
      const expires_at = toTimestamp(expiresAt);
      return {
        status: 201 as const,
        body: { upload_id: uploadId, method: 'PUT' as const, url, headers, expires_at },
      };
    }),
    bindRoute(completeUploadRoute, async ({ params, access, baseUrl }) => {
      if (!isId('up', params.id)) throw new AppError('not_found', { detail: 'There is no such upload.' });
      const row = await media.directUploads.complete(access.accountId, params.id);
      return { status: 200 as const, body: uploadResource(row, media.urls, baseUrl) };
    }),
  ];
}

/** All stores as configured, and those that only rows still name. */
async function storage(db: Db, media: Media) {
  const [totals, moves, freeBytes] = await Promise.all([
    countByStore(db.slow),
    countMoves(db.slow),
    media.freeBytes().catch(() => null),
  ]);
  const health = media.storeHealth();
  const known = health.map((store) => {
    const { files = 0, bytes = 0, damaged = 0 } = totals.find((total) => total.store === store.name) ?? {};
    return {
      name: store.name,
      kind: store.kind,
      state: store.state,
      is_first: media.order.home?.name === store.name,
      is_public: store.kind === 'imgbb',
      reason: store.reason,
      failed_at: stamp(store.failedAt),
      retry_at: stamp(store.retryAt),
      files,
      bytes,
      damaged,
      free_bytes: store.kind === 'disk' ? freeBytes : null,
    };
  });
  const missing = totals
    .filter(({ store }) => !health.some(({ name }) => name === store))
    .map(({ store, files, bytes, damaged }) => ({
      name: store,
      kind: 's3' as const,
      state: 'missing' as const,
      is_first: false,
      is_public: false,
      reason: 'Files lie there, but no store of this name is configured.',
      failed_at: null,
      retry_at: null,
      files,
      bytes,
      damaged,
      free_bytes: null,
    }));
  return {
    stores: [...known, ...missing],
    moves: {
      waiting: moves.waiting,
      waiting_bytes: moves.waitingBytes,
      failing: moves.failing,
      done: moves.done,
      last_error: moves.lastError,
    },
  };
}

function moveResource(row: StoreMovesTable) {
  return {
    key: row.file_key,
    from: row.from_store,
    to: row.to_store,
    state: row.state,
    bytes: row.bytes,
    tries: row.tries,
    due_at: toTimestamp(row.due_at),
    last_error: row.last_error,
    created_at: toTimestamp(row.created_at),
    ended_at: stamp(row.ended_at),
  };
}
