// docs/seeded-bugs.md: which bug was put into the program, and which test noticed it. Rows of bugs that a run left out stay.
import { existsSync, readFileSync } from 'node:fs';
import type { SeededBug } from './seeded-bug.ts';

export const DOCUMENT = 'docs/seeded-bugs.md';
const ROW = /^\| `([a-z0-9-]+)` \|.*\|$/;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Bug id → its row, as the document has it. */
export function documentedRows(): Map<string, string> {
  if (!existsSync(DOCUMENT)) return new Map();
  const lines = readFileSync(DOCUMENT, 'utf8').split('\n');
  return new Map(lines.flatMap((line) => (ROW.test(line) ? [[ROW.exec(line)?.[1] ?? '', line]] : [])));
}

/** `caughtBy`: the test's name, or how else it showed. */
export function rowOf(bug: SeededBug, caughtBy: string): string {
  return `| \`${bug.id}\` | ${cell(bug.why)} | \`${bug.file}\` | ${cell(caughtBy)} | \`${bug.tests.join('` `')}\` |`;
}

/** The document with these rows in the order of the list; bugs without a row are left out. */
export function seededBugsDocument(bugs: readonly SeededBug[], rows: ReadonlyMap<string, string>): string {
  const areas = [...new Set(bugs.map(({ area }) => area))];
  const caught = bugs.filter(({ id }) => rows.has(id)).length;
  const sections = areas.map((area) => {
    const lines = bugs.filter((bug) => bug.area === area).flatMap(({ id }) => rows.get(id) ?? []);
    return `## ${area}\n\n| bug | what it would do | in | test that caught it | in |\n|---|---|---|---|---|\n${lines.join('\n')}\n`;
  });
  return `# Seeded bugs

Each of these bugs was put into a copy of the program, one at a time, and the test beside it failed; without the bug the same
test passes. \`npm run mutants\` does it again and writes this file (\`-- --only <word>\` for some of them, \`-- --jobs 1\` on a
small machine).

**${caught} of ${bugs.length} caught.**

${sections.join('\n')}`;
}
