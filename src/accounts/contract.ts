// The accounts slice on the wire: sign-in, API keys, stream tickets, and the administration of accounts.
import { z } from 'zod';
import { defineRoute, SCOPES } from '../kernel/route.ts';
import { idParams, pageOf, time } from '../kernel/wire-schemas.ts';
import {
  accountSchema,
  MAX_SECRET_CHARS,
  name,
  page,
  password,
  scope,
  sessionSchema,
} from './wire-schemas.ts';

export * from './people-admin-contract.ts';
export * from './people-contract.ts';
export { accountSchema, sessionSchema, userSchema } from './wire-schemas.ts';

const MAX_LOGIN_CHARS = 254;

export const MAX_BULK_ACCOUNTS = 1000;

/** Digits are checked where amounts are understood, in the credits slice. */
const grant = z
  .union([z.number(), z.string().max(40)])
  .describe('Credits that the account starts with, instead of the configured starting grant');

export const keySchema = z
  .object({
    id: z.string(),
    account_id: z.string(),
    name: z.string(),
    prefix: z.string().describe('First characters of the key, to tell keys apart'),
    scopes: z.array(scope),
    created_at: time,
    last_used_at: time.nullable().describe('Exact to a minute'),
  })
  .meta({ id: 'ApiKey' });

const waysIn = (body: { login?: unknown; password?: unknown; api_key?: unknown; token?: unknown }) =>
  [body.login ?? body.password, body.api_key, body.token].filter((way) => way !== undefined).length;

export const createSession = defineRoute({
  id: 'auth.signIn',
  method: 'POST',
  path: '/v1/auth/session',
  tag: 'Accounts',
  summary: 'Sign in a browser with a password, an API key or a one-time set-up token',
  description:
    'Sets the session cookie. The session of a key has its scopes and ends when the key is revoked. At most 10 wrong ' +
    'passwords for one login from one address in 15 minutes.',
  access: { kind: 'public' },
  limit: 'sign_in',
  body: z
    .strictObject({
      login: z.string().trim().min(1).max(MAX_LOGIN_CHARS).optional().describe('User name or e-mail address'),
      password: password.optional(),
      api_key: z.string().min(1).max(MAX_SECRET_CHARS).optional(),
      token: z
        .string()
        .min(1)
        .max(MAX_SECRET_CHARS)
        .optional()
        .describe('From the set-up link of the first start'),
    })
    .refine((body) => waysIn(body) === 1 && (body.login === undefined) === (body.password === undefined), {
      error: 'Give either "login" with "password", or "api_key", or "token".',
    }),
  responses: { 200: { description: 'Signed in', schema: sessionSchema } },
  errors: ['authentication_required', 'permission_denied', 'rate_limited'],
});

export const getSession = defineRoute({
  id: 'auth.getSession',
  method: 'GET',
  path: '/v1/auth/session',
  tag: 'Accounts',
  summary: 'Who is calling, and what they may do',
  access: { kind: 'public' },
  limit: 'api',
  responses: { 200: { description: 'The caller', schema: sessionSchema } },
  errors: ['authentication_required', 'permission_denied', 'not_found'],
});

export const deleteSession = defineRoute({
  id: 'auth.signOut',
  method: 'DELETE',
  path: '/v1/auth/session',
  tag: 'Accounts',
  summary: 'Sign out: the session ends on the server too',
  access: { kind: 'public' },
  limit: 'api',
  responses: { 204: { description: 'Signed out, or not signed in at all' } },
  errors: [],
});

export const createKey = defineRoute({
  id: 'keys.create',
  method: 'POST',
  path: '/v1/keys',
  tag: 'Accounts',
  summary: 'Create an API key; it is shown this once',
  description:
    'A key never gets a scope that its maker does not have; `admin` and `accounts:act` need an administrator.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: z.strictObject({
    name,
    scopes: z
      .array(scope)
      .min(1)
      .max(SCOPES.length)
      .optional()
      .describe("Without it: all of the maker's scopes that concern the own account"),
  }),
  responses: {
    201: {
      description: 'The key',
      schema: keySchema.extend({ key: z.string().describe('The secret itself') }),
    },
  },
  errors: ['permission_denied', 'conflict'],
});

export const listKeys = defineRoute({
  id: 'keys.list',
  method: 'GET',
  path: '/v1/keys',
  tag: 'Accounts',
  summary: 'API keys of the own account that were not revoked, newest first',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  query: page('key'),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(keySchema),
    },
  },
  errors: [],
});

export const revokeKey = defineRoute({
  id: 'keys.revoke',
  method: 'DELETE',
  path: '/v1/keys/:id',
  tag: 'Accounts',
  summary: 'Revoke an API key and the sessions that were opened with it',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: idParams,
  responses: { 204: { description: 'Revoked: the next request with it is refused' } },
  errors: ['not_found'],
});

export const createStreamTicket = defineRoute({
  id: 'streamTickets.create',
  method: 'POST',
  path: '/v1/stream-tickets',
  tag: 'Accounts',
  summary: 'A 60-second ticket for event streams, where a browser cannot send a header',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  responses: {
    201: {
      description: 'Connect with `?ticket=…`',
      schema: z.object({ ticket: z.string(), expires_in_s: z.number().int() }),
    },
  },
  errors: [],
});

const newAccount = z.strictObject({ name, grant_credits: grant.optional() });

export const createAccounts = defineRoute({
  id: 'accounts.create',
  method: 'POST',
  path: '/v1/admin/accounts',
  tag: 'Administration',
  summary: 'Open one account, or up to 1,000 at once (all or none)',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z
    .strictObject({
      name: name.optional(),
      grant_credits: grant.optional(),
      accounts: z.array(newAccount).min(1).max(MAX_BULK_ACCOUNTS).optional(),
    })
    .refine((body) => (body.name === undefined) !== (body.accounts === undefined), {
      error: 'Give either "name" for one account or "accounts" for several.',
    }),
  responses: {
    201: {
      description: 'The account; for several, all of them under `data` in their order',
      schema: z.union([accountSchema, z.object({ data: z.array(accountSchema) })]),
    },
  },
  errors: ['validation_failed'],
});

export const listAccounts = defineRoute({
  id: 'accounts.list',
  method: 'GET',
  path: '/v1/admin/accounts',
  tag: 'Administration',
  summary: 'All accounts, newest first',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: page('acct'),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(accountSchema),
    },
  },
  errors: [],
});

export const updateAccount = defineRoute({
  id: 'accounts.update',
  method: 'PATCH',
  path: '/v1/admin/accounts/:id',
  tag: 'Administration',
  summary: 'Rename, disable or enable an account',
  description:
    'A disabled account is refused at its next request; what it has running is finished and settled.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  params: idParams,
  body: z.strictObject({ name: name.optional(), disabled: z.boolean().optional() }),
  responses: { 200: { description: 'The account', schema: accountSchema } },
  errors: ['not_found', 'conflict'],
});

export const removeAccount = defineRoute({
  id: 'accounts.remove',
  method: 'DELETE',
  path: '/v1/admin/accounts/:id',
  tag: 'Administration',
  summary: 'End an account: cancel its tasks and put its pictures in the trash',
  description:
    'The account is refused at its next request. What waits is cancelled, what runs is stopped where its provider can, and ' +
    'pictures are removed 30 days later; its credits and their history stay. A repeated call takes up what ended in between.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  params: idParams,
  responses: { 200: { description: 'The account, disabled', schema: accountSchema } },
  errors: ['not_found', 'conflict'],
});
