// What the whole program accepts, and what it makes of calls that are repeated, lost, broken or meant to harm it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { MARKER_FILE } from '../../src/media/media.ts';
import { flatPng } from '../../src/media/test-pictures.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { pictures, png, ScriptedProvider } from '../harness/scripted-provider.ts';
import { startLossyLine } from './lost-answers.ts';

const LANE = { concurrency: 16, deadlineMs: 600_000 };
const UPLOAD_MB = 1;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const KINDS = [
  { kind: 'sqlite', skip: false },
  { kind: 'postgres', skip: postgresUnavailable() ?? false },
] as const;

/** A server of pictures that a test changes under way. */
async function pictureServer(t: TestContext, listener: RequestListener) {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: (path: string) => `http://${host}${path}` };
}

async function newAccount(app: TestApp, grant = 100) {
  const { json } = await app.request('POST', '/v1/admin/accounts', { name: 'someone', grant_credits: grant });
  const key = await app.request('POST', '/v1/keys', { name: 'key' }, { 'x-account-id': json.id });
  return { id: json.id as string, headers: { authorization: `Bearer ${key.json.key}` } };
}

for (const { kind, skip } of KINDS) {
  describe(`accepting on ${kind}`, { skip }, () => {
    const provider = new ScriptedProvider();
    let app: TestApp;
    let isHeld = false;

    before(async () => {
      provider.onPoll = async (call) =>
        isHeld
          ? { state: 'running', progress: null, pollAfterMs: 20 }
          : { state: 'done', outputs: await pictures(call, call.request.n) };
      app = await startTestApp({ providers: [{ adapter: provider, lane: LANE }], database: kind });
    });
    beforeEach(() => {
      isHeld = false;
    });
    after(async () => {
      const verified = await app.request('GET', '/v1/admin/credits/verify');
      await app.close();
      assert.deepEqual(verified.json.findings, []);
    });

    const post = (body: object, headers: Record<string, string>) =>
      app.request('POST', '/v1/tasks', { model: 'scripted', ...body }, headers);
    const balance = async (headers: Record<string, string>) => {
      const { json } = await app.request('GET', '/v1/credits', undefined, headers);
      return [json.available_credits, json.held_credits];
    };

    test('A1 a client whose 202 was lost gets the same task, status and body when it asks again', async (t) => {
      isHeld = true;
      const user = await newAccount(app, 10);
      const line = await startLossyLine(app.url);
      t.after(() => line.close());
      const send = () =>
        fetch(`${line.url}/v1/tasks`, {
          method: 'POST',
          headers: { ...user.headers, 'content-type': 'application/json', 'idempotency-key': 'lost' },
          body: JSON.stringify({ prompt: 'whose answer is lost', model: 'scripted', n: 2 }),
        });
      line.isLossy = true;
      await assert.rejects(send);
      assert.equal(line.lost, 1);
      line.isLossy = false;
      const [second, third] = [await send(), await send()];
      const bodies = [await second.text(), await third.text()];
      assert.deepEqual([second.status, third.status], [202, 202]);
      assert.equal(bodies[0], bodies[1]);
      for (const answer of [second, third]) assert.equal(answer.headers.get('idempotent-replayed'), 'true');
      const list = await app.request('GET', '/v1/tasks', undefined, user.headers);
      assert.deepEqual(
        list.json.data.map(({ id }: { id: string }) => id),
        [JSON.parse(bodies[0] ?? '').id],
      );
      assert.deepEqual(await balance(user.headers), [8, 2]);
    });

    test('A2 a key of another request is refused; one in flight is waited for and makes one task', async () => {
      isHeld = true;
      const user = await newAccount(app, 10);
      const withKey = (key: string) => ({ ...user.headers, 'idempotency-key': key });
      const first = await post({ prompt: 'first' }, withKey('used'));
      const other = await post({ prompt: 'other' }, withKey('used'));
      assert.deepEqual([other.status, other.json.code], [422, 'idempotency_mismatch']);
      assert.equal((await post({ prompt: 'first' }, withKey('used'))).json.id, first.json.id);
      // Not valid, so nothing is remembered of it.
      assert.equal((await post({ prompt: 'x', size: '1x1' }, withKey('invalid'))).status, 422);
      assert.equal((await post({ prompt: 'x' }, withKey('invalid'))).status, 202);

      const release = await holdAccount(app, user.id);
      const inFlight = [
        post({ prompt: 'one' }, withKey('flight')),
        post({ prompt: 'one' }, withKey('flight')),
      ];
      const foreign = post({ prompt: 'two' }, withKey('flight'));
      const isEarly = await Promise.race([
        ...inFlight.map((answer) => answer.then(() => true)),
        new Promise<false>((resolve) => setTimeout(resolve, 150, false)),
      ]);
      await release();
      assert.equal(isEarly, false, 'a call was answered before its task was durable');
      const answers = await Promise.all([...inFlight, foreign]);
      const made = answers.filter(({ status }) => status === 202);
      const refused = answers.filter(({ status }) => status !== 202);
      // Whichever of the two requests came first has the key.
      assert.ok(made.length === 2 || made.length === 1, JSON.stringify(answers.map(({ json }) => json)));
      assert.equal(new Set(made.map(({ json }) => json.id)).size, 1);
      for (const { json } of refused) assert.equal(json.code, 'idempotency_mismatch');
      const list = await app.request('GET', '/v1/tasks', undefined, user.headers);
      assert.equal(list.json.data.length, 3);
      assert.deepEqual(await balance(user.headers), [7, 3]);
    });

    test('S11 a provider that gives two tasks one job: the second fails with an alert and pays nothing', async () => {
      const user = await newAccount(app, 10);
      const sameJob = async () => ({ state: 'accepted' as const, jobId: 'job-of-both', pollAfterMs: 0 });
      isHeld = true;
      provider.submitScript.push(sameJob);
      const first = await post({ prompt: 'first' }, user.headers);
      const taskOf = async (id: string) =>
        (await app.request('GET', `/v1/tasks/${id}`, undefined, user.headers)).json;
      await until(async () => (await taskOf(first.json.id)).phase === 'waiting');
      const submits = provider.submits.length;
      provider.submitScript.push(sameJob);
      const second = await post({ prompt: 'second' }, { ...user.headers, prefer: 'wait=10' });
      assert.equal(second.json.status, 'failed', second.text);
      assert.equal(second.json.error.code, 'submit_unknown');
      assert.match(second.json.error.detail, /another task/);
      assert.equal(provider.submits.length, submits + 1);
      assert.deepEqual(second.json.cost, { held: 0, captured: 0, released: 1 });
      const alert = app.log.records.find(
        ({ level, message }) => level === 'error' && /same job/.test(message),
      );
      assert.ok(alert, 'nothing alerted the operator');
      isHeld = false;
      const done = await until(async () => {
        const task = await taskOf(first.json.id);
        return task.finished_at === null ? null : task;
      });
      assert.equal(done.status, 'succeeded');
      assert.deepEqual(await balance(user.headers), [9, 0]);
    });
  });
}

