// Hostile bodies against the whole app: whatever is sent, the answer is a 4xx that says what is wrong, never a 5xx, a reset
// connection or a changed prototype.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MAX_JSON_DEPTH, MAX_JSON_KEYS } from '../../src/kernel/json-body.ts';
import { ADMIN_KEY, type TestApp } from '../harness/app.ts';
import { bearer, picture, startFastApp } from './cast.ts';
import { assertOpenAiError, assertProblem } from './problems.ts';
import { requestText, sendRaw } from './raw-http.ts';

let app: TestApp;
before(async () => {
  app = await startFastApp();
});
after(() => app.close());

const JSON_HEADERS = { ...bearer(ADMIN_KEY), 'content-type': 'application/json' };
const CONTROL = 1024 * 1024;

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const withMetadata = (json: string) => `{"prompt":"a","metadata":{"x":${json}}}`;

/** Bodies for a call that takes a task, with the statuses that are right. */
const BODIES: [name: string, body: string | Uint8Array, statuses: number[]][] = [
  ['depth 33', withMetadata(nested(MAX_JSON_DEPTH - 1)), [400]],
  ['depth 10,000', nested(10_000), [400]],
  ['depth 100,000, never closed', '{"a":'.repeat(100_000), [400]],
  ['1e5 keys', `{${Array.from({ length: 1e5 }, (_, i) => `"${i.toString(36)}":1`).join()}}`, [400]],
  [
    'one key too many in all',
    withMetadata(`[${Array.from({ length: MAX_JSON_KEYS }, () => '{"a":1}').join()}]`),
    [400],
  ],
  ['a key twice', '{"prompt":"a","prompt":"b"}', [400]],
  ['a key twice, once escaped', '{"prompt":"a","pr\\u006fmpt":"b"}', [400]],
  ['half a surrogate pair', '{"prompt":"\\ud800"}', [400]],
  ['half a surrogate pair in a key', withMetadata('{"\\udfff":1}'), [400]],
  ['NUL', '{"prompt":"a\\u0000b"}', [400]],
  ['a raw NUL', '{"prompt":"a\0b"}', [400]],
  ['1e400', '{"prompt":"a","n":1e400}', [422]],
  ['-1e400', '{"prompt":"a","strength":-1e400}', [422]],
  ['2^63', '{"prompt":"a","seed":9223372036854775808}', [422]],
  ['2^63 as a budget', '{"prompt":"a","budget_credits":1e300}', [200]],
  ['a number of 100,000 digits', `{"prompt":"a","n":${'9'.repeat(100_000)}}`, [422]],
  ['NaN', '{"prompt":"a","n":NaN}', [400]],
  ['nothing', '', [400]],
  ['white space', ' \n\t ', [400]],
  ['null', 'null', [400]],
  ['an array', '[]', [422]],
  ['a string', '"prompt"', [422]],
  ['a bare word', 'prompt', [400]],
  ['two values', '{"prompt":"a"}{"prompt":"b"}', [400]],
  ['a trailing comma', '{"prompt":"a",}', [400]],
  ['a comment', '{"prompt":"a"/**/}', [400]],
  ['invalid UTF-8', Buffer.from([...Buffer.from('{"prompt":"'), 0xff, ...Buffer.from('"}')]), [400]],
  ['overlong UTF-8', Buffer.from([...Buffer.from('{"prompt":"'), 0xc0, 0xaf, ...Buffer.from('"}')]), [400]],
  ['UTF-16', Buffer.from('\ufeff{"prompt":"a"}', 'utf16le'), [400]],
  ['a byte order mark', '\ufeff{"prompt":"a"}', [200]],
  ['__proto__', '{"prompt":"a","__proto__":{"polluted":1}}', [400]],
  ['__proto__, escaped', '{"prompt":"a","__pr\\u006fto__":{"polluted":1}}', [400]],
  ['__proto__ in metadata', withMetadata('{"__proto__":{"polluted":1}}'), [400]],
  ['constructor', '{"prompt":"a","constructor":{"prototype":{"polluted":1}}}', [422]],
  ['constructor in metadata', withMetadata('{"constructor":{"prototype":{"polluted":1}}}'), [200]],
  ['toString', '{"prompt":"a","toString":1,"hasOwnProperty":1}', [422]],
  ['a form', 'prompt=a', [400]],
];

const prototypeKeys = Reflect.ownKeys(Object.prototype).map(String).sort().join();

