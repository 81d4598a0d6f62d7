// Webhooks of the whole program: over HTTP, with real tasks and a real receiver, against strangers and hostile addresses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MAX_MESSAGE_BYTES, taskMessage } from '../../src/webhooks/message.ts';
import { MAX_ENDPOINTS } from '../../src/webhooks/store.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { type Received, Receiver, verified } from '../harness/webhooks.ts';

let app: TestApp;
let receiver: Receiver;

before(async () => {
  receiver = await new Receiver().start();
  app = await startTestApp({
    sandbox: { instantPicture: true },
    env: { DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: receiver.host },
  });
});
after(async () => {
  receiver.close();
  await app.close();
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function openAccount(name: string, scopes?: string[]) {
  const { json: account } = await app.request('POST', '/v1/admin/accounts', { name });
  const { json } = await app.request(
    'POST',
    '/v1/keys',
    { name, ...(scopes ? { scopes } : {}) },
    { 'x-account-id': account.id },
  );
  return { id: account.id as string, headers: bearer(json.key) };
}

async function createWebhook(headers: Record<string, string>, body: object) {
  const answer = await app.request('POST', '/v1/webhooks', body, headers);
  assert.equal(answer.status, 201, answer.text);
  return answer.json as { id: string; secret: string };
}

const ended = (headers: Record<string, string>, id: string) =>
  until(async () => {
    const { json } = await app.request('GET', `/v1/webhooks/deliveries/${id}`, undefined, headers);
    return json.status === 'delivered' || json.status === 'dead' ? json : null;
  });

test('a task that ends is told to the webhook and to its own address, as the API shows it', async () => {
  const { headers } = await openAccount('told');
  const hook = await createWebhook(headers, {
    url: receiver.url('/told'),
    events: ['task.succeeded'],
    headers: { Authorization: 'Bearer of-the-receiver' },
  });
  const own = await app.request('POST', '/v1/webhooks/default-secret', undefined, headers);
  const body = { prompt: 'a lake', size: '256x256', webhook_url: receiver.url('/own?order=7') };
  const { json: task } = await app.request('POST', '/v1/tasks', body, { ...headers, prefer: 'wait=60' });
  assert.equal(task.status, 'succeeded');
  await until(() => receiver.at('/told').length === 1 && receiver.at('/own?order=7').length === 1);
  const told = receiver.at('/told')[0] as Received;
  assert.equal(told.headers['content-type'], 'application/json');
  assert.equal(told.headers.authorization, 'Bearer of-the-receiver');
  const message = verified(hook.secret, told, Date.now());
  assert.equal(message.type, 'task.succeeded');
  assert.equal(message.timestamp, task.finished_at);
  assert.deepEqual(message.data, task);
  assert.deepEqual(
    verified(own.json.secret, receiver.at('/own?order=7')[0] as Received, Date.now()).data,
    task,
  );
  for (const { id } of [told, receiver.at('/own?order=7')[0] as Received]) await ended(headers, id);
  const list = await app.request(
    'GET',
    `/v1/webhooks/deliveries?task_id=${task.id}&limit=1`,
    undefined,
    headers,
  );
  assert.equal(list.json.data.length, 1);
  const rest = await app.request(
    'GET',
    `/v1/webhooks/deliveries?task_id=${task.id}&limit=1&cursor=${list.json.next_cursor}`,
    undefined,
    headers,
  );
  assert.equal(rest.json.data.length, 1);
  assert.equal(rest.json.next_cursor, null);
  assert.notEqual(rest.json.data[0].id, list.json.data[0].id);
  assert.equal(list.json.data[0].attempts[0].status_code, 204);
});

test('a test message says how the receiver answers, and comes again under its id, with a new sealing key too', async () => {
  const { headers } = await openAccount('tester');
  const hook = await createWebhook(headers, { url: receiver.url('/test'), enabled: false });
  receiver.onRequest = ({ response }) => void response.writeHead(418).end('a teapot');
  const sent = await app.request('POST', `/v1/webhooks/${hook.id}/test`, undefined, headers);
  assert.equal(sent.status, 202, sent.text);
  const dead = await ended(headers, sent.json.id);
  assert.deepEqual([dead.status, dead.attempt_count, dead.attempts[0].answer], ['dead', 1, 'a teapot']);
  const rotation = await app.request('POST', '/v1/admin/provider-secrets/rotate-key');
  assert.ok(rotation.json.secrets >= 1, rotation.text);
  receiver.onRequest = ({ response }) => void response.writeHead(200).end();
  const again = await app.request(
    'POST',
    `/v1/webhooks/deliveries/${sent.json.id}/redeliver`,
    undefined,
    headers,
  );
  assert.equal(again.status, 202, again.text);
  assert.equal((await ended(headers, sent.json.id)).status, 'delivered');
  const ids = receiver.at('/test').map(({ id }) => id);
  assert.deepEqual(ids, [sent.json.id, sent.json.id]);
  assert.equal(verified(hook.secret, receiver.at('/test')[1] as Received, Date.now()).type, 'webhook.test');
});

const PRIVATE = [
  'http://127.0.0.1/',
  'http://127.0.0.1:22/',
  'http://localhost/',
  'http://a.localhost./',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0177.0.0.1/',
  'http://127.1/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://100.64.0.1/',
  'http://0.0.0.0/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[fd00::1]/',
  'http://[fe80::1]/',
  'http://①②⑦.⓪.⓪.①/',
  'http://user:password@example.com/',
  'http://example.com:6379/',
  'http://example.com/#part',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://example.com/',
  'nonsense',
];

test('SR1, SR5 private, tunnelled and odd addresses are refused at once, by every way in', async () => {
  const { headers } = await openAccount('prober');
  const hook = await createWebhook(headers, { url: 'https://example.com/hook', enabled: false });
  for (const url of PRIVATE) {
    const answers = await Promise.all([
      app.request('POST', '/v1/webhooks', { url }, headers),
      app.request('PATCH', `/v1/webhooks/${hook.id}`, { url }, headers),
      app.request('POST', '/v1/tasks', { prompt: 'a', webhook_url: url }, headers),
    ]);
    for (const answer of answers) assert.equal(answer.status, 422, `${url}: ${answer.text}`);
  }
  const { json } = await app.request('GET', '/v1/webhooks', undefined, headers);
  assert.deepEqual(
    json.data.map(({ url }: { url: string }) => url),
    ['https://example.com/hook'],
  );
});

test('SR7 headers that steer the connection or pass for ours are refused', async () => {
  const { headers } = await openAccount('headers');
  const refused: Record<string, string>[] = [
    { Host: 'internal' },
    { hOsT: 'internal' },
    { Connection: 'upgrade' },
    { 'Transfer-Encoding': 'chunked' },
    { 'Content-Length': '0' },
    { TE: 'trailers' },
    { Upgrade: 'h2c' },
    { 'Proxy-Authorization': 'Basic eDp5' },
    { 'X-Forwarded-For': '127.0.0.1' },
    { Forwarded: 'for=127.0.0.1' },
    { 'Webhook-Signature': 'v1,forged' },
    { 'webhook-id': 'msg_forged' },
    { 'X-Account-Id': 'acct_other' },
    { 'X-Ok': 'a\r\nHost: internal' },
    { 'X-Ok': 'a\nb' },
    { 'X-Ok': 'a\u0000b' },
    { 'X-Ok': 'é' },
    { 'X-Ok': '' },
    { 'X Ok': 'a' },
    { 'X-Ok:': 'a' },
    { 'X-Ok\r\nHost': 'internal' },
    { '': 'a' },
    Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${i}`, 'a'])),
  ];
  for (const custom of refused) {
    const answer = await app.request(
      'POST',
      '/v1/webhooks',
      { url: 'https://example.com/', headers: custom },
      headers,
    );
    assert.ok([400, 422].includes(answer.status), JSON.stringify(custom));
  }
});

test('Z2 another account sees and changes nothing, and is told nothing', async () => {
  const owner = await openAccount('owner');
  const stranger = await openAccount('stranger');
  const hook = await createWebhook(owner.headers, { url: receiver.url('/owned') });
  const sent = await app.request('POST', `/v1/webhooks/${hook.id}/test`, undefined, owner.headers);
  await ended(owner.headers, sent.json.id);
  const calls: [method: string, path: string, body?: object][] = [
    ['GET', `/v1/webhooks/${hook.id}`],
    ['PATCH', `/v1/webhooks/${hook.id}`, { enabled: false }],
    ['DELETE', `/v1/webhooks/${hook.id}`],
    ['POST', `/v1/webhooks/${hook.id}/rotate-secret`, {}],
    ['POST', `/v1/webhooks/${hook.id}/test`],
    ['GET', `/v1/webhooks/deliveries/${sent.json.id}`],
    ['POST', `/v1/webhooks/deliveries/${sent.json.id}/redeliver`],
  ];
  for (const [method, path, body] of calls)
    assert.equal((await app.request(method, path, body, stranger.headers)).status, 404, `${method} ${path}`);
  for (const path of [
    '/v1/webhooks',
    '/v1/webhooks/deliveries',
    `/v1/webhooks/deliveries?webhook_id=${hook.id}`,
  ])
    assert.deepEqual((await app.request('GET', path, undefined, stranger.headers)).json.data, []);
  await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a', size: '256x256' },
    { ...stranger.headers, prefer: 'wait=60' },
  );
  assert.equal(receiver.at('/owned').length, 1);
});

test('a key that may not read tasks cannot have them sent, and an account has a limit of webhooks', async () => {
  const writer = await openAccount('writer', ['tasks:write']);
  const body = { url: 'https://example.com/', enabled: false };
  const on = { ...body, enabled: true };
  assert.equal((await app.request('POST', '/v1/webhooks', on, writer.headers)).status, 403);
  const { id } = await createWebhook(writer.headers, body);
  for (const change of [
    { enabled: true },
    { url: 'https://example.org/' },
    { events: ['*'] },
    { headers: {} },
  ]) {
    const answer = await app.request('PATCH', `/v1/webhooks/${id}`, change, writer.headers);
    assert.equal(answer.status, 403, JSON.stringify(change));
  }
  const { headers } = await openAccount('many');
  for (let i = 0; i < MAX_ENDPOINTS; i += 1) await createWebhook(headers, body);
  assert.equal((await app.request('POST', '/v1/webhooks', body, headers)).status, 409);
  const { json } = await app.request('GET', '/v1/webhooks', undefined, headers);
  assert.equal(
    (await app.request('DELETE', `/v1/webhooks/${json.data[0].id}`, undefined, headers)).status,
    204,
  );
  await createWebhook(headers, body);
});

test('K1 secrets are in the answers that make them, and in no list, error, metric or log', async () => {
  const { headers } = await openAccount('secretive');
  const canary = 'canary-of-the-receiver-0815';
  const custom = { Authorization: `Bearer ${canary}`, 'X-Plain': canary };
  receiver.onRequest = ({ response, headers: seen }) =>
    void response.writeHead(500).end(`${seen.authorization} ${seen['x-plain']}`);
  const url = receiver.url(`/secret?token=${canary}`);
  const hook = await createWebhook(headers, { url, headers: custom });
  const rotated = await app.request(
    'POST',
    `/v1/webhooks/${hook.id}/rotate-secret`,
    { overlap_s: 60 },
    headers,
  );
  assert.match(rotated.json.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const own = await app.request('POST', '/v1/webhooks/default-secret', { overlap_s: 0 }, headers);
  const { json: task } = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a', size: '256x256', webhook_url: url },
    { ...headers, prefer: 'wait=60' },
  );
  const deliveries = await until(async () => {
    const { json } = await app.request('GET', '/v1/webhooks/deliveries', undefined, headers);
    const isTried = json.data.every(({ attempt_count }: { attempt_count: number }) => attempt_count > 0);
    return json.data.length === 2 && isTried ? json : null;
  });
  const answers = await Promise.all([
    app.request('GET', '/v1/webhooks', undefined, headers),
    app.request('GET', `/v1/webhooks/${hook.id}`, undefined, headers),
    app.request('PATCH', `/v1/webhooks/${hook.id}`, { headers: { ...custom, Host: canary } }, headers),
    app.request('PATCH', `/v1/webhooks/${hook.id}`, { description: 'mine' }, headers),
    app.request('GET', '/v1/webhooks/default-secret', undefined, headers),
    app.request('GET', `/v1/tasks/${task.id}`, undefined, headers),
    app.request('GET', '/metrics'),
  ]);
  const secrets = [hook.secret, rotated.json.secret, own.json.secret];
  // The address is the account's own text and is shown to it; nothing else may hold the canary.
  const texts = [...answers.map(({ text }) => text), JSON.stringify(deliveries)].map((text) =>
    text.replaceAll(url, '<url>').replaceAll(JSON.stringify(url).slice(1, -1), '<url>'),
  );
  for (const text of [...texts, app.log.text()])
    for (const secret of [...secrets, canary]) assert.ok(!text.includes(secret), text.slice(0, 2000));
  assert.deepEqual(answers[1]?.json.header_names, Object.keys(custom));
  assert.match(answers.at(-1)?.text ?? '', /drawbridge_webhook_deliveries_open\{status="pending"\} [1-9]/);
});

test('a message stays below the standard’s size, and says what was left out', async () => {
  const { headers } = await openAccount('long');
  const { json: task } = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a', size: '256x256' },
    { ...headers, prefer: 'wait=60' },
  );
  const image = task.images[0];
  const long = {
    ...task,
    prompt: '湖'.repeat(8000),
    final_prompt: `${'湖'.repeat(8000)}, in oil`,
    params: { ...task.params, negative_prompt: '山'.repeat(4000) },
    metadata: { note: '水'.repeat(3900) },
  };
  const shortened = taskMessage('task.succeeded', 0, long);
  assert.ok(Buffer.byteLength(shortened) < MAX_MESSAGE_BYTES);
  const { data, left_out } = JSON.parse(shortened);
  assert.deepEqual(left_out, ['attempts', 'final_prompt', 'params.negative_prompt', 'prompt']);
  assert.equal(data.id, task.id);
  assert.deepEqual(data.images, task.images);
  const huge = {
    ...long,
    images: Array.from({ length: 16 }, () => ({ ...image, url: `${image.url}?${'s'.repeat(2000)}` })),
  };
  const least = taskMessage('task.succeeded', 0, huge);
  assert.ok(Buffer.byteLength(least) < MAX_MESSAGE_BYTES);
  assert.equal(JSON.parse(least).data.urls.get, task.urls.get);
  assert.deepEqual(JSON.parse(taskMessage('task.succeeded', 0, task)).data, task);
});
