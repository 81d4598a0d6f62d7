// Taking an older system over, as its operator does: the command with a running server, run again, over changed files, with its
// tasks and its people; and what answers under the old names afterwards, to whom.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { runCommand } from '../harness/command-line.ts';

const KEY_SHAPED = `${'0123456789abcdef'.repeat(2)}.png`;
let app: TestApp;
let folder: string;
let records: string;

const paint = (color: string, format: 'png' | 'jpeg') =>
  sharp({ create: { width: 80, height: 60, channels: 3, background: color } })
    .toFormat(format)
    .toBuffer();

before(async () => {
  app = await startTestApp({ sandbox: { instantPicture: true } });
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-import-'));
  records = mkdtempSync(join(tmpdir(), 'drawbridge-records-'));
  mkdirSync(join(folder, '2024', '一月'), { recursive: true });
  writeFileSync(join(folder, 'lake 1.png'), await paint('#135', 'png'));
  writeFileSync(join(folder, 'copy.png'), await paint('#135', 'png'));
  writeFileSync(join(folder, '2024', '一月', 'cat.jpg'), await paint('#531', 'jpeg'));
  writeFileSync(join(folder, KEY_SHAPED), await paint('#777', 'png'));
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  writeFileSync(join(folder, 'notes.txt'), 'not meant');
});
after(async () => {
  await app.close();
  for (const path of [folder, records]) rmSync(path, { recursive: true, force: true });
});

/** The command, as an administrator runs it from any machine. */
async function importInto(target: TestApp, ...args: string[]) {
  const env = { DRAWBRIDGE_URL: target.url, DRAWBRIDGE_API_KEY: target.adminKey };
  const { code, stdout, stderr } = await runCommand(['import', ...args, '--json'], env);
  return { code, stderr, report: stdout === '' ? null : JSON.parse(stdout) };
}

