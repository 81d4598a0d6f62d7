// Webhook secrets at rest on each database: nothing readable is stored, what an older version left is sealed and still signs,
// without the right key messages wait, and no step of a change of keys loses one.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import * as writes from '../../test/harness/db-writes.ts';
import { type Received, Receiver, SHARED_KEY, verified, WebhookWorld } from '../../test/harness/webhooks.ts';
import { createAccountOpener } from '../credits/credits.ts';
import type { Db } from '../kernel/db.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { doctorEn } from '../kernel/messages/doctor-en.ts';
import { formatSealingKey, newSealingKey } from '../kernel/secret-box.ts';
import { SecretSeals } from '../kernel/secret-seals.ts';
import { checkWebhookSecrets } from '../operations/work-checks.ts';
import { WebhookSecrets } from './secrets.ts';
import { UNREADABLE_WAIT_MS } from './sender.ts';
import { newWebhookSecret } from './signature.ts';

const HOUR_MS = 3_600_000;
const OTHER_KEY = Buffer.alloc(32, 6).toString('base64');
const HEADERS = { authorization: 'Bearer canary-of-the-receiver', 'x-tag': 'canary-tag' };

/** Everything that is in the database, as text. */
async function dump(db: Db): Promise<string> {
  const bytes = (_name: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  const tables = await db.read.introspection.getTables();
  const texts = tables.map(async ({ name }) =>
    JSON.stringify(
      await db.read
        .selectFrom(name as 'webhook_endpoints')
        .selectAll()
        .execute(),
      bytes,
    ),
  );
  return (await Promise.all(texts)).join('\n');
}

/** Rows as the version before sealing wrote them and the migration left them; returns the secrets. */
async function writePlain(db: Db, accountId: string, { url, ids }: { url: string; ids: readonly string[] }) {
  const [secret, previous, own] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()];
  const rows = ids.map(
    (
      id,
    ) => `('${id}', '${accountId}', '${url}', '["*"]', '', 1, '', 0, 0, 0, '${secret}', '${previous}', 9000000000000,
      '${JSON.stringify(HEADERS)}')`,
  );
  const run = (text: string) => db.write(writes.runSql, { text });
  await run(`insert into webhook_endpoints (id, account_id, url, events, description, enabled, base_url, active_since,
    created_at, updated_at, sealed_secret, sealed_previous, previous_until, sealed_headers) values ${rows.join()}`);
  await run(`insert into webhook_default_secrets (account_id, sealed_secret, created_at)
    values ('${accountId}', '${own}', 0)`);
  return { secret, previous, own };
}

function assertNone(text: string, secrets: readonly string[]): void {
  for (const secret of [...secrets, 'canary'])
    assert.ok(!text.includes(secret), `K1: ${secret.slice(0, 6)}… is stored readable`);
}

for (const { kind, skip } of databaseKinds().filter((one) => one.kind !== 'sqlite-inline')) {
  test(`K1, K2 (${kind}): sealed at rest through upgrade, rotation, a wrong key and a new one`, {
    skip,
  }, async (t) => {
    const world = await WebhookWorld.open(kind);
    const receiver = await new Receiver().start();
    t.after(async () => {
      receiver.close();
      await world.close();
    });
    world.allowHosts.push(receiver.host);
    const { db, clock } = world;
    const accountId = await world.openAccount();
    const old = await writePlain(db, accountId, { ids: ['wh_old'], url: receiver.url('/old') });
    const secrets = Object.values(old);
    assert.match(await dump(db), /canary/);
    /** The next message at a path, whose signature all of these verify. */
    const told = async (path: string, count: number, signers: readonly string[]) => {
      await world.until(() => receiver.at(path).length === count, `message ${count} at ${path}`);
      const last = receiver.at(path).at(-1) as Received;
      for (const secret of signers) verified(secret, last, clock.now());
      assert.equal(last.headers['webhook-signature']?.split(' ').length, signers.length);
      return last.headers;
    };

    const [node, other] = await Promise.all([world.startNode(), world.startNode()]);
    assertNone(await dump(db), secrets);
    await world.endTask(accountId, 'succeeded', receiver.url('/own'));
    const { authorization, 'x-tag': tag } = await told('/old', 1, [old.secret, old.previous]);
    assert.deepEqual({ authorization, 'x-tag': tag }, HEADERS);
    await told('/own', 1, [old.own]);

    const made = await world.createEndpoint(node.webhooks, accountId, receiver.url('/new'));
    await node.webhooks.change({ accountId, id: made.id, headers: HEADERS, baseUrl: '' });
    const rotated = await node.webhooks.rotateSecret(accountId, made.id, HOUR_MS);
    const own = await node.webhooks.rotateDefaultSecret(accountId, HOUR_MS);
    secrets.push(made.secret, rotated.secret, own.secret);
    assertNone(await dump(db), secrets);
    await world.endTask(accountId, 'succeeded', receiver.url('/own'));
    assert.equal((await told('/new', 1, [rotated.secret, made.secret])).authorization, HEADERS.authorization);
    await told('/own', 2, [own.secret, old.own]);
    await told('/old', 2, [old.secret, old.previous]);
    await Promise.all([node.close(), other.close()]);

    const wrong = await world.startNode({ current: OTHER_KEY });
    assert.match(world.log.text(), /stored webhook secrets are encrypted with another key/);
    await world.endTask(accountId, 'succeeded', receiver.url('/own'));
    const waiting = await world.until(async () => {
      const all = await wrong.webhooks.listDeliveries({ accountId, status: 'pending', limit: 10 });
      return all.filter(({ delivery }) => delivery.reason === 'secret_unreadable').length === 3 ? all : null;
    }, 'three messages that wait');
    assert.deepEqual(
      waiting.map(({ delivery, attempts }) => [delivery.step, attempts.length]),
      [0, 0, 0].map((none) => [none, 0]),
    );
    const { count, unreadable } = await wrong.webhooks.examineSecrets();
    const named = [`${accountId}: default secret`, `${made.id}: secret, headers`, 'wh_old: secret, headers'];
    assert.deepEqual([count, [...unreadable].sort()], [3, named.sort()]);
    const finding = await checkWebhookSecrets({ webhooks: wrong.webhooks, text: doctorEn });
    assert.deepEqual([finding.state, finding.evidence], ['error', unreadable]);
    const refused = { code: 'secrets_key_wrong' };
    await assert.rejects(wrong.webhooks.rotateSecret(accountId, made.id, 0), refused);
    await assert.rejects(world.createEndpoint(wrong.webhooks, accountId, receiver.url('/no')), refused);
    assert.equal(receiver.requests.length, 5, 'nothing is sent unsigned');
    await wrong.close();

    const next = await world.startNode({ current: OTHER_KEY, previous: SHARED_KEY });
    clock.advance(UNREADABLE_WAIT_MS);
    await told('/new', 2, [rotated.secret, made.secret]);
    await told('/old', 3, [old.secret, old.previous]);
    await next.close();
    const last = await world.startNode({ current: OTHER_KEY });
    assert.deepEqual((await last.webhooks.examineSecrets()).unreadable, []);

    await db.write(writes.runSql, {
      text: `update webhook_endpoints set sealed_secret = (select sealed_secret from webhook_endpoints
        where id = '${made.id}') where id = 'wh_old'`,
    });
    assert.deepEqual(
      (await last.webhooks.examineSecrets()).unreadable,
      ['wh_old: secret'],
      'a seal opens for no other webhook',
    );
    assert.equal(await last.webhooks.forgetUnreadableSecrets(), 1);
    const healed = await last.webhooks.rotateSecret(accountId, 'wh_old', HOUR_MS);
    await world.endTask(accountId);
    assert.equal((await told('/old', 4, [healed.secret])).authorization, HEADERS.authorization);
    assertNone(await dump(db), secrets);
  });
}

