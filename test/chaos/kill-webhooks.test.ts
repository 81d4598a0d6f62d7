// NT3 with a real process: killed when the receiver has the message and the server does not know it yet.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ADMIN_KEY } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { type Received, Receiver, verified } from '../harness/webhooks.ts';
import { freePort, startServerProcess } from './server-process.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-kill-webhooks-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

test('NT3 a server that is killed between delivery and mark sends the same message again after its start', async () => {
  const receiver = await new Receiver().start();
  const port = await freePort();
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_PORT: String(port),
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: receiver.host,
  };
  const url = `http://127.0.0.1:${port}`;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  const ask = async (method: string, path: string, body?: object): Promise<any> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return response.json();
  };
  const first = startServerProcess({ cwd: dataDir, env });
  await first.ready;
  const held: Received[] = [];
  receiver.onRequest = (request) => held.push(request);
  const { secret } = await ask('POST', '/v1/webhooks', { url: receiver.url('/hook') });
  const task = await ask('POST', '/v1/tasks', { prompt: 'a lake', size: '256x256' });
  await until(() => held.length === 1, { limitMs: 60_000, what: 'the message' });
  await first.kill('SIGKILL');

  receiver.onRequest = ({ response }) => void response.writeHead(200).end();
  const second = startServerProcess({ cwd: dataDir, env });
  await second.ready;
  try {
    await until(() => receiver.requests.length === 2, { limitMs: 60_000, what: 'the message again' });
    const [before, again] = receiver.requests as [Received, Received];
    assert.equal(again.id, before.id);
    assert.equal(verified(secret, again, Date.now()).data.id, task.id);
    const delivery = await until(async () => {
      const found = await ask('GET', `/v1/webhooks/deliveries/${again.id}`);
      return found.status === 'delivered' ? found : null;
    });
    assert.deepEqual(
      delivery.attempts.map(({ error, status_code }: Record<string, unknown>) => [error, status_code]),
      [
        ['interrupted', null],
        [null, 200],
      ],
    );
    const report = await ask('POST', '/v1/admin/doctor', { deep: true });
    const check = report.checks?.find((one: { id: string }) => one.id === 'N1');
    assert.equal(check?.state, 'ok', JSON.stringify(report));
  } finally {
    await second.kill('SIGTERM');
    receiver.close();
  }
});
