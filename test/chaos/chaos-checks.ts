// The proof from outside, after a chaos run: what every task came to, what the provider's own log says, what was charged, what
// the receivers of webhooks got, and what each process wrote although it owned nothing any more.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import type { ChaosClient } from './chaos-client.ts';
import type { ChangeRecord } from './node-process.ts';
import { LANES, type Lane, PRICE_MICROS } from './scripted-adapter.ts';
import type { ServiceRecord } from './scripted-service.ts';
import { repeated } from './seeded-random.ts';

export const GRANT_CREDITS = 100_000;
const PRICE_CREDITS = PRICE_MICROS / 1_000_000;
const CHECKS_AT_ONCE = 8;

/** An attempt as the database has it. */
export interface AttemptRow {
  task_id: string;
  client_ref: string;
}

export interface TaskCounts {
  succeeded: number;
  /** Failed and free, because nobody can know whether the provider took the job. */
  unknown: number;
  /** Failed and free, because process after process died under it without any progress in between. */
  putAside: string[];
}

const PUT_ASIDE = /^Its server stopped \d+ times while it ran/;
/** So many deaths prove that it was put aside by right. */
export const DEATHS_UNTIL_PUT_ASIDE = 3;

export function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as T);
}

/** Where an outcome may stay unknown for ever: no way to find a job again, none to send it again. */
function mayStayUnknown(model: string): boolean {
  const lane = LANES[model as Lane];
  return lane !== undefined && !lane.lookup && !lane.idempotentSubmit;
}

/** Every accepted wish is one task that ended as it may, with its picture readable and its price taken once. */
export async function checkTasks(
  client: ChaosClient,
  accepted: ReadonlyMap<number, string>,
  findings: string[],
): Promise<TaskCounts> {
  const seen = new Map<number, string>();
  const counts: TaskCounts = { succeeded: 0, unknown: 0, putAside: [] };
  for (let cursor = ''; ; ) {
    const page = await client.json(`/v1/tasks?limit=100${cursor && `&cursor=${cursor}`}`);
    const waiting = [...page.data];
    const work = async () => {
      for (let task = waiting.shift(); task; task = waiting.shift()) {
        const wish = task.metadata.wish as number;
        if (seen.has(wish)) findings.push(`wish ${wish} has two tasks: ${seen.get(wish)}, ${task.id}`);
        seen.set(wish, task.id);
        await checkTask(client, task, counts, findings);
      }
    };
    await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work));
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  for (const [wish, id] of accepted) {
    if (seen.get(wish) !== id) findings.push(`${id} was accepted and is not there`);
  }
  return counts;
}

