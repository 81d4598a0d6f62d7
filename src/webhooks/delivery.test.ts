// Deliveries over real HTTP on both databases, with a clock that the test turns: schedule, failures, takeover, fairness.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { until } from '../../test/harness/clock.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import {
  type Received,
  Receiver,
  verified,
  type WebhookNode,
  WebhookWorld,
} from '../../test/harness/webhooks.ts';
import { ATTEMPT_TIMEOUT_MS, MAX_ANSWER_BYTES } from './attempt.ts';
import { MAX_SENDING_PER_TARGET, nextDueAt, PAUSE_AFTER_MS, pruneDeliveries } from './delivery-store.ts';
import { checkDeliveriesExist } from './fan-out-store.ts';
import { JITTER_RATIO, MAX_RETRY_AFTER_MS, RETRY_DELAYS_MS } from './schedule.ts';
import { DELIVERIES_KEEP_MS } from './sender.ts';

const HOUR_MS = 3_600_000;

for (const { kind, skip } of databaseKinds().filter((one) => one.kind !== 'sqlite-inline')) {
  describe(`webhooks on ${kind}`, { skip }, () => {
    let world: WebhookWorld;
    let receiver: Receiver;
    let server: WebhookNode;
    let accountId: string;

    beforeEach(async () => {
      world = await WebhookWorld.open(kind);
      receiver = await new Receiver().start();
      world.allowHosts.push(receiver.host);
      accountId = await world.openAccount();
      server = await world.startNode();
    });
    afterEach(async () => {
      receiver.close();
      await world.close();
    });

    const answer = (status: number, headers: Record<string, string> = {}, body = '') => {
      receiver.onRequest = ({ response }) => void response.writeHead(status, headers).end(body);
    };
    const create = (path = '/', events?: string[]) =>
      world.createEndpoint(server.webhooks, accountId, receiver.url(path), events);
    const list = async () => (await server.webhooks.listDeliveries({ accountId, limit: 1000 })).reverse();
    const only = async () => (await list())[0];
    /** The only delivery, once it has this many attempts. */
    const attempted = (count: number) =>
      world.until(async () => {
        const found = await only();
        return found && found.delivery.status !== 'sending' && found.delivery.attempts >= count
          ? found
          : null;
      }, `attempt ${count}`);
    /** Whether there are so many deliveries, none is being sent and none is due: only then may the time jump. */
    const isIdle = async (count: number) => {
      // In this order, since events become deliveries, and deliveries are claimed, while the questions are asked.
      if ((await list()).length !== count) return false;
      const dueAt = await nextDueAt(world.db.read);
      if (dueAt !== null && dueAt <= world.clock.now()) return false;
      return (await list()).every(({ delivery }) => delivery.status !== 'sending');
    };
    /** Moves the time exactly to when the next delivery is due. */
    const advanceToNext = async () => {
      const dueAt = await nextDueAt(world.db.read);
      if (dueAt !== null) world.clock.advance(Math.max(0, dueAt - world.clock.now()));
    };

    test('NT1 a receiver that answers 500 is tried as the standard says, then the message is dead until it is sent again', async () => {
      answer(500, {}, 'out of order');
      await create();
      const taskId = await world.endTask(accountId, 'failed');
      const tried = RETRY_DELAYS_MS.length + 1;
      for (let n = 1; n <= tried; n += 1) {
        const { delivery, attempts } = await attempted(n);
        const last = attempts.at(-1);
        assert.equal(last?.status_code, 500);
        assert.equal(last?.error, 'http_status');
        assert.equal(last?.answer, 'out of order');
        if (n === tried) break;
        const delay = RETRY_DELAYS_MS[n - 1] as number;
        // The wait begins when the attempt was judged: after its end, and before it is looked at here.
        const endedAt = (last?.started_at ?? 0) + (last?.duration_ms ?? 0);
        const dueAt = delivery.next_at ?? 0;
        const isInTime =
          dueAt >= endedAt + delay * (1 - JITTER_RATIO) - 1 &&
          dueAt <= world.clock.now() + delay * (1 + JITTER_RATIO) + 1;
        assert.ok(isInTime, `${dueAt - endedAt} after attempt ${n}`);
        // Not a moment before it is due.
        world.clock.advance((delivery.next_at ?? 0) - world.clock.now() - 1);
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(receiver.requests.length, n);
        world.clock.advance(1);
      }
      const dead = await attempted(tried);
      assert.equal(dead.delivery.status, 'dead');
      assert.equal(dead.delivery.reason, 'attempts_exhausted');
      assert.equal(receiver.requests.length, tried);
      assert.equal(new Set(receiver.requests.map(({ id }) => id)).size, 1);
      const span = (dead.delivery.finished_at ?? 0) - dead.delivery.created_at;
      assert.ok(span > 67 * HOUR_MS && span < 84 * HOUR_MS, `${span}`);
      const told = () => world.log.records.filter(({ message }) => /was given up/.test(message));
      await world.until(() => told().length === 1, 'the line in the log');

      answer(200);
      const again = await server.webhooks.redeliver(accountId, dead.delivery.id);
      assert.equal(again.delivery.status, 'pending');
      const { delivery } = await attempted(tried + 1);
      assert.equal(delivery.status, 'delivered');
      assert.equal(receiver.requests.at(-1)?.id, dead.delivery.id);
      assert.equal(JSON.parse(receiver.requests.at(-1)?.body ?? '').data.id, taskId);
      assert.deepEqual(await checkDeliveriesExist(world.db.slow), { checked: 0, broken: 0, examples: [] });
    });

    const failures: [name: string, error: string, fail: (request: Received) => void][] = [
      ['a reset', 'connection_failed', ({ response }) => response.socket?.resetAndDestroy()],
      ['silence', 'timeout', () => world.clock.advance(ATTEMPT_TIMEOUT_MS)],
      [
        'a head that never ends',
        'timeout',
        ({ response }) => {
          response.socket?.write('HTTP/1.1 200 OK\r\nX-Slow: ');
          for (let s = 0; s < ATTEMPT_TIMEOUT_MS; s += 1000) {
            response.socket?.write('.');
            world.clock.advance(1000);
          }
        },
      ],
      ['nonsense', 'bad_answer', ({ response }) => void response.socket?.end('how do you do\r\n\r\n')],
    ];
    for (const [name, error, fail] of failures) {
      test(`NT1 ${name} is a failure, and the next attempt delivers`, async () => {
        receiver.onRequest = fail;
        await create();
        await world.endTask(accountId);
        const { delivery, attempts } = await attempted(1);
        assert.equal(attempts[0]?.error, error);
        assert.equal(attempts[0]?.status_code, null);
        assert.equal(delivery.status, 'pending');
        answer(202);
        await advanceToNext();
        assert.equal((await attempted(2)).delivery.status, 'delivered');
        assert.equal(receiver.requests[0]?.id, receiver.requests[1]?.id);
      });
    }

    test('an answer of any length counts by its status, and only its beginning is kept, without secrets', async () => {
      const endpoint = await create();
      receiver.onRequest = ({ response, headers }) => {
        response.writeHead(200);
        response.write(`${endpoint.secret} ${headers['webhook-id']} \u0000\u001b[31m`);
        response.end('x'.repeat(4 * MAX_ANSWER_BYTES));
      };
      await world.endTask(accountId);
      const { delivery, attempts } = await attempted(1);
      assert.equal(delivery.status, 'delivered');
      const kept = attempts[0]?.answer ?? '';
      assert.equal(kept.length, 500);
      assert.ok(
        kept.includes(delivery.id) && !kept.includes(endpoint.secret) && !kept.includes('\u001b'),
        kept,
      );
    });

    test('NT2 a redirect is a failure and is not followed', async () => {
      answer(302, { location: receiver.url('/elsewhere') });
      await create();
      await world.endTask(accountId);
      const { delivery, attempts } = await attempted(1);
      assert.equal(attempts[0]?.error, 'redirect');
      assert.equal(delivery.status, 'pending');
      assert.equal(receiver.at('/elsewhere').length, 0);
    });

    test('NT2 410 switches the endpoint off and gives up what waits for it', async () => {
      answer(500);
      const endpoint = await create();
      await world.endTask(accountId);
      await attempted(1);
      answer(410);
      await world.endTask(accountId);
      await world.until(
        async () => (await list()).every(({ delivery }) => delivery.status === 'dead'),
        'the end',
      );
      const reasons = (await list()).map(({ delivery }) => delivery.reason);
      assert.deepEqual(reasons, ['endpoint_disabled', 'gone']);
      const off = await server.webhooks.get(accountId, endpoint.id);
      assert.equal(off.enabled, 0);
      assert.equal(off.disabled_reason, 'gone');
      const isTold = () => world.log.records.some(({ message }) => message === 'a webhook was switched off');
      await world.until(isTold, 'the line in the log');
      const [first] = await list();
      await assert.rejects(server.webhooks.redeliver(accountId, first?.delivery.id ?? ''), {
        code: 'conflict',
      });
      answer(200);
      await server.webhooks.change({ accountId, id: endpoint.id, enabled: true, baseUrl: '' });
      await server.webhooks.redeliver(accountId, first?.delivery.id ?? '');
      await world.until(async () => (await only())?.delivery.status === 'delivered', 'the message');
    });

    test('NT2 Retry-After of 429 and 503 is heeded, up to a day', async () => {
      await create();
      const asked: [status: number, header: () => string, waitMs: number][] = [
        [429, () => '3600', HOUR_MS],
        [503, () => new Date(world.clock.now() + 7 * HOUR_MS).toUTCString(), 7 * HOUR_MS],
        [429, () => '999999999', MAX_RETRY_AFTER_MS],
      ];
      let [status, header] = asked[0] as (typeof asked)[number];
      receiver.onRequest = ({ response }) =>
        void response.writeHead(status, { 'retry-after': header() }).end();
      await world.endTask(accountId);
      for (const [index, next] of asked.entries()) {
        const [, , waitMs] = next;
        [status, header] = next;
        if (index > 0) await advanceToNext();
        const { delivery, attempts } = await attempted(index + 1);
        const dueAt = delivery.next_at ?? 0;
        const startedAt = attempts.at(-1)?.started_at ?? 0;
        // The wait begins between the start of the attempt and this look at it; a date in a header has whole seconds.
        const isInTime = dueAt >= startedAt + waitMs - 1_000 && dueAt <= world.clock.now() + waitMs;
        assert.ok(isInTime, `${dueAt - startedAt} for ${status}`);
      }
    });

    test('NT3 killed after the delivery and before its mark: another node sends it again under the same id', async () => {
      const held: Received[] = [];
      receiver.onRequest = (request) => held.push(request);
      const endpoint = await create();
      await world.endTask(accountId);
      await world.until(() => held.length === 1, 'the first delivery');
      // From here on the first node is dead for the others, and does not know it; a renewal would make it live again.
      await server.node.close();
      const second = await world.startNode();
      await world.until(() => held.length === 2, 'the second delivery');
      held[1]?.response.writeHead(200).end();
      await world.until(async () => (await only())?.delivery.status === 'delivered', 'its mark');
      // The first node's late word changes nothing.
      held[0]?.response.writeHead(500).end();
      await second.close();
      await server.close();
      const { delivery, attempts } = (await second.webhooks.getDelivery(accountId, held[0]?.id ?? '')) ?? {};
      assert.equal(held[0]?.id, held[1]?.id);
      assert.equal(delivery?.status, 'delivered');
      assert.deepEqual(
        attempts?.map(({ error, status_code }) => [error, status_code]),
        [
          ['interrupted', null],
          [null, 200],
        ],
      );
      const now = world.clock.now();
      assert.equal(verified(endpoint.secret, held[1] as Received, now).type, 'task.succeeded');
    });

    test('a stop gives back what was not over, and the next start sends it', async () => {
      const held: Received[] = [];
      receiver.onRequest = (request) => held.push(request);
      await create();
      await world.endTask(accountId);
      await world.until(() => held.length === 1, 'the first delivery');
      let isClosed = false;
      void server.close().then(() => {
        isClosed = true;
      });
      await until(() => isClosed, { clock: world.clock, stepMs: 500, what: 'the stop' });
      assert.equal((await only())?.delivery.status, 'pending');
      answer(200);
      server = await world.startNode();
      await world.until(async () => (await only())?.delivery.status === 'delivered', 'the delivery');
      assert.equal(receiver.requests[0]?.id, receiver.requests[1]?.id);
    });

    test('NT6 a secret that is rotated mid-flight: both signatures in the overlap, one after it', async () => {
      answer(500);
      const endpoint = await create();
      await world.endTask(accountId);
      await attempted(1);
      const rotated = await server.webhooks.rotateSecret(accountId, endpoint.id, HOUR_MS);
      assert.notEqual(rotated.secret, endpoint.secret);
      for (let n = 2; n <= 4; n += 1) {
        await advanceToNext();
        await attempted(n);
        const request = receiver.requests.at(-1) as Received;
        assert.equal(request.headers['webhook-signature']?.split(' ').length, 2);
        for (const { secret } of [endpoint, rotated])
          assert.equal(verified(secret, request, world.clock.now()).type, 'task.succeeded');
      }
      await advanceToNext();
      await attempted(5);
      const late = receiver.requests.at(-1) as Received;
      verified(rotated.secret, late, world.clock.now());
      assert.throws(() => verified(endpoint.secret, late, world.clock.now()), /No matching signature/);
    });

    test('N1, G15 half of the receivers fail: everything is delivered or dead, signed, and doubled only under one id', async () => {
      const good = ['/good-1', '/good-2', '/flaky'];
      const endpoints = await Promise.all(
        [...good, '/bad-1', '/bad-2', '/bad-3'].map((path) => create(path)),
      );
      receiver.onRequest = ({ path, response }) => {
        const isWell = path.startsWith('/good') || (path === '/flaky' && randomInt(2) === 0);
        const status = isWell ? 200 : (([400, 500, 503] as const)[randomInt(3)] ?? 500);
        const endpoint = endpoints.find(({ url }) => url.endsWith(path));
        const request = receiver.requests.at(-1) as Received;
        verified(endpoint?.secret ?? '', request, Number(request.headers['webhook-timestamp']) * 1000);
        response.writeHead(status).end();
      };
      const tasks = [];
      for (let i = 0; i < 6; i += 1)
        tasks.push(await world.endTask(accountId, i % 2 ? 'failed' : 'succeeded'));
      const isOver = async () => {
        const all = await list();
        return (
          all.length === tasks.length * endpoints.length &&
          all.every(({ delivery }) => delivery.status === 'delivered' || delivery.status === 'dead')
        );
      };
      await world.until(async () => {
        if (await isIdle(tasks.length * endpoints.length)) await advanceToNext();
        return isOver();
      }, 'the end of all deliveries');
      for (const { delivery } of await list()) {
        const endpoint = endpoints.find(({ id }) => id === delivery.endpoint_id);
        const path = new URL(endpoint?.url ?? '').pathname;
        const seen = receiver.requests.filter(({ id }) => id === delivery.id);
        assert.ok(seen.every((request) => request.path === path));
        if (path.startsWith('/good')) assert.deepEqual([delivery.status, seen.length], ['delivered', 1]);
        if (path.startsWith('/bad')) assert.deepEqual([delivery.status, seen.length], ['dead', 10]);
      }
      for (const path of good.slice(0, 2)) {
        const told = receiver.at(path).map(({ body }) => JSON.parse(body).data.id);
        assert.deepEqual(told.sort(), [...tasks].sort());
      }
    });

    test('a receiver that hangs holds its two places and nobody else', async () => {
      await Promise.all([create('/hangs'), create('/works')]);
      receiver.onRequest = ({ path, response }) => {
        if (path === '/works') response.writeHead(200).end();
      };
      for (let i = 0; i < 12; i += 1) await world.endTask(accountId);
      const hanging = () => receiver.at('/hangs').length;
      await world.until(
        () => receiver.at('/works').length === 12 && hanging() >= MAX_SENDING_PER_TARGET,
        'the working receiver',
      );
      assert.equal(hanging(), MAX_SENDING_PER_TARGET);
      receiver.onRequest = ({ response }) => void response.writeHead(200).end();
      world.clock.advance(ATTEMPT_TIMEOUT_MS);
      // By their ids, since those that hung are sent again meanwhile.
      const told = () => new Set(receiver.at('/hangs').map(({ id }) => id));
      await world.until(() => told().size === 12, 'the others of the one that hung');
    });

    test('an endpoint that fails for days is switched off, and says since when', async () => {
      answer(500);
      const endpoint = await create();
      const start = world.clock.now();
      const end = start + PAUSE_AFTER_MS + 200 * HOUR_MS;
      let isOff = false;
      for (let ended = 1; !isOff && world.clock.now() < end; ended += 1) {
        await world.endTask(accountId);
        // What ends just after the endpoint was switched off has no delivery.
        await world.until(async () => {
          isOff = (await server.webhooks.get(accountId, endpoint.id)).enabled === 0;
          return isOff || isIdle(ended);
        }, 'all that is due');
        if (!isOff) world.clock.advance(12 * HOUR_MS);
      }
      const off = await server.webhooks.get(accountId, endpoint.id);
      assert.equal(off.disabled_reason, 'failing');
      assert.ok((off.failing_since ?? 0) - start < HOUR_MS);
      assert.ok(world.clock.now() - start >= PAUSE_AFTER_MS);
      const requests = receiver.requests.length;
      await world.endTask(accountId);
      world.clock.advance(HOUR_MS);
      await world.until(
        async () => (await list()).every(({ delivery }) => delivery.status === 'dead'),
        'the rest',
      );
      assert.equal(receiver.requests.length, requests);
    });

    test('two nodes hand out every event once', async () => {
      const second = await world.startNode();
      await create();
      const tasks = await Promise.all(Array.from({ length: 40 }, () => world.endTask(accountId)));
      await world.until(async () => {
        const all = await list();
        return all.length >= tasks.length && all.every(({ delivery }) => delivery.status === 'delivered');
      }, 'all messages');
      await second.close();
      await server.close();
      const deliveries = await list();
      assert.deepEqual(deliveries.map(({ delivery }) => delivery.task_id).sort(), tasks.sort());
      const ids = new Set(deliveries.map(({ delivery }) => delivery.id));
      assert.ok(receiver.requests.every(({ id }) => ids.has(id)));
      for (const { delivery, attempts } of deliveries) {
        // On SQLite each node takes the other one for dead when it looks, every 5 s, and a node of PostgreSQL that stood still
        // loses its lease: what was on its way then is sent again, which is noted, and never without such a note.
        const errors = attempts.map(({ error }) => error).filter((error) => error !== 'interrupted');
        assert.deepEqual(errors, [null]);
        const seen = receiver.requests.filter(({ id }) => id === delivery.id);
        assert.ok(seen.length >= 1 && seen.length <= attempts.length, `${seen.length} times`);
        assert.ok(seen.every(({ body }) => JSON.parse(body).data.id === delivery.task_id));
      }
    });

    test('events go to those who asked, under the name they asked for, and to the task’s own address', async () => {
      await create('/all');
      await create('/failed', ['task.failed']);
      await create('/finished', ['task.finished']);
      await world.createEndpoint(server.webhooks, await world.openAccount(), receiver.url('/foreign'));
      const { secret } = await server.webhooks.rotateDefaultSecret(accountId, 0);
      await world.endTask(accountId, 'failed');
      await world.endTask(accountId, 'succeeded', receiver.url('/own'));
      await world.until(() => receiver.requests.length === 6, 'six messages');
      const types = (path: string) => receiver.at(path).map(({ body }) => JSON.parse(body).type);
      assert.deepEqual(types('/all').sort(), ['task.failed', 'task.succeeded']);
      assert.deepEqual(types('/failed'), ['task.failed']);
      assert.deepEqual(types('/finished'), ['task.finished', 'task.finished']);
      assert.deepEqual(types('/own'), ['task.succeeded']);
      assert.deepEqual(types('/foreign'), []);
      verified(secret, receiver.at('/own')[0] as Received, world.clock.now());
    });

    test('what ended long ago is forgotten, and with it receivers and removed endpoints', async () => {
      const endpoint = await create();
      await world.endTask(accountId);
      await world.until(async () => (await only())?.delivery.status === 'delivered', 'the message');
      await server.webhooks.remove(accountId, endpoint.id);
      const now = world.clock.now();
      const prune = (finishedBefore: number) =>
        world.db.write(pruneDeliveries, { finishedBefore, limit: 10 });
      assert.equal(await prune(now - DELIVERIES_KEEP_MS), 0);
      assert.equal((await list()).length, 1);
      assert.equal(await prune(now + 1), 1);
      assert.equal(await prune(now + 1), 0);
      const left = await Promise.all([
        world.db.read.selectFrom('webhook_deliveries').selectAll().execute(),
        world.db.read.selectFrom('webhook_attempts').selectAll().execute(),
        world.db.read.selectFrom('webhook_targets').selectAll().execute(),
        world.db.read.selectFrom('webhook_endpoints').selectAll().execute(),
      ]);
      assert.deepEqual(left, [[], [], [], []]);
    });

    test('N1 the doctor notices a message that is missing', async () => {
      await create();
      await world.endTask(accountId, 'succeeded', receiver.url('/own'));
      world.clock.advance(2 * 60_000);
      await world.endTask(accountId);
      await world.until(async () => (await list()).length === 3, 'the deliveries');
      await world.until(
        async () => (await list()).every(({ delivery }) => delivery.status === 'delivered'),
        'all',
      );
      assert.deepEqual(await checkDeliveriesExist(world.db.slow), { checked: 2, broken: 0, examples: [] });
      await server.close();
      await world.db.write(pruneDeliveries, { finishedBefore: world.clock.now() + 1, limit: 10 });
      assert.equal((await checkDeliveriesExist(world.db.slow)).broken, 2);
    });
  });
}

