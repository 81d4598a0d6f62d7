import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { controlSocketPath, listenOnControlSocket } from './control-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-socket-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the control socket makes a data directory that nobody made yet, for nobody else', async () => {
  const dataDir = join(folder, 'new', 'data');
  const server = await listenOnControlSocket(dataDir, (_request, response) => response.end());
  assert.equal(statSync(dataDir).mode & 0o007, 0);
  assert.equal(statSync(controlSocketPath(dataDir)).mode & 0o177, 0);
  server.close();
  await once(server, 'close');
});
