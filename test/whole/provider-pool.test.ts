// A pool of ComfyUI servers as an administrator sees it: which machine works, which does not, and why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { startFakeComfyui } from '../harness/fake-comfyui.ts';

const DEAD = '127.0.0.1:1';
const PROBES_TO_OPEN = 3;

test('one dead server of a pool is shown open with its reason, and the provider goes on', async (t) => {
  const fake = await startFakeComfyui();
  const app = await startTestApp({
    env: { COMFYUI_URL: `${fake.url},http://${DEAD}`, DRAWBRIDGE_SANDBOX_ENABLED: 'false' },
  });
  t.after(async () => {
    await app.close();
    await fake.close();
  });
  for (let n = 0; n < PROBES_TO_OPEN; n += 1) {
    const probed = await app.request('POST', '/v1/admin/providers/comfyui/probe');
    assert.equal(probed.status, 200, probed.text);
  }
  const { json } = await app.request('GET', '/v1/admin/providers/comfyui');
  const [alive, dead] = json.servers;
  assert.notEqual(json.state, 'down');
  assert.deepEqual([alive.host, alive.state, alive.reason], [new URL(fake.url).host, 'closed', null]);
  assert.deepEqual([dead.host, dead.state], [DEAD, 'open']);
  assert.match(dead.reason, /refuses the connection/);
  assert.ok(Date.parse(dead.next_probe_at) > Date.now());
  const [first] = dead.history;
  assert.deepEqual([first.from, first.to], ['closed', 'open']);
});
