// `drawbridge alerts` as people type it, on a data directory without a server and against a real receiver.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { runCommand } from '../../test/harness/command-line.ts';

const HOUR_MS = 3_600_000;
const OPENED_AT = 1_795_320_000_000;

/** One alert that is open and could not be told, and one that is over and was. */
function plantAlerts(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, 'drawbridge.db'));
  const alert = database.prepare(
    `insert into alerts (id, alert_key, kind, subject, severity, state, detail, evidence, first_seen_at, opened_at, last_seen_at, resolved_at)
     values (?, ?, ?, ?, 'error', ?, ?, '[]', ?, ?, ?, ?)`,
  );
  const notice = database.prepare(
    `insert into alert_notices (id, alert_id, event, state, tries, due_at, sent_at, last_error, created_at)
     values (?, ?, 'opened', ?, ?, ?, null, ?, ?)`,
  );
  const at = OPENED_AT;
  alert.run('alert_1', 'disk_low:data', 'disk_low', 'data', 'open', '4 % are free.', at, at, at, null);
  notice.run('notice_1', 'alert_1', 'waiting', 3, at, 'HTTP 502', at);
  const over = at - HOUR_MS;
  alert.run(
    'alert_2',
    'provider_down:kie',
    'provider_down',
    'kie',
    'resolved',
    'It was away.',
    over,
    over,
    at,
    at,
  );
  notice.run('notice_2', 'alert_2', 'sent', 1, over, null, over);
  database.close();
}

test('alerts: what is open and what was, who was told, and a test of the way there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-alerts-'));
  const bodies: string[] = [];
  const receiver = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    bodies.push(text);
    response.writeHead(bodies.length === 1 ? 200 : 502).end('{}');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const env = { DRAWBRIDGE_DATA_DIR: join(folder, 'data') };
  const told = { ...env, DRAWBRIDGE_ALERTS_WEBHOOK_URL: `http://127.0.0.1:${port}/hook?key=robot-key-01` };
  try {
    assert.equal((await runCommand(['migrate'], env)).code, 0);
    const empty = await runCommand(['alerts'], env);
    assert.deepEqual([empty.code, empty.stdout], [0, 'No alerts.\n'], empty.stderr);
    assert.match(empty.stderr, /Nobody is told: DRAWBRIDGE_ALERTS_WEBHOOK_URL/);
    plantAlerts(env.DRAWBRIDGE_DATA_DIR);
    const list = await runCommand(['alerts', 'list'], told);
    assert.equal(list.code, 0, list.stderr);
    const [, open = '', over = ''] = list.stdout.split('\n');
    assert.match(open, /^open .* being sent \(3 tries\) .*4 % are free\. What to do: /);
    assert.match(over, /^over .* yes .*The provider kie cannot be used$/);
    assert.match(list.stderr, /Alerts go to 127\.0\.0\.1.*\nHTTP 502/s);
    const onlyOpen = await runCommand(['alerts', 'list', '--open', '--json'], told);
    assert.deepEqual(
      JSON.parse(onlyOpen.stdout).data.map(({ id }: { id: string }) => id),
      ['alert_1'],
    );
    const sent = await runCommand(['alerts', 'test'], { ...told, DRAWBRIDGE_LANG: 'zh' });
    assert.equal(sent.code, 0, sent.stderr);
    assert.match(sent.stdout, /^测试已送达 127\.0\.0\.1/);
    assert.equal(JSON.parse(bodies[0] ?? '{}').event, 'test');
    const refused = await runCommand(['alerts', 'test'], told);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(refused.stderr, /The test did not arrive[\s\S]*502/);
    assert.doesNotMatch(list.stderr + sent.stdout + refused.stderr, /robot-key/);
  } finally {
    receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
