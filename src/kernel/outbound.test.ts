// Every way an outbound request can fail, against real local servers: the kind, the phase, and that nothing is repeated.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type LookupFunction,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { FormData } from 'undici';
import { type Clock, systemClock } from './clock.ts';
import { createMemoryLogger } from './log.ts';
import { createOutbound, type OutboundOptions, type OutboundRequest } from './outbound.ts';
import {
  OutboundError,
  type OutboundErrorKind,
  type OutboundPhase,
  toOutboundError,
} from './outbound-error.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A bare TCP server; returns its port. */
async function serveTcp(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

function open(t: TestContext, options: Partial<OutboundOptions> = {}) {
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log, ...options });
  t.after(() => outbound.close());
  const send = (url: string, request: Partial<OutboundRequest> = {}) =>
    outbound.request({ method: 'GET', url, purpose: 'test', allow: 'configured', ...request });
  return { outbound, log, send };
}

const failure = (kind: OutboundErrorKind, phase: OutboundPhase) => (error: unknown) => {
  assert.ok(error instanceof OutboundError, String(error));
  assert.deepEqual([error.kind, error.phase], [kind, phase], error.message);
  return true;
};

/** A clock whose timers fire only when told; `fire` runs all of the given delay. */
function manualClock() {
  const timers = new Set<{ delayMs: number; callback: () => void }>();
  let monotonic = 0;
  let onArm: (delayMs: number) => void = () => {};
  const clock: Clock = {
    now: () => 1_700_000_000_000,
    monotonicMs: () => monotonic,
    after(delayMs, callback) {
      const timer = { delayMs, callback };
      timers.add(timer);
      onArm(delayMs);
      return { cancel: () => timers.delete(timer) };
    },
  };
  return {
    clock,
    fire(delayMs: number) {
      for (const timer of [...timers]) {
        if (timer.delayMs !== delayMs) continue;
        timers.delete(timer);
        timer.callback();
      }
    },
    pass(ms: number) {
      monotonic += ms;
    },
    armed: (delayMs: number) =>
      new Promise<void>((resolve) => {
        if ([...timers].some((timer) => timer.delayMs === delayMs)) return resolve();
        onArm = (armed) => {
          if (armed === delayMs) resolve();
        };
      }),
    timers,
  };
}

test('an answer has its status, headers and body, and a request its own', async (t) => {
  const url = await serve(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        method: request.method,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    );
  });
  const { send, log } = open(t);
  const answer = await send(`${url}/x?ticket=canary-secret`, {
    method: 'POST',
    headers: { 'X-Own': '1' },
    body: '{"a":1}',
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  const seen = (await answer.readJson()) as { method: string; body: string; headers: Record<string, string> };
  assert.equal(seen.method, 'POST');
  assert.equal(seen.body, '{"a":1}');
  assert.equal(seen.headers['x-own'], '1');
  assert.equal(seen.headers['content-length'], '7');
  assert.equal(seen.headers['user-agent'], 'drawbridge');
  assert.equal(log.records[0]?.fields.status, 200);
  assert.ok(!log.text().includes('canary-secret'));
});

test('a status is an answer, not an error, and a redirect is returned as it is', async (t) => {
  const url = await serve(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { location: 'http://169.254.169.254/' }).end('text');
  });
  const { send } = open(t);
  for (const status of [302, 307, 404, 500]) {
    const answer = await send(`${url}/${status}`, { method: 'POST', body: 'x' });
    assert.equal(answer.status, status);
    assert.equal(await answer.readText(), 'text');
  }
});

