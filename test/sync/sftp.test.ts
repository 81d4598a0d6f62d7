// Media to a real OpenSSH server: what is sent and what is not, for which reasons, and that cuts, changed host keys and wrong
// bytes never leave a file there that is not whole.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { SyncTargetConfig } from '../../src/kernel/config-sync.ts';
import { type MediaSyncOptions, type Outcome, type SyncResult, syncMedia } from '../../src/sync/sync.ts';
import { freePort, proxyUnavailable, realProxy, scriptedProxy } from '../harness/egress-proxies.ts';
import { cuttingProxy, noSshd, type SshServer, startSshServer } from './ssh-server.ts';

const PROXY_PASSWORD = 'canary-of-the-proxy';
const KEY = (letter: string) => `${letter.repeat(32)}.png`;
let ssh: SshServer;
let counter = 0;

before(async () => {
  if (!noSshd) ssh = await startSshServer();
});
after(() => ssh?.close());

const options = { skip: noSshd };

/** Real time, with the short waits between tries made shorter. */
const clock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs < 10_000 ? delayMs / 20 : delayMs, callback),
};

/** A fresh folder pair: a source with these files, and a target. */
function world(
  files: Record<string, string | Buffer>,
  change: Partial<ReturnType<SshServer['target']>> = {},
) {
  counter += 1;
  const from = join(ssh.folder, `from-${counter}`);
  const to = join(ssh.folder, `to-${counter}`);
  for (const [path, content] of Object.entries(files)) put(from, path, content);
  mkdirSync(from, { recursive: true });
  return { from, to, target: ssh.target({ path: to, ...change }) };
}

function put(folder: string, path: string, content: string | Buffer, atS?: number): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  if (atS !== undefined) utimesSync(join(folder, path), atS, atS);
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** All files below a folder, parts included. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function sync(
  target: SyncTargetConfig,
  from: string,
  change: Partial<MediaSyncOptions> & { mode?: 'incremental' | 'full'; overwrite?: boolean } = {},
): Promise<SyncResult & { outcomes: Outcome[] }> {
  const { mode = 'incremental', overwrite = false, ...rest } = change;
  const outcomes: Outcome[] = [];
  const result = await syncMedia(
    {
      target,
      from,
      media: { root: from, stores: [] },
      rules: { mode, overwrite },
      selection: { include: [], exclude: [] },
      isDryRun: false,
      ...rest,
    },
    {
      clock,
      openOutbound: () => Promise.reject(new Error('nothing is fetched in this test')),
      signal: new AbortController().signal,
      onEvent: (event) => {
        if (event.type === 'outcome') outcomes.push(event.outcome);
      },
    },
  );
  return { ...result, outcomes };
}

const reasonOf = (outcomes: readonly Outcome[], name: string) =>
  outcomes.find((outcome) => outcome.name === name)?.reason;

test(
  'files arrive whole, with their times, in folders that did not exist; a second run sends nothing',
  options,
  async () => {
    const { from, to, target } = world({
      [`final/aa/${KEY('a')}`]: randomBytes(40_000),
      [`thumb/aa/${KEY('b')}`]: randomBytes(900),
      "notes/ünï cödé ' file.txt": 'some text',
      'empty.bin': '',
    });
    utimesSync(join(from, 'empty.bin'), 1_700_000_000, 1_700_000_000);
    const first = await sync(target, from);
    assert.equal(first.fault, null);
    assert.deepEqual(
      { state: first.report.state, sent: first.report.sent, failed: first.report.failed },
      { state: 'done', sent: 4, failed: {} },
    );
    assert.deepEqual(filesIn(to), filesIn(from));
    for (const path of filesIn(from)) assert.equal(sha256(join(to, path)), sha256(join(from, path)), path);
    assert.equal(statSync(join(to, 'empty.bin')).mtimeMs, 1_700_000_000_000);
    const kinds = first.report.places.map(({ kind, to: where, files }) => `${kind} ${where} ${files}`);
    assert.deepEqual(kinds, [
      `final ${target.host === '127.0.0.1' ? `sftp://${target.user}@127.0.0.1:${ssh.port}` : ''}${to}/final 1`,
      `thumb sftp://${target.user}@127.0.0.1:${ssh.port}${to}/thumb 1`,
      `files sftp://${target.user}@127.0.0.1:${ssh.port}${to} 2`,
    ]);

    const second = await sync(target, from);
    assert.deepEqual({ state: second.report.state, sent: second.report.sent }, { state: 'done', sent: 0 });
    assert.deepEqual(second.report.kept, { same_name: 2, same: 2 });

    const full = await sync(target, from, { mode: 'full' });
    assert.deepEqual({ state: full.report.state, sent: full.report.sent }, { state: 'done', sent: 4 });
    assert.deepEqual(filesIn(to), filesIn(from));
  },
);

