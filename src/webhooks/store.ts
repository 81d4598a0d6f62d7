// The queries on endpoints and default secrets. Secrets leave here for signing and in the one answer that makes them; an
// endpoint that was removed keeps its row, without secrets, until its last delivery is forgotten.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { dropPendingOf } from './target-store.ts';

export type DisabledReason = 'by_request' | 'gone' | 'failing';

interface EndpointsTable {
  id: string;
  account_id: string;
  url: string;
  /** JSON array of event names. */
  events: string;
  description: string;
  /** JSON object of header names and values. */
  headers: string;
  enabled: number;
  disabled_reason: DisabledReason | null;
  secret: string;
  previous_secret: string | null;
  previous_until: number | null;
  /** Where its maker reached this server; addresses in messages start with it where no public address is configured. */
  base_url: string;
  /** Since when it gets every event that it asks for now. */
  active_since: number;
  /** When the first of its present series of failures was; null after a success. */
  failing_since: number | null;
  created_at: number;
  updated_at: number;
  deleted_at: number | null;
}

interface DefaultSecretsTable {
  account_id: string;
  secret: string;
  previous_secret: string | null;
  previous_until: number | null;
  created_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    webhook_endpoints: EndpointsTable;
    webhook_default_secrets: DefaultSecretsTable;
  }
}

export type EndpointRow = EndpointsTable;
export type DefaultSecretRow = DefaultSecretsTable;

/** Each event of an account becomes this many messages at most. */
export const MAX_ENDPOINTS = 20;