test('large bodies arrive whole with their length; forms are multipart; a unix socket works', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    let bytes = 0;
    let text = '';
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes < 1000) text += chunk;
    }
    response.end(
      JSON.stringify({
        bytes,
        text,
        length: request.headers['content-length'],
        type: request.headers['content-type'],
      }),
    );
  };
  const url = await serve(t, listener);
  const { send } = open(t);
  const large = await send(url, { method: 'PUT', body: Buffer.alloc(3_000_000, 7) });
  assert.deepEqual(await large.readJson(), { bytes: 3_000_000, text: '', length: '3000000' });
  const form = new FormData();
  form.set('prompt', 'a cat');
  const multipart = (await (await send(url, { method: 'POST', body: form })).readJson()) as {
    text: string;
    type: string;
  };
  assert.match(multipart.type, /^multipart\/form-data; boundary=/);
  assert.match(multipart.text, /a cat/);
  const socketPath = join(folder, 's');
  const local = createServer(listener).listen(socketPath);
  await once(local, 'listening');
  t.after(() => local.close());
  const answer = await send('http://localhost/x', { socketPath, method: 'POST', body: 'hi' });
  assert.equal(((await answer.readJson()) as { text: string }).text, 'hi');
  await assert.rejects(
    send('http://localhost/x', { socketPath: join(folder, 'none') }),
    failure('refused', 'not_sent'),
  );
});

test('S1 what fails before anything is sent is not_sent: refused, name, TLS, bad header', async (t) => {
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  const plain = await serve(t, (_request, response) => response.end());
  const missing: LookupFunction = (name, _options, callback) =>
    callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []);
  const { send } = open(t, { lookup: missing });
  for (const method of ['GET', 'POST'] as const) {
    await assert.rejects(send(`http://127.0.0.1:${port}/`, { method }), failure('refused', 'not_sent'));
    await assert.rejects(send('http://name.example/', { method }), failure('dns', 'not_sent'));
    await assert.rejects(send(plain.replace('http:', 'https:'), { method }), failure('tls', 'not_sent'));
    await assert.rejects(
      send(plain, { method, headers: { 'x-a': 'b\r\nx-c: d' } }),
      failure('bad_request', 'not_sent'),
    );
    await assert.rejects(send('nonsense', { method }), failure('blocked_url', 'not_sent'));
  }
});

test('S2 S3 what fails after the request was sent is sent: reset, garbage, cut body', async (t) => {
  let requests = 0;
  const { send } = open(t);
  const reset = await serveTcp(t, (socket) => {
    socket.on('data', () => {
      requests += 1;
      socket.resetAndDestroy();
    });
  });
  await assert.rejects(
    send(`http://127.0.0.1:${reset}/`, { method: 'POST', body: 'x' }),
    failure('reset', 'sent'),
  );
  assert.equal(requests, 1, 'S13 nothing is sent twice');
  const closing = await serveTcp(t, (socket) => socket.on('data', () => socket.end()));
  await assert.rejects(
    send(`http://127.0.0.1:${closing}/`, { method: 'POST', body: 'x' }),
    failure('reset', 'sent'),
  );
  const garbage = await serveTcp(t, (socket) => socket.on('data', () => socket.end('garbage\r\n\r\n')));
  await assert.rejects(send(`http://127.0.0.1:${garbage}/`), failure('bad_answer', 'sent'));
  const cut = await serveTcp(t, (socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this')),
  );
  const answer = await send(`http://127.0.0.1:${cut}/`);
  await assert.rejects(
    answer.readText(),
    (error: OutboundError) => ['reset', 'truncated'].includes(error.kind) && error.phase === 'sent',
  );
  const chunked = await serveTcp(t, (socket) =>
    socket.on('data', () =>
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    ),
  );
  const early = await send(`http://127.0.0.1:${chunked}/`);
  await assert.rejects(early.readText(), (error: OutboundError) =>
    ['reset', 'truncated'].includes(error.kind),
  );
});

test('S13 a request that must not be repeated never uses a kept connection; a repeatable one does', async (t) => {
  let connections = 0;
  const server = createServer((_request, response) => response.end('x')).on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { send } = open(t);
  for (let i = 0; i < 3; i += 1) {
    await (await send(url)).readText();
    // The connection is free again one turn after the answer's end.
    await new Promise(setImmediate);
  }
  assert.equal(connections, 1);
  for (let i = 0; i < 3; i += 1) await (await send(url, { method: 'POST', body: 'x' })).readText();
  assert.equal(connections, 4);
});

test('time limits: connect, head, silence, whole; each with its phase', async (t) => {
  const { clock, fire, armed, timers } = manualClock();
  const never: LookupFunction = () => {};
  const limits = { connectTimeoutMs: 11, idleTimeoutMs: 22, totalTimeoutMs: 33 };
  const slow = open(t, { clock, lookup: never, timeouts: limits });
  const connecting = assert.rejects(
    slow.send('http://slow.example/', { method: 'POST' }),
    failure('connect_timeout', 'not_sent'),
  );
  await armed(11);
  fire(11);
  await connecting;
  const whole = assert.rejects(
    slow.send('http://slow.example/', { method: 'POST' }),
    failure('total_timeout', 'not_sent'),
  );
  await armed(33);
  fire(33);
  await whole;
  const silentTls = await serveTcp(t, () => {});
  const { send } = open(t, { clock, timeouts: limits });
  const handshake = assert.rejects(
    send(`https://127.0.0.1:${silentTls}/`),
    failure('connect_timeout', 'not_sent'),
  );
  await armed(11);
  fire(11);
  await handshake;

  const mute = await serve(t, () => {});
  const head = assert.rejects(send(mute, { method: 'POST', body: 'x' }), failure('headers_timeout', 'sent'));
  await armed(22);
  fire(22);
  await head;
  const held = assert.rejects(send(mute, { method: 'POST', body: 'x' }), failure('total_timeout', 'sent'));
  await armed(22);
  fire(33);
  await held;

  const stalls = await serve(t, (_request, response) => void response.writeHead(200).write('some'));
  const answer = await send(stalls);
  const reader = answer.body[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await reader.next()).value ?? []).toString(), 'some');
  const rest = assert.rejects(reader.next(), failure('idle_timeout', 'sent'));
  await armed(22);
  fire(22);
  await rest;
  assert.equal(timers.size, 0, 'no timer outlives its exchange');
});

