// docs/dependencies.md names every direct dependency with its reason, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** The packages in the first column of a section's table. */
function packagesUnder(title: string): string[] {
  const section =
    readFileSync('docs/dependencies.md', 'utf8').split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  for (const row of rows) assert.match(row, /\| [^|]{4,} \|$/, 'a reason');
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

test('each dependency has its reason in docs/dependencies.md', () => {
  assert.deepEqual(packagesUnder('At run time').sort(), Object.keys(manifest.dependencies).sort());
  assert.deepEqual(packagesUnder('For development').sort(), Object.keys(manifest.devDependencies).sort());
});
