// Processes that take requests and processes that work, on one PostgreSQL: a task goes from the one to the other and back.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { runCommand } from '../harness/command-line.ts';
import { postgresUnavailable } from '../harness/postgres.ts';

test('a role that needs others is refused with the built-in database', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-role-'));
  const answer = await runCommand(['serve', '--role', 'api'], { DRAWBRIDGE_DATA_DIR: dataDir });
  assert.equal(answer.code, 2, answer.stderr);
  assert.match(answer.stderr, /role.*DATABASE_URL/s);
  const unknown = await runCommand(['serve', '--role', 'captain'], { DRAWBRIDGE_DATA_DIR: dataDir });
  assert.equal(unknown.code, 2);
  rmSync(dataDir, { recursive: true });
});

test('an api process accepts, a worker paints, and answers health checks alone', {
  skip: postgresUnavailable() ?? false,
}, async () => {
  const media = mkdtempSync(join(tmpdir(), 'drawbridge-shared-'));
  const env = { DRAWBRIDGE_MEDIA_ROOT: media };
  const sandbox = { instantPicture: true };
  const api = await startTestApp({
    database: 'postgres',
    sandbox,
    env: { ...env, DRAWBRIDGE_ROLE: 'api' },
  });
  try {
    const posted = await api.request('POST', '/v1/tasks', { prompt: 'a gate', size: '256x256' });
    assert.equal(posted.status, 202, posted.text);
    assert.equal((await api.request('GET', '/readyz')).status, 200);
    assert.equal(
      (await api.request('GET', `/v1/tasks/${posted.json.id}`)).json.status,
      'queued',
      'it only accepts',
    );
    const worker = await startTestApp({
      sandbox,
      env: { ...env, DRAWBRIDGE_ROLE: 'worker', DATABASE_URL: api.databaseUrl ?? '' },
    });
    try {
      const done = await until(
        async () => {
          const { json } = await api.request('GET', `/v1/tasks/${posted.json.id}`);
          return json.status === 'succeeded' ? json : null;
        },
        { what: 'the picture' },
      );
      assert.equal((await fetch(done.images[0].url)).status, 200);
      const held = await api.request(
        'POST',
        '/v1/tasks',
        { prompt: 'a held gate', size: '256x256' },
        { prefer: 'wait=30' },
      );
      assert.equal(held.json.status, 'succeeded', held.text);
      for (const path of ['/healthz', '/readyz', '/health']) {
        const answer = await fetch(`${worker.url}${path}`);
        assert.equal(answer.status, 200, path);
      }
      for (const path of ['/v1/tasks', '/docs', '/', `/media/final/${'a'.repeat(32)}.png`]) {
        const answer = await worker.request('GET', path);
        assert.equal(answer.status, 404, path);
      }
    } finally {
      await worker.close();
    }
  } finally {
    await api.close();
    rmSync(media, { recursive: true, force: true });
  }
});
