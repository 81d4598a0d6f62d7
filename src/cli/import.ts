// `drawbridge import`: an older system's pictures under their old names, its tasks, and its people with their balances. Everything
// is compared with what is there before it is sent, so that a run that was cut off goes on where it was.
import { openAsBlob } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { type FoundFile, findPictures, hashFile } from './import-files.ts';
import {
  type Kind,
  type OldRecord,
  type OldTask,
  RecordsError,
  readRecords,
  toOldPerson,
  toOldTask,
} from './import-records.ts';
import { ProgressBar } from './progress-bar.ts';
import { wantsJson, withClient } from './run-command.ts';

const BATCH = 200;
const BYTES_PER_MB = 1024 * 1024;
const LEFT_SHOWN = 20;
const KINDS: readonly string[] = ['original', 'final', 'hd'];
/** What is wrong with one file; every other failure ends the run. */
const FILE_TROUBLE: ReadonlySet<string> = new Set([
  'validation_failed',
  'malformed_request',
  'conflict',
  'image_invalid',
  'payload_too_large',
  'unsupported_media_type',
]);

interface ImportOptions {
  kind?: string;
  tasks?: string;
  balances?: string;
  account?: string;
  dryRun?: boolean;
}

interface ImportReport {
  dry_run: boolean;
  files: { imported: number; linked: number; known: number; bytes: number };
  tasks: { imported: number; known: number };
  accounts: { opened: number; known: number };
  /** What was left out, and why. */
  left: { name: string; reason: string }[];
}

interface Run {
  context: CommandContext;
  client: Client;
  isDryRun: boolean;
  report: ImportReport;
  /** Old ids of the balances: a dry run comes before they have accounts. */
  people: Set<string>;
}

export function addImport(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { import: text } = context.messages;
  const command = program
    .command('import')
    .description(text.summary)
    .argument('[folder]', text.folder)
    .option('--kind <kind>', text.kind)
    .option('--tasks <file>', text.tasks)
    .option('--balances <file>', text.balances)
    .option('--account <id>', text.account)
    .option('--dry-run', text.dryRun)
    .action(async (folder: string | undefined, options: ImportOptions) => {
      const kind = requireKind(context, folder, options);
      const { account } = options;
      const isDryRun = options.dryRun === true;
      const people = await load(context, options.balances);
      const tasks = await load(context, options.tasks);
      await withClient(context, command, parts, { account, mayBegin: true }, async (client) => {
        const report = emptyReport(isDryRun);
        const run: Run = { context, client, isDryRun, report, people: new Set() };
        await importPeople(run, people);
        const known = readTasks(run, tasks, kind);
        if (folder !== undefined) await importFiles(run, resolve(folder), kind, known);
        await importTasks(run, known);
        if (run.report.left.length > 0) context.exitCode = EXIT.partial;
        if (wantsJson(command)) return context.terminal.json(run.report);
        show(run, {
          hasFiles: folder !== undefined,
          hasTasks: !!options.tasks,
          hasPeople: !!options.balances,
        });
      });
    });
  addExamples(command, context, [
    ['drawbridge import --kind final /srv/app/media/final --dry-run', ''],
    ['drawbridge import --kind final /srv/app/media/final --tasks tasks.csv --balances users.csv', ''],
  ]);
}

const emptyReport = (isDryRun: boolean): ImportReport => ({
  dry_run: isDryRun,
  files: { imported: 0, linked: 0, known: 0, bytes: 0 },
  tasks: { imported: 0, known: 0 },
  accounts: { opened: 0, known: 0 },
  left: [],
});

function requireKind(
  { messages }: CommandContext,
  folder: string | undefined,
  { kind, tasks, balances }: ImportOptions,
): Kind {
  const { import: text, problem } = messages;
  if (folder === undefined && tasks === undefined && balances === undefined)
    throw usageFailure(problem.usageTitle, text.nothing, text.nothingFix);
  if ((folder !== undefined || kind !== undefined) && !KINDS.includes(kind ?? ''))
    throw usageFailure(problem.usageTitle, text.noKind, text.noKindFix);
  return (kind ?? 'final') as Kind;
}

async function load({ messages }: CommandContext, path: string | undefined): Promise<OldRecord[]> {
  if (path === undefined) return [];
  const { import: text, problem } = messages;
  try {
    return await readRecords(resolve(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof RecordsError)
      throw usageFailure(problem.usageTitle, text.badRecords(path, reason), text.badRecordsFix);
    throw usageFailure(problem.usageTitle, text.notReadable(path, reason), text.notReadableFix);
  }
}

function* batches<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH);
}

async function importPeople(run: Run, records: readonly OldRecord[]): Promise<void> {
  const { context, client, isDryRun, report } = run;
  const { import: text } = context.messages;
  const people = records.flatMap((record, index) => {
    const person = toOldPerson(record);
    if (typeof person === 'object') return [person];
    report.left.push({ name: `#${index + 1}`, reason: person === 'no_id' ? text.noId : text.badCredits });
    return [];
  });
  run.people = new Set(people.map(({ id }) => id));
  for (const accounts of batches(people)) {
    const { data } = await client.json<{ data: { state: 'opened' | 'known' }[] }>(
      'POST',
      '/v1/admin/import/accounts',
      { body: { accounts, dry_run: isDryRun } },
    );
    for (const { state } of data) report.accounts[state] += 1;
  }
}

function readTasks({ context, report }: Run, records: readonly OldRecord[], kind: Kind): OldTask[] {
  const now = systemClock.now();
  return records.flatMap((record, index) => {
    const task = toOldTask(record, now, kind);
    if (task) return [task];
    report.left.push({ name: `#${index + 1}`, reason: context.messages.import.noId });
    return [];
  });
}

