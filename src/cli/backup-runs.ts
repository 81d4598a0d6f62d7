// `drawbridge backup runs` and `backup now`: the backups that the server makes by itself, on the server that it runs on.
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { shortTime } from './terminal.ts';
import type { BackupRun, BackupRuns } from './wire.ts';

const BYTES_PER_MB = 1024 * 1024;
const MS_PER_S = 1000;

export function addBackupRuns(backup: Command, context: CommandContext, parts: ProgramParts): void {
  const { terminal, messages } = context;
  const { backups: text } = messages.delivery;
  const runs = backup
    .command('runs')
    .alias('list')
    .description(text.summary)
    .action(() =>
      withClient(context, runs, parts, {}, async (client) => {
        const answer = await client.json<BackupRuns>('GET', '/v1/admin/backups');
        if (answer.data[0]?.state === 'failed') context.exitCode = EXIT.failure;
        if (wantsJson(runs)) return terminal.json(answer);
        show(context, answer);
      }),
    );
  addExamples(runs, context, [['drawbridge backup runs', '']]);
  const now = backup
    .command('now')
    .description(text.now)
    .action(() =>
      withClient(context, now, parts, {}, async (client) => {
        // Without a server nobody would be there when it ends.
        if (client.kind === 'embedded')
          throw usageFailure(messages.status.notRunning, '', 'drawbridge backup <folder>');
        const run = await client.json<BackupRun>('POST', '/v1/admin/backups');
        if (wantsJson(now)) return terminal.json(run);
        terminal.note(text.begun);
      }),
    );
  addExamples(now, context, [['drawbridge backup now', '']]);
}

function show({ terminal, messages }: CommandContext, { folder, next_at, data }: BackupRuns): void {
  const { table, copies, delivery } = messages;
  const { backups: text } = delivery;
  if (next_at === null) terminal.note(text.noSchedule);
  else terminal.note(text.next(shortTime(next_at), folder ?? ''));
  if (data.length === 0) {
    terminal.note(table.none);
    return;
  }
  const seconds = ({ started_at: from, ended_at: to }: BackupRun) =>
    to === null ? '' : ((Date.parse(to) - Date.parse(from)) / MS_PER_S).toFixed(1);
  terminal.table(
    [
      { title: text.columns.started },
      { title: table.state },
      { title: table.id },
      { title: copies.columns.files, align: 'right' },
      { title: copies.columns.size, align: 'right' },
      { title: text.columns.missing, align: 'right' },
      { title: text.columns.seconds, align: 'right' },
      { title: table.error, shrinks: true },
    ],
    data.map((run) => [
      shortTime(run.started_at),
      text.states[run.state],
      run.backup ?? '',
      String(run.files ?? ''),
      run.bytes === null ? '' : `${(run.bytes / BYTES_PER_MB).toFixed(1)} MB`,
      String(run.missing ?? ''),
      seconds(run),
      run.error ?? '',
    ]),
  );
}