/** The account's own endpoint, unless it was removed. */
export function findEndpoint(
  reader: Reader,
  accountId: string,
  id: string,
): Promise<EndpointRow | undefined> {
  return reader
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** Of any account, removed ones included: for sending. */
export function findEndpointToSend(reader: Reader, id: string): Promise<EndpointRow | undefined> {
  return reader.selectFrom('webhook_endpoints').selectAll().where('id', '=', id).executeTakeFirst();
}

/** All of the account's, oldest first. */
export function listEndpoints(reader: Reader, accountId: string): Promise<EndpointRow[]> {
  return reader
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute();
}

export interface NewEndpoint {
  accountId: string;
  url: string;
  events: readonly string[];
  description: string;
  headers: Readonly<Record<string, string>>;
  enabled: boolean;
  secret: string;
  baseUrl: string;
  now: number;
}

/** Throws `conflict` when the account has `MAX_ENDPOINTS` already. */
export async function insertEndpoint(trx: Trx, input: NewEndpoint): Promise<EndpointRow> {
  await dialectOf(trx).lockName(trx, `webhooks:${input.accountId}`);
  const existing = await listEndpoints(trx, input.accountId);
  if (existing.length >= MAX_ENDPOINTS) {
    throw new AppError('conflict', {
      detail: `This account has ${MAX_ENDPOINTS} webhooks already.`,
      fix: 'Remove one that is no longer used, or change it with PATCH.',
    });
  }
  return trx
    .insertInto('webhook_endpoints')
    .values({
      id: newId('wh', input.now),
      account_id: input.accountId,
      url: input.url,
      events: JSON.stringify(input.events),
      description: input.description,
      headers: JSON.stringify(input.headers),
      enabled: input.enabled ? 1 : 0,
      disabled_reason: input.enabled ? null : 'by_request',
      secret: input.secret,
      previous_secret: null,
      previous_until: null,
      base_url: input.baseUrl,
      active_since: input.now,
      failing_since: null,
      created_at: input.now,
      updated_at: input.now,
      deleted_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export interface EndpointChange {
  accountId: string;
  id: string;
  url?: string;
  events?: readonly string[];
  description?: string;
  headers?: Readonly<Record<string, string>>;
  enabled?: boolean;
  baseUrl: string;
  now: number;
}

/**
 * Changes what is given. Enabling forgets earlier failures; disabling gives up what waits for the endpoint, which can be
 * sent again from the list of deliveries. Undefined: there is no such endpoint.
 */
export async function changeEndpoint(trx: Trx, input: EndpointChange): Promise<EndpointRow | undefined> {
  const { accountId, id, url, events, description, headers, enabled, baseUrl, now } = input;
  const before = await findEndpoint(trx, accountId, id);
  if (!before) return undefined;
  const isEnabledNow = enabled === true && before.enabled === 0;
  const isDisabledNow = enabled === false && before.enabled === 1;
  if (isDisabledNow) await dropPendingOf(trx, { target: id, reason: 'endpoint_disabled', now });
  return trx
    .updateTable('webhook_endpoints')
    .set({
      ...(url === undefined ? {} : { url, base_url: baseUrl }),
      ...(events === undefined ? {} : { events: JSON.stringify(events), active_since: now }),
      ...(description === undefined ? {} : { description }),
      ...(headers === undefined ? {} : { headers: JSON.stringify(headers) }),
      ...(isEnabledNow ? { enabled: 1, disabled_reason: null, active_since: now } : {}),
      ...(isEnabledNow || url !== undefined ? { failing_since: null } : {}),
      ...(isDisabledNow ? { enabled: 0, disabled_reason: 'by_request' as const } : {}),
      updated_at: now,
    })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** False when there is no such endpoint. Its secrets are gone at once. */
export async function removeEndpoint(
  trx: Trx,
  input: { accountId: string; id: string; now: number },
): Promise<boolean> {
  const { accountId, id, now } = input;
  if (!(await findEndpoint(trx, accountId, id))) return false;
  await dropPendingOf(trx, { target: id, reason: 'endpoint_deleted', now });
  const removed = await trx
    .updateTable('webhook_endpoints')
    .set({
      enabled: 0,
      disabled_reason: 'by_request',
      secret: '',
      previous_secret: null,
      previous_until: null,
      headers: '{}',
      deleted_at: now,
    })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return removed.numUpdatedRows > 0n;
}

/** The new secret signs from now on, the old one beside it until `previousUntil`. Undefined: no such endpoint. */
export async function rotateEndpointSecret(
  trx: Trx,
  input: { accountId: string; id: string; secret: string; previousUntil: number; now: number },
): Promise<EndpointRow | undefined> {
  return trx
    .updateTable('webhook_endpoints')
    .set((eb) => ({
      previous_secret: eb.ref('secret'),
      previous_until: input.previousUntil,
      secret: input.secret,
      updated_at: input.now,
    }))
    .where('id', '=', input.id)
    .where('account_id', '=', input.accountId)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

export function findDefaultSecret(reader: Reader, accountId: string): Promise<DefaultSecretRow | undefined> {
  return reader
    .selectFrom('webhook_default_secrets')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

/** The account's secret; the given one where it had none. */
export async function ensureDefaultSecret(
  trx: Trx,
  input: { accountId: string; secret: string; now: number },
): Promise<DefaultSecretRow> {
  await trx
    .insertInto('webhook_default_secrets')
    .values({
      account_id: input.accountId,
      secret: input.secret,
      previous_secret: null,
      previous_until: null,
      created_at: input.now,
    })
    .onConflict((conflict) => conflict.column('account_id').doNothing())
    .execute();
  return (await findDefaultSecret(trx, input.accountId)) as DefaultSecretRow;
}

/** Makes or replaces the account's secret; a replaced one signs too until `previousUntil`. */
export async function rotateDefaultSecret(
  trx: Trx,
  input: { accountId: string; secret: string; previousUntil: number; now: number },
): Promise<DefaultSecretRow> {
  return trx
    .insertInto('webhook_default_secrets')
    .values({
      account_id: input.accountId,
      secret: input.secret,
      previous_secret: null,
      previous_until: null,
      created_at: input.now,
    })
    .onConflict((conflict) =>
      conflict.column('account_id').doUpdateSet((eb) => ({
        previous_secret: eb.ref('webhook_default_secrets.secret'),
        previous_until: input.previousUntil,
        secret: input.secret,
        created_at: input.now,
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The secrets that sign at `now`, the newest first. */
export function signingSecrets(
  row: Pick<DefaultSecretRow, 'secret' | 'previous_secret' | 'previous_until'>,
  now: number,
): string[] {
  const isOverlapping = row.previous_secret !== null && (row.previous_until ?? 0) > now;
  return isOverlapping ? [row.secret, row.previous_secret as string] : [row.secret];
}

registerWrites(import.meta.url, {
  insertEndpoint,
  changeEndpoint,
  removeEndpoint,
  rotateEndpointSecret,
  ensureDefaultSecret,
  rotateDefaultSecret,
});
