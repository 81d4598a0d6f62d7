// People on the wire: what the sign-in page offers, registration, invitations and reset links, sign-in elsewhere, and what
// people do with their own profile, password and sessions.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { idParams, time } from '../kernel/wire-schemas.ts';
import {
  accountSchema,
  email,
  name,
  newPassword,
  password,
  role,
  secret,
  sessionSchema,
  username,
  userSchema,
} from './wire-schemas.ts';

const MAX_CODE_CHARS = 4096;
const MAX_PATH_CHARS = 500;
const MAX_STATE_CHARS = 200;

const signIn = z
  .boolean()
  .default(true)
  .describe('Set the session cookie; false for programs that only prepare the person');
const returnTo = z
  .string()
  .max(MAX_PATH_CHARS)
  .regex(/^\/(?:[^/\\\s][^\\\s]*)?$/, 'must be a path of this server, such as /gallery')
  .describe('Where the browser goes afterwards: a path of this server');

/** Who a new person is; one of the two logins is needed. */
const newPerson = {
  name: name.optional().describe('As others see it; the login unless given'),
  username: username.optional(),
  email: email.optional(),
};
const hasLogin = (body: { username?: string | undefined; email?: string | undefined }) =>
  body.username !== undefined || body.email !== undefined;
const LOGIN_NEEDED = { error: 'Give a "username" or an "email" to sign in with.' };

export const signInOptions = defineRoute({
  id: 'auth.options',
  method: 'GET',
  path: '/v1/auth/options',
  tag: 'Accounts',
  summary: 'What the sign-in page offers',
  access: { kind: 'public' },
  limit: 'api',
  responses: {
    200: {
      description: 'The ways in',
      schema: z.object({
        password: z.literal(true),
        oidc: z.object({ name: z.string(), start_url: z.string() }).nullable(),
        registration: z.boolean().describe('Whether anybody may register'),
        setup_done: z.boolean().describe('False until an administrator has signed in for the first time'),
        password_min_chars: z.number().int(),
      }),
    },
  },
  errors: [],
});

export const register = defineRoute({
  id: 'auth.register',
  method: 'POST',
  path: '/v1/auth/register',
  tag: 'Accounts',
  summary: 'Register with an account of the own, where the server allows it',
  description: 'Sets the session cookie. The account starts with the configured grant.',
  access: { kind: 'public' },
  limit: 'sign_up',
  body: z.strictObject({ ...newPerson, password: newPassword }).refine(hasLogin, LOGIN_NEEDED),
  responses: { 200: { description: 'Registered and signed in', schema: sessionSchema } },
  errors: ['not_found', 'permission_denied', 'conflict', 'rate_limited'],
});

export const checkInvitation = defineRoute({
  id: 'auth.checkInvitation',
  method: 'POST',
  path: '/v1/auth/invitations/check',
  tag: 'Accounts',
  summary: 'What an invitation is for, before it is accepted',
  access: { kind: 'public' },
  limit: 'api',
  body: z.strictObject({ token: secret }),
  responses: {
    200: {
      description: 'The invitation can be used',
      schema: z.object({
        role,
        email: z.string().nullable(),
        joins_account: z.boolean().describe('Joins an account that exists instead of opening one'),
        expires_at: time,
      }),
    },
  },
  errors: ['authentication_required', 'permission_denied'],
});

export const acceptInvitation = defineRoute({
  id: 'auth.acceptInvitation',
  method: 'POST',
  path: '/v1/auth/invitations/accept',
  tag: 'Accounts',
  summary: 'Become a person of this server with the token of an invitation',
  description: 'An invitation that names an e-mail address gives the person that one.',
  access: { kind: 'public' },
  limit: 'api',
  body: z.strictObject({ token: secret, ...newPerson, password: newPassword, sign_in: signIn }),
  responses: {
    200: { description: 'Accepted', schema: z.object({ user: userSchema, account: accountSchema }) },
  },
  errors: ['authentication_required', 'permission_denied', 'conflict', 'rate_limited'],
});

export const resetPassword = defineRoute({
  id: 'auth.resetPassword',
  method: 'POST',
  path: '/v1/auth/password-reset',
  tag: 'Accounts',
  summary: 'Choose a new password with the token of a reset link',
  description: 'Every session of the person ends.',
  access: { kind: 'public' },
  limit: 'api',
  body: z.strictObject({ token: secret, password: newPassword, sign_in: signIn }),
  responses: {
    200: {
      description: 'The password is set',
      schema: z.object({ user: userSchema, account: accountSchema }),
    },
  },
  errors: ['authentication_required', 'permission_denied', 'rate_limited'],
});

const REDIRECT = {
  302: { description: 'Elsewhere: `Location` says where' },
} as const;

