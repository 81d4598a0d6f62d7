// What test processes make once and share: kept beside the installed packages, and made anew when the schema changes.
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'node_modules/.cache/drawbridge-test');
const MIGRATIONS = join(ROOT, 'migrations');
const MIGRATOR = join(ROOT, 'src/kernel/migrate.ts');

/** The path of a cached thing that belongs to the schema of this checkout. */
export function schemaCachePath(name: string): string {
  return join(FOLDER, `${name}-${schemaFingerprint()}`);
}

/** Whether something can be kept here; makes the folder. */
export function canKeep(): boolean {
  try {
    mkdirSync(FOLDER, { recursive: true });
    accessSync(FOLDER, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Removes what belongs to other schemas, when the one for this schema is made. */
export function removeOutdated(name: string): void {
  const current = schemaFingerprint();
  for (const kept of readdirSync(FOLDER))
    if (kept.startsWith(`${name}-`) && !kept.includes(current))
      rmSync(join(FOLDER, kept), { recursive: true, force: true });
}

function schemaFingerprint(): string {
  const hash = createHash('sha256').update(readFileSync(MIGRATOR));
  for (const file of readdirSync(MIGRATIONS).sort())
    hash.update(file).update(readFileSync(join(MIGRATIONS, file)));
  return hash.digest('hex').slice(0, 16);
}