/** Keeps every new task of the account from being committed until the returned function is called. */
async function holdAccount(app: TestApp, accountId: string): Promise<() => Promise<void>> {
  if (app.databaseUrl === null) {
    const sqlite = new DatabaseSync(join(app.dataDir, 'drawbridge.db'), { timeout: 5_000 });
    sqlite.exec('begin immediate');
    return async () => {
      sqlite.exec('rollback');
      sqlite.close();
    };
  }
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('select 1 from credit_balances where account_id = $1 for update', [accountId]);
  return async () => {
    await client.query('rollback');
    await client.end();
  };
}

describe('pictures that callers bring', () => {
  test('A6 uploads that are too large, too slow, cut off or bombs are refused, leave nothing and slow nobody', async (t) => {
    const app = await startTestApp({ env: { DRAWBRIDGE_MEDIA_UPLOAD_MAX_MB: String(UPLOAD_MB) } });
    t.after(() => app.close());
    const staged = () => readdirSync(join(app.dataDir, 'media', '.staging'));
    const answerMs = async () => {
      const startedAt = performance.now();
      assert.equal((await app.request('GET', '/v1/tasks?limit=1')).status, 200);
      return performance.now() - startedAt;
    };
    const p99 = async () => {
      const times: number[] = [];
      for (let i = 0; i < 100; i += 1) times.push(await answerMs());
      return times.sort((a, b) => a - b)[98] ?? 0;
    };
    const bomb = flatPng(30_000, 30_000);
    const idleMs = await p99();

    const upload = (bytes: Uint8Array) => {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'in.png');
      return app.request('POST', '/v1/uploads', form);
    };
    // The limit of the whole program is five minutes, which no test waits for.
    app.app.server.server.requestTimeout = 700;
    const slow = Array.from({ length: 8 }, () => slowUpload(app));
    const hostile = Promise.all([
      upload(Buffer.alloc(UPLOAD_MB * 1024 * 1024 + 1)),
      chunkedUpload(app, UPLOAD_MB * 1024 * 1024 * 2),
      ...Array.from({ length: 4 }, () => upload(bomb)),
      cutUpload(app),
    ]);
    const attackedMs = await p99();
    const [oversize, endless, ...rest] = await hostile;
    const bombs = rest.slice(0, 4) as { status: number; json: { code: string } }[];
    assert.deepEqual([oversize?.status, oversize?.json.code], [413, 'payload_too_large']);
    assert.equal(endless?.status, 413);
    for (const { status, json } of bombs) assert.deepEqual([status, json.code], [422, 'image_invalid']);
    assert.deepEqual(await Promise.all(slow), Array(8).fill(408));
    assert.ok(attackedMs < 5 * idleMs + 150, `p99 of others: ${idleMs} ms idle, ${attackedMs} ms attacked`);
    await until(() => staged().length === 0, { what: `an empty staging area: ${staged()}` });
    app.app.server.server.requestTimeout = 300_000;
    assert.equal((await upload(await png(3))).status, 201);
    const errors = app.log.records.filter(({ level }) => level === 'error');
    assert.deepEqual(errors, []);
  });

  test('what may work later says when: a store that is away answers 503 with Retry-After', async (t) => {
    const app = await startTestApp();
    t.after(() => app.close());
    rmSync(join(app.dataDir, 'media', MARKER_FILE));
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(await png(3))], { type: 'image/png' }), 'in.png');
    const answer = await app.request('POST', '/v1/uploads', form);
    assert.deepEqual([answer.status, answer.json.code], [503, 'storage_unavailable'], answer.text);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.equal(answer.json.retry_after_s, Number(answer.headers.get('retry-after')));
  });

  test('A9 an address is fetched once; what it serves later, and where it leads, changes nothing', async (t) => {
    const [original, replaced] = [await png(11), await png(12)];
    let fetched = 0;
    let serves: 'picture' | 'other' | 'gone' = 'picture';
    const inside = await pictureServer(t, (_request, response) => void response.end(original));
    const pages = await pictureServer(t, (request, response) => {
      fetched += 1;
      if (request.url === '/redirect')
        return void response.writeHead(302, { location: inside.url('/') }).end();
      if (serves === 'gone') return void response.writeHead(404).end();
      response.end(serves === 'picture' ? original : replaced);
    });
    const seen: string[] = [];
    const provider = new ScriptedProvider();
    provider.submitScript.push(async (call) => {
      seen.push(sha256(readFileSync(call.request.images[0]?.path ?? '')));
      // The address is not what it was when the request came, and the job must be sent anew.
      serves = 'gone';
      return { state: 'accepted', jobId: 'forgotten', pollAfterMs: 0 };
    });
    provider.pollScript.push(
      async () => ({ state: 'lost' }),
      async () => ({ state: 'lost' }),
    );
    const submit = provider.submit.bind(provider);
    provider.submit = async (call) => {
      if (provider.submitScript.length === 0)
        seen.push(sha256(readFileSync(call.request.images[0]?.path ?? '')));
      return submit(call);
    };
    const app = await startTestApp({
      providers: [{ adapter: provider, lane: LANE }],
      env: { DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: pages.host },
    });
    t.after(() => app.close());
    const body = { prompt: 'from an address', images: [{ url: pages.url('/a.png') }] };
    const headers = { prefer: 'wait=30', 'idempotency-key': 'address' };
    const { json: task } = await app.request('POST', '/v1/tasks', body, headers);
    assert.equal(task.status, 'succeeded', JSON.stringify(task));
    assert.equal(task.attempts.length, 2);
    const [frozen] = task.params.images as { url: string }[];
    const bytes = Buffer.from(await (await fetch(frozen?.url ?? '')).arrayBuffer());
    const hash = sha256(bytes);
    assert.deepEqual(new Set(seen), new Set([hash]));
    assert.equal(fetched, 1);
    // The same call again, and the same task again, though the address is gone or another picture now.
    serves = 'other';
    assert.equal((await app.request('POST', '/v1/tasks', body, headers)).json.id, task.id);
    const again = await app.request('POST', `/v1/tasks/${task.id}/retry`, undefined, { prefer: 'wait=30' });
    assert.equal(again.json.status, 'succeeded', again.text);
    assert.equal(seen.at(-1), hash);
    assert.equal(fetched, 1);
    // An allowed host does not open the way to others.
    const led = await app.request('POST', '/v1/tasks', {
      ...body,
      images: [{ url: pages.url('/redirect') }],
    });
    assert.deepEqual([led.status, led.json.code], [422, 'image_invalid']);
    assert.doesNotMatch(led.json.detail, /127\.0\.0\.1/);
  });

  test('D5 a result that lies inside our network is not fetched, neither directly nor by redirect', async (t) => {
    let reached = 0;
    const secret = await pictureServer(t, async (_request, response) => {
      reached += 1;
      response.end(await png(1));
    });
    const own = await pictureServer(t, (_request, response) =>
      response.writeHead(302, { location: secret.url('/picture.png') }).end(),
    );
    const provider = new ScriptedProvider();
    const app = await startTestApp({
      providers: [{ adapter: provider, lane: LANE, trustedHosts: [own.host] }],
    });
    t.after(() => app.close());
    for (const url of [
      secret.url('/picture.png'),
      own.url('/moved.png'),
      'http://[::1]/p.png',
      'http://169.254.169.254/latest/meta-data',
      'file:///etc/passwd',
    ]) {
      provider.pollScript.push(async () => ({ state: 'done', outputs: [{ url, seed: null }] }));
      const posted = await app.request('POST', '/v1/tasks', { prompt: 'x', model: 'scripted' });
      const done = await until(async () => {
        const { json } = await app.request('GET', `/v1/tasks/${posted.json.id}`);
        return json.finished_at === null ? null : json;
      });
      assert.deepEqual([done.status, done.error.code], ['failed', 'image_invalid'], url);
      assert.equal(done.cost.captured, 0);
      assert.equal(done.images.length, 0);
    }
    assert.equal(reached, 0);
    assert.equal(provider.jobs.size, 5);
  });
});

