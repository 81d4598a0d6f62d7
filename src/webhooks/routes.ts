// Binds the contracts of the webhooks slice to its verbs.
import { toTimestamp } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import * as contract from './contract.ts';
import { headerNames } from './secrets.ts';
import type { DefaultSecretRow, EndpointRow } from './store.ts';
import type { DeliveryDetail, Webhooks } from './webhooks.ts';

const MS_PER_S = 1_000;

export function webhookRoutes(webhooks: Webhooks): BoundRoute[] {
  return [...endpointRoutes(webhooks), ...secretRoutes(webhooks), ...deliveryRoutes(webhooks)];
}

/** Who may not read tasks must not have them sent. */
function requireReader(access: Access): void {
  if (access.scopes.has('tasks:read')) return;
  throw new AppError('permission_denied', {
    detail:
      'Messages carry tasks: switching a webhook on, and changing where or what it sends, needs the scope "tasks:read" too.',
  });
}

/** Without the members that were not given. */
function given<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function endpointRoutes(webhooks: Webhooks): BoundRoute[] {
  return [
    bindRoute(contract.listWebhooksRoute, async ({ access }) => {
      const endpoints = await webhooks.list(access.accountId);
      return { status: 200 as const, body: { data: endpoints.map(toWire), next_cursor: null } };
    }),
    bindRoute(contract.createWebhookRoute, async ({ access, body, baseUrl }) => {
      if (body.enabled) requireReader(access);
      const endpoint = await webhooks.create({ accountId: access.accountId, baseUrl, ...body });
      return { status: 201 as const, body: { ...toWire(endpoint), secret: endpoint.secret } };
    }),
    bindRoute(contract.getWebhookRoute, async ({ access, params }) => ({
      status: 200 as const,
      body: toWire(await webhooks.get(access.accountId, params.id)),
    })),
    bindRoute(contract.changeWebhookRoute, async ({ access, params, body, baseUrl }) => {
      const { url, events, headers, enabled } = body;
      if (url !== undefined || events || headers || enabled) requireReader(access);
      const change = { accountId: access.accountId, id: params.id, baseUrl, ...given(body) };
      return { status: 200 as const, body: toWire(await webhooks.change(change)) };
    }),
    bindRoute(contract.removeWebhookRoute, async ({ access, params }) => {
      await webhooks.remove(access.accountId, params.id);
      return { status: 204 as const };
    }),
    bindRoute(contract.testWebhookRoute, async ({ access, params }) => ({
      status: 202 as const,
      body: toWireDelivery(await webhooks.test(access.accountId, params.id)),
    })),
  ];
}

function secretRoutes(webhooks: Webhooks): BoundRoute[] {
  return [
    bindRoute(contract.rotateSecretRoute, async ({ access, params, body }) => {
      const overlapMs = body.overlap_s * MS_PER_S;
      const endpoint = await webhooks.rotateSecret(access.accountId, params.id, overlapMs);
      return { status: 200 as const, body: { ...toWire(endpoint), secret: endpoint.secret } };
    }),
    bindRoute(contract.getDefaultSecretRoute, async ({ access }) => ({
      status: 200 as const,
      body: toWireSecret(await webhooks.findDefaultSecret(access.accountId)),
    })),
    bindRoute(contract.rotateDefaultSecretRoute, async ({ access, body }) => {
      const row = await webhooks.rotateDefaultSecret(access.accountId, body.overlap_s * MS_PER_S);
      return { status: 200 as const, body: { ...toWireSecret(row), secret: row.secret } };
    }),
  ];
}

function deliveryRoutes(webhooks: Webhooks): BoundRoute[] {
  return [
    bindRoute(contract.listDeliveriesRoute, async ({ access, query }) => {
      const { webhook_id: endpointId, task_id: taskId, status, cursor: beforeId, limit } = query;
      const found = await webhooks.listDeliveries({
        accountId: access.accountId,
        ...given({ endpointId, taskId, status, beforeId }),
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const next = found.length > limit ? (shown.at(-1)?.delivery.id ?? null) : null;
      return { status: 200 as const, body: { data: shown.map(toWireDelivery), next_cursor: next } };
    }),
    bindRoute(contract.getDeliveryRoute, async ({ access, params }) => ({
      status: 200 as const,
      body: toWireDelivery(await webhooks.getDelivery(access.accountId, params.id)),
    })),
    bindRoute(contract.redeliverRoute, async ({ access, params }) => ({
      status: 202 as const,
      body: toWireDelivery(await webhooks.redeliver(access.accountId, params.id)),
    })),
  ];
}

const timeOrNull = (ms: number | null | undefined) => (ms == null ? null : toTimestamp(ms));

function toWire(row: EndpointRow) {
  return {
    id: row.id,
    url: row.url,
    events: JSON.parse(row.events) as string[],
    description: row.description,
    header_names: headerNames(row),
    enabled: row.enabled === 1,
    disabled_reason: row.disabled_reason,
    failing_since: timeOrNull(row.failing_since),
    previous_secret_valid_until: timeOrNull(row.previous_until),
    created_at: toTimestamp(row.created_at),
    updated_at: toTimestamp(row.updated_at),
  };
}

function toWireSecret(row: DefaultSecretRow | undefined) {
  return {
    exists: row !== undefined,
    created_at: timeOrNull(row?.created_at),
    previous_secret_valid_until: timeOrNull(row?.previous_until),
  };
}

function toWireDelivery({ delivery, attempts }: DeliveryDetail) {
  return {
    id: delivery.id,
    webhook_id: delivery.endpoint_id,
    url: delivery.url,
    type: delivery.type,
    task_id: delivery.task_id,
    batch_id: delivery.batch_id,
    story_id: delivery.story_id,
    page_id: delivery.page_id,
    status: delivery.status,
    reason: delivery.reason,
    attempt_count: delivery.attempts,
    next_attempt_at: timeOrNull(delivery.next_at),
    attempts: attempts.map(({ n, started_at, duration_ms, status_code, error, answer }) => ({
      n,
      started_at: toTimestamp(started_at),
      duration_ms,
      status_code,
      error,
      answer,
    })),
    created_at: toTimestamp(delivery.created_at),
    finished_at: timeOrNull(delivery.finished_at),
  };
}