test('D3 a slow-loris body is cut by the least rate even though it is never silent', async (t) => {
  const { clock, pass } = manualClock();
  const drip = await serve(t, (_request, response) => {
    response.writeHead(200);
    const write = () => response.write('.', (error) => (error ? undefined : setImmediate(write)));
    write();
  });
  const { send } = open(t, { clock });
  const answer = await send(drip, { minBytesPerS: 1_000_000 });
  await assert.rejects(
    async () => {
      const reader = answer.body[Symbol.asyncIterator]();
      for (;;) {
        const next = reader.next();
        pass(5000);
        await next;
      }
    },
    failure('too_slow', 'sent'),
  );
});

test('a slow reader is not mistaken for a silent peer', async (t) => {
  const { clock, timers } = manualClock();
  const url = await serve(t, (_request, response) => response.end(Buffer.alloc(500_000)));
  const { send } = open(t, { clock, timeouts: { idleTimeoutMs: 22 } });
  const answer = await send(url);
  for await (const _chunk of answer.body) {
    assert.ok(![...timers].some(({ delayMs }) => delayMs === 22));
  }
});

test("the caller's signal stops it at any time, and says whether it was sent", async (t) => {
  const mute = await serve(t, () => {});
  const { send } = open(t);
  await assert.rejects(send(mute, { signal: AbortSignal.abort() }), failure('aborted', 'not_sent'));
  const controller = new AbortController();
  const arrived = new Promise<void>((resolve) => {
    void serve(t, (request) => {
      request.resume();
      resolve();
    }).then((url) =>
      assert.rejects(
        send(url, { method: 'POST', body: 'x', signal: controller.signal }),
        failure('aborted', 'sent'),
      ),
    );
  });
  await arrived;
  controller.abort();
  const during = new AbortController();
  const endless = await serve(t, (_request, response) => void response.writeHead(200).write('x'));
  const answer = await send(endless, { signal: during.signal });
  const reader = answer.body[Symbol.asyncIterator]();
  await reader.next();
  during.abort();
  await assert.rejects(reader.next(), failure('aborted', 'sent'));
});

