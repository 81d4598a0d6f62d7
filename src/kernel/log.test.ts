// No secret in a line, no forged line, bounded lines; and the real outputs: a JSON file and a pretty terminal stream.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger, createMemoryLogger } from './log.ts';
import { createRedactor, isSecretName, redactText } from './redact.ts';

const SECRET = 'q7Zt3canaryW9x';

test('K1 fields whose name says secret are masked at any depth', () => {
  const log = createMemoryLogger();
  const names = [
    'authorization',
    'Authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'apiKey',
    'api_key',
    'OPENAI_API_KEY',
    'token',
    'accessToken',
    'callback_token',
    'password',
    'newPassword',
    'secret',
    'clientSecret',
    'session_id',
    'sessionId',
    'sessionid',
    'JIMENG_SESSION_ID',
    'adminKey',
    'secretAccessKey',
    'accessKeyId',
    'privateKey',
    'ticket',
    'webhook_secret',
    'proxy-authorization',
    'x-amz-signature',
    'credentials',
  ];
  for (const name of names) {
    assert.ok(isSecretName(name), name);
    log.child({ [name]: SECRET }).error({ a: { b: [{ [name]: SECRET }] }, [name]: { deep: SECRET } }, 'x');
  }
  assert.ok(!log.text().includes(SECRET));
  for (const name of ['key', 'public_url', 'task_id', 'tokenizer', 'keyboard', 'author', 'status']) {
    assert.ok(!isSecretName(name), name);
  }
});

test('K1 secrets inside messages, errors, causes and URLs are masked by their shape', () => {
  const log = createMemoryLogger();
  const texts = [
    `Authorization: Bearer ${SECRET}`,
    `authorization: Key ${SECRET}`,
    `cookie: a=1; sessionid=${SECRET}`,
    `Bearer ${SECRET} was refused`,
    `Basic ${SECRET}== was refused`,
    `key dbk_${SECRET}`,
    `key sk-proj-${SECRET}`,
    `whsec_${SECRET}`,
    `postgres://user:${SECRET}@db:5432/x`,
    `socks5://${SECRET}@proxy:1080`,
    `http://user:p@${SECRET}@host/x`,
    `https://x.example/events?ticket=${SECRET}&a=1`,
    `https://x.example/?a=1&api_key=${SECRET}`,
    `GET /v1/events?ticket=${SECRET}`,
    `{"session_id": "${SECRET}", "a": 1}`,
    `{"points":0,"token":"${SECRET}"}`,
    `password=${SECRET}`,
    `X-Amz-Signature=${SECRET}`,
    `https://b.s3/x?X-Amz-Credential=${SECRET}%2F2026&X-Amz-Signature=${SECRET}`,
    `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`,
    `eyJhbGciOiJIUzI1NiJ9.${SECRET}.${SECRET}`,
  ];
  for (const text of texts) {
    const error = new Error(text, { cause: new Error(text) });
    log.error({ text, err: error, url: text, list: [text] }, text);
    assert.ok(!log.text().includes(SECRET), text);
  }
});

test('K1 a secret without a shape is masked once it is known, however it is encoded', () => {
  const shapeless = 'pass word/"7"';
  const redactor = createRedactor([shapeless]);
  const log = createMemoryLogger({ redactor });
  log.info(
    { a: `sent ${shapeless}`, b: `x/${encodeURIComponent(shapeless)}`, c: JSON.stringify({ v: shapeless }) },
    'x',
  );
  redactor.learn('later-secret');
  log.info({}, 'sent later-secret');
  assert.doesNotMatch(log.text(), /pass word|pass%20word|later-secret/);
});

test('what helps to find a fault stays readable', () => {
  for (const text of [
    'connect ECONNREFUSED 10.0.0.5:8188',
    'task_0193f3a2b1c07d1e8f2a3b4c5d6e7f80 finished',
    'GET https://api.example.com/v1/tasks?limit=20&cursor=abc',
    'the provider answered 401: invalid key',
    'a basic authentication problem',
    'user@example.com signed in',
  ]) {
    assert.equal(redactText(text), text);
  }
  assert.equal(redactText('postgres://u:p@db:5432/x'), 'postgres://[redacted]@db:5432/x');
});

