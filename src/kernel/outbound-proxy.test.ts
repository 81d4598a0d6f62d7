// Which proxy a request takes, that it never goes past one that fails, and that limits and address rules hold through it.
// Against scripted proxies that misbehave in every way; outbound-proxy-real.test.ts has the real ones.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { LookupFunction, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import {
  canary,
  freePort,
  type ProxyScript,
  scriptedProxy,
  tcpServer,
  trustedIdentity,
} from '../../test/harness/egress-proxies.ts';
import { type Clock, systemClock } from './clock.ts';
import { createMemoryLogger } from './log.ts';
import { createOutbound, type OutboundOptions, type OutboundRequest } from './outbound.ts';
import { OutboundError, type OutboundErrorKind, type OutboundPhase } from './outbound-error.ts';
import { isBypassed, parseProxy, selectProxy } from './outbound-proxy.ts';

const PUBLIC_ADDRESS = '93.184.215.14';
const OTHER_PUBLIC_ADDRESS = '93.184.215.15';

function open(t: TestContext, options: Partial<OutboundOptions> = {}) {
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log, ...options });
  t.after(() => outbound.close());
  const send = (url: string, proxy: string | undefined, more: Partial<OutboundRequest> = {}) =>
    outbound.request({
      method: 'GET',
      url,
      purpose: 'test',
      allow: 'configured',
      ...(proxy === undefined ? {} : { proxy }),
      ...more,
    });
  return { outbound, log, send };
}

const failure =
  (kind: OutboundErrorKind, phase: OutboundPhase, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof OutboundError, String(error));
    assert.deepEqual([error.kind, error.phase], [kind, phase], inspect(error));
    assert.match(error.message, message);
    return true;
  };

const text = async (response: Promise<{ readText(): Promise<string> }>) => (await response).readText();

/** Answers each name with the addresses given for it. */
function lookupOf(names: Readonly<Record<string, readonly string[]>>): LookupFunction {
  return (hostname, _options, callback) => {
    const found = names[hostname];
    if (found)
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    else callback(Object.assign(new Error(`no ${hostname}`), { code: 'ENOTFOUND' }), []);
  };
}

/** A clock whose timers run only when told. */
function manualClock() {
  const timers = new Set<{ delayMs: number; callback: () => void }>();
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    after(delayMs, callback) {
      const timer = { delayMs, callback };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
  };
  const fire = (delayMs: number) => {
    for (const timer of [...timers].filter((one) => one.delayMs === delayMs)) {
      timers.delete(timer);
      timer.callback();
    }
  };
  return { clock, fire };
}

test('NO_PROXY: hosts, suffixes, ports, addresses, ranges and *', () => {
  const cases: [bypass: string[], url: string, direct: boolean][] = [
    [[], 'http://example.com', false],
    [['example.com'], 'http://example.com', true],
    [['EXAMPLE.com'], 'http://Example.COM./', true],
    [['example.com'], 'http://a.example.com', true],
    [['example.com'], 'http://notexample.com', false],
    [['.example.com'], 'http://example.com', true],
    [['.example.com'], 'http://a.b.example.com', true],
    [['*.example.com'], 'http://example.com', false],
    [['*.example.com'], 'http://a.example.com', true],
    [['example.com:8080'], 'http://example.com:8080', true],
    [['example.com:8080'], 'http://example.com', false],
    [['example.com:443'], 'https://example.com', true],
    [['example.com:80'], 'https://example.com', false],
    [['*'], 'https://example.com', true],
    [['*:8188'], 'http://10.1.2.3:8188', true],
    [['*:8188'], 'http://10.1.2.3', false],
    [['other, example.com other.org'], 'http://example.com', true],
    [['10.0.0.0/8'], 'http://10.200.3.4', true],
    [['10.0.0.0/8'], 'http://11.0.0.1', false],
    [['10.0.0.0/8'], 'http://10.example.com', false],
    [['10.0.0.0/99'], 'http://10.0.0.1', false],
    [['192.168.1.20'], 'http://192.168.1.20:8188', true],
    [['192.168.1.20:8188'], 'http://192.168.1.20:8189', false],
    [['192.168.1.20'], 'http://[::ffff:192.168.1.20]', true],
    [['.1'], 'http://10.0.0.1', false],
    [['fd00::/8'], 'http://[fd12::3]', true],
    [['fd12::3'], 'http://[fd12:0::3]:8080', true],
    [['[fd12::3]:8080'], 'http://[fd12::3]:8080', true],
    [['[fd12::3]:8080'], 'http://[fd12::3]', false],
    [['', '.', ':', '[', 'a:b:c'], 'http://example.com', false],
    [[], 'http://localhost:1', true],
    [[], 'http://comfy.localhost', true],
    [[], 'http://127.8.8.8', true],
    [[], 'http://[::1]:5', true],
  ];
  for (const [bypass, url, direct] of cases) {
    assert.equal(isBypassed(new URL(url), bypass), direct, `${bypass} ${url}`);
  }
});

