// Sources as people have them: encodings and separators of Excel in China, headers in two languages, choices, manifests; and
// sources that are meant to harm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CreateBatchBody, createBatchBody, MAX_BATCH_ITEMS } from './contract.ts';
import { FileNames, safePart } from './file-names.ts';
import { draftItems } from './items.ts';
import { csvCell } from './manifest.ts';
import { readSource } from './source.ts';
import { expandPrompt } from './templates.ts';

const body = (given: object): CreateBatchBody => createBatchBody.parse(given);
const file = (bytes: Uint8Array, name = 'a.csv') =>
  readSource(body({ file: { name, b64: Buffer.from(bytes).toString('base64') } }));

const TABLE = '提示词,数量,货号\r\n"湖, 日出",2,A-1\r\n小船,1,A-2\r\n';
/** 提示词,张数 ¶ 湖 ¶ as GB18030. */
const GB18030 = Uint8Array.from(Buffer.from('cce1cabeb4ca2cd5c5cafd0d0abafe2c320d0a', 'hex'));

test('a table is read in every encoding that Excel writes', () => {
  const utf16 = (swap: boolean) => {
    const bytes = Buffer.from(`\uFEFF${TABLE}`, 'utf16le');
    return swap ? bytes.swap16() : bytes;
  };
  const cases: [Uint8Array, string][] = [
    [Buffer.from(TABLE), 'utf-8'],
    [Buffer.from(`\uFEFF${TABLE}`), 'utf-8'],
    [utf16(false), 'utf-16le'],
    [utf16(true), 'utf-16be'],
  ];
  for (const [bytes, encoding] of cases) {
    const source = file(bytes);
    assert.equal(source.encoding, encoding);
    assert.deepEqual(
      source.rows.map(({ row, fields, extra }) => [row, fields, extra]),
      [
        [2, { prompt: '湖, 日出', n: 2 }, { 货号: 'A-1' }],
        [3, { prompt: '小船', n: 1 }, { 货号: 'A-2' }],
      ],
      encoding,
    );
  }
  const gb = file(GB18030);
  assert.equal(gb.encoding, 'gb18030');
  assert.deepEqual(gb.rows[0]?.fields, { prompt: '湖', n: 2 });
});

test('separators are found, also where Excel names its own, and headers may be left out', () => {
  for (const separator of [',', ';', '\t', '|']) {
    const source = readSource(body({ csv: `Prompt${separator}Aspect Ratio\na lake${separator}16：9\n` }));
    assert.equal(source.separator, separator);
    assert.deepEqual(source.rows[0]?.fields, { prompt: 'a lake', aspect_ratio: '16:9' });
  }
  const named = readSource(body({ csv: 'sep=;\nprompt;size\na, b;512×512\n' }));
  assert.deepEqual(named.rows[0]?.fields, { prompt: 'a, b', size: '512×512' });
  const bare = readSource(body({ csv: 'a lake\na boat\n' }));
  assert.deepEqual(
    bare.rows.map(({ row, fields }) => [row, fields.prompt]),
    [
      [1, 'a lake'],
      [2, 'a boat'],
    ],
  );
  const mapped = { csv: 'Wunsch,x\na lake,1\n', columns: { Wunsch: 'prompt', x: null } };
  assert.deepEqual(readSource(body(mapped)).rows[0], {
    row: 2,
    fields: { prompt: 'a lake' },
    extra: {},
    problem: null,
  });
  assert.throws(() => readSource(body({ csv: 'model,size\nx,y\n' })), /No column holds the prompt/);
});

test('no cell is dropped without a word, and nothing is taken for a prompt that may not be one', () => {
  const single = readSource(body({ csv: 'prompt\na cat, in the rain\n"a dog, asleep"\n' }));
  assert.deepEqual(
    single.rows.map(({ fields }) => fields.prompt),
    ['a cat, in the rain', 'a dog, asleep'],
  );
  const [right, wide, padded] = readSource(
    body({ csv: 'prompt,n\na cat,1\na cat, in the rain,2\na dog,1,,\n' }),
  ).rows;
  assert.deepEqual([right?.problem, padded?.problem], [null, null]);
  assert.match(wide?.problem ?? '', /has 3 cells, but there are 2 columns.*double quotes/);
  const refusals: [string, RegExp][] = [
    ['id,text here\n1,a cat on a mat\n', /No column holds the prompt.*id, text here.*must name the columns/],
    ['prompt,提示词\na,b\n', /"prompt" and "提示词" both hold the field "prompt"/],
  ];
  for (const [csv, refusal] of refusals) assert.throws(() => readSource(body({ csv })), refusal);
});

