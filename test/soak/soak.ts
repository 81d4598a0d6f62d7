// Steady work with faults for some minutes against a real server, and what it does to memory, open files and the data:
// `npm run soak -- --minutes 3`. Ends with 1 when memory grows by more than 5 % after the warm-up, when files stay open, or
// when the doctor finds an error.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startServerProcess } from '../chaos/server-process.ts';

const ADMIN_KEY = 'dbk_soak-admin-key-of-more-than-enough-length';
const SAMPLE_MS = 1_000;
/** Tasks that are wanted unfinished at any time. */
const LOAD = 12;
/** Most tasks go well: each fifth is one that may not. */
const FAULTY_EVERY = 5;
const CANCEL_EVERY = 10;
/** The share of the time whose samples do not count. */
const WARM_UP_SHARE = 0.4;
const MOST_GROWTH = 0.05;
/** Connections come and go; what leaks is more than this. */
const MOST_MORE_FILES = 10;
const END_LIMIT_MS = 120_000;
/** Every kind of answer, most of them good; `stuck` tasks end at their deadline. */
const FAULTS =
  'unavailable=0.05,rate_limited=0.03,submit_timeout_created=0.04,submit_timeout_absent=0.03,poll_error=0.05,failed=0.05,lost=0.03,stuck=0.01,corrupt=0.02,fewer=0.03,extra=0.03';
const BYTES_PER_MB = 1024 * 1024;

interface Sample {
  rssBytes: number;
  files: number;
  handles: number;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes takes a number above zero');

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-soak-'));
const server = startServerProcess({
  cwd: folder,
  env: {
    DRAWBRIDGE_DATA_DIR: join(folder, 'data'),
    DRAWBRIDGE_PORT: '0',
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
    DRAWBRIDGE_SANDBOX_CONCURRENCY: '4',
    DRAWBRIDGE_SANDBOX_FAULTS: FAULTS,
    DRAWBRIDGE_TASKS_DEADLINE_S: '30',
    DRAWBRIDGE_WATCHDOG_INTERVAL_S: '10',
    DRAWBRIDGE_WATCHDOG_GRACE_S: '5',
    DRAWBRIDGE_LOG_LEVEL: 'error',
  },
});
process.exitCode = 1;
try {
  process.exitCode = (await soak(await server.ready)) ? 0 : 1;
} finally {
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}

async function soak(url: string): Promise<boolean> {
  const endsAt = Date.now() + minutes * 60_000;
  const samples: Sample[] = [];
  const counts = new Map<string, number>();
  let created = 0;
  const paint = async (): Promise<void> => {
    while (Date.now() < endsAt) {
      const task = await call(url, 'POST', '/v1/tasks', {
        prompt: 'a soaked lighthouse',
        model: created % FAULTY_EVERY === 0 ? 'sandbox-flaky' : 'sandbox',
        n: 2,
      });
      created += 1;
      if (created % CANCEL_EVERY === 0) await call(url, 'POST', `/v1/tasks/${String(task.id)}/cancel`);
      const { status } = await waitForEnd(url, task.id as string);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  const work = Promise.all(Array.from({ length: LOAD }, paint));
  while (Date.now() < endsAt) {
    await sleep(SAMPLE_MS);
    samples.push(await sample(url));
  }
  await work;
  return report(url, samples, counts);
}

async function waitForEnd(url: string, id: string): Promise<{ status: string }> {
  for (const startedAt = Date.now(); Date.now() - startedAt < END_LIMIT_MS; ) {
    const task = await call(url, 'GET', `/v1/tasks/${id}`);
    if (task.finished_at !== null) return { status: String(task.status) };
    await sleep(200);
  }
  throw new Error(`${id} did not end`);
}

async function sample(url: string): Promise<Sample> {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const metrics = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })
  ).text();
  return {
    rssBytes: rssKb * 1024,
    files: readdirSync(`/proc/${server.pid}/fd`).length,
    handles: Number(/^nodejs_active_handles_total (\d+)/m.exec(metrics)?.[1] ?? 0),
  };
}

async function report(
  url: string,
  samples: readonly Sample[],
  counts: ReadonlyMap<string, number>,
): Promise<boolean> {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const quarter = Math.max(1, Math.floor(warm.length / 4));
  const [first, last] = [warm.slice(0, quarter), warm.slice(-quarter)];
  const middle = (some: readonly Sample[], key: keyof Sample) =>
    some.map((one) => one[key]).toSorted((a, b) => a - b)[Math.floor(some.length / 2)] ?? 0;
  const growth = middle(last, 'rssBytes') / middle(first, 'rssBytes') - 1;
  const moreFiles = middle(last, 'files') - middle(first, 'files');
  const doctor = await call(url, 'POST', '/v1/admin/doctor', { deep: true });
  const findings = doctor.findings as { id: string; severity: string; what: string; evidence: string[] }[];
  const runs = (await call(url, 'GET', '/v1/admin/watchdog/runs?limit=100')).data as { found: number }[];
  const mb = (some: readonly Sample[]) => Math.round(middle(some, 'rssBytes') / BYTES_PER_MB);
  console.log(`tasks        ${[...counts].map(([status, count]) => `${status} ${count}`).join(', ')}`);
  console.log(`memory       ${mb(first)} MB -> ${mb(last)} MB after warm-up: ${(growth * 100).toFixed(1)} %`);
  console.log(`open files   ${middle(first, 'files')} -> ${middle(last, 'files')}`);
  console.log(`handles      ${middle(first, 'handles')} -> ${middle(last, 'handles')}`);
  console.log(
    `watchdog     ${runs.length} runs, ${runs.reduce((sum, { found }) => sum + found, 0)} findings`,
  );
  console.log(`doctor       ${findings.length} findings`);
  for (const { id, severity, what, evidence } of findings)
    console.log(`  ${severity} ${id}: ${what} ${evidence.slice(0, 3).join('; ')}`);
  const hasErrors = findings.some(({ severity }) => severity === 'error');
  return growth <= MOST_GROWTH && moreFiles <= MOST_MORE_FILES && !hasErrors;
}

async function call(
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? (method === 'POST' ? { body: '{}' } : {}) : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
  return JSON.parse(text) as Record<string, unknown>;
}
