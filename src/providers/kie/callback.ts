// What a call back of KIE AI proves: at most that KIE said something about a task, since its signature covers the task's
// id and a time but not the body. So it only wakes the engine, which asks KIE itself; nothing in it is believed.
import { createHmac } from 'node:crypto';
import { equalSecrets } from '../../kernel/id.ts';
import type { CallbackRequest, CallbackVerdict } from '../provider.ts';
import { fieldsOf, taskIdOf } from './answers.ts';

/** KIE's own advice for how old or early a signed time may be. */
const REPLAY_WINDOW_MS = 300_000;
const MS_PER_S = 1000;
/** A time in seconds until the year 2286; more digits are milliseconds. */
const MOST_SECONDS_DIGITS = 10;

/**
 * Judges by the `webhook_key`s of the accounts; without any, the address alone has to vouch. The task's id is read from
 * wherever KIE's payloads and pages show it, and is null when the body has none.
 */
export function judgeCallback(
  { headers, body, nowMs }: CallbackRequest,
  webhookKeys: readonly string[],
): CallbackVerdict {
  const jobId = jobIdIn(body);
  if (webhookKeys.length === 0) return { state: 'wake', jobId };
  const timestamp = headers['x-webhook-timestamp'] ?? '';
  const signature = headers['x-webhook-signature'] ?? '';
  if (jobId === null || signature === '' || !/^\d{1,13}$/.test(timestamp)) return { state: 'forged' };
  const isSigned = webhookKeys.some((key) => equalSecrets(signature, signatureOf(key, jobId, timestamp)));
  if (!isSigned) return { state: 'forged' };
  const sentAtMs = Number(timestamp) * (timestamp.length > MOST_SECONDS_DIGITS ? 1 : MS_PER_S);
  return Math.abs(nowMs - sentAtMs) > REPLAY_WINDOW_MS ? { state: 'stale' } : { state: 'wake', jobId };
}

/** Base64 of HMAC-SHA256 over `<task id>.<timestamp>`. */
function signatureOf(key: string, jobId: string, timestamp: string): string {
  return createHmac('sha256', key).update(`${jobId}.${timestamp}`).digest('base64');
}

function jobIdIn(body: Uint8Array): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
  const outer = fieldsOf(parsed);
  const inner = fieldsOf(outer.data);
  const ids = [inner.taskId, inner.task_id, outer.taskId, outer.task_id].map(taskIdOf);
  return ids.find((id) => id !== null) ?? null;
}
