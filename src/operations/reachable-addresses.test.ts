// By which addresses other devices find a server, for each way that it may listen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachableAddresses } from './reachable-addresses.ts';

test('the public address, those of the networks, those of a container, or none', () => {
  const machine = { addresses: () => ['192.168.1.7', '10.0.0.3'], exists: () => false };
  const inContainer = { ...machine, exists: (path: string) => path === '/.dockerenv' };
  const open = { host: '0.0.0.0', publicUrl: null };
  assert.deepEqual(reachableAddresses(open, 8080, machine), {
    reach: 'network',
    urls: ['http://192.168.1.7:8080', 'http://10.0.0.3:8080'],
  });
  assert.equal(reachableAddresses(open, 8080, inContainer).reach, 'container');
  assert.deepEqual(reachableAddresses({ host: 'fd00::7', publicUrl: null }, 80, machine).urls, [
    'http://[fd00::7]:80',
  ]);
  for (const host of ['127.0.0.1', 'localhost', '::1'])
    assert.deepEqual(reachableAddresses({ host, publicUrl: null }, 8080, machine), {
      reach: 'loopback',
      urls: [],
    });
  assert.deepEqual(
    reachableAddresses({ host: '127.0.0.1', publicUrl: 'https://a.example/draw' }, 8080, inContainer),
    { reach: 'public', urls: ['https://a.example/draw'] },
  );
});
