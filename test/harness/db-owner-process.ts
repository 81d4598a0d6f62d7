// A process of its own that owns a data directory: it writes without end and prints each id once its write is acknowledged.
// Run as `node db-owner-process.ts <data directory> <prefix>`; tests kill it.
import { openSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { addItem, createItems } from './db-writes.ts';

const CALLERS = 16;
const [, , dataDir = '', prefix = ''] = process.argv;
const db = await openSqliteDb({ dataDir });
if (prefix === 'first') await db.write(createItems, null);

async function writeForEver(caller: number): Promise<never> {
  for (let round = 0; ; round++) {
    const id = await db.write(addItem, { id: `${prefix}-${caller}-${round}`, amount: round, note: null });
    // Waits until the line is out: what is printed was acknowledged, and what was acknowledged is mostly printed.
    await new Promise((resolve) => process.stdout.write(`${id}\n`, resolve));
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => writeForEver(caller)));