/** Sends the head of an upload and then a byte now and then; resolves with the status that ends it. */
function slowUpload(app: TestApp): Promise<number> {
  return rawUpload(app, (socket) => {
    const timer = setInterval(() => socket.write('x'), 50);
    socket.once('close', () => clearInterval(timer));
  });
}

/** More and more bytes without a length, as fast as they are taken. */
async function chunkedUpload(
  app: TestApp,
  bytes: number,
): Promise<{ status: number; json: { code: string } }> {
  const head = `--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n`;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(head));
      for (let sent = 0; sent < bytes; sent += 65_536) controller.enqueue(Buffer.alloc(65_536));
      controller.close();
    },
  });
  const answer = await fetch(`${app.url}/v1/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.adminKey}`, 'content-type': 'multipart/form-data; boundary=b' },
    body,
    duplex: 'half',
  } as RequestInit);
  return { status: answer.status, json: (await answer.json()) as { code: string } };
}

/** A client that goes away in the middle of its picture. */
async function cutUpload(app: TestApp): Promise<null> {
  await rawUpload(app, (socket) => socket.write(Buffer.alloc(200_000), () => socket.resetAndDestroy()));
  return null;
}

function rawUpload(app: TestApp, use: (socket: ReturnType<typeof connect>) => void): Promise<number> {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  const head = [
    'POST /v1/uploads HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${app.adminKey}`,
    'Content-Type: multipart/form-data; boundary=b',
    'Content-Length: 500000',
    '',
    '--b',
    'Content-Disposition: form-data; name="file"; filename="a.png"',
    'Content-Type: image/png',
    '',
    '',
  ];
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  socket.on('error', () => {});
  socket.write(head.join('\r\n'), () => use(socket));
  return new Promise((resolve) => {
    socket.once('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
  });
}
