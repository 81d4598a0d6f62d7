// The address filter against every disguise of a private address, alone and in front of a real server that must stay unreached.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, isIP, type LookupFunction } from 'node:net';
import { test } from 'node:test';
import { request } from 'undici';
import { HOSTILE_LITERALS, HOSTILE_NAMES } from '../../test/security/hostile-addresses.ts';
import {
  checkUrl,
  isAllowedAddress,
  isMetadataAddress,
  isPublicAddress,
  redirectTarget,
} from './outbound-address.ts';
import { createFreshClient } from './outbound-connect.ts';
import { OutboundError } from './outbound-error.ts';

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.215.14',
  '172.32.0.1',
  '192.169.0.1',
  '2606:4700:4700::1111',
  '2a00:1450:4001::200e',
  '2400:3200::1',
];

const bare = (host: string) => host.replace(/^\[|\]$/g, '');

test('SR1 every disguise of a private address is refused, public ones are not', () => {
  assert.ok(HOSTILE_LITERALS.length + HOSTILE_NAMES.length >= 250, String(HOSTILE_LITERALS.length));
  for (const literal of HOSTILE_LITERALS) {
    const { hostname } = new URL(`http://${literal}/`);
    assert.notEqual(isIP(bare(hostname)), 0, `${literal} is no literal after parsing: ${hostname}`);
    assert.equal(isPublicAddress(bare(hostname)), false, `${literal} → ${hostname}`);
  }
  for (const address of PUBLIC) assert.ok(isPublicAddress(address), address);
  for (const odd of [
    '',
    'localhost',
    '2130706433',
    '0x7f.1',
    '127.1',
    '1.1.1.1%eth0/..',
    'fe80::1%1',
    '::1%lo',
  ]) {
    assert.equal(isPublicAddress(odd), odd.startsWith('1.1.1.1%'), odd);
  }
});

test("SR1 the machine's own addresses are refused even when public", () => {
  const own = ['8.8.4.4', '2a00:1450:4001:0:0:0:0:200e'];
  for (const address of ['8.8.4.4', '::ffff:8.8.4.4', '2a00:1450:4001::200e']) {
    assert.equal(isAllowedAddress(address, 'public', own), false, address);
    assert.equal(isAllowedAddress(address, 'public', []), true, address);
    assert.equal(isAllowedAddress(address, 'configured', own), true, address);
  }
});

test('SR3 a redirect never leaves https, and relative ones stay on their host', () => {
  const from = new URL('https://a.example/x/y');
  assert.equal(redirectTarget(from, '../z?q', 'test').href, 'https://a.example/z?q');
  assert.equal(redirectTarget(new URL('http://a.example/'), 'https://b.example/', 'test').protocol, 'https:');
  for (const location of ['http://a.example/', 'http://%']) {
    assert.throws(
      () => redirectTarget(from, location, 'test'),
      (error: OutboundError) => error.kind === 'redirect_refused',
    );
  }
});

test('SR6 an operator may configure private hosts, but never a metadata service', () => {
  for (const address of ['127.0.0.1', '192.168.1.20', '10.0.0.1', '::1', 'fd00::1', '8.8.8.8']) {
    assert.ok(isAllowedAddress(address, 'configured'), address);
  }
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::169.254.169.254',
    '::ffff:0:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '169.254.170.2',
    '100.100.100.200',
    'fd00:ec2::254',
    '168.63.129.16',
    '',
  ]) {
    assert.ok(isMetadataAddress(address), address);
    assert.equal(isAllowedAddress(address, 'configured'), false, address);
  }
});

test('SR5 only http and https on 80 and 443 without a user name, or an exact exception', () => {
  const check = (url: string, allowed: string[] = []) =>
    checkUrl(new URL(url), 'public', new Set(allowed), 'test');
  for (const url of [
    'http://a.example/',
    'https://a.example/',
    'http://a.example:443/',
    'https://a.example:80/x?y',
  ]) {
    assert.equal(check(url), 'public');
  }
  const bad = [
    'file:///etc/passwd',
    'gopher://a.example/',
    'data:text/plain,x',
    'ftp://a.example/',
    'ws://a.example/',
    'javascript:1',
    'unix:/run/x.sock',
    'blob:http://a.example/1',
    'http://a.example:25/',
    'http://a.example:6379/',
    'http://a.example:8080/',
    'https://a.example:8443/',
    'http://u@a.example/',
    'http://u:p@a.example/',
    'http://:p@a.example/',
  ];
  for (const url of bad) {
    assert.throws(
      () => check(url),
      (error) => error instanceof OutboundError && error.kind === 'blocked_url' && error.phase === 'not_sent',
      url,
    );
  }
  assert.equal(check('http://192.168.1.20:8188/view', ['192.168.1.20:8188']), 'configured');
  assert.throws(() => check('http://192.168.1.20:8189/', ['192.168.1.20:8188']));
  assert.equal(check('http://[::1]:8188/', ['[::1]:8188']), 'configured');
});

test('SR1 SR2 no corpus host and no name that resolves inside reaches a server on this machine', async (t) => {
  let hits = 0;
  const canary = createServer((_request, response) => response.end('reached')).on('connection', () => {
    hits += 1;
  });
  canary.listen(0, '::');
  await once(canary, 'listening');
  t.after(() => canary.close());
  const { port } = canary.address() as AddressInfo;
  const inside: LookupFunction = (_name, _options, callback) =>
    callback(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);

  const fetchWith = async (host: string, policy: 'public' | 'configured', lookup = inside) => {
    const url = new URL(`http://${host}:${port}/`);
    const client = createFreshClient(url.origin, { policy, lookup });
    try {
      const answer = await request(url.origin, { dispatcher: client });
      await answer.body.dump();
      return answer.statusCode;
    } finally {
      await client.destroy();
    }
  };
  const refused = (error: unknown) => error instanceof OutboundError && error.kind === 'blocked_address';
  const names = HOSTILE_NAMES.filter((name) => URL.canParse(`http://${name}:${port}/`));
  for (const host of [...HOSTILE_LITERALS, ...names])
    await assert.rejects(fetchWith(host, 'public'), refused, host);
  assert.equal(hits, 0);
  // The canary can be reached, so the zero above means something.
  for (const host of ['127.0.0.1', '[::1]', '2130706433', 'intern.example'])
    assert.equal(await fetchWith(host, 'configured'), 200);
  assert.equal(hits, 4);

  // Rebinding: the first answer is public, the second is not; the filter uses the very answer it connects to.
  let asked = 0;
  const rebinding: LookupFunction = (_name, _options, callback) => {
    asked += 1;
    callback(null, [{ address: asked === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }]);
  };
  for (let i = 0; i < 3; i += 1)
    await assert.rejects(fetchWith('rebind.example', 'public', rebinding), refused);
  assert.equal(hits, 4);
});