test('the request’s own proxy comes first, then the environment’s by scheme', () => {
  const settings = {
    http: 'http://h:1',
    https: 'socks5h://s',
    all: 'https://u:p%40ss@a',
    bypass: ['near.test'],
  };
  const origin = (url: string, own?: string, more = {}) =>
    selectProxy(new URL(url), own, { ...settings, ...more })?.origin;
  assert.equal(origin('http://far.test'), 'http://h:1');
  assert.equal(origin('https://far.test'), 'socks5://s:1080');
  assert.equal(origin('https://far.test', undefined, { https: null }), 'https://a:443');
  assert.equal(origin('https://far.test', undefined, { https: '' }), 'https://a:443');
  assert.equal(origin('http://far.test', undefined, { http: null, all: null }), undefined);
  assert.equal(origin('http://near.test'), undefined);
  assert.equal(origin('http://localhost'), undefined);
  assert.equal(origin('http://near.test', 'http://own'), 'http://own:80');
  assert.equal(origin('http://localhost', 'http://own:8'), 'http://own:8');
  assert.equal(origin('http://far.test', 'direct'), undefined);
  assert.equal(selectProxy(new URL('http://far.test'), undefined), undefined);
  const { username, password } = parseProxy('socks5://a%3Ab:100%@[::1]:9');
  assert.deepEqual([username, password], ['a:b', '100%']);
  for (const bad of ['ftp://u:canary@h', 'socks4://u:canary@h', 'u:canary@h', 'http://u:canary@', '']) {
    assert.throws(
      () => parseProxy(bad),
      (error: unknown) => failure('proxy', 'not_sent')(error) && !inspect(error).includes('canary'),
    );
  }
});

test('X14 a proxy that is down is never passed by', async (t) => {
  const target = await canary(t);
  const dead = await freePort();
  const { send } = open(t, { lookup: lookupOf({ 'pictures.example': [PUBLIC_ADDRESS] }) });
  for (const kind of ['http', 'https', 'socks5']) {
    const proxy = `${kind}://user:canary-pass@127.0.0.1:${dead}`;
    for (const method of ['GET', 'POST'] as const) {
      for (const scheme of ['http', 'https']) {
        const url = `${scheme}://127.0.0.1:${target.port}/`;
        await assert.rejects(send(url, proxy, { method }), failure('proxy', 'not_sent', /ECONNREFUSED/));
        const users = send(`${scheme}://pictures.example/`, proxy, { method, allow: 'public' });
        await assert.rejects(users, failure('proxy', 'not_sent', /ECONNREFUSED/));
      }
    }
  }
  const unnamed = send(`http://127.0.0.1:${target.port}/`, 'http://proxy.invalid:3128');
  await assert.rejects(unnamed, failure('proxy', 'not_sent', /ENOTFOUND/));
  assert.equal(target.connections(), 0);
});

test('the environment’s proxy is used for names, not for this machine, and `direct` forbids it', async (t) => {
  const target = await canary(t);
  const proxy = await scriptedProxy(t);
  const settings = { http: `http://127.0.0.1:${proxy.port}`, https: null, all: null, bypass: ['near.test'] };
  const lookup = lookupOf({ 'near.test': ['127.0.0.1'], 'target.test': ['127.0.0.1'] });
  const { send } = open(t, { proxies: settings, lookup });
  assert.equal(await text(send(`http://target.test:${target.port}/a`, undefined)), 'reached');
  assert.deepEqual(proxy.log, [`GET http://target.test:${target.port}/a`]);
  assert.equal(target.requests[0]?.host, `target.test:${target.port}`);
  await text(send(`http://127.0.0.1:${target.port}/b`, undefined));
  await text(send(`http://near.test:${target.port}/c`, undefined));
  await text(send(`http://target.test:${target.port}/d`, 'direct'));
  assert.equal(proxy.log.length, 1);
  assert.equal(target.requests.length, 4);
});

