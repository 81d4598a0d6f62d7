// An address that may not be used is refused before a connection is made: one that is made and dropped tells a stranger which
// ports are open inside.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { test } from 'node:test';
import { createFreshClient, systemLookup } from '../../src/kernel/outbound-connect.ts';

/** Asks for a page of a listener on this machine as strangers' addresses are; returns how many connections it saw. */
async function connectionsOf(host: string, lookup: LookupFunction): Promise<number> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://${host}:${port}`;
  const client = createFreshClient(origin, { policy: 'public', lookup });
  try {
    await assert.rejects(client.request({ origin, path: '/', method: 'GET' }), /not one that may be used/);
    // Connections are accepted in the order in which they were made: ours is the last.
    const last = connect(port, '127.0.0.1');
    last.end();
    await once(last, 'close');
    return connections - 1;
  } finally {
    await client.destroy();
    server.close();
  }
}

test('SR1: a literal address inside is not even connected to', async () => {
  assert.equal(await connectionsOf('127.0.0.1', systemLookup), 0);
});

test('SR2: a name that leads inside is not even connected to', async () => {
  const inside: LookupFunction = (_name, _options, callback) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }]);
  assert.equal(await connectionsOf('pictures.example', inside), 0);
});
