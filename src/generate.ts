// Writes the files that are derived from the program - `node src/generate.ts` - or tells which of them have drifted from
// it (`--check`, exit code 1). Nobody edits them by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderCliDocs } from './cli/cli-docs.ts';
import { allContracts } from './contracts.ts';
import { renderConfigurationDocs, renderEnvExample } from './kernel/config-docs.ts';
import { renderErrorDocs } from './kernel/error-docs.ts';
import { buildOpenApi } from './kernel/openapi.ts';

const ROOT = join(import.meta.dirname, '..');

function renderOpenApi(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return `${JSON.stringify(buildOpenApi(allContracts, { version }), null, 2)}\n`;
}

const GENERATED: Record<string, () => string> = {
  'openapi.json': renderOpenApi,
  'docs/errors.md': renderErrorDocs,
  'docs/configuration.md': renderConfigurationDocs,
  'docs/cli.md': renderCliDocs,
  '.env.example': renderEnvExample,
};

function currentText(path: string): string | null {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The number of the first line in which two texts differ, from 1. */
function firstDifference(a: string, b: string): number {
  const theirs = b.split('\n');
  return a.split('\n').findIndex((line, index) => line !== theirs[index]) + 1;
}

/** Prints each file that is missing or out of date; returns how many there are. */
function check(): number {
  let drifted = 0;
  for (const [path, render] of Object.entries(GENERATED)) {
    const expected = render();
    const current = currentText(path);
    if (current === expected) continue;
    drifted += 1;
    const how =
      current === null ? 'is missing' : `is out of date (line ${firstDifference(expected, current)})`;
    console.error(`${path} ${how}. Run "npm run generate" and commit the result.`);
  }
  return drifted;
}

function write(): void {
  for (const [path, render] of Object.entries(GENERATED)) {
    const text = render();
    if (currentText(path) === text) continue;
    writeFileSync(join(ROOT, path), text);
    console.log(`wrote ${path}`);
  }
}

if (process.argv.includes('--check')) process.exitCode = check() > 0 ? 1 : 0;
else write();
