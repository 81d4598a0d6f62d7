// Where the program lets itself be led: names that change their meaning, proxies, providers' answers and the operator's own
// exceptions. A server of this machine must stay unreached by whatever a user or a provider can say.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { createOutbound, type Outbound, type OutboundRequest } from '../../src/kernel/outbound.ts';
import { createFreshClient } from '../../src/kernel/outbound-connect.ts';
import { download } from '../../src/kernel/outbound-download.ts';
import { OutboundError, type OutboundErrorKind } from '../../src/kernel/outbound-error.ts';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { canary, scriptedProxy } from '../harness/egress-proxies.ts';
import { startFakeJimeng } from '../harness/fake-jimeng.ts';
import { startFastApp } from './cast.ts';
import { startDns } from './dns-server.ts';
import { disguises, HOSTILE_LITERALS, PRIVATE_V4 } from './hostile-addresses.ts';

const PUBLIC_ADDRESS = '93.184.215.14';
const AT_ONCE = 32;
const METADATA = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192'];

function openDoor(
  t: TestContext,
  options: { lookup?: LookupFunction; allowHosts?: string[] } = {},
): Outbound {
  const outbound = createOutbound({ clock: systemClock, log: createMemoryLogger(), ...options });
  t.after(() => outbound.close());
  return outbound;
}

const get = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  url,
  purpose: 'test',
  allow: 'public',
  connectTimeoutMs: 2_000,
  ...more,
});

const failure =
  (...kinds: OutboundErrorKind[]) =>
  (error: unknown) =>
    error instanceof OutboundError && kinds.includes(error.kind) && error.phase === 'not_sent';

test('SR2 a name that is public when first asked and private afterwards, half private, or an alias of a private one', async (t) => {
  const target = await canary(t);
  const zones: Record<string, (asked: number) => string[]> = {
    'rebind.example': (asked) => [asked === 1 ? PUBLIC_ADDRESS : '127.0.0.1'],
    'inside.example': () => ['127.0.0.1', '::1', '10.0.0.7'],
    'alias.example': () => ['→ inside.example'],
    'chain.example': () => ['→ alias.example'],
    'metadata.example': () => ['→ imds.example'],
    'imds.example': () => ['169.254.169.254'],
  };
  const lookup = await startDns(t, (name, asked) => zones[name]?.(asked) ?? []);
  const resolve = (name: string) =>
    new Promise((done) => lookup(name, { all: true }, (_error, found) => done(found)));
  assert.deepEqual(await resolve('rebind.example'), [{ address: PUBLIC_ADDRESS, family: 4 }]);
  for (const name of Object.keys(zones)) {
    const client = createFreshClient(`http://${name}:${target.port}`, { policy: 'public', lookup });
    await assert.rejects(client.request({ method: 'GET', path: '/' }), (error: Error) => {
      assert.ok(error instanceof OutboundError && error.kind === 'blocked_address', `${name}: ${error}`);
      return true;
    });
    await client.destroy();
  }
  assert.equal(target.connections(), 0);
  // It could have been reached, so the zero above means something.
  const client = createFreshClient(`http://alias.example:${target.port}`, { policy: 'configured', lookup });
  assert.equal((await client.request({ method: 'GET', path: '/' })).statusCode, 200);
  await client.destroy();
});

test('SR2 of a name with public and private addresses only the public ones are ever used, by every family', async (t) => {
  const lookup = await startDns(t, (name) =>
    name === 'mixed.example' ? ['::1', '127.0.0.1', PUBLIC_ADDRESS, 'fd00::1'] : [],
  );
  const proxy = await socksProxy(t);
  const door = openDoor(t, { lookup });
  await door.request(get('http://mixed.example/', { proxy: proxy.url })).catch(() => {});
  assert.deepEqual(proxy.asked, [`${PUBLIC_ADDRESS}:80`]);
});

