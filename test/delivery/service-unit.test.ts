// Rows O1 and O2: the unit that `drawbridge service install` writes, judged by systemd itself, and the app's own end-to-end
// tests under its restrictions: no root, no capability, nothing writable but /tmp, and only the system calls that it names.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { serviceUnit } from '../../src/operations/service-unit.ts';
import { runCommand } from '../harness/command-line.ts';
import { missing } from './nginx-server.ts';
import { allowedCalls, seccompFilter } from './seccomp-filter.ts';

/** Tenths: 2.0. */
const MOST_EXPOSURE = 20;
const ROOT = join(import.meta.dirname, '..', '..');
/** A folder that every machine has, for the checkout to appear in. */
const INSIDE = '/mnt';
const NOBODY = '65534';
/** Tasks from end to end inside the process, and the launcher as a process of its own. */
const END_TO_END = [
  ['test/whole/tasks.test.ts'],
  ['test/whole/start.test.ts', '--test-name-pattern=PORT alone'],
];

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-unit-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const unit = (more: Partial<Parameters<typeof serviceUnit>[0]> = {}) =>
  serviceUnit({
    role: 'all',
    user: 'drawbridge',
    programFolder: '/opt/drawbridge',
    dataDir: '/var/lib/drawbridge',
    writable: [],
    ...more,
  });

test('O1 systemd finds the exposure of every unit at most 2.0', { skip: missing('systemd-analyze') }, () => {
  const units = {
    'drawbridge.service': unit(),
    'drawbridge-worker.service': unit({ role: 'worker', dataDir: '/var/lib/drawbridge-worker' }),
    'drawbridge-at-home.service': unit({
      programFolder: '/home/ann/drawbridge',
      dataDir: '/home/ann/pictures',
      writable: ['/srv/media', '/root/backup'],
    }),
  };
  for (const [name, text] of Object.entries(units)) {
    const path = join(folder, name);
    writeFileSync(path, text);
    const args = ['security', '--offline=true', `--threshold=${MOST_EXPOSURE}`, '--no-pager', path];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout.split('\n').slice(-3).join('\n'));
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure > 0 && exposure <= MOST_EXPOSURE / 10, `${name}: ${exposure}`);
  }
});

test('folders outside the state folder are writable, homes show only what is named', () => {
  const text = unit({
    programFolder: '/home/ann/drawbridge',
    dataDir: '/srv/data',
    writable: ['/srv/media', '/home/ann/backup'],
  });
  assert.match(text, /^ReadWritePaths=\/srv\/data$/m);
  assert.match(text, /^ReadWritePaths=\/srv\/media$/m);
  assert.match(text, /^ProtectHome=tmpfs$/m);
  assert.match(text, /^BindReadOnlyPaths=\/home\/ann\/drawbridge$/m);
  assert.match(text, /^BindPaths=\/home\/ann\/backup$/m);
  assert.ok(!/^StateDirectory=/m.test(text));
  assert.match(unit(), /^StateDirectory=drawbridge$/m);
  const worker = unit({ role: 'worker', dataDir: '/var/lib/drawbridge-worker' });
  assert.match(worker, /serve --role worker$/m);
  assert.match(worker, /^StateDirectory=drawbridge-worker$/m);
  assert.match(worker, /^EnvironmentFile=-\/etc\/drawbridge\/drawbridge-worker\.env$/m);
});