for (const [name, body, statuses] of BODIES) {
  test(`I1 a body of ${name}`, async () => {
    const answer = await app.request('POST', '/v1/tasks/quote', body, JSON_HEADERS);
    assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text.slice(0, 300)}`);
    if (answer.status >= 400) assertProblem(answer);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
}

for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', ';;;', '*/*', '']) {
  test(`I1 the content type "${type}"`, async () => {
    const headers = { ...bearer(ADMIN_KEY), 'content-type': type };
    const answer = await app.request('POST', '/v1/tasks/quote', '{"prompt":"a"}', headers);
    assert.equal(answer.status, 415, answer.text);
    assertProblem(answer);
  });
}

test('I1 a form where JSON is wanted, and JSON where a form is wanted', async () => {
  const form = new FormData();
  form.set('prompt', 'a');
  const asForm = await app.request('POST', '/v1/tasks/quote', form);
  assert.equal(asForm.status, 415, asForm.text);
  assertProblem(asForm);
  const asJson = await app.request('POST', '/v1/uploads', { file: 'a' });
  assert.equal(asJson.status, 415, asJson.text);
  assertProblem(asJson);
});

test('I1 a body without a content type, and a content type without a body', async () => {
  const typeless = await sendRaw(app.url, [
    requestText('POST', '/v1/tasks/quote', bearer(ADMIN_KEY), '{"prompt":"a"}'),
  ]);
  assert.equal(typeless.status, 415, typeless.body);
  const bodyless = await sendRaw(app.url, [
    requestText('POST', '/v1/tasks/quote', { ...bearer(ADMIN_KEY), 'Content-Length': '0' }),
  ]);
  assert.equal(bodyless.status, 400, bodyless.body);
  // Clients that name the type on every call must still be able to cancel.
  const unneeded = await app.request('POST', '/v1/tasks/task_x/cancel', undefined, JSON_HEADERS);
  assert.equal(unneeded.status, 404, unneeded.text);
  const optional = await app.request('POST', '/v1/images/img_x/upscale', undefined, JSON_HEADERS);
  assert.equal(optional.status, 404, optional.text);
});

function* megabytes(count: number): Generator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  for (let sent = 0; sent < count * 1024 * 1024; sent += chunk.length) yield chunk;
}

function* chunked(head: string, parts: Iterable<Uint8Array>): Generator<string | Uint8Array> {
  yield head;
  for (const part of parts) {
    yield `${part.length.toString(16)}\r\n`;
    yield part;
    yield '\r\n';
  }
  yield '0\r\n\r\n';
}

const bigHead = (target: string, type: string, length: string) =>
  requestText('POST', target, { ...bearer(ADMIN_KEY), 'Content-Type': type, ...JSON.parse(length) });
const HUNDRED_MB = 100 * 1024 * 1024;

for (const [name, length] of [
  ['with its length', `{"Content-Length":"${HUNDRED_MB}"}`],
  ['in chunks', '{"Transfer-Encoding":"chunked"}'],
] as const) {
  const bodyOf = (target: string, type: string) => {
    const head = bigHead(target, type, length);
    return name === 'in chunks' ? chunked(head, megabytes(100)) : [head, ...megabytes(100)];
  };
  test(`I1 100 MB of JSON ${name} is refused before it was sent`, async () => {
    const answer = await sendRaw(app.url, bodyOf('/v1/tasks/quote', 'application/json'), {
      stopAtAnswer: true,
    });
    assert.equal(answer.status, 413, answer.head.join('\n'));
    assertProblem({ status: 413, json: JSON.parse(answer.body), text: answer.body });
    assert.ok(answer.sentBytes < 16 * CONTROL, `${answer.sentBytes} bytes were taken`);
  });

  test(`I1 a client that sends 100 MB ${name} before it reads finds the answer`, async () => {
    const answer = await sendRaw(app.url, bodyOf('/v1/tasks/quote', 'application/json'));
    assert.equal(answer.status, 413, `${answer.end} ${answer.head.join('\n')}`);
    assert.notEqual(answer.end, 'reset');
  });

  test(`I1 a form of 100 MB ${name} finds its answer`, async () => {
    const type = 'multipart/form-data; boundary=cut';
    const opening = '--cut\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n';
    const head = bigHead('/v1/uploads', type, length);
    const parts = [Buffer.from(opening), ...megabytes(100)];
    const answer = await sendRaw(app.url, name === 'in chunks' ? chunked(head, parts) : [head, ...parts]);
    assert.equal(answer.status, 413, `${answer.end} ${answer.head.join('\n')}`);
    assert.notEqual(answer.end, 'reset');
  });
}

test('I1 a form that is refused early does not block its sender', async () => {
  const type = 'multipart/form-data; boundary=cut';
  const head = bigHead('/v1/images/edits', type, '{"Transfer-Encoding":"chunked"}');
  const opening = '--cut\r\ncontent-disposition: form-data; name="document"; filename="a.png"\r\n\r\n';
  const startedAt = performance.now();
  const answer = await sendRaw(app.url, chunked(head, [Buffer.from(opening), ...megabytes(20)]));
  assert.equal(answer.status, 400, `${answer.end} ${answer.head.join('\n')} ${answer.body}`);
  // Blocked, it would sit there until the connection's own time is over, a minute later.
  assert.ok(performance.now() - startedAt < 30_000);
});

const FIELD_NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'constructor[prototype][polluted]',
  'hasOwnProperty',
];

test('I2 hostile names in forms, queries and metadata change no prototype', async () => {
  const png = new Blob([new Uint8Array(await picture())], { type: 'image/png' });
  const answers = [];
  for (const name of FIELD_NAMES) {
    for (const [path, field] of [
      ['/v1/uploads', 'file'],
      ['/v1/images/edits', 'image'],
    ] as const) {
      const form = new FormData();
      form.set(name, 'polluted');
      form.set(field, png, `${name}.png`);
      answers.push(await app.request('POST', path, form, { prefer: 'respond-async' }));
    }
    const asFile = new FormData();
    asFile.set(name, png, 'a.png');
    answers.push(await app.request('POST', '/v1/uploads', asFile));
    const query = `${encodeURIComponent(name)}=1&${encodeURIComponent(`${name}[polluted]`)}=1`;
    for (const path of ['/v1/tasks', '/v1/images', '/v1/keys', '/v1/credits/entries', '/docs/errors'])
      answers.push(await app.request('GET', `${path}?${query}`));
    if (name !== '__proto__') {
      const metadata = { [name]: { prototype: { polluted: true } } };
      const made = await app.request('POST', '/v1/tasks', { prompt: 'a', metadata, size: '256x256' });
      assert.equal(made.status, 202, made.text);
      assert.deepEqual(made.json.metadata, metadata);
    }
  }
  for (const { status, text } of answers) assert.ok(status < 500, `${status} ${text}`);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal(Reflect.ownKeys(Object.prototype).map(String).sort().join(), prototypeKeys);
});

test('I1 text that no database can hold is refused in forms, too', async () => {
  const form = new FormData();
  form.set('prompt', 'a\0b');
  form.set('image', new Blob([new Uint8Array(await picture())], { type: 'image/png' }), 'a.png');
  const answer = await app.request('POST', '/v1/images/edits', form);
  assert.equal(answer.status, 400, answer.text);
  assert.match(answer.json.error.message, /NUL/);
});

const PART = '--cut\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n';
const FORMS: [name: string, type: string, body: string, statuses: number[]][] = [
  ['nothing', 'boundary=cut', '', [422]],
  ['no boundary', '', '--cut--', [400]],
  ['an empty boundary', 'boundary=', '--cut--', [400]],
  ['a boundary of 300 letters', `boundary=${'x'.repeat(300)}`, '--cut--', [400]],
  ['half a boundary', 'boundary=cut', '--c', [400]],
  ['noise', 'boundary=cut', 'noise', [400]],
  ['half a part', 'boundary=cut', PART, [400]],
  ['half a file', 'boundary=cut', `${PART}\r\nabc`, [400, 422]],
  ['a part without a name', 'boundary=cut', '--cut\r\nx: y\r\n\r\nabc\r\n--cut--', [422]],
  [
    '5,000 headers in a part',
    'boundary=cut',
    `--cut\r\n${'x: y\r\n'.repeat(5000)}\r\nabc\r\n--cut--`,
    [400, 422],
  ],
];

for (const [name, parameter, body, statuses] of FORMS) {
  test(`I1 a form of ${name}`, async () => {
    for (const path of ['/v1/uploads', '/v1/images/edits']) {
      const headers = { 'content-type': `multipart/form-data; ${parameter}` };
      const answer = await app.request('POST', path, body, headers);
      // OpenAI says 400 to everything that is wrong with a request.
      const isOpenAi = path.includes('edits');
      const expected = isOpenAi ? statuses.map((status) => (status === 422 ? 400 : status)) : statuses;
      assert.ok(expected.includes(answer.status), `${path} ${answer.status} ${answer.text.slice(0, 300)}`);
      (isOpenAi ? assertOpenAiError : assertProblem)(answer);
    }
  });
}
