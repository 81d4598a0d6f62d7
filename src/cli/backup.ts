// `drawbridge backup`: makes, lists and verifies backups on the machine that has the data, beside a running server or
// without one. Exit code 3 when files were missing already, 1 when a backup that was verified is bad.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { BackupReport, CopyProgress, CopyWorld, DataCopies } from '../operations/contract.ts';
import { addBackupRuns } from './backup-runs.ts';
import { type CommandContext, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { ProgressBar } from './progress-bar.ts';
import { wantsJson } from './run-command.ts';
import { shortTime } from './terminal.ts';

const BYTES_PER_MB = 1024 * 1024;

interface BackupOptions {
  includeSecrets?: boolean;
  recheck?: boolean;
  keep?: string;
  list?: boolean;
  verify?: boolean;
  id?: string;
}

export function addBackup(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { backup: text } = context.messages.commands;
  const command = program
    .command('backup')
    .description(text.summary)
    .argument('<folder>', text.folder)
    .option('--include-secrets', text.includeSecrets)
    .option('--recheck', text.recheck)
    .option('--keep <count>', text.keep)
    .option('--list', text.list)
    .option('--verify', text.verify)
    .option('--id <backup>', text.id)
    .action(async (folder: string, options: BackupOptions) => {
      const where = resolve(folder);
      if (options.list) return list(context, command, parts, where);
      if (options.verify) return verify(context, command, parts, where, options.id ?? null);
      return make(context, command, parts, where, options);
    });
  addBackupRuns(command, context, parts);
  addExamples(command, context, [
    ['drawbridge backup /mnt/backup/drawbridge', ''],
    ['drawbridge backup /mnt/backup/drawbridge --keep 7', ''],
    ['drawbridge backup /mnt/backup/drawbridge --verify', ''],
  ]);
}

/** The configuration of the data on this machine; a server elsewhere cannot be copied from here. */
export function requireLocalConfig(context: CommandContext, command: Command): Config {
  const config = requireConfig(context, command);
  if (config.client.url === null) return config;
  const { onlyHere, onlyHereFix } = context.messages.copies;
  throw usageFailure(context.messages.problem.usageTitle, onlyHere, onlyHereFix);
}

/** Runs `work` on copies with a progress bar; what can go wrong is told in the user's language. */
export async function withCopies<Result>(
  context: CommandContext,
  parts: ProgramParts,
  work: (copies: DataCopies, tools: Pick<CopyWorld, 'clock' | 'onProgress'>) => Promise<Result>,
): Promise<Result> {
  const { terminal, messages } = context;
  const bar = new ProgressBar(terminal.err);
  const onProgress = ({ phase, doneBytes, totalBytes }: CopyProgress) =>
    bar.show(totalBytes === 0 ? null : doneBytes / totalBytes, messages.copies.phases[phase]);
  const { CopyError } = await import('../operations/contract.ts');
  try {
    return await work(await parts.dataCopies(), { clock: systemClock, onProgress });
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    const { title, fix } = messages.copies.faults[error.fault];
    throw new CommandFailure(
      { title, detail: error.message, fix, code: error.fault },
      EXIT_CODES[error.fault],
    );
  } finally {
    await bar.stop();
  }
}

const EXIT_CODES = {
  busy: EXIT.failure,
  foreign_folder: EXIT.usage,
  inside_data: EXIT.usage,
  no_data: EXIT.notFound,
  no_volume: EXIT.unavailable,
  no_backup: EXIT.notFound,
  broken: EXIT.failure,
  not_empty: EXIT.usage,
  other_database: EXIT.usage,
  newer_version: EXIT.failure,
  no_space: EXIT.unavailable,
  file_failed: EXIT.unavailable,
  tool_missing: EXIT.unavailable,
  tool_failed: EXIT.failure,
  no_database: EXIT.unavailable,
} as const satisfies Record<string, ExitCode>;

export const megabytes = (bytes: number) => `${(bytes / BYTES_PER_MB).toFixed(1)} MB`;

async function make(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  folder: string,
  { includeSecrets = false, recheck = false, keep }: BackupOptions,
): Promise<void> {
  const { messages, terminal } = context;
  const count = keep === undefined ? null : Number(keep);
  if (count !== null && !(Number.isInteger(count) && count >= 1)) {
    const detail = messages.problem.notNumber('--keep', keep ?? '');
    throw usageFailure(messages.problem.usageTitle, detail, messages.copies.keepFix);
  }
  const config = requireLocalConfig(context, command);
  const report = await withCopies(context, parts, (copies, tools) =>
    copies.createBackup({ config, folder, ...tools }, { includeSecrets, recheck, keep: count }),
  );
  if (report.missing > 0) context.exitCode = EXIT.partial;
  if (wantsJson(command)) return terminal.json(report);
  show(context, report);
}

function show({ terminal, messages: { copies } }: CommandContext, report: BackupReport): void {
  const { copiedFiles, copiedBytes, keptFiles, seconds, prunedFiles, missing } = report;
  terminal.print(copies.made(report.id, report.folder));
  terminal.note(copies.copied(copiedFiles, megabytes(copiedBytes), keptFiles, seconds.toFixed(1)));
  if (prunedFiles > 0) terminal.note(copies.pruned(prunedFiles));
  if (missing > 0) {
    terminal.note(copies.missing(missing));
    for (const key of report.missingKeys) terminal.note(`  ${key}`);
  }
  if (report.hasSecretsKey) terminal.note(copies.withKey);
  if (report.leftOutKey) terminal.note(copies.withoutKey);
  terminal.note(copies.confidential);
}

async function list(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  folder: string,
): Promise<void> {
  const { terminal, messages } = context;
  const backups = await withCopies(context, parts, (copies) => copies.listBackups(folder));
  if (wantsJson(command)) return terminal.json(backups);
  if (backups.length === 0) return terminal.note(messages.copies.none);
  const { table, copies } = messages;
  terminal.table(
    [
      { title: table.id },
      { title: table.created },
      { title: copies.columns.database },
      { title: copies.columns.files, align: 'right' },
      { title: copies.columns.size, align: 'right' },
      { title: copies.columns.missing, align: 'right' },
    ],
    backups.map((one) => [
      one.id,
      shortTime(one.createdAt),
      one.database,
      String(one.files),
      megabytes(one.bytes + one.databaseBytes),
      String(one.missing),
    ]),
  );
}

async function verify(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  folder: string,
  id: string | null,
): Promise<void> {
  const { terminal, messages } = context;
  const report = await withCopies(context, parts, (copies, { onProgress }) =>
    copies.verifyBackup({ folder, onProgress }, id),
  );
  if (report.problemCount > 0) context.exitCode = EXIT.failure;
  if (wantsJson(command)) return terminal.json(report);
  if (report.problemCount === 0) {
    terminal.print(messages.copies.verified(report.id, report.checkedFiles));
    if (report.missing > 0) terminal.note(messages.copies.missing(report.missing));
    return;
  }
  terminal.print(messages.copies.wrong(report.id, report.problemCount));
  for (const problem of report.problems) terminal.print(`  ${problem}`);
  terminal.note(messages.copies.wrongFix);
}
