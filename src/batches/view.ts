// Batches and their items as answers show them. Every count and sum is the database's own, in one read for any number of items.
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { Language } from '../kernel/errors.ts';
import { findImagesOfTasks, type Media } from '../media/media.ts';
import {
  type BatchTotals,
  openLanesOf,
  showError,
  statusOf,
  type TaskParams,
  type TaskRow,
  type Tasks,
  totalsOfBatches,
} from '../tasks/tasks.ts';
import type { BatchBody, BatchCellsBody, BatchItemBody } from './contract.ts';
import type { BatchRow } from './store.ts';

const MICROS_PER_CREDIT = 1_000_000;

export interface BatchView {
  baseUrl: string;
  language: Language;
}

const NO_TOTALS: BatchTotals = { byStatus: {}, heldMicros: 0, capturedMicros: 0, releasedMicros: 0 };
const timestampOrNull = (ms: number | null) => (ms === null ? null : toTimestamp(ms));

export function countsOf(batch: BatchRow, { byStatus }: BatchTotals): BatchBody['counts'] {
  return {
    total: batch.items,
    queued: (byStatus.queued ?? 0) + (byStatus.delayed ?? 0),
    running: byStatus.running ?? 0,
    succeeded: byStatus.succeeded ?? 0,
    failed: byStatus.failed ?? 0,
    cancelled: byStatus.cancelled ?? 0,
  };
}

/** Counts as a grid's own letters say them, so that both are of the same moment. */
export function countLetters(batch: BatchRow, states: string): BatchCellsBody['counts'] {
  const counts = { q: 0, r: 0, s: 0, f: 0, c: 0 };
  for (const letter of states) counts[letter as keyof typeof counts] += 1;
  const { q: queued, r: running, s: succeeded, f: failed, c: cancelled } = counts;
  return { total: batch.items, queued, running, succeeded, failed, cancelled };
}

/** Many batches with three reads. */
export async function viewBatches(
  { db, tasks }: { db: Db; tasks: Tasks },
  rows: readonly BatchRow[],
  view: BatchView,
): Promise<BatchBody[]> {
  const going = rows.filter(({ status }) => status === 'running').map(({ id }) => id);
  const [totals, etas] = await Promise.all([
    totalsOfBatches(
      db.slow,
      rows.map(({ id }) => id),
    ),
    etasOf({ db, tasks }, going),
  ]);
  return rows.map((row) => batchBody(row, totals.get(row.id) ?? NO_TOTALS, etas.get(row.id) ?? null, view));
}

function batchBody(
  row: BatchRow,
  totals: BatchTotals,
  etaMs: number | null,
  { baseUrl }: BatchView,
): BatchBody {
  const self = `${baseUrl}/v1/batches/${row.id}`;
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    source: row.source,
    counts: countsOf(row, totals),
    pictures: row.pictures,
    skipped: row.skipped,
    cost: {
      held: totals.heldMicros / MICROS_PER_CREDIT,
      captured: totals.capturedMicros / MICROS_PER_CREDIT,
      released: totals.releasedMicros / MICROS_PER_CREDIT,
    },
    eta_s: etaMs === null ? null : Math.round(etaMs / 1000),
    budget_credits: row.budget_micros === null ? null : row.budget_micros / MICROS_PER_CREDIT,
    file_pattern: row.file_pattern,
    version: row.version,
    created_at: toTimestamp(row.created_at),
    finished_at: timestampOrNull(row.finished_at),
    urls: {
      get: self,
      items: `${self}/items`,
      cells: `${self}/cells`,
      archive: `${self}/archive.zip`,
      manifest: `${self}/manifest.jsonl`,
      csv: `${self}/results.csv`,
      web: `${baseUrl}/batches/${row.id}`,
    },
  };
}

/** Milliseconds until each batch is done, as if it had all that batches may have of its providers; its slowest one counts. */
async function etasOf(
  { db, tasks }: { db: Db; tasks: Tasks },
  batchIds: readonly string[],
): Promise<Map<string, number>> {
  const etas = new Map<string, number>();
  const book = batchIds.length === 0 ? null : tasks.durations.peek();
  if (book === null) return etas;
  const msByLane = new Map<string, number>();
  const open = await openLanesOf(db.slow, batchIds);
  const places = await tasks.batchWork.placesOf(open.map(({ lane }) => lane));
  for (const { batchId, lane, providerModel, count } of open) {
    const work = { lane, providerModel, count, ahead: 0, places: places.get(lane) };
    const ms = tasks.batchWork.timeFor(book, work);
    if (ms === null) continue;
    const key = `${batchId} ${lane}`;
    msByLane.set(key, (msByLane.get(key) ?? 0) + ms);
    etas.set(batchId, Math.max(etas.get(batchId) ?? 0, msByLane.get(key) ?? 0));
  }
  return etas;
}

/** A page of items with one read of their pictures. */
export async function viewItems(
  { db, tasks, media }: { db: Db; tasks: Tasks; media: Media },
  rows: readonly TaskRow[],
  view: BatchView,
): Promise<BatchItemBody[]> {
  const shown = rows.filter(({ version }) => version > 1).map(({ id }) => id);
  const [images, waiting] = await Promise.all([
    findImagesOfTasks(db.read, shown),
    tasks.waitingOf(view, rows),
  ]);
  const byTask = Map.groupBy(images, (image) => image.task_id ?? '');
  return rows.map((row) => {
    const params = JSON.parse(row.params) as TaskParams;
    return {
      position: row.batch_position ?? 0,
      row: params.batch?.row ?? null,
      task_id: row.id,
      tries: params.batch?.tries ?? 1,
      status: statusOf(row),
      progress: row.progress,
      waiting_reason: waiting.get(row.id)?.spoken ?? null,
      waiting: waiting.get(row.id)?.remark ?? null,
      prompt: row.prompt,
      model: row.model,
      provider: row.lane,
      size: `${params.width}x${params.height}`,
      seed: params.seed,
      style: params.style ? { id: params.style.id, name: params.style.names[view.language] } : null,
      n: row.pictures,
      images: (byTask.get(row.id) ?? []).map((image) => media.taskImage(image, view.baseUrl)),
      error: row.error === null ? null : showError(row.error, view.language),
      cost: {
        held: row.finished_at === null ? row.held_micros / MICROS_PER_CREDIT : 0,
        captured: row.captured_micros / MICROS_PER_CREDIT,
      },
      fields: JSON.parse(row.metadata) as Record<string, unknown>,
      version: row.version,
      finished_at: timestampOrNull(row.finished_at),
    };
  });
}
