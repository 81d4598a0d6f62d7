// The tables of the providers slice: breaker rows, their history and the token buckets. Each change reads its row under a
// lock and writes what breaker.ts makes of it, so that all nodes see one breaker.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import {
  type Channel,
  type ChannelEvent,
  type ChannelKey,
  type ChannelScope,
  freshChannel,
  isProbeDue,
  nextChannel,
  PROBE_LEASE_MS,
} from './breaker.ts';
import { type Bucket, refill, untilNextTokenMs } from './limits.ts';

/** History rows that are kept of each provider. */
const HISTORY_ROWS = 200;

export interface HistoryRow extends ChannelKey {
  /** Counts up for each provider. */
  n: number;
  from_state: string;
  to_state: string;
  reason_code: ErrorCode | null;
  detail: string | null;
  at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    provider_channels: Channel;
    provider_history: HistoryRow;
    provider_rates: { provider: string; credential: string; tokens: number; refilled_at: number };
  }
}

export function listChannels(reader: Reader): Promise<Channel[]> {
  return reader.selectFrom('provider_channels').selectAll().execute();
}

/** Newest first. */
export function listHistory(reader: Reader, provider: string, limit: number): Promise<HistoryRow[]> {
  return reader
    .selectFrom('provider_history')
    .selectAll()
    .where('provider', '=', provider)
    .orderBy('n', 'desc')
    .limit(limit)
    .execute();
}

async function findChannel(trx: Trx, key: ChannelKey): Promise<Channel | undefined> {
  return trx
    .selectFrom('provider_channels')
    .selectAll()
    .where('provider', '=', key.provider)
    .where('scope', '=', key.scope)
    .where('name', '=', key.name)
    .executeTakeFirst();
}

async function saveChannel(trx: Trx, channel: Channel): Promise<void> {
  await trx
    .insertInto('provider_channels')
    .values(channel)
    .onConflict((conflict) => conflict.columns(['provider', 'scope', 'name']).doUpdateSet(channel))
    .execute();
}

/** What applying an event gave: the row before and after. */
export interface ChannelChange {
  before: Channel;
  after: Channel;
}

/** Applies an event to a breaker; a change of state becomes a row of its history. */
export async function applyEvent(
  trx: Trx,
  input: { key: ChannelKey; event: ChannelEvent; now: number },
): Promise<ChannelChange> {
  const { key, event, now } = input;
  await dialectOf(trx).lockName(trx, `channel:${key.provider}`);
  const before = (await findChannel(trx, key)) ?? freshChannel(key);
  const after = nextChannel(before, event, now);
  if (after === before) return { before, after };
  await saveChannel(trx, after);
  if (before.state !== after.state || before.drained !== after.drained)
    await addHistory(trx, before, after, now);
  return { before, after };
}

/** What a row of history calls a state: draining goes beside the breaker. */
const stateName = ({ state, drained }: Channel) => (drained === 1 ? 'drained' : state);

async function addHistory(trx: Trx, before: Channel, after: Channel, now: number): Promise<void> {
  const { provider, scope, name } = after;
  // When it closes, the reason is the one that is over.
  const { reason_code, reason_detail } = after.reason_code === null ? before : after;
  const newest = await trx
    .selectFrom('provider_history')
    .select((eb) => eb.fn.max<number | null>('n').as('n'))
    .where('provider', '=', provider)
    .executeTakeFirst();
  const n = Number(newest?.n ?? 0) + 1;
  await trx
    .insertInto('provider_history')
    .values({
      provider,
      n,
      scope,
      name,
      from_state: stateName(before),
      to_state: stateName(after),
      reason_code,
      detail: reason_detail,
      at: now,
    })
    .execute();
  await trx
    .deleteFrom('provider_history')
    .where('provider', '=', provider)
    .where('n', '<=', n - HISTORY_ROWS)
    .execute();
}

/** Takes the due probe of an open breaker for this node; null when it is not due any more or another node has it. */
export async function takeProbe(trx: Trx, input: { key: ChannelKey; now: number }): Promise<Channel | null> {
  const { key, now } = input;
  await dialectOf(trx).lockName(trx, `channel:${key.provider}`);
  const channel = await findChannel(trx, key);
  if (!channel || !isProbeDue(channel, now)) return null;
  const taken = { ...channel, next_probe_at: now + PROBE_LEASE_MS };
  await saveChannel(trx, taken);
  return taken;
}

