// The whole program over a package of the AI SDK: one task, one request for pictures, whatever happens to the download.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTestApp, type TestApp } from '../../../test/harness/app.ts';
import { until } from '../../../test/harness/clock.ts';
import { startFakeImageService } from '../../../test/harness/fake-image-service.ts';
import { flatPng } from '../../media/test-pictures.ts';

const KEY = 'canary0123456789abcdef';

function folderWith(t: TestContext, yaml: string): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-ai-sdk-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  writeFileSync(join(dataDir, 'drawbridge.yaml'), yaml);
  return dataDir;
}

async function paint(app: TestApp) {
  const body = { prompt: 'a paper boat', model: 'flux', size: '512x512' };
  const created = await app.request('POST', '/v1/tasks', body);
  assert.ok(created.status < 300, created.text);
  return until(
    async () => {
      const { json } = await app.request('GET', `/v1/tasks/${created.json.id}`);
      return ['succeeded', 'failed'].includes(json.status) ? json : null;
    },
    { what: 'the end of the task' },
  );
}

test('S13, D1: a picture of a package is painted once, and downloaded until it is there', async (t) => {
  const fake = await startFakeImageService(t);
  fake.picture = flatPng(512, 512);
  const entry = `{model: fal-ai/flux/schnell, name: flux, base_url: '${fake.url}'}`;
  const section = `package: '@ai-sdk/fal', api_key: ${KEY}, models: [${entry}]`;
  const dataDir = folderWith(t, `providers:\n  ai_sdk: {${section}}\n`);
  const app = await startTestApp({ dataDir });
  t.after(() => app.close());
  const downloads = () => fake.reads.filter(({ path }) => path.startsWith('/files/')).length;
  const task = await paint(app);
  assert.equal(task.status, 'succeeded', JSON.stringify(task));
  assert.deepEqual([task.images[0].width, task.images[0].height], [512, 512]);
  assert.deepEqual([fake.submits.length, downloads()], [1, 1]);
  assert.equal(fake.submits[0]?.authorization, `Key ${KEY}`);
  fake.readScript = [{ body: fake.picture, cut: 'truncate' }];
  assert.equal((await paint(app)).status, 'succeeded');
  assert.equal(fake.submits.length, 2, 'a failed download makes no second picture');
  assert.doesNotMatch(app.log.text(), /canary/);
});

test('a package that is not installed stops the start and says what to run', async (t) => {
  const yaml = `providers:\n  ai_sdk: {package: '@ai-sdk/no-such-package', model: x, api_key: ${KEY}}\n`;
  await assert.rejects(startTestApp({ dataDir: folderWith(t, yaml) }), (error: Error) => {
    assert.match(error.message, /npm install @ai-sdk\/no-such-package/);
    return !error.message.includes(KEY);
  });
});
