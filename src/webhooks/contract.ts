// The webhooks resource on the wire: endpoints, secrets and deliveries. Secrets are in the answers that make them and nowhere
// else; of headers only the names are shown.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf } from '../kernel/wire-schemas.ts';
import { ATTEMPT_ERRORS } from './attempt.ts';
import { EVENT_NAMES } from './event-names.ts';
import { headerProblem, MAX_HEADERS, MAX_URL_CHARS } from './receiver.ts';
import { DEAD_REASONS, DELIVERY_STATUSES, WAIT_REASONS } from './target-store.ts';

export const MAX_DESCRIPTION_CHARS = 200;
const DEFAULT_OVERLAP_S = 24 * 3600;
const MAX_OVERLAP_S = 7 * 24 * 3600;
const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

const time = z.string().meta({ format: 'date-time' });
const id = z.string().min(1).max(60);

const url = z
  .url({ protocol: /^https?$/ })
  .max(MAX_URL_CHARS)
  .describe(
    'A public http or https address, port 80 or 443. It is resolved and checked again at every attempt.',
  );
const events = z
  .array(z.enum(EVENT_NAMES))
  .min(1)
  .max(EVENT_NAMES.length)
  .describe(
    '`*` for all, or some of the others. `task.finished` comes for every end of a task, items of batches too; `batch.finished` once for a batch; `story.page_ready` when a page that its reader opened is written, and `story.failed` when a step of a story that somebody waited for has failed for good.',
  );
const headers = z
  .record(z.string(), z.string())
  .superRefine((value, context) => {
    const names = Object.keys(value);
    if (names.length > MAX_HEADERS)
      context.addIssue({ code: 'custom', message: `at most ${MAX_HEADERS} headers` });
    for (const name of names) {
      const problem = headerProblem(name, value[name] ?? '');
      if (problem !== null)
        context.addIssue({ code: 'custom', path: [name.slice(0, 100)], message: problem });
    }
  })
  .describe('Sent with every message, for example an `Authorization` of the receiver. Never shown again.');
const description = z.string().max(MAX_DESCRIPTION_CHARS);

export const webhookSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    description: z.string(),
    header_names: z.array(z.string()),
    enabled: z.boolean(),
    disabled_reason: z
      .enum(['by_request', 'gone', 'failing'])
      .nullable()
      .describe('`gone`: the receiver answered 410. `failing`: nothing was delivered for five days.'),
    failing_since: time.nullable(),
    previous_secret_valid_until: time.nullable().describe('Until then messages carry two signatures.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Webhook' });

const secret = z.string().describe('`whsec_…`, shown this once.');

export const webhookWithSecretSchema = webhookSchema.extend({ secret }).meta({ id: 'WebhookWithSecret' });

export const defaultSecretSchema = z
  .object({
    exists: z.boolean(),
    created_at: time.nullable(),
    previous_secret_valid_until: time.nullable(),
  })
  .meta({ id: 'WebhookDefaultSecret' });

