// What every answer carries and no input can change: policies on each kind of answer, one header and one log line for one
// value, and a 4xx for what is no proper HTTP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN_KEY, type TestApp } from '../harness/app.ts';
import { bearer, giveBelongings, openAccount, type Person, startFastApp } from './cast.ts';
import { assertProblem } from './problems.ts';
import { requestText, sendRaw } from './raw-http.ts';

let app: TestApp;
let person: Person;
let media: { url: string; path: string };

before(async () => {
  app = await startFastApp({ env: { DRAWBRIDGE_CORS_ORIGINS: 'https://studio.example' } });
  person = await openAccount(app, 'person');
  const { imageId } = await giveBelongings(app, person);
  const { url } = (await app.request('GET', `/v1/images/${imageId}`, undefined, bearer(person.key))).json;
  media = { url, path: new URL(url).pathname };
});
after(() => app.close());

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";
const MEDIA_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data: https://studio.example; " +
  "connect-src 'self' https://studio.example; manifest-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'";
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${app.url}${path}`, { headers });

test('W3 every kind of answer has exactly its policy', async () => {
  const html = { accept: 'text/html' };
  const admin = bearer(ADMIN_KEY);
  const cases: [string, Record<string, string>, number, string | RegExp][] = [
    ['/', html, 200, PAGE_POLICY],
    ['/account', html, 200, PAGE_POLICY],
    ['/no/such/page', html, 404, PAGE_POLICY],
    ['/docs', html, 200, DOCS_POLICY],
    ['/docs/json', {}, 200, /default-src 'none'/],
    [
      '/docs/errors',
      html,
      200,
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    ],
    ['/openapi.json', {}, 200, DATA_POLICY],
    ['/v1/tasks', admin, 200, DATA_POLICY],
    ['/v1/tasks', {}, 401, DATA_POLICY],
    ['/v1/tasks/x', admin, 404, DATA_POLICY],
    ['/v1/tasks?limit=x', admin, 422, DATA_POLICY],
    ['/v1/tasks/%E0%A4%A', admin, 400, DATA_POLICY],
    [`/v1/tasks/${'a'.repeat(400)}`, admin, 400, DATA_POLICY],
    ['/v1/events', admin, 200, DATA_POLICY],
    ['/healthz', {}, 200, DATA_POLICY],
    ['/metrics', {}, 200, DATA_POLICY],
    [media.path, {}, 200, MEDIA_POLICY],
    [`${media.path}?download=a.png`, {}, 200, MEDIA_POLICY],
    ['/media/final/no-such-key', {}, 404, DATA_POLICY],
  ];
  for (const [path, headers, status, policy] of cases) {
    const answer = await get(path, headers);
    await answer.body?.cancel();
    const label = `${path} ${answer.status}`;
    assert.equal(answer.status, status, label);
    const sent = answer.headers.get('content-security-policy') ?? '';
    if (typeof policy === 'string') assert.equal(sent, policy, label);
    else assert.match(sent, policy, label);
    assert.doesNotMatch(sent, /script-src[^;]*unsafe/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', label);
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer', label);
    assert.equal(answer.headers.get('cross-origin-opener-policy'), 'same-origin', label);
    assert.match(answer.headers.get('x-request-id') ?? '', /^req_[0-9a-f]{32}$/, label);
    assert.equal(answer.headers.get('x-powered-by'), null);
    assert.equal(answer.headers.get('server'), null);
    if (path.startsWith('/v1/'))
      assert.match(answer.headers.get('cache-control') ?? '', /no-store|no-cache/, label);
  }
});

test('W3 the files of the studio keep their own caching', async (t) => {
  const page = await (await get('/', { accept: 'text/html' })).text();
  const asset = /\/assets\/[\w.-]+\.js/.exec(page)?.[0];
  if (!asset) return t.skip('the studio is not built');
  const answer = await get(asset);
  await answer.arrayBuffer();
  assert.equal(answer.headers.get('content-security-policy'), PAGE_POLICY);
  assert.match(answer.headers.get('cache-control') ?? '', /immutable/);
});

const BREAKS = [
  '\r\nX-Injected: 1',
  '\nX-Injected: 1',
  '%0d%0aX-Injected:%201',
  '%0aX-Injected: 1',
  '\u2028X',
  '\u0085X',
];

test('W7 a file name cannot break out of its header', async () => {
  for (const text of [
    ...BREAKS,
    '"; filename="evil.html',
    'a/../../evil',
    '..\\evil',
    'a\0b',
    '😀'.repeat(300),
    '',
  ]) {
    const answer = await get(`${media.path}?download=${encodeURIComponent(text)}`);
    await answer.arrayBuffer();
    if (text.includes('\0')) {
      assert.equal(answer.status, 400);
      continue;
    }
    assert.equal(answer.status, 200, text);
    assert.equal(answer.headers.get('x-injected'), null, text);
    const disposition = answer.headers.get('content-disposition') ?? '';
    assert.match(
      disposition,
      /^attachment; filename="[^"\\/\r\n]*"(; filename\*=UTF-8''[\w%!#$&+.^`|~-]*)?$/,
      disposition,
    );
    assert.ok(disposition.length < 2000, disposition.length.toString());
  }
});

