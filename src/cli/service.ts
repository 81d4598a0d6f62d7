// `drawbridge service`: the server as a systemd service. Installing makes a user without a login, a folder for settings that only
// root and that user can read, and the hardened unit; nothing that exists is replaced but the unit. Without systemd it says what
// to do instead.
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../kernel/config.ts';
import type { ServiceRole, ServiceUnit } from '../operations/operations.ts';
import { type CommandContext, type GlobalOptions, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { type LogFlags, showLogs, withLogOptions } from './logs.ts';
import { wantsJson } from './run-command.ts';
import { ask, hasSystemd, isUnitActive, show } from './system-command.ts';

const UNIT_FOLDER = '/etc/systemd/system';
const DATABASE_FILE = 'drawbridge.db';
const DEFAULT_USER = 'drawbridge';
const PROGRAM_FOLDER = join(import.meta.dirname, '..', '..');
const ROLES: readonly string[] = ['all', 'api', 'worker'];
/** Secrets: systemd reads them as root and hands them to the process. */
const SECRET_FILE = 0o600;
const SETTINGS_FILE = 0o640;
const UNIT_FILE = 0o644;
const FOLDER = 0o750;
const VERBS = ['start', 'stop', 'restart'] as const;

const ENV_HEADER = [
  '# Settings and secrets of the Drawbridge service, one NAME=value a line; all names: docs/configuration.md.',
  '# Afterwards: systemctl restart drawbridge',
  '# Behind nginx or Caddy on this machine: DRAWBRIDGE_HOST=127.0.0.1',
  '# DRAWBRIDGE_PUBLIC_URL=https://pictures.example.com',
  '# OPENAI_API_KEY=',
  '# KIE_AI_API_KEY=',
  '# JIMENG_SESSION_ID=',
  '# COMFYUI_URL=http://192.168.1.20:8188',
  '',
].join('\n');

interface InstallFlags {
  role: string;
  user: string;
  print?: boolean;
  root?: string;
  start: boolean;
}

export function addService(program: Command, context: CommandContext, parts: ProgramParts): void {
  const { service: text } = context.messages.delivery;
  const service = program.command('service').description(text.summary);
  const withRole = (command: Command) => command.option('--role <role>', text.role, 'all');
  const install = withRole(service.command('install').description(text.install))
    .option('--user <name>', text.user, DEFAULT_USER)
    .option('--print', text.print)
    .option('--root <folder>', text.root)
    .option('--no-start', text.noStart)
    .action((flags: InstallFlags) => installService(context, install, flags));
  addExamples(install, context, [
    ['sudo drawbridge service install', ''],
    ['drawbridge service install --print', ''],
  ]);
  withRole(service.command('uninstall').description(text.uninstall)).action(
    async ({ role }: { role: string }) => {
      const unit = await unitOf(context, role);
      requireSystemd(context);
      requireRoot(context);
      run(context, 'systemctl', ['disable', '--now', unit]);
      rmSync(join(UNIT_FOLDER, `${unit}.service`), { force: true });
      run(context, 'systemctl', ['daemon-reload']);
      context.terminal.note(text.removed(unit));
    },
  );
  for (const verb of VERBS) {
    withRole(service.command(verb).description(text[verb])).action(async ({ role }: { role: string }) => {
      const unit = await unitOf(context, role);
      requireSystemd(context);
      run(context, 'systemctl', [verb, unit]);
    });
  }
  const status = withRole(service.command('status').description(text.status)).action(
    async ({ role }: { role: string }) => {
      const unit = await unitOf(context, role);
      requireSystemd(context);
      const isActive = isUnitActive(unit);
      if (!isActive) context.exitCode = EXIT.unavailable;
      if (wantsJson(status)) return context.terminal.json({ unit, active: isActive });
      show('systemctl', ['status', '--no-pager', '--lines', '5', unit]);
    },
  );
  const logs = withRole(withLogOptions(service.command('logs'), context).description(text.logs)).action(
    async (flags: LogFlags & { role: string }) => {
      await showLogs(context, logs, parts, flags, await unitOf(context, flags.role));
    },
  );
}

async function unitOf({ messages }: CommandContext, role: string): Promise<string> {
  const { roleTitle, roleFix } = messages.delivery.service;
  if (!ROLES.includes(role)) throw usageFailure(roleTitle, role, roleFix);
  const { unitName } = await import('../operations/operations.ts');
  return unitName(role as ServiceRole);
}

function requireSystemd({ messages }: CommandContext): void {
  if (hasSystemd()) return;
  const { noSystemdTitle: title, noSystemdDetail: detail, noSystemdFix: fix } = messages.delivery.service;
  throw new CommandFailure({ title, detail, fix, code: 'no_systemd' }, EXIT.unavailable);
}

function requireRoot({ messages }: CommandContext): void {
  if (process.getuid?.() === 0) return;
  const { rootTitle: title, rootFix: fix } = messages.delivery.service;
  throw new CommandFailure({ title, detail: '', fix, code: 'not_root' }, EXIT.auth);
}

function run({ messages }: CommandContext, program: string, args: readonly string[]): void {
  const code = show(program, args);
  if (code === 0) return;
  const { failedTitle: title, failedFix: fix, commandFailed } = messages.delivery.service;
  throw new CommandFailure(
    { title, detail: commandFailed([program, ...args].join(' '), code), fix },
    EXIT.failure,
  );
}

async function installService(context: CommandContext, command: Command, flags: InstallFlags): Promise<void> {
  const { terminal } = context;
  const unit = await unitOf(context, flags.role);
  const plan = await planUnit(context, command, flags);
  const { serviceUnit } = await import('../operations/operations.ts');
  const text = serviceUnit(plan);
  if (flags.print) return terminal.out.write(text) as undefined;
  const isElsewhere = flags.root !== undefined;
  if (!isElsewhere) {
    requireSystemd(context);
    requireRoot(context);
    ensureUser(context, plan);
  }
  const place = (path: string) => (isElsewhere ? join(resolve(flags.root ?? '/'), path) : path);
  await writeSettings(context, plan.user, place, isElsewhere);
  writeFile(context, place(join(UNIT_FOLDER, `${unit}.service`)), text, UNIT_FILE);
  const { service } = context.messages.delivery;
  const { CONFIG_FOLDER } = await import('../operations/operations.ts');
  terminal.note(service.configure(join(CONFIG_FOLDER, 'drawbridge.env')));
  if (isElsewhere || !flags.start) {
    if (!isElsewhere) run(context, 'systemctl', ['daemon-reload']);
    return terminal.note(service.notStarted(unit));
  }
  run(context, 'systemctl', ['daemon-reload']);
  run(context, 'systemctl', ['enable', '--now', unit]);
  terminal.note(service.started(unit));
}

/** What the unit says: the folders come from the configuration as it is here and now. */
async function planUnit(
  context: CommandContext,
  command: Command,
  { role, user }: InstallFlags,
): Promise<ServiceUnit> {
  const { service } = context.messages.delivery;
  const { isPlainPath, stateFolder } = await import('../operations/operations.ts');
  const config = requireConfig(context, command);
  const { dataDir: asked } = command.optsWithGlobals<GlobalOptions>();
  const state = stateFolder(role as ServiceRole);
  const isLeftBehind = asked === undefined && config.dataDir !== state;
  if (isLeftBehind && existsSync(join(config.dataDir, DATABASE_FILE))) {
    const { otherDataTitle, otherDataDetail, otherDataFix } = service;
    throw usageFailure(otherDataTitle, otherDataDetail(config.dataDir), otherDataFix(config.dataDir));
  }
  const plan: ServiceUnit = {
    role: role as ServiceRole,
    user,
    programFolder: PROGRAM_FOLDER,
    dataDir: asked === undefined ? state : config.dataDir,
    writable: otherFolders(config),
  };
  for (const path of [plan.programFolder, plan.dataDir, ...plan.writable])
    if (!isPlainPath(path)) throw usageFailure(service.badPath, path, service.badPathFix);
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) throw usageFailure(service.badPath, user);
  return plan;
}

