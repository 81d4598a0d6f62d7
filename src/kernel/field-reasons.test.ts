// What checks of fields say is told in plain words in both languages: zod's own sentences, and those of this program's schemas.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { AppError, describeError } from './errors.ts';
import { fieldReason, reasonOf } from './field-reasons.ts';
import { detailsZh } from './messages/details-zh.ts';
import { fieldErrors } from './problem.ts';
import { cursorOf, idOf, pageLimit } from './wire-schemas.ts';

function saidOf(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  assert.ok(error, 'the value was taken');
  const [first] = fieldErrors(error, 'body');
  const detail = first?.detail ?? '';
  assert.notEqual(reasonOf(detail).code, 'other', detail);
  return [fieldReason(detail, 'en'), fieldReason(detail, 'zh')];
}

test('what zod says of a field is said in plain words, in both languages', () => {
  const cases: [z.ZodType, unknown, string, string][] = [
    [z.object({ n: z.int() }), {}, 'Missing.', '缺少这一项。'],
    [pageLimit(20, 100), 'ten', 'Must be a number.', '必须是数字。'],
    [pageLimit(20, 100), '101', 'At most 100.', '最大为 100。'],
    [z.int(), 1.5, 'Must be a whole number.', '必须是整数。'],
    [z.number().positive(), 0, 'Must be above 0.', '必须大于 0。'],
    [z.number().lt(10), 10, 'Must be below 10.', '必须小于 10。'],
    [z.number().multipleOf(8), 12, 'Must be a multiple of 8.', '必须是 8 的倍数。'],
    [z.string(), 7, 'Must be text.', '必须是文本。'],
    [z.string().min(1), '', 'Must not be empty.', '不能为空。'],
    [z.string().min(8), 'short', 'At least 8 characters.', '至少 8 个字符。'],
    [z.string().max(3), 'long', 'Longer than 3 characters.', '超过 3 个字符。'],
    [z.array(z.int()).min(2), [1], 'At least 2 of them.', '至少 2 个。'],
    [z.array(z.int()).max(1), [1, 2], 'At most 1 of them.', '最多 1 个。'],
    [z.boolean(), 'yes', 'Must be of another kind: boolean.', '类型不对，应为 boolean。'],
    [z.enum(['en', 'zh']), 'fr', 'Must be one of en, zh.', '只能是 en, zh 之一。'],
    [z.literal('en'), 'fr', 'Must be one of en.', '只能是 en 之一。'],
    [z.strictObject({}), { colour: 'red' }, 'This field is not known here.', '这里没有这个字段。'],
    [
      z.url(),
      'here',
      'Must be a full address such as https://example.com/path.',
      '必须是完整的地址，例如 https://example.com/path。',
    ],
    [z.email(), 'nobody', 'Must be an e-mail address.', '必须是邮箱地址。'],
    [
      z.iso.datetime(),
      'today',
      'Must be a time such as 2026-01-31T12:00:00Z.',
      '必须是时间，例如 2026-01-31T12:00:00Z。',
    ],
    [
      z.union([z.int(), z.boolean()]),
      'x',
      'Does not have the form that is taken here; see /docs.',
      '格式不符合这里的要求，见 /docs。',
    ],
    [idOf('acct'), 'me', 'Must be an id that starts with “acct_”.', '必须是以“acct_”开头的编号。'],
    [cursorOf('task'), 'next', 'This is not a cursor that a list gave.', '这不是列表给出的游标。'],
  ];
  for (const [schema, value, en, zh] of cases) assert.deepEqual(saidOf(schema, value), [en, zh]);
});

test('an error without a detail of its own has that of its first field, in the language of its reader', () => {
  const error = new AppError('validation_failed', {
    errors: [
      { pointer: '/size', detail: 'must look like 1024x768' },
      { pointer: '/n', detail: 'a sentence that nobody foresaw' },
    ],
  });
  assert.equal(error.message, '/size: must look like 1024x768');
  assert.equal(describeError(error, 'en').detail, '/size: Must look like 1024x768.');
  const { detail, errors } = describeError(error, 'zh');
  assert.equal(detail, '/size: 格式应为 1024x768。');
  assert.deepEqual(errors, [
    { pointer: '/size', detail: '格式应为 1024x768。' },
    { pointer: '/n', detail: 'a sentence that nobody foresaw' },
  ]);
  const noModel = new AppError('model_not_found', { detail: 'There is no model "oil". There are: sandbox.' });
  assert.equal(describeError(noModel, 'zh').detail, '没有模型“oil”。可用的有：sandbox。');
});

test('every detail that has its Chinese is one that the program says', () => {
  const folder = join(import.meta.dirname, '..');
  const files = globSync('**/*.ts', { cwd: folder }).filter((file) => !/messages\/|\.test\.ts$/.test(file));
  const program = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  for (const [detail, text] of Object.entries(detailsZh)) {
    const parts = detail.split(/\{\w+\}/);
    if (parts.length === 1) assert.ok(program.includes(`'${detail}'`), detail);
    for (const part of parts) assert.ok(program.includes(part), detail);
    const names = (sentence: string) => new Set(sentence.match(/\{\w+\}/g));
    for (const name of names(text)) assert.ok(names(detail).has(name), text);
    const values = (sentence: string) => sentence.replaceAll(/\{\w+\}/g, '7');
    assert.equal(
      describeError(new AppError('conflict', { detail: values(detail) }), 'zh').detail,
      values(text),
    );
  }
});
