// Tells a test that what was written before it asked is on disk: where a test moves the time on, the program's own work must not
// fall behind it because the machine is busy.
import { type Db, registerWrites } from '../../src/kernel/db.ts';

async function writeNothing(): Promise<void> {}

/** Resolves once all writes that were asked for before are committed. */
export function writesDone(db: Db): Promise<void> {
  return db.write(writeNothing, null);
}

registerWrites(import.meta.url, { writeNothing });
