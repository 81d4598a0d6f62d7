import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestDb, type TestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { createHttpServer, type HttpOptions } from '../kernel/http.ts';
import { bindRoutes } from '../kernel/http-routes.ts';
import { newId } from '../kernel/id.ts';
import { type Access, SCOPES } from '../kernel/route.ts';
import { createAccountOpener, holdCredits, settleHold } from './credits.ts';
import { creditRoutes } from './routes.ts';

const NOW = 1_800_000_000_000;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

let opened: TestDb;
let app: Awaited<ReturnType<typeof createHttpServer>>;
let accountId: string;

before(async () => {
  opened = await openTestDb('sqlite-inline');
  accountId = newId('acct', NOW);
  const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const, grantCredits: 3 }];
  await createAccountOpener(opened.db, 0).open({ accounts, now: NOW });
  const options: HttpOptions = {
    log: silent,
    clock: systemClock,
    publicUrl: null,
    trustedProxies: [],
    corsOrigins: [],
    requestsPerMinute: 1_000_000,
    anonymousRequestsPerMinute: 1_000_000,
    authenticate: async ({ headers }): Promise<Access> => ({
      accountId,
      scopes: new Set(headers['x-admin'] ? SCOPES : ['credits:read']),
      via: 'key',
      credentialId: 'key_test',
    }),
    onAnswerMismatch: (detail) => assert.fail(JSON.stringify(detail)),
  };
  app = await createHttpServer(options);
  bindRoutes(app, options, creditRoutes({ db: opened.db, clock: systemClock }));
});
after(async () => {
  await app.close();
  await opened.close();
});

async function call(
  method: 'GET' | 'POST',
  url: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const response = await app.inject({
    method,
    url,
    headers: { 'x-admin': '1', ...headers },
    ...(body ? { payload: body } : {}),
  });
  return { status: response.statusCode, body: response.json() };
}

test('an administrator grants, refunds and corrects; the owner sees every entry with its running balance', async () => {
  const { db } = opened;
  const grant = { account_id: accountId, credits: '1.5', reason: 'a gift' };
  const first = await call('POST', '/v1/admin/credits/grants', grant, { 'idempotency-key': '"g1"' });
  const again = await call('POST', '/v1/admin/credits/grants', { ...grant, idempotency_key: 'g1' });
  assert.equal(first.status, 201);
  assert.equal(again.body.id, first.body.id);
  const taskId = newId('task', NOW);
  const holdId = await db.write(holdCredits, {
    accountId,
    taskId,
    unitMicros: 1_000_000,
    pictures: 2,
    now: NOW,
  });
  const held = await call('GET', '/v1/credits');
  assert.deepEqual(held.body, {
    account_id: accountId,
    available_credits: 2.5,
    held_credits: 2,
    available_micros: 2_500_000,
    held_micros: 2_000_000,
  });
  await db.write(settleHold, { holdId, capturePictures: 2, now: NOW });
  const refund = await call('POST', '/v1/admin/credits/refunds', {
    task_id: taskId,
    credits: 0.5,
    reason: 'sorry',
  });
  assert.equal(refund.body.available_credits_after, 3);
  const correction = { account_id: accountId, direction: 'remove', credits: 1, reason: 'a mistake' };
  assert.equal((await call('POST', '/v1/admin/credits/corrections', correction)).status, 201);
  const page = await call('GET', '/v1/credits/entries?limit=4');
  const kinds = page.body.data.map((entry: { kind: string }) => entry.kind);
  assert.deepEqual(kinds, ['correction', 'refund', 'capture', 'hold']);
  const rest = await call('GET', `/v1/credits/entries?limit=4&cursor=${page.body.next_cursor}`);
  assert.deepEqual(
    rest.body.data.map((entry: { available_credits_after: number }) => entry.available_credits_after),
    [4.5, 3],
  );
  assert.deepEqual(
    rest.body.data.map((entry: { reason: string; reason_code: string | null }) => [
      entry.reason,
      entry.reason_code,
    ]),
    [
      ['a gift', null],
      ['Starting grant', 'starting_grant'],
    ],
    'what the server wrote itself has a code for other languages',
  );
  assert.equal(rest.body.next_cursor, null);
  const verified = await call('GET', '/v1/admin/credits/verify');
  assert.deepEqual(verified.body, {
    ok: true,
    accounts: 1,
    entries: 6,
    holds: 1,
    findings: [],
    truncated: false,
  });
});

test('H3, Z4: amounts that are none, and fields that are not for the caller, are refused', async () => {
  const grant = { account_id: accountId, credits: 1, reason: 'x' };
  const bodies = [-1, 0, '1e9', 'NaN', 1.1234567, 1e12, null, [1]].map((credits) => ({ ...grant, credits }));
  for (const body of [...bodies, { ...grant, amount_micros: 5 }, { ...grant, kind: 'refund' }])
    assert.equal((await call('POST', '/v1/admin/credits/grants', body)).status, 422, JSON.stringify(body));
  const nobody = { ...grant, account_id: newId('acct', NOW) };
  assert.equal((await call('POST', '/v1/admin/credits/grants', nobody)).status, 404);
  const unknown = { task_id: newId('task', NOW), reason: 'x' };
  assert.equal((await call('POST', '/v1/admin/credits/refunds', unknown)).status, 404);
  assert.equal((await call('POST', '/v1/admin/credits/grants', grant, { 'x-admin': '' })).status, 403);
});
