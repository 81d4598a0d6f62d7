import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { JOB_KEPT_MS, JobLog, jobIdOf, type LoggedJob, type LogLine, readJobLog } from './job-log.ts';

function job(ref: string, acceptedAt = 1000): LoggedJob {
  const request = {
    mode: 'text-to-image' as const,
    prompt: '海\n"x"',
    negative_prompt: null,
    width: 64,
    height: 64,
    n: 1,
    seed: 1,
    strength: null,
    images: [],
    mask: null,
  };
  return {
    job_id: jobIdOf(ref),
    client_ref: ref,
    accepted_at: acceptedAt,
    ready_at: acceptedAt,
    model: 'sandbox',
    fault: null,
    request,
  };
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-log-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function openLog(folder: string, nowMs: number, seen: LogLine[] = []): Promise<JobLog> {
  return JobLog.open(folder, nowMs, {
    onLine: (line) => seen.push(line),
    isKnown: (line) => seen.some((other) => other.job_id === line.job_id),
  });
}

test('lines written together are all there, one each, and read again at the next start', () =>
  inFolder(async (folder) => {
    const log = await openLog(folder, 1000);
    await Promise.all(Array.from({ length: 300 }, (_, i) => log.append(job(`ref-${i}`))));
    await Promise.all([log.append(job('ref-1')), log.append(job('ref-1'))]);
    await log.close();
    const text = await readFile(join(folder, 'jobs.jsonl'), 'utf8');
    assert.equal(text.trimEnd().split('\n').length, 300);
    const seen: LogLine[] = [];
    await (await openLog(folder, 1000, seen)).close();
    assert.deepEqual(
      seen,
      (await readJobLog(folder)).map(({ cancelled_at: _, ...rest }) => rest),
    );
    assert.equal(seen.length, 300);
  }));

test('a torn last line is not a job, and does not spoil the line that follows it', () =>
  inFolder(async (folder) => {
    const log = await openLog(folder, 1000);
    await log.append(job('whole'));
    await log.close();
    await appendFile(join(folder, 'jobs.jsonl'), JSON.stringify(job('torn')).slice(0, 90));
    const again = await openLog(folder, 1000);
    await again.append(job('after'));
    await again.close();
    assert.deepEqual(
      (await readJobLog(folder)).map((one) => one.client_ref),
      ['whole', 'after'],
    );
  }));

test('what another process writes is taken in before the next line, and no reference is written twice', () =>
  inFolder(async (folder) => {
    const seen: LogLine[] = [];
    const [mine, other] = [await openLog(folder, 1000, seen), await openLog(folder, 1000)];
    await other.append(job('shared'));
    await mine.append(job('shared'));
    await mine.append(job('own'));
    assert.deepEqual(
      seen.map((line) => line.job_id),
      [jobIdOf('shared'), jobIdOf('own')],
    );
    assert.equal((await readJobLog(folder)).length, 2);
    await mine.close();
    await other.close();
  }));

test('jobs older than a day go at the start, with their cancellations', () =>
  inFolder(async (folder) => {
    const log = await openLog(folder, 1000);
    await log.append(job('old', 1000));
    await log.append(job('new', 5000));
    const seenIds = [jobIdOf('old')];
    await appendFile(
      join(folder, 'jobs.jsonl'),
      `${JSON.stringify({ job_id: seenIds[0], cancelled_at: 1500 })}\n`,
    );
    await log.close();
    assert.deepEqual(
      (await readJobLog(folder)).map((one) => one.cancelled_at),
      [1500, null],
    );
    await (await openLog(folder, 2000 + JOB_KEPT_MS)).close();
    assert.deepEqual(
      (await readJobLog(folder)).map((one) => one.client_ref),
      ['new'],
    );
    assert.ok(!(await readFile(join(folder, 'jobs.jsonl'), 'utf8')).includes(seenIds[0] ?? '-'));
  }));

test('a folder without a log has no jobs', () =>
  inFolder(async (folder) => assert.deepEqual(await readJobLog(folder), [])));
