// A release of code on a server: the files that git tracks go to a folder of their own, their packages are installed there, and
// one rename of the link `current` makes it the one in use. Until then nothing that runs is touched; the one before stays, and
// comes back by the same rename.
import { execFile } from 'node:child_process';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, sleep } from '../kernel/clock.ts';
import type { CodeTargetConfig } from '../kernel/config-sync.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { SyncFault } from './fault.ts';
import { isPrivate } from './selection.ts';
import { type SftpConnection, shellWord } from './sftp-connection.ts';
import type { SftpTarget } from './sftp-target.ts';

const MOST_GIT_BYTES = 64 * 1024 * 1024;
const RELEASE_NAME = /^\d{8}-\d{6}-[0-9a-f]{7,40}(?:-changed)?$/;
const CHECK_TRIES = 15;
const CHECK_WAIT_MS = 1_000;
const CHECK_TIMEOUT_MS = 10_000;
const MOST_TOLD_CHARS = 2_000;
const runGit = promisify(execFile);

export interface Checkout {
  /** Paths that git tracks, without those that never leave the machine. */
  paths: string[];
  leftOut: string[];
  commit: string;
  /** Tracked files differ from the commit. */
  isChanged: boolean;
}

/** The last words of a command's output: where it says what went wrong. */
const lastWords = (text: string) => text.trim().slice(-MOST_TOLD_CHARS);

async function git(folder: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await runGit('git', ['-C', folder, ...args], { maxBuffer: MOST_GIT_BYTES });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const why = lastWords(stderr) || 'git is not there';
    throw new SyncFault('source', `${folder} is no checkout that git can read: ${why}`, error);
  }
}

/** What git tracks below a folder. The data directory and everything secret stays, tracked or not. */
export async function readCheckout(folder: string, dataDir: string): Promise<Checkout> {
  const listed = await git(folder, 'ls-files', '-z', '--recurse-submodules');
  const data = relative(folder, dataDir).replaceAll('\\', '/');
  const isData = (path: string) =>
    path.startsWith('data/') || (data !== '' && !data.startsWith('..') && path.startsWith(`${data}/`));
  const paths: string[] = [];
  const leftOut: string[] = [];
  for (const path of listed.split('\0').filter((one) => one !== ''))
    (isData(path) || isPrivate(path) ? leftOut : paths).push(path);
  if (paths.length === 0) throw new SyncFault('source', `git tracks nothing in ${folder}`);
  const commit = (await git(folder, 'rev-parse', '--short=12', 'HEAD')).trim();
  const status = await git(folder, 'status', '--porcelain', '--untracked-files=no');
  return { paths, leftOut, commit, isChanged: status.trim() !== '' };
}

/** `20260131-120000-1a2b3c4d5e6f`: sorts by time, names its commit. */
export function releaseName(nowMs: number, { commit, isChanged }: Checkout): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '');
  return `${stamp.replace('T', '-')}-${commit}${isChanged ? '-changed' : ''}`;
}

/** Commands on the server, each of which must succeed. */
export class ReleaseFolder {
  readonly #target: SftpTarget;
  readonly #config: CodeTargetConfig;
  readonly #clock: Clock;

  constructor(target: SftpTarget, config: CodeTargetConfig, clock: Clock) {
    this.#target = target;
    this.#config = config;
    this.#clock = clock;
  }

  pathOf(name: string): string {
    return `${this.#config.path}/releases/${name}`;
  }

  /** The releases that are there, oldest first, and the one in use. */
  async list(): Promise<{ names: string[]; current: string | null }> {
    const { path } = this.#config;
    const listed = await this.#try(`ls -1 ${shellWord(`${path}/releases`)} 2>/dev/null; true`);
    const names = listed.split('\n').filter((name) => RELEASE_NAME.test(name));
    const link = (await this.#try(`readlink ${shellWord(`${path}/current`)} || true`)).trim();
    const current = link.slice(link.lastIndexOf('/') + 1);
    return { names: names.toSorted(), current: names.includes(current) ? current : null };
  }

  /** Installs what the release needs, in its own folder. */
  async install(name: string, onOutput: (text: string) => void): Promise<void> {
    const { install } = this.#config;
    if (install === null) return;
    await this.#must(`cd ${shellWord(this.pathOf(name))} && ${install}`, 'the installation', onOutput);
  }

  /** Makes a release the one in use: a new link takes the name of the old one in one step. */
  async use(name: string): Promise<void> {
    const { path } = this.#config;
    const [fresh, link] = [shellWord(`${path}/.current.new`), shellWord(`${path}/current`)];
    const blocked = `[ ! -e ${link} ] || [ -L ${link} ]`;
    await this.#must(`${blocked}`, `${path}/current is no link; it was left alone: the switch`);
    await this.#must(
      `ln -sfn ${shellWord(`releases/${name}`)} ${fresh} && mv -fT ${fresh} ${link}`,
      'the switch',
    );
  }

  async restart(onOutput: (text: string) => void): Promise<void> {
    const { restart } = this.#config;
    if (restart !== null) await this.#must(restart, 'the restart', onOutput);
  }

  /** Waits until the configured address answers with 200. Throws `failed` when it does not. */
  async check(outbound: Outbound): Promise<void> {
    const { checkUrl } = this.#config;
    if (checkUrl === null) return;
    let last = 'no answer';
    for (let tries = 0; tries < CHECK_TRIES; tries += 1) {
      if (tries > 0) await sleep(this.#clock, CHECK_WAIT_MS);
      try {
        const answer = await outbound.request({
          method: 'GET',
          url: checkUrl,
          purpose: 'release check',
          allow: 'configured',
          totalTimeoutMs: CHECK_TIMEOUT_MS,
        });
        answer.discard();
        if (answer.status === 200) return;
        last = `HTTP ${answer.status}`;
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
    }
    throw new SyncFault('failed', `${checkUrl} does not answer with 200 after the switch (${last})`);
  }

  /** Removes the oldest releases beyond those to keep, never the one in use or the one before it. */
  async prune(): Promise<string[]> {
    const { names, current } = await this.list();
    const at = current === null ? -1 : names.indexOf(current);
    const kept = new Set([current, names[at - 1], ...names.slice(-this.#config.keep)]);
    const removed = names.filter((name) => !kept.has(name));
    for (const name of removed) await this.remove(name);
    return removed;
  }

  async remove(name: string): Promise<void> {
    if (!RELEASE_NAME.test(name)) throw new SyncFault('failed', `${name} is no release`);
    await this.#try(`rm -rf ${shellWord(this.pathOf(name))}`);
  }

  async #run(command: string, onOutput?: (text: string) => void) {
    return this.#target.use(({ connection }: { connection: SftpConnection }) =>
      connection.run(command, onOutput),
    );
  }

  async #try(command: string): Promise<string> {
    return (await this.#run(command)).stdout;
  }

  async #must(command: string, what: string, onOutput?: (text: string) => void): Promise<void> {
    const { code, stdout, stderr } = await this.#run(command, onOutput);
    if (code === 0) return;
    const words = lastWords(stderr) || lastWords(stdout);
    throw new SyncFault('failed', `${what} failed with code ${code}${words === '' ? '' : `: ${words}`}`);
  }
}
