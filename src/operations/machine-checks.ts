// What the doctor looks at outside of the database: the machine, the files and the configuration. They need nothing that runs,
// so they also explain why a server does not start.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import { type Config, loadConfig, processEnvironment } from '../kernel/config.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import { describePortOwner, findPortOwner, isPortFree, ownerRuns } from '../kernel/port-owner.ts';
import type { Check, Outcome } from './doctor-check.ts';
import type { HostSystem } from './host-system.ts';

const OLDEST_NODE = 24;
const LOW_SPACE_BYTES = 1024 * 1024 * 1024;
const NO_SPACE_BYTES = 100 * 1024 * 1024;
const BYTES_PER_MB = 1024 * 1024;
const OTHERS_READ = 0o004;
/** Nothing of this program is older. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
/** What a server of this installation has in its command line. */
const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const WEB_APP = new URL('../../web/dist/index.html', import.meta.url);

export interface MachineContext {
  /** Null when the configuration is too wrong to be used. */
  config: Config | null;
  clock: Clock;
  text: DoctorMessages;
  /** The server runs in this process, so its port is taken by right. */
  isServing: boolean;
  /** The machine that is asked; tests bring their own. */
  system?: HostSystem;
}

const ok = (what: string): Outcome => ({ state: 'ok', what });

export const MACHINE_CHECKS: readonly Check<MachineContext>[] = [
  { id: 'node_version', run: checkNode },
  { id: 'configuration', run: checkConfiguration },
  { id: 'web_app', run: checkWebApp },
  { id: 'clock', run: checkClock },
  { id: 'data_directory', run: checkDataDirectory },
  { id: 'secret_files', run: checkSecretFiles },
  { id: 'disk_space', run: checkDiskSpace },
  { id: 'port', run: checkPort },
];

function checkNode({ text: { what } }: MachineContext): Outcome {
  const { version } = process;
  const major = Number(version.slice(1).split('.')[0]);
  return major >= OLDEST_NODE ? ok(what.nodeIs(version)) : { state: 'error', what: what.nodeOld(version) };
}

/** The configuration as the next start would read it. */
function checkConfiguration({ text: { what } }: MachineContext): Outcome {
  const { problems, warnings } = loadConfig({ env: processEnvironment(), cwd: process.cwd() });
  const lines = (issues: readonly { key: string; text: string }[]) =>
    issues.map((issue) => `${issue.key}: ${issue.text}`);
  if (problems.length > 0)
    return { state: 'error', what: what.configProblems(problems.length), evidence: lines(problems) };
  if (warnings.length > 0)
    return { state: 'warning', what: what.configWarnings(warnings.length), evidence: lines(warnings) };
  return ok(what.configFine);
}

function checkWebApp({ text: { what } }: MachineContext): Outcome {
  return existsSync(WEB_APP) ? ok(what.webBuilt) : { state: 'warning', what: what.webMissing };
}

function checkClock({ text: { what }, clock }: MachineContext): Outcome {
  const now = clock.now();
  const time = toTimestamp(now);
  return now > EARLIEST_MS && now < LATEST_MS
    ? ok(what.clockIs(time))
    : { state: 'error', what: what.clockWrong(time) };
}

function checkDataDirectory({ text: { what }, config }: MachineContext): Outcome {
  if (!config) return { state: 'skipped', what: what.skipped };
  const { dataDir } = config;
  if (!existsSync(dataDir)) return { state: 'warning', what: what.dataMissing(dataDir) };
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return { state: 'error', what: what.dataUnwritable(dataDir, code) };
  }
  const { uid } = statSync(dataDir);
  const user = process.getuid?.() ?? uid;
  // As root the files come to belong to root, and the next start as the owner fails.
  return uid === user
    ? ok(what.dataFine(dataDir))
    : { state: 'warning', what: what.dataForeign(dataDir, uid, user) };
}

function checkSecretFiles({ text: { what }, config }: MachineContext): Outcome {
  const files = ['.env', 'drawbridge.yaml'].map((name) => join(process.cwd(), name));
  const open = files.filter((path) => hasMode(path, OTHERS_READ));
  if (config && hasMode(config.dataDir, OTHERS_READ)) {
    const inside = ['drawbridge.db', 'control.sock'].map((name) => join(config.dataDir, name));
    open.push(...inside.filter((path) => hasMode(path, OTHERS_READ)));
  }
  if (open.length === 0) return ok(what.secretsFine);
  return { state: 'warning', what: what.secretsOpen(open.length), evidence: open };
}

function hasMode(path: string, bits: number): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & bits) !== 0;
}

async function checkDiskSpace({ text: { what }, config }: MachineContext): Promise<Outcome> {
  if (!config || !existsSync(config.dataDir)) return { state: 'skipped', what: what.skipped };
  const { bavail, bsize } = await statfs(config.dataDir);
  const free = bavail * bsize;
  const sentence = what.spaceIs(Math.floor(free / BYTES_PER_MB));
  const state = free < NO_SPACE_BYTES ? 'error' : free < LOW_SPACE_BYTES ? 'warning' : 'ok';
  return { state, what: sentence };
}

async function checkPort({ text: { what }, config, isServing }: MachineContext): Promise<Outcome> {
  if (!config) return { state: 'skipped', what: what.skipped };
  const { host, port } = config;
  if (isServing) return ok(what.portServing(port));
  if (await isPortFree(host, port)) return ok(what.portFree(port));
  const owner = findPortOwner(port);
  // With a database server, this program may run here with a data folder of its own.
  if (config.databaseUrl !== null && owner && ownerRuns(owner, PROGRAM)) return ok(what.portServing(port));
  // Only a start needs it; whoever asks without starting may have another server there on purpose.
  return {
    state: 'warning',
    what: owner ? what.portUsed(port, describePortOwner(owner)) : what.portUsedUnknown(port),
  };
}
