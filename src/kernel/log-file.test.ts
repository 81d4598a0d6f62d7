// The log's file on a real disk: its size is bounded, its lines are whole, and others may move it away.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLogger } from './log.ts';
import { LogFile, rotatedFiles } from './log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MAX_BYTES = 2_000;

test('all files together are bounded, and every line in them is whole and in order', async () => {
  const path = join(folder, 'a', 'drawbridge.log');
  const log = await createLogger({ level: 'info', format: 'json', file: path, fileBytes: MAX_BYTES });
  for (let number = 0; number < 500; number += 1) log.info({ number }, 'a line');
  log.flush();
  const paths = [path, ...rotatedFiles(path)];
  assert.ok(!existsSync(`${path}.6`), 'the oldest is gone');
  const lines = paths.toReversed().flatMap((file) => {
    assert.ok(statSync(file).size <= MAX_BYTES, file);
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  });
  const numbers = lines.map((line) => (JSON.parse(line) as { number: number }).number);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => 500 - numbers.length + index),
    'the last lines, none missing between them',
  );
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test('a line larger than a file is written all the same', () => {
  const path = join(folder, 'large.log');
  const file = new LogFile({ path, maxBytes: 100, kept: 2 });
  file.write(`${'a'.repeat(300)}\n`);
  file.write('b\n');
  assert.equal(readFileSync(path, 'utf8'), 'b\n');
  assert.equal(readFileSync(`${path}.1`, 'utf8').length, 301);
});

test('a start goes on in the file that is there, and reopen follows one that was moved away', () => {
  const path = join(folder, 'again.log');
  new LogFile({ path }).write('one\n');
  const file = new LogFile({ path });
  file.write('two\n');
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
  renameSync(path, `${path}.moved`);
  file.write('three\n');
  file.reopen();
  file.write('four\n');
  assert.equal(readFileSync(path, 'utf8'), 'four\n');
  assert.match(readFileSync(`${path}.moved`, 'utf8'), /three/);
});

test('a disk that takes no more loses lines and nothing else', { skip: !existsSync('/dev/full') }, () => {
  const file = new LogFile({ path: '/dev/full' });
  file.write('lost\n');
  file.flush();
});
