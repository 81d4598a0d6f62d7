// Many tasks that wait at a slow provider on one node, beside BullMQ jobs that look and move themselves back to the delayed
// set of a Redis that fsyncs every write: how late polls start, what waiting costs of a core, and memory, each side's over
// all its threads and processes.
// On 2 cores that others used as well, 2,000 tasks polled every 5 s (late ms p50/p99/max, core, RSS; goals 2 s, 10 %, 300 MB):
//   silent jobs:        Drawbridge 0.5/50/146, 4.3 %, 261 MB; BullMQ 1070/1639/1734, 11.3 %, 183 MB: 0.38 of its core time
//   progress each time: Drawbridge 0.8/25/83,  6.6 %, 263 MB; BullMQ 529/1348/1385,  17.7 %, 187 MB: 0.37 of its core time
// Before changes of many tasks shared their commits (tasks/progress-writer.ts) the second line was 26 % and 334 MB.
//   node bench/waiting-tasks.ts [--tasks 2000] [--poll-ms 5000] [--seconds 30] [--job-seconds 600] [--side both|drawbridge]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { PollWindow } from './servers/polls.ts';
import { type Child, percentile, printTable, startServer } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '2000' },
    'poll-ms': { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '30' },
    'job-seconds': { type: 'string', default: '600' },
    side: { type: 'string', default: 'both' },
  },
});
const TASKS = Number(values.tasks);
const SECONDS = Number(values.seconds);
const GOAL_LATE_MS = 2_000;
const GOAL_CORE_SHARE = 0.1;
const GOAL_RSS_BYTES = 300 * 1024 * 1024;
const POSTS_AT_ONCE = 50;
const LOOK_MS = 100;
/** As bin/drawbridge starts it; the peer gets the same. */
const NODE_OPTIONS = ['--max-semi-space-size=4'];
const BODY = JSON.stringify({ prompt: 'a lighthouse by the sea at night', size: '512x512' });

async function fill(server: Child): Promise<void> {
  const post = async () => {
    const answer = await fetch(`${server.url}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      body: BODY,
    });
    if (answer.status !== 202) throw new Error(`${server.url} answered ${answer.status}`);
    await answer.arrayBuffer();
  };
  for (let sent = 0; sent < TASKS; sent += POSTS_AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(POSTS_AT_ONCE, TASKS - sent) }, post));
  for (;;) {
    const { waiting } = (await (await fetch(`${server.url}/bench/waiting`)).json()) as { waiting: number };
    if (waiting >= TASKS) return;
    await delay(LOOK_MS);
  }
}

async function measure(file: string, progress: 'progress' | 'silent'): Promise<PollWindow> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'));
  const settings = [values['poll-ms'], progress, values['job-seconds']];
  const server = await startServer(file, [folder, ...settings], NODE_OPTIONS);
  try {
    await fill(server);
    // One round, so that code and connections are warm.
    await delay(Number(values['poll-ms']));
    await fetch(`${server.url}/bench/reset`);
    await delay(SECONDS * 1000);
    return (await (await fetch(`${server.url}/bench/window`)).json()) as PollWindow;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const share = ({ cpuMs, wallMs }: PollWindow) => cpuMs / wallMs;
const mark = (isMet: boolean) => (isMet ? 'met' : 'MISSED');

for (const progress of ['silent', 'progress'] as const) {
  const ours = await measure('waiting-drawbridge.ts', progress);
  const sides: [string, PollWindow][] = [['Drawbridge', ours]];
  if (values.side !== 'drawbridge') sides.push(['BullMQ', await measure('waiting-bullmq.ts', progress)]);
  console.log(`\n${TASKS} tasks, polled every ${values['poll-ms']} ms, ${progress}`);
  printTable(
    ['', 'polls/s', 'late ms p50/p99/max', 'of one core', 'RSS', 'longest pause'],
    sides.map(([name, window]) => [
      name,
      (window.polls / (window.wallMs / 1000)).toFixed(0),
      [0.5, 0.99, 1].map((part) => percentile(window.lateness, part).toFixed(1)).join(' / '),
      `${(share(window) * 100).toFixed(1)} %`,
      `${(window.rssBytes / 2 ** 20).toFixed(0)} MB`,
      `${window.longestPauseMs.toFixed(0)} ms`,
    ]),
  );
  const latest = percentile(ours.lateness, 1);
  console.log(
    `goals: late < ${GOAL_LATE_MS} ms ${mark(latest < GOAL_LATE_MS)}, core < ${GOAL_CORE_SHARE * 100} % ${mark(share(ours) < GOAL_CORE_SHARE)}, RSS < ${GOAL_RSS_BYTES / 2 ** 20} MB ${mark(ours.rssBytes < GOAL_RSS_BYTES)}`,
  );
  const theirs = sides[1]?.[1];
  if (theirs) console.log(`core time of Drawbridge to BullMQ: ${(share(ours) / share(theirs)).toFixed(2)}`);
}
