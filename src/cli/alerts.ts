// `drawbridge alerts`: what was worth telling, who was told, and a test of the way there.
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { shortTime } from './terminal.ts';
import type { AlertList, AlertTest } from './wire.ts';

const ALERTS_PATH = '/v1/admin/alerts';

interface ListOptions {
  open?: boolean;
  limit?: string;
}

export function addAlerts(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { alerts: text } = context.messages;
  const group = program.command('alerts').description(text.summary);
  addList(group, context, parts);
  addTest(group, context, parts);
  addExamples(group, context, [
    ['drawbridge alerts list', ''],
    ['drawbridge alerts test', ''],
  ]);
}

function addList(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const command = group
    .command('list', { isDefault: true })
    .description(messages.alerts.list)
    .option('--open', messages.alerts.open)
    .option('--limit <number>', messages.alerts.limit)
    .action((options: ListOptions) =>
      withClient(context, command, parts, {}, async (client) => {
        const query = { ...(options.open === true ? { state: 'open' } : {}), limit: options.limit };
        const list = await client.json<AlertList>('GET', ALERTS_PATH, { query });
        if (wantsJson(command)) return terminal.json(list);
        showAlerts(context, list, options.open === true);
      }),
    );
  addExamples(command, context, [
    ['drawbridge alerts list --open', ''],
    ['drawbridge alerts list --json', messages.examples.forScripts],
  ]);
}

function showAlerts({ messages, terminal }: CommandContext, list: AlertList, isOpenOnly: boolean): void {
  const { alerts: text } = messages;
  const { receiver, data } = list;
  terminal.note(receiver === null ? text.nobody : text.receiver(receiver.host, receiver.format));
  if (data.length === 0) {
    terminal.print(isOpenOnly ? text.noneOpen : text.none);
    return;
  }
  const { columns } = text;
  terminal.table(
    [
      { title: columns.state, style: (word) => (word === text.isOpen ? 'red' : null) },
      { title: columns.since },
      { title: columns.over },
      { title: columns.told },
      { title: columns.what, shrinks: true },
    ],
    data.map((alert) => {
      const notice = alert.notices.find(({ event }) => event === 'opened');
      return [
        alert.state === 'open' ? text.isOpen : text.isOver,
        shortTime(alert.opened_at),
        alert.resolved_at === null ? '' : shortTime(alert.resolved_at),
        notice === undefined ? '' : text.notices[notice.state](notice.tries),
        alert.state === 'open' ? `${alert.title}: ${alert.detail} ${text.fix}: ${alert.fix}` : alert.title,
      ];
    }),
  );
  const failed = data.flatMap(({ notices }) => notices).find(({ error }) => error !== null);
  if (failed?.error) terminal.note(failed.error);
}

function addTest(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const command = group
    .command('test')
    .description(messages.alerts.test)
    .action(() =>
      withClient(context, command, parts, {}, async (client) => {
        const { alerts: text } = messages;
        const result = await client.json<AlertTest>('POST', `${ALERTS_PATH}/test`);
        if (wantsJson(command)) {
          if (!result.sent) context.exitCode = EXIT.unavailable;
          return terminal.json(result);
        }
        if (!result.sent)
          throw new CommandFailure(
            { title: text.notArrived, detail: result.error ?? '', fix: text.notArrivedFix },
            EXIT.unavailable,
          );
        const { receiver } = await client.json<AlertList>('GET', ALERTS_PATH, { query: { limit: 1 } });
        terminal.print(text.arrived(receiver?.host ?? ''));
      }),
    );
  addExamples(command, context, [['drawbridge alerts test', '']]);
}
