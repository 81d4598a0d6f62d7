// Binds the contracts of the batches slice to its verbs.
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Reader } from '../kernel/db.ts';
import {
  type Access,
  type BoundRoute,
  bindRoute,
  type HandlerRequest,
  type RouteContract,
} from '../kernel/route.ts';
import type { Media } from '../media/media.ts';
import { idempotencyKey, type StoredStatus } from '../tasks/tasks.ts';
import { manifestLines, openArchive, resultLines } from './archive.ts';
import type { Batches, BatchRow } from './batches.ts';
import * as contract from './contract.ts';
import { safePart } from './file-names.ts';

export interface BatchRouteOptions {
  batches: Batches;
  media: Media;
  reader: Reader;
}

type AnyRequest = Pick<HandlerRequest<RouteContract>, 'baseUrl' | 'language'>;
const viewOf = ({ baseUrl, language }: AnyRequest) => ({ baseUrl, language });

export function batchRoutes(options: BatchRouteOptions): BoundRoute[] {
  return [
    ...creationRoutes(options),
    ...actionRoutes(options),
    ...itemRoutes(options),
    ...fileRoutes(options),
  ];
}

/** The one batch that a row becomes. */
async function show(batches: Batches, row: BatchRow, request: AnyRequest) {
  const [body] = await batches.view([row], viewOf(request));
  if (!body) throw new Error('A batch that was read cannot be shown');
  return body;
}

function creationRoutes({ batches }: BatchRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.createBatchRoute, async (request) => {
      const { access, baseUrl, language, disconnected, headers } = request;
      const { dry_run: isDry, ...rest } = request.body;
      const options = {
        access,
        baseUrl,
        language,
        idempotencyKey: idempotencyKey(headers),
        signal: () => disconnected,
      };
      const body = { ...rest, dry_run: false };
      if (isDry) return { status: 200 as const, body: await batches.check(body, options) };
      const { batch, created } = await batches.create(body, options);
      const shown = await show(batches, batch, request);
      return {
        status: 201 as const,
        headers: {
          location: shown.urls.get,
          ...(created === 'replayed' ? { 'idempotent-replayed': 'true' } : {}),
        },
        body: shown,
      };
    }),
    bindRoute(contract.listBatchesRoute, async (request) => {
      const { query, access } = request;
      const rows = await batches.list({
        accountId: access.accountId,
        limit: query.limit + 1,
        ...(query.status ? { status: query.status } : {}),
        ...(query.cursor ? { beforeId: query.cursor } : {}),
      });
      const page = rows.slice(0, query.limit);
      const next = rows.length > page.length ? (page.at(-1)?.id ?? null) : null;
      const data = await batches.view(page, viewOf(request));
      return { status: 200 as const, body: { data, next_cursor: next } };
    }),
    bindRoute(contract.getBatchRoute, async (request) => {
      const row = await batches.get(request.params.id, request.access);
      return { status: 200 as const, body: await show(batches, row, request) };
    }),
  ];
}

function actionRoutes({ batches }: BatchRouteOptions): BoundRoute[] {
  const retry = async (
    request: AnyRequest & { params: { id: string }; access: Access; disconnected: AbortSignal },
    wanted: Parameters<Batches['retry']>[1],
  ) => {
    const { access, disconnected } = request;
    const row = await batches.retry(request.params.id, wanted, { access, signal: () => disconnected });
    return { status: 200 as const, body: await show(batches, row, request) };
  };
  return [
    bindRoute(contract.pauseBatchRoute, async (request) => {
      const row = await batches.pause(request.params.id, request.access);
      return { status: 200 as const, body: await show(batches, row, request) };
    }),
    bindRoute(contract.resumeBatchRoute, async (request) => {
      const row = await batches.resume(request.params.id, request.access);
      return { status: 200 as const, body: await show(batches, row, request) };
    }),
    bindRoute(contract.cancelBatchRoute, async (request) => {
      const row = await batches.cancel(request.params.id, request.access);
      return { status: 200 as const, body: await show(batches, row, request) };
    }),
    bindRoute(contract.retryFailedRoute, (request) => {
      const { cancelled, budget_credits: budgetCredits } = request.body;
      return retry(request, { cancelled, budgetCredits });
    }),
    bindRoute(contract.retryItemsRoute, (request) => {
      const { positions, budget_credits: budgetCredits } = request.body;
      return retry(request, { positions, cancelled: true, budgetCredits });
    }),
  ];
}

function itemRoutes({ batches }: BatchRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.listBatchItemsRoute, async (request) => {
      const { query, access } = request;
      const batch = await batches.get(request.params.id, access);
      const wanted = query.status?.split(',') as StoredStatus[] | undefined;
      const statuses = wanted?.includes('queued') ? [...wanted, 'delayed' as const] : wanted;
      const rows = await batches.listItems({
        batchId: batch.id,
        from: Number(query.cursor ?? 0),
        limit: query.limit + 1,
        ...(statuses ? { statuses } : {}),
        ...(query.q ? { text: query.q } : {}),
      });
      const page = rows.slice(0, query.limit);
      const next = rows[query.limit]?.batch_position ?? null;
      const data = await batches.viewItems(page, viewOf(request));
      return {
        status: 200 as const,
        body: { data, next_cursor: next === null ? null : String(next) },
      };
    }),
    bindRoute(contract.batchCellsRoute, async ({ params, query, access }) => {
      const batch = await batches.get(params.id, access);
      return { status: 200 as const, body: await batches.cells(batch, query.since) };
    }),
  ];
}

/** A file of a batch, sent as it is made; nobody keeps it for another reader. */
function sendFile(
  reply: FastifyReply,
  batch: BatchRow,
  { extension, contentType, stream }: { extension: string; contentType: string; stream: Readable },
): 'handled' {
  const name = safePart(batch.name) || batch.id;
  const encoded = encodeURIComponent(`${name}.${extension}`).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  reply
    .headers({
      'content-type': contentType,
      'content-disposition': `attachment; filename="${batch.id}.${extension}"; filename*=UTF-8''${encoded}`,
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      // A proxy that collects the whole archive first shows no progress and fills its disk.
      'x-accel-buffering': 'no',
    })
    .send(stream);
  return 'handled';
}

function fileRoutes({ batches, media, reader }: BatchRouteOptions): BoundRoute[] {
  const context = { media, reader };
  return [
    bindRoute(contract.batchArchiveRoute, async ({ params, query, access }, reply) => {
      const batch = await batches.get(params.id, access);
      const stream = openArchive(context, batch, query.pattern ?? batch.file_pattern);
      return sendFile(reply, batch, { extension: 'zip', contentType: 'application/zip', stream });
    }),
    bindRoute(contract.batchManifestRoute, async ({ params, query, access }, reply) => {
      const batch = await batches.get(params.id, access);
      const stream = Readable.from(manifestLines(context, batch, query.pattern ?? batch.file_pattern));
      return sendFile(reply, batch, { extension: 'jsonl', contentType: 'application/x-ndjson', stream });
    }),
    bindRoute(contract.batchResultsRoute, async ({ params, access }, reply) => {
      const batch = await batches.get(params.id, access);
      const stream = Readable.from(resultLines(context, batch, batch.file_pattern));
      return sendFile(reply, batch, { extension: 'csv', contentType: 'text/csv; charset=utf-8', stream });
    }),
  ];
}
