import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webEn } from '../../../src/kernel/messages/web-en.ts';
import { webZh } from '../../../src/kernel/messages/web-zh.ts';
import { formatMessage } from './messages.ts';

test('fills names and numbers in the locale', () => {
  assert.equal(formatMessage('{a} of {b}', { a: 'one', b: 12345 }, 'en'), 'one of 12,345');
});

test('chooses the plural branch and fills it', () => {
  const text = '{n, plural, one {{amount} credit} other {{amount} credits}}!';
  assert.equal(formatMessage(text, { n: 1, amount: '1' }, 'en'), '1 credit!');
  assert.equal(formatMessage(text, { n: 2.5, amount: '2.5' }, 'en'), '2.5 credits!');
  assert.equal(formatMessage(text, { n: 1, amount: '1' }, 'zh-CN'), '1 credits!');
});

test('an argument that was not given stays visible', () => {
  assert.equal(formatMessage('a {missing} b', {}, 'en'), 'a {missing} b');
});

test('both languages name the same arguments in every text', () => {
  const names = (text: string) =>
    new Set(
      [...text.matchAll(/\{(\w+)/g)].map((match) => match[1]).filter((name) => /^[a-z]/.test(name ?? '')),
    );
  for (const [key, english] of Object.entries(webEn)) {
    const chinese = names(webZh[key as keyof typeof webZh]);
    for (const name of chinese)
      assert.ok(names(english).has(name), `${key}: {${name}} is unknown in English`);
  }
});
