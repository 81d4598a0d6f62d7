// `drawbridge sync` as its users run it: configuration with secrets from the environment, first and last lines, log file, exit
// codes, and the record that the server keeps.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SyncReport } from '../../src/sync/contract.ts';
import { runCommand } from '../harness/command-line.ts';
import { noSshd, type SshServer, startSshServer } from './ssh-server.ts';

const CANARY = 'canary,9f3b71c2a4';
const KEY = `${'a'.repeat(32)}.png`;
let ssh: SshServer;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'drawbridge-sync-'));
  if (!noSshd) ssh = await startSshServer();
});
after(async () => {
  await ssh?.close();
  rmSync(home, { recursive: true, force: true });
});

function put(path: string, content: string): string {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
  return join(home, path);
}

/** A configuration with one target that has both a password and a key. */
function configure(hostKey: string): void {
  put(
    'drawbridge.yaml',
    `sync:
  server:
    kind: sftp
    host: 127.0.0.1
    port: ${ssh.port}
    user: ${ssh.target().user}
    password: \${SYNC_PASSWORD}
    private_key_file: ${ssh.keyFile}
    host_key: ${hostKey}
    path: ${join(ssh.folder, 'media')}
`,
  );
}

const run = (...args: string[]) =>
  runCommand(['sync', ...args], { SYNC_PASSWORD: CANARY, DRAWBRIDGE_DATA_DIR: join(home, 'data') }, home);

test('the pictures of this installation go, with lines that say what went where and why', {
  skip: noSshd,
}, async () => {
  configure(ssh.fingerprint);
  put(`data/media/final/aa/${KEY}`, 'a picture');
  put('data/media/thumb/aa/torn.tmp', 'x');
  const log = join(home, 'first.log');
  const first = await run('--log', log);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(readFileSync(join(ssh.folder, 'media/final/aa', KEY), 'utf8'), 'a picture');
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const head = `incremental, compared by size and time.*final ${home}/data/media/final → sftp://.*${ssh.folder}/media/final`;
  assert.match(lines[0] ?? '', new RegExp(head));
  assert.match(lines.at(-1) ?? '', new RegExp(`done: .*${head}`));
  assert.ok(lines.some((line) => line.includes(`sent final/aa/${KEY} (9 B): not there yet`)));
  assert.match(first.stderr, /Sent 2 of 2 files/);

  const second = await run('--json', '--log', log);
  assert.equal(second.code, 0, second.stderr);
  const [report] = JSON.parse(second.stdout) as SyncReport[];
  assert.deepEqual([report?.sent, report?.kept], [0, { same_name: 1, same: 1 }]);
  assert.match(readFileSync(log, 'utf8'), /Nothing had to be sent: everything is there already\./);

  const nothing = await run('--include', '*.jpg', '--log', log);
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /Not sent: 2 \(not in --include\)\nNothing was sent/);
  for (const text of [first.stderr, second.stdout, readFileSync(log, 'utf8')])
    assert.ok(!text.includes(CANARY) && !text.includes(CANARY.split(',')[1] ?? ''));
});

test('a changed host key, wrong words and missing targets have their exit codes', {
  skip: noSshd,
}, async () => {
  configure(`SHA256:${'A'.repeat(43)}`);
  const changed = await run('--log', join(home, 'changed.log'));
  assert.equal(changed.code, 4);
  assert.match(changed.stderr, /another key than before/);
  assert.ok(!readFileSync(join(home, 'changed.log'), 'utf8').includes(CANARY));
  const wrong = await run('--mode', 'quick');
  assert.deepEqual([wrong.code, /incremental, full/.test(wrong.stderr)], [2, true]);
  put(
    'drawbridge.yaml',
    'sync:\n  server:\n    kind: sftp\n    host: example.com\n    password: hush-hush\n',
  );
  const half = await run();
  assert.equal(half.code, 2);
  assert.match(half.stderr, /sync\.server lacks "user"/);
  assert.doesNotMatch(half.stderr, /hush-hush/);
});