/** A SOCKS5 proxy that notes what it is asked for and grants nothing. */
async function socksProxy(t: TestContext): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const serve = (socket: Socket) => {
    let isGreeted = false;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      if (!isGreeted) {
        isGreeted = true;
        return void socket.write(Buffer.from([5, 0]));
      }
      const isName = bytes[3] === 3;
      const length = isName ? (bytes[4] ?? 0) : bytes[3] === 4 ? 16 : 4;
      const at = isName ? 5 : 4;
      const host = bytes.subarray(at, at + length);
      const shown = isName ? host.toString() : length === 4 ? [...host].join('.') : host.toString('hex');
      asked.push(`${shown}:${bytes.readUInt16BE(at + length)}`);
      socket.end(Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]));
    });
  };
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `socks5://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('SR4 through HTTP and SOCKS proxies: a user’s name is resolved and checked here, a private one is never asked for', async (t) => {
  const lookup = await startDns(t, (name) =>
    name === 'pictures.example' ? [PUBLIC_ADDRESS] : name === 'inside.example' ? ['10.0.0.5'] : [],
  );
  const socks = await socksProxy(t);
  const http = await scriptedProxy(t, { onConnect: (socket) => socket.destroy() });
  const door = openDoor(t, { lookup });
  const hidden = ['inside.example', ...HOSTILE_LITERALS];
  for (const proxy of [socks.url, `http://127.0.0.1:${http.port}`]) {
    await assert.rejects(door.request(get('http://pictures.example/', { proxy })), failure('proxy'));
    for (const host of hidden) {
      if (!URL.canParse(`http://${host}/`)) continue;
      await assert.rejects(door.request(get(`http://${host}/`, { proxy })), failure('blocked_address'), host);
    }
  }
  assert.deepEqual(socks.asked, [`${PUBLIC_ADDRESS}:80`]);
  assert.deepEqual(http.log, [`CONNECT ${PUBLIC_ADDRESS}:80`]);
});

test('SR1 SR6 the operator’s own addresses: metadata is refused in every disguise, as base, as exception, as proxy', async (t) => {
  const socks = await socksProxy(t);
  const door = openDoor(t, { allowHosts: METADATA.map((address) => `${address}:80`) });
  for (const host of METADATA.flatMap(disguises)) {
    if (!URL.canParse(`http://${host}/`)) continue;
    const url = `http://${host}/`;
    const { hostname } = new URL(url);
    const isBare =
      METADATA.includes(hostname.replace(/\.$/, '')) || /^\[::ffff:[^:]+:[^:]+\]$/.test(hostname);
    const policies = isBare ? (['configured', 'public'] as const) : (['public'] as const);
    for (const allow of policies) {
      await assert.rejects(door.request(get(url, { allow })), failure('blocked_address'), `${allow} ${host}`);
      await assert.rejects(
        door.request(get(url, { allow, proxy: socks.url })),
        failure('blocked_address'),
        `${allow} ${host} through a proxy`,
      );
    }
    if (!isBare) continue;
    await assert.rejects(
      door.request(get('http://service.example/', { allow: 'configured', proxy: `http://${hostname}:3128` })),
      failure('blocked_address', 'proxy'),
      `${host} as a proxy`,
    );
  }
  assert.deepEqual(socks.asked, []);
});

test('SR6 D5 a provider’s answer may lead to the provider’s own host and port, and to no other of its network', async (t) => {
  const own = await canary(t);
  const other = await canary(t);
  const door = openDoor(t);
  const { signal } = new AbortController();
  const fetchResult = (url: string) =>
    download(door, {
      url,
      allow: 'public',
      allowHosts: [`127.0.0.1:${own.port}`],
      maxBytes: 1024,
      purpose: 'result',
      signal,
    });
  await fetchResult(`http://127.0.0.1:${own.port}/a.png`);
  const near = [
    `http://127.0.0.1:${other.port}/`,
    `http://localhost:${own.port}/`,
    `http://[::1]:${own.port}/`,
  ];
  for (const url of near)
    await assert.rejects(fetchResult(url), failure('blocked_url', 'blocked_address'), url);
  const corpus = HOSTILE_LITERALS.flatMap((host) => [`http://${host}/`, `https://${host}/x.png`]);
  for (const url of corpus) {
    if (URL.canParse(url)) await assert.rejects(fetchResult(url), failure('blocked_address'), url);
  }
  assert.deepEqual([own.connections(), other.connections()], [1, 0]);
});

