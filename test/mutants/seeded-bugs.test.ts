// The list of seeded bugs fits the program as it is: each has its one place, its tests exist, and docs/seeded-bugs.md names it.
// That a test notices each is shown by `npm run mutants`, which takes too long to run every time.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { test } from 'node:test';
import { DOCUMENT, documentedRows } from './document.ts';
import { AREAS, type SeededBug, seed } from './seeded-bug.ts';
import { SEEDED_BUGS } from './seeded-bugs.ts';

const LEAST_BUGS = 40;

test('there are at least forty seeded bugs, in every area, each with a name of its own', () => {
  assert.ok(SEEDED_BUGS.length >= LEAST_BUGS);
  assert.equal(new Set(SEEDED_BUGS.map(({ id }) => id)).size, SEEDED_BUGS.length);
  assert.deepEqual([...new Set(SEEDED_BUGS.map(({ area }) => area))], [...AREAS]);
});

test('each seeded bug has exactly one place in the program, and the program with it still parses', () => {
  for (const bug of SEEDED_BUGS) {
    const text = readFileSync(bug.file, 'utf8');
    const changed = seed(bug, text);
    assert.notEqual(changed, text, bug.id);
    assert.doesNotThrow(() => stripTypeScriptTypes(changed), bug.id);
  }
});

test('a bug whose place moved or is there twice is noticed', () => {
  const bug = { ...SEEDED_BUGS[0], id: 'x', find: 'a', replace: 'b' } as SeededBug;
  assert.equal(seed(bug, 'xax'), 'xbx');
  assert.throws(() => seed(bug, 'xx'), /0 times/);
  assert.throws(() => seed(bug, 'aa'), /2 times/);
});

test('the tests that must notice the seeded bugs exist', () => {
  for (const { id, tests } of SEEDED_BUGS) {
    assert.ok(tests.length > 0, id);
    for (const file of tests) assert.ok(existsSync(file) && file.endsWith('.test.ts'), `${id}: ${file}`);
  }
});

test('the document lists every seeded bug, and no other', () => {
  const listed = [...documentedRows().keys()];
  assert.deepEqual(
    listed,
    SEEDED_BUGS.map(({ id }) => id),
    `run "npm run mutants"; ${DOCUMENT} is not complete`,
  );
});
