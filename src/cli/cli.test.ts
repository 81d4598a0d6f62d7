import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import {
  type Environment,
  type RunningServer,
  runCommand,
  startCommand,
  startServer,
} from '../../test/harness/command-line.ts';
import { VERSION } from '../kernel/version.ts';

const root = mkdtempSync(join(tmpdir(), 'drawbridge-cli-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const freshFolder = () => {
  const folder = join(root, String(++folders));
  mkdirSync(folder);
  return folder;
};
const freshEnv = (): Environment => ({ DRAWBRIDGE_DATA_DIR: join(freshFolder(), 'data') });

const isPng = (path: string) => readFileSync(path).subarray(1, 4).toString() === 'PNG';

describe('help', () => {
  const COMMANDS = [
    'serve',
    'generate',
    'tasks',
    'status',
    'doctor',
    'credits',
    'accounts',
    'keys',
    'gc',
    'migrate',
    'accept-database',
    'openapi',
  ];

  test('lists the commands, in both languages, on standard output', async () => {
    const english = await runCommand(['--help'], {});
    assert.deepEqual([english.code, english.stderr], [0, '']);
    for (const name of COMMANDS) assert.match(english.stdout, new RegExp(`^  ${name}\\b`, 'm'));
    const chinese = await runCommand(['--help'], { DRAWBRIDGE_LANG: 'zh' });
    assert.match(chinese.stdout, /^用法： drawbridge/);
    for (const name of COMMANDS) assert.match(chinese.stdout, new RegExp(`^  ${name}\\b.*[一-龥]`, 'm'));
    assert.ok(!existsSync('/data'), 'help makes no data directory');
    const byLocale = await runCommand(['--help'], { LANG: 'zh_CN.UTF-8' });
    assert.equal(byLocale.stdout, chinese.stdout, 'the locale decides where nothing is set');
    const stronger = { LANG: 'zh_CN.UTF-8', LC_ALL: 'zh_CN.UTF-8', DRAWBRIDGE_LANG: 'en' };
    assert.equal((await runCommand(['--help'], stronger)).stdout, english.stdout);
  });

  test('of a command has its options, examples and exit codes', async () => {
    const { code, stdout } = await runCommand(['generate', '--help'], {});
    assert.equal(code, 0);
    for (const part of [
      '--output <path>',
      '--aspect-ratio <ratio>',
      '--json',
      'Examples:',
      'Exit codes:',
      '130 interrupted',
    ])
      assert.ok(stdout.includes(part), `${part} is missing in\n${stdout}`);
  });

  test('the version is printed anywhere', async () => {
    for (const args of [['--version'], ['tasks', 'list', '--version']])
      assert.equal((await runCommand(args, {})).stdout, `${VERSION}\n`);
  });

  test('wrong usage exits with 2 and says how', async () => {
    for (const args of [
      ['nope'],
      ['tasks', 'show'],
      ['generate', 'x', '--nope'],
      ['generate', 'x', '-n', 'many'],
      ['generate', 'x', '-i', '/nonexistent.png'],
      [],
    ]) {
      const { code, stdout, stderr } = await runCommand(args, freshEnv());
      assert.deepEqual([code, stdout], [2, ''], `${args.join(' ')}\n${stderr}`);
      assert.ok(stderr.length > 0);
    }
  });

  test('all configuration problems come at once, with exit code 2', async () => {
    const env = { ...freshEnv(), DRAWBRIDGE_PORT: 'eighty', DRAWBRIDGE_LOG_LEVEL: 'loud' };
    for (const command of ['serve', 'status']) {
      const { code, stderr } = await runCommand([command], env);
      assert.equal(code, 2);
      assert.match(stderr, /2 problems/);
      assert.match(stderr, /eighty[\s\S]*loud|loud[\s\S]*eighty/);
    }
  });

  test('the OpenAPI document comes as JSON', async () => {
    const { code, stdout } = await runCommand(['openapi'], {});
    assert.equal(code, 0);
    assert.ok(JSON.parse(stdout).paths['/readyz'].get);
  });
});

describe('without a server', () => {
  const env = freshEnv();
  const files = freshFolder();

  test('migrate says what it applied, and the second time that there is nothing to do', async () => {
    const first = await runCommand(['migrate', '--json'], env);
    assert.equal(first.code, 0, first.stderr);
    const { applied, current } = JSON.parse(first.stdout);
    assert.equal(applied[0], '0001_kernel');
    assert.equal(applied.at(-1), current);
    const second = await runCommand(['migrate'], env);
    assert.equal(second.stdout, `Nothing to do: the database is at ${current}.\n`);
  });

  test('commands that only look say that there is no data, in both languages, and make nothing', async () => {
    const folder = freshFolder();
    const nothing = { DRAWBRIDGE_DATA_DIR: join(folder, 'data') };
    for (const args of [['status'], ['credits', 'verify'], ['doctor']]) {
      const { code, stdout, stderr } = await runCommand(args, nothing);
      assert.deepEqual([code, stdout], [5, ''], `${args.join(' ')}\n${stderr}`);
      assert.ok(stderr.includes(`no data in ${folder}/data (DRAWBRIDGE_DATA_DIR)`), stderr);
    }
    const chinese = await runCommand(['tasks', 'list'], { ...nothing, LC_ALL: 'zh_CN.UTF-8' });
    assert.match(chinese.stderr, /没有数据（DRAWBRIDGE_DATA_DIR）[\s\S]*--data-dir/);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('generate makes pictures and prints their paths alone on standard output', async () => {
    const { code, stdout, stderr } = await runCommand(
      ['generate', 'a lighthouse', '-s', '64x64', '-n', '2', '-o', `${files}/out.png`],
      env,
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${files}/out-1.png\n${files}/out-2.png\n`);
    for (const path of stdout.trim().split('\n')) assert.ok(isPng(path));
    assert.deepEqual(readdirSync(files).sort(), ['out-1.png', 'out-2.png'], 'nothing half-written stays');
  });

  test('generate takes a picture from disk, and prints the task as JSON', async () => {
    const args = ['generate', 'in winter', '-i', `${files}/out-1.png`, '-o', `${files}/folder/`, '--json'];
    const { code, stdout, stderr } = await runCommand(args, env);
    assert.equal(code, 0, stderr);
    const { task, files: saved } = JSON.parse(stdout);
    assert.deepEqual([task.mode, task.status], ['image-to-image', 'succeeded']);
    assert.equal(saved[0], `${files}/folder/${task.id}.png`);
    assert.ok(isPng(saved[0]));
  });

  test('an account of its own: opened, given credits, charged, and the ledger verified', async () => {
    const account = (
      await runCommand(['accounts', 'create', 'Reading app', '--grant', '5'], env)
    ).stdout.trim();
    assert.match(account, /^acct_/);
    const granted = await runCommand(
      ['credits', 'grant', account, '2.5', '--reason', '三月', '--key', 'k'],
      env,
    );
    assert.match(granted.stdout, /Granted 2.5 credits .* now has 7.5/);
    await runCommand(['credits', 'grant', account, '2.5', '--reason', '三月', '--key', 'k'], env);
    const shown = await runCommand(['credits', 'show', '--account', account, '--json'], env);
    assert.equal(JSON.parse(shown.stdout).available_credits, 7.5);
    assert.match((await runCommand(['credits', 'verify'], env)).stdout, /The ledger is right/);
    assert.match((await runCommand(['accounts', 'list'], env)).stdout, /Reading app/);
  });

  test('tables are aligned with Chinese text in them', async () => {
    await runCommand(['generate', '雾中的灯塔', '-s', '64x64', '-o', `${files}/`], env);
    const { stdout } = await runCommand(['tasks', 'list'], { ...env, DRAWBRIDGE_LANG: 'zh' });
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^ID\s+状态\s+进度\s+模型\s+创建时间\s+提示词$/);
    assert.ok(lines.some((line) => line.endsWith('雾中的灯塔')));
    const width = (text: string) => [...text].reduce((sum, c) => sum + (/[一-龥]/.test(c) ? 2 : 1), 0);
    const starts = lines.map((line) => width(line.slice(0, line.search(/\s(?=\S+$)/))));
    assert.equal(new Set(starts.slice(1, 2)).size, 1);
    const columns = lines.map((line) => width(line.slice(0, line.indexOf('sandbox'))));
    assert.equal(new Set(columns.slice(1)).size, 1, stdout);
  });

  test('exit codes say what kind of failure it was', async () => {
    const missing = await runCommand(['tasks', 'show', 'task_x', '--json'], env);
    assert.deepEqual([missing.code, missing.stdout, JSON.parse(missing.stderr).code], [5, '', 'not_found']);
    const chinese = await runCommand(['tasks', 'show', 'task_x'], { ...env, DRAWBRIDGE_LANG: 'zh' });
    assert.match(chinese.stderr, /没有这个任务。/);
    assert.doesNotMatch(chinese.stderr, /There is/);
    const noModel = await runCommand(['generate', 'x', '-m', 'nope'], env);
    assert.equal(noModel.code, 5);
    const tooLarge = await runCommand(['generate', 'x', '-n', '99'], env);
    assert.equal(tooLarge.code, 2);
    const nowhere = await runCommand(['status'], { ...env, DRAWBRIDGE_URL: 'http://127.0.0.1:9' });
    assert.equal(nowhere.code, 6);
    assert.match(nowhere.stderr, /cannot be reached/);
  });

  test('the doctor is content, and exits with 1 once a ledger row was edited', async () => {
    // Whatever listens on the default port of this machine is not the doctor's business here.
    const own = { ...env, DRAWBRIDGE_PORT: '0' };
    const well = await runCommand(['doctor', '--deep', '--json'], own);
    assert.equal(well.code, 0, well.stdout);
    assert.deepEqual(JSON.parse(well.stdout).findings, []);
    const sql = new DatabaseSync(join(env.DRAWBRIDGE_DATA_DIR ?? '', 'drawbridge.db'));
    sql.exec(
      `drop trigger ledger_transfers_no_update; update ledger_transfers set reason = 'edited' where seq = 1`,
    );
    sql.close();
    const ill = await runCommand(['doctor', '--deep'], own);
    assert.equal(ill.code, 1);
    assert.match(ill.stdout, /^L8 [\s\S]*Evidence: ledger_transfers/m);
    assert.equal((await runCommand(['credits', 'verify'], env)).code, 1);
  });

  test('the doctor explains why nothing can start', async () => {
    const file = join(freshFolder(), 'file');
    writeFileSync(file, '');
    const { code, stdout } = await runCommand(['doctor', '--json'], {
      DRAWBRIDGE_DATA_DIR: join(file, 'data'),
    });
    assert.equal(code, 1);
    assert.ok(JSON.parse(stdout).findings.some(({ id }: { id: string }) => id === 'start'));
  });
});

describe('beside a server', () => {
  const env = freshEnv();
  let server: RunningServer;
  before(async () => {
    server = await startServer({ ...env, DRAWBRIDGE_SANDBOX_SLOW_SECONDS: '60' });
  });
  after(() => server.process.kill('SIGKILL'));

  test('it says where it is and how to get in, with the link on standard error alone', async () => {
    await server.line(/setup#token=/);
    const { stdout, stderr } = server.output();
    assert.match(stdout, /"msg":"environment"/);
    assert.match(stderr, new RegExp(`ready: ${server.url}`));
    assert.match(stderr, new RegExp(`${server.url}/setup#token=dbs_`));
    assert.doesNotMatch(stdout, /dbs_/);
    assert.match(stderr, /DRAWBRIDGE_HOST=0\.0\.0\.0/);
  });

  test('commands go through its socket as administrator', async () => {
    const status = await runCommand(['status', '--json'], env);
    assert.equal(status.code, 0, status.stderr);
    const { serving, pid } = JSON.parse(status.stdout);
    assert.deepEqual([serving, pid], [true, server.process.pid]);
    const files = freshFolder();
    const made = await runCommand(['generate', 'a fox', '-s', '64x64', '-o', `${files}/fox.png`], env);
    assert.equal(made.code, 0, made.stderr);
    assert.ok(isPng(`${files}/fox.png`));
    const winter = await runCommand(
      ['generate', 'in winter', '-i', `${files}/fox.png`, '-o', `${files}/winter.png`],
      env,
    );
    assert.equal(winter.code, 0, winter.stderr);
    assert.equal((await runCommand(['doctor', '--deep'], env)).code, 0);
    assert.equal((await runCommand(['gc'], env)).code, 0);
  });

  test('with an address and a key it works from anywhere, within the key', async () => {
    const { stdout: key } = await runCommand(['keys', 'create', 'reader', '--scopes', 'tasks:read'], env);
    const away = { DRAWBRIDGE_URL: server.url, DRAWBRIDGE_API_KEY: key.trim() };
    const list = await runCommand(['tasks', 'list', '--json', '--limit', '1'], away);
    assert.equal(list.code, 0, list.stderr);
    assert.equal(JSON.parse(list.stdout).data.length, 1);
    assert.equal((await runCommand(['generate', 'x'], away)).code, 4);
    assert.equal((await runCommand(['status'], { DRAWBRIDGE_URL: server.url })).code, 4);
    const [{ id }] = JSON.parse((await runCommand(['keys', 'list', '--json'], env)).stdout).data;
    assert.equal((await runCommand(['keys', 'revoke', id], env)).code, 0);
    assert.equal((await runCommand(['tasks', 'list'], away)).code, 4);
  });

  test('Ctrl-C cancels the task and exits with 130', async () => {
    const command = startCommand(['generate', 'slowly', '-m', 'sandbox-slow'], env);
    const [, id = ''] = await command.line(/Task (task_\w+)/);
    command.process.kill('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    assert.deepEqual([code, stdout], [130, ''], stderr);
    const shown = await runCommand(['tasks', 'show', id, '--json'], env);
    assert.equal(JSON.parse(shown.stdout).status, 'cancelled');
    const again = await runCommand(['tasks', 'retry', id, '--json'], env);
    const retried = JSON.parse(again.stdout);
    assert.equal(retried.retry_of, id);
    assert.equal((await runCommand(['tasks', 'cancel', retried.id], env)).code, 0);
  });

  test('a second server on the same data is refused, naming the first', async () => {
    const { code, stderr } = await runCommand(['serve'], { ...env, DRAWBRIDGE_PORT: '0' });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`in use by process ${server.process.pid} `));
    const migrate = await runCommand(['migrate'], env);
    assert.equal(migrate.code, 1);
  });

  test('a used port names its owner and a free port', async () => {
    const { code, stderr } = await runCommand(['serve'], {
      ...freshEnv(),
      DRAWBRIDGE_PORT: String(server.port),
    });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`held by process ${server.process.pid} \\(`));
    const [, free = ''] = /DRAWBRIDGE_PORT=(\d+)/.exec(stderr) ?? [];
    await new Promise<void>((resolve, reject) => {
      const probe = createServer().once('error', reject);
      probe.listen(Number(free), '127.0.0.1', () => probe.close(() => resolve()));
    });
  });

  test('SIGTERM drains and exits with 0; what waits is taken up at the next start', async () => {
    const command = startCommand(['generate', 'later', '-m', 'sandbox-slow', '--json'], env);
    const [, id = ''] = await command.line(/Task (task_\w+)/);
    await server.line(new RegExp(`"task_id":"${id}"[^\n]*"phase":"waiting"`));
    const { code, stdout } = await server.stop();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /"outcome":"closed"/);
    command.process.kill('SIGKILL');
    const shown = await runCommand(['tasks', 'show', id, '--json'], env);
    assert.ok(['queued', 'running'].includes(JSON.parse(shown.stdout).status));
    assert.equal((await runCommand(['doctor', '--deep'], env)).code, 0);
  });
});
