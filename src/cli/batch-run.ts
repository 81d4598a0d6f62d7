// `drawbridge batch run`: from a file to a folder of pictures. The folder remembers its batch before the server is asked, so
// that the same command after any interruption goes on with the same batch and fetches only what is not there yet.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Command } from 'commander';
import { sleep, systemClock } from '../kernel/clock.ts';
import { fieldReason } from '../kernel/field-reasons.ts';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { watchInterrupt } from './interrupt.ts';
import { ProgressBar } from './progress-bar.ts';
import { wantsJson, withClient } from './run-command.ts';
import { type Batch, type BatchCheck, type BatchItems, creditText } from './wire.ts';

const POLL_MS = 1_000;
/** A server that restarts is waited for so long. */
const PATIENCE_MS = 10 * 60_000;
const RETRY_MS = 2_000;
const PAGE = 200;
/** New pictures that are fetched together while the batch runs. */
const FETCH_STEP = 50;
/** In the folder of the pictures: which batch they belong to. */
const MEMORY_FILE = '.drawbridge-batch.json';

interface RunOptions {
  output?: string;
  dryRun?: boolean;
  budget?: string;
  model?: string;
  size?: string;
  aspectRatio?: string;
  style?: string;
  pattern?: string;
  account?: string;
}

interface Memory {
  request: string;
  key: string;
  batchId: string | null;
}

interface Run {
  context: CommandContext;
  client: Client;
  folder: string;
  json: boolean;
  interrupt: AbortSignal;
}

export function addBatchRun(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { batch: text, help } = context.messages;
  const command = group
    .command('run')
    .description(text.run)
    .argument('<file>', text.file)
    .option('-o, --output <folder>', text.output)
    .option('--dry-run', text.dryRun)
    .option('--budget <credits>', text.budget)
    .option('-m, --model <name>', text.model)
    .option('-s, --size <pixels>', text.size)
    .option('-a, --aspect-ratio <ratio>', text.aspectRatio)
    .option('--style <style>', text.style)
    .option('--pattern <pattern>', text.pattern)
    .option('--account <id>', help.account)
    .action(async (file: string, options: RunOptions) => {
      const body = await requestOf(context, file, options);
      const folder = options.output ?? basename(file, extname(file));
      const interrupt = watchInterrupt(context);
      await withClient(
        context,
        command,
        parts,
        { account: options.account, engine: true, mayBegin: true },
        async (client) => {
          const run: Run = { context, client, folder, json: wantsJson(command), interrupt };
          if (options.dryRun) return check(run, body);
          await runBatch(run, body);
        },
      );
    });
  addExamples(command, context, [
    ['drawbridge batch run prompts.csv --dry-run', ''],
    ['drawbridge batch run prompts.csv -o pictures/ --budget 50', ''],
    ['drawbridge batch run pictures/manifest.jsonl', ''],
  ]);
}

async function requestOf(
  context: CommandContext,
  file: string,
  options: RunOptions,
): Promise<Record<string, unknown>> {
  const { problem } = context.messages;
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw usageFailure(problem.usageTitle, problem.fileUnreadable(file, error.code ?? ''), problem.fileFix);
  });
  const budget = options.budget === undefined ? undefined : Number(options.budget);
  if (budget !== undefined && !(budget >= 0))
    throw usageFailure(problem.usageTitle, problem.notNumber('--budget', options.budget ?? ''));
  const { model, size, aspectRatio: aspect_ratio, style } = options;
  const given = Object.entries({ model, size, aspect_ratio, style }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    file: { name: basename(file), b64: bytes.toString('base64') },
    ...(given.length === 0 ? {} : { defaults: Object.fromEntries(given) }),
    ...(budget === undefined ? {} : { budget_credits: budget }),
    ...(options.pattern === undefined ? {} : { file_pattern: options.pattern }),
  };
}

async function check({ context, client, json }: Run, body: Record<string, unknown>): Promise<void> {
  const { terminal, messages } = context;
  const { batch: text } = messages;
  const found = await client.json<BatchCheck>('POST', '/v1/batches', { body: { ...body, dry_run: true } });
  context.exitCode = found.valid ? EXIT.ok : EXIT.usage;
  if (json) return terminal.json(found);
  for (const { row, field, detail } of found.errors)
    terminal.print(text.rowWrong(row, field ?? '', fieldReason(detail, context.language)));
  for (const { title, detail, fix } of found.problems) terminal.problem({ title, detail, fix });
  if (found.skipped > 0) terminal.note(text.skipped(found.skipped));
  const eta = found.eta_s === null ? '' : duration(found.eta_s);
  terminal.print(text.checked(found.items, found.pictures, creditText(found.cost_credits), eta));
}

