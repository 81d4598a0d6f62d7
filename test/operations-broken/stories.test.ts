// The table of failures in docs/operations.md names checks, alerts and tests that exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { alertsEn } from '../../src/kernel/messages/alerts-en.ts';
import { doctorEn } from '../../src/kernel/messages/doctor-en.ts';

const ROOT = join(import.meta.dirname, '../..');
const LEAST_STORIES = 28;

test('every failure story is shown by a check, an alert or a test that is there', () => {
  const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
  const [, section = ''] = page.split('## What broke in older systems');
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| what broke'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  assert.ok(rows.length >= LEAST_STORIES, `${rows.length} rows`);
  for (const [, story, , shown = ''] of rows) {
    const named = [...shown.matchAll(/`([^`]+)`(?:: "([^"]+)")?/g)];
    assert.ok(named.length > 0, `${story}: nothing is named`);
    for (const [, name = '', title] of named) {
      if (!name.includes('/')) {
        assert.ok(name in doctorEn.checks || name in alertsEn.kinds, `${story}: there is no check ${name}`);
        continue;
      }
      assert.ok(existsSync(join(ROOT, name)), `${story}: there is no file ${name}`);
      assert.ok(title, `${story}: name the test of ${name}`);
      assert.ok(readFileSync(join(ROOT, name), 'utf8').includes(title), `${name} has no test "${title}"`);
    }
  }
});