test('X14 a CONNECT that is refused or spoilt was not sent', async (t) => {
  const target = await canary(t);
  const { send } = open(t);
  const page = '<html>blocked by policy</html>';
  const cases: [answer: string, message: RegExp][] = [
    [
      `HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: ${page.length}\r\n\r\n${page}`,
      /403/,
    ],
    ['HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n', /user name/],
    ['HTTP/1.0 502 Bad Gateway\r\n\r\n', /502/],
    ['HTTP/1.1 302 Found\r\nlocation: http://portal.test/\r\n\r\n', /302/],
    [page, /proxy http:/],
    ['HTTP/1.1 200 OK\r\nx-half', /proxy http:/],
    ['', /proxy http:/],
    [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`, /proxy http:/],
    [`HTTP/1.1 200 OK\r\n\r\n${page}`, /bytes of its own/],
    ['HTTP/1.1 200 OK\r\n\r\n', /ended before TLS/],
  ];
  for (const [answer, message] of cases) {
    const proxy = await scriptedProxy(t, { onConnect: (socket) => socket.end(answer) });
    for (const method of ['GET', 'POST'] as const) {
      const sent = send(`https://127.0.0.1:${target.port}/`, `http://u:p@127.0.0.1:${proxy.port}`, {
        method,
      });
      await assert.rejects(sent, failure('proxy', 'not_sent', message), answer.slice(0, 40));
    }
    assert.equal(proxy.log.length, 2, answer.slice(0, 40));
  }
  assert.equal(target.connections(), 0);
});

test('X14 in absolute form only what proves itself the proxy’s own refusal is one', async (t) => {
  const answers: [status: number, headers: Record<string, string>, refused: boolean][] = [
    [407, {}, true],
    [403, { 'x-squid-error': 'ERR_ACCESS_DENIED 0' }, true],
    [503, { 'x-squid-error': 'ERR_CONNECT_FAIL 111' }, true],
    [502, { 'x-squid-error': 'ERR_READ_ERROR 104' }, false],
    [403, { server: 'tinyproxy/1.11.1' }, true],
    [401, { server: 'tinyproxy/1.11.1' }, true],
    [500, { server: 'tinyproxy/1.11.1' }, false],
    [403, { 'content-type': 'text/html' }, false],
  ];
  for (const [status, headers, refused] of answers) {
    const proxy = await scriptedProxy(t, {
      onRequest: (request, response) => {
        request.resume();
        response.writeHead(status, headers).end('<html>no</html>');
      },
    });
    const { send } = open(t);
    const sent = send('http://target.test/', `http://127.0.0.1:${proxy.port}`, { method: 'POST', body: 'x' });
    if (refused) await assert.rejects(sent, failure('proxy', 'not_sent'), String(status));
    else assert.equal((await sent).status, status);
  }
});

test('X14 what breaks after the request went into the proxy counts as sent', async (t) => {
  const { send } = open(t);
  const cutRequest = await scriptedProxy(t, { onRequest: (_request, response) => response.destroy() });
  const lost = send('http://target.test/', `http://127.0.0.1:${cutRequest.port}`, { method: 'POST' });
  await assert.rejects(lost, failure('reset', 'sent'));
  const truncating = await scriptedProxy(t, {
    onRequest: (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part', () => response.destroy());
    },
  });
  const cut = await send('http://target.test/', `http://127.0.0.1:${truncating.port}`);
  await assert.rejects(cut.readText(), (error: unknown) => {
    assert.ok(error instanceof OutboundError && error.phase === 'sent');
    return ['truncated', 'reset'].includes(error.kind);
  });
  const big = await canary(t, {
    tls: await trustedIdentity(),
    answer: (_request, response) => response.end('x'.repeat(5000)),
  });
  const proxy = await scriptedProxy(t);
  const capped = send(`https://127.0.0.1:${big.port}/`, `http://127.0.0.1:${proxy.port}`, { maxBytes: 4000 });
  await assert.rejects(
    capped.then((response) => response.readText()),
    failure('too_large', 'sent'),
  );
});

