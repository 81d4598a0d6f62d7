// K1: what is quoted of a foreign message keeps its sense and loses everything that must not be shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_QUOTE, quotable } from './quotable.ts';

const SECRET = 'canary/0123456789+abcdef';

test('K1 secrets, addresses, paths, accounts and markup are left out', () => {
  const rows: Record<string, string> = {
    [`key ${SECRET} is wrong`]: 'key … is wrong',
    [`key ${encodeURIComponent(SECRET)} is wrong`]: 'key … is wrong',
    'Incorrect key sk-proj-abcdefghijk0 given': 'Incorrect key … given',
    '<b>bad</b> size': 'bad size',
    'see https://a.example/x?y=1 now': 'see … now',
    'at 10.1.2.3:80 and 10.1.2.3 and host:5100': 'at … and … and …',
    'at [::1]:80 or fe80::1 or 2001:db8:1:2:3:4:5:6': 'at … or … or …',
    'no channel at relay.internal, or api.relay.com': 'no channel at …, or …',
    'getaddrinfo ENOTFOUND upstream.corp.lan': 'getaddrinfo ENOTFOUND …',
    'cannot open /home/app/model.bin': 'cannot open …',
    'cannot open C:\\models\\a.bin': 'cannot open …',
    'Your organization org-canary99 must be verified': 'Your organization … must be verified',
    'a\u202eb\u0000c\r\n\td': 'a b c d',
  };
  for (const [text, shown] of Object.entries(rows)) assert.equal(quotable(text, [SECRET]), shown);
});

test('what helps stays: names, ratios, times, models, parameters, other languages', () => {
  for (const text of [
    'Unknown parameter: input_fidelity',
    'size must be 16:9, as at 10:30:00',
    'gpt-image-2.6-flare does not take quality "hd" (1.5 < 2)',
    '积分不足: 建议明天再试',
    'POST /v1/images/edits is not served',
    'std::bad_alloc',
  ]) {
    assert.equal(quotable(text), text);
  }
});

test('S9 a web page says nothing, and a long text is cut between characters', () => {
  assert.equal(quotable('<!DOCTYPE html><title>524: A timeout occurred</title>'), '');
  assert.equal(quotable(`${' '.repeat(100)}<html>x`), '');
  const cut = quotable('😀'.repeat(1000));
  assert.equal(cut, `${'😀'.repeat(LONGEST_QUOTE)}…`);
});

test('K1 a secret at the place where a huge text is cut is not shown in part', () => {
  for (let shift = 0; shift < SECRET.length; shift += 1) {
    const text = `${'<i>'.repeat(1_360)}${'.'.repeat(shift)}  ${SECRET}`;
    assert.ok(!/canary/.test(quotable(text, [SECRET])), String(shift));
  }
});

test('S9 hostile texts cost no quadratic time', () => {
  const startedAt = performance.now();
  for (const piece of ['a.', 'a:', '<', '1.', ':', '::', '/home/', 'a@', 'org-', '://', 'a-b.', 'f:f:']) {
    quotable(piece.repeat(100_000));
  }
  assert.ok(performance.now() - startedAt < 5_000);
});
