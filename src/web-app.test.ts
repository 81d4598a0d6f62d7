// How the built studio is served: compressed as the browser can take it, for ever, and as it is where the browser cannot.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fastify from 'fastify';
import { registerWebApp } from './web-app.ts';

const SCRIPT = `${'export const word = "bridge";'.repeat(100)}`;

test('the gallery has a page of its own, which names its files as well; every other room has the common one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-web-app-'));
  const app = fastify();
  try {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), 'common <base href="%BASE%/">');
    await writeFile(join(folder, 'gallery.html'), 'gallery <base href="%BASE%/">');
    await registerWebApp(app, { publicUrl: 'http://studio.example/pictures', origins: [], folder });
    const page = async (url: string) => (await app.inject({ url, headers: { accept: 'text/html' } })).body;
    assert.equal(await page('/gallery?q=fox'), 'gallery <base href="/pictures/">');
    for (const url of ['/', '/batches', '/gallery/nothing', '/no-such-room'])
      assert.equal(await page(url), 'common <base href="/pictures/">', url);
  } finally {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a script is sent compressed to whom can read it, under one address that may be kept for ever', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-web-app-'));
  const app = fastify();
  try {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<base href="%BASE%/">');
    await writeFile(join(folder, 'assets', 'index-1.js'), SCRIPT);
    await writeFile(join(folder, 'assets', 'index-1.js.gz'), gzipSync(SCRIPT));
    await registerWebApp(app, { publicUrl: 'http://studio.example', origins: [], folder });
    const ask = (encoding: string) =>
      app.inject({ url: '/assets/index-1.js', headers: { 'accept-encoding': encoding } });
    const compressed = await ask('gzip, deflate');
    assert.equal(compressed.headers['content-encoding'], 'gzip');
    assert.match(String(compressed.headers['content-type']), /javascript/);
    assert.match(String(compressed.headers['cache-control']), /immutable/);
    assert.match(String(compressed.headers.vary), /accept-encoding/i);
    assert.equal(gunzipSync(compressed.rawPayload).toString(), SCRIPT);
    const plain = await ask('identity');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(plain.body, SCRIPT);
  } finally {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
