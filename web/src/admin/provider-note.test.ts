import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminEn } from '../../../src/kernel/messages/admin-en.ts';
import { adminZh } from '../../../src/kernel/messages/admin-zh.ts';
import { formatMessage } from '../ui/messages.ts';
import { providerNote } from './provider-note.ts';

const NOTES: readonly (readonly [english: string, chinese: string])[] = [
  ['built in', '内置'],
  ['not listed by the service: mine, yours', '服务没有列出：mine, yours'],
  ['not listed by the service: mine; old ends on 2027-01-31', '服务没有列出：mine；old 将于 2027-01-31 停用'],
  ['12.5 KIE credits left', 'KIE 余额：12.5 积分'],
  ['A word of a server that nobody knows.', 'A word of a server that nobody knows.'],
];

test('what providers remark is said in the language of the page, and what is not known stays as it came', () => {
  for (const [english, chinese] of NOTES) {
    const inChinese = providerNote(english, (key, values) => formatMessage(adminZh[key], values ?? {}, 'zh'));
    assert.equal(inChinese, chinese);
    const inEnglish = providerNote(english, (key, values) => formatMessage(adminEn[key], values ?? {}, 'en'));
    assert.equal(inEnglish.toLowerCase(), english.toLowerCase());
  }
});