/** What the configuration names outside the data folder. */
function otherFolders({ dataDir, media, log, backup }: Config): string[] {
  return [
    ...(media.root === join(dataDir, 'media') ? [] : [media.root]),
    ...(log.file === null ? [] : [dirname(log.file)]),
    ...(backup.folder === null ? [] : [backup.folder]),
  ];
}

function ensureUser(context: CommandContext, { user, dataDir, writable }: ServiceUnit): void {
  const { terminal, messages } = context;
  if (ask('id', ['-u', user]).code !== 0) {
    const home = ['--home-dir', dataDir, '--no-create-home', '--shell', '/usr/sbin/nologin'];
    run(context, 'useradd', ['--system', '--user-group', ...home, user]);
    terminal.note(messages.delivery.service.madeUser(user));
  }
  for (const folder of [dataDir, ...writable]) {
    if (existsSync(folder)) continue;
    mkdirSync(folder, { recursive: true, mode: FOLDER });
  }
  // What an earlier user wrote must be its own; other folders may belong to others as well.
  run(context, 'chown', ['--recursive', '--no-dereference', `${user}:${user}`, dataDir]);
  for (const folder of writable) run(context, 'chown', [`${user}:${user}`, folder]);
}

/** The settings' folder: what lies in the current folder is taken over where there is nothing yet. */
async function writeSettings(
  context: CommandContext,
  user: string,
  place: (path: string) => string,
  isElsewhere: boolean,
): Promise<void> {
  const { terminal, messages } = context;
  const { service } = messages.delivery;
  const { CONFIG_FOLDER } = await import('../operations/operations.ts');
  const folder = place(CONFIG_FOLDER);
  mkdirSync(folder, { recursive: true, mode: FOLDER });
  const files = [
    { from: '.env', to: 'drawbridge.env', mode: SECRET_FILE, otherwise: ENV_HEADER },
    { from: 'drawbridge.yaml', to: 'drawbridge.yaml', mode: SETTINGS_FILE, otherwise: null },
  ];
  for (const { from, to, mode, otherwise } of files) {
    const path = join(folder, to);
    if (existsSync(path)) terminal.note(service.kept(path));
    else if (existsSync(from) && resolve(from) !== path) {
      copyFileSync(from, path);
      chmodSync(path, mode);
      terminal.note(service.takenOver(resolve(from), path));
    } else if (otherwise !== null) writeFile(context, path, otherwise, mode);
  }
  if (!isElsewhere) run(context, 'chown', ['--recursive', `root:${user}`, folder]);
}

/** Whole or not at all. */
function writeFile({ terminal, messages }: CommandContext, path: string, text: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.partial`;
  writeFileSync(partial, text, { mode });
  chmodSync(partial, mode);
  renameSync(partial, path);
  terminal.note(messages.delivery.service.wrote(path));
}
