// The Batch room's calls: batches, their items, the states of a whole grid, the dry run, and files to save.
import { infiniteQueryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type {
  BatchBody,
  BatchCellsBody,
  BatchCheckBody,
  BatchItemBody,
  createBatchBody,
} from '../../../src/batches/contract.ts';
import { apiUrl, call } from '../api/client.ts';
import { otherServer } from '../settings/api-address.ts';

export type Batch = BatchBody;
export type BatchCells = BatchCellsBody;
export type BatchCheck = BatchCheckBody;
export type BatchItem = BatchItemBody;
export type BatchCounts = BatchBody['counts'];
export type BatchRequest = z.input<typeof createBatchBody>;
export type BatchAction = 'pause' | 'resume' | 'cancel';
export type BatchFile = 'archive' | 'csv' | 'manifest';

const PAGE_SIZE = 20;
const FILE_PATHS: Record<BatchFile, string> = {
  archive: 'archive.zip',
  csv: 'results.csv',
  manifest: 'manifest.jsonl',
};

interface Page<Row> {
  data: readonly Row[];
  next_cursor: string | null;
}

const pathOf = (id: string, rest = '') => `v1/batches/${encodeURIComponent(id)}${rest}`;

export const batchesQuery = infiniteQueryOptions({
  queryKey: ['batches'],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({
      limit: String(PAGE_SIZE),
      ...(pageParam ? { cursor: pageParam } : {}),
    });
    return call<Page<Batch>>('GET', `v1/batches?${query}`, { signal });
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

/** Checks every row and counts the price; makes nothing. */
export function checkBatch(request: BatchRequest, signal: AbortSignal): Promise<BatchCheck> {
  return call<BatchCheck>('POST', 'v1/batches', { body: { ...request, dry_run: true }, signal });
}

export function createBatch(request: BatchRequest, idempotencyKey: string): Promise<Batch> {
  return call<Batch>('POST', 'v1/batches', { body: request, idempotencyKey });
}

export function readBatch(id: string, signal: AbortSignal): Promise<Batch> {
  return call<Batch>('GET', pathOf(id), { signal });
}

/** All states, or what changed since a version. */
export function readCells(id: string, since: string | null, signal: AbortSignal): Promise<BatchCells> {
  const query = since === null ? '' : `?${new URLSearchParams({ since })}`;
  return call<BatchCells>('GET', pathOf(id, `/cells${query}`), { signal });
}

/** Items from a position on, `status` alone where it is given. */
export function readItems(
  id: string,
  from: { position: number; limit: number; status?: string | undefined },
  signal: AbortSignal,
): Promise<Page<BatchItem>> {
  const query = new URLSearchParams({
    limit: String(from.limit),
    cursor: String(from.position),
    ...(from.status === undefined ? {} : { status: from.status }),
  });
  return call<Page<BatchItem>>('GET', pathOf(id, `/items?${query}`), { signal });
}

export function actOnBatch(id: string, action: BatchAction): Promise<Batch> {
  return call<Batch>('POST', pathOf(id, `/${action}`));
}

export function retryFailed(id: string, withCancelled: boolean): Promise<Batch> {
  return call<Batch>('POST', pathOf(id, '/retry-failed'), { body: { cancelled: withCancelled } });
}

export function retryItems(id: string, positions: readonly number[]): Promise<Batch> {
  return call<Batch>('POST', pathOf(id, '/retry'), { body: { positions } });
}

/** Lets the browser save a file of the batch; another server is given a ticket, since a link carries no key. */
export async function saveBatchFile(id: string, file: BatchFile): Promise<void> {
  const url = new URL(apiUrl(pathOf(id, `/${FILE_PATHS[file]}`)));
  if (otherServer())
    url.searchParams.set('ticket', (await call<{ ticket: string }>('POST', 'v1/stream-tickets')).ticket);
  const link = document.createElement('a');
  link.href = url.href;
  link.download = '';
  link.click();
}