async function importTasks({ client, isDryRun, report }: Run, tasks: readonly OldTask[]): Promise<void> {
  for (const batch of batches(tasks)) {
    const body = {
      dry_run: isDryRun,
      tasks: batch.map(({ id, status, prompt, error, files, createdAt, owner }) => ({
        ...{ id, status, prompt, error, files, created_at: createdAt },
        ...(owner === undefined ? {} : { owner }),
      })),
    };
    const { imported, known } = await client.json<ImportReport['tasks']>('POST', '/v1/admin/import/tasks', {
      body,
    });
    report.tasks.imported += imported;
    report.tasks.known += known;
  }
}

async function importFiles(run: Run, folder: string, kind: Kind, tasks: readonly OldTask[]): Promise<void> {
  const { context, report } = run;
  const { import: text, problem } = context.messages;
  const { found, left } = await findPictures(folder).catch((error: NodeJS.ErrnoException) => {
    const detail = text.notReadable(folder, error.code ?? error.message);
    throw usageFailure(problem.usageTitle, detail, text.notReadableFix);
  });
  for (const { name, why } of left)
    report.left.push({ name, reason: why === 'link' ? text.link : text.notPicture });
  const taskOf = new Map(
    tasks.flatMap((task) =>
      task.files.filter((file) => file.kind === kind).map(({ name }) => [name, task] as const),
    ),
  );
  const bar = new ProgressBar(context.terminal.err);
  const totalBytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  try {
    for (const batch of batches(found)) {
      bar.show(totalBytes === 0 ? null : doneBytes / totalBytes, text.hashing);
      const files = await Promise.all(
        batch.map(async (file) => ({ file, task: taskOf.get(file.name), sha256: await hashFile(file.path) })),
      );
      const states = await check(run, kind, files);
      for (const [index, one] of files.entries()) {
        bar.show(totalBytes === 0 ? null : doneBytes / totalBytes, text.sending);
        await importFile(run, kind, one, states[index]?.state ?? 'new');
        doneBytes += one.file.bytes;
      }
    }
  } finally {
    await bar.stop();
  }
}

interface HashedFile {
  file: FoundFile;
  sha256: string;
  task: OldTask | undefined;
}

type State = 'new' | 'known' | 'taken' | 'bad_name' | 'no_owner';

async function check({ client }: Run, kind: Kind, files: readonly HashedFile[]) {
  const body = {
    kind,
    files: files.map(({ file: { name }, sha256, task }) => ({
      name,
      sha256,
      ...(task?.owner === undefined ? {} : { owner: task.owner }),
    })),
  };
  return (await client.json<{ data: { state: State }[] }>('POST', '/v1/admin/import/check', { body })).data;
}

async function importFile(run: Run, kind: Kind, one: HashedFile, state: State): Promise<void> {
  const { context, client, isDryRun, report } = run;
  const { import: text } = context.messages;
  const { file, sha256, task } = one;
  const leave = (reason: string) => report.left.push({ name: file.name, reason });
  if (state === 'known') report.files.known += 1;
  else if (state === 'taken') leave(text.taken);
  else if (state === 'bad_name') leave(text.badName);
  else if (state === 'no_owner' && !(isDryRun && run.people.has(task?.owner ?? ''))) leave(text.noOwner);
  else if (isDryRun) {
    report.files.imported += 1;
    report.files.bytes += file.bytes;
  } else {
    const form = new FormData();
    const createdAt = task?.createdAt ?? new Date(file.modifiedMs).toISOString();
    const fields = { kind, name: file.name, sha256, created_at: createdAt, ...describe(task) };
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('file', await openAsBlob(file.path), 'picture');
    try {
      const answer = await client.json<{ state: 'imported' | 'linked' | 'known' }>(
        'POST',
        '/v1/admin/import/pictures',
        { form },
      );
      report.files[answer.state] += 1;
      report.files.bytes += file.bytes;
    } catch (error) {
      if (!(error instanceof CommandFailure) || !FILE_TROUBLE.has(error.problem.code ?? '')) throw error;
      leave(error.problem.detail);
    }
  }
}

/** What is known of a picture by its task. */
function describe(task: OldTask | undefined): Record<string, string> {
  if (!task) return {};
  const { prompt, mode, model, owner } = task;
  const known = { prompt, mode, model, owner };
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string] => !!entry[1]));
}

function show(
  { context, report, isDryRun }: Run,
  { hasFiles, hasTasks, hasPeople }: { hasFiles: boolean; hasTasks: boolean; hasPeople: boolean },
): void {
  const { terminal, messages } = context;
  const { import: text } = messages;
  const { files, tasks, accounts, left } = report;
  const size = `${(files.bytes / BYTES_PER_MB).toFixed(1)} MB`;
  if (hasPeople)
    terminal.print((isDryRun ? text.accountsDry : text.accountsDone)(accounts.opened, accounts.known));
  if (hasFiles)
    terminal.print(
      isDryRun
        ? text.filesDry(files.imported, size, files.known)
        : text.files(files.imported, files.linked, files.known),
    );
  if (hasTasks) terminal.print((isDryRun ? text.tasksDry : text.tasksDone)(tasks.imported, tasks.known));
  if (left.length > 0) {
    terminal.note(text.left(left.length));
    for (const { name, reason } of left.slice(0, LEFT_SHOWN)) terminal.note(`  ${name}: ${reason}`);
    if (left.length > LEFT_SHOWN) terminal.note(`  ${text.more(left.length - LEFT_SHOWN)}`);
  }
  if (isDryRun) terminal.note(text.dryEnd);
}
