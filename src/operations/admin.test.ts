// The admin rooms' server side on both databases: figures that fit the tasks, search, paging, heartbeats, and that no action of an
// administrator is without an entry and no entry holds a secret.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { postgresUnavailable } from '../../test/harness/postgres.ts';
import { bearer, openAccount, type Person } from '../../test/security/cast.ts';
import { percentile, SEGMENT_MS, statesOf } from './admin-figures.ts';
import { keptDetail } from './audit.ts';

const databases = [
  { database: 'sqlite', skip: false },
  { database: 'postgres', skip: postgresUnavailable() ?? false },
] as const;

for (const { database, skip } of databases)
  describe(`admin on ${database}`, { skip }, () => {
    let app: TestApp;
    let person: Person;
    const ids: string[] = [];
    before(async () => {
      app = await startTestApp({ database, sandbox: { instantPicture: true } });
      person = await openAccount(app, 'Ada Example');
      for (const prompt of ['a red lake', 'a blue hill', 'a storm [sandbox:fault=content_blocked]']) {
        const body = { prompt, size: '256x256', model: 'sandbox-flaky' };
        const headers = { ...bearer(person.key), prefer: 'wait=30' };
        const made = await app.request('POST', '/v1/tasks', body, headers);
        assert.equal(made.status, 200, made.text);
        ids.push(made.json.id);
      }
    });
    after(() => app?.close());

    test('the overview counts what was made', async () => {
      const { status, json } = await app.request('GET', '/v1/admin/overview');
      assert.equal(status, 200);
      assert.deepEqual([json.queued, json.running, json.stuck, json.oldest_waiting_s], [0, 0, 0, null]);
      assert.equal(json.last_hour.succeeded + json.last_hour.failed, 3);
      assert.equal(json.last_day.failed, 1);
      assert.equal(json.hours.length, 24);
      const sum = json.hours.reduce(
        (total: number, hour: { succeeded: number }) => total + hour.succeeded,
        0,
      );
      assert.equal(sum, 2);
      assert.ok(json.last_hour.p95_ms >= json.last_hour.p50_ms);
    });

    const list = async (query: string) => {
      const answer = await app.request('GET', `/v1/admin/tasks?${query}`);
      assert.equal(answer.status, 200, answer.text);
      return answer.json.data.map((row: { id: string }) => row.id);
    };

    test('tasks are found by id, its beginning, prompt, error code, person, account and filters', async () => {
      const [lake, hill, storm] = ids;
      assert.deepEqual(await list(''), [storm, hill, lake]);
      assert.deepEqual(await list(`q=${lake}`), [lake]);
      assert.ok((await list(`q=${lake?.slice(0, 14)}`)).includes(lake));
      assert.deepEqual(await list('q=RED+lake'), [lake]);
      assert.deepEqual(await list('q=100%25'), [], 'a sign of the pattern language is only a sign');
      assert.deepEqual(await list('q=content_blocked'), [storm]);
      assert.deepEqual(await list('error=content_blocked'), [storm]);
      assert.deepEqual(await list('q=ada+exam'), [storm, hill, lake]);
      assert.deepEqual(await list(`q=${person.accountId}`), [storm, hill, lake]);
      assert.deepEqual(await list(`account=acct_${'0'.repeat(32)}`), []);
      assert.deepEqual(await list('status=failed'), [storm]);
      assert.deepEqual(await list('status=queued,running'), []);
      assert.deepEqual(await list('overdue=true'), []);
      assert.deepEqual(await list('since=2020-01-01T00:00:00Z&status=failed'), [storm]);
      assert.deepEqual(await list('since=2999-01-01T00:00:00Z'), []);
      assert.deepEqual(await list('provider=nobody'), []);
    });

    test('pages follow each other without a gap, and one task shows its account', async () => {
      const first = await app.request('GET', '/v1/admin/tasks?limit=2');
      assert.deepEqual(
        first.json.data.map((row: { id: string }) => row.id),
        [ids[2], ids[1]],
      );
      assert.deepEqual(await list(`limit=2&cursor=${first.json.next_cursor}`), [ids[0]]);
      const one = await app.request('GET', `/v1/admin/tasks/${ids[2]}`);
      assert.equal(one.json.account.name, 'Ada Example');
      assert.equal(one.json.task.error.code, 'content_blocked');
      assert.equal((await app.request('GET', `/v1/admin/tasks/task_${'0'.repeat(32)}`)).status, 404);
    });

    test('heartbeats show the day in 90 segments', async () => {
      const { json } = await app.request('GET', '/v1/admin/heartbeats');
      const [sandbox] = json.data;
      assert.equal(sandbox.segments.length, 90);
      const last = sandbox.segments.slice(-2);
      const total = last.reduce(
        (sum: number, { succeeded, failed }: { succeeded: number; failed: number }) =>
          sum + succeeded + failed,
        0,
      );
      assert.equal(total, 3);
    });

    test('every action is on record with who, what and how it ended; no secret is', async () => {
      const refused = await app.request('POST', '/v1/admin/credits/grants', {
        account_id: `acct_${'0'.repeat(32)}`,
        credits: 5,
        reason: 'a test',
      });
      assert.equal(refused.status, 404);
      await app.request('PUT', '/v1/admin/providers/sandbox/secret', { value: 'whisper', unchecked: true });
      const { text, json } = await app.request('GET', '/v1/admin/audit');
      assert.ok(!text.includes('whisper'));
      const [secret, grant] = json.data;
      assert.deepEqual([secret.action, secret.target], ['providers.setSecret', 'sandbox']);
      assert.deepEqual(
        [grant.action, grant.status, grant.detail.credits, grant.detail.reason],
        ['credits.grant', 404, 5, 'a test'],
      );
      assert.equal(grant.via, 'key');
      assert.ok(json.data.some((entry: { action: string }) => entry.action === 'accounts.create'));
      const found = await app.request('GET', '/v1/admin/audit?action=credits.&q=acct_000');
      assert.equal(found.json.data.length, 1);
    });

    test('acting for somebody from a browser is on record, an app acting for its users is not', async () => {
      const app_ = { 'x-account-id': person.accountId };
      const count = async () => (await app.request('GET', '/v1/admin/audit?action=tasks.')).json.data.length;
      await app.request('POST', `/v1/tasks/${ids[0]}/cancel`, undefined, app_);
      assert.equal(await count(), 0);
      const signedIn = await app.request(
        'POST',
        '/v1/auth/session',
        { api_key: app.adminKey },
        { authorization: '' },
      );
      const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      const asBrowser = { ...app_, cookie, authorization: '', origin: app.url };
      const done = await app.request('POST', `/v1/tasks/${ids[0]}/cancel`, undefined, asBrowser);
      assert.equal(done.status, 200, done.text);
      assert.equal(await count(), 1);
    });
  });

test('a body keeps decisions only', () => {
  assert.deepEqual(
    keptDetail({ value: 'secret', password: 'x', token: 't', credits: 3, task_ids: ['a', 'b'] }),
    {
      credits: 3,
      task_ids_count: 2,
    },
  );
  assert.deepEqual(keptDetail(null), {});
});

test('segments carry the worst state that a breaker had in them', () => {
  const at = (segment: number) => new Date(segment * SEGMENT_MS + 1).toISOString();
  const changes = [
    { at: at(106), scope: 'model', name: 'm', from: 'open', to: 'closed' },
    { at: at(104), scope: 'model', name: 'm', from: 'closed', to: 'open' },
    { at: at(103), scope: 'provider', name: '', from: 'drained', to: 'closed' },
  ];
  assert.deepEqual(statesOf(changes, 102, 6), ['drained', 'drained', 'open', 'open', 'open', 'ok']);
});

test('a percentile of nothing is nothing', () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(percentile([1, 2, 3, 4], 0.5), 3);
});
