// The providers slice on the wire: what an administrator sees of each provider and does with it. No route here ever
// answers with a secret, nor with a proxy's user name or password.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../kernel/errors.ts';
import { defineRoute } from '../kernel/route.ts';
import { time } from '../kernel/wire-schemas.ts';

const TAG = 'Providers';
const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];
const MAX_NAME_CHARS = 60;
const MAX_SECRET_CHARS = 16_384;
const DEFAULT_HISTORY = 20;
const MAX_HISTORY = 200;
const params = z.object({ name: z.string().min(1).max(MAX_NAME_CHARS) });
const adminAccess = { kind: 'scope', scope: 'admin' } as const;

const reasonSchema = z.object({ code: z.enum(ERROR_CODE_NAMES), detail: z.string() }).nullable();
const breakerSchema = z
  .object({
    state: z.enum(['closed', 'open', 'half_open']),
    reason: reasonSchema,
    next_probe_at: time.nullable(),
    failures: z.int().describe('Failures in a row while it is closed'),
  })
  .meta({ id: 'ProviderBreaker' });

const state = z.enum(['healthy', 'degraded', 'down']);

export const credentialSourceSchema = z
  .object({
    field: z.string().describe('Such as `api_key`'),
    env: z.string().describe('Its name in the environment'),
    source: z.enum(['run_time', 'configuration', 'none']).describe('What is in use; `run_time` wins'),
    origin: z.string().nullable().describe('Where the configuration has it, whether in use or not'),
    required: z.boolean(),
    set_at: time.nullable().describe('When it was set at run time'),
  })
  .meta({ id: 'ProviderCredentialSource' });

export const providerSchema = z
  .object({
    name: z.string(),
    kind: z.enum(['picture', 'chat']),
    state,
    reason: reasonSchema.describe('Why it is not healthy'),
    checked_at: time.nullable().describe('Of the last look, by the node that answers'),
    note: z.string().nullable().describe("The provider's own remark, such as credits left"),
    drained: z.boolean().describe('It gets nothing new'),
    paused_until: time.nullable().describe('Until when it asked for a pause'),
    endpoints: z.array(z.string()),
    proxy: z
      .string()
      .nullable()
      .describe("Its own proxy without user name and password, or `direct`; null follows the server's"),
    secrets: z.array(credentialSourceSchema),
    models: z.array(z.object({ name: z.string(), breaker: breakerSchema })),
    credentials: z
      .array(z.object({ id: z.string(), label: z.string(), state, reason: reasonSchema }))
      .describe('The accounts that take turns, where there are several'),
    servers: z
      .array(
        z
          .object({
            label: z.string(),
            host: z.string(),
            state: z.enum(['closed', 'open', 'half_open']),
            reason: z.string().nullable(),
            draining: z.boolean(),
            version: z.string().nullable(),
            queue_length: z.int().nullable().describe('Jobs there when it was last asked'),
            live: z.boolean().describe('Progress and previews come at once'),
            next_probe_at: time.nullable(),
            history: z.array(
              z.object({ at: time, from: z.string(), to: z.string(), reason: z.string().nullable() }),
            ),
          })
          .meta({ id: 'ProviderServer' }),
      )
      .describe('The machines of a pool, as the node that answers sees them'),
    limits: z.object({
      concurrency: z.int(),
      requests_per_minute: z.number().nullable(),
      credential_concurrency: z.number().nullable(),
      credential_requests_per_minute: z.number().nullable(),
      deadline_s: z.number(),
    }),
    queued: z.int(),
    running: z.int(),
  })
  .meta({ id: 'Provider' });

export type ProviderBody = z.output<typeof providerSchema>;

export const listProvidersRoute = defineRoute({
  id: 'providers.list',
  method: 'GET',
  path: '/v1/admin/providers',
  tag: TAG,
  summary: 'Every provider: whether it works, why not, and where its credentials come from',
  access: adminAccess,
  limit: 'api',
  responses: {
    200: {
      description: 'In the order in which they offer models',
      schema: z
        .object({
          data: z.array(providerSchema),
          unconfigured: z.array(z.string()).describe('Names that could be set up with a secret'),
          probe_interval_s: z.number().describe('Seconds between two looks at each provider'),
        })
        .meta({ id: 'ProviderList' }),
    },
  },
  errors: [],
});

export const getProviderRoute = defineRoute({
  id: 'providers.get',
  method: 'GET',
  path: '/v1/admin/providers/:name',
  tag: TAG,
  summary: 'One provider, with the history of its breakers',
  access: adminAccess,
  limit: 'api',
  params,
  query: z.object({
    history: z.coerce
      .number()
      .int()
      .min(0)
      .max(MAX_HISTORY)
      .default(DEFAULT_HISTORY)
      .describe('How many changes to show'),
  }),
  responses: {
    200: {
      description: 'The provider',
      schema: providerSchema
        .extend({
          breaker: breakerSchema,
          history: z
            .array(
              z.object({
                at: time,
                scope: z.enum(['provider', 'model', 'credential']),
                name: z.string().describe('Of the model or account; empty for the provider'),
                from: z.string(),
                to: z.string(),
                reason: reasonSchema,
              }),
            )
            .describe('Newest first'),
        })
        .meta({ id: 'ProviderDetail' }),
    },
  },
  errors: ['not_found'],
});