test(
  'every file that is not sent has its reason; newer and different ones are left alone',
  options,
  async () => {
    const { from, to, target } = world({});
    const [old, now] = [1_700_000_000, 1_750_000_000];
    put(from, 'older-there.txt', 'new text', now);
    put(to, 'older-there.txt', 'old', old);
    put(from, 'newer-there.txt', 'mine', old);
    put(to, 'newer-there.txt', 'theirs!', now);
    put(from, 'touched.txt', 'equal', now);
    put(to, 'touched.txt', 'equal', old);
    put(from, 'same-size.txt', 'abc', old);
    put(to, 'same-size.txt', 'xyz', now);
    put(from, `final/aa/${KEY('a')}`, 'whole picture', now);
    put(to, `final/aa/${KEY('a')}`, 'torn', old);
    put(from, '.env', 'KEY=1');
    put(from, 'secrets.key', 'x');
    put(from, 'left/out.txt', 'x');
    put(from, 'fresh.txt', 'x');
    symlinkSync('/etc/passwd', join(from, 'link'));
    const selection = { include: [], exclude: ['left/**'] };
    const run = await sync(target, from, { selection });
    const reason = (name: string) => reasonOf(run.outcomes, name);
    assert.equal(reason('files/fresh.txt'), 'new');
    assert.equal(reason('files/older-there.txt'), 'changed');
    assert.equal(reason('files/newer-there.txt'), 'target_newer');
    assert.equal(reason('files/touched.txt'), 'same_content');
    assert.equal(reason('files/same-size.txt'), 'target_newer');
    assert.equal(reason(`final/aa/${KEY('a')}`), 'target_different');
    assert.equal(reason('files/.env'), 'private');
    assert.equal(reason('files/secrets.key'), 'private');
    assert.equal(reason('files/left/out.txt'), 'excluded');
    assert.equal(reason('link'), 'link');
    assert.equal(run.report.state, 'partial');
    assert.equal(run.report.replaced, 1);
    assert.equal(readFileSync(join(to, 'newer-there.txt'), 'utf8'), 'theirs!');
    assert.equal(existsSync(join(to, '.env')), false);

    const forced = await sync(target, from, { selection, overwrite: true });
    assert.equal(forced.report.state, 'done');
    assert.equal(readFileSync(join(to, `final/aa/${KEY('a')}`), 'utf8'), 'whole picture');
    assert.equal(readFileSync(join(to, 'same-size.txt'), 'utf8'), 'abc');
  },
);

test(
  'nothing sent from a source with files is said; a dry run sends nothing; an empty source is fine',
  options,
  async () => {
    const { from, to, target } = world({ 'a.txt': 'a', 'b.txt': 'b' });
    const dry = await sync(target, from, { isDryRun: true });
    assert.deepEqual([dry.report.sent, filesIn(to)], [2, []]);
    const none = await sync(target, from, { selection: { include: ['*.png'], exclude: [] } });
    assert.deepEqual([none.report.state, none.report.kept], ['nothing_sent', { not_included: 2 }]);
    const empty = world({});
    assert.equal((await sync(empty.target, empty.from)).report.state, 'done');
  },
);

test(
  'F9: cuts in the middle of files: tried again, gone on with, and never a file that is not whole',
  options,
  async () => {
    const files = Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [`large-${index}.bin`, randomBytes(6 * 1024 * 1024 + index)]),
    );
    const { from, to, target } = world(files);
    const MB = 1024 * 1024;
    const proxy = await cuttingProxy(ssh.port, [5 * MB, 3 * MB, 9 * MB, 100]);
    const seen: string[] = [];
    const run = await sync({ ...target, port: proxy.port }, from, { connections: 2 });
    seen.push(...filesIn(to));
    await proxy.close();
    assert.equal(run.report.state, 'done', JSON.stringify(run.report));
    assert.deepEqual(seen, filesIn(from));
    for (const path of seen) assert.equal(sha256(join(to, path)), sha256(join(from, path)));
    assert.ok(run.outcomes.some((outcome) => outcome.result === 'sent' && outcome.tries > 1));
    assert.ok(run.report.resumed_bytes > 0, 'a part of what arrived before a cut was used');
  },
);