export const startOidc = defineRoute({
  id: 'auth.oidcStart',
  method: 'GET',
  path: '/v1/auth/oidc/start',
  tag: 'Accounts',
  summary: 'Send the browser to sign in elsewhere (OpenID Connect)',
  access: { kind: 'public' },
  limit: 'api',
  query: z.object({ return_to: returnTo.optional() }),
  responses: REDIRECT,
  errors: ['not_found'],
});

export const prepareOidc = defineRoute({
  id: 'auth.oidcPrepare',
  method: 'POST',
  path: '/v1/auth/oidc/start',
  tag: 'Accounts',
  summary:
    'The address to sign in elsewhere at, to accept an invitation or to add that sign-in to the own person',
  access: { kind: 'public' },
  limit: 'api',
  body: z
    .strictObject({
      return_to: returnTo.optional(),
      invitation: secret.optional().describe('Token of an invitation to accept by it'),
      link: z.boolean().default(false).describe('Add it to the person who is signed in'),
    })
    .refine(({ invitation, link }) => !(link && invitation !== undefined), {
      error: 'Give either "invitation" or "link".',
    }),
  responses: { 200: { description: 'Go there', schema: z.object({ url: z.string() }) } },
  errors: ['not_found', 'authentication_required', 'permission_denied', 'provider_unavailable'],
});

export const finishOidc = defineRoute({
  id: 'auth.oidcCallback',
  method: 'GET',
  path: '/v1/auth/oidc/callback',
  tag: 'Accounts',
  summary: 'Where the browser comes back to from signing in elsewhere',
  description:
    'Signs in and goes to the page that was wanted. What went wrong is told on `/sign-in#error=…` ' +
    '(`oidc_stale`, `oidc_refused`, `oidc_unknown`, `oidc_not_allowed`, `oidc_taken`, `oidc_unavailable`, `disabled`, `invitation_over`).',
  access: { kind: 'public' },
  limit: 'api',
  query: z.object({
    code: z.string().max(MAX_CODE_CHARS).optional(),
    state: z.string().max(MAX_STATE_CHARS).optional(),
    iss: z.string().max(MAX_PATH_CHARS).optional(),
    error: z.string().max(MAX_STATE_CHARS).optional(),
  }),
  responses: REDIRECT,
  errors: ['not_found'],
});

const profile = z
  .object({
    account: accountSchema,
    user: userSchema.nullable().describe('The person who is signed in; null for keys and the set-up link'),
  })
  .meta({ id: 'Profile' });

export const getProfile = defineRoute({
  id: 'account.get',
  method: 'GET',
  path: '/v1/account',
  tag: 'Accounts',
  summary: 'The own account and person',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  responses: { 200: { description: 'The profile', schema: profile } },
  errors: [],
});

export const updateProfile = defineRoute({
  id: 'account.update',
  method: 'PATCH',
  path: '/v1/account',
  tag: 'Accounts',
  summary: 'Change the own name, user name or e-mail address',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: z.strictObject({
    name: name.optional(),
    username: username.nullable().optional(),
    email: email.nullable().optional(),
  }),
  responses: { 200: { description: 'The profile', schema: profile } },
  errors: ['conflict'],
});

export const setPassword = defineRoute({
  id: 'account.setPassword',
  method: 'POST',
  path: '/v1/account/password',
  tag: 'Accounts',
  summary: 'Set or change the own password; every other session ends',
  description:
    'Who has a password gives it as `current_password`. After the set-up link (or a key) signed in to an account that has ' +
    'nobody yet, this makes its person: then `username` or `email` is needed. The session goes on with a new cookie.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: z.strictObject({ password: newPassword, current_password: password.optional(), ...newPerson }),
  responses: { 200: { description: 'The session that goes on', schema: sessionSchema } },
  errors: ['authentication_required', 'permission_denied', 'conflict', 'rate_limited'],
});

export const ownSessionSchema = z
  .object({
    id: z.string(),
    current: z.boolean().describe('The one that asks'),
    created_at: time,
    last_used_at: time.describe('Exact to an hour'),
    expires_at: time,
    address: z.string().nullable().describe('Where it signed in from'),
    user_agent: z.string().nullable(),
  })
  .meta({ id: 'OwnSession' });

export const listSessions = defineRoute({
  id: 'account.listSessions',
  method: 'GET',
  path: '/v1/account/sessions',
  tag: 'Accounts',
  summary: "The own browser sessions, newest first (for a key: those of its account that are no person's)",
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  responses: { 200: { description: 'All of them', schema: z.object({ data: z.array(ownSessionSchema) }) } },
  errors: [],
});

export const endSession = defineRoute({
  id: 'account.endSession',
  method: 'DELETE',
  path: '/v1/account/sessions/:id',
  tag: 'Accounts',
  summary: 'End one of the own sessions',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: idParams,
  responses: { 204: { description: 'Ended: its next request is refused' } },
  errors: ['not_found'],
});