test('a proxy that hangs is given up in time, and its connection with it', async (t) => {
  const target = await canary(t);
  for (const kind of ['http', 'https', 'socks5']) {
    for (const method of ['GET', 'POST'] as const) {
      const { clock, fire } = manualClock();
      const { send } = open(t, { clock });
      const accepted = Promise.withResolvers<Socket>();
      const mute = await tcpServer(t, (socket) => {
        socket.once('data', () => accepted.resolve(socket));
      });
      const url = `https://127.0.0.1:${target.port}/`;
      const sent = send(url, `${kind}://127.0.0.1:${mute.port}`, { method, connectTimeoutMs: 5 });
      const [socket] = await Promise.all([
        accepted.promise.then((one) => {
          fire(5);
          return one;
        }),
        assert.rejects(sent, failure('connect_timeout', 'not_sent')),
      ]);
      const closed = once(socket.resume(), 'close');
      // A kept proxy's tunnel outlives the one request that wanted it, within its own limit.
      if (method === 'GET') fire(60_000);
      await closed;
    }
  }
  assert.equal(target.connections(), 0);
});

test('silence of the target behind a tunnel ends by the idle limit', async (t) => {
  const asked = Promise.withResolvers<void>();
  const target = await canary(t, { tls: await trustedIdentity(), answer: () => asked.resolve() });
  const proxy = await scriptedProxy(t);
  const { clock, fire } = manualClock();
  const { send } = open(t, { clock });
  const url = `https://127.0.0.1:${target.port}/`;
  const sent = send(url, `http://127.0.0.1:${proxy.port}`, { method: 'POST', idleTimeoutMs: 7 });
  const rejected = assert.rejects(sent, failure('headers_timeout', 'sent'));
  await asked.promise;
  fire(7);
  await rejected;
});

test('SR4 users’ addresses: resolved and checked here, the proxy gets the address, the target its name', async (t) => {
  const plain = await canary(t);
  const secure = await canary(t, { tls: await trustedIdentity() });
  const ports = { 80: plain.port, 443: secure.port };
  const lookup = lookupOf({
    'pictures.example': ['2606:2800:21f:cb07::1', PUBLIC_ADDRESS],
    'inside.example': ['10.0.0.5'],
    'mixed.example': ['127.0.0.1', PUBLIC_ADDRESS],
    'metadata.example': ['169.254.169.254'],
  });
  const users = { allow: 'public', followRedirects: 2 } as const;
  for (const script of [{ ports }, { ports, tls: await trustedIdentity() }] satisfies ProxyScript[]) {
    const proxy = await scriptedProxy(t, script);
    const { send } = open(t, { lookup });
    const address = `${'tls' in script ? 'https' : 'http'}://127.0.0.1:${proxy.port}`;
    assert.equal(await text(send('https://pictures.example/a', address, users)), 'reached');
    assert.equal(await text(send('http://pictures.example/b', address, users)), 'reached');
    assert.equal(await text(send('http://mixed.example/c', address, users)), 'reached');
    const connects = [`CONNECT ${PUBLIC_ADDRESS}:443`, `CONNECT ${PUBLIC_ADDRESS}:80`];
    assert.deepEqual(proxy.log, [...connects, `CONNECT ${PUBLIC_ADDRESS}:80`]);
    const blocked = failure('blocked_address', 'not_sent');
    for (const host of ['inside.example', 'metadata.example', '10.0.0.5', '[::1]', '169.254.169.254']) {
      await assert.rejects(send(`http://${host}/`, address, users), blocked, host);
    }
    await assert.rejects(send('http://169.254.169.254/', address), blocked);
    await assert.rejects(send('https://unknown.example/', address, users), failure('dns', 'not_sent'));
    assert.equal(proxy.log.length, 3);
  }
  assert.deepEqual(
    new Set(secure.requests.map(({ host, sni }) => `${host} ${sni}`)),
    new Set(['pictures.example pictures.example']),
  );
  assert.deepEqual(plain.requests.map(({ host }) => host).slice(0, 2), ['pictures.example', 'mixed.example']);
});