async function fetchMedia(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}${path}`, { headers });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('a dry run says what would come and changes nothing', async () => {
  const { code, report } = await importInto(app, '--kind', 'final', folder, '--dry-run');
  assert.equal(code, 3);
  assert.equal(report.files.imported, 5);
  assert.deepEqual(
    report.left.map(({ name }: { name: string }) => name),
    ['notes.txt'],
  );
  assert.equal((await fetchMedia('/media/final/copy.png')).status, 404);
  assert.equal((await app.request('GET', '/v1/images')).json.data.length, 0);
});

test('pictures come in once, and answer under the names they had', async () => {
  const first = await importInto(app, '--kind', 'final', folder);
  assert.equal(first.code, 3, first.stderr);
  assert.deepEqual({ ...first.report.files, bytes: 0 }, { imported: 3, linked: 1, known: 0, bytes: 0 });
  const reasons = Object.fromEntries(
    first.report.left.map(({ name, reason }: { name: string; reason: string }) => [name, reason]),
  );
  assert.match(reasons['broken.png'], /picture/i);
  assert.match(reasons['notes.txt'], /not a PNG/);
  const source = readFileSync(join(folder, 'lake 1.png'));
  for (const path of [
    '/media/final/lake%201.png',
    '/media/final/copy.png',
    '/images/lake%201.png',
    `/images/${encodeURIComponent('copy.png')}`,
  ]) {
    const { status, bytes } = await fetchMedia(path);
    assert.equal(status, 200, path);
    assert.equal(sha256(bytes), sha256(source), path);
  }
  const deep = `/2024/${encodeURIComponent('一月')}/cat.jpg`;
  for (const path of [`/media/final${deep}`, `/images${deep}`, `/media/final/${KEY_SHAPED}`])
    assert.equal((await fetchMedia(path)).status, 200, path);
  for (const path of [
    '/media/hd/copy.png',
    '/media/final/2024',
    '/images/2024/..%2fcopy.png',
    '/images/no.png',
  ])
    assert.equal((await fetchMedia(path)).status, 404, path);

  const again = await importInto(app, '--kind', 'final', folder);
  assert.deepEqual({ ...again.report.files, bytes: 0 }, { imported: 0, linked: 0, known: 4, bytes: 0 });
  assert.equal((await app.request('GET', '/v1/images')).json.data.length, 3);
});

test('a name that means other bytes already is kept, and said', async () => {
  const changed = mkdtempSync(join(tmpdir(), 'drawbridge-import-'));
  try {
    writeFileSync(join(changed, 'copy.png'), await paint('#fff', 'png'));
    const { code, report } = await importInto(app, '--kind', 'final', changed);
    assert.equal(code, 3);
    assert.equal(report.left[0].name, 'copy.png');
    assert.match(report.left[0].reason, /other bytes/);
    const kept = await fetchMedia('/media/final/copy.png');
    assert.equal(sha256(kept.bytes), sha256(readFileSync(join(folder, 'copy.png'))));
    // The same name is free for another kind, and an original is an upload that nobody collects.
    const original = await importInto(app, '--kind', 'original', changed);
    assert.equal(original.report.files.imported, 1, JSON.stringify(original.report));
    assert.equal((await fetchMedia('/media/original/copy.png')).status, 200);
  } finally {
    rmSync(changed, { recursive: true, force: true });
  }
});

test('people keep their credits, and their tasks answer to them alone', async () => {
  const pictures = mkdtempSync(join(tmpdir(), 'drawbridge-import-'));
  try {
    cpSync(join(folder, 'lake 1.png'), join(pictures, 'hers.png'));
    const users = join(records, 'users.csv');
    const tasks = join(records, 'tasks.jsonl');
    writeFileSync(users, '\uFEFFuser_id,nickname,points\nu-1,小美,12.5\nu-2,Tom,0\n,nobody,1\nu-3,x,-4\n');
    const lines = [
      {
        task_id: 'old-1',
        prompt: 'a lake at night',
        status: 'completed',
        result_urls: ['https://old.example/media/final/hers.png?x=1'],
        user_id: 'u-1',
        created_at: 1_700_000_000,
      },
      {
        task_id: 'old-2',
        prompt: 'never done',
        status: 'processing',
        user_id: 'u-2',
        created_at: '2024-01-02',
      },
    ];
    writeFileSync(tasks, lines.map((line) => JSON.stringify(line)).join('\n'));
    const args = ['--kind', 'final', pictures, '--tasks', tasks, '--balances', users];
    const dry = await importInto(app, ...args, '--dry-run');
    assert.deepEqual(dry.report.accounts, { opened: 2, known: 0 });
    assert.equal(dry.report.files.imported, 1, JSON.stringify(dry.report));
    const { report, stderr } = await importInto(app, ...args);
    assert.ok(report, stderr);
    assert.deepEqual(report.accounts, { opened: 2, known: 0 });
    assert.deepEqual(report.tasks, { imported: 2, known: 0 });
    assert.equal(report.left.length, 2);
    const again = await importInto(app, ...args);
    assert.deepEqual(again.report.accounts, { opened: 0, known: 2 });
    assert.deepEqual(again.report.tasks, { imported: 0, known: 2 });
    assert.equal(again.report.files.known, 1);

    const accounts = (await app.request('GET', '/v1/admin/accounts')).json.data;
    const idOf = (name: string) => accounts.find((account: { name: string }) => account.name === name).id;
    const hers = { 'x-account-id': idOf('小美') };
    const his = { 'x-account-id': idOf('Tom') };
    const credits = await app.request('GET', '/v1/credits', undefined, hers);
    assert.equal(credits.json.available_credits, 12.5);
    const task = await app.request('GET', '/status/old-1', undefined, hers);
    assert.equal(task.json.status, 'completed', task.text);
    assert.equal(task.json.created_at, '2023-11-14T22:13:20.000Z');
    assert.equal((await fetch(task.json.result_urls[0])).status, 200);
    const image = (await app.request('GET', '/v1/images', undefined, hers)).json.data[0];
    assert.equal(image.prompt, 'a lake at night');
    assert.equal(image.created_at, task.json.created_at);
    const share = await app.request('GET', '/api/share?taskId=old-1', undefined, hers);
    assert.equal(share.status, 200, share.text);
    const unfinished = await app.request('GET', '/api/image-details?taskId=old-2', undefined, his);
    assert.equal(unfinished.json.status, 'failed');
    assert.match(unfinished.json.error, /not finished/);
    assert.equal((await app.request('GET', '/tasks', undefined, his)).json[0].task_id, 'old-2');
    for (const path of ['/status/old-1', '/api/image-details?taskId=old-1', '/api/share?taskId=old-1'])
      assert.equal((await app.request('GET', path, undefined, his)).status, 404, path);
    const verified = await app.request('GET', '/v1/admin/credits/verify');
    assert.equal(verified.json.ok, true, verified.text);
  } finally {
    rmSync(pictures, { recursive: true, force: true });
  }
});

test('what cannot be imported is said before anything is', async () => {
  const cases: [args: string[], pattern: RegExp][] = [
    [[], /nothing to import/],
    [[folder], /--kind is missing/],
    [['--kind', 'thumb', folder], /--kind is missing/],
    [['--kind', 'final', '/nowhere'], /cannot be read: ENOENT/],
    [['--tasks', join(folder, 'no.csv')], /cannot be read/],
  ];
  for (const [args, pattern] of cases) {
    const { code, stderr } = await importInto(app, ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
  }
});

test('bytes that are not those that were sent are refused', async () => {
  const form = new FormData();
  const fields = { kind: 'final', name: 'x.png', sha256: '0'.repeat(64) };
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([new Uint8Array(await paint('#abc', 'png'))]), 'x.png');
  const answer = await app.request('POST', '/v1/admin/import/pictures', form);
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.json.errors[0].pointer, '/sha256');
  assert.equal((await fetchMedia('/media/final/x.png')).status, 404);
});

for (const database of ['sqlite', 'postgres'] as const) {
  test(`under private access an old name opens for its owner alone, on ${database}`, async () => {
    const env = { DRAWBRIDGE_MEDIA_ACCESS: 'private' };
    const secret = await startTestApp({ database, sandbox: { instantPicture: true }, env });
    try {
      const { report, stderr } = await importInto(secret, '--kind', 'hd', folder);
      assert.equal(report?.files.imported, 3, stderr);
      const other = (await secret.request('POST', '/v1/admin/accounts', { name: 'other' })).json.id;
      for (const path of ['/media/hd/copy.png', '/images/copy.png', `/media/hd/${KEY_SHAPED}`]) {
        assert.equal((await fetch(`${secret.url}${path}`)).status, 404, path);
        assert.equal((await secret.request('GET', path)).status, 200, path);
        const foreign = await secret.request('GET', path, undefined, { 'x-account-id': other });
        assert.equal(foreign.status, 404, path);
      }
    } finally {
      await secret.close();
    }
  });
}

test('on the server itself it goes through the control socket, without an address or a key', async () => {
  const local = mkdtempSync(join(tmpdir(), 'drawbridge-local-'));
  writeFileSync(join(local, 'by-socket.png'), await paint('#264', 'png'));
  // Nothing listens on this port: only the socket in the data directory leads to the server.
  const env = { DRAWBRIDGE_DATA_DIR: app.dataDir, DRAWBRIDGE_PORT: '1' };
  try {
    const args = ['import', '--kind', 'final', local, '--json'];
    const first = await runCommand(args, env);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(JSON.parse(first.stdout).files.imported, 1);
    assert.equal((await fetchMedia('/media/final/by-socket.png')).status, 200);
    const again = await runCommand(args, env);
    assert.deepEqual([JSON.parse(again.stdout).files.imported, JSON.parse(again.stdout).files.known], [0, 1]);
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
});
