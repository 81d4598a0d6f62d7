// The ZIP of a batch, written while it is read: one picture is open at a time, and nothing of it is ever held in memory. A
// picture that cannot be read is left out and said so in the manifest; the archive is still whole.
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { Reader } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { findImagesOfTasks, type ImagesTable, type Media } from '../media/media.ts';
import { listBatchItems, type TaskRow } from '../tasks/tasks.ts';
import { FileNames } from './file-names.ts';
import { csvHeader, csvLine, manifestLine, type Result } from './manifest.ts';
import type { BatchRow } from './store.ts';

const ITEMS_A_READ = 200;
/** Items whose further columns become columns of the table. */
const COLUMNS_FROM = 200;
const MOST_EXTRA_COLUMNS = 40;

interface ArchiveContext {
  reader: Reader;
  media: Media;
}

interface ItemPictures {
  task: TaskRow;
  pictures: { image: ImagesTable; name: string }[];
}

/** Every item in order with its pictures and their names. */
async function* eachItem(
  { reader }: ArchiveContext,
  batch: BatchRow,
  pattern: string,
): AsyncGenerator<ItemPictures> {
  const names = new FileNames(pattern);
  for (let from = 0; ; ) {
    const tasks = await listBatchItems(reader, { batchId: batch.id, from, limit: ITEMS_A_READ });
    const done = tasks.filter(({ status }) => status === 'succeeded' || status === 'failed');
    const images = await findImagesOfTasks(
      reader,
      done.map(({ id }) => id),
    );
    const byTask = Map.groupBy(
      images.filter((image) => image.extra === 0 && image.trashed_at === null),
      (image) => image.task_id ?? '',
    );
    for (const task of tasks) {
      const own = byTask.get(task.id) ?? [];
      const fields = JSON.parse(task.metadata) as Record<string, unknown>;
      const item = { position: task.batch_position ?? 0, total: batch.items, task, fields };
      const pictures = own.map((image, index) => {
        const { seed, mime } = image;
        return { image, name: names.next(item, { k: index + 1, count: own.length, seed, mime }) };
      });
      yield { task, pictures };
    }
    if (tasks.length < ITEMS_A_READ) return;
    from = (tasks.at(-1)?.batch_position ?? 0) + 1;
  }
}

/** The manifest as it is now, line by line. */
export async function* manifestLines(
  context: ArchiveContext,
  batch: BatchRow,
  pattern: string,
): AsyncGenerator<string> {
  for await (const { task, pictures } of eachItem(context, batch, pattern))
    yield manifestLine({ task, files: pictures.map(({ name }) => name) });
}

/** The results as a table, line by line. */
export async function* resultLines(
  context: ArchiveContext,
  batch: BatchRow,
  pattern: string,
): AsyncGenerator<string> {
  const extra = await extraColumns(context.reader, batch);
  yield csvHeader(extra);
  for await (const { task, pictures } of eachItem(context, batch, pattern))
    yield csvLine({ task, files: pictures.map(({ name }) => name) }, extra);
}

async function extraColumns(reader: Reader, batch: BatchRow): Promise<string[]> {
  const first = await listBatchItems(reader, { batchId: batch.id, from: 0, limit: COLUMNS_FROM });
  const names = new Set(
    first.flatMap(({ metadata }) => Object.keys(JSON.parse(metadata) as Record<string, unknown>)),
  );
  return [...names].slice(0, MOST_EXTRA_COLUMNS);
}

/**
 * The archive as a stream. It stops reading when the stream is destroyed; an error of the database destroys it, so that a
 * reader never takes half an archive for a whole one.
 */
export function openArchive(context: ArchiveContext, batch: BatchRow, pattern: string): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  fill(context, zip, { batch, pattern }).catch((error: unknown) => {
    output.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return output;
}

async function fill(
  context: ArchiveContext,
  zip: ZipFile,
  { batch, pattern }: { batch: BatchRow; pattern: string },
): Promise<void> {
  const output = zip.outputStream as Readable;
  const extra = await extraColumns(context.reader, batch);
  const manifest: string[] = [];
  const table = [csvHeader(extra)];
  for await (const { task, pictures } of eachItem(context, batch, pattern)) {
    const files: string[] = [];
    for (const { image, name } of pictures) {
      if (output.destroyed) return;
      if (await addPicture(context.media, zip, image, name)) files.push(name);
    }
    const result: Result = { task, files };
    manifest.push(manifestLine(result));
    table.push(csvLine(result, extra));
  }
  const mtime = new Date(batch.finished_at ?? batch.created_at);
  zip.addBuffer(Buffer.from(manifest.join('')), 'manifest.jsonl', { mtime });
  zip.addBuffer(Buffer.from(table.join('')), 'results.csv', { mtime });
  zip.end();
}

/** Resolves when all its bytes have been taken; false when the picture cannot be read. */
async function addPicture(media: Media, zip: ZipFile, image: ImagesTable, name: string): Promise<boolean> {
  const output = zip.outputStream as Readable;
  const file = await media
    .openFile(image.kind, image.file_key, { allowHidden: true })
    .catch((error: unknown) => {
      if (error instanceof AppError) return null;
      throw error;
    });
  if (!file) return false;
  const stop = new AbortController();
  const onClose = () => stop.abort();
  output.once('close', onClose);
  const stream = Readable.from(file.opened.stream());
  try {
    // Pictures are compressed already.
    zip.addReadStream(stream, name, {
      size: file.opened.bytes,
      compress: false,
      mtime: new Date(image.created_at),
    });
    if (!output.destroyed) await once(stream, 'close', { signal: stop.signal });
    return true;
  } catch (error) {
    if (stop.signal.aborted) return false;
    throw error;
  } finally {
    output.off('close', onClose);
    stream.destroy();
    await file.opened.close();
  }
}
