// Text that other programs would take for code: SQL in every parameter, patterns that stall regular expressions, and the rules
// for our own source that keep both harmless.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { allContracts } from '../../src/contracts.ts';
import type { RouteContract } from '../../src/kernel/route.ts';
import { decodeIndex } from '../../src/media/gallery-index-format.ts';
import { ADMIN_KEY, type TestAnswer, type TestApp } from '../harness/app.ts';
import { readProject } from '../structure/project.ts';
import { bearer, giveBelongings, openAccount, type Person, startFastApp } from './cast.ts';
import { bodyOf, fillPath, idKindOf, isStream } from './route-calls.ts';

let app: TestApp;
let owner: Person;
before(async () => {
  app = await startFastApp();
  owner = await openAccount(app, 'owner');
  await giveBelongings(app, owner);
});
after(() => app.close());

const SQL = [
  "' or '1'='1",
  "' or 1=1 --",
  '" or ""="',
  "'; drop table tasks; --",
  "x'); delete from accounts; --",
  "' union select id, name, role, 1, 1 from accounts --",
  '1; pragma writable_schema=1',
  "' and (select count(*) from api_keys) > 0 --",
  "\\'; drop table tasks; --",
  '%27%20or%201=1--',
  "' || randomblob(1e9) || '",
  'a%_\\',
  '*',
  '"; --',
  'prompt:*',
  'a NEAR/2 b OR "',
  '$1',
  ':id',
  '?1',
];

/** What the server's own rounds write at their times, whoever calls it meanwhile. */
const OF_ROUNDS = new Set([
  'alert_notices',
  'alerts',
  'operation_marks',
  'provider_checks',
  'watchdog_lease',
  'watchdog_runs',
]);

/** Every table with its number of rows; of those that the rounds write, only that they are there. */
async function tableSizes(): Promise<Record<string, number>> {
  const { db } = app.app;
  const tables = await db.read.introspection.getTables();
  const sizes: Record<string, number> = {};
  for (const { name } of tables) {
    if (OF_ROUNDS.has(name)) {
      sizes[name] = 0;
      continue;
    }
    const row = await db.read
      .selectFrom(name as 'tasks')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    sizes[name] = Number(row.count);
  }
  return sizes;
}

function queryNames({ query }: RouteContract): string[] {
  if (!query) return [];
  const schema = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' });
  return Object.keys(schema.properties ?? {});
}

/** A list without rows, a count of none, or a gallery index of no pictures. */
function assertNothingFound({ json, bytes }: TestAnswer, about: string): void {
  if (json === null) assert.equal(decodeIndex(bytes).count, 0, about);
  else if ('count' in json) assert.equal(json.count, 0, about);
  else assert.deepEqual(json.data, [], about);
}

test('I4 SQL in ids, filters, cursors and searches finds nothing and changes nothing', async () => {
  const before = await tableSizes();
  assert.ok((before.tasks ?? 0) > 0 && (before.accounts ?? 0) > 1, JSON.stringify(before));
  let calls = 0;
  let adminWrites = 0;
  for (const contract of allContracts) {
    if (contract.limit.startsWith('sign_') || isStream(contract)) continue;
    const paths = SQL.flatMap((text) => {
      const value = encodeURIComponent(text);
      const byId = idKindOf(contract) ? [fillPath(contract, text)] : [];
      return [...byId, ...queryNames(contract).map((name) => `${fillPath(contract, 'x')}?${name}=${value}`)];
    });
    for (const path of paths) {
      const headers = contract.path.startsWith('/v1/admin/') ? bearer(ADMIN_KEY) : bearer(owner.key);
      const answer = await app.request(contract.method, path, bodyOf(contract), headers);
      calls += 1;
      if (contract.method !== 'GET' && headers.authorization === bearer(ADMIN_KEY).authorization)
        adminWrites += 1;
      assert.ok(answer.status < 500, `${contract.method} ${path}: ${answer.text.slice(0, 300)}`);
      // The gallery looks for words, and a letter between signs is one; the logs tell of these very calls.
      const isWord = /^\/v1\/(gallery\/|admin\/(audit|logs)).*[?&]q=/.test(path);
      const isCursor = isWord || /[?&](cursor|before|after)=/.test(path);
      if (answer.status === 200 && contract.path !== '/media/:kind/:key' && !isCursor)
        assertNothingFound(answer, `${path}: ${answer.text.slice(0, 200)}`);
    }
  }
  assert.ok(calls > 300, `${calls} calls`);
  // Tries of an administrator to change something are in the audit log, once each; nothing else has changed.
  const after = await tableSizes();
  const audited = (after.audit_entries ?? 0) - (before.audit_entries ?? 0);
  assert.ok(audited > 0 && audited <= adminWrites, `${audited} audit lines of ${adminWrites} tries`);
  assert.deepEqual({ ...after, audit_entries: before.audit_entries }, before);
});

