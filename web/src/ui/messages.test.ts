import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatMessage } from './messages.ts';

const CATALOGUES = join(import.meta.dirname, '../../../src/kernel/messages');

/** The one catalogue that a file of the folder exports. */
async function readCatalogue(file: string): Promise<Record<string, unknown>> {
  const [catalogue] = Object.values(await import(join(CATALOGUES, file)));
  return catalogue as Record<string, unknown>;
}

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

test('both languages have the same texts, and name the same arguments in each', async () => {
  const names = (text: string) =>
    new Set(
      [...text.matchAll(/\{(\w+)/g)].map((match) => match[1]).filter((name) => /^[a-z]/.test(name ?? '')),
    );
  const english = readdirSync(CATALOGUES).filter((file) => file.endsWith('-en.ts'));
  assert.ok(english.length > 3, 'the catalogues have moved');
  for (const file of english) {
    const texts = await readCatalogue(file);
    const chinese = await readCatalogue(file.replace('-en.ts', '-zh.ts'));
    assert.deepEqual(Object.keys(chinese).sort(), Object.keys(texts).sort(), file);
    for (const [key, text] of Object.entries(texts)) {
      const translated = chinese[key];
      if (typeof text !== 'string' || typeof translated !== 'string') continue;
      for (const name of names(translated))
        assert.ok(names(text).has(name), `${file} ${key}: {${name}} is unknown in English`);
    }
  }
});
