// What the tables of tasks and attempts hold, column by column. A task goes from queued (or delayed, which waits for its
// time) to running to one of three ends; its version grows with every change.
import type { Mode } from '../providers/provider.ts';

/** `delayed` waits for its time and is shown as queued. */
export type StoredStatus = 'queued' | 'delayed' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type Phase = 'submitting' | 'waiting' | 'saving';
export type CancelState = 'none' | 'requested' | 'confirmed' | 'not_cancellable' | 'finished_first';
export type AttemptOutcome =
  | 'open'
  | 'not_sent'
  | 'rejected'
  | 'accepted'
  | 'unknown'
  | 'succeeded'
  | 'failed'
  | 'lost'
  | 'cancelled';

/** The status as callers know it. */
export function statusOf({ status }: Pick<TaskRow, 'status'>): Exclude<StoredStatus, 'delayed'> {
  return status === 'delayed' ? 'queued' : status;
}

export interface TaskRow {
  id: string;
  account_id: string;
  credential_id: string;
  status: StoredStatus;
  phase: Phase | null;
  progress: number | null;
  waiting_reason: string | null;
  mode: Mode;
  model: string;
  /** The provider that serves it; each provider is a queue of its own. */
  lane: string;
  provider_model: string;
  prompt: string;
  /** The style it was asked for with; how that changed the prompt is in `params`. */
  style_id: string | null;
  /** TaskParams as JSON. */
  params: string;
  request_hash: string;
  pictures: number;
  priority: number;
  /** Who shares a place in the queue: the batch, or else the account. */
  flow: string;
  fair: number;
  due_at: number | null;
  deadline_at: number;
  lease_owner: string | null;
  lease_epoch: number;
  /** How often a dead node's run was taken over since the last progress; a task that kills its node shows here. */
  adoptions: number;
  attempt: number;
  cancel_state: CancelState;
  cancel_note: string | null;
  /** StoredError as JSON. */
  error: string | null;
  hold_id: string;
  held_micros: number;
  captured_micros: number;
  released_micros: number;
  retry_of: string | null;
  batch_id: string | null;
  /** Its place in the batch; null outside of one, and once another try took the place. */
  batch_position: number | null;
  metadata: string;
  /** When a held OpenAI-style answer was fully written; until then a repeated call is attached to this task. */
  answer_delivered_at: number | null;
  version: number;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export interface AttemptRow {
  task_id: string;
  n: number;
  provider: string;
  /** The provider's own name of the model; null in attempts of older versions. */
  provider_model: string | null;
  client_ref: string;
  /** The account at the provider, of the adapter's `credentials`; null where it has one or none. */
  credential: string | null;
  /** Base addresses of the provider when the attempt began, as JSON; null in attempts of older versions. */
  endpoints: string | null;
  /** Of the request as the adapter got it, less its files' places on disk. */
  request_hash: string | null;
  /** The unguessable part of the address that the provider calls back; null where it does not. */
  callback_token: string | null;
  /** When the provider last called back through a node that did not poll the job, or before its answer, in milliseconds. */
  called_back_at: number | null;
  /** The job that a call back spoke of while the submit had no answer: a hint. */
  callback_job_id: string | null;
  job_id: string | null;
  outcome: AttemptOutcome;
  /** Outputs that came inside an answer and exist nowhere else, as JSON; spooled files are on disk before this is set. */
  outputs: string | null;
  started_at: number;
  /** When the provider had the job, and when its pictures were there; null until then and in older versions' attempts. */
  accepted_at: number | null;
  saving_at: number | null;
  ended_at: number | null;
  error: string | null;
}