/** `1:02:03`, in hours, minutes and seconds. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

async function runBatch(run: Run, body: Record<string, unknown>): Promise<void> {
  const { context, client, json, interrupt } = run;
  const { terminal, messages } = context;
  const { batch: text } = messages;
  const batch = await openBatch(run, body);
  const bar = new ProgressBar(terminal.err);
  let current = batch;
  let saved = 0;
  let fetchedAt = 0;
  try {
    for (;;) {
      current = await withPatience(interrupt, () => client.json<Batch>('GET', `/v1/batches/${batch.id}`));
      const { total, succeeded, failed, cancelled } = current.counts;
      const done = succeeded + failed + cancelled;
      bar.show(total === 0 ? 1 : done / total, text.progress(done, total, failed));
      // What is finished is on disk before the batch is, so that an interruption loses nothing.
      const isLast = current.status === 'finished';
      if (isLast || succeeded >= fetchedAt + FETCH_STEP) {
        saved = await savePictures(run, batch, isLast);
        fetchedAt = succeeded;
      }
      if (current.status === 'finished' || interrupt.aborted) break;
      await sleep(systemClock, POLL_MS, interrupt).catch(() => {});
    }
  } finally {
    await bar.stop();
  }
  if (json) terminal.json({ batch: current, folder: run.folder, saved });
  else terminal.print(text.saved(saved, run.folder));
  if (current.status !== 'finished') {
    terminal.note(text.left(batch.id));
    context.exitCode = EXIT.interrupted;
  } else if (current.counts.failed + current.counts.cancelled > 0) {
    terminal.note(text.someFailed(current.counts.failed, batch.id));
    context.exitCode = EXIT.partial;
  }
}

/** The batch of this folder, or a new one. The key is on disk before the server is asked: nothing is made twice. */
async function openBatch(
  { context, client, folder, interrupt }: Run,
  body: Record<string, unknown>,
): Promise<Batch> {
  const { terminal, messages } = context;
  const request = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const memory = await readMemory(folder);
  if (memory && memory.request !== request) {
    const { otherFile, otherFileFix } = messages.batch;
    throw usageFailure(messages.problem.usageTitle, otherFile(folder), otherFileFix);
  }
  if (memory?.batchId) {
    terminal.note(messages.batch.goesOn(memory.batchId));
    return withPatience(interrupt, () => client.json<Batch>('GET', `/v1/batches/${memory.batchId}`));
  }
  const key = memory?.key ?? randomUUID();
  if (!memory) {
    // A file with wrong rows leaves no folder behind.
    const found = await client.json<BatchCheck>('POST', '/v1/batches', { body: { ...body, dry_run: true } });
    if (found.errors.length > 0)
      for (const { row, field, detail } of found.errors)
        terminal.note(messages.batch.rowWrong(row, field ?? '', fieldReason(detail, context.language)));
    if (found.valid) await writeMemory(folder, { request, key, batchId: null });
  }
  const headers = { 'idempotency-key': key };
  const batch = await withPatience(interrupt, () =>
    client.json<Batch>('POST', '/v1/batches', { body, headers }),
  );
  await writeMemory(folder, { request, key, batchId: batch.id });
  terminal.note(messages.batch.accepted(batch.id, batch.urls.web));
  return batch;
}

async function readMemory(folder: string): Promise<Memory | null> {
  const text = await readFile(join(folder, MEMORY_FILE), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Memory);
}

async function writeMemory(folder: string, memory: Memory): Promise<void> {
  await mkdir(folder, { recursive: true });
  await replaceFile(join(folder, MEMORY_FILE), JSON.stringify(memory));
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

/** Fetches finished pictures that are not in the folder yet, and with `isLast` the manifest; returns how many are there. */
async function savePictures(
  { client, folder, interrupt }: Run,
  batch: Batch,
  isLast: boolean,
): Promise<number> {
  let there = 0;
  for (let cursor: string | undefined = '0'; cursor !== undefined && !interrupt.aborted; ) {
    const query: Record<string, string | number> = { status: 'succeeded', limit: PAGE, cursor };
    const page = await withPatience(interrupt, () =>
      client.json<BatchItems>('GET', `/v1/batches/${batch.id}/items`, { query }),
    );
    for (const item of page.data) {
      const kept = item.images.filter((image) => !image.extra && !image.trashed);
      for (const [index, image] of kept.entries()) {
        if (interrupt.aborted) return there;
        const place = String(item.position + 1).padStart(String(batch.counts.total).length, '0');
        const suffix = kept.length > 1 ? `-${index + 1}` : '';
        const path = join(folder, `${place}${suffix}${extname(new URL(image.url).pathname)}`);
        const found = await stat(path).catch(() => null);
        if (found?.size !== image.bytes) {
          const { bytes } = await withPatience(interrupt, () =>
            client.call('GET', routeOf(batch, image.url)),
          );
          await replaceFile(path, bytes);
        }
        there += 1;
      }
    }
    cursor = page.next_cursor ?? undefined;
  }
  if (isLast) {
    const { bytes } = await client.call('GET', `/v1/batches/${batch.id}/manifest.jsonl`);
    await replaceFile(join(folder, 'manifest.jsonl'), bytes);
  }
  return there;
}

/** Every URL of this server starts with what the batch's own URL starts with. */
function routeOf(batch: Batch, url: string): string {
  const base = batch.urls.get.slice(0, -`/v1/batches/${batch.id}`.length);
  return url.startsWith(base) ? url.slice(base.length) : new URL(url).pathname;
}

/** Repeats a call while the server cannot be reached. */
async function withPatience<Result>(interrupt: AbortSignal, call: () => Promise<Result>): Promise<Result> {
  const startedAt = systemClock.monotonicMs();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.problem.code === 'unreachable';
      const isOver = systemClock.monotonicMs() - startedAt > PATIENCE_MS;
      if (!isAway || isOver || interrupt.aborted) throw error;
      await sleep(systemClock, RETRY_MS, interrupt).catch(() => {});
    }
  }
}
