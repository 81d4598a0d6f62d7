// `drawbridge credits`: an account's balance, grants, refunds, spending limits, and the proof that the ledger is right.
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { addExamples } from './help.ts';
import { showPage, wantsJson, withClient } from './run-command.ts';
import { shortTime } from './terminal.ts';
import { type Balance, type CreditEntry, type CreditSpending, creditText, type Page } from './wire.ts';

const EXAMPLE_ACCOUNT = 'acct_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';
const EXAMPLE_TASK = 'task_0198f3a27c5d7e10b2c3d4e5f6a7b8c9';
const NO_LIMIT = 'none';
const DEFAULT_REFUND_REASON = 'refunded on the command line';
const DEFAULT_REASON = 'granted on the command line';

interface VerifyReport {
  ok: boolean;
  accounts: number;
  entries: number;
  findings: {
    rule: string;
    account_id: string | null;
    table: string;
    row_id: string | null;
    problem: string;
  }[];
  truncated: boolean;
}

export function addCredits(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const group = program.command('credits').description(messages.commands.credits.summary);
  addShow(group, context, parts);
  addGrant(group, context, parts);
  addRefund(group, context, parts);
  addLimit(group, context, parts);
  addVerify(group, context, parts);
  addExamples(group, context, [['drawbridge credits show', '']]);
}

function addShow(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { table } = messages;
  const show = group
    .command('show')
    .description(messages.commands.credits.show)
    .option('--account <id>', messages.help.account)
    .option('--limit <number>', messages.help.limit)
    .option('--cursor <cursor>', messages.help.cursor)
    .action((options: { account?: string; limit?: string; cursor?: string }) =>
      withClient(context, show, parts, options, async (client) => {
        const balance = await client.json<Balance>('GET', '/v1/credits');
        const query = { limit: options.limit, cursor: options.cursor };
        const entries = await client.json<Page<CreditEntry>>('GET', '/v1/credits/entries', { query });
        if (wantsJson(show)) return terminal.json({ ...balance, entries });
        terminal.print(
          messages.credits.balance(creditText(balance.available_credits), creditText(balance.held_credits)),
        );
        showPage(terminal, entries, (rows) =>
          terminal.table(
            [
              { title: '#', align: 'right' },
              { title: table.entry },
              { title: table.amount, align: 'right' },
              { title: table.available, align: 'right' },
              { title: table.held, align: 'right' },
              { title: table.created },
              { title: table.reason, shrinks: true },
            ],
            rows.map((entry) => [
              String(entry.seq),
              entry.kind,
              creditText(entry.amount_credits),
              creditText(entry.available_credits_after),
              creditText(entry.held_credits_after),
              shortTime(entry.created_at),
              entry.reason ?? entry.task_id ?? '',
            ]),
          ),
        );
      }),
    );
  addExamples(show, context, [
    ['drawbridge credits show', ''],
    [`drawbridge credits show --account ${EXAMPLE_ACCOUNT} --json`, messages.examples.forScripts],
  ]);
}

function addGrant(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { credits: text } = messages.commands;
  const grant = group
    .command('grant')
    .description(text.grant)
    .argument('<account>', text.grantAccount)
    .argument('<credits>', text.grantAmount)
    .option('--reason <text>', text.reason, DEFAULT_REASON)
    .option('--key <key>', text.key)
    .action((account: string, credits: string, options: { reason: string; key?: string }) =>
      withClient(context, grant, parts, {}, async (client) => {
        const entry = await client.json<CreditEntry>('POST', '/v1/admin/credits/grants', {
          body: {
            account_id: account,
            credits,
            reason: options.reason,
            idempotency_key: options.key ?? randomUUID(),
          },
        });
        if (wantsJson(grant)) return terminal.json(entry);
        const amount = creditText(entry.amount_credits);
        const after = creditText(entry.available_credits_after);
        terminal.print(messages.credits.granted(amount, account, after));
      }),
    );
  addExamples(grant, context, [[`drawbridge credits grant ${EXAMPLE_ACCOUNT} 100 --reason "March"`, '']]);
}

