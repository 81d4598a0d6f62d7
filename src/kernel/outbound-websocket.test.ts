// WebSockets through the door: who may be reached and by which way, and that a peer that is silent, lies or floods costs
// its own connection and nothing else. Against a real WebSocket server of another library.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import { FakeClock, until } from '../../test/harness/clock.ts';
import {
  canary,
  freePort,
  proxyUnavailable,
  realProxy,
  scriptedProxy,
  tcpServer,
} from '../../test/harness/egress-proxies.ts';
import { systemClock } from './clock.ts';
import { createMemoryLogger } from './log.ts';
import { createOutbound, type OutboundOptions } from './outbound.ts';
import type { OutboundError } from './outbound-error.ts';
import type { OutboundSocket, SocketRequest } from './outbound-websocket.ts';

interface Heard {
  socket: OutboundSocket;
  isOpen: boolean;
  texts: string[];
  frames: Uint8Array[];
  /** Undefined until it closed. */
  closed: OutboundError | null | undefined;
}

function opener(t: TestContext, options: Partial<OutboundOptions> = {}) {
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log, ...options });
  t.after(() => outbound.close());
  const open = (url: string, more: Partial<SocketRequest> = {}): Heard => {
    const heard: Omit<Heard, 'socket'> = { isOpen: false, texts: [], frames: [], closed: undefined };
    const socket = outbound.openSocket({
      url,
      purpose: 'test socket',
      allow: 'configured',
      onOpen: () => {
        heard.isOpen = true;
      },
      onText: (text) => heard.texts.push(text),
      onBytes: (bytes) => heard.frames.push(bytes),
      onClose: (error) => {
        assert.equal(heard.closed, undefined, 'closed once');
        heard.closed = error;
      },
      ...more,
    });
    return Object.assign(heard, { socket });
  };
  return { outbound, open, log };
}

