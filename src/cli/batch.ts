// `drawbridge batch`: list, show and steer batches; `batch run` is in a file of its own.
import type { Command } from 'commander';
import { addBatchRun } from './batch-run.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { addExamples } from './help.ts';
import { showPage, wantsJson, withClient } from './run-command.ts';
import { shortTime } from './terminal.ts';
import type { Batch, Page } from './wire.ts';

const EXAMPLE_ID = 'batch_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';

interface ListOptions {
  limit?: string;
  cursor?: string;
  account?: string;
}

export function addBatch(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const { batch: text } = messages;
  const group = program.command('batch').description(text.summary);
  addBatchRun(group, context, parts);
  const list = group
    .command('list')
    .description(text.list)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .option('--account <id>', messages.help.account)
    .action((options: ListOptions) =>
      withClient(context, list, parts, options, async (client) => {
        const query = { limit: options.limit, cursor: options.cursor };
        const page = await client.json<Page<Batch>>('GET', '/v1/batches', { query });
        if (wantsJson(list)) return context.terminal.json(page);
        showPage(context.terminal, page, (batches) => showBatches(context, batches));
      }),
    );
  addExamples(list, context, [['drawbridge batch list', '']]);
  addOne('show', text.show, 'GET', '');
  addOne('pause', text.pause, 'POST', '/pause');
  addOne('resume', text.resume, 'POST', '/resume');
  addOne('cancel', text.cancel, 'POST', '/cancel');
  addOne('retry-failed', text.retryFailed, 'POST', '/retry-failed');
  addExamples(group, context, [
    ['drawbridge batch run prompts.csv --dry-run', ''],
    ['drawbridge batch run prompts.csv -o pictures/', ''],
  ]);

  function addOne(name: string, summary: string, method: 'GET' | 'POST', path: string): void {
    const one = group
      .command(name)
      .description(summary)
      .argument('<id>', text.id)
      .option('--account <id>', messages.help.account)
      .action((id: string, options: { account?: string }) =>
        withClient(context, one, parts, options, async (client) => {
          const options = path === '/retry-failed' ? { body: {} } : {};
          const batch = await client.json<Batch>(
            method,
            `/v1/batches/${encodeURIComponent(id)}${path}`,
            options,
          );
          if (wantsJson(one)) context.terminal.json(batch);
          else showBatches(context, [batch]);
        }),
      );
    addExamples(one, context, [[`drawbridge batch ${name} ${EXAMPLE_ID}`, '']]);
  }
}

function showBatches({ terminal, messages }: CommandContext, batches: readonly Batch[]): void {
  const { table, batch: text } = messages;
  terminal.table(
    [
      { title: table.id },
      { title: table.status },
      { title: text.counts, align: 'right' },
      { title: text.failedColumn, align: 'right' },
      { title: table.created },
      { title: table.name, shrinks: true },
    ],
    batches.map(({ id, status, counts, created_at: created, name }) => [
      id,
      status,
      `${counts.succeeded} / ${counts.total}`,
      String(counts.failed),
      shortTime(created),
      name,
    ]),
  );
}
