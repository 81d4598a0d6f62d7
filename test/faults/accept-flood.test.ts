// One account that floods the server, and what another notices of it: it is served as if the others were few.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';

const FLOOD_CLIENTS = 32;
const CAP = 500;
const PROBES = 12;
const CONCURRENCY = 8;
/** What a job takes; no two alike, so that places become free one by one. */
const SHORTEST_JOB_MS = 300;
const LONGEST_JOB_MS = 800;

async function newAccount(app: TestApp) {
  const { json } = await app.request('POST', '/v1/admin/accounts', { name: 'x', grant_credits: 10_000 });
  const key = await app.request('POST', '/v1/keys', { name: 'key' }, { 'x-account-id': json.id });
  return { authorization: `Bearer ${key.json.key}` };
}

/** The value below which 95 of 100 lie. */
const p95 = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN;

for (const { kind, flood, skip } of [
  { kind: 'sqlite', flood: 10_000, skip: false },
  // The same code; the claim's and the count's own queries are what differs.
  { kind: 'postgres', flood: 1_500, skip: postgresUnavailable() ?? false },
] as const) {
  test(`A8 a flood of ${flood} tasks ends at the account's cap and doubles nobody else's wait, on ${kind}`, {
    skip,
  }, async (t) => {
    const provider = new ScriptedProvider();
    let submitted = 0;
    const started: string[] = [];
    provider.submit = async (call) => {
      submitted += 1;
      started.push(call.request.prompt);
      const step = (submitted * 97) % (LONGEST_JOB_MS - SHORTEST_JOB_MS);
      return {
        state: 'accepted',
        jobId: `job-${submitted}`,
        pollAfterMs: SHORTEST_JOB_MS + step,
      };
    };
    provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
    const app = await startTestApp({
      database: kind,
      providers: [{ adapter: provider, lane: { concurrency: CONCURRENCY, deadlineMs: 600_000 } }],
      env: { DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: String(CAP) },
    });
    t.after(() => app.close());
    const [flooder, other] = [await newAccount(app), await newAccount(app)];
    const probe = async (i: number) => {
      const startedAt = performance.now();
      const body = { prompt: `other ${i}`, model: 'scripted' };
      const { json } = await app.request('POST', '/v1/tasks', body, { ...other, prefer: 'wait=30' });
      assert.equal(json.status, 'succeeded', JSON.stringify(json));
      return performance.now() - startedAt;
    };
    const waits = async () => {
      const times: number[] = [];
      for (let i = 0; i < PROBES; i += 1) times.push(await probe(i));
      return p95(times);
    };
    const idleMs = await waits();

    const answers = { accepted: 0, refused: 0 };
    let sent = 0;
    await Promise.all(
      Array.from({ length: FLOOD_CLIENTS }, async () => {
        while (sent < flood) {
          sent += 1;
          const body = { prompt: 'flood', model: 'scripted' };
          const answer = await app.request('POST', '/v1/tasks', body, flooder);
          if (answer.status === 202) answers.accepted += 1;
          else if (answer.json.code === 'database_unavailable') {
            // A busy database server says so instead of letting callers wait; they come again.
            assert.ok(Number(answer.headers.get('retry-after')) > 0);
            sent -= 1;
          } else {
            assert.deepEqual([answer.status, answer.json.code], [429, 'rate_limited'], answer.text);
            assert.ok(Number(answer.headers.get('retry-after')) > 0);
            answers.refused += 1;
          }
        }
      }),
    );
    // What was finished meanwhile made room; never was there more than the cap.
    const finished = started.filter((prompt) => prompt === 'flood').length;
    assert.equal(answers.accepted + answers.refused, flood);
    assert.ok(answers.accepted >= CAP && answers.accepted <= CAP + finished, JSON.stringify(answers));
    const { json: status } = await app.request('GET', '/v1/credits', undefined, flooder);
    assert.ok(status.held_credits <= CAP, `${status.held_credits} open tasks`);

    started.length = 0;
    const floodedMs = await waits();
    const ratio = floodedMs / idleMs;
    t.diagnostic(
      `p95 of the other: ${idleMs.toFixed(0)} ms idle, ${floodedMs.toFixed(0)} ms in the flood (${ratio.toFixed(2)})`,
    );
    assert.ok(ratio <= 2, `p95: ${idleMs} ms idle, ${floodedMs} ms in the flood`);
    // Claimed in turns: between two of the other's, no more of the flood than there are places and their successors.
    const places = started.flatMap((prompt, at) => (prompt.startsWith('other') ? [at] : []));
    const gaps = places.slice(1).map((at, i) => at - (places[i] ?? 0) - 1);
    assert.equal(places.length, PROBES);
    assert.ok(Math.max(...gaps) <= 3 * CONCURRENCY, gaps.join(' '));
    await until(async () => (await app.request('GET', '/readyz')).status === 200);
  });
}
