// The way of a picture, broken at one layer after another in front of a real nginx: the doctor names the layer, the line to
// change and what to write there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FindingBody } from '../../src/operations/contract.ts';
import { silentPort, startBehind, upstreamOf } from '../delivery/edge.ts';
import { missing, type Nginx, startNginx } from '../delivery/nginx-server.ts';
import type { TestApp } from '../harness/app.ts';

const noNginx = missing('nginx');

async function examine(app: TestApp, deep = false): Promise<FindingBody[]> {
  const { status, json, text } = await app.request('POST', '/v1/admin/doctor', { deep });
  assert.equal(status, 200, text);
  return json.findings;
}

/** A site by hand, as people write it. */
const site = (port: number, locations: readonly string[], extra: readonly string[] = []) =>
  [
    'server {',
    `  listen 127.0.0.1:${port};`,
    '  server_name localhost;',
    ...extra.map((line) => `  ${line}`),
    ...locations.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');

const proxied = (upstream: string, more = '') =>
  `location / { proxy_pass http://${upstream}; proxy_set_header Host $http_host; ${more} }`;

/** What the printed file has, and people who wrote theirs may add. */
const SENDS_FILES = 'proxy_set_header X-Sendfile-Type X-Accel-Redirect;';

describe('the way of a picture behind a broken nginx', { skip: noNginx }, () => {
  let app: TestApp;
  let port: number;
  before(async () => {
    port = await silentPort();
    app = await startBehind(`http://127.0.0.1:${port}`);
  });
  after(() => app.close());

  async function behind(
    text: string,
  ): Promise<{ path: FindingBody | undefined; front: FindingBody | undefined }> {
    let nginx: Nginx | null = null;
    try {
      nginx = await startNginx(text, port);
      const findings = await examine(app);
      const of = (id: string) => findings.find((finding) => finding.id === id);
      return { path: of('media_path'), front: of('front') };
    } finally {
      await nginx?.stop();
    }
  }

  test('nothing is found behind a site that is right', async () => {
    const text = site(port, [proxied(upstreamOf(app))], ['client_max_body_size 64m;']);
    assert.deepEqual(await behind(text), { path: undefined, front: undefined });
  });

  test('nginx serves another folder itself: the alias is named with file and line', async () => {
    const own = 'location /media/ { alias /srv/elsewhere/; }';
    const { path } = await behind(site(port, [proxied(upstreamOf(app)), own], ['client_max_body_size 64m;']));
    assert.match(path?.what ?? '', /in another folder \(HTTP 404/);
    assert.match(path?.evidence.join('\n') ?? '', /site\.conf:6: alias \/srv\/elsewhere\/;/);
    assert.match(path?.fix ?? '', /proxy_pass/);
  });

  test('nginx points at a port where nothing listens: the proxy_pass is named', async () => {
    const nobody = await silentPort();
    const { path } = await behind(site(port, [proxied(`127.0.0.1:${nobody}`)]));
    assert.match(path?.what ?? '', /does not reach the application \(HTTP 502/);
    assert.match(path?.evidence.join('\n') ?? '', new RegExp(`site\\.conf:4: .*127\\.0\\.0\\.1:${nobody}`));
  });

  test('nothing answers at the public address', async () => {
    const finding = (await examine(app)).find(({ id }) => id === 'media_path');
    assert.match(finding?.what ?? '', /nothing answers at this address/);
    assert.match(finding?.fix ?? '', /Start the reverse proxy/);
  });

  test('another site answers there, and a location that asks for a password', async () => {
    const other = await behind(site(port, ["location / { return 200 'hello'; }"]));
    assert.match(other.path?.what ?? '', /another site/);
    const locked = await behind(site(port, ['location / { return 401; }']));
    assert.match(locked.path?.what ?? '', /asks for a password/);
  });

  test('a redirect, a forbidden folder, and a path that is put in the place of another', async () => {
    const moved = await behind(site(port, ['location / { return 301 https://example.com$request_uri; }']));
    assert.match(moved.path?.what ?? '', /redirected to another address/);
    const closed = await behind(site(port, ['location / { return 403; }']));
    assert.match(closed.path?.what ?? '', /may not read the folder/);
    const replaced = await behind(
      site(port, [`location / { proxy_pass http://${upstreamOf(app)}/other/; }`]),
    );
    assert.match(replaced.path?.what ?? '', /by another path/);
    assert.match(replaced.path?.evidence.join('\n') ?? '', /site\.conf:4: .*\/other\//);
  });

  test('small bodies only: client_max_body_size is named', async () => {
    const text = site(port, [proxied(upstreamOf(app))], ['client_max_body_size 1m;']);
    const { path, front } = await behind(text);
    assert.equal(path, undefined);
    assert.match(front?.what ?? '', /2 MB are refused/);
    assert.match(front?.evidence.join('\n') ?? '', /site\.conf:4: client_max_body_size 1m;/);
    assert.match(front?.fix ?? '', /client_max_body_size 33m;/);
  });

  test('a stream that is cut in its silence is seen from outside, with how long it lasted', async () => {
    const nginx = await startNginx(
      site(port, [proxied(upstreamOf(app), 'proxy_read_timeout 1s;')], ['client_max_body_size 64m;']),
      port,
    );
    try {
      const finding = (await examine(app, true)).find(({ id }) => id === 'front_silence');
      assert.match(finding?.what ?? '', /cut after [1-4] s of silence/);
      assert.match(finding?.evidence.join('\n') ?? '', /proxy_read_timeout 1s;/);
    } finally {
      await nginx.stop();
    }
  });

  test('streams that are held back, and timeouts that are too short', async () => {
    const large = ['client_max_body_size 64m;'];
    const buffered = 'proxy_ignore_headers X-Accel-Buffering; gzip on; gzip_types text/event-stream;';
    const held = await behind(site(port, [proxied(upstreamOf(app), 'proxy_read_timeout 5s;')], large));
    assert.match(held.front?.what ?? '', /gives up before 60 s/);
    assert.match(held.front?.evidence.join('\n') ?? '', /proxy_read_timeout 5s;/);
    const slow = await behind(site(port, [proxied(upstreamOf(app), buffered)], large));
    assert.match(slow.front?.what ?? '', /held back/);
    assert.match(slow.front?.evidence.join('\n') ?? '', /X-Accel-Buffering/);
  });
});

describe('the way of a picture that nginx sends itself', { skip: noNginx }, () => {
  test('an internal location with another folder is named, with the right one', async () => {
    const port = await silentPort();
    const accel = { DRAWBRIDGE_MEDIA_ACCEL_REDIRECT: '/internal-media/' };
    const app = await startBehind(`http://127.0.0.1:${port}`, accel);
    const internal = 'location ^~ /internal-media/ { internal; alias /srv/elsewhere/; }';
    const nginx = await startNginx(site(port, [proxied(upstreamOf(app), SENDS_FILES), internal]), port);
    try {
      const finding = (await examine(app)).find(({ id }) => id === 'media_path');
      assert.match(finding?.evidence.join('\n') ?? '', /site\.conf:5: .*alias \/srv\/elsewhere\/;/);
      assert.match(finding?.fix ?? '', new RegExp(`alias "${app.app.media.root}/"`));
    } finally {
      await nginx.stop();
      await app.close();
    }
  });
});
