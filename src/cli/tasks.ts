// `drawbridge tasks`: list, show, cancel and retry; fix-stuck is in a file of its own.
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { addFixStuck } from './fix-stuck.ts';
import { addExamples } from './help.ts';
import { showPage, wantsJson, withClient } from './run-command.ts';
import { shortTime, stateColumn, stateWord } from './terminal.ts';
import { creditText, type Page, type Task } from './wire.ts';

const EXAMPLE_ID = 'task_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';

interface ListOptions {
  status?: string;
  text?: string;
  limit?: string;
  cursor?: string;
  account?: string;
}

interface AccountOption {
  account?: string;
}

export function addTasks(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const { tasks: text } = messages.commands;
  const group = program.command('tasks').description(text.summary);
  const list = group
    .command('list')
    .description(text.list)
    .option('--status <statuses>', text.status)
    .option('--text <text>', text.text)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .option('--account <id>', messages.help.account)
    .action((options: ListOptions) =>
      withClient(context, list, parts, options, async (client) => {
        const page = await client.json<Page<Task>>('GET', '/v1/tasks', {
          query: { status: options.status, q: options.text, limit: options.limit, cursor: options.cursor },
        });
        if (wantsJson(list)) return context.terminal.json(page);
        showPage(context.terminal, page, (tasks) => showTasks(context, tasks));
      }),
    );
  addExamples(list, context, [
    ['drawbridge tasks list', ''],
    ['drawbridge tasks list --status failed --limit 5', messages.examples.failures],
    ['drawbridge tasks list --json', messages.examples.forScripts],
  ]);
  addOne('show', text.show, (client, id) => client.json<Task>('GET', `/v1/tasks/${id}`));
  addOne('cancel', text.cancel, (client, id) => client.json<Task>('POST', `/v1/tasks/${id}/cancel`));
  addOne('retry', text.retry, (client, id) =>
    client.json<Task>('POST', `/v1/tasks/${id}/retry`, { headers: { 'idempotency-key': randomUUID() } }),
  );
  addFixStuck(group, context, parts);
  addExamples(group, context, [
    ['drawbridge tasks list', ''],
    [`drawbridge tasks show ${EXAMPLE_ID}`, ''],
  ]);

  function addOne(name: string, summary: string, run: (client: Client, id: string) => Promise<Task>): void {
    const one = group
      .command(name)
      .description(summary)
      .argument('<id>', text.id)
      .option('--account <id>', messages.help.account)
      .action((id: string, options: AccountOption) =>
        withClient(context, one, parts, options, async (client) => {
          const task = await run(client, encodeURIComponent(id));
          if (wantsJson(one)) context.terminal.json(task);
          else showTask(context, task);
        }),
      );
    addExamples(one, context, [[`drawbridge tasks ${name} ${EXAMPLE_ID}`, '']]);
  }
}

function showTasks({ terminal, messages }: CommandContext, tasks: readonly Task[]): void {
  const { table } = messages;
  terminal.table(
    [
      { title: table.id },
      stateColumn(table.status, messages),
      { title: table.progress, align: 'right' },
      { title: table.model },
      { title: table.created },
      { title: table.prompt, shrinks: true },
    ],
    tasks.map((task) => [
      task.id,
      stateWord(task.status, messages),
      task.progress === null ? '' : `${Math.round(task.progress * 100)}%`,
      task.model,
      shortTime(task.created_at),
      task.prompt,
    ]),
  );
}

/** One task: a row of its own, its pictures, its attempts, and its error in full. */
function showTask(context: CommandContext, task: Task): void {
  const { terminal, messages } = context;
  const { table } = messages;
  showTasks(context, [task]);
  if (task.images.length > 0) {
    terminal.print('');
    terminal.table(
      [{ title: table.file }, { title: table.size }],
      task.images.map((image) => [image.url, `${image.width}x${image.height}`]),
    );
  }
  if (task.attempts.length > 0) {
    terminal.print('');
    terminal.table(
      [
        { title: '#', align: 'right' },
        { title: table.provider },
        { title: table.outcome },
        { title: table.error },
      ],
      task.attempts.map((attempt) => [
        String(attempt.n),
        attempt.provider,
        attempt.outcome,
        attempt.error ?? '',
      ]),
    );
  }
  if (task.cost.captured > 0) terminal.note(messages.generate.saved(creditText(task.cost.captured)));
  if (task.cancel.note !== null) terminal.note(task.cancel.note);
  if (task.error) terminal.problem(task.error);
}
