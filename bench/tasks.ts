// Tasks end to end beside a bare BullMQ worker that does the same picture work (full decode, thumbnail, two durable files):
// tasks a second in a burst, and what each adds to the provider's own time - from accept to provider call, and from the
// provider's answer to a readable picture. The provider answers at once with one painted picture.
//   node bench/tasks.ts [--burst 400] [--paced 100] [--rounds 3]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { paintPng } from '../src/providers/sandbox/paint.ts';
import type { TaskTimes } from './servers/instant-picture.ts';
import { type Child, median, percentile, printTable, startServer } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    burst: { type: 'string', default: '400' },
    paced: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
  },
});
/** Well below what either side can do, so that the latencies are those of an unhurried server. */
const PACE_MS = 100;
const POLL_MS = 20;
const BODY = JSON.stringify({ prompt: 'a lighthouse by the sea at night', size: '512x512' });

async function post(server: Child, count: number, paceMs: number): Promise<void> {
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < count; i += 1) {
    calls.push(
      fetch(`${server.url}/v1/tasks`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
        body: BODY,
      }).then((answer) => {
        if (answer.status !== 202) throw new Error(`${server.url} answered ${answer.status}`);
        return answer.arrayBuffer();
      }),
    );
    if (paceMs > 0) await delay(paceMs);
  }
  await Promise.all(calls);
}

/** The times of the tasks posted since the last call, once all of them are done. */
async function finished(server: Child, count: number): Promise<TaskTimes[]> {
  for (;;) {
    const times = (await (await fetch(`${server.url}/bench/times`)).json()) as TaskTimes[];
    if (times.length >= count) return (await fetch(`${server.url}/bench/reset`)).ok ? times : [];
    await delay(POLL_MS);
  }
}

const burst = Number(values.burst);
const paced = Number(values.paced);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'));
const servers: Record<string, Child> = {};
try {
  const picture = join(folder, 'picture.png');
  const wanted = {
    prompt: 'misty mountains at dawn',
    negativePrompt: null,
    seed: 1,
    width: 512,
    height: 512,
  };
  writeFileSync(picture, await paintPng(wanted));
  servers.Drawbridge = await startServer('tasks-drawbridge.ts', [join(folder, 'drawbridge'), picture]);
  servers.BullMQ = await startServer('tasks-bullmq.ts', [join(folder, 'redis'), picture]);
  const seen = new Map(
    Object.keys(servers).map((name) => [name, { rates: [] as number[], times: [] as TaskTimes[] }]),
  );
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [name, server] of Object.entries(servers)) {
      await post(server, 10, 0);
      await finished(server, 10);
      const startedAt = performance.now();
      await post(server, burst, 0);
      await finished(server, burst);
      seen.get(name)?.rates.push(burst / ((performance.now() - startedAt) / 1000));
      await post(server, paced, PACE_MS);
      seen.get(name)?.times.push(...(await finished(server, paced)));
    }
  }
  const rows = [...seen].map(([name, { rates, times }]) => {
    const toProvider = times.map((time) => time.calledAt - time.acceptedAt);
    const toPicture = times.map((time) => time.readableAt - time.answeredAt);
    const pair = (all: number[]) =>
      `${percentile(all, 0.5).toFixed(1)} / ${percentile(all, 0.99).toFixed(1)}`;
    return [name, median(rates).toFixed(0), pair(toProvider), pair(toPicture)];
  });
  printTable(
    ['', 'tasks/s (burst)', 'accept to provider, ms p50/p99', 'answer to picture, ms p50/p99'],
    rows,
  );
  const [ours, theirs] = [...seen.values()];
  const ratios = (ours?.rates ?? []).map((rate, i) => rate / (theirs?.rates[i] ?? 1));
  console.log(
    `ratio of tasks/s: ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`,
  );
} finally {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
}