/** Nothing of the machine can be written, no capability, no privilege to gain, a /tmp of its own. */
function bubblewrap(filter: string | null): string[] {
  const drop =
    process.getuid?.() === 0
      ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs']
      : [];
  return [
    ...drop,
    'bwrap',
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent'],
    ...['--cap-drop', 'ALL', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
    ...['--ro-bind', ROOT, INSIDE, '--chdir', '/tmp', '--setenv', 'HOME', '/nonexistent'],
    // Node's own place for compiled code cannot be written; it must do without.
    ...(filter === null ? [] : ['--seccomp', '3']),
  ];
}

async function inside(command: readonly string[], filter: string | null) {
  const [program = '', ...args] = [...bubblewrap(filter), ...command];
  const child = spawn(program, args, {
    env: { PATH: `${join(INSIDE, 'node_modules/.bin')}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe', ...(filter === null ? [] : [openSync(filter, 'r')])],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const [code] = await once(child, 'close');
  return { code: code as number | null, output };
}

/** The checkout lies where nobody may look, or the machine gives nobody a user namespace. */
function whyNotConfined(): string | false {
  const lacking = missing('bwrap') || missing('setpriv') || missing('scmp_sys_resolver');
  if (lacking) return lacking;
  for (let path = ROOT; path !== '/'; path = dirname(path))
    if ((statSync(path).mode & 0o005) !== 0o005) return `${path} is not readable for everybody`;
  const [program = '', ...args] = [...bubblewrap(null), 'true'];
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? false : `bwrap cannot confine here: ${stderr.trim()}`;
}

const skip = whyNotConfined();

test('O2 the program runs end to end without root, capabilities, a writable system or other calls', {
  skip,
}, async () => {
  const filter = join(folder, 'filter.bpf');
  const calls = allowedCalls(unit());
  assert.ok(calls.includes('epoll_wait') && !calls.includes('mount') && !calls.includes('chown'));
  writeFileSync(filter, seccompFilter(calls), { mode: 0o644 });
  const confined = await inside(
    [
      'sh',
      '-c',
      'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status; id -u; touch /etc/x || echo kept',
    ],
    filter,
  );
  assert.match(confined.output, /CapEff:\t0{16}/);
  assert.match(confined.output, /NoNewPrivs:\t1/);
  assert.match(confined.output, /Seccomp:\t2/);
  assert.match(confined.output, /kept/);
  assert.ok(!/^0$/m.test(confined.output), 'not root');
  // A filter that lets everything through would prove nothing.
  const refused = await inside(['chown', NOBODY, '/tmp'], filter);
  assert.match(refused.output, /Operation not permitted/);
  for (const [file = '', ...options] of END_TO_END) {
    const { code, output } = await inside(['node', '--test', ...options, join(INSIDE, file)], filter);
    assert.equal(code, 0, output.slice(-6_000));
    assert.match(output, /pass [1-9]/);
  }
});

test('service install --print prints the unit, and --root writes it with its settings', async () => {
  const cwd = join(folder, 'here');
  execFileSync('mkdir', ['-p', cwd]);
  writeFileSync(join(cwd, '.env'), 'DRAWBRIDGE_ADMIN_KEY=dbk_of-a-test-that-is-long-enough\n');
  const printed = await runCommand(['service', 'install', '--print', '--role', 'worker'], {}, cwd);
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(
    printed.stdout,
    /ExecStart=\S+\/bin\/drawbridge --data-dir \/var\/lib\/drawbridge-worker serve/,
  );
  const target = join(folder, 'image');
  const written = await runCommand(['service', 'install', '--root', target], {}, cwd);
  assert.equal(written.code, 0, written.stderr);
  const env = join(target, 'etc/drawbridge/drawbridge.env');
  assert.equal(statSync(env).mode & 0o777, 0o600);
  assert.match(readFileSync(env, 'utf8'), /DRAWBRIDGE_ADMIN_KEY/);
  assert.match(
    readFileSync(join(target, 'etc/systemd/system/drawbridge.service'), 'utf8'),
    /User=drawbridge/,
  );
  const again = await runCommand(['service', 'install', '--root', target], {}, folder);
  assert.match(again.stderr, /Kept as it is/);
});

test('without systemd, service says so and what to do instead', async () => {
  const env = { PATH: '/nonexistent:/usr/bin:/bin' };
  const answer = await runCommand(['service', 'start', '--json'], env);
  // On a machine that runs systemd the unit is unknown, which is another failure.
  if (answer.code === 6) {
    const problem = JSON.parse(answer.stderr) as { code: string; fix: string };
    assert.equal(problem.code, 'no_systemd');
    assert.match(problem.fix, /docker compose up -d/);
    assert.match(problem.fix, /DRAWBRIDGE_LOG_FILE/);
  } else assert.equal(answer.code, 1);
  const wrong = await runCommand(['service', 'start', '--role', 'captain'], {});
  assert.equal(wrong.code, 2);
});
