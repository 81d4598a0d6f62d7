// A real nginx with the file that `drawbridge nginx-config` prints, before a real app: at the root with pictures sent by
// nginx, below a path prefix with pictures sent by the app, under private access, with TLS, and with what is wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { allContracts } from '../../src/contracts.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { nginxSite } from '../../src/operations/nginx-config.ts';
import { proxySite } from '../../src/operations/proxy-site.ts';
import type { TestApp } from '../harness/app.ts';
import { runCommand } from '../harness/command-line.ts';
import {
  admin,
  checkBigUpload,
  checkHeld,
  checkPages,
  checkPicture,
  checkStream,
  onePictureOfEachKind,
  silentPort,
  startBehind,
  upstreamOf,
} from './edge.ts';
import { missing, type Nginx, startNginx } from './nginx-server.ts';

const MB = 1024 * 1024;
const MAX_BODY_BYTES = 136 * MB;
const ACCEL = { DRAWBRIDGE_MEDIA_ACCEL_REDIRECT: '/internal-media/' };

/** The file as the command prints it for the app's own configuration. */
function siteOf(app: TestApp, env: Record<string, string>, more: { mediaRoot?: string } = {}): string {
  const { config } = loadConfig({ env: { DRAWBRIDGE_DATA_DIR: app.dataDir, ...env }, cwd: app.dataDir });
  assert.ok(config);
  const site = proxySite(config, { upstream: upstreamOf(app), maxBodyBytes: MAX_BODY_BYTES });
  return nginxSite({ ...site, ...more });
}

interface Edge {
  base: string;
  app: TestApp;
  nginx: Nginx;
}

const skip = missing('nginx');

async function startEdge(prefix: string, env: Record<string, string> = {}): Promise<Edge> {
  const port = await silentPort();
  const base = `http://127.0.0.1:${port}${prefix}`;
  const app = await startBehind(base, { ...env, DRAWBRIDGE_SANDBOX_SLOW_SECONDS: '3' });
  const nginx = await startNginx(siteOf(app, { DRAWBRIDGE_PUBLIC_URL: base, ...env }), port);
  return { base, app, nginx };
}

const stop = async (edge: Edge | undefined) => {
  await edge?.nginx.stop();
  await edge?.app.close();
};

describe('at the root, nginx sends the pictures', { skip }, () => {
  let edge: Edge | undefined;
  after(() => stop(edge));

  test('every kind of picture, with ranges, conditions and safe headers', async () => {
    edge = await startEdge('', ACCEL);
    const direct = await fetch(`${edge.app.url}/healthz`);
    assert.equal(direct.status, 200);
    for (const picture of await onePictureOfEachKind(edge.app, edge.base)) {
      await checkPicture(picture, edge.base);
      // The app leaves the bytes to nginx: what it says to nginx has none. Whoever asks past nginx gets them from the app.
      const past = picture.url.replace(edge.base, edge.app.url);
      const told = await fetch(past, { headers: { 'x-sendfile-type': 'X-Accel-Redirect' } });
      assert.equal((await told.bytes()).length, 0);
      assert.ok((await (await fetch(past)).bytes()).length > 0);
      assert.match(told.headers.get('x-accel-redirect') ?? '', /^\/internal-media\//);
    }
  });

  test('O4 streams pass at once, waits are held, 30 MB come in, /docs is public, /metrics is not', async () => {
    assert.ok(edge);
    await checkStream(edge.app, edge.base);
    await checkHeld(edge.base);
    await checkBigUpload(edge.base);
    await checkPages(edge.base);
  });

  test('the folder itself is not reachable', async () => {
    assert.ok(edge);
    for (const path of ['/internal-media/.drawbridge-media', '/internal-media/final/', '/internal-media/']) {
      const answer = await fetch(`${edge.base}${path}`);
      assert.equal(answer.status, 404, path);
      await answer.arrayBuffer();
    }
  });

  test('too large and not there are JSON', async () => {
    assert.ok(edge);
    const large = await fetch(`${edge.base}/v1/uploads`, {
      method: 'POST',
      headers: { ...admin, 'content-length': String(200 * MB) },
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(1));
        },
      }),
      duplex: 'half',
    } as RequestInit).catch((error: unknown) => error);
    if (large instanceof Response) {
      assert.equal(large.status, 413);
      assert.equal(((await large.json()) as { code: string }).code, 'payload_too_large');
    }
    const nowhere = await silentPort();
    const port = await silentPort();
    const site = siteOf(edge.app, { DRAWBRIDGE_PUBLIC_URL: `http://127.0.0.1:${port}` });
    const alone = await startNginx(site.replace(upstreamOf(edge.app), `127.0.0.1:${nowhere}`), port);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/tasks`);
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get('retry-after'), '5');
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      assert.equal(((await answer.json()) as { status: number }).status, 503);
    } finally {
      await alone.stop();
    }
  });

  test('A an alias to another folder gives 404 for pictures alone', async () => {
    assert.ok(edge);
    const port = await silentPort();
    const env = { DRAWBRIDGE_PUBLIC_URL: `http://127.0.0.1:${port}`, ...ACCEL };
    const wrong = await startNginx(siteOf(edge.app, env, { mediaRoot: '/srv/drawbridge-elsewhere' }), port);
    try {
      const [picture] = await onePictureOfEachKind(edge.app, edge.base);
      assert.ok(picture);
      const answer = await fetch(picture.url.replace(edge.base, `http://127.0.0.1:${port}`));
      assert.equal(answer.status, 404);
      await answer.arrayBuffer();
      assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
    } finally {
      await wrong.stop();
    }
  });
});