/** A half-open breaker that a claim may try with one task. */
export interface TrialKey {
  scope: Exclude<ChannelScope, 'credential'>;
  name: string;
}

/** The task that tries just now (null: none yet); undefined when the breaker is not half open any more. */
export async function findTrial(
  trx: Trx,
  provider: string,
  key: TrialKey,
): Promise<string | null | undefined> {
  const channel = await findChannel(trx, { provider, ...key });
  return channel?.state === 'half_open' ? channel.trial_task : undefined;
}

/** Notes the task that tries; in the transaction that claims it, under the lane's lock. */
export async function setTrial(trx: Trx, provider: string, key: TrialKey, taskId: string): Promise<void> {
  await trx
    .updateTable('provider_channels')
    .set({ trial_task: taskId })
    .where('provider', '=', provider)
    .where('scope', '=', key.scope)
    .where('name', '=', key.name)
    .where('state', '=', 'half_open')
    .execute();
}

/** The bucket of a provider (`credential` empty) or of one of its accounts, by the database's clock. */
export async function readBucket(
  trx: Trx,
  input: { provider: string; credential: string; perMinute: number; now: number },
): Promise<Bucket> {
  const { provider, credential, perMinute, now } = input;
  const row = await trx
    .selectNoFrom((eb) => [
      dialectOf(trx).now(now).as('now'),
      eb
        .selectFrom('provider_rates')
        .select('tokens')
        .where('provider', '=', provider)
        .where('credential', '=', credential)
        .as('tokens'),
      eb
        .selectFrom('provider_rates')
        .select('refilled_at')
        .where('provider', '=', provider)
        .where('credential', '=', credential)
        .as('refilledAt'),
    ])
    .executeTakeFirstOrThrow();
  const { tokens, refilledAt } = row;
  const bucket = tokens === null || refilledAt === null ? null : { tokens, refilledAt };
  return refill(bucket, perMinute, Number(row.now));
}

/** Writes a bucket back with `taken` tokens fewer; the caller holds the lock under which it read it. */
export async function takeTokens(
  trx: Trx,
  input: { provider: string; credential: string; bucket: Bucket; taken: number },
): Promise<void> {
  const { provider, credential, bucket, taken } = input;
  const row = { provider, credential, tokens: bucket.tokens - taken, refilled_at: bucket.refilledAt };
  await trx
    .insertInto('provider_rates')
    .values(row)
    .onConflict((conflict) => conflict.columns(['provider', 'credential']).doUpdateSet(row))
    .execute();
}

/** One of several accounts as an attempt may use it; null: without a limit of its own. */
export interface Account {
  id: string;
  concurrency: number | null;
  requestsPerMinute: number | null;
}

/** The chosen account, or in how many milliseconds there may be one (null: when a place gets free). */
export type AccountChoice = { id: string } | { id: null; retryInMs: number | null };

/**
 * The least busy account with a place and a token, whose token it takes. `busy` counts running attempts by account. Accounts
 * come in the order in which equally busy ones are taken. Call it under a lock of the provider's accounts.
 */
export async function takeAccount(
  trx: Trx,
  input: {
    provider: string;
    accounts: readonly Account[];
    busy: ReadonlyMap<string, number>;
    now: number;
  },
): Promise<AccountChoice> {
  const { provider, busy, now } = input;
  const load = (account: Account) => busy.get(account.id) ?? 0;
  const free = input.accounts
    .filter((account) => account.concurrency === null || load(account) < account.concurrency)
    .sort((a, b) => load(a) - load(b));
  let retryInMs: number | null = null;
  for (const { id, requestsPerMinute: perMinute } of free) {
    if (perMinute === null) return { id };
    const bucket = await readBucket(trx, { provider, credential: id, perMinute, now });
    if (bucket.tokens >= 1) {
      await takeTokens(trx, { provider, credential: id, bucket, taken: 1 });
      return { id };
    }
    const waitMs = untilNextTokenMs(bucket, perMinute);
    retryInMs = retryInMs === null ? waitMs : Math.min(retryInMs, waitMs);
  }
  return { id: null, retryInMs };
}

registerWrites(import.meta.url, { applyEvent, takeProbe });
