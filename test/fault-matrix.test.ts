// docs/fault-matrix.md says which tests show which fault; it must say what is true now.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { faultMatrixDocument, testsById } from './fault-matrix.ts';

test('the fault matrix in the docs names the tests that there are', () => {
  const written = readFileSync('docs/fault-matrix.md', 'utf8');
  assert.equal(written, faultMatrixDocument(), 'run `npx node test/fault-matrix.ts`');
});

test('each row is one id, and a row that a test names is found', () => {
  const tests = testsById();
  assert.equal(tests.size, 91);
  assert.ok(tests.get('T4') === undefined);
  assert.ok(tests.get('S3')?.some((path) => path.startsWith('src/providers/')));
});
