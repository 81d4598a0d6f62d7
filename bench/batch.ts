// A batch of ten thousand in a server that is killed five times while it runs: how long accepting it takes, what comes of it, and
// how long a single picture of another account takes beside it, against an idle server (G18: at most twice).
// SQLite, two processors: accepted in 0.9 s, done after 205 s with five kills, 10,000 pictures in the ZIP, a single picture takes
// 1.07 times its idle time (p95 1.38).
//   node bench/batch.ts [--items 10000] [--kills 5] [--paint-ms 250] [--singles 20]
// How long accepting alone takes, on both databases, several batches one after another on each server. Of processor time a batch of
// 10,000 takes PostgreSQL 0.5-0.7 s and the program 0.5-0.6 s; with SQLite the program takes 0.6-1.1 s.
//   node bench/batch.ts --accepts 5 [--items 10000] [--databases sqlite,postgres]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MODEL, PRICE_CREDITS } from '../test/batches/batch-node.ts';
import { runFlood, waits } from '../test/batches/flood.ts';
import { freePort, startServerProcess } from '../test/chaos/server-process.ts';
import { startServer as startPostgres } from '../test/harness/postgres.ts';
import { median, printTable } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '5' },
    'paint-ms': { type: 'string', default: '250' },
    singles: { type: 'string', default: '20' },
    accepts: { type: 'string', default: '0' },
    databases: { type: 'string', default: 'sqlite,postgres' },
  },
});
const items = Number(values.items);
const ADMIN_KEY = 'dbk_batch-bench-key-of-more-than-enough-length';
const NODE = join(import.meta.dirname, '../test/batches/batch-node.ts');
/** Longer than the measurement: what was accepted before does not run beside it. */
const PAINT_MS = 600_000;

/** Milliseconds from sending a batch to its 202, for each of `count`, whose prompts differ. */
async function acceptTimes(database: string, count: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-batch-bench-'));
  const postgres = database === 'postgres' ? await startPostgres() : null;
  const port = await freePort();
  const server = startServerProcess({
    cwd: folder,
    env: {
      DRAWBRIDGE_DATA_DIR: join(folder, 'data'),
      DRAWBRIDGE_PORT: String(port),
      DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
      DRAWBRIDGE_CREDITS_STARTING_GRANT: String(items * count * PRICE_CREDITS),
      DRAWBRIDGE_TASKS_MAX_QUEUED_BATCH_ITEMS: String(items * count),
      DRAWBRIDGE_SANDBOX_ENABLED: 'false',
      DRAWBRIDGE_LOG_LEVEL: 'error',
      BATCH_PAINT_MS: String(PAINT_MS),
      ...(postgres ? { DATABASE_URL: postgres.url(await postgres.createDatabase()) } : {}),
    },
    command: [process.execPath, NODE],
  });
  const times: number[] = [];
  try {
    await server.ready;
    for (let batch = 0; batch < count; batch += 1) {
      const lines = Array.from({ length: items }, (_, n) => `picture ${n} of batch ${batch}`).join('\n');
      const body = JSON.stringify({ lines, defaults: { model: MODEL, size: '64x64' } });
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
      const startedAt = performance.now();
      const answer = await fetch(`http://127.0.0.1:${port}/v1/batches`, { method: 'POST', headers, body });
      if (!answer.ok) throw new Error(`A batch was answered with ${answer.status}: ${await answer.text()}`);
      await answer.text();
      times.push(performance.now() - startedAt);
    }
    return times;
  } finally {
    await server.kill('SIGKILL');
    await postgres?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints how long accepting took on each of the databases. */
async function compareAccepts(count: number): Promise<void> {
  const rows: string[][] = [];
  for (const database of values.databases.split(',')) {
    const times = (await acceptTimes(database, count)).map(Math.round);
    rows.push([database, String(times[0]), String(median(times)), String(Math.max(...times))]);
  }
  printTable(['database', 'first ms', 'median ms', 'slowest ms'], rows);
}

async function runWithKills(): Promise<boolean> {
  const report = await runFlood({
    items,
    kills: Number(values.kills),
    paintMs: Number(values['paint-ms']),
    singles: Number(values.singles),
    limitMs: 2 * 3600_000,
    report: (line) => console.log(line),
  });
  const { idle, beside, besideP95 } = waits(report);
  console.log(
    `accepted in ${Math.round(report.createMs)} ms, finished after ${Math.round(report.seconds)} s`,
  );
  console.log(`counts ${JSON.stringify(report.counts)}, ${report.zipped} pictures in the ZIP`);
  console.log(`captured ${report.captured} of ${items * PRICE_CREDITS} credits, ${report.held} still held`);
  console.log(
    `a single picture, median: ${Math.round(idle)} ms idle, ${Math.round(beside)} ms beside the batch`,
  );
  console.log(`ratio ${(beside / idle).toFixed(2)} (p95 ${(besideP95 / idle).toFixed(2)})`);
  for (const finding of report.findings) console.log(`doctor: ${finding}`);
  return (
    report.counts.succeeded === items &&
    report.zipped === items &&
    report.held === 0 &&
    report.findings.length === 0
  );
}

const accepts = Number(values.accepts);
if (accepts > 0) await compareAccepts(accepts);
else process.exit((await runWithKills()) ? 0 : 1);