test(
  'F9: a run that never gets through leaves parts only; the next one goes on with them',
  options,
  async () => {
    const { from, to, target } = world({ 'large.bin': randomBytes(12 * 1024 * 1024) });
    const proxy = await cuttingProxy(
      ssh.port,
      Array.from({ length: 50 }, () => 3 * 1024 * 1024),
    );
    const cut = await sync({ ...target, port: proxy.port }, from, { connections: 1, mode: 'incremental' });
    await proxy.close();
    // Five tries of 3 MB each go on with each other, so that the fifth may just get through.
    if (cut.report.state !== 'done') {
      assert.equal(cut.fault, 'connection');
      assert.ok(filesIn(to).every((path) => path.endsWith('.drawbridge-part')));
    }
    const whole = await sync(target, from);
    assert.equal(whole.report.state, 'done');
    assert.deepEqual(filesIn(to), ['large.bin']);
    assert.equal(sha256(join(to, 'large.bin')), sha256(join(from, 'large.bin')));
  },
);

test('a part with wrong bytes is thrown away, and the file is sent anew', options, async () => {
  const { from, to, target } = world({ 'large.bin': randomBytes(8 * 1024 * 1024) });
  const proxy = await cuttingProxy(ssh.port, [4 * 1024 * 1024, ...Array.from({ length: 20 }, () => 1)]);
  await sync({ ...target, port: proxy.port }, from, { connections: 1 });
  await proxy.close();
  const [part = ''] = filesIn(to);
  assert.match(part, /drawbridge-part$/);
  const damaged = readFileSync(join(to, part));
  damaged.fill(0, 1000, 2000);
  writeFileSync(join(to, part), damaged);
  const run = await sync(target, from, { connections: 1 });
  assert.equal(run.report.state, 'done');
  const [outcome] = run.outcomes;
  assert.ok(outcome?.result === 'sent' && outcome.tries === 2, JSON.stringify(outcome));
  assert.equal(sha256(join(to, 'large.bin')), sha256(join(from, 'large.bin')));
});

test('a server without a shell: what was sent is read back', options, async () => {
  const sftpOnly = await startSshServer({ onlySftp: true });
  try {
    const { from, to } = world({ 'a.txt': 'a', 'b.bin': randomBytes(700_000) });
    const run = await sync(sftpOnly.target({ path: to }), from);
    assert.equal(run.report.state, 'done', JSON.stringify(run.report));
    assert.deepEqual(filesIn(to), ['a.txt', 'b.bin']);
  } finally {
    await sftpOnly.close();
  }
});

test('F9: host keys: pinned, known, unknown, changed and revoked', options, async () => {
  const { from, to, target } = world({ 'a.txt': 'a' });
  const known = join(ssh.folder, `known-${counter}`);
  const attempt = async (text: string) => {
    writeFileSync(known, text);
    return sync({ ...target, hostKey: null, knownHosts: known }, from);
  };
  const other = ssh.knownHosts().replace(/AAAA\S+/, (key) => `${key.slice(0, -6)}AAAAAA`);
  for (const [text, fault] of [
    ['', 'host_unknown'],
    [other, 'host_key'],
    [`@revoked ${ssh.knownHosts()}`, 'host_key'],
  ] as const) {
    const run = await attempt(text);
    assert.equal(run.fault, fault, text);
    assert.equal(run.report.state, 'failed');
    assert.ok(
      !run.report.error?.includes(known) ||
        fault !== 'host_key' ||
        run.report.error.includes(ssh.fingerprint),
    );
  }
  assert.deepEqual(filesIn(to), []);
  const pinned = await sync({ ...target, hostKey: `SHA256:${'A'.repeat(43)}` }, from);
  assert.equal(pinned.fault, 'host_key');
  assert.match(pinned.report.error ?? '', new RegExp(ssh.fingerprint.replaceAll('+', '\\+')));
  assert.equal(
    (await attempt(`# a comment\nexample.org ssh-rsa AAAA\n${ssh.knownHosts()}`)).report.state,
    'done',
  );
});

test('who is not let in, hears nobody, or may not write is told why', options, async () => {
  const { from, target } = world({ 'a.txt': 'a', 'b.txt': 'b' });
  const wrongUser = await sync({ ...target, user: 'nobody-here' }, from);
  assert.equal(wrongUser.fault, 'sign_in');
  const noKey = await sync({ ...target, privateKeyFile: join(from, 'a.txt') }, from);
  assert.equal(noKey.fault, 'sign_in');
  const closed = await sync({ ...target, port: 1 }, from);
  assert.equal(closed.fault, 'connection');
  for (const host of ['169.254.169.254', '[::ffff:169.254.169.254]', '100.100.100.200'])
    assert.equal((await sync({ ...target, host }, from)).fault, 'denied', host);
  const blocked = await sync({ ...target, path: '/proc/nowhere' }, from);
  assert.equal(blocked.report.state, 'failed');
  assert.equal(blocked.report.failures.length, 2);
});