const oneProvider = { 200: { description: 'The provider as it is now', schema: providerSchema } };

export const probeProviderRoute = defineRoute({
  id: 'providers.probe',
  method: 'POST',
  path: '/v1/admin/providers/:name/probe',
  tag: TAG,
  summary: 'Look now whether a provider works; costs nothing',
  access: adminAccess,
  limit: 'api',
  params,
  responses: oneProvider,
  errors: ['not_found'],
});

export const drainProviderRoute = defineRoute({
  id: 'providers.drain',
  method: 'POST',
  path: '/v1/admin/providers/:name/drain',
  tag: TAG,
  summary: 'Let a provider finish what it has and give it nothing new',
  description:
    'On all nodes, and over restarts, until `undrain`. Tasks that another provider can do go there.',
  access: adminAccess,
  limit: 'api',
  params,
  responses: oneProvider,
  errors: ['not_found'],
});

export const undrainProviderRoute = defineRoute({
  id: 'providers.undrain',
  method: 'POST',
  path: '/v1/admin/providers/:name/undrain',
  tag: TAG,
  summary: 'Give a drained provider work again',
  access: adminAccess,
  limit: 'api',
  params,
  responses: oneProvider,
  errors: ['not_found'],
});

export const LEG_NAMES = [
  'configuration',
  'dns',
  'proxy',
  'tcp',
  'tls',
  'service',
  'auth',
  'credit',
  'model',
  'generate',
  'download',
] as const;

export const legSchema = z
  .object({
    leg: z.enum(LEG_NAMES),
    target: z.string().nullable().describe('Which address, where there is one'),
    state: z.enum(['ok', 'failed', 'skipped']),
    reason: z.string().nullable().describe('What was found, or why it was skipped'),
    ms: z.int().nullable().describe('How long it took; null where nothing was measured'),
  })
  .meta({ id: 'ProviderTestLeg' });

export type LegBody = z.output<typeof legSchema>;

export const testProviderRoute = defineRoute({
  id: 'providers.test',
  method: 'POST',
  path: '/v1/admin/providers/:name/test',
  tag: TAG,
  summary: 'Try each step on the way to a provider, and name the one that fails',
  description:
    'Configuration, name, proxy, connection, TLS, the service itself, credential, credit, models. Costs nothing: no picture is made.',
  access: adminAccess,
  limit: 'api',
  params,
  body: z
    .strictObject({
      model: z.string().min(1).max(200).optional().describe('A model that must be there too'),
    })
    .default({}),
  responses: {
    200: {
      description: 'What each step found',
      schema: z
        .object({ name: z.string(), ok: z.boolean(), legs: z.array(legSchema) })
        .meta({ id: 'ProviderTest' }),
    },
  },
  errors: ['not_found'],
});

const secretChange = z
  .object({
    provider: z.string(),
    field: z.string(),
    note: z.string().nullable().describe("The provider's own remark at the trial"),
    sources: z.array(credentialSourceSchema),
  })
  .meta({ id: 'ProviderSecretChange' });

const field = z
  .string()
  .min(1)
  .max(MAX_NAME_CHARS)
  .optional()
  .describe('Where a provider has several secrets');

export const setSecretRoute = defineRoute({
  id: 'providers.setSecret',
  method: 'PUT',
  path: '/v1/admin/providers/:name/secret',
  tag: TAG,
  summary: "Set a provider's credential without a restart",
  description:
    'It is tried at the provider before it replaces the one in use: when that fails, nothing has changed. It is kept encrypted, wins over the configuration, and counts on all nodes at once. Nothing answers with it again.',
  access: adminAccess,
  limit: 'api',
  params,
  body: z.strictObject({
    value: z.string().min(1).max(MAX_SECRET_CHARS).describe('Several accounts are separated by commas'),
    field,
    unchecked: z.boolean().default(false).describe('Store it without a trial, for a provider that is down'),
  }),
  responses: { 200: { description: 'It is in use', schema: secretChange } },
  errors: ['not_found', 'secret_refused', 'secrets_key_wrong'],
});

export const clearSecretRoute = defineRoute({
  id: 'providers.clearSecret',
  method: 'DELETE',
  path: '/v1/admin/providers/:name/secret',
  tag: TAG,
  summary: 'Remove a credential that was set at run time; the one of the configuration counts again',
  access: adminAccess,
  limit: 'api',
  params,
  query: z.object({ field }),
  responses: { 200: { description: 'It is removed', schema: secretChange } },
  errors: ['not_found'],
});

export const rotateKeyRoute = defineRoute({
  id: 'providers.rotateKey',
  method: 'POST',
  path: '/v1/admin/provider-secrets/rotate-key',
  tag: TAG,
  summary: 'Encrypt all stored secrets anew with a new key in secrets.key',
  description:
    'Those of providers set at run time and those of webhooks. With DRAWBRIDGE_SECRETS_KEY the key is changed there instead: 409 says how.',
  access: adminAccess,
  limit: 'api',
  responses: {
    200: {
      description: 'Done',
      schema: z
        .object({ secrets: z.int().describe('How many were encrypted anew') })
        .meta({ id: 'KeyRotation' }),
    },
  },
  errors: ['conflict', 'secrets_key_wrong'],
});
