// Durable accepts a second: Drawbridge (key, validation, idempotency, credit hold, task and event in one fsynced commit)
// beside BullMQ on Redis with `appendfsync always` behind the same Fastify route, in turns, in one run.
//   node bench/accept.ts [--seconds 6] [--rounds 3]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { load } from './load.ts';
import { type Child, median, printTable, startServer } from './side-by-side.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '6' }, rounds: { type: 'string', default: '3' } },
});
const SECONDS = Number(values.seconds);
const ROUNDS = Number(values.rounds);
const CONNECTIONS = [32, 256];
const BODY = JSON.stringify({
  prompt: 'a lighthouse by the sea at night',
  n: 1,
  size: '512x512',
  metadata: { user: 'u1' },
});

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'));
const servers: Child[] = [];
try {
  const drawbridge = await startServer('accept-drawbridge.ts', [join(folder, 'drawbridge')]);
  const bullmq = await startServer('accept-bullmq.ts', [join(folder, 'redis')]);
  servers.push(drawbridge, bullmq);
  const rows: string[][] = [];
  for (const connections of CONNECTIONS) {
    const rates = { drawbridge: [] as number[], bullmq: [] as number[] };
    const tails = { drawbridge: [] as number[], bullmq: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, server] of [
        ['drawbridge', drawbridge],
        ['bullmq', bullmq],
      ] as const) {
        const result = await load({
          url: `${server.url}/v1/tasks`,
          key: server.key,
          body: BODY,
          connections,
          seconds: SECONDS,
        });
        rates[name].push(result.perSecond);
        tails[name].push(result.p99Ms);
      }
    }
    const ratios = rates.drawbridge.map((rate, i) => rate / (rates.bullmq[i] ?? 1));
    rows.push([
      String(connections),
      median(rates.drawbridge).toFixed(0),
      median(rates.bullmq).toFixed(0),
      `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`,
      `${median(tails.drawbridge).toFixed(1)} / ${median(tails.bullmq).toFixed(1)}`,
    ]);
  }
  printTable(['connections', 'Drawbridge/s', 'BullMQ/s', 'ratio (range)', 'p99 ms, ours / BullMQ'], rows);
} finally {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
}