export const deliverySchema = z
  .object({
    id: z.string().describe('The `webhook-id` of the message, the same at every attempt.'),
    webhook_id: z.string().nullable().describe("Null for a task's own `webhook_url`."),
    url: z.string().nullable().describe("A task's own `webhook_url`; null for an endpoint's message."),
    type: z.string(),
    task_id: z.string().nullable(),
    batch_id: z.string().nullable(),
    story_id: z.string().nullable(),
    page_id: z.string().nullable().describe('Of the story.'),
    status: z.enum(DELIVERY_STATUSES).describe('`dead`: given up; it can be sent again.'),
    reason: z
      .enum([...DEAD_REASONS, ...WAIT_REASONS])
      .nullable()
      .describe(
        'Why it was given up. `secret_unreadable`: it waits, untried, since this server cannot decrypt the secret or the headers.',
      ),
    attempt_count: z.int(),
    next_attempt_at: time.nullable(),
    attempts: z
      .array(
        z.object({
          n: z.int(),
          started_at: time,
          duration_ms: z.int().nullable(),
          status_code: z.int().nullable(),
          error: z
            .enum(ATTEMPT_ERRORS)
            .nullable()
            .describe('`address_not_allowed`: the name leads to no public address.'),
          answer: z.string().nullable().describe("The beginning of the answer's body."),
        }),
      )
      .describe('The newest 50, in order.'),
    created_at: time,
    finished_at: time.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

const READ = { kind: 'scope', scope: 'tasks:read' } as const;
const WRITE = { kind: 'scope', scope: 'tasks:write' } as const;
const params = z.object({ id });
const WEBHOOK_ANSWER = { description: 'The webhook.', schema: webhookSchema };
const DELIVERY_ANSWER = { description: 'The delivery.', schema: deliverySchema };
const overlapBody = z
  .strictObject({
    overlap_s: z
      .int()
      .min(0)
      .max(MAX_OVERLAP_S)
      .default(DEFAULT_OVERLAP_S)
      .describe('How long messages are signed with the old secret too.'),
  })
  .default({ overlap_s: DEFAULT_OVERLAP_S })
  .meta({ id: 'RotateWebhookSecret' });

export const listWebhooksRoute = defineRoute({
  id: 'webhooks.list',
  method: 'GET',
  path: '/v1/webhooks',
  tag: 'Webhooks',
  summary: 'The webhooks of the account',
  access: READ,
  limit: 'api',
  responses: {
    200: {
      description: 'All of them: an account has few.',
      schema: z.object({ data: z.array(webhookSchema), next_cursor: z.null() }).meta({ id: 'WebhookPage' }),
    },
  },
  errors: [],
});

export const createWebhookRoute = defineRoute({
  id: 'webhooks.create',
  method: 'POST',
  path: '/v1/webhooks',
  tag: 'Webhooks',
  summary: 'Be told when tasks end',
  description:
    'Messages follow Standard Webhooks 1.0. Since they carry tasks, a webhook that is switched on needs the scope `tasks:read` too.',
  access: WRITE,
  limit: 'api',
  body: z
    .strictObject({
      url,
      events: events.default(['*']),
      description: description.default(''),
      headers: headers.default({}),
      enabled: z.boolean().default(true),
    })
    .meta({ id: 'CreateWebhook' }),
  responses: { 201: { description: 'The webhook with its secret.', schema: webhookWithSecretSchema } },
  errors: ['conflict', 'secrets_key_wrong'],
});

export const getWebhookRoute = defineRoute({
  id: 'webhooks.get',
  method: 'GET',
  path: '/v1/webhooks/:id',
  tag: 'Webhooks',
  summary: 'One webhook',
  access: READ,
  limit: 'api',
  params,
  responses: { 200: WEBHOOK_ANSWER },
  errors: ['not_found'],
});

export const changeWebhookRoute = defineRoute({
  id: 'webhooks.change',
  method: 'PATCH',
  path: '/v1/webhooks/:id',
  tag: 'Webhooks',
  summary: 'Change a webhook, switch it off or on',
  description:
    'Switching off gives up what waits for it; those messages can be sent again later. Switching on, and a new `url`, `events` or `headers`, need the scope `tasks:read` too.',
  access: WRITE,
  limit: 'api',
  params,
  body: z
    .strictObject({
      url: url.optional(),
      events: events.optional(),
      description: description.optional(),
      headers: headers.optional().describe('Replaces all headers.'),
      enabled: z.boolean().optional(),
    })
    .meta({ id: 'ChangeWebhook' }),
  responses: { 200: WEBHOOK_ANSWER },
  errors: ['not_found', 'secrets_key_wrong'],
});

export const removeWebhookRoute = defineRoute({
  id: 'webhooks.remove',
  method: 'DELETE',
  path: '/v1/webhooks/:id',
  tag: 'Webhooks',
  summary: 'Remove a webhook',
  access: WRITE,
  limit: 'api',
  params,
  responses: { 204: { description: 'Removed.' } },
  errors: ['not_found'],
});

export const rotateSecretRoute = defineRoute({
  id: 'webhooks.rotateSecret',
  method: 'POST',
  path: '/v1/webhooks/:id/rotate-secret',
  tag: 'Webhooks',
  summary: 'A new secret',
  description:
    'Messages carry both signatures while the overlap lasts, so that the receiver can change at ease.',
  access: WRITE,
  limit: 'api',
  params,
  body: overlapBody,
  responses: { 200: { description: 'The webhook with its new secret.', schema: webhookWithSecretSchema } },
  errors: ['not_found', 'secrets_key_wrong'],
});

export const testWebhookRoute = defineRoute({
  id: 'webhooks.test',
  method: 'POST',
  path: '/v1/webhooks/:id/test',
  tag: 'Webhooks',
  summary: 'Send a test message',
  description:
    'A `webhook.test`, tried once, also where the webhook is switched off. Read the delivery to see the answer.',
  access: WRITE,
  limit: 'api',
  params,
  responses: { 202: DELIVERY_ANSWER },
  errors: ['not_found'],
});

export const getDefaultSecretRoute = defineRoute({
  id: 'webhooks.getDefaultSecret',
  method: 'GET',
  path: '/v1/webhooks/default-secret',
  tag: 'Webhooks',
  summary: "Whether there is a secret for tasks' own webhook_url",
  access: READ,
  limit: 'api',
  responses: { 200: { description: 'Never the secret itself.', schema: defaultSecretSchema } },
  errors: [],
});

export const rotateDefaultSecretRoute = defineRoute({
  id: 'webhooks.rotateDefaultSecret',
  method: 'POST',
  path: '/v1/webhooks/default-secret',
  tag: 'Webhooks',
  summary: "Make or replace the secret for tasks' own webhook_url",
  access: WRITE,
  limit: 'api',
  body: overlapBody,
  responses: {
    200: {
      description: 'The secret.',
      schema: defaultSecretSchema.extend({ secret }).meta({ id: 'WebhookDefaultSecretShown' }),
    },
  },
  errors: ['secrets_key_wrong'],
});

export const listDeliveriesRoute = defineRoute({
  id: 'webhooks.listDeliveries',
  method: 'GET',
  path: '/v1/webhooks/deliveries',
  tag: 'Webhooks',
  summary: 'Messages with their attempts, newest first',
  description: 'Kept for 30 days after they ended.',
  access: READ,
  limit: 'api',
  query: z.strictObject({
    webhook_id: id.optional(),
    task_id: id.optional(),
    status: z.enum(DELIVERY_STATUSES).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
    cursor: cursorOf('msg'),
  }),
  responses: {
    200: {
      description: 'A page.',
      schema: z
        .object({ data: z.array(deliverySchema), next_cursor: z.string().nullable() })
        .meta({ id: 'WebhookDeliveryPage' }),
    },
  },
  errors: [],
});

export const getDeliveryRoute = defineRoute({
  id: 'webhooks.getDelivery',
  method: 'GET',
  path: '/v1/webhooks/deliveries/:id',
  tag: 'Webhooks',
  summary: 'One message with its attempts',
  access: READ,
  limit: 'api',
  params,
  responses: { 200: DELIVERY_ANSWER },
  errors: ['not_found'],
});

export const redeliverRoute = defineRoute({
  id: 'webhooks.redeliver',
  method: 'POST',
  path: '/v1/webhooks/deliveries/:id/redeliver',
  tag: 'Webhooks',
  summary: 'Send a message again',
  description:
    'Now, with the same `webhook-id` and a fresh schedule, whether it was delivered, given up or waits.',
  access: WRITE,
  limit: 'api',
  params,
  responses: { 202: DELIVERY_ANSWER },
  errors: ['not_found', 'conflict'],
});
