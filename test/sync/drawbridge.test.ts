// From one Drawbridge to another: pictures enter by its import under their names, and what it has is not sent again; and the
// record of syncs that a server keeps.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound } from '../../src/kernel/outbound.ts';
import { flatPng } from '../../src/media/test-pictures.ts';
import { type Outcome, syncMedia } from '../../src/sync/sync.ts';
import { ADMIN_KEY, startTestApp, type TestApp } from '../harness/app.ts';

const KEY = (letter: string) => `${letter.repeat(32)}.png`;
const outbound = createOutbound({ clock: systemClock, log: createMemoryLogger() });
let there: TestApp;
let folder: string;

before(async () => {
  there = await startTestApp();
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-peer-'));
});
after(async () => {
  await outbound.close();
  await there.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sync(apiKey: string) {
  const outcomes: Outcome[] = [];
  const result = await syncMedia(
    {
      target: { kind: 'drawbridge', name: 'peer', url: there.url, apiKey, proxy: 'direct' },
      from: folder,
      media: { root: folder, stores: [] },
      rules: { mode: 'incremental', overwrite: false },
      selection: { include: [], exclude: [] },
      isDryRun: false,
    },
    {
      clock: systemClock,
      openOutbound: async () => outbound,
      signal: new AbortController().signal,
      onEvent: (event) => {
        if (event.type === 'outcome') outcomes.push(event.outcome);
      },
    },
  );
  return { ...result, outcomes };
}

test('pictures enter once, thumbnails are made there, and a report is kept and listed', async () => {
  for (const [path, content] of [
    [`final/aa/${KEY('a')}`, flatPng(40, 30)],
    [`thumb/aa/${KEY('c')}`, flatPng(4, 3)],
  ] as const) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const refused = await sync('dbk_nobody-knows-this-key-at-all');
  assert.equal(refused.fault, 'sign_in');
  const first = await sync(ADMIN_KEY);
  assert.equal(first.report.state, 'done', JSON.stringify(first.report));
  assert.deepEqual([first.report.sent, first.report.kept], [1, { not_taken: 1 }]);
  const served = await fetch(`${there.url}/media/final/${KEY('a')}`);
  assert.equal(served.status, 200);
  const images = await there.request('GET', '/v1/images');
  assert.equal(images.json.data.length, 1);
  const second = await sync(ADMIN_KEY);
  assert.deepEqual([second.report.sent, second.report.kept], [0, { same_name: 1, not_taken: 1 }]);

  for (const { report } of [first, second]) {
    const kept = await there.request('POST', '/v1/admin/sync/runs', report);
    assert.equal(kept.status, 201);
  }
  const { json } = await there.request('GET', '/v1/admin/sync/runs?limit=1');
  assert.deepEqual(
    [json.data.length, json.data[0].sent, json.data[0].kept, json.data[0].target],
    [1, 0, { same_name: 1, not_taken: 1 }, 'peer'],
  );
});