test('the next address is tried when the proxy cannot reach one, and redirects keep to the proxy', async (t) => {
  const target = await canary(t, {
    answer: (request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: 'http://two.example/end' }).end();
      else response.end(String(request.headers.host));
    },
  });
  const tried: string[] = [];
  const proxy = await scriptedProxy(t, { ports: { 80: target.port } });
  const picky = await scriptedProxy(t, {
    onConnect: (socket, authority) => {
      tried.push(authority);
      socket.end('HTTP/1.1 504 Gateway Timeout\r\n\r\n');
    },
  });
  const lookup = lookupOf({
    'one.example': [PUBLIC_ADDRESS],
    'two.example': [OTHER_PUBLIC_ADDRESS, PUBLIC_ADDRESS],
  });
  const { send } = open(t, { lookup });
  const users = { allow: 'public', followRedirects: 1 } as const;
  const failed = send('http://two.example/', `http://127.0.0.1:${picky.port}`, users);
  await assert.rejects(failed, failure('proxy', 'not_sent', /504/));
  assert.deepEqual(tried, [`${OTHER_PUBLIC_ADDRESS}:80`, `${PUBLIC_ADDRESS}:80`]);
  const end = await text(send('http://one.example/start', `http://127.0.0.1:${proxy.port}`, users));
  assert.equal(end, 'two.example');
  assert.deepEqual(proxy.log, [`CONNECT ${PUBLIC_ADDRESS}:80`, `CONNECT ${OTHER_PUBLIC_ADDRESS}:80`]);
});

test('connections to a proxy are kept for what may be repeated, and closed at the end', async (t) => {
  const plain = await canary(t);
  const secure = await canary(t, { tls: await trustedIdentity() });
  const proxy = await scriptedProxy(t);
  const { outbound, send } = open(t);
  const address = `http://user:pass@127.0.0.1:${proxy.port}`;
  for (const round of [1, 2, 3]) {
    await text(send(`http://127.0.0.1:${plain.port}/${round}`, address));
    await text(send(`https://127.0.0.1:${secure.port}/${round}`, address));
  }
  assert.equal(proxy.connections(), 2);
  assert.equal(secure.connections(), 1);
  await text(send(`https://127.0.0.1:${secure.port}/`, address, { method: 'POST' }));
  await text(send(`https://127.0.0.1:${secure.port}/`, address, { method: 'POST' }));
  assert.equal(proxy.connections(), 4);
  // Another user of the same proxy does not get the first one's connections.
  await text(send(`https://127.0.0.1:${secure.port}/`, `http://other:pass@127.0.0.1:${proxy.port}`));
  assert.equal(proxy.connections(), 5);
  const closed = [...proxy.sockets].map((socket) => once(socket, 'close'));
  await outbound.close();
  await Promise.all(closed);
});

test('an https proxy is verified, with its own name, and TLS goes through TLS', async (t) => {
  const identity = await trustedIdentity();
  const target = await canary(t, { tls: identity });
  const proxy = await scriptedProxy(t, { tls: identity });
  const lookup = lookupOf({ 'target.test': ['127.0.0.1'], 'wrong.test': ['127.0.0.1'] });
  const { send } = open(t, { lookup });
  const submit = { method: 'POST', body: 'x'.repeat(200_000) } as const;
  const url = `https://127.0.0.1:${target.port}/`;
  assert.equal(await text(send(url, `https://target.test:${proxy.port}`, submit)), 'reached');
  assert.equal(await text(send(url, `https://127.0.0.1:${proxy.port}`)), 'reached');
  assert.equal(target.requests.length, 2);
  const wrong = send(url, `https://wrong.test:${proxy.port}`);
  await assert.rejects(wrong, failure('proxy', 'not_sent', /ALTNAME/));
  assert.equal(target.connections(), 2);
});

const PLAIN_REPLY_BYTES = 10;

/**
 * A SOCKS5 server that answers each message with the next of `replies` and hangs up after the last. Byte by byte, but
 * for a reply with something behind it, which has to come at once to be there in time.
 */
async function socksServer(t: TestContext, replies: readonly number[][]) {
  const heard: string[] = [];
  const { port } = await tcpServer(t, (socket) => {
    const left = [...replies];
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      heard.push(bytes.toString('hex'));
      const reply = left.shift();
      if (!reply) return socket.end();
      const whole = reply.length > PLAIN_REPLY_BYTES;
      for (const piece of whole ? [reply] : reply.map((byte) => [byte])) socket.write(Buffer.from(piece));
      if (left.length === 0) socket.end();
    });
  });
  return { port, heard };
}

