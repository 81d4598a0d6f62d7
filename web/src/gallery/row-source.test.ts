import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowSource } from './row-source.ts';

interface Asked {
  first: number;
  count: number;
  signal: AbortSignal;
  answer(rows: readonly string[]): void;
  fail(error: Error): void;
}

function openSource(total: number) {
  const asked: Asked[] = [];
  const arrived: [number, number][] = [];
  const later: (() => void)[] = [];
  const seen = { mismatches: 0, errors: 0 };
  const source = new RowSource<string>({
    fetchRows: (first, count, signal) =>
      new Promise((resolve, reject) => {
        asked.push({ first, count, signal, answer: resolve, fail: reject });
      }),
    count: () => total,
    onRows: (first, end) => arrived.push([first, end]),
    onMismatch: () => {
      seen.mismatches += 1;
    },
    onError: () => {
      seen.errors += 1;
    },
    later: (run) => later.push(run),
  });
  return { source, asked, arrived, later, seen };
}

const rows = (first: number, count: number) => Array.from({ length: count }, (_, at) => `row ${first + at}`);
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function answerAll(asked: Asked[]): Promise<void> {
  for (let at = 0; at < asked.length; at += 1) {
    asked[at]?.answer(rows(asked[at]?.first ?? 0, asked[at]?.count ?? 0));
    await settle();
  }
}

test('windows of what is on the screen are fetched once, two at a time, the last one short', async () => {
  const { source, asked, arrived } = openSource(430);
  source.want(120, 430);
  assert.deepEqual(asked.map(({ first, count }) => [first, count]), [[100, 100], [200, 100]]); // biome-ignore format: one line
  await answerAll(asked);
  assert.deepEqual(arrived, [[100, 200], [200, 300], [300, 400], [400, 430]]); // biome-ignore format: one line
  source.want(120, 430);
  assert.equal(asked.length, 4);
  assert.equal(source.get(429), 'row 429');
  assert.equal(source.get(0), undefined);
});

test('a window that was scrolled past is aborted, and its answer is not used', async () => {
  const { source, asked, arrived, seen } = openSource(10_000);
  source.want(0, 50);
  source.want(5_000, 5_050);
  assert.ok(asked[0]?.signal.aborted);
  assert.equal(asked[1]?.first, 5_000);
  asked[0]?.fail(new Error('aborted'));
  asked[1]?.answer(rows(5_000, 100));
  await settle();
  assert.deepEqual(arrived, [[5_000, 5_100]]);
  assert.equal(seen.errors, 0);
});

test('a failure is told, and tried again later', async () => {
  const { source, asked, later, seen } = openSource(50);
  source.want(0, 50);
  asked[0]?.fail(new Error('no line'));
  await settle();
  assert.deepEqual([seen.errors, asked.length], [1, 1]);
  later[0]?.();
  assert.equal(asked.length, 2);
});

test('fewer rows than the index says are a mismatch, and asked for once', async () => {
  const { source, asked, seen } = openSource(100);
  source.want(0, 100);
  asked[0]?.answer(rows(0, 90));
  await settle();
  source.want(0, 100);
  assert.deepEqual([seen.mismatches, asked.length], [1, 1]);
  assert.equal(source.get(89), 'row 89');
});

test('the least recently used windows are forgotten', async () => {
  const { source, asked } = openSource(20_000);
  for (let first = 0; first < 8_000; first += 100) {
    source.want(first, first + 50);
    asked.at(-1)?.answer(rows(first, 100));
    await settle();
  }
  assert.equal(source.get(0), undefined);
  assert.equal(source.get(7_900), 'row 7900');
});

test('rows keep their place when others are taken out, and holes are fetched', async () => {
  const { source, asked } = openSource(200);
  source.want(0, 200);
  await answerAll(asked);
  source.remap((ordinal) => (ordinal < 3 ? -1 : ordinal - 3));
  assert.equal(source.get(0), 'row 3');
  assert.equal(source.get(196), 'row 199');
  source.want(0, 200);
  assert.equal(asked.length, 3);
  assert.equal(asked[2]?.first, 100);
});

test('reading takes what is here and fetches the rest', async () => {
  const { source, asked } = openSource(400);
  source.want(100, 200);
  await answerAll(asked);
  const reading = source.read(150, 260, new AbortController().signal);
  await settle();
  asked[1]?.answer(rows(200, 60));
  assert.deepEqual(await reading, rows(150, 110));
});