test('F9: a full disk at the target leaves no file that is not whole, and what was sent stays', {
  skip: noSshd || (process.getuid?.() !== 0 && 'needs root to mount a small tmpfs'),
}, async (t) => {
  const { from, to, target } = world({ 'a-small.txt': 'small', 'b-large.bin': randomBytes(2 * 1024 * 1024) });
  mkdirSync(to, { recursive: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', to]).status !== 0)
    return t.skip('mount is not allowed here');
  try {
    const full = await sync(target, from, { connections: 1 });
    assert.equal(full.report.state, 'partial', JSON.stringify(full.report));
    assert.deepEqual(
      full.report.failures.map(({ name }) => name),
      ['files/b-large.bin'],
    );
    assert.deepEqual(
      filesIn(to).filter((path) => !path.endsWith('.drawbridge-part')),
      ['a-small.txt'],
    );
    assert.ok(existsSync(join(from, 'b-large.bin')), 'the source is never touched');
    assert.equal(spawnSync('mount', ['-o', 'remount,size=8m', to]).status, 0);
    assert.equal((await sync(target, from, { connections: 1 })).report.state, 'done');
    assert.equal(sha256(join(to, 'b-large.bin')), sha256(join(from, 'b-large.bin')));
  } finally {
    spawnSync('umount', [to]);
  }
});

test(
  'F9: clocks that disagree change nothing: equal bytes are not sent again, other bytes are told apart',
  options,
  async () => {
    const { from, to, target } = world({ 'same.txt': 'same', 'other.txt': 'here!' });
    assert.equal((await sync(target, from)).report.state, 'done');
    const inFourDaysS = Math.floor(Date.now() / 1000) + 4 * 86_400;
    put(to, 'same.txt', 'same', inFourDaysS);
    put(to, 'other.txt', 'there', inFourDaysS);
    const again = await sync(target, from);
    assert.equal(reasonOf(again.outcomes, 'files/same.txt'), 'same_content');
    assert.equal(reasonOf(again.outcomes, 'files/other.txt'), 'target_newer');
    assert.equal(readFileSync(join(to, 'other.txt'), 'utf8'), 'there');
  },
);

test('each kind may have a folder of its own, also inside another', options, async () => {
  const { from, to, target } = world({
    [`final/aa/${KEY('a')}`]: 'picture',
    [`hd/aa/${KEY('b')}`]: 'large picture',
    'plain.txt': 'x',
  });
  const paths = { hd: join(to, 'elsewhere/big') };
  assert.equal((await sync({ ...target, paths }, from)).report.state, 'done');
  assert.deepEqual(filesIn(to), [`elsewhere/big/aa/${KEY('b')}`, `final/aa/${KEY('a')}`, 'plain.txt']);
  assert.equal((await sync({ ...target, paths }, from)).report.sent, 0);
});

test(
  'through a proxy by HTTP and by SOCKS5; one that is down is named, and nothing goes direct',
  options,
  async (t) => {
    const http = await scriptedProxy(t);
    const addresses = [`http://sync:${PROXY_PASSWORD}@127.0.0.1:${http.port}`];
    if (!proxyUnavailable('microsocks')) {
      const socks = await realProxy(t, 'microsocks', 'sync', PROXY_PASSWORD);
      addresses.push(`socks5://sync:${PROXY_PASSWORD}@127.0.0.1:${socks.port}`);
    }
    for (const proxy of addresses) {
      const { from, to, target } = world({ 'notes/a.txt': 'by another way' }, { proxy });
      const { report, fault } = await sync(target, from);
      assert.equal(fault, null, proxy);
      assert.equal(report.sent, 1);
      assert.equal(readFileSync(join(to, 'notes/a.txt'), 'utf8'), 'by another way');
    }
    assert.ok(http.log.every((line) => line === `CONNECT 127.0.0.1:${ssh.port}`) && http.log.length > 0);
    const dead = `socks5://sync:${PROXY_PASSWORD}@127.0.0.1:${await freePort()}`;
    const { from, to, target } = world({ 'a.txt': 'x' }, { proxy: dead });
    const { report, fault } = await sync(target, from);
    assert.match(report.error ?? '', /cannot be reached \(proxy socks5:\/\/127\.0\.0\.1:\d+: /);
    assert.equal(fault, 'connection');
    assert.ok(!JSON.stringify(report).includes(PROXY_PASSWORD));
    assert.deepEqual(filesIn(to), []);
  },
);
