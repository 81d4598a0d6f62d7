// The error catalogue: complete in both languages, written in full, and docs/errors.md up to date.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderErrorDocs } from './error-docs.ts';
import { ERROR_CODES, type ErrorCode, errorText } from './errors.ts';
import { errorsEn } from './messages/errors-en.ts';
import { errorsZh } from './messages/errors-zh.ts';

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

test('every code has a title, a cause and a fix in English and Chinese, and no text is for a code that is gone', () => {
  assert.deepEqual(Object.keys(errorsEn).toSorted(), codes.toSorted());
  assert.deepEqual(Object.keys(errorsZh).toSorted(), codes.toSorted());
  for (const code of codes) {
    const en = errorText(code, 'en');
    const zh = errorText(code, 'zh');
    for (const text of [en.cause, en.fix]) assert.match(text, /^[A-Z].*[.]$/, code);
    for (const text of [zh.cause, zh.fix]) assert.match(text, /[\u4e00-\u9fff].*。$/, code);
    assert.match(zh.title, /[\u4e00-\u9fff]/);
    assert.ok(!en.title.endsWith('.') && en.title.length <= 60, code);
  }
});

test('titles are distinct', () => {
  for (const language of ['en', 'zh'] as const) {
    assert.equal(new Set(codes.map((code) => errorText(code, language).title)).size, codes.length);
  }
});

test('docs/errors.md is what the registry gives', () => {
  const docs = renderErrorDocs();
  for (const code of codes) assert.ok(docs.includes(`<a id="${code}"></a>`));
  assert.equal(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8'), docs);
});
