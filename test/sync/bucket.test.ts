// Media to a bucket: whole and in parts, verified, compared by content; and samples read through the public address, so that a
// folder that is served from elsewhere is named.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { S3TargetConfig } from '../../src/kernel/config-sync.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound } from '../../src/kernel/outbound.ts';
import { type MediaSyncOptions, type Outcome, syncMedia } from '../../src/sync/sync.ts';
import { type StrictS3, strictS3 } from '../harness/strict-s3.ts';

const KEY = (letter: string) => `${letter.repeat(32)}.png`;
const clock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs < 5_000 ? delayMs / 50 : delayMs, callback),
};
const outbound = createOutbound({ clock: systemClock, log: createMemoryLogger() });
let s3: StrictS3;
let folder: string;

before(async () => {
  s3 = await strictS3();
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-bucket-'));
});
after(async () => {
  await s3.close();
  await outbound.close();
  rmSync(folder, { recursive: true, force: true });
});

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

function target(change: Partial<S3TargetConfig> = {}, secret = s3.secretAccessKey): S3TargetConfig {
  return {
    kind: 's3',
    name: 'bucket',
    store: {
      kind: 's3',
      name: 'bucket',
      endpoint: s3.endpoint,
      region: s3.region,
      bucket: s3.bucket,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: secret,
      publicUrl: null,
      addressing: 'path',
      prefix: 'copy/',
      proxy: 'direct',
    },
    paths: { hd: 'large' },
    publicUrl: null,
    ...change,
  };
}

async function sync(to: S3TargetConfig, change: Partial<MediaSyncOptions> = {}) {
  const outcomes: Outcome[] = [];
  const result = await syncMedia(
    {
      target: to,
      from: folder,
      media: { root: folder, stores: [] },
      rules: { mode: 'incremental', overwrite: false },
      selection: { include: [], exclude: [] },
      isDryRun: false,
      ...change,
    },
    {
      clock,
      openOutbound: async () => outbound,
      signal: new AbortController().signal,
      onEvent: (event) => {
        if (event.type === 'outcome') outcomes.push(event.outcome);
      },
    },
  );
  return { ...result, outcomes };
}

test('a bucket gets whole files and files in parts; lost bytes and hiccups do not pass', async () => {
  const large = randomBytes(20 * 1024 * 1024);
  put(`final/aa/${KEY('a')}`, 'a picture');
  put(`hd/aa/${KEY('b')}`, large);
  put('notes.json', '{}');
  let faults = 0;
  s3.fault = ({ method, key }) => {
    if (method !== 'PUT' || !key.endsWith('notes.json') || faults >= 2) return undefined;
    faults += 1;
    return faults === 1 ? { status: 503, code: 'SlowDown' } : 'cut-after';
  };
  const first = await sync(target());
  assert.equal(first.report.state, 'done', JSON.stringify(first.report));
  assert.deepEqual([...s3.objects.keys()].sort(), [
    `copy/final/aa/${KEY('a')}`,
    `copy/large/aa/${KEY('b')}`,
    'copy/notes.json',
  ]);
  assert.deepEqual(s3.objects.get(`copy/large/aa/${KEY('b')}`)?.bytes, large);
  assert.equal(s3.objects.get('copy/notes.json')?.mime, 'application/json');
  assert.equal(s3.uploads.size, 0);

  const second = await sync(target());
  assert.deepEqual([second.report.sent, second.report.kept], [0, { same_name: 2, same_content: 1 }]);
  put('notes.json', '[]');
  const different = await sync(target());
  assert.deepEqual([different.report.state, different.report.kept.target_different], ['partial', 1]);
  const forced = await sync(target(), { rules: { mode: 'incremental', overwrite: true } });
  assert.deepEqual([forced.report.state, forced.report.sent, forced.report.replaced], ['done', 1, 1]);
  assert.equal(s3.objects.get('copy/notes.json')?.bytes.toString(), '[]');
});

test('a wrong key stops everything at once', async () => {
  const run = await sync(target({}, 'wrong-secret'));
  assert.equal(run.fault, 'sign_in');
  assert.equal(run.report.state, 'failed');
  assert.ok(!JSON.stringify(run.report).includes('wrong-secret'));
});

test('samples are fetched at the public address; a kind that is served from elsewhere is named', async () => {
  const content = new Map([[`/copy/final/aa/${KEY('a')}`, 'a picture']]);
  const server = createServer((request, response) => {
    const found = content.get(request.url ?? '');
    if (found === undefined) response.statusCode = 404;
    response.end(found ?? 'nothing here');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const run = await sync(target({ publicUrl: `http://127.0.0.1:${port}` }), {
    selection: { include: ['final/**', 'hd/**'], exclude: [] },
  });
  assert.equal(run.report.state, 'partial');
  const [wrong, ...others] = run.report.public_check ?? [];
  assert.deepEqual(others, []);
  assert.deepEqual([wrong?.kind, wrong?.why, wrong?.place], ['hd', 'missing', 's3://pictures/copy/large/']);
  content.set(`/copy/large/aa/${KEY('b')}`, 'other bytes');
  const again = await sync(target({ publicUrl: `http://127.0.0.1:${port}` }), {
    selection: { include: ['hd/**'], exclude: [] },
  });
  assert.equal(again.report.public_check?.[0]?.why, 'other_bytes');
  server.close();
});

test('a bucket of this installation is a source as well', async () => {
  const store = { ...target().store, prefix: 'own/' };
  const key = KEY('c');
  const bytes = Buffer.from('only in the bucket');
  s3.objects.set(`own/final/cc/${key}`, {
    bytes,
    mime: 'image/png',
    etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
    metadata: {},
    modifiedAtMs: 0,
  });
  const run = await sync(target({ store: { ...target().store, prefix: 'second/' } }), {
    from: null,
    media: { root: folder, stores: [store] },
    selection: { include: ['final/**'], exclude: [] },
  });
  assert.equal(run.report.state, 'done', JSON.stringify(run.report));
  assert.equal(s3.objects.get(`second/final/cc/${key}`)?.bytes.toString(), 'only in the bucket');
  assert.equal(run.report.sent, 2);
});
