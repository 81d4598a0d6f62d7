// A real Caddy with the file that `drawbridge caddy-config` prints: it carries what nginx carries, with pictures sent by
// Caddy and by the app.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/kernel/config.ts';
import { caddySite } from '../../src/operations/caddy-config.ts';
import { proxySite } from '../../src/operations/proxy-site.ts';
import {
  checkBigUpload,
  checkPages,
  checkPicture,
  checkStream,
  onePictureOfEachKind,
  silentPort,
  startBehind,
  upstreamOf,
} from './edge.ts';
import { accepting, missing } from './nginx-server.ts';

const MAX_BODY_BYTES = 136 * 1024 * 1024;
const skip = missing('caddy');

async function startCaddy(site: string, port: number) {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-caddy-'));
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, `{\n    admin off\n    auto_https off\n}\n${site}`);
  const child = spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], {
    env: { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await accepting(child, port, () => said);
  return async () => {
    process.off('exit', kill);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
}

for (const [name, prefix, env] of [
  ['Caddy sends the pictures', '', { DRAWBRIDGE_MEDIA_ACCEL_REDIRECT: '/internal-media' }],
  ['below a path prefix, the app sends the pictures', '/draw', {}],
] as const) {
  test(`behind Caddy: ${name}`, { skip }, async () => {
    const port = await silentPort();
    const base = `http://127.0.0.1:${port}${prefix}`;
    const app = await startBehind(base, env);
    const settings = { DRAWBRIDGE_DATA_DIR: app.dataDir, DRAWBRIDGE_PUBLIC_URL: base, ...env };
    const { config } = loadConfig({ env: settings, cwd: app.dataDir });
    assert.ok(config);
    const site = proxySite(config, { upstream: upstreamOf(app), maxBodyBytes: MAX_BODY_BYTES });
    const stop = await startCaddy(caddySite(site), port);
    try {
      const resumes = app.app.media.accelLocation === null;
      for (const picture of await onePictureOfEachKind(app, base))
        await checkPicture(picture, base, { resumes });
      await checkStream(app, base);
      await checkPages(base);
      if (prefix === '') await checkBigUpload(base);
    } finally {
      await stop();
      await app.close();
    }
  });
}