// biome-ignore lint/suspicious/noExplicitAny: a task as the API gives it
async function checkTask(client: ChaosClient, task: any, counts: TaskCounts, findings: string[]) {
  const { id, status, model, error } = task;
  if (status === 'failed' && task.cost.captured !== 0)
    findings.push(`${id} failed and cost ${task.cost.captured}`);
  if (status === 'failed' && error?.code === 'submit_unknown' && mayStayUnknown(model)) {
    counts.unknown += 1;
    return;
  }
  if (status === 'failed' && PUT_ASIDE.test(error?.detail ?? '')) {
    counts.putAside.push(id);
    return;
  }
  if (status !== 'succeeded') {
    findings.push(`${id} (${model}) is ${status}: ${JSON.stringify(error ?? task.waiting_reason)}`);
    return;
  }
  counts.succeeded += 1;
  const price = model in LANES ? PRICE_CREDITS : 0;
  if (task.cost.captured !== price) findings.push(`${id} cost ${task.cost.captured}, not ${price}`);
  if (task.images.length !== 1) findings.push(`${id} has ${task.images.length} pictures`);
  for (const { id: imageId, url } of task.images) {
    const image = await client.json(`/v1/images/${imageId}`);
    const answer = await fetch(url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (answer.status !== 200 || sha256 !== image.sha256)
      findings.push(`${imageId}: status ${answer.status}, content ${sha256}, not ${image.sha256}`);
    const size = await sharp(bytes)
      .raw()
      .toBuffer({ resolveWithObject: true })
      .then(({ info }) => `${info.width}x${info.height}`)
      .catch((failure: Error) => failure.message);
    if (size !== '64x64') findings.push(`${imageId} does not decode to its size: ${size}`);
  }
}

export async function checkMoney(client: ChaosClient, charged: number, findings: string[]): Promise<void> {
  const verified = await client.json('/v1/admin/credits/verify');
  if (!verified.ok) findings.push(`the ledger: ${JSON.stringify(verified.findings)}`);
  const balance = await client.json('/v1/credits');
  const expected = GRANT_CREDITS - charged * PRICE_CREDITS;
  if (balance.available_credits !== expected || balance.held_credits !== 0)
    findings.push(`the balance is ${JSON.stringify(balance)}, not ${expected} available`);
}

/**
 * The provider's own log: no reference has two jobs, none that cannot be repeated was sent twice, no task has two jobs, and
 * every job belongs to an attempt that was committed before.
 */
export function checkProviderLog(
  log: readonly ServiceRecord[],
  attempts: readonly AttemptRow[],
  findings: string[],
): { submits: number; jobs: number; duplicateSubmits: number } {
  const taskOf = new Map(attempts.map((attempt) => [attempt.client_ref, attempt.task_id]));
  const submits = log.filter((record) => record.kind === 'submit');
  const jobs = log.filter((record) => record.kind === 'job');
  const report = (what: string, ids: readonly string[]) => {
    if (ids.length > 0) findings.push(`${what}: ${ids.slice(0, 5).join(', ')} (${ids.length})`);
  };
  const once = submits.filter(({ lane }) => !LANES[lane as Lane].idempotentSubmit);
  const duplicates = repeated(once.map(({ ref }) => ref));
  report('sent twice although it cannot be repeated', duplicates);
  report('two jobs of one reference', repeated(jobs.map(({ ref }) => ref)));
  report('more than one job of a task', repeated(jobs.map(({ ref }) => taskOf.get(ref) ?? `? ${ref}`)));
  report(
    'a job of no attempt',
    jobs.map(({ ref }) => ref).filter((ref) => !taskOf.has(ref)),
  );
  return { submits: submits.length, jobs: jobs.length, duplicateSubmits: duplicates.length };
}

/** Each ended task was told, and what was told again has the same id. */
export function checkHooks(
  log: readonly ServiceRecord[],
  tasks: Iterable<string>,
  findings: string[],
): { messages: number; repeats: number } {
  const hooks = log.filter((record) => record.kind === 'hook');
  const idsOf = new Map<string, Set<string>>();
  for (const { id, task } of hooks) idsOf.set(task, (idsOf.get(task) ?? new Set()).add(id));
  for (const task of tasks) {
    const ids = idsOf.get(task)?.size ?? 0;
    if (ids !== 1) findings.push(`${ids} different webhook messages tell of the end of ${task}`);
  }
  const messages = new Set(hooks.map(({ id }) => id)).size;
  return { messages, repeats: hooks.length - messages };
}

/** T4: nobody commits a change of a running task that another process owns. */
export function checkOwners(records: readonly ChangeRecord[], findings: string[]): void {
  const ownerOfPid = new Map<number, string>();
  const epochsOfPid = new Map<number, Map<string, number>>();
  for (const { pid, id, status, owner, epoch } of records) {
    if (owner !== null && !ownerOfPid.has(pid)) ownerOfPid.set(pid, owner);
    const epochs = epochsOfPid.get(pid) ?? new Map<string, number>();
    epochsOfPid.set(pid, epochs);
    const isOwn = owner === ownerOfPid.get(pid);
    if (status === 'running' && !isOwn)
      findings.push(`process ${pid} wrote ${id} in epoch ${epoch}, which belongs to ${owner}`);
    if (status === 'running' && isOwn) epochs.set(id, epoch);
    if (status === 'succeeded' && epochs.get(id) !== epoch)
      findings.push(`process ${pid} ended ${id} in epoch ${epoch}, having claimed ${epochs.get(id)}`);
  }
}
