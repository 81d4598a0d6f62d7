// The answer reader: the same result however the bytes are cut, whatever the order and spacing of keys, and nothing
// taken for a picture that is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalFile } from '../provider.ts';
import { AnswerShapeError, type PictureAnswer, readPictureAnswer, SpoolFailure } from './picture-answer.ts';

interface Seen {
  answer: PictureAnswer;
  /** Bytes of each spooled picture, in order. */
  files: Buffer[];
  largestPiece: number;
}

async function read(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  maxPictures = 10,
): Promise<Seen> {
  const files: Buffer[] = [];
  let largestPiece = 0;
  const answer = await readPictureAnswer(
    (async function* () {
      yield* pieces;
    })(),
    {
      maxPictures,
      async spool(source): Promise<LocalFile> {
        const bytes: Uint8Array[] = [];
        for await (const piece of source) {
          largestPiece = Math.max(largestPiece, piece.byteLength);
          bytes.push(Uint8Array.from(piece));
        }
        files.push(Buffer.concat(bytes));
        return { path: `file-${files.length}`, bytes: 0, mime: 'image/png' };
      },
    },
  );
  return { answer, files, largestPiece };
}

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

const FIRST = Buffer.from([0xfb, 0xff, 0xfe, 1, 2, 3, 4]);
const SECOND = Buffer.from('second picture!');
const escaped = (bytes: Buffer) => bytes.toString('base64').replaceAll('/', '\\/').replaceAll('=', '\\u003d');

/** Every oddity at once: mark, spaces, escapes, other keys in between, URL answers, nested strings named like ours. */
const ODD = `\ufeff \n{ "usage" : {"total_tokens": 1645, "b64_json": "bm8="}, "note":"\\ud83d\\ude00 \\"q\\" é 图",
 "data" : [ {"revised_prompt":"a \\\\ b","b64_json" : "${escaped(FIRST)}" , "url":null},
 {"url":"https:\\/\\/cdn.example\\/a.png?x=\\u0031"}, {"b64_json":"","url":"https://cdn.example/b.png"},
 {"b64_json":"data:image/png;base64,${escaped(SECOND)}","nested":{"url":"no","b64_json":"bm8="}},
 {"url":"data:image\\/png;base64,${FIRST.toString('base64url')}"}, {"url":""}, {} ],
 "empty":{}, "list":[], "n":[-1.5e+3,true,false,null] }\n trailing`;

function assertOdd({ answer, files }: Seen): void {
  assert.equal(answer.problem, null);
  assert.deepEqual(answer.pictures, [
    { file: { path: 'file-1', bytes: 0, mime: 'image/png' } },
    { url: 'https://cdn.example/a.png?x=1' },
    { url: 'https://cdn.example/b.png' },
    { file: { path: 'file-2', bytes: 0, mime: 'image/png' } },
    { file: { path: 'file-3', bytes: 0, mime: 'image/png' } },
  ]);
  assert.deepEqual(files, [FIRST, SECOND, FIRST]);
  assert.deepEqual([...answer.fields], [['/usage/total_tokens', '1645']]);
}

test('S9 D4 the same pictures come out for every place at which the answer can be cut', async () => {
  const whole = bytesOf(ODD);
  for (let at = 0; at <= whole.length; at += 1) {
    assertOdd(await read([whole.subarray(0, at), whole.subarray(at)]));
  }
});

test('S9 D4 the same pictures come out byte by byte, and with empty pieces in between', async () => {
  const whole = bytesOf(ODD);
  assertOdd(await read([...whole].map((byte) => Uint8Array.of(byte))));
  assertOdd(await read([...whole].flatMap((byte) => [new Uint8Array(), Uint8Array.of(byte)])));
});

test('S10 an answer cut off anywhere is a problem, and only whole pictures count', async () => {
  const whole = bytesOf({ data: [{ b64_json: FIRST.toString('base64') }, { b64_json: 'AAAA' }], x: 1 });
  for (let end = 0; end < whole.length; end += 1) {
    const { answer } = await read([whole.subarray(0, end)]);
    assert.ok(answer.problem instanceof AnswerShapeError, `cut at ${end}`);
    const ends = [...whole.subarray(0, end).toString().matchAll(/\}/g)].length;
    assert.equal(answer.pictures.length, Math.min(2, ends), `cut at ${end}`);
  }
});

