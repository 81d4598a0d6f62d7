// The queries on endpoints and default secrets. Secrets and the values of headers come in and go out sealed; an endpoint that
// was removed keeps its row, without secrets, until its last delivery is forgotten.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { dropPendingOf } from './target-store.ts';

export type DisabledReason = 'by_request' | 'gone' | 'failing';

interface EndpointsTable {
  id: string;
  account_id: string;
  url: string;
  /** JSON array of event names. */
  events: string;
  description: string;
  /** JSON array; null until a row of an older version is sealed. */
  header_names: string | null;
  /** A sealed JSON object of header names and values; empty without headers, and where the values are lost. */
  sealed_headers: string;
  enabled: number;
  disabled_reason: DisabledReason | null;
  /** Empty where it is lost or the endpoint is removed. */
  sealed_secret: string;
  sealed_previous: string | null;
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
  /** Empty where it is lost. */
  sealed_secret: string;
  sealed_previous: string | null;
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

/** The headers of an endpoint: their names, and sealed the object of names and values. */
export interface SealedHeaders {
  names: readonly string[];
  sealed: string;
}

export interface NewEndpoint {
  /** Its secret and headers are sealed for this id. */
  id: string;
  accountId: string;
  url: string;
  events: readonly string[];
  description: string;
  headers: SealedHeaders;
  enabled: boolean;
  sealedSecret: string;
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
      id: input.id,
      account_id: input.accountId,
      url: input.url,
      events: JSON.stringify(input.events),
      description: input.description,
      header_names: JSON.stringify(input.headers.names),
      sealed_headers: input.headers.sealed,
      enabled: input.enabled ? 1 : 0,
      disabled_reason: input.enabled ? null : 'by_request',
      sealed_secret: input.sealedSecret,
      sealed_previous: null,
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
  headers?: SealedHeaders;
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
      ...(headers === undefined
        ? {}
        : { header_names: JSON.stringify(headers.names), sealed_headers: headers.sealed }),
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
      sealed_secret: '',
      sealed_previous: null,
      previous_until: null,
      header_names: '[]',
      sealed_headers: '',
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
  input: { accountId: string; id: string; sealedSecret: string; previousUntil: number; now: number },
): Promise<EndpointRow | undefined> {
  return trx
    .updateTable('webhook_endpoints')
    .set((eb) => ({
      sealed_previous: eb.ref('sealed_secret'),
      previous_until: input.previousUntil,
      sealed_secret: input.sealedSecret,
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
  input: { accountId: string; sealedSecret: string; now: number },
): Promise<DefaultSecretRow> {
  await trx
    .insertInto('webhook_default_secrets')
    .values({
      account_id: input.accountId,
      sealed_secret: input.sealedSecret,
      sealed_previous: null,
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
  input: { accountId: string; sealedSecret: string; previousUntil: number; now: number },
): Promise<DefaultSecretRow> {
  return trx
    .insertInto('webhook_default_secrets')
    .values({
      account_id: input.accountId,
      sealed_secret: input.sealedSecret,
      sealed_previous: null,
      previous_until: null,
      created_at: input.now,
    })
    .onConflict((conflict) =>
      conflict.column('account_id').doUpdateSet((eb) => ({
        sealed_previous: eb.ref('webhook_default_secrets.sealed_secret'),
        previous_until: input.previousUntil,
        sealed_secret: input.sealedSecret,
        created_at: input.now,
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

registerWrites(import.meta.url, {
  insertEndpoint,
  changeEndpoint,
  removeEndpoint,
  rotateEndpointSecret,
  ensureDefaultSecret,
  rotateDefaultSecret,
});
