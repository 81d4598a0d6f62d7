import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { controlSocketPath, listenOnControlSocket } from './control-socket.ts';
import { localAuthority } from './listen-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-socket-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the control socket makes a data directory that nobody made yet, for nobody else', async () => {
  const dataDir = join(folder, 'new', 'data');
  const server = await listenOnControlSocket({
    dataDir,
    listensAt: () => null,
    handle: (_request, response) => response.end(),
  });
  assert.equal(statSync(dataDir).mode & 0o007, 0);
  assert.equal(statSync(controlSocketPath(dataDir)).mode & 0o177, 0);
  server.close();
  await once(server, 'close');
});

test('whoever calls it sees the address where the server listens, whatever host the call names', async () => {
  const dataDir = join(folder, 'named');
  let listensAt: string | null = null;
  const server = await listenOnControlSocket({
    dataDir,
    listensAt: () => listensAt,
    handle: (request, response) => response.end(request.headers.host),
  });
  const ask = async () => {
    const asked = request({
      socketPath: controlSocketPath(dataDir),
      headers: { host: '127.0.0.1:8080' },
    }).end();
    const [response] = await once(asked, 'response');
    return (await response.toArray()).join('');
  };
  assert.equal(await ask(), '127.0.0.1:8080');
  listensAt = localAuthority('::', 8480);
  assert.equal(await ask(), '127.0.0.1:8480');
  assert.equal(localAuthority('fe80::1', 1), '[fe80::1]:1');
  server.close();
  await once(server, 'close');
});