test('a SOCKS5 proxy that refuses, lies or hangs up was sent nothing of the request', async (t) => {
  const { send } = open(t);
  const plain = [5, 0];
  const asksPassword = [5, 2];
  const cases: [replies: number[][], message: RegExp][] = [
    [[], /hung up/],
    [[[5]], /hung up/],
    [[[4, 90]], /does not speak/],
    [[[72, 84]], /does not speak/],
    [[[5, 255]], /accepts no user name/],
    [[[5, 1]], /accepts no user name/],
    [[asksPassword, [1, 1]], /refused the user name/],
    [[asksPassword], /hung up/],
    [[plain, [5, 2, 0, 1, 0, 0, 0, 0, 0, 0]], /not allowed/],
    [[plain, [5, 5, 0, 1, 0, 0, 0, 0, 0, 0]], /refused the connection/],
    [[plain, [5, 99, 0, 1, 0, 0, 0, 0, 0, 0]], /SOCKS reply 99/],
    [[plain, [5, 0, 0, 9, 0, 0]], /does not speak/],
    [[plain, [5, 0, 0, 1, 0]], /hung up/],
    [[plain, [5, 0, 0, 3, 200, 1]], /hung up/],
    [[plain, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 72, 84, 84, 80]], /bytes of its own/],
  ];
  for (const [replies, message] of cases) {
    const { port, heard } = await socksServer(t, replies);
    const sent = send('http://target.test/', `socks5://user:pass@127.0.0.1:${port}`, { method: 'POST' });
    await assert.rejects(sent, failure('proxy', 'not_sent', message), JSON.stringify(replies));
    assert.equal(heard[0], '05020200');
  }
  const { port } = await socksServer(t, [asksPassword]);
  const bare = send('http://target.test/', `socks5://127.0.0.1:${port}`);
  await assert.rejects(bare, failure('proxy', 'not_sent', /wants a user name/));
});

test('SOCKS5 targets: names, IPv4 and IPv6 in their own forms', async (t) => {
  const { send } = open(t);
  const name = Buffer.from('target.test').toString('hex');
  for (const [host, form] of [
    ['target.test', `05010003${'0b'}${name}`],
    ['203.0.113.9', '05010001cb007109'],
    ['[2001:db8::7]', '0501000420010db8000000000000000000000007'],
  ]) {
    const { port, heard } = await socksServer(t, [
      [5, 0],
      [5, 4, 0, 1, 0, 0, 0, 0, 0, 0],
    ]);
    const sent = send(`http://${host}:8188/`, `socks5h://127.0.0.1:${port}`);
    await assert.rejects(sent, failure('proxy', 'not_sent', /host unreachable/));
    assert.deepEqual(heard, ['050100', `${form}1ffc`]);
  }
});

test('a proxy’s credentials are in no error, log or target', async (t) => {
  const secret = 'canary-s3cret';
  const basic = Buffer.from(`user:${secret}`).toString('base64');
  const target = await canary(t, { tls: await trustedIdentity() });
  const proxy = await scriptedProxy(t);
  const refusing = await scriptedProxy(t, {
    onConnect: (socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'),
    onRequest: (_request, response) => response.writeHead(407).end(),
  });
  const dead = await freePort();
  const { send, log } = open(t);
  const seen: string[] = [];
  for (const port of [proxy.port, refusing.port, dead]) {
    for (const url of [`https://127.0.0.1:${target.port}/`, `http://127.0.0.1:${await freePort()}/`]) {
      for (const scheme of ['http', 'https', 'socks5']) {
        await send(url, `${scheme}://user:${secret}@127.0.0.1:${port}`).then(
          (response) => response.readText(),
          (error) => seen.push(inspect(error, { depth: 10, showHidden: true })),
        );
      }
    }
  }
  assert.ok(seen.length > 10, String(seen.length));
  assert.equal(proxy.headers[0]?.['proxy-authorization'], `Basic ${basic}`);
  assert.equal(target.requests.length, 1);
  for (const sink of [...seen, log.text(), inspect(target.requests, { depth: 10 })]) {
    assert.ok(!sink.includes(secret) && !sink.includes(basic), sink);
  }
});
