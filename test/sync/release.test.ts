// A release of code on a real OpenSSH server: what of a checkout goes there, the switch, the restart, the check, and the way back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { CodeTargetConfig } from '../../src/kernel/config-sync.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound } from '../../src/kernel/outbound.ts';
import { rollBackCode, type SyncEvent, syncCode } from '../../src/sync/sync.ts';
import { noSshd, type SshServer, startSshServer } from './ssh-server.ts';

let ssh: SshServer;
let checkout: string;
let place: string;
/** Each release has a name by the second: a test moves on by one for each. */
let nowMs = Date.parse('2026-01-31T12:00:00Z');
const clock: Clock = {
  ...systemClock,
  now: () => nowMs,
  after: (delayMs, callback) => systemClock.after(delayMs < 10_000 ? delayMs / 50 : delayMs, callback),
};
const outbound = createOutbound({ clock: systemClock, log: createMemoryLogger() });

const git = (...args: string[]) =>
  execFileSync('git', ['-C', checkout, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args]);

function write(path: string, content: string): void {
  mkdirSync(join(checkout, path, '..'), { recursive: true });
  writeFileSync(join(checkout, path), content);
}

before(async () => {
  if (noSshd) return;
  ssh = await startSshServer();
  [checkout, place] = [join(ssh.folder, 'checkout'), join(ssh.folder, 'srv/app')];
  mkdirSync(checkout);
  git('init', '-q');
  write('package.json', '{}');
  write('src/main.ts', 'one');
  write('bin/run', '#!/bin/sh\n');
  execFileSync('chmod', ['755', join(checkout, 'bin/run')]);
  write('.env', 'SECRET=1');
  write('.env.example', '#SECRET=');
  write('data/drawbridge.db', 'x');
  git('add', '-A', '-f');
  git('commit', '-qm', 'one');
  write('untracked.txt', 'x');
});
after(async () => {
  await outbound.close();
  await ssh?.close();
});

function target(change: Partial<CodeTargetConfig> = {}) {
  const code = { path: place, install: 'echo installed > installed', restart: null, checkUrl: null, keep: 2 };
  return ssh.target({ path: null, code: { ...code, ...change } });
}

async function release(change: Partial<CodeTargetConfig> = {}, isDryRun = false) {
  nowMs += 60_000;
  const events: SyncEvent[] = [];
  const result = await syncCode(
    {
      target: target(change),
      from: checkout,
      dataDir: join(checkout, 'data'),
      selection: { include: [], exclude: [] },
      isDryRun,
      restart: true,
    },
    world(events),
  );
  return { ...result, events };
}

const world = (events: SyncEvent[] = []) => ({
  clock,
  openOutbound: async () => outbound,
  signal: new AbortController().signal,
  onEvent: (event: SyncEvent) => void events.push(event),
});

const current = () => readlinkSync(join(place, 'current')).replace('releases/', '');
const releases = () => readdirSync(join(place, 'releases')).sort();

test('a release: tracked files only, never secrets or data; installed, then switched to', {
  skip: noSshd,
}, async () => {
  const dry = await release({}, true);
  assert.deepEqual([dry.report.state, dry.report.sent, existsSync(place)], ['done', 4, false]);
  const { report, events } = await release({ restart: `echo up >> ${join(ssh.folder, 'restarts')}` });
  assert.equal(report.state, 'done', JSON.stringify(report));
  const live = join(place, 'current');
  assert.equal(current(), report.release);
  assert.match(current(), /^20260131-\d{6}-[0-9a-f]{12}$/);
  assert.equal(readFileSync(join(live, 'src/main.ts'), 'utf8'), 'one');
  assert.equal(readFileSync(join(live, 'installed'), 'utf8'), 'installed\n');
  assert.equal(statSync(join(live, 'bin/run')).mode & 0o777, 0o755);
  for (const path of ['.env', 'data', 'untracked.txt'])
    assert.equal(existsSync(join(live, path)), false, path);
  assert.ok(existsSync(join(live, '.env.example')));
  const leftOut = events.flatMap((event) => (event.type === 'left_out' ? [event.name] : []));
  assert.deepEqual(leftOut.sort(), ['.env', 'data/drawbridge.db']);
  assert.equal(readFileSync(join(ssh.folder, 'restarts'), 'utf8'), 'up\n');
});

test('a failed installation leaves what runs alone and removes the release', { skip: noSshd }, async () => {
  const [before, all] = [current(), releases()];
  const { report } = await release({ install: 'echo no such package >&2; exit 7' });
  assert.equal(report.state, 'failed');
  assert.match(report.error ?? '', /code 7: no such package/);
  assert.deepEqual([current(), releases()], [before, all]);
});

test('a release that does not answer goes back by itself', { skip: noSshd }, async () => {
  const before = current();
  const server = createServer((_request, response) => {
    response.statusCode = readFileSync(join(place, 'current/src/main.ts'), 'utf8') === 'broken' ? 500 : 200;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const checkUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  write('src/main.ts', 'broken');
  const broken = await release({ checkUrl });
  assert.equal(broken.report.state, 'failed');
  assert.match(broken.report.error ?? '', new RegExp(`HTTP 500.*${before} is in use again`));
  assert.equal(current(), before);
  write('src/main.ts', 'two');
  const good = await release({ checkUrl });
  server.close();
  assert.equal(good.report.state, 'done', JSON.stringify(good.report));
  assert.equal(readFileSync(join(place, 'current/src/main.ts'), 'utf8'), 'two');
  assert.match(current(), /-changed$/);
});

test('going back by hand, and only so many releases are kept', { skip: noSshd }, async () => {
  const newest = current();
  const all = releases();
  const back = await rollBackCode({ target: target(), restart: false, release: null }, world());
  assert.equal(back.report.state, 'done');
  assert.equal(current(), all[all.indexOf(newest) - 1]);
  const named = await rollBackCode({ target: target(), restart: false, release: newest }, world());
  assert.equal(named.report.release, newest);
  const unknown = await rollBackCode({ target: target(), restart: false, release: '../../etc' }, world());
  assert.equal(unknown.report.state, 'failed');
  assert.equal(current(), newest);
  await release();
  await release();
  assert.equal(releases().length, 2);
  assert.ok(releases().includes(current()));
});

test('a folder at the place of the link is left alone', { skip: noSshd }, async () => {
  const path = join(ssh.folder, 'srv/other');
  mkdirSync(join(path, 'current'), { recursive: true });
  writeFileSync(join(path, 'current/precious'), 'x');
  const { report } = await release({ path });
  assert.equal(report.state, 'failed');
  assert.match(report.error ?? '', /is no link/);
  assert.ok(existsSync(join(path, 'current/precious')));
});