test('below a path prefix, the app sends the pictures', { skip }, async () => {
  const edge = await startEdge('/draw');
  try {
    for (const picture of await onePictureOfEachKind(edge.app, edge.base))
      await checkPicture(picture, edge.base);
    await checkStream(edge.app, edge.base);
    await checkPages(edge.base);
    const bare = await fetch(edge.base, { redirect: 'manual' });
    assert.equal(bare.status, 308);
    assert.equal(new URL(bare.headers.get('location') ?? '', edge.base).pathname, '/draw/');
  } finally {
    await stop(edge);
  }
});

test('under private access nginx sends only what the app allows', { skip }, async () => {
  const edge = await startEdge('', { ...ACCEL, DRAWBRIDGE_MEDIA_ACCESS: 'private' });
  try {
    for (const picture of await onePictureOfEachKind(edge.app, edge.base)) {
      await checkPicture(picture, edge.base);
      const bare = picture.url.replace(/\?.*$/, '');
      const refused = await fetch(bare);
      assert.equal(refused.status, 404, 'neither a signature nor a key');
      await refused.arrayBuffer();
      const owner = await fetch(bare, { headers: admin });
      assert.equal(owner.status, 200, 'the owner by key');
      assert.equal(owner.headers.get('cache-control'), 'private, no-store');
      await owner.arrayBuffer();
    }
  } finally {
    await stop(edge);
  }
});

test('an https address: TLS, http is sent on, answers say https', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-tls-'));
  const [certificate, certificateKey] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
  assert.ok(certificate && certificateKey);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', certificateKey, '-out', certificate, '-subj', '/CN=pictures.test'];
  execFileSync('openssl', ['req', '-x509', ...ec, ...files, '-days', '2'], { stdio: 'pipe' });
  const port = await silentPort();
  const plain = await silentPort();
  const env = { DRAWBRIDGE_PUBLIC_URL: `https://pictures.test:${port}` };
  const app = await startBehind(env.DRAWBRIDGE_PUBLIC_URL);
  const { config } = loadConfig({ env: { DRAWBRIDGE_DATA_DIR: app.dataDir, ...env }, cwd: app.dataDir });
  assert.ok(config);
  const site = proxySite(config, {
    upstream: upstreamOf(app),
    certificate,
    certificateKey,
    maxBodyBytes: MAX_BODY_BYTES,
  });
  const text = nginxSite(site);
  assert.match(text, /listen 80;/);
  const nginx = await startNginx(text.replace('listen 80;', `listen ${plain};`), port);
  try {
    const answer = await new Promise<{ status: number; text: string; hsts: string | undefined }>(
      (resolve, reject) => {
        const call = request(
          {
            host: '127.0.0.1',
            port,
            path: '/v1/uploads/none',
            servername: 'pictures.test',
            rejectUnauthorized: false,
            headers: { host: `pictures.test:${port}` },
          },
          (response) => {
            let body = '';
            response.setEncoding('utf8').on('data', (chunk: string) => {
              body += chunk;
            });
            response.on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                text: body,
                hsts: response.headers['strict-transport-security'],
              }),
            );
          },
        );
        call.on('error', reject).end();
      },
    );
    assert.equal(answer.status, 404);
    assert.match(answer.text, new RegExp(`https://pictures.test:${port}/docs/errors`));
    assert.equal(answer.hsts, 'max-age=31536000');
    const moved = await fetch(`http://127.0.0.1:${plain}/gallery?q=1`, { redirect: 'manual' });
    assert.equal(moved.status, 301);
    assert.equal(moved.headers.get('location'), `https://pictures.test:${port}/gallery?q=1`);
  } finally {
    await nginx.stop();
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what nginx could not read is refused', () => {
  const { config } = loadConfig({ env: { DRAWBRIDGE_MEDIA_ROOT: '/srv/a$b' }, cwd: '/' });
  assert.ok(config);
  const site = proxySite(config, { maxBodyBytes: MAX_BODY_BYTES });
  assert.throws(() => nginxSite(site), /nginx cannot read this/);
});

test('the commands print the files, and say what they lack', async () => {
  const env = {
    DRAWBRIDGE_PUBLIC_URL: 'https://pictures.example.com/draw',
    DRAWBRIDGE_DATA_DIR: '/srv/draw',
  };
  const largestBody = Math.max(...allContracts.map(({ maxBodyBytes = 0 }) => maxBodyBytes));
  const largestBodyMib = Math.ceil(largestBody / (1024 * 1024)) + 1;
  const nginx = await runCommand(['nginx-config', '--upstream', '10.0.0.5:9000'], env);
  assert.equal(nginx.code, 0, nginx.stderr);
  for (const part of [
    'server 10.0.0.5:9000;',
    'server_name pictures.example.com;',
    'listen 443 ssl http2;',
    'location /draw/ {',
    'alias "/srv/draw/media/";',
    `client_max_body_size ${largestBodyMib}m;`,
  ])
    assert.ok(nginx.stdout.includes(part), part);
  assert.match(nginx.stderr, /DRAWBRIDGE_MEDIA_ACCEL_REDIRECT=\/internal-media\//);
  const caddy = await runCommand(['caddy-config', '--json'], {});
  assert.match((JSON.parse(caddy.stdout) as { file: string }).file, /reverse_proxy 127\.0\.0\.1:8080/);
  assert.equal((await runCommand(['nginx-config', '--listen', '0'], {})).code, 2);
});