test('I4 SQL in what is stored is stored as text', async () => {
  const before = await tableSizes();
  for (const text of SQL) {
    const headers = bearer(owner.key);
    const quoted = await app.request('POST', '/v1/tasks/quote', { prompt: text, model: text }, headers);
    assert.equal(quoted.status, 404, quoted.text);
    const key = await app.request('POST', '/v1/keys', { name: text }, headers);
    assert.equal(key.json.name, text.trim());
    assert.equal((await app.request('DELETE', `/v1/keys/${key.json.id}`, undefined, headers)).status, 204);
    const idempotent = await app.request('GET', '/v1/tasks', undefined, {
      ...headers,
      'idempotency-key': text,
      'last-event-id': text,
    });
    assert.equal(idempotent.status, 200);
    const acting = await app.request('GET', '/v1/tasks', undefined, { 'x-account-id': text });
    assert.equal(acting.status, 404, acting.text);
  }
  const after = await tableSizes();
  assert.deepEqual({ ...after, api_keys: 0 }, { ...before, api_keys: 0 });
});

test('I4 no SQL is built from strings', () => {
  const offences: string[] = [];
  for (const { path, withoutComments: text } of readProject().files.values()) {
    if (!/^(src|migrations)\//.test(path) || /\.test\.ts$/.test(path)) continue;
    // `sql.raw` and CompiledQuery.raw take text as SQL; a constant in quotes is the only text they may get.
    for (const [call, argument] of text.matchAll(/\b(?:sql|CompiledQuery)\s*\.raw\(([^)]*)\)/g))
      if (!/^\s*(['"`])[^'"`$]*\1\s*$/.test(argument ?? '')) offences.push(`${path}: ${call}`);
    // A constant of the file itself (in capitals) is as good as written out.
    for (const [call] of text.matchAll(
      /\.(?:prepare|exec)\(\s*(?:`[^`]*\$\{(?![A-Z][A-Z0-9_]*\})|[^)'"`]*\+)/g,
    ))
      offences.push(`${path}: ${call.slice(0, 80)}`);
  }
  assert.deepEqual(offences, []);
});

/** All regular expressions that a value holds, however deep. */
function regexesIn(value: unknown, seen = new Set<unknown>()): RegExp[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
    return [];
  seen.add(value);
  if (value instanceof RegExp) return [value];
  if (value instanceof Map || value instanceof Set)
    return [...value].flatMap((item) => regexesIn(item, seen));
  return Reflect.ownKeys(value).flatMap((key) => {
    const { value: item, get } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    // zod computes some parts when they are first read.
    if (get === undefined) return regexesIn(item, seen);
    try {
      return regexesIn(get.call(value), seen);
    } catch {
      return [];
    }
  });
}

const LENGTH = 10_000;
const fill = (piece: string, end: string) => piece.repeat(LENGTH / piece.length) + end;
const STALLERS = [
  'a',
  '0',
  '1',
  ' ',
  '-',
  '.',
  ':',
  ',',
  '_',
  'a,',
  'running,',
  '0x',
  '1:',
  '\u00e9',
  '0123-',
  'http://',
  'a@',
  'a.',
  '9',
];
/** Linear ones take microseconds; what backtracks takes seconds. Generous, because the machine may be busy. */
const LIMIT_MS = 50;

test('I3 no pattern of a contract stalls on 10 KB of hostile text', () => {
  const patterns = new Map(regexesIn(allContracts).map((regex) => [String(regex), regex]));
  assert.ok(patterns.size >= 8, [...patterns.keys()].join('\n'));
  // A date pattern starts with what only a date has: a hostile text begins like a good one.
  const starts = ['', 'acct_', '2026-01-01T00:00:00', 'queued,', '1024x', '16:', 'a'];
  for (const [source, regex] of patterns) {
    for (const start of starts) {
      for (const piece of STALLERS) {
        for (const end of ['', '!', '\n']) {
          const text = start + fill(piece, end);
          // The best of three: a pause of the machine is not the pattern's.
          const times = [0, 1, 2].map(() => {
            const startedAt = performance.now();
            regex.lastIndex = 0;
            regex.test(text);
            return performance.now() - startedAt;
          });
          assert.ok(Math.min(...times) < LIMIT_MS, `${source} on "${start}${piece}…${end}": ${times}`);
        }
      }
    }
  }
});

test('I3 the check notices a pattern that stalls', () => {
  const text = fill('a', '!').slice(0, 18);
  const startedAt = performance.now();
  /^(a+)+$/.test(`${text}!`);
  assert.ok(performance.now() - startedAt > 0.5, 'eighteen letters take as long as 10,000 in a good pattern');
  assert.deepEqual(regexesIn({ a: [new Map([['b', { c: /x/ }]])] }), [/x/]);
});

test('I3 hostile headers of 10 KB are read quickly', async () => {
  const values = STALLERS.map((piece) => fill(piece, '!')).filter((text) => /^[\x20-\x7e]+$/.test(text));
  const names = [
    'authorization',
    'prefer',
    'accept-language',
    'idempotency-key',
    'range',
    'if-none-match',
    'cookie',
    'last-event-id',
    'origin',
    'x-forwarded-host',
  ];
  for (const name of names) {
    for (const value of [
      ...values,
      fill('wait= ', '!'),
      fill('bearer  ', '!'),
      fill('"', '"'),
      fill('bytes=0-,', ''),
    ]) {
      const before = app.log.records.length;
      const answer = await app.request('GET', '/v1/tasks', undefined, { [name]: value });
      assert.ok(answer.status < 500, `${name}: ${answer.text.slice(0, 200)}`);
      const ended = app.log.records
        .slice(before)
        .findLast(({ message }) => message.startsWith('request ended'));
      const took = Number(ended?.fields.duration_ms ?? 0);
      assert.ok(took < 1000, `${name} ${value.slice(0, 20)}: ${took} ms`);
    }
  }
});
