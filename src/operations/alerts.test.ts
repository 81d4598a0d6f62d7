// Alerts against a real receiver: told once when it begins and once when it is over, over restarts, on one node of several,
// tried again when the receiver is away, with no secret of its address anywhere.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { startTestApp } from '../../test/harness/app.ts';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { loadConfig } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { alertsEn } from '../kernel/messages/alerts-en.ts';
import { createOutbound } from '../kernel/outbound.ts';
import type { ProviderHealth } from '../providers/providers.ts';
import { formatOf, noticeBody } from './alert-notice.ts';
import { Alerts } from './alerts.ts';

const ROBOT_KEY = 'robot-key-0123456789abcdef';
const MINUTE_MS = 60_000;
const GIGABYTE = 1024 ** 3;

interface Receiver {
  url: string;
  bodies: Record<string, unknown>[];
  /** What it answers from now on. */
  answer: { status: number; body: string };
  close(): void;
}

async function startReceiver(): Promise<Receiver> {
  const bodies: Record<string, unknown>[] = [];
  const answer = { status: 200, body: '{"errcode":0}' };
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    if (answer.status === 200) bodies.push(JSON.parse(text));
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/hook?key=${ROBOT_KEY}`;
  return { url, bodies, answer, close: () => server.close() };
}

/** What the scripted world looks like; tests change it. */
function world() {
  return {
    providers: [] as ProviderHealth[],
    disk: { freeBytes: 50 * GIGABYTE, totalBytes: 100 * GIGABYTE },
    repaired: 0,
  };
}

const health = (name: string, state: ProviderHealth['state'], code?: ErrorCode): ProviderHealth => ({
  name,
  state,
  reason: code ? { code, detail: `It says ${code}` } : null,
  checkedAt: 1,
  note: null,
});

const outbound = createOutbound({ clock: systemClock, log: createMemoryLogger() });
after(() => outbound.close());

function openAlerts(
  db: Db,
  clock: FakeClock,
  seen: ReturnType<typeof world>,
  {
    url,
    nodeId = 'node_a',
    log = createMemoryLogger(),
  }: {
    url: string | null;
    nodeId?: string;
    log?: ReturnType<typeof createMemoryLogger>;
  },
) {
  const env = url === null ? {} : { DRAWBRIDGE_ALERTS_WEBHOOK_URL: url };
  const { config } = loadConfig({ env, cwd: tmpdir() });
  assert.ok(config);
  const watchdog = {
    history: async () => [
      {
        dryRun: false,
        repaired: seen.repaired,
        started_at: clock.now(),
        findings: [{ taskId: 'task_1', what: 'It was stuck.' }],
      },
    ],
  };
  return new Alerts({
    config,
    db,
    clock,
    log,
    node: { id: nodeId },
    providers: { overview: () => ({ usable: true, providers: seen.providers }) },
    tasks: { watchdog } as never,
    openOutbound: async () => outbound,
    diskOf: async () => seen.disk,
  });
}

for (const { kind, skip } of databaseKinds().filter((one) => one.kind !== 'sqlite-inline')) {
  describe(`alerts on ${kind}`, { skip }, () => {
    test('a provider that is down is told once, also over a restart and with two nodes, and its recovery once', async () => {
      const testDb = await openTestDb(kind);
      const receiver = await startReceiver();
      const clock = new FakeClock();
      const seen = world();
      const { url } = receiver;
      try {
        let alerts = openAlerts(testDb.db, clock, seen, { url });
        seen.providers = [health('kie', 'down', 'provider_unavailable')];
        await alerts.look();
        assert.equal(receiver.bodies.length, 0, 'not at the first failure');
        assert.deepEqual(await alerts.list({ isOpen: false, limit: 10 }), []);
        clock.advance(MINUTE_MS);
        await alerts.look();
        assert.deepEqual(
          receiver.bodies.map(({ event, kind, subject, severity }) => [event, kind, subject, severity]),
          [['opened', 'provider_down', 'kie', 'error']],
        );
        assert.match(String(receiver.bodies[0]?.text), /kie cannot be used.*providers test kie/s);
        const other = openAlerts(testDb.db, clock, seen, { url, nodeId: 'node_b' });
        clock.advance(MINUTE_MS);
        await Promise.all([alerts.look(), other.look()]);
        alerts = openAlerts(await testDb.reopen(), clock, seen, { url });
        clock.advance(MINUTE_MS);
        await alerts.look();
        assert.equal(receiver.bodies.length, 1, 'told once');

        seen.providers = [health('kie', 'healthy')];
        clock.advance(MINUTE_MS / 2);
        await alerts.look();
        assert.equal(receiver.bodies.length, 1, 'a moment of health is no recovery');
        clock.advance(MINUTE_MS);
        await alerts.look();
        await alerts.look();
        assert.deepEqual(
          receiver.bodies.map(({ event }) => event),
          ['opened', 'recovered'],
        );
        const [row] = await alerts.list({ isOpen: false, limit: 10 });
        assert.deepEqual(
          [row?.state, row?.notices.map(({ state }) => state)],
          ['resolved', ['sent', 'sent']],
        );
        const checks = await alerts.checks({ provider: 'kie', limit: 10 });
        assert.deepEqual(
          checks.map(({ state }) => state),
          ['down', 'down'],
          'each node notes a look once; a restarted node has another name',
        );
      } finally {
        receiver.close();
        await testDb.close();
      }
    });

    test('what the receiver did not take is kept over a restart and sent later, in order, without its key in any log', async () => {
      const testDb = await openTestDb(kind);
      const receiver = await startReceiver();
      const clock = new FakeClock();
      const seen = world();
      const log = createMemoryLogger();
      try {
        receiver.answer = Object.assign(receiver.answer, { status: 500, body: `no ${ROBOT_KEY}` });
        const alerts = openAlerts(testDb.db, clock, seen, { url: receiver.url, log });
        seen.providers = [health('jimeng', 'down', 'provider_credentials_expired')];
        await alerts.look();
        seen.providers = [health('jimeng', 'healthy')];
        clock.advance(2 * MINUTE_MS);
        await alerts.look();
        const [failed] = await alerts.list({ isOpen: false, limit: 1 });
        assert.equal(failed?.notices.length, 2);
        assert.match(failed?.notices[0]?.last_error ?? '', /HTTP 500/);
        assert.doesNotMatch(JSON.stringify([failed, log.records]), new RegExp(ROBOT_KEY));

        Object.assign(receiver.answer, { status: 200, body: '{"errcode":0}' });
        const later = openAlerts(await testDb.reopen(), clock, seen, { url: receiver.url });
        for (let round = 0; round < 4; round += 1) {
          clock.advance(10 * MINUTE_MS);
          await later.look();
        }
        assert.deepEqual(
          receiver.bodies.map(({ event, kind }) => [event, kind]),
          [
            ['opened', 'provider_credentials'],
            ['recovered', 'provider_credentials'],
          ],
        );
      } finally {
        receiver.close();
        await testDb.close();
      }
    });
  });
}

test('disk and repairs are told; a robot that refuses with 200 counts as not told; without a receiver they are kept', async () => {
  const testDb = await openTestDb('sqlite-inline');
  const receiver = await startReceiver();
  const clock = new FakeClock();
  const seen = world();
  try {
    const quiet = openAlerts(testDb.db, clock, seen, { url: null });
    seen.disk.freeBytes = 5 * GIGABYTE;
    await quiet.look();
    const [disk] = await quiet.list({ isOpen: true, limit: 10 });
    assert.deepEqual([disk?.alert_key, disk?.notices[0]?.state], ['disk_low:data', 'kept']);
    await assert.rejects(quiet.test(), /No receiver/);

    Object.assign(receiver.answer, { body: '{"errcode":93000,"errmsg":"invalid webhook url"}' });
    const alerts = openAlerts(testDb.db, clock, seen, { url: receiver.url });
    assert.match((await alerts.test()) ?? '', /93000/);
    Object.assign(receiver.answer, { body: 'ok' });
    receiver.bodies.length = 0;
    seen.repaired = 3;
    clock.advance(MINUTE_MS);
    await alerts.look();
    assert.deepEqual(
      receiver.bodies.map(({ kind, detail }) => [kind, detail]),
      [['watchdog_repairs', alertsEn.what.repairs(3)]],
    );
    assert.equal(await alerts.test(), null);
    assert.equal(receiver.bodies.at(-1)?.event, 'test');
  } finally {
    receiver.close();
    await testDb.close();
  }
});

test('each chat program gets the form that its robot takes', () => {
  const notice = { id: 'notice_1', event: 'test' as const, alert: null, at: 0 };
  const bodyFor = (webhookUrl: string) =>
    noticeBody(notice, { text: alertsEn, server: 'here', format: formatOf({ format: 'auto', webhookUrl }) });
  const wecom = bodyFor('https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x') as {
    text: { content: string };
  };
  assert.match(wecom.text.content, /^\[Drawbridge\] Test: /);
  assert.deepEqual(bodyFor('https://oapi.dingtalk.com/robot/send?access_token=x'), wecom);
  assert.deepEqual(bodyFor('https://open.feishu.cn/open-apis/bot/v2/hook/x'), {
    msg_type: 'text',
    content: { text: wecom.text.content },
  });
  assert.equal(bodyFor('https://hooks.slack.com/services/a/b').text, wecom.text.content);
});

test('many failed tasks and long waits of the whole program are told and shown', async () => {
  const receiver: Receiver = await startReceiver();
  const app = await startTestApp({
    env: {
      DRAWBRIDGE_ALERTS_WEBHOOK_URL: receiver.url,
      DRAWBRIDGE_ALERTS_INTERVAL_S: '1',
    },
  });
  try {
    const { alerts } = app.app.operations;
    await alerts.look();
    assert.equal(receiver.bodies.length, 0);
    const paint = (fault = '') => {
      const body = { prompt: `x ${fault}`, model: 'sandbox-flaky', size: '256x256' };
      return app.request('POST', '/v1/tasks', body, { prefer: 'wait=30' });
    };
    const fail = async () => assert.equal((await paint('[sandbox:fault=failed]')).json.status, 'failed');
    for (let n = 0; n < 8; n += 1) assert.equal((await paint()).json.status, 'succeeded');
    await fail();
    await alerts.look();
    assert.equal(receiver.bodies.length, 0, 'nine are too few to say anything');
    await fail();
    await until(() => receiver.bodies.length > 0, { what: 'the alert' });
    const { json } = await app.request('GET', '/v1/admin/alerts?state=open', undefined, {
      'accept-language': 'zh',
    });
    assert.deepEqual(
      json.data.map(({ kind, subject, detail }: Record<string, string>) => [kind, subject, detail]),
      [['failure_rate', 'sandbox', '2 of 10 tasks failed within 10 minutes.']],
    );
    assert.match(json.data[0].title, /大量失败/);
    assert.equal(json.receiver.format, 'json');
    assert.doesNotMatch(JSON.stringify(json), new RegExp(ROBOT_KEY));
    assert.equal(receiver.bodies.at(0)?.kind, 'failure_rate');
    const checks = await app.request('GET', '/v1/admin/health/checks?provider=sandbox');
    assert.equal(checks.json.data[0].state, 'healthy');
    assert.deepEqual((await app.request('POST', '/v1/admin/alerts/test')).json, { sent: true, error: null });
  } finally {
    receiver.close();
    await app.close();
  }
});