test('NT4 a name that leads to a private address, and one that leads nowhere, are refused at connect in the same words', async () => {
  const world = await WebhookWorld.open('sqlite');
  const answers: Record<string, string> = { 'inside.example': '10.0.0.5', 'loop.example': '127.0.0.1' };
  world.lookup = (name, options, callback) => {
    const address = answers[name];
    if (!address) return callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 4);
    if (options.all) return callback(null, [{ address, family: 4 }]);
    callback(null, address, 4);
  };
  const server = await world.startNode();
  const accountId = await world.openAccount();
  for (const name of [...Object.keys(answers), 'nowhere.example'])
    await world.createEndpoint(server.webhooks, accountId, `http://${name}/hook`);
  await world.endTask(accountId);
  const deliveries = await world.until(async () => {
    const all = await server.webhooks.listDeliveries({ accountId, limit: 10 });
    return all.length === 3 && all.every(({ attempts }) => attempts.length === 1) ? all : null;
  }, 'three attempts');
  for (const { attempts } of deliveries) {
    const { error, status_code, answer, duration_ms } = attempts[0] ?? {};
    assert.deepEqual(
      { error, status_code, answer, duration_ms },
      { error: 'address_not_allowed', status_code: null, answer: null, duration_ms: null },
    );
  }
  await world.close();
});
