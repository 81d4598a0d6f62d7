// What administrators do with people: invite, find, change, disable and remove them, and hand out reset links. No
// administrator ever sets or sees a password.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { idOf, idParams, pageOf, time } from '../kernel/wire-schemas.ts';
import { email, MAX_NAME_CHARS, name, page, role, userSchema } from './wire-schemas.ts';

const MAX_INVITATION_HOURS = 24 * 30;
const DEFAULT_INVITATION_HOURS = 24 * 7;
/** As the largest amount that the ledger takes. */
const MOST_CREDITS = 1_000_000_000;

const grant = z
  .union([
    z
      .number()
      .min(0)
      .max(MOST_CREDITS)
      .refine((value) => Number(value.toFixed(6)) === value, 'must have at most six decimals'),
    z.string().regex(/^\d{1,9}(?:\.\d{1,6})?$/, 'must be a number with at most six decimals'),
  ])
  .describe('Credits that the new account starts with, instead of the configured starting grant');

const invitationSchema = z
  .object({
    id: z.string(),
    role,
    email: z.string().nullable(),
    account_id: z.string().nullable().describe('The account to join; null: one of their own'),
    grant_credits: z.string().nullable(),
    status: z.enum(['open', 'used', 'over']),
    user_id: z.string().nullable().describe('Who used it'),
    created_at: time,
    expires_at: time,
  })
  .meta({ id: 'Invitation' });

const admin = { access: { kind: 'scope', scope: 'admin' }, limit: 'api', tag: 'Administration' } as const;

export const createInvitation = defineRoute({
  ...admin,
  id: 'invitations.create',
  method: 'POST',
  path: '/v1/admin/invitations',
  summary: 'Invite a person by a one-time link; it is shown this once',
  body: z.strictObject({
    role: role.default('member'),
    email: email.optional().describe('Whom it is for: the person gets this address'),
    account_id: idOf('acct').optional().describe('The account to join, instead of one of their own'),
    grant_credits: grant.optional(),
    expires_in_h: z.int().min(1).max(MAX_INVITATION_HOURS).default(DEFAULT_INVITATION_HOURS),
  }),
  responses: {
    201: {
      description: 'The invitation with its link',
      schema: invitationSchema.extend({ token: z.string(), url: z.string() }),
    },
  },
  errors: ['not_found', 'conflict'],
});

export const listInvitations = defineRoute({
  ...admin,
  id: 'invitations.list',
  method: 'GET',
  path: '/v1/admin/invitations',
  summary: 'Invitations that were not taken back, newest first',
  query: page('inv'),
  responses: { 200: { description: 'A page', schema: pageOf(invitationSchema) } },
  errors: [],
});

export const revokeInvitation = defineRoute({
  ...admin,
  id: 'invitations.revoke',
  method: 'DELETE',
  path: '/v1/admin/invitations/:id',
  summary: 'Take an unused invitation back',
  params: idParams,
  responses: { 204: { description: 'Its link does not work any more' } },
  errors: ['not_found'],
});

export const listUsers = defineRoute({
  ...admin,
  id: 'people.list',
  method: 'GET',
  path: '/v1/admin/users',
  summary: 'People, newest first',
  query: page('usr').extend({
    q: z.string().max(MAX_NAME_CHARS).optional().describe('Part of a name, user name or e-mail address'),
  }),
  responses: { 200: { description: 'A page', schema: pageOf(userSchema) } },
  errors: [],
});

export const getUser = defineRoute({
  ...admin,
  id: 'people.get',
  method: 'GET',
  path: '/v1/admin/users/:id',
  summary: 'One person',
  params: idParams,
  responses: { 200: { description: 'The person', schema: userSchema } },
  errors: ['not_found'],
});

export const updateUser = defineRoute({
  ...admin,
  id: 'people.update',
  method: 'PATCH',
  path: '/v1/admin/users/:id',
  summary: 'Rename a person, give another role, disable or enable',
  description:
    'Another role and disabling end all sessions of the person; while disabled, their keys are refused too. ' +
    'Nobody does this to themselves.',
  params: idParams,
  body: z.strictObject({ name: name.optional(), role: role.optional(), disabled: z.boolean().optional() }),
  responses: { 200: { description: 'The person', schema: userSchema } },
  errors: ['not_found', 'conflict'],
});

export const removeUser = defineRoute({
  ...admin,
  id: 'people.remove',
  method: 'DELETE',
  path: '/v1/admin/users/:id',
  summary: 'Remove a person: their sessions and keys end, the account and its pictures stay',
  params: idParams,
  responses: { 204: { description: 'Removed' } },
  errors: ['not_found', 'conflict'],
});

export const createResetLink = defineRoute({
  ...admin,
  id: 'people.createResetLink',
  method: 'POST',
  path: '/v1/admin/users/:id/reset-link',
  summary: 'A one-time link with which a person chooses a new password; it works for 24 hours',
  params: idParams,
  responses: {
    201: {
      description: 'The link, shown this once; earlier ones stop working',
      schema: z.object({ token: z.string(), url: z.string(), expires_at: time }),
    },
  },
  errors: ['not_found'],
});
