import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PasswordHasher, requireGoodPassword, weaknessOf } from './passwords.ts';

test('Z9 passwords are stored as argon2id with 19 MiB, two passes and their own salt', async () => {
  const hasher = new PasswordHasher();
  const [one, other] = await Promise.all([
    hasher.hash('four words in a row'),
    hasher.hash('four words in a row'),
  ]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await hasher.verify('four words in a row', one), true);
  assert.equal(await hasher.verify('four words in a roW', one), false);
  assert.equal(await hasher.verify('four words in a row', null), false);
});

test('a password may be typed in another spelling of the same characters', async () => {
  const hasher = new PasswordHasher();
  const stored = await hasher.hash('Ａngström café 密码很长');
  assert.equal(await hasher.verify('Angstro\u0308m cafe\u0301 密码很长', stored), true);
});

test('only some checks run at once, and a flood is told to wait', async () => {
  const hasher = new PasswordHasher();
  const stored = await hasher.hash('four words in a row');
  const answers = await Promise.allSettled(Array.from({ length: 80 }, () => hasher.verify('wrong', stored)));
  const refused = answers.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, 80 - 68);
  for (const one of refused) assert.equal((one as PromiseRejectedResult).reason.code, 'rate_limited');
  assert.equal(await hasher.verify('four words in a row', stored), true);
});

test('weak passwords are refused with the reason, good ones are not', () => {
  const reasons: [string, RegExp][] = [
    ['short', /at least 10 characters/],
    ['密码密码密码密', /at least 10 characters/],
    ['aaaaaaaaaaaa', /repeats/],
    ['abababababab', /repeats/],
    ['abcdefghijkl', /row of neighbouring/],
    ['9876543210', /row of neighbouring/],
    ['1234567890', /row of neighbouring/],
    ['Password123', /first that anybody tries/],
    ['P@ssw0rd!!', /first that anybody tries/],
    ['qwertyuiop', /first that anybody tries/],
    ['woaini1314520', /first that anybody tries/],
    ['Drawbridge2026', /first that anybody tries/],
    ['1q2w3e4r5t', /first that anybody tries/],
    ['margarete99', /own name/],
  ];
  const names = ['Margarete', 'margarete', 'margarete@example.com'];
  for (const [password, reason] of reasons)
    assert.match(weaknessOf(password, names) ?? 'taken', reason, password);
  for (const password of ['four words in a row', 'Tr0ub4dor&3x', '春眠不觉晓处处闻啼鸟', 'kX9#mQ2$vL'])
    assert.equal(weaknessOf(password, names), null, password);
  assert.throws(() => requireGoodPassword('short', []), { code: 'validation_failed' });
});
