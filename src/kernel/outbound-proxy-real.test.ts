// Requests through Debian's own proxies: each leg stands in the proxy's log, and none goes past it when it refuses.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  canary,
  proxyUnavailable,
  type RealProxyName,
  realProxy,
  trustedIdentity,
} from '../../test/harness/egress-proxies.ts';
import { systemClock } from './clock.ts';
import { createMemoryLogger } from './log.ts';
import { createOutbound, type OutboundRequest } from './outbound.ts';
import { OutboundError } from './outbound-error.ts';

const USER = 'operator';
/** As in the address, where it is percent-encoded, and as the proxy has it; tinyproxy takes no special characters. */
const PASSWORD = 'canary%70ass';
const PLAIN_PASSWORD = 'canarypass';

function open(t: TestContext) {
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log });
  t.after(() => outbound.close());
  const send = (url: string, proxy: string, more: Partial<OutboundRequest> = {}) =>
    outbound.request({ method: 'GET', url, proxy, purpose: 'test', allow: 'configured', ...more });
  return { outbound, send, log };
}

const text = async (response: Promise<{ readText(): Promise<string> }>) => (await response).readText();

const proxyFailure = (error: unknown) => {
  assert.ok(error instanceof OutboundError, String(error));
  assert.deepEqual([error.kind, error.phase], ['proxy', 'not_sent'], error.message);
  assert.doesNotMatch(error.message, /canary/);
  return true;
};

const SCHEMES: Readonly<Record<RealProxyName, string>> = {
  tinyproxy: 'http',
  squid: 'http',
  microsocks: 'socks5h',
};

/** What the proxy's log has of a plain and of a TLS request. */
const LINES: Readonly<Record<RealProxyName, (plain: number, secure: number) => string[]>> = {
  tinyproxy: (plain, secure) => [
    `GET http://127.0.0.1:${plain}/poll`,
    `POST http://127.0.0.1:${plain}/submit`,
    `CONNECT 127.0.0.1:${secure}`,
  ],
  squid: (plain, secure) => [
    `GET http://127.0.0.1:${plain}/poll`,
    `POST http://127.0.0.1:${plain}/submit`,
    `CONNECT 127.0.0.1:${secure}`,
  ],
  microsocks: (plain, secure) => [`127.0.0.1:${plain}`, `127.0.0.1:${secure}`],
};

for (const name of ['tinyproxy', 'squid', 'microsocks'] as const) {
  test(`${name}: poll, submit and TLS go through it`, { skip: proxyUnavailable(name) }, async (t) => {
    const proxy = await realProxy(t, name, USER, PLAIN_PASSWORD);
    const plain = await canary(t);
    const secure = await canary(t, { tls: await trustedIdentity() });
    const { outbound, send, log } = open(t);
    const address = `${SCHEMES[name]}://${USER}:${PASSWORD}@127.0.0.1:${proxy.port}`;
    assert.equal(await text(send(`http://127.0.0.1:${plain.port}/poll`, address)), 'reached');
    const submit = { method: 'POST', body: 'x'.repeat(300_000) } as const;
    assert.equal(await text(send(`http://127.0.0.1:${plain.port}/submit`, address, submit)), 'reached');
    assert.equal(await text(send(`https://127.0.0.1:${secure.port}/tls`, address)), 'reached');
    // Squid writes a tunnel down when it ends.
    await outbound.close();
    for (const line of LINES[name](plain.port, secure.port)) await proxy.logged(line);
    const seen = [...plain.requests, ...secure.requests];
    assert.deepEqual(
      seen.map(({ method, path, host }) => `${method} ${path} ${host}`),
      [
        `GET /poll 127.0.0.1:${plain.port}`,
        `POST /submit 127.0.0.1:${plain.port}`,
        `GET /tls 127.0.0.1:${secure.port}`,
      ],
    );
    for (const { headers } of seen) assert.equal(headers['proxy-authorization'], undefined);
    assert.doesNotMatch(log.text(), /canary/);
  });
}

for (const name of ['tinyproxy', 'microsocks'] as const) {
  const title = `${name}: wrong and missing credentials are a proxy's refusal, and nothing goes direct`;
  test(title, { skip: proxyUnavailable(name) }, async (t) => {
    const proxy = await realProxy(t, name, USER, PLAIN_PASSWORD);
    const plain = await canary(t);
    const { send } = open(t);
    for (const credentials of ['', `${USER}:canary-wrong@`]) {
      const address = `${SCHEMES[name]}://${credentials}127.0.0.1:${proxy.port}`;
      for (const method of ['GET', 'POST'] as const) {
        for (const scheme of ['http', 'https']) {
          const url = `${scheme}://127.0.0.1:${plain.port}/`;
          await assert.rejects(send(url, address, { method }), proxyFailure);
        }
      }
    }
    assert.equal(plain.connections(), 0);
  });
}

test('X14 squid: what it forbids or cannot reach was not sent', {
  skip: proxyUnavailable('squid'),
}, async (t) => {
  const proxy = await realProxy(t, 'squid', USER, PASSWORD);
  const { send } = open(t);
  const address = `http://127.0.0.1:${proxy.port}`;
  for (const url of ['http://forbidden.test/', 'https://forbidden.test/', 'http://127.0.0.1:9/']) {
    await assert.rejects(send(url, address, { method: 'POST' }), proxyFailure, url);
  }
  await proxy.logged('TCP_DENIED/403');
});

test('squid: the environment’s proxy resolves the operator’s host names', {
  skip: proxyUnavailable('squid'),
}, async (t) => {
  const proxy = await realProxy(t, 'squid', USER, PASSWORD);
  const address = `http://127.0.0.1:${proxy.port}`;
  const secure = await canary(t, { tls: await trustedIdentity() });
  const outbound = createOutbound({
    clock: systemClock,
    log: createMemoryLogger(),
    proxies: { http: null, https: null, all: address, bypass: ['intranet.test'] },
  });
  t.after(() => outbound.close());
  const request = { method: 'GET', purpose: 'test', allow: 'configured' } as const;
  const url = `https://target.test:${secure.port}/`;
  assert.equal(await text(outbound.request({ ...request, url })), 'reached');
  assert.equal(secure.requests[0]?.sni, 'target.test');
  await outbound.close();
  await proxy.logged(`CONNECT target.test:${secure.port}`);
});