test('W7 no header value of a request reaches an answer as a header, nor a second log line', async () => {
  const before = app.log.records.length;
  for (const name of [
    'X-Account-Id',
    'Idempotency-Key',
    'Prefer',
    'Last-Event-ID',
    'Accept-Language',
    'Origin',
    'X-Request-Id',
    'Range',
  ]) {
    for (const text of [
      'a\rX-Injected: 1',
      'a\u000bb',
      '%0d%0aX-Injected: 1',
      `${'é'.repeat(200)}`,
      'a'.repeat(8000),
      '\u007f',
    ]) {
      const answer = await sendRaw(app.url, [
        requestText('GET', '/v1/tasks', { ...bearer(ADMIN_KEY), [name]: text, Connection: 'close' }),
      ]);
      assert.ok(answer.status >= 200 && answer.status < 500, `${name}: ${answer.head.join('\n')}`);
      assert.equal(answer.header('x-injected'), undefined, name);
    }
  }
  for (const path of BREAKS) {
    const answer = await get(`/v1/tasks/${encodeURIComponent(path)}/${path}`, bearer(ADMIN_KEY));
    assert.equal(answer.status, 404);
    await answer.text();
  }
  assert.ok(app.log.records.length > before);
  for (const line of app.log.text().split('\n').filter(Boolean))
    assert.doesNotThrow(() => JSON.parse(line), line);
});

test('I6 methods that nobody serves are 4xx problems', async () => {
  for (const method of ['TRACE', 'PROPFIND', 'SEARCH', 'PUT', 'OPTIONS', 'PURGE', 'QUERY']) {
    const answer = await sendRaw(app.url, [
      requestText(method, '/v1/tasks', { ...bearer(ADMIN_KEY), 'Content-Length': '0', Cookie: 'secret=1' }),
    ]);
    assert.ok(answer.status >= 400 && answer.status < 500, `${method}: ${answer.head[0]}`);
    assert.ok(!answer.body.includes(ADMIN_KEY) && !answer.body.includes('secret=1'), 'nothing is echoed');
    // A preflight that asks for nothing is answered in plain text by the CORS plug-in.
    if (method !== 'OPTIONS')
      assertProblem({ status: answer.status, json: JSON.parse(answer.body), text: answer.body });
  }
  for (const path of ['/v1/events', `/v1/tasks/x/events`]) {
    const answer = await app.request('HEAD', path);
    assert.equal(answer.status, 404, 'a stream has no HEAD that could end');
  }
});

test('I6 what is no proper HTTP is a 4xx and a closed connection', async () => {
  const auth = `Authorization: Bearer ${ADMIN_KEY}\r\n`;
  const post = `POST /v1/tasks/quote HTTP/1.1\r\nHost: a\r\n${auth}Content-Type: application/json\r\n`;
  const requests: [string, string, number][] = [
    [
      '64 KB in one header',
      `GET /v1/tasks HTTP/1.1\r\nHost: a\r\nX-Long: ${'a'.repeat(65_536)}\r\n\r\n`,
      431,
    ],
    [
      '64 KB in many headers',
      `GET /v1/tasks HTTP/1.1\r\nHost: a\r\n${'X-Many: aaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2200)}\r\n`,
      431,
    ],
    ['64 KB of URL', `GET /v1/tasks?q=${'a'.repeat(65_536)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['an unknown method', 'MAKE /v1/tasks HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['no Host', 'GET /v1/tasks HTTP/1.1\r\n\r\n', 400],
    ['length and chunks', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`, 400],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    ['a negative length', `${post}Content-Length: -2\r\n\r\n{}`, 400],
    ['a length that is no number', `${post}Content-Length: 2x\r\n\r\n{}`, 400],
    ['an unknown encoding', `${post}Transfer-Encoding: gzip\r\n\r\n{}`, 400],
    ['a broken chunk', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
    ['a folded header', 'GET /v1/tasks HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n', 400],
    ['a space before the colon', 'GET /v1/tasks HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n', 400],
    ['NUL in a header', 'GET /v1/tasks HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n', 400],
    ['a bad Host', 'GET / HTTP/1.1\r\nHost: a b[\r\nConnection: close\r\n\r\n', 400],
    [
      'an unknown expectation',
      `${post}Expect: miracles\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
      417,
    ],
    ['NUL in the path', 'GET /v1/tasks/a%00b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ];
  for (const [name, bytes, status] of requests) {
    const answer = await sendRaw(app.url, [Buffer.from(bytes, 'latin1')]);
    assert.equal(
      answer.status,
      status,
      `${name}: ${answer.end} ${answer.head.join(' | ')} ${answer.body.slice(0, 200)}`,
    );
  }
  const alive = await get('/healthz');
  assert.equal(alive.status, 200);
  await alive.text();
});
