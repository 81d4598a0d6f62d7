// A batch of ten thousand in a server that is killed five times while it runs: how long accepting it takes, what comes of it, and
// how long a single picture of another account takes beside it, against an idle server (G18: at most twice).
// SQLite, two processors: accepted in 0.9 s, done after 205 s with five kills, 10,000 pictures in the ZIP, a single picture takes
// 1.07 times its idle time (p95 1.38).
//   node bench/batch.ts [--items 10000] [--kills 5] [--paint-ms 250] [--singles 20]
import { parseArgs } from 'node:util';
import { PRICE_CREDITS } from '../test/batches/batch-node.ts';
import { runFlood, waits } from '../test/batches/flood.ts';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '5' },
    'paint-ms': { type: 'string', default: '250' },
    singles: { type: 'string', default: '20' },
  },
});
const items = Number(values.items);
const report = await runFlood({
  items,
  kills: Number(values.kills),
  paintMs: Number(values['paint-ms']),
  singles: Number(values.singles),
  limitMs: 2 * 3600_000,
  report: (line) => console.log(line),
});
const { idle, beside, besideP95 } = waits(report);
console.log(`accepted in ${Math.round(report.createMs)} ms, finished after ${Math.round(report.seconds)} s`);
console.log(`counts ${JSON.stringify(report.counts)}, ${report.zipped} pictures in the ZIP`);
console.log(`captured ${report.captured} of ${items * PRICE_CREDITS} credits, ${report.held} still held`);
console.log(
  `a single picture, median: ${Math.round(idle)} ms idle, ${Math.round(beside)} ms beside the batch`,
);
console.log(`ratio ${(beside / idle).toFixed(2)} (p95 ${(besideP95 / idle).toFixed(2)})`);
for (const finding of report.findings) console.log(`doctor: ${finding}`);
const isWhole =
  report.counts.succeeded === items &&
  report.zipped === items &&
  report.held === 0 &&
  report.findings.length === 0;
process.exit(isWhole ? 0 : 1);