test('redaction takes linear time on hostile text', () => {
  const hostile = [
    'a'.repeat(30_000),
    'token='.repeat(5000),
    '://@'.repeat(8000),
    '"password": "\\'.repeat(2500),
    'Bearer '.repeat(5000),
    'x-'.repeat(15_000),
    ' '.repeat(30_000),
    '-----BEGIN PRIVATE KEY-----'.repeat(1200),
    'http://a@'.repeat(3000),
    'Basic '.repeat(5000),
  ];
  const started = performance.now();
  for (const text of hostile) {
    redactText(text);
    isSecretName(text);
  }
  assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms`);
});

test('W7 line breaks and control characters in values, names and messages cannot forge a line', () => {
  const log = createMemoryLogger();
  const evil = 'a\r\n{"level":"error"}\u2028\u001b[2J\u202e\t\u0085z';
  log.info({ evil, [evil]: 1, err: new Error(evil) }, evil);
  const text = JSON.stringify(log.records[0]?.fields.evil) + log.records[0]?.message;
  for (const character of '\r\n\u2028\u001b\u202e\t\u0085') assert.ok(!text.includes(character));
  assert.match(
    log.records[0]?.message ?? '',
    /^a\\r\\n\{"level":"error"\}\\u2028\\u001b\[2J\\u202e\\t\\u0085z$/,
  );
});

test('lines are bounded, and odd values neither throw nor print more than once', () => {
  const log = createMemoryLogger();
  const loop: Record<string, unknown> = {
    big: 1n,
    when: new Date(0),
    bytes: Buffer.alloc(9),
    fn: () => 1,
    no: undefined,
  };
  loop.self = loop;
  let deep: unknown = 'end';
  for (let i = 0; i < 100; i += 1) deep = { deep };
  log.info(
    {
      loop,
      deep,
      long: 'x'.repeat(1e6),
      many: Array.from({ length: 1e5 }, (_, i) => i),
      symbol: Symbol('s'),
    },
    'odd',
  );
  const odd = log.records[0]?.fields.loop as Record<string, unknown>;
  assert.deepEqual(
    [odd.big, odd.when, odd.bytes, odd.self],
    ['1', '1970-01-01T00:00:00.000Z', '[9 bytes]', '[circular]'],
  );
  assert.ok(log.text().length < 20_000);
});

test('fields cannot replace the level, the time or the message of their line', () => {
  const log = createMemoryLogger();
  log.warn({ level: 'debug', time: 'never', msg: 'other' }, 'mine');
  assert.deepEqual(log.records[0]?.fields, { level_: 'debug', time_: 'never', msg_: 'other' });
});

test('levels below the set one are not written; children carry their fields; subscribers see each line', () => {
  const log = createMemoryLogger({ level: 'warn' });
  const seen: string[] = [];
  const stop = log.subscribe(({ message }) => seen.push(message));
  const child = log.child({ component: 'tasks' }).child({ node: 1 });
  child.info({}, 'quiet');
  child.error({ a: 1 }, 'loud');
  stop();
  child.error({}, 'later');
  assert.deepEqual(
    log.records.map(({ message }) => message),
    ['loud', 'later'],
  );
  assert.deepEqual(log.records[0]?.fields, { component: 'tasks', node: 1, a: 1 });
  assert.deepEqual(seen, ['loud']);
});

test('a log file gets one JSON object a line and survives rotation', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sub', 'app.log');
  const clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0, after: () => ({ cancel() {} }) };
  const log = await createLogger({ level: 'info', format: 'json', file, clock });
  log.child({ component: 'x' }).info({ token: SECRET, err: new Error('boom\nfake') }, `first dbk_${SECRET}`);
  log.flush();
  const [line, rest] = readFileSync(file, 'utf8').split('\n');
  assert.equal(rest, '');
  const record = JSON.parse(line ?? '');
  assert.equal(record.level, 'info');
  assert.equal(record.time, '2023-11-14T22:13:20.000Z');
  assert.equal(record.component, 'x');
  assert.equal(record.msg, 'first [redacted]');
  assert.equal(record.token, '[redacted]');
  assert.equal(record.err.message, 'boom\\nfake');
  assert.match(record.err.stack, /^\s+at .*log\.test\.ts/);
  renameSync(file, `${file}.1`);
  log.reopen();
  log.info({}, 'after rotation');
  log.flush();
  assert.match(readFileSync(file, 'utf8'), /after rotation/);
});

test('a log file that cannot be opened is an error at once', async () => {
  await assert.rejects(
    createLogger({ level: 'info', format: 'json', file: '/dev/null/app.log' }),
    /ENOTDIR|EEXIST/,
  );
});

test('standard output: JSON off a terminal, pretty when asked, every line in order when the process ends', () => {
  const run = (format: string) => {
    const program = `
      import { createLogger } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
      const log = await createLogger({ level: 'info', format: '${format}', file: null });
      for (let i = 0; i < 50; i += 1) log.info({ i, err: i ? undefined : new Error('x\\nINFO: forged') }, 'line');
      process.exit(0);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    return stdout.trimEnd().split('\n');
  };
  const json = run('auto').map((line) => JSON.parse(line).i);
  assert.deepEqual(
    json,
    Array.from({ length: 50 }, (_, i) => i),
  );
  const pretty = run('pretty');
  assert.match(pretty.at(-1) ?? '', /INFO.*line.*49/);
  assert.ok(!pretty.some((line) => line.startsWith('INFO: forged')));
});