function addRefund(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { credits: text } = messages.commands;
  const refund = group
    .command('refund')
    .description(text.refund)
    .argument('<task>', text.refundTask)
    .argument('[credits]', text.refundAmount)
    .option('--reason <text>', text.reason, DEFAULT_REFUND_REASON)
    .option('--key <key>', text.key)
    .action((task: string, credits: string | undefined, options: { reason: string; key?: string }) =>
      withClient(context, refund, parts, {}, async (client) => {
        const entry = await client.json<CreditEntry>('POST', '/v1/admin/credits/refunds', {
          body: {
            task_id: task,
            ...(credits === undefined ? {} : { credits }),
            reason: options.reason,
            idempotency_key: options.key ?? randomUUID(),
          },
        });
        if (wantsJson(refund)) return terminal.json(entry);
        terminal.print(messages.credits.refunded(creditText(entry.amount_credits), task));
      }),
    );
  addExamples(refund, context, [[`drawbridge credits refund ${EXAMPLE_TASK} 0.5 --reason "blurred"`, '']]);
}

function addLimit(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const { credits: text } = messages.commands;
  const limit = group
    .command('limit')
    .description(text.limit)
    .argument('<account>', text.grantAccount)
    .option('--daily <credits>', text.daily)
    .option('--monthly <credits>', text.monthly)
    .action((account: string, options: { daily?: string; monthly?: string }) =>
      withClient(context, limit, parts, { account }, async (client) => {
        let spending = await client.json<CreditSpending>('GET', '/v1/credits/spending');
        if (options.daily !== undefined || options.monthly !== undefined) {
          const body = {
            account_id: account,
            daily_credits: limitOf(options.daily, spending.daily_limit_credits),
            monthly_credits: limitOf(options.monthly, spending.monthly_limit_credits),
          };
          spending = await client.json<CreditSpending>('PUT', '/v1/admin/credits/limits', { body });
        }
        if (wantsJson(limit)) return terminal.json(spending);
        const show = (period: 'day' | 'month', spent: number, most: number | null) =>
          terminal.print(
            messages.credits.spent(period, creditText(spent), most === null ? null : creditText(most)),
          );
        show('day', spending.spent_today_credits, spending.daily_limit_credits);
        show('month', spending.spent_this_month_credits, spending.monthly_limit_credits);
      }),
    );
  addExamples(limit, context, [
    [`drawbridge credits limit ${EXAMPLE_ACCOUNT} --daily 20 --monthly 200`, ''],
    [`drawbridge credits limit ${EXAMPLE_ACCOUNT} --daily none`, ''],
  ]);
}

/** What was typed, or what is set where nothing was. */
function limitOf(typed: string | undefined, current: number | null): string | number | null {
  if (typed === undefined) return current;
  return typed === NO_LIMIT ? null : typed;
}

function addVerify(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages, terminal } = context;
  const verify = group
    .command('verify')
    .description(messages.commands.credits.verify)
    .option('--account <id>', messages.help.account)
    .action((options: { account?: string }) =>
      withClient(context, verify, parts, {}, async (client) => {
        const query = { account_id: options.account };
        const report = await client.json<VerifyReport>('GET', '/v1/admin/credits/verify', { query });
        if (!report.ok) context.exitCode = EXIT.failure;
        if (wantsJson(verify)) return terminal.json(report);
        if (report.ok) return terminal.print(messages.credits.verified(report.accounts, report.entries));
        const count = `${report.findings.length}${report.truncated ? '+' : ''}`;
        terminal.print(messages.credits.broken(count));
        for (const { rule, table, row_id: rowId, problem } of report.findings)
          terminal.print(`${rule}  ${table} ${rowId ?? ''}: ${problem}`);
      }),
    );
  addExamples(verify, context, [['drawbridge credits verify', '']]);
}
