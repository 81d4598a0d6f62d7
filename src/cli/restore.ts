// `drawbridge restore`: puts a backup into an empty place and examines it. Exit code 3 when files could not be restored or
// the result could not be examined, 1 when the doctor found an error in it.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { RestoreReport } from '../operations/contract.ts';
import { megabytes, requireLocalConfig, withCopies } from './backup.ts';
import { openClient } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, type Problem } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson } from './run-command.ts';
import { oneLine } from './terminal.ts';
import type { DoctorReport } from './wire.ts';

interface RestoreOptions {
  id?: string;
  databaseOnly?: boolean;
}

export function addRestore(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const { restore: text, backup } = messages.commands;
  const command = program
    .command('restore')
    .description(text.summary)
    .argument('<folder>', text.folder)
    .option('--id <backup>', backup.id)
    .option('--database-only', text.databaseOnly)
    .action(async (folder: string, { id, databaseOnly = false }: RestoreOptions) => {
      const config = requireLocalConfig(context, command);
      const report = await withCopies(context, parts, (copies, tools) =>
        copies.restoreBackup({ config, folder: resolve(folder), ...tools }, { id: id ?? null, databaseOnly }),
      );
      if (!wantsJson(command)) show(context, report);
      const examined = await examine(context, command, parts);
      if (examined.report?.ok === false) context.exitCode = EXIT.failure;
      else if (report.lostFiles > 0 || !examined.report) context.exitCode = EXIT.partial;
      if (wantsJson(command)) return terminal.json({ ...report, doctor: examined.report });
      showExamination(context, examined);
    });
  addExamples(command, context, [
    ['drawbridge restore /mnt/backup/drawbridge --data-dir /srv/drawbridge/data', ''],
    ['drawbridge restore /mnt/backup/drawbridge --id 20260131-120000', ''],
  ]);
}

function show({ terminal, messages: { copies } }: CommandContext, report: RestoreReport): void {
  terminal.print(copies.restored(report.id, report.dataDir));
  const files = copies.restoredFiles(report.restoredFiles, report.seconds.toFixed(1));
  terminal.note(`${files} (${megabytes(report.bytes + report.databaseBytes)})`);
  if (report.lostFiles > 0) {
    terminal.note(copies.lost(report.lostFiles));
    for (const key of report.lostKeys) terminal.note(`  ${key}`);
  }
  terminal.note(copies.configuration(report.configurationCopy));
  if (!report.hasSecretsKey) terminal.note(copies.needsKey);
  if (report.unfinishedTasks > 0) terminal.note(copies.held(report.unfinishedTasks));
  terminal.note(copies.paused);
}

interface Examination {
  report: DoctorReport | null;
  /** Why there is no report. */
  problem: Problem | null;
}

/** The doctor's deep report on what is there now. Without its settings a restored program may not open; that loses nothing. */
async function examine(context: CommandContext, command: Command, parts: ProgramParts): Promise<Examination> {
  if (!wantsJson(command)) context.terminal.note(context.messages.copies.examining);
  try {
    const client = await openClient(context, command, parts);
    try {
      const body = { deep: true, fix: false };
      const report = await client.json<DoctorReport>('POST', '/v1/admin/doctor', { body });
      return { report, problem: null };
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { report: null, problem: error.problem };
  }
}

function showExamination({ terminal, messages }: CommandContext, { report, problem }: Examination): void {
  if (!report) {
    terminal.note(messages.copies.notExamined);
    if (problem) terminal.problem(problem);
    return;
  }
  for (const finding of report.findings) {
    terminal.print(`${finding.id}  ${oneLine(finding.title)}`);
    terminal.print(`  ${oneLine(finding.what)}`);
    for (const line of finding.evidence) terminal.print(`  ${messages.doctor.evidence}: ${oneLine(line)}`);
    terminal.print(`  ${messages.problem.fix}: ${oneLine(finding.fix)}`);
  }
  if (report.ok) terminal.note(messages.copies.examined(report.checks.length));
  else {
    const errors = report.findings.filter(({ severity }) => severity === 'error').length;
    terminal.note(messages.doctor.found(errors, report.findings.length - errors));
  }
}