async function peerServer(t: TestContext, options: { autoPong?: boolean } = {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(server, 'listening');
  const peers: Peer[] = [];
  const headers: Record<string, unknown>[] = [];
  server.on('connection', (peer, request) => {
    peers.push(peer);
    headers.push(request.headers);
    peer.on('error', () => {});
    peer.on('message', (data) => peer.send(`echo ${data}`));
  });
  t.after(() => {
    for (const peer of peers) peer.terminate();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, peers, headers };
}

const closedWith = (heard: Heard) =>
  until(() => (heard.closed === undefined ? null : { error: heard.closed }), { what: 'the close' });

test('text and bytes go both ways; no compression is offered and no Origin sent', async (t) => {
  const { url, peers, headers } = await peerServer(t);
  const { open } = opener(t);
  const heard = open(`${url}/ws?clientId=a`, { headers: { authorization: 'Bearer key' } });
  await until(() => heard.isOpen, { what: 'the opening' });
  heard.socket.send('hello');
  peers[0]?.send(new Uint8Array([1, 2, 3]));
  await until(() => heard.texts.length === 1 && heard.frames.length === 1, { what: 'the messages' });
  assert.deepEqual(heard.texts, ['echo hello']);
  assert.deepEqual(heard.frames, [new Uint8Array([1, 2, 3])]);
  assert.equal(headers[0]?.authorization, 'Bearer key');
  assert.equal(headers[0]?.origin, undefined);
  assert.equal(headers[0]?.['sec-websocket-extensions'], undefined);
  heard.socket.close();
  heard.socket.close();
  assert.equal((await closedWith(heard)).error, null);
  await until(() => peers[0]?.readyState === 3, { what: 'the peer to notice' });
});

test('what is no WebSocket, not there, or not allowed is said and costs nothing', async (t) => {
  const { open } = opener(t);
  const plain = await canary(t);
  const elsewhere = await canary(t, {
    answer: (_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${plain.port}` }).end(),
  });
  const cases: [string, Partial<SocketRequest>, string, string][] = [
    [`http://127.0.0.1:${plain.port}/`, {}, 'bad_answer', 'sent'],
    [`http://127.0.0.1:${elsewhere.port}/`, {}, 'bad_answer', 'sent'],
    [`http://127.0.0.1:${await freePort()}/`, {}, 'refused', 'not_sent'],
    [`http://127.0.0.1:${plain.port}/`, { allow: 'public' }, 'blocked_url', 'not_sent'],
    ['http://127.0.0.1/', { allow: 'public' }, 'blocked_address', 'not_sent'],
    ['http://169.254.169.254/', {}, 'blocked_address', 'not_sent'],
    ['not an address', {}, 'blocked_url', 'not_sent'],
  ];
  for (const [url, more, kind, phase] of cases) {
    const heard = open(url, more);
    assert.equal(heard.closed, undefined, 'never before the caller has the socket');
    const { error } = await closedWith(heard);
    assert.deepEqual([error?.kind, error?.phase], [kind, phase], `${url}: ${error?.message}`);
    assert.equal(heard.isOpen, false);
  }
  assert.equal(plain.requests.length, 1, 'a redirect is not followed');
});

test('a message that is too large ends the connection before it is in memory', async (t) => {
  const { url, peers } = await peerServer(t);
  const { open } = opener(t);
  const heard = open(url, { maxMessageBytes: 1000 });
  await until(() => heard.isOpen, { what: 'the opening' });
  peers[0]?.send(Buffer.alloc(1000));
  await until(() => heard.frames.length === 1, { what: 'the allowed one' });
  peers[0]?.send(Buffer.alloc(1001));
  assert.ok((await closedWith(heard)).error);
  assert.equal(heard.frames.length, 1);
});

test('a flood ends the connection; what a handler throws does not end the process', async (t) => {
  const { url, peers } = await peerServer(t);
  const { open, log } = opener(t);
  const heard = open(url, { maxBytesPerMinute: 5000 });
  await until(() => heard.isOpen, { what: 'the opening' });
  for (let count = 0; count < 20; count += 1) peers[0]?.send(Buffer.alloc(1000));
  assert.equal((await closedWith(heard)).error?.kind, 'too_large');
  assert.equal(heard.frames.length, 5);
  const broken = open(url, {
    onText: () => {
      throw new Error('a bug');
    },
  });
  await until(() => broken.isOpen, { what: 'the opening' });
  broken.socket.send('hello');
  await until(() => log.text().includes('a socket handler failed'), { what: 'the log line' });
});

test('a silent peer is pinged, and given up when it does not answer', async (t) => {
  const clock = new FakeClock();
  const { url } = await peerServer(t);
  const deaf = await peerServer(t, { autoPong: false });
  const { open } = opener(t, { clock });
  const alive = open(url, { heartbeatMs: 30_000 });
  const dead = open(deaf.url, { heartbeatMs: 30_000 });
  await until(() => alive.isOpen && dead.isOpen, { what: 'the opening' });
  await until(() => dead.closed !== undefined, { clock, stepMs: 1000, what: 'the end of the silent one' });
  assert.equal(dead.closed?.kind, 'idle_timeout');
  assert.equal(alive.closed, undefined);
});

test('a server that takes the connection and says nothing is given up in time', async (t) => {
  const clock = new FakeClock();
  const silent = await tcpServer(t, (socket) => socket.on('error', () => {}).resume());
  const { open, outbound } = opener(t, { clock });
  const heard = open(`http://127.0.0.1:${silent.port}/`, { connectTimeoutMs: 5000 });
  await until(() => silent.sockets.size === 1, { what: 'the connection' });
  clock.advance(5001);
  assert.equal((await closedWith(heard)).error?.kind, 'connect_timeout');
  await until(() => silent.sockets.size === 0, { what: 'the connection to be dropped' });
  const left = open(`http://127.0.0.1:${silent.port}/`);
  await until(() => silent.sockets.size === 1, { what: 'the connection' });
  await outbound.close();
  assert.equal((await closedWith(left)).error, null);
  await until(() => silent.sockets.size === 0, { what: 'the connection to be dropped' });
});

test('a server that dies is noticed', async (t) => {
  const { url, peers } = await peerServer(t);
  const { open } = opener(t);
  const heard = open(url);
  await until(() => heard.isOpen, { what: 'the opening' });
  peers[0]?.terminate();
  assert.equal((await closedWith(heard)).error?.kind, 'reset');
});

test('a proxy is asked for a tunnel, also for plain http, and never passed by', async (t) => {
  const { url } = await peerServer(t);
  const { open } = opener(t);
  const proxy = await scriptedProxy(t);
  const heard = open(url, { proxy: `http://127.0.0.1:${proxy.port}` });
  await until(() => heard.isOpen, { what: 'the opening' });
  assert.deepEqual(proxy.log, [`CONNECT ${url.replace('http://', '')}`]);
  const refusing = await scriptedProxy(t, {
    onConnect: (socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'),
  });
  const refused = open(url, { proxy: `http://127.0.0.1:${refusing.port}` });
  const { error } = await closedWith(refused);
  assert.deepEqual([error?.kind, error?.phase], ['proxy', 'not_sent']);
});

test('through a real SOCKS proxy', { skip: proxyUnavailable('microsocks') }, async (t) => {
  const { url } = await peerServer(t);
  const { open } = opener(t);
  const proxy = await realProxy(t, 'microsocks', 'operator', 'socketpass');
  const heard = open(url, { proxy: `socks5h://operator:socketpass@127.0.0.1:${proxy.port}` });
  await until(() => heard.isOpen, { what: 'the opening' });
  heard.socket.send('x');
  await until(() => heard.texts.length === 1, { what: 'the echo' });
});