test('K1, K2 a key in a file: nothing plain stays in the database file, and a cut-off rotation is finished', async (t) => {
  const opened = await openTestDb('sqlite');
  t.after(() => opened.close());
  const dataDir = opened.dataDir as string;
  const keyFolder = mkdtempSync(join(tmpdir(), 'webhook-key-'));
  t.after(() => rmSync(keyFolder, { recursive: true, force: true }));
  const keyFile = join(keyFolder, 'secrets.key');
  const accountId = 'acct_1';
  const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const, grantCredits: 0 }];
  await createAccountOpener(opened.db, 0).open({ accounts, now: 0 });
  // So many that pages are split, and parts of them left unused, when the rows grow.
  const ids = Array.from({ length: 12 }, (_, index) => `wh_${index}`);
  const old = await writePlain(opened.db, accountId, { ids, url: 'https://a.example' });
  const log = createMemoryLogger();
  const start = async (db = opened.db) => {
    const seals = await SecretSeals.open({ dataDir: keyFolder, current: null, previous: null, log });
    const secrets = new WebhookSecrets(db, seals);
    await seals.settle();
    await seals.sealPlain();
    const row = await db.read.selectFrom('webhook_endpoints').selectAll().executeTakeFirstOrThrow();
    const own = await db.read.selectFrom('webhook_default_secrets').selectAll().executeTakeFirstOrThrow();
    const values = [secrets.ofEndpoint(row, 0), secrets.headers(row), secrets.ofAccount(own, 0)];
    return { db, seals, secrets, values, own: own.sealed_secret };
  };
  const known = [[old.secret, old.previous], HEADERS, [old.own]];
  const bytes = () => readFileSync(join(dataDir, 'drawbridge.db'), 'latin1');
  // Each close brings what was written before it into the file.
  assert.deepEqual((await start(await opened.reopen())).values, known);
  const { seals } = await start(await opened.reopen());
  assertNone(bytes(), Object.values(old));

  const before = readFileSync(keyFile, 'utf8');
  assert.equal(await seals.rotate(), ids.length + 1);
  assert.notEqual(readFileSync(keyFile, 'utf8'), before);
  const rotated = await start();
  assert.deepEqual(rotated.values, known);

  // Cut off when one of the two tables was sealed with the next key.
  const next = newSealingKey();
  writeFileSync(`${keyFile}.next`, formatSealingKey(next));
  const keys = { dataDir: keyFolder, current: null, previous: null };
  await new WebhookSecrets(rotated.db, await SecretSeals.open({ ...keys, log })).reseal(next);
  const text = `update webhook_default_secrets set sealed_secret = '${rotated.own}'`;
  await rotated.db.write(writes.runSql, { text });
  const finished = await start();
  assert.deepEqual(finished.values, known);
  assert.equal(readFileSync(keyFile, 'utf8'), formatSealingKey(next));
  assert.deepEqual((await finished.secrets.survey()).keyIds, [next.id]);

  rmSync(keyFile);
  const lost = await start();
  assert.deepEqual(lost.values, [null, null, null]);
  await assert.rejects(lost.seals.rotate(), /there is no key: neither DRAWBRIDGE_SECRETS_KEY nor the file/);
  assert.equal(await lost.secrets.forgetUnreadable(), ids.length + 1);
  const { unreadable } = await lost.secrets.examine();
  assert.ok(unreadable.includes('wh_1: secret removed, headers removed'));
  assert.ok(unreadable.includes(`${accountId}: default secret removed`));
});