test('every encoding is undone; an unasked one and a broken one are errors', async (t) => {
  const text = 'picture '.repeat(1000);
  const encoders: Record<string, (data: string) => Buffer> = {
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  };
  const url = await serve(t, (request, response) => {
    const [, encoding = '', how] = request.url?.split('/') ?? [];
    const body = encoders[encoding]?.(text) ?? Buffer.from('x');
    response.setHeader('content-encoding', encoding);
    response.end(
      how === 'cut' ? body.subarray(0, body.length - 9) : how === 'broken' ? Buffer.alloc(50, 1) : body,
    );
  });
  const { send } = open(t);
  for (const encoding of Object.keys(encoders))
    assert.equal(await (await send(`${url}/${encoding}`)).readText(), text);
  await assert.rejects(send(`${url}/compress`), failure('bad_answer', 'sent'));
  for (const encoding of Object.keys(encoders)) {
    const half = await send(`${url}/${encoding}/cut`);
    await assert.rejects(half.readText(), failure('truncated', 'sent'), encoding);
    await assert.rejects(
      (await send(`${url}/${encoding}/broken`)).readText(),
      failure('bad_answer', 'sent'),
      encoding,
    );
  }
});

test('D4 caps: declared length, endless body, gzip bomb, text larger than asked for', async (t) => {
  const bomb = gzipSync(Buffer.alloc(200_000_000));
  let sent = 0;
  const url = await serve(t, (request, response) => {
    if (request.url === '/declared') response.writeHead(200, { 'content-length': '10000000000' }).write('x');
    else if (request.url === '/bomb') response.setHeader('content-encoding', 'gzip').end(bomb);
    else if (request.url === '/endless') {
      const write = () => {
        sent += 65_536;
        response.write(Buffer.alloc(65_536), (error) => (error ? undefined : setImmediate(write)));
      };
      write();
    } else response.end('x'.repeat(100_000));
  });
  const { send } = open(t);
  await assert.rejects(send(`${url}/declared`, { maxBytes: 1000 }), failure('too_large', 'sent'));
  const drain = async (path: string, maxBytes: number) => {
    let bytes = 0;
    const answer = await send(`${url}${path}`, { maxBytes });
    try {
      for await (const chunk of answer.body) bytes += chunk.byteLength;
    } catch (error) {
      return { bytes, error };
    }
    return { bytes, error: null };
  };
  const bombed = await drain('/bomb', 1_000_000);
  failure('too_large', 'sent')(bombed.error);
  assert.ok(bomb.length < 1_000_000 && bombed.bytes <= 1_000_000);
  failure('too_large', 'sent')((await drain('/endless', 1_000_000)).error);
  assert.ok(sent < 50_000_000, String(sent));
  const text = await send(`${url}/text`);
  await assert.rejects(text.readText(1000), failure('too_large', 'sent'));
});

test('S9 JSON: a byte order mark is no error, a web page is', async (t) => {
  const url = await serve(t, (request, response) =>
    response.end(request.url === '/bom' ? '\ufeff{"a":1}' : '<html>'),
  );
  const { send } = open(t);
  assert.deepEqual(await (await send(`${url}/bom`)).readJson(), { a: 1 });
  await assert.rejects((await send(`${url}/page`)).readJson(), failure('bad_answer', 'sent'));
});

