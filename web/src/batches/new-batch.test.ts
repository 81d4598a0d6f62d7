// The form of a new batch as data.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countChoices,
  EMPTY_DRAFT,
  isSpreadsheet,
  lineRange,
  matrixTotal,
  parseBatchDraft,
  seedsOf,
  toRequest,
  withoutLines,
} from './new-batch.ts';

test('the choices of a prompt are counted as the server makes them', () => {
  assert.equal(countChoices('a fox'), 1);
  assert.equal(countChoices('a {red|blue} fox, {day|night|dusk}'), 6);
  assert.equal(countChoices('a {red|{pale|dark} blue} fox'), 3);
  assert.equal(countChoices('{no bar} and \\{escaped|bar}'), 1);
  assert.equal(countChoices('a {red|blue'), 1);
});

test('combinations are the product of their axes', () => {
  const draft = {
    ...EMPTY_DRAFT,
    matrixPrompts: 'a {b|c}\n\nd',
    ratios: ['1:1', '16:9'],
    seeds: '1-3, 9',
    count: 2,
  };
  assert.deepEqual(matrixTotal(draft).factors, [
    ['prompts', 3],
    ['ratios', 2],
    ['seeds', 4],
    ['count', 2],
  ]);
  assert.equal(matrixTotal(draft).pictures, 48);
  assert.deepEqual(seedsOf('1-3，9 x 2'), [1, 2, 3, 9]);
});

test('a request holds what was filled in, and no common value where an axis decides', () => {
  assert.equal(toRequest(EMPTY_DRAFT, null, {}), null);
  const draft = { ...EMPTY_DRAFT, lines: 'a\nb', model: 'm', budget: '12.5', count: 2, isPaused: true };
  assert.deepEqual(toRequest(draft, null, {}), {
    lines: 'a\nb',
    defaults: { model: 'm', n: 2 },
    budget_credits: 12.5,
    paused: true,
  });
  const matrix = { ...draft, source: 'matrix' as const, matrixPrompts: 'a', models: ['x'] };
  assert.deepEqual(toRequest(matrix, null, {})?.defaults, { n: 2 });
  const file = { name: 'l.csv', bytes: 2, b64: 'YQ==' };
  assert.deepEqual(toRequest({ ...EMPTY_DRAFT, source: 'file' }, file, { 甲: null }), {
    file: { name: 'l.csv', b64: 'YQ==' },
    columns: { 甲: null },
  });
});

test('rows are found and left out by their numbers', () => {
  assert.equal(withoutLines('a\n\nb\nc', [3]), 'a\n\nc');
  assert.deepEqual(lineRange('a\n\nbcd\ne', 3), [3, 6]);
});

test('spreadsheets are known by name or by their first bytes', () => {
  assert.ok(isSpreadsheet('a.XLSX', new Uint8Array()));
  assert.ok(isSpreadsheet('renamed.csv', new Uint8Array([0x50, 0x4b, 3, 4])));
  assert.ok(!isSpreadsheet('a.csv', new Uint8Array([0x61, 0x2c, 0x62, 0x0a])));
});

test('a stored draft that cannot be read is the empty one', () => {
  assert.deepEqual(parseBatchDraft('{'), EMPTY_DRAFT);
  assert.deepEqual(parseBatchDraft('{"count":99,"styles":[1,"a"],"source":"x"}'), {
    ...EMPTY_DRAFT,
    count: 16,
    styles: ['a'],
  });
});
