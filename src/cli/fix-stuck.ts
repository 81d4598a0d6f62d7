// `drawbridge tasks fix-stuck`: what the watchdog would do, as a diff; and, after a yes or with --apply, exactly that.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { CommandContext } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { stateWord } from './terminal.ts';
import type { WatchdogRun } from './wire.ts';

const YES = /^(?:y|yes|是|好)$/i;

export function addFixStuck(group: Command, context: CommandContext, parts: ProgramParts): void {
  const { messages } = context;
  const { tasks: text } = messages.commands;
  const command = group
    .command('fix-stuck')
    .description(text.fixStuck)
    .option('--apply', text.fixApply)
    .action((options: { apply?: boolean }) =>
      withClient(context, command, parts, {}, (client) =>
        fixStuck(context, client, { isApplied: options.apply === true, isJson: wantsJson(command) }),
      ),
    );
  addExamples(command, context, [
    ['drawbridge tasks fix-stuck', ''],
    ['drawbridge tasks fix-stuck --apply --json', messages.examples.forScripts],
  ]);
}

async function fixStuck(
  context: CommandContext,
  client: Client,
  { isApplied, isJson }: { isApplied: boolean; isJson: boolean },
): Promise<void> {
  const { terminal, messages } = context;
  const run = (dryRun: boolean, only?: string[]) =>
    client.json<WatchdogRun>('POST', '/v1/admin/watchdog/run', {
      body: { dry_run: dryRun, source: 'cli', ...(only ? { task_ids: only } : {}) },
    });
  if (isJson) return finish(context, await run(!isApplied), true);
  const plan = await run(true);
  if (plan.findings.length === 0) return terminal.print(messages.fixStuck.nothing);
  show(context, plan);
  const repairable = plan.findings.filter(({ action }) => action !== 'report');
  if (repairable.length === 0) return;
  if (!isApplied && !(await confirmed(context, repairable.length))) {
    terminal.note(messages.fixStuck.unchanged);
    return;
  }
  // Late pictures belong to ended tasks, which a run for chosen tasks passes over.
  const isWhole = repairable.some(({ kind }) => kind === 'late_picture');
  const ids = repairable.flatMap(({ task_id: id }) => (id === null ? [] : [id]));
  finish(context, await run(false, isWhole ? undefined : ids), false);
}

/** Asks on a terminal; elsewhere nothing is done without --apply. */
async function confirmed({ messages }: CommandContext, count: number): Promise<boolean> {
  if (process.stdin.isTTY !== true) return false;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return YES.test((await asking.question(messages.fixStuck.question(count))).trim());
  } finally {
    asking.close();
  }
}

function finish(context: CommandContext, run: WatchdogRun, isJson: boolean): void {
  const { terminal, messages } = context;
  if (run.findings.some(({ result }) => result === 'failed')) context.exitCode = EXIT.failure;
  if (isJson) {
    terminal.json(run);
    return;
  }
  show(context, run);
  terminal.print(messages.fixStuck.repaired(run.repaired, run.found));
}

/** Task, now → then, what is done, and why. */
function show({ terminal, messages }: CommandContext, run: WatchdogRun): void {
  const { fixStuck, table } = messages;
  const results = run.dry_run ? [] : [{ title: fixStuck.columns.result }];
  terminal.table(
    [
      { title: table.id },
      { title: fixStuck.columns.change },
      { title: fixStuck.columns.action },
      ...results,
      { title: fixStuck.columns.why, shrinks: true },
    ],
    run.findings.map((finding) => [
      finding.task_id ?? '',
      `${stateWord(finding.from, messages)} → ${stateWord(finding.to, messages)}`,
      fixStuck.actions[finding.action],
      ...(run.dry_run ? [] : [finding.result === null ? '' : fixStuck.results[finding.result]]),
      `${fixStuck.kinds[finding.kind]} ${finding.note ?? finding.reason}`,
    ]),
  );
}