test('SR3 redirects: at most three, checked at each hop, without credentials, never for a POST', async (t) => {
  const seen: { url: string; headers: IncomingMessage['headers'] }[] = [];
  let target = '';
  const url = await serve(t, (request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers });
    const hops = /^\/hop\/(\d+)/.exec(request.url ?? '');
    const location = hops ? (hops[1] === '0' ? undefined : `/hop/${Number(hops[1]) - 1}`) : target;
    if (location === undefined) response.end('arrived');
    else response.writeHead(302, { location }).end();
  });
  const { send } = open(t);
  const headers = {
    authorization: 'Bearer s',
    cookie: 'a=b',
    'x-api-key': 'k',
    'x-custom': 'c',
    accept: 'image/*',
  };
  const answer = await send(`${url}/hop/3`, { followRedirects: 3, headers });
  assert.equal(await answer.readText(), 'arrived');
  assert.equal(answer.url, `${url}/hop/0`);
  assert.equal(seen[0]?.headers.authorization, 'Bearer s');
  for (const { headers: later } of seen.slice(1)) {
    assert.deepEqual(
      [later.authorization, later.cookie, later['x-api-key'], later['x-custom']],
      [undefined, undefined, undefined, undefined],
    );
    assert.equal(later.accept, 'image/*');
  }
  await assert.rejects(send(`${url}/hop/4`, { followRedirects: 20 }), failure('redirect_refused', 'sent'));
  assert.equal((await send(`${url}/hop/1`, { followRedirects: 3, method: 'POST', body: 'x' })).status, 302);

  let canaryHits = 0;
  const canary = await serve(t, (_request, response) => {
    canaryHits += 1;
    response.end();
  });
  const { port } = new URL(canary);
  const refusals: [string, OutboundErrorKind][] = [
    [canary, 'blocked_url'],
    ['http://127.0.0.1/', 'blocked_address'],
    ['http://[::ffff:127.0.0.1]/', 'blocked_address'],
    ['http://169.254.169.254/latest/meta-data/', 'blocked_address'],
    ['http://localhost/', 'blocked_address'],
    ['file:///etc/passwd', 'blocked_url'],
    [`http://2130706433:${port}/`, 'blocked_url'],
    ['http://user:pw@example.com/', 'blocked_url'],
    ['//10.0.0.1/', 'blocked_address'],
    ['http://%', 'redirect_refused'],
  ];
  for (const [location, kind] of refusals) {
    target = location;
    await assert.rejects(send(`${url}/away`, { followRedirects: 3 }), failure(kind, 'sent'), location);
  }
  assert.equal(canaryHits, 0);
  target = canary;
  assert.equal(
    (await send(`${url}/away`, { followRedirects: 3, allowHosts: [new URL(canary).host] })).status,
    200,
  );
  assert.equal(canaryHits, 1);
});

test('SR5 SR8 addresses from users: public only, and every failure reads the same', async (t) => {
  let hits = 0;
  const url = await serve(t, (_request, response) => {
    hits += 1;
    response.end();
  });
  const { send } = open(t);
  const details = new Set<string>();
  for (const address of [
    url,
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'ftp://example.com/',
    'http://169.254.169.254/',
    'x',
  ]) {
    for (const method of ['GET', 'POST'] as const) {
      await assert.rejects(send(address, { method, allow: 'public' }), (error: OutboundError) => {
        assert.equal(error.phase, 'not_sent');
        assert.match(error.kind, /^blocked_/);
        details.add(error.userDetail);
        return true;
      });
    }
  }
  details.add(new OutboundError('refused', 'not_sent', 'x').userDetail);
  assert.equal(details.size, 1);
  assert.equal(hits, 0);
  const exempt = open(t, { allowHosts: [new URL(url).host] });
  await (await exempt.send(url, { allow: 'public' })).readText();
  assert.equal(hits, 1);
});

test('a proxy route can be put in, and its refusals are not_sent', async (t) => {
  const url = await serve(t, (_request, response) => response.end('direct'));
  const asked: string[] = [];
  const { send } = open(t, {
    dispatcherFor: ({ purpose, policy, repeatable }) => {
      asked.push(`${purpose} ${policy} ${repeatable}`);
      return undefined;
    },
  });
  assert.equal(await (await send(url)).readText(), 'direct');
  assert.deepEqual(asked, ['test configured true']);
  const inner = Object.assign(new Error('Proxy response (407) !== 200 when HTTP Tunneling'), {
    code: 'UND_ERR_ABORTED',
  });
  const refused = new Error('fetch failed', { cause: new Error('Request was cancelled.', { cause: inner }) });
  assert.equal(toOutboundError(refused, 'not_sent', 'x').kind, 'proxy');
});

test('closing cuts what is open, and a discarded or forgotten body harms nobody', async (t) => {
  const endless = await serve(t, (_request, response) => void response.writeHead(200).write('x'));
  const { outbound, send } = open(t);
  (await send(endless)).discard();
  await send(endless, { totalTimeoutMs: 1 }).catch(() => {});
  const answer = await send(endless);
  const reader = answer.body[Symbol.asyncIterator]();
  await reader.next();
  const cut = assert.rejects(reader.next(), failure('aborted', 'sent'));
  await outbound.close();
  await cut;
});