test('S9 what is not JSON, or JSON of another shape, gives no picture', async () => {
  const deep = `{"data":${'['.repeat(100_000)}`;
  const bad = [
    '<html>502</html>',
    '[]',
    '"data"',
    'null',
    '',
    deep,
    '{"data":[{"b64_json":"AAAA"]}',
    '{"data" [1]}',
    '{"data":[1,]}',
    '{,}',
    '{"a":truth}',
    '{"a":01x}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
  ];
  for (const text of bad) {
    const { answer } = await read([bytesOf(text)]);
    assert.ok(answer.problem instanceof AnswerShapeError, text.slice(0, 40));
    assert.deepEqual(answer.pictures, [], text.slice(0, 40));
  }
  for (const value of [
    {},
    { data: [] },
    { data: { url: 'https://x.example' } },
    { data: [{ b64_json: null }] },
  ]) {
    const { answer } = await read([bytesOf(value)]);
    assert.deepEqual([answer.problem, answer.pictures], [null, []], JSON.stringify(value));
  }
});

test('V1 text that is not base64 is no picture', async () => {
  for (const text of [
    'AAA*',
    'AAAAA',
    'AA==AAAA',
    'A=AA',
    'data:image/png',
    'data:image/png;base64,A',
    '图',
  ]) {
    const { answer } = await read([bytesOf({ data: [{ b64_json: text }] })]);
    assert.ok(answer.problem instanceof AnswerShapeError, text);
    assert.deepEqual(answer.pictures, [], text);
  }
  const slashes = Buffer.alloc(60_000, 0xff);
  const crumbs = `{"data":[{"b64_json":"${slashes.toString('base64').replaceAll('/', '\\/')}"}]}`;
  const { files } = await read([bytesOf(crumbs)]);
  assert.ok(files[0]?.equals(slashes));
  const lines = `${FIRST.toString('base64').slice(0, 5)}\\r\\n${FIRST.toString('base64').slice(5)}`;
  assert.deepEqual((await read([bytesOf(`{"data":[{"b64_json":"${lines}"}]}`)])).files, [FIRST]);
});

test('S9 errors inside an answer are kept, cut to a bounded length', async () => {
  const { answer } = await read([bytesOf({ error: { message: 'm'.repeat(100_000), type: 't', code: 42 } })]);
  assert.equal(answer.fields.get('/error/message')?.length, 2048);
  assert.deepEqual([answer.fields.get('/error/type'), answer.fields.get('/error/code')], ['t', '42']);
  const said = '{"error":"\\u56fe \\ud83d\\ude00 \\ud83d\\ud83d\\ude00 \\ud83dx \\t\\\\"}';
  const text = (await read([...bytesOf(said)].map((byte) => Uint8Array.of(byte)))).answer.fields.get(
    '/error',
  );
  assert.equal(text, '图 😀 \ufffd😀 \ufffdx \t\\');
  assert.equal((await read([bytesOf({ error: 'plain' })])).answer.fields.get('/error'), 'plain');
});

test('PC9 pictures beyond the number wanted are passed over; a URL that is too long is none', async () => {
  const item = { b64_json: 'AAAA' };
  const { answer, files } = await read([bytesOf({ data: Array(20).fill(item) })], 3);
  assert.deepEqual([answer.pictures.length, files.length, answer.problem], [3, 3, null]);
  const long = await read([bytesOf({ data: [{ url: `https://x.example/${'a'.repeat(9000)}` }] })]);
  assert.deepEqual([long.answer.pictures, long.answer.problem], [[], null]);
});

test('F1 a picture that cannot be kept is told apart from one that broke off', async () => {
  const answer = await readPictureAnswer(
    (async function* () {
      yield bytesOf({ data: [{ b64_json: 'AAAA' }] });
    })(),
    { maxPictures: 1, spool: async () => Promise.reject(new Error('disk full')) },
  );
  assert.ok(answer.problem instanceof SpoolFailure);
  const broken = new Error('connection lost');
  const { answer: cut } = await read(
    (async function* () {
      yield bytesOf('{"data":[{"b64_json":"AAAAAAAA');
      throw broken;
    })(),
  );
  assert.equal(cut.problem, broken);
});

test('D4 many short strings in one piece cost no quadratic time', async () => {
  const strings = Array.from({ length: 1_000_000 }, () => 'a');
  const startedAt = performance.now();
  const { answer } = await read([bytesOf({ strings, data: [{ url: 'https://x.example/a.png' }] })]);
  assert.equal(answer.pictures.length, 1);
  assert.ok(performance.now() - startedAt < 10_000);
});

test('D4 a long picture is handed on in pieces of bounded size', async () => {
  const picture = Buffer.alloc(3_000_000, 7);
  const whole = bytesOf({ data: [{ b64_json: picture.toString('base64') }] });
  const pieces = Array.from({ length: Math.ceil(whole.length / 65_536) }, (_, i) =>
    whole.subarray(i * 65_536, (i + 1) * 65_536),
  );
  const { files, largestPiece } = await read(pieces);
  assert.ok(files[0]?.equals(picture));
  assert.ok(largestPiece <= 2 * 65_536, String(largestPiece));
});
