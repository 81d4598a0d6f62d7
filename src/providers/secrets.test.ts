// Secrets at rest on each database: what is sealed, what refuses to open, and that no step of a rotation loses one.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DatabaseKind, databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import {
  formatSealingKey,
  newSealingKey,
  parseSealingKey,
  type SealedPlace,
  seal,
  unseal,
} from '../kernel/secret-box.ts';
import { SecretSeals } from '../kernel/secret-seals.ts';
import { listSecrets, resealSecrets } from './secret-store.ts';
import { SecretVault, sealedPlace } from './secrets.ts';

const CANARY = 'canary-7f3e9b1d5a2c8046';
const NO_KEYS = { current: null, previous: null };
const textOf = (key: ReturnType<typeof newSealingKey>) => formatSealingKey(key).trim();

async function world(t: TestContext, kind: DatabaseKind = 'sqlite-inline') {
  const { db, close } = await openTestDb(kind);
  const dataDir = mkdtempSync(join(tmpdir(), 'vault-'));
  t.after(async () => {
    await close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const log = createMemoryLogger();
  const open = async (keys: { current: string | null; previous: string | null } = NO_KEYS) => {
    const seals = await SecretSeals.open({ dataDir, log, ...keys });
    const vault = await SecretVault.open({ db, clock: systemClock, seals });
    await seals.settle();
    return vault;
  };
  const store = (vault: SecretVault, value = CANARY) =>
    vault.save({ provider: 'jimeng', field: 'session_id', value, by: 'key_1' });
  const values = async (vault: SecretVault) => (await vault.read()).map(({ value }) => value);
  return { db, dataDir, log, open, store, values, keyFile: join(dataDir, 'secrets.key') };
}

const isWrongKey = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, 'secrets_key_wrong');
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /canary/);
  return true;
};

for (const { kind, skip } of databaseKinds()) {
  test(`K2 (${kind}): a secret is stored sealed, opens again, and rotation keeps it`, { skip }, async (t) => {
    const { db, open, store, values, keyFile } = await world(t, kind);
    const vault = await open();
    assert.throws(() => statSync(keyFile), 'no key is made before the first secret');
    await store(vault, 'first');
    await store(vault);
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    const [row] = await listSecrets(db.read);
    assert.doesNotMatch(JSON.stringify(row), /canary|first/);
    const keyBefore = readFileSync(keyFile, 'utf8');
    assert.equal(await vault.rotate(), 1);
    assert.notEqual(readFileSync(keyFile, 'utf8'), keyBefore);
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    const [after] = await listSecrets(db.read);
    assert.equal(after?.revision, row?.revision, 'a rotation is no new value');
    assert.notEqual(after?.key_id, row?.key_id);
    assert.deepEqual(await values(await open()), [CANARY]);
    writeFileSync(keyFile, keyBefore);
    await assert.rejects(
      open(),
      isWrongKey(/another key than the file secrets.key/),
      'the old key is of no use',
    );
    assert.equal(await (await SecretVault.forget(db)).join(), 'jimeng.session_id');
    assert.deepEqual(await values(await open()), []);
  });
}

test('K2: with stored secrets, a missing, wrong or unreadable key refuses the start', async (t) => {
  const { open, store, keyFile } = await world(t);
  await store(await open());
  rmSync(keyFile);
  await assert.rejects(
    open(),
    isWrongKey(/jimeng\.session_id.* there is no key: neither DRAWBRIDGE_SECRETS_KEY/),
  );
  writeFileSync(keyFile, formatSealingKey(newSealingKey()));
  await assert.rejects(open(), isWrongKey(/another key than the file secrets\.key in the data folder/));
  writeFileSync(keyFile, 'nonsense\n');
  await assert.rejects(open(), isWrongKey(/does not hold a key/));
  rmSync(keyFile);
  const current = textOf(newSealingKey());
  await assert.rejects(open({ current, previous: null }), isWrongKey(/than DRAWBRIDGE_SECRETS_KEY\./));
});

test('K2: a seal is bound to its provider and field, and an altered one does not open', async (t) => {
  const key = newSealingKey();
  const place: SealedPlace = ['provider secret', 'kie', 'api_key'];
  const sealed = seal(key, place, CANARY);
  assert.equal(unseal(key, place, sealed), CANARY);
  assert.notEqual(seal(key, place, CANARY), sealed, 'equal secrets must not look equal');
  assert.equal(unseal(key, ['provider secret', 'openai', 'api_key'], sealed), null);
  assert.equal(unseal(key, ['provider secret', 'kie', 'webhook_key'], sealed), null);
  assert.equal(unseal(newSealingKey(), place, sealed), null);
  const bytes = Buffer.from(sealed, 'base64');
  for (const index of [0, 13, bytes.length - 1]) {
    const altered = Buffer.from(bytes);
    altered[index] = (altered[index] ?? 0) ^ 1;
    assert.equal(unseal(key, place, altered.toString('base64')), null);
  }
  assert.equal(unseal(key, place, ''), null);
  for (const text of [textOf(key), key.bytes.toString('hex'), key.bytes.toString('base64url')])
    assert.equal(parseSealingKey(text)?.id, key.id);
  for (const text of ['', 'short', 'x'.repeat(64)]) assert.equal(parseSealingKey(text), null);
  const { db, open, store } = await world(t);
  const vault = await open();
  await store(vault);
  const [row] = await listSecrets(db.read);
  assert.ok(row);
  await db.write(resealSecrets, { keyId: row.key_id, rows: [{ ...row, sealed }] });
  await assert.rejects(open(), isWrongKey(/jimeng\.session_id was altered or damaged/));
});

test('K2: a rotation that was cut off is finished or undone at the next start', async (t) => {
  const { db, dataDir, open, store, values, keyFile } = await world(t);
  await store(await open());
  const [row] = await listSecrets(db.read);
  assert.ok(row);
  const next = newSealingKey();
  const nextFile = join(dataDir, 'secrets.key.next');
  writeFileSync(nextFile, formatSealingKey(next));
  assert.deepEqual(await values(await open()), [CANARY], 'cut off before the commit');
  assert.throws(() => statSync(nextFile));
  writeFileSync(nextFile, formatSealingKey(next));
  await db.write(resealSecrets, {
    keyId: next.id,
    rows: [{ ...row, sealed: seal(next, sealedPlace(row), CANARY) }],
  });
  assert.deepEqual(await values(await open()), [CANARY], 'cut off after the commit');
  assert.equal(readFileSync(keyFile, 'utf8'), formatSealingKey(next));
  assert.deepEqual(await values(await open()), [CANARY]);
});

test('K2: a key in the configuration takes over from the file and from the one before it', async (t) => {
  const { db, open, store, values, keyFile } = await world(t);
  await store(await open());
  const [one, two] = [textOf(newSealingKey()), textOf(newSealingKey())];
  assert.deepEqual(await values(await open({ current: one, previous: null })), [CANARY]);
  rmSync(keyFile);
  const vault = await open({ current: two, previous: one });
  assert.deepEqual(await values(vault), [CANARY]);
  assert.deepEqual(await values(await open({ current: two, previous: null })), [CANARY]);
  assert.equal((await listSecrets(db.read))[0]?.key_id, parseSealingKey(two)?.id);
  await assert.rejects(vault.rotate(), /DRAWBRIDGE_SECRETS_KEY_PREVIOUS/);
});