test('choices make every combination; braces without a bar, and escaped ones, are text', () => {
  assert.deepEqual(expandPrompt('a {red|blue} {boat|car}', 10), [
    'a red boat',
    'a red car',
    'a blue boat',
    'a blue car',
  ]);
  assert.deepEqual(expandPrompt('{a|{b|c} d}', 10), ['a', 'b d', 'c d']);
  assert.deepEqual(expandPrompt('{red} \\{a|b\\} {', 10), ['{red} {a|b} {']);
  assert.deepEqual(expandPrompt('x{|, in fog}', 10), ['x', 'x, in fog']);
  assert.throws(() => expandPrompt('{a|b}'.repeat(40), MAX_BATCH_ITEMS), /make 1099511627776 prompts/);
  assert.equal(expandPrompt('{'.repeat(8000), 10).length, 1);
  assert.equal(expandPrompt(`${'{a|'.repeat(2000)}${'}'.repeat(2000)}`, 10_000).length > 1, true);
});

test('a matrix is every prompt with every value, counted before it is made', async () => {
  const matrix = { prompts: ['a {red|blue} lake', 'b'], aspect_ratios: ['1:1', '16:9'], models: ['x', 'y'] };
  const { items } = await draftItems(readSource(body({ matrix })), { n: 2 });
  assert.equal(items.length, 12);
  assert.deepEqual(
    [items[0]?.body.prompt, items[0]?.body.aspect_ratio, items[0]?.body.model, items[0]?.body.n],
    ['a red lake', '1:1', 'x', 2],
  );
  const many = Array.from({ length: 1000 }, (_, n) => String(n));
  const huge = { prompts: many, styles: many, models: many, sizes: many };
  await assert.rejects(draftItems(readSource(body({ matrix: huge })), {}), /at most 10000 items/);
});

test('every wrong field is told by its row, and nothing but rows is wrong', async () => {
  const rows = [
    { prompt: 'good' },
    'also good',
    { prompt: '' },
    { prompt: 'x', n: 99 },
    { prompt: 'x', priority: 3 },
    { prompt: 'x', images: [{ b64: 'AAAA' }] },
    7,
    { prompt: 'x', unknown: 1 },
  ];
  const { items, errors } = await draftItems(readSource(body({ items: rows })), {});
  assert.equal(items.length, 2);
  assert.deepEqual(
    errors.map(({ row, field }) => [row, field]),
    [
      [3, 'prompt'],
      [4, 'n'],
      [5, 'priority'],
      [6, 'images'],
      [7, null],
      [8, null],
    ],
  );
  const wrong = await draftItems(readSource(body({ jsonl: '{"prompt":"a"}\n{"prompt":\n' })), {});
  assert.deepEqual(wrong.errors, [{ row: 2, field: null, detail: 'is no JSON' }]);
});

test('what is no text, or too much of it, is refused with what to do', () => {
  assert.throws(() => file(Buffer.from('PK\u0003\u0004...'), 'a.xlsx'), /Save the sheet as CSV/);
  assert.throws(() => file(Buffer.from([0, 1, 0, 2, 0, 0, 9, 0, 0]), 'a.csv'), /zero bytes/);
  assert.throws(() => readSource(body({ csv: `prompt\n"${'x'.repeat(100_000)}` })), /a quote is missing/);
  assert.throws(() => body({ csv: 'a', lines: 'b' }), /exactly one of/);
});

test('names of files stay one name, whatever the texts say, and are never given twice', () => {
  const names = new FileNames('{sku}');
  const name = (sku: unknown) =>
    names.next(
      {
        position: 0,
        total: 100,
        task: { id: 'task_0', prompt: 'p', model: 'm' },
        fields: { sku },
      },
      { k: 1, count: 1, seed: 7, mime: 'image/png' },
    );
  const hostile = [
    '../../etc/passwd',
    '..\\..\\x',
    '=cmd',
    'CON',
    'a\u202Egnp.exe',
    '',
    '.',
    '\0',
    'C:\\x',
    '-rf',
  ];
  for (const sku of hostile) {
    const given = name(sku);
    assert.match(given, /^[^./\\=+@-][^/\\:*?"<>|\p{Cc}\p{Cf}]*\.png$/u, `${sku} → ${given}`);
  }
  assert.equal(name('A'), 'A.png');
  assert.equal(name('a'), 'a (2).png');
  assert.ok(Buffer.byteLength(name('长'.repeat(500))) < 200);
  const start = performance.now();
  const many = new FileNames('x');
  const seen = new Set<string>();
  for (let n = 0; n < 10_000; n += 1)
    seen.add(
      many.next(
        { position: n, total: 10_000, task: { id: 'task_0', prompt: 'p', model: 'm' }, fields: {} },
        { k: 1, count: 1, seed: 7, mime: 'image/png' },
      ),
    );
  assert.equal(seen.size, 10_000);
  assert.ok(performance.now() - start < 5_000);
  assert.equal(safePart('a/b\nc'), 'a b c');
});

test('I7 no cell of an export can be taken for a formula, and reading it back gives the text', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1']) {
    const cell = csvCell(text);
    assert.match(cell, /^"?'/, JSON.stringify(cell));
  }
  assert.equal(csvCell('a "b", c'), '"a ""b"", c"');
  assert.equal(csvCell(-5), '-5');
  const back = readSource(body({ csv: `prompt\n${csvCell('=1+1')}\n` }));
  assert.equal(back.rows[0]?.fields.prompt, '=1+1');
});
