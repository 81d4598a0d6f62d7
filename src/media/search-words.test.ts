// Tokens of prompts and queries: what is found by what, the same for both databases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSearchToken } from '../kernel/db-search.ts';
import { searchTerms, searchTokens } from './search-words.ts';

/** Whether `query` finds `text`, as both databases judge it. */
function finds(query: string, text: string): boolean {
  const tokens = searchTokens(text);
  const terms = searchTerms(query);
  return (
    terms.length > 0 &&
    terms.every(({ token, isPrefix }) =>
      tokens.some((one) => (isPrefix ? one.startsWith(token) : one === token)),
    )
  );
}

test('Chinese is found by one character, by two and by a phrase, wherever it stands', () => {
  const prompt = '一只橘色的小猫，坐在窗台上看雨';
  for (const query of ['猫', '雨', '小猫', '窗台', '橘色的小猫', '看雨 小猫'])
    assert.ok(finds(query, prompt), query);
  for (const query of ['狗', '大猫', '台窗', '猫雨']) assert.ok(!finds(query, prompt), query);
});

test('words are found by their beginnings, without case, accents and width', () => {
  const prompt = 'A Café in Zürich, 4K, ＮＥＯＮ lights; SDXL水彩风格';
  for (const query of ['cafe', 'CAFÉ', 'zur', 'neon', 'light', '4k', 'sdxl', '水彩', 'neon 水彩 caf'])
    assert.ok(finds(query, prompt), query);
  for (const query of ['afe', 'rich', 'dark', '!!!', '']) assert.ok(!finds(query, prompt), query);
});

test('Japanese and Korean are cut like Chinese', () => {
  assert.ok(finds('ギター', 'エレキギターを弾く少女'));
  assert.ok(finds('고양이', '창가의 고양이'));
});

test('whatever the text, tokens are safe for both databases, and bounded', () => {
  const hostile = [
    `"a" OR b* NEAR(c) 'x' & y | !z \\ : \0 \u{20000}\u{30000} ${'a'.repeat(500)}`,
    '👩‍👩‍👧 ﷽ ⅷ ①２ e\u0301 \u0e01\u0e33 नमस्ते',
    '\ud800 lone',
    Array.from({ length: 5_000 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join(''),
  ];
  for (const text of hostile) {
    const tokens = searchTokens(text);
    assert.ok(tokens.length <= 1_000);
    for (const token of tokens) assert.ok(isSearchToken(token), JSON.stringify(token));
    assert.ok(searchTerms(text).length <= 32);
    for (const { token } of searchTerms(text)) assert.ok(isSearchToken(token), JSON.stringify(token));
  }
});
