// How fast `drawbridge sync` is beside rsync and rclone, over a real OpenSSH server on this machine, one after another in one run:
// many small files, a second run that finds everything there, and some large files. That all files arrived is checked.
// Usage: node bench/sync.ts [--small 10000] [--large 20] [--large-mb 64] [--rounds 1]
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { syncMedia } from '../src/sync/sync.ts';
import { startSshServer } from '../test/sync/ssh-server.ts';

const { values } = parseArgs({
  options: {
    small: { type: 'string', default: '10000' },
    large: { type: 'string', default: '20' },
    'large-mb': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '1' },
  },
});
const SMALL_BYTES = 20 * 1024;
const BYTES_PER_MB = 1024 * 1024;
const WRITE_AT_ONCE = 8 * BYTES_PER_MB;

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-sync-'));
const ssh = await startSshServer();
// The clock's timers hold no process.
const stay = setInterval(() => {}, 1_000);

function makeSmall(root: string, count: number): void {
  const noise = randomBytes(SMALL_BYTES + count);
  for (let index = 0; index < count; index += 1) {
    const below = join(root, 'thumb', index.toString(16).padStart(4, '0').slice(-2));
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${index}.webp`), noise.subarray(index, index + SMALL_BYTES));
  }
}

function makeLarge(root: string, count: number, bytes: number): void {
  const noise = randomBytes(WRITE_AT_ONCE);
  mkdirSync(join(root, 'final'), { recursive: true });
  for (let index = 0; index < count; index += 1) {
    const path = join(root, 'final', `${index}.png`);
    writeFileSync(path, '');
    for (let at = 0; at < bytes; at += WRITE_AT_ONCE)
      writeFileSync(path, noise.subarray(0, Math.min(WRITE_AT_ONCE, bytes - at)), { flag: 'a' });
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

const knownHosts = join(folder, 'known_hosts');
writeFileSync(knownHosts, ssh.knownHosts());
const shell = `ssh -p ${ssh.port} -i ${ssh.keyFile} -o UserKnownHostsFile=${knownHosts} -c aes128-gcm@openssh.com`;
const { user } = ssh.target();

/** Each sends `from` to `to`; we check what arrived by its SHA-256 there, rsync by its own sums, rclone by size alone. */
const TOOLS: Record<string, (from: string, to: string) => Promise<void>> = {
  async drawbridge(from, to) {
    const { report } = await syncMedia(
      {
        target: ssh.target({ path: to }),
        from,
        media: { root: from, stores: [] },
        rules: { mode: 'incremental', overwrite: false },
        selection: { include: [], exclude: [] },
        isDryRun: false,
      },
      {
        clock: systemClock,
        openOutbound: () => Promise.reject(new Error('nothing is fetched')),
        signal: new AbortController().signal,
        onEvent: () => {},
      },
    );
    if (report.state !== 'done') throw new Error(JSON.stringify(report));
  },
  rsync: (from, to) => run('rsync', ['-rt', '--mkpath', '-e', shell, `${from}/`, `${user}@127.0.0.1:${to}/`]),
  rclone: (from, to) =>
    run('rclone', [
      ...['copy', from, `:sftp:${to}`, '--config', '/dev/null', '--transfers', '8', '--checkers', '8'],
      ...['--sftp-host', '127.0.0.1', '--sftp-port', String(ssh.port), '--sftp-user', user],
      // It would start a session for each file to hash it, which takes it 300 ms a file here.
      '--sftp-disable-hashcheck',
      ...['--sftp-key-file', ssh.keyFile, '--sftp-known-hosts-file', knownHosts],
    ]),
};

const countFiles = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

try {
  const [small, large] = [join(folder, 'small'), join(folder, 'large')];
  const largeBytes = Number(values['large-mb']) * BYTES_PER_MB;
  makeSmall(small, Number(values.small));
  makeLarge(large, Number(values.large), largeBytes);
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}; ${values.small} files of 20 kB, ${values.large} of ${values['large-mb']} MB`,
  );
  execFileSync('sync');
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const figures: Record<string, Record<string, string>> = {};
    // Each round another tool goes first.
    const names = Object.keys(TOOLS);
    const order = names.map((_, index) => names[(index + round - 1) % names.length] ?? '');
    for (const name of order) {
      const to = join(folder, 'to', name);
      const send = TOOLS[name] as (from: string, to: string) => Promise<void>;
      const smallS = await timed(() => send(small, join(to, 'small')));
      const againS = await timed(() => send(small, join(to, 'small')));
      const largeS = await timed(() => send(large, join(to, 'large')));
      const arrived = countFiles(to);
      if (arrived !== Number(values.small) + Number(values.large))
        throw new Error(`${name}: ${arrived} files`);
      figures[name] = {
        'small s': smallS.toFixed(1),
        'small files/s': (Number(values.small) / smallS).toFixed(0),
        'nothing new s': againS.toFixed(1),
        'large s': largeS.toFixed(1),
        'large MB/s': ((Number(values.large) * largeBytes) / BYTES_PER_MB / largeS).toFixed(0),
      };
      rmSync(to, { recursive: true, force: true });
    }
    console.log(`round ${round}, in this order: ${order.join(', ')}`);
    console.table(figures);
  }
} finally {
  clearInterval(stay);
  await ssh.close();
  rmSync(folder, { recursive: true, force: true });
}
