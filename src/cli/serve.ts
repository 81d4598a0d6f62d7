// `drawbridge serve`: starts the program, says where it is and how to get in, and ends it so that nothing is lost.
import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { type Config, processEnvironment } from '../kernel/config.ts';
import { armCrashPoint, CRASH_POINT_NAME } from '../kernel/crash-point.ts';
import { AppError } from '../kernel/errors.ts';
import { EVERY_HOST, localAuthority } from '../kernel/listen-address.ts';
import type { RootLogger } from '../kernel/log.ts';
import { type CommandContext, configFailure, startFailure, tryWholeConfig } from './command-context.ts';
import type { EmbeddedApp, ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { addExamples } from './help.ts';

const DRAIN_LIMIT_MS = 30_000;
/** A peak that passes is no leak: over the limit for three looks. */
const MEMORY_LOOK_MS = 5_000;
const MEMORY_LOOKS = 3;
const BYTES_PER_MB = 1024 * 1024;
/** A database server that starts at the same time as this one needs a while. */
const DATABASE_PATIENCE_MS = 60_000;
const LOOPBACK_HOSTS = new Set(['127.0.0.1', '::1', 'localhost']);
const FIRST_KEY_NAME = 'first start';

export function addServe(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { serve } = context.messages.commands;
  const command = program
    .command('serve')
    .description(serve.summary)
    .option('--host <address>', serve.host)
    .option('--port <number>', serve.port)
    .option('--role <role>', context.messages.delivery.role)
    .action(async (options: { host?: string; port?: string; role?: string }) => {
      const { host, port, role } = options;
      await runServer(context, command, parts, { host, port, role });
    });
  addExamples(command, context, [
    ['drawbridge serve', ''],
    ['drawbridge serve --host 0.0.0.0 --port 9000', context.messages.examples.lan],
  ]);
}

async function runServer(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  flags: { host: string | undefined; port: string | undefined; role: string | undefined },
): Promise<void> {
  const { terminal, messages } = context;
  const loaded = await tryWholeConfig(command, parts, flags);
  for (const { key, text } of loaded.warnings)
    terminal.note(`${messages.problem.configWarning} ${key}: ${text}`);
  if (!loaded.config) throw configFailure(context, loaded.problems);
  const { config } = loaded;
  armCrashPoint(processEnvironment()[CRASH_POINT_NAME]);
  const { createLogger } = await import('../kernel/log.ts');
  const { createRedactor } = await import('../kernel/redact.ts');
  const { describeConfig, secretValues } = await import('../kernel/config.ts');
  const redactor = createRedactor(secretValues(config));
  const log = await createLogger({ ...config.log, redactor });
  dieOnBugs(log);
  log.info(describeConfig(config), 'environment');
  for (const warning of loaded.warnings) log.warn({ ...warning }, 'configuration');

  const stop = stopSignals();
  const app = await openApp(context, parts, config, log);
  const port = await listen(context, app, config);
  const url = config.publicUrl ?? `http://${localAuthority(config.host, port)}`;
  log.info({ url, host: config.host, port, pid: process.pid, role: config.role }, 'listening');
  await announce(context, app, config, { url, port });

  const { maxRssBytes } = config.limits;
  const ending = await Promise.race([stop.first, memoryOver(maxRssBytes)]);
  if (typeof ending === 'string') {
    log.info({ signal: ending }, 'stopping');
    terminal.note(messages.serve.stopping(ending));
    return drain(context, app, log, stop.second);
  }
  const toMb = (bytes: number) => Math.round(bytes / BYTES_PER_MB);
  log.warn({ rss_bytes: ending.rssBytes, limit_bytes: maxRssBytes }, 'over the memory limit; recycling');
  terminal.note(messages.serve.recycling(toMb(ending.rssBytes), toMb(maxRssBytes)));
  await drain(context, app, log, stop.first);
  context.exitCode = EXIT.recycle;
}

async function openApp(
  context: CommandContext,
  parts: ProgramParts,
  config: Config,
  log: RootLogger,
): Promise<EmbeddedApp> {
  try {
    return await parts.createApp({ config, log, databasePatienceMs: DATABASE_PATIENCE_MS });
  } catch (error) {
    log.flush();
    if (!(error instanceof AppError)) throw error;
    throw startFailure(context, error);
  }
}

/** Listens; a port that cannot be had ends the start with its owner's name and a port that is free. */
async function listen(context: CommandContext, app: EmbeddedApp, config: Config): Promise<number> {
  try {
    return await app.listen();
  } catch (error) {
    await app.close();
    const { code, address } = error as NodeJS.ErrnoException & { address?: string };
    const { serve } = context.messages;
    const failed = (title: string, detail: string, fix: string) =>
      new CommandFailure({ title, detail, fix, code: code ?? '' }, EXIT.failure);
    if (address?.startsWith('/')) throw failed(serve.socketTitle, String(code), serve.socketFix);
    if (code === 'EADDRINUSE') {
      const { describePortOwner, findFreePort, findPortOwner } = await import('../kernel/port-owner.ts');
      const owner = findPortOwner(config.port);
      const free = await findFreePort(config.host, config.port);
      throw failed(
        serve.portUsedTitle(config.port),
        owner ? serve.portUsedBy(describePortOwner(owner)) : serve.portUsedByUnknown,
        free === null ? serve.portUsedFixPlain : serve.portUsedFix(free),
      );
    }
    if (code === 'EACCES') throw failed(serve.portForbiddenTitle(config.port), code, serve.portForbiddenFix);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw failed(serve.hostMissingTitle(config.host), code, serve.hostMissingFix);
    throw error;
  }
}

/** Notes for people on standard error: a set-up link is a secret and must not get into the log. */
async function announce(
  context: CommandContext,
  app: EmbeddedApp,
  config: Config,
  { url, port }: { url: string; port: number },
): Promise<void> {
  const { terminal, messages } = context;
  const { serve } = messages;
  terminal.note(serve.open(url));
  terminal.note(serve.docs(`${url}/docs`));
  if (LOOPBACK_HOSTS.has(config.host)) terminal.note(serve.onlyHere);
  else if (EVERY_HOST.has(config.host)) {
    const addresses = lanAddresses().map((address) => `http://${address}:${port}`);
    if (addresses.length > 0) terminal.note(serve.onNetwork(addresses.join('  ')));
  }
  const { setupToken, adminAccountId } = app.bootstrap;
  if (setupToken === null) return;
  terminal.note(serve.setUp);
  terminal.note(`  ${url}/setup#token=${setupToken}`);
  if (terminal.err.isTTY !== true) return;
  const { createKey, ALL_SCOPES } = await import('../accounts/accounts.ts');
  const { systemClock } = await import('../kernel/clock.ts');
  const access = {
    accountId: adminAccountId,
    scopes: ALL_SCOPES,
    via: 'socket',
    credentialId: 'control_socket',
  } as const;
  const { key } = await createKey(app.db, systemClock, access, { name: FIRST_KEY_NAME });
  terminal.note(serve.tryIt);
  terminal.note(
    `  curl -H 'Authorization: Bearer ${key}' -H 'Prefer: wait=30' -H 'Content-Type: application/json' -d '{"prompt":"a drawbridge at dawn"}' ${url}/v1/tasks`,
  );
}

/** Resolves when the process has held more memory than it may for some looks in a row; never where there is no limit. */
async function memoryOver(maxBytes: number): Promise<{ rssBytes: number }> {
  const { sleep, systemClock } = await import('../kernel/clock.ts');
  for (let looks = 0; ; ) {
    await sleep(systemClock, MEMORY_LOOK_MS);
    const rssBytes = process.memoryUsage.rss();
    looks = maxBytes > 0 && rssBytes > maxBytes ? looks + 1 : 0;
    if (looks >= MEMORY_LOOKS) return { rssBytes };
  }
}

/** Drains within the limit; a second signal ends at once. The task rows are the truth, so neither loses anything. */
async function drain(
  context: CommandContext,
  app: EmbeddedApp,
  log: RootLogger,
  second: Promise<string>,
): Promise<void> {
  const { terminal, messages } = context;
  const { systemClock } = await import('../kernel/clock.ts');
  const closed = app.close().then(() => 'closed' as const);
  const late = new Promise<'late'>((resolve) => systemClock.after(DRAIN_LIMIT_MS, () => resolve('late')));
  const outcome = await Promise.race([closed, late, second.then(() => 'signal' as const)]);
  log.info({ outcome }, 'stopped');
  log.flush();
  if (outcome === 'closed') return;
  terminal.note(outcome === 'late' ? messages.serve.drainTooLong : messages.serve.stoppedHard);
  context.exitCode = EXIT.failure;
}

/** The first and the second request to stop. */
function stopSignals(): { first: Promise<string>; second: Promise<string> } {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  let count = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (++count === 1 ? first : second).resolve(signal));
  }
  return { first: first.promise, second: second.promise };
}

/** A bug leaves the process in a state that nobody knows: it says so and ends; a supervisor starts a sane one. */
function dieOnBugs(log: RootLogger): void {
  const die = (what: string) => (error: unknown) => {
    try {
      log.error({ err: error }, what);
      log.flush();
    } finally {
      process.exit(EXIT.failure);
    }
  };
  process.on('uncaughtException', die('a bug: nothing caught this error, the process ends'));
  process.on('unhandledRejection', die('a bug: nothing handled this rejection, the process ends'));
}

function lanAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => address),
  );
}
