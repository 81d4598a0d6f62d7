// `drawbridge status`: one row for each part, and what the server is doing.
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { shortTime, stateColumn, stateWord } from './terminal.ts';
import type { ServerStatus } from './wire.ts';

const BYTES_PER_MB = 1024 * 1024;

export function addStatus(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const command = program
    .command('status')
    .description(messages.commands.status.summary)
    .action(() =>
      withClient(context, command, parts, {}, async (client) => {
        const status = await client.json<ServerStatus>('GET', '/v1/admin/status');
        if (status.parts.some(({ state }) => state === 'down')) context.exitCode = EXIT.unavailable;
        if (wantsJson(command)) {
          return terminal.json({ ...status, serving: client.kind !== 'embedded' });
        }
        if (client.kind === 'embedded') terminal.note(messages.status.notRunning);
        show(context, status, client.kind === 'embedded');
      }),
    );
  addExamples(command, context, [
    ['drawbridge status', ''],
    ['drawbridge status --json', messages.examples.forScripts],
  ]);
}

function show({ terminal, messages }: CommandContext, status: ServerStatus, isEmbedded: boolean): void {
  const { table, status: text } = messages;
  const memory = String(Math.round(status.memory_bytes / BYTES_PER_MB));
  terminal.note(
    isEmbedded
      ? text.embedded(status.version)
      : text.server(status.version, status.pid, shortTime(status.started_at), memory),
  );
  terminal.table(
    [{ title: table.part }, stateColumn(table.state, messages), { title: table.reason, shrinks: true }],
    status.parts.map((part) => [part.name, stateWord(part.state, messages), part.reason ?? '']),
  );
  const counts = status.tasks.map(
    ({ lane, status: state, count }) => `${lane} ${stateWord(state, messages)} ${count}`,
  );
  terminal.note(counts.length === 0 ? text.noTasks : text.tasks(counts.join(', ')));
}
