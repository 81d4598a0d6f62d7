// `drawbridge sync`: sends pictures or a release of code to a target of drawbridge.yaml, and says of every file what became of
// it. Exit codes: 0 everything is there, 1 nothing could be sent, 3 a part; 4 and 6 where the target refused or was not there.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { SyncTargetConfig } from '../kernel/config-sync.ts';
import { controlSocketPath } from '../kernel/control-socket.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { SyncReport, SyncResult, SyncWorld } from '../sync/sync.ts';
import { silentLogger } from './client.ts';
import { type CommandContext, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { defaultLogPath, SyncTeller, sizeText } from './sync-show.ts';
import { shortTime } from './terminal.ts';
import type { SyncRuns } from './wire.ts';

const WHATS = ['all', 'media', 'code'] as const;
const MODES = ['incremental', 'full'] as const;
const MOST_PARALLEL = 16;
const DATABASE_FILE = 'drawbridge.db';
const RUNS_SHOWN = 20;

interface SyncOptions {
  what: string;
  mode: string;
  from?: string;
  codeFrom?: string;
  dryRun?: boolean;
  include?: string[];
  exclude?: string[];
  overwrite?: boolean;
  parallel?: string;
  restart?: boolean;
  rollback?: boolean | string;
  log?: string;
  history?: boolean;
}

export function addSync(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { sync: text } = context.messages;
  const collect = (value: string, before: string[] = []) => [...before, value];
  const command = program
    .command('sync')
    .description(text.summary)
    .argument('[target]', text.target)
    .option('--what <what>', text.what, 'all')
    .option('--mode <mode>', text.mode, 'incremental')
    .option('--from <folder>', text.from)
    .option('--code-from <folder>', text.codeFrom)
    .option('--dry-run', text.dryRun)
    .option('--include <pattern>', text.include, collect)
    .option('--exclude <pattern>', text.exclude, collect)
    .option('--overwrite', text.overwrite)
    .option('--parallel <count>', text.parallel)
    .option('--restart', text.restart)
    .option('--rollback [release]', text.rollback)
    .option('--log <file>', text.log)
    .option('--history', text.history)
    .action((target: string | undefined, options: SyncOptions) =>
      options.history
        ? history(context, command, parts)
        : run(context, command, parts, target ?? null, options),
    );
  addExamples(command, context, [
    ['drawbridge sync', text.examples.plain],
    ['drawbridge sync server --dry-run', text.examples.dry],
    ['drawbridge sync server --what media --mode full --include "final/**"', ''],
    ['drawbridge sync server --what code --restart', text.examples.code],
    ['drawbridge sync server --rollback --restart', text.examples.back],
  ]);
}

interface Wish {
  target: SyncTargetConfig;
  jobs: SyncReport['what'][];
  mode: (typeof MODES)[number];
  connections: number | undefined;
  options: SyncOptions;
}

/** What the command line asks for; throws usage failures. */
function readWish(context: CommandContext, config: Config, name: string | null, options: SyncOptions): Wish {
  const { sync: text, problem } = context.messages;
  const wrong = (detail: string, fix?: string): CommandFailure =>
    usageFailure(problem.usageTitle, detail, fix);
  const targets = config.syncTargets as readonly SyncTargetConfig[];
  const names = targets.map((one) => one.name).join(', ');
  if (targets.length === 0) throw usageFailure(text.noTargets, '', text.noTargetsFix);
  if (name === null && targets.length > 1) throw wrong(text.whichTarget(names));
  const target = name === null ? targets[0] : targets.find((one) => one.name === name);
  if (!target) throw wrong(text.unknownTarget(name ?? '', names));
  const what = WHATS.find((one) => one === options.what);
  const mode = MODES.find((one) => one === options.mode);
  if (!what) throw wrong(text.badChoice('--what', WHATS.join(', ')));
  if (!mode) throw wrong(text.badChoice('--mode', MODES.join(', ')));
  const connections = options.parallel === undefined ? undefined : Number(options.parallel);
  if (
    connections !== undefined &&
    !(Number.isInteger(connections) && connections >= 1 && connections <= MOST_PARALLEL)
  )
    throw wrong(text.badParallel);
  const takesCode = target.kind === 'sftp' && target.code !== null;
  const takesMedia = target.kind !== 'sftp' || target.path !== null;
  if (!takesCode && (what === 'code' || options.rollback)) throw wrong(text.notForBucket);
  if (options.rollback) return { target, jobs: ['rollback'], mode, connections, options };
  const jobs: SyncReport['what'][] =
    what === 'all'
      ? [...(takesMedia ? (['media'] as const) : []), ...(takesCode ? (['code'] as const) : [])]
      : [what];
  return { target, jobs, mode, connections, options };
}

async function run(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  name: string | null,
  options: SyncOptions,
): Promise<void> {
  const config = requireConfig(context, command);
  const wish = readWish(context, config, name, options);
  const logPath = options.log ?? defaultLogPath(config, wish.target.name, systemClock);
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const outbound = lazyOutbound(config);
  const reports: SyncReport[] = [];
  try {
    for (const what of wish.jobs) {
      const isDryRun = options.dryRun === true;
      const teller = new SyncTeller({
        context,
        clock: systemClock,
        config,
        logPath,
        isDryRun,
        what,
        mode: wish.mode,
      });
      const world: SyncWorld = {
        clock: systemClock,
        openOutbound: outbound.open,
        signal: controller.signal,
        onEvent: (event) => teller.onEvent(event),
      };
      const result = await runJob(what, wish, config, world);
      await teller.end(result);
      reports.push(result.report);
      context.exitCode = worse(context.exitCode, exitCodeOf(result));
      const problem = teller.problem(result);
      if (problem && !wantsJson(command)) context.terminal.problem(problem);
      if (controller.signal.aborted || result.fault !== null) break;
    }
    if (controller.signal.aborted) context.exitCode = EXIT.interrupted;
    if (wantsJson(command)) context.terminal.json(reports);
    if (!options.dryRun) await record(context, command, parts, config, reports);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    await outbound.close();
  }
}

async function runJob(
  what: SyncReport['what'],
  { target, mode, connections, options }: Wish,
  config: Config,
  world: SyncWorld,
): Promise<SyncResult> {
  const { rollBackCode, syncCode, syncMedia } = await import('../sync/sync.ts');
  const restart = options.restart === true;
  const shared = {
    target,
    selection: { include: options.include ?? [], exclude: options.exclude ?? [] },
    isDryRun: options.dryRun === true,
    connections,
  };
  if (what === 'rollback') {
    const release = typeof options.rollback === 'string' ? options.rollback : null;
    return rollBackCode({ target, restart, release }, world);
  }
  if (what === 'code')
    return syncCode(
      { ...shared, from: resolve(options.codeFrom ?? '.'), dataDir: config.dataDir, restart },
      world,
    );
  return syncMedia(
    {
      ...shared,
      from: options.from === undefined ? null : resolve(options.from),
      media: config.media,
      rules: { mode, overwrite: options.overwrite === true },
    },
    world,
  );
}

function lazyOutbound(config: Config): { open(): Promise<Outbound>; close(): Promise<void> } {
  let opened: Promise<Outbound> | null = null;
  return {
    open() {
      opened ??= import('../kernel/outbound.ts').then(({ createOutbound }) =>
        createOutbound({ clock: systemClock, log: silentLogger, proxies: config.proxy }),
      );
      return opened;
    },
    async close() {
      await (await opened)?.close();
    },
  };
}

const BY_FAULT: Readonly<Record<string, ExitCode>> = {
  sign_in: EXIT.auth,
  host_unknown: EXIT.auth,
  host_key: EXIT.auth,
  denied: EXIT.auth,
  connection: EXIT.unavailable,
  full: EXIT.unavailable,
  busy: EXIT.unavailable,
};

function exitCodeOf({ report, fault }: SyncResult): ExitCode {
  if (report.state === 'done') return EXIT.ok;
  if (report.state === 'partial') return EXIT.partial;
  return (fault === null ? undefined : BY_FAULT[fault]) ?? EXIT.failure;
}

/** Of two jobs that did not both go well, one of which did, it is done in part. */
function worse(before: ExitCode, now: ExitCode): ExitCode {
  return before === EXIT.ok ? now : EXIT.partial;
}

/** Leaves the reports with the server of this installation, where there is one. */
async function record(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  config: Config,
  reports: readonly SyncReport[],
): Promise<void> {
  const isInstalled =
    config.client.url !== null ||
    config.databaseUrl !== null ||
    existsSync(controlSocketPath(config.dataDir)) ||
    existsSync(join(config.dataDir, DATABASE_FILE));
  if (!isInstalled) return;
  try {
    await withClient(context, command, parts, {}, async (client) => {
      for (const body of reports) await client.json('POST', '/v1/admin/sync/runs', { body });
    });
  } catch {
    // The files are where they belong, whoever knows of it.
    context.terminal.note(context.messages.sync.notRecorded);
  }
}

async function history(context: CommandContext, command: Command, parts: ProgramParts): Promise<void> {
  const { terminal, messages } = context;
  const { sync: text, table } = messages;
  const { data } = await withClient(context, command, parts, {}, (client) =>
    client.json<SyncRuns>('GET', '/v1/admin/sync/runs', { query: { limit: RUNS_SHOWN } }),
  );
  if (wantsJson(command)) return terminal.json({ data });
  if (data.length === 0) return terminal.note(table.none);
  const { columns } = text;
  terminal.table(
    [
      { title: columns.started },
      { title: columns.target },
      { title: columns.what },
      { title: columns.state },
      { title: columns.sent, align: 'right' },
      { title: columns.size, align: 'right' },
      { title: columns.failed, align: 'right' },
      { title: columns.error, shrinks: true },
    ],
    data.map((one) => [
      shortTime(one.started_at),
      one.target,
      text.whats[one.what],
      text.states[one.state],
      `${one.sent}/${one.files}`,
      sizeText(one.sent_bytes),
      String(Object.values(one.failed).reduce((all, count) => all + count, 0)),
      one.error ?? '',
    ]),
  );
}