test('SR1 SR8 the whole corpus as an input picture and as a receiver: one answer in the same words, before anything is sent', async (t) => {
  const app = await startFastApp();
  t.after(() => app.close());
  const target = await canary(t);
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const hosts = [
    `127.0.0.1:${target.port}`,
    `127.0.0.1:${(silent.address() as AddressInfo).port}`,
    '127.0.0.1:9',
    ...HOSTILE_LITERALS,
  ].filter((host) => URL.canParse(`http://${host}/`));
  const said = { picture: new Set<string>(), receiver: new Set<string>() };
  const words = (text: string) => text.replace(/"(?:request_id|instance)":"[^"]*"/g, '');
  const ask = async (host: string) => {
    const url = `http://${host}/a.png`;
    const picture = await app.request('POST', '/v1/tasks', { prompt: 'a', images: [{ url }] });
    assert.equal(picture.status, 422, `${host}: ${picture.text}`);
    said.picture.add(words(picture.text));
    const receiver = await app.request('POST', '/v1/tasks', { prompt: 'a', webhook_url: url });
    assert.equal(receiver.status, 422, `${host}: ${receiver.text}`);
    said.receiver.add(words(receiver.text));
  };
  for (let at = 0; at < hosts.length; at += AT_ONCE) {
    await Promise.all(hosts.slice(at, at + AT_ONCE).map(ask));
  }
  assert.deepEqual(
    [said.picture.size, said.receiver.size],
    [1, 1],
    [...said.picture, ...said.receiver].join('\n'),
  );
  assert.equal(target.connections(), 0, 'open, silent and closed ports cannot be told apart');
});

test('SR8 what an address answers is not shown: no body, no header, no address', async (t) => {
  const bodies = ['<h1>Internal admin of 10.9.8.7</h1>', '{"secret":"canary-internal"}', 'root:x:0:0', ''];
  const target = await canary(t, {
    answer(request, response) {
      const index = Number(/\d/.exec(request.url ?? '')?.[0] ?? 0);
      response.writeHead(index === 3 ? 302 : index === 2 ? 500 : 200, {
        'x-internal': 'canary-header',
        location: 'http://10.9.8.7/',
      });
      response.end(bodies[index]);
    },
  });
  const host = `127.0.0.1:${target.port}`;
  const app = await startFastApp({ env: { DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: host } });
  t.after(() => app.close());
  for (const index of bodies.keys()) {
    const images = [{ url: `http://${host}/${index}` }];
    const answer = await app.request('POST', '/v1/tasks', { prompt: 'a', images });
    assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
    const { type: _documentation, ...said } = answer.json;
    assert.doesNotMatch(JSON.stringify(said), /canary|10\.9\.8\.7|root:|127\.0\.0\.1/);
  }
  assert.equal(target.requests.length, bodies.length);
});

test('SR1 D5 a provider that answers with addresses inside gets nothing fetched, and the task says nothing of them', async (t) => {
  const fake = await startFakeJimeng(t);
  const target = await canary(t);
  const app = await startTestApp({
    env: { JIMENG_URL: fake.url, JIMENG_SESSION_ID: 'canaryjimeng0123456789abcdef' },
  });
  t.after(() => app.close());
  const addresses = [
    `http://127.0.0.1:${target.port}/a.png`,
    `http://localhost:${target.port}/a.png`,
    `http://[::ffff:127.0.0.1]:${target.port}/a.png`,
    ...PRIVATE_V4.slice(0, 3).map((address) => `http://${address}/a.png`),
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
  ];
  fake.script.push({ body: { created: 1, data: addresses.map((url) => ({ url })) } });
  const { json } = await app.request('POST', '/v1/tasks', { prompt: 'a fox', model: 'jimeng-4.5' });
  const task = await until(
    async () => {
      const shown = (await app.request('GET', `/v1/tasks/${json.id}`)).json;
      return shown.finished_at === null ? null : shown;
    },
    { what: 'the end of the task', limitMs: 60_000 },
  );
  assert.equal(task.status, 'failed');
  assert.equal(target.connections(), 0);
  assert.doesNotMatch(JSON.stringify([task.error, task.attempts]), /127\.0\.0\.1|169\.254|etc\/passwd/);
});
