// Binds what administrators do with people. Nobody takes away their own rights, and no answer holds a password; a link's token
// is shown once and stored as a digest.
import type { Clock } from '../kernel/clock.ts';
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import {
  type Invitation,
  insertInvitation,
  listInvitations,
  putReset,
  revokeInvitation,
} from './invitation-store.ts';
import {
  findPerson,
  INVITATION_PREFIX,
  MAX_OPEN_INVITATIONS,
  newLinkToken,
  normaliseLogin,
  RESET_LIFETIME_MS,
  RESET_PREFIX,
} from './people.ts';
import * as contract from './people-admin-contract.ts';
import { getUser, listIdentities, listUsers, removePerson, updatePerson } from './people-store.ts';
import { describeUser, toPage, toWireUser } from './wire.ts';

const HOUR_MS = 3_600_000;

interface AdminRouteOptions {
  db: Db;
  clock: Clock;
}

export function peopleAdminRoutes(options: AdminRouteOptions): BoundRoute[] {
  return [...invitationRoutes(options), ...userRoutes(options)];
}

function invitationRoutes({ db, clock }: AdminRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.createInvitation, async ({ body, baseUrl }) => {
      const now = clock.now();
      const { token, hash } = newLinkToken(INVITATION_PREFIX);
      const { grant_credits: grant, email } = body;
      const invitation = await db.write(insertInvitation, {
        invitation: {
          id: newId('inv', now),
          hash,
          role: body.role,
          email: email === undefined ? null : normaliseLogin(email),
          account_id: body.account_id ?? null,
          grant_credits: grant === undefined ? null : String(grant),
          created_at: now,
          expires_at: now + body.expires_in_h * HOUR_MS,
        },
        maxOpen: MAX_OPEN_INVITATIONS,
      });
      // Behind the #, so that no server on the way logs it.
      const url = `${baseUrl}/invitation#token=${token}`;
      return { status: 201 as const, body: { ...toWireInvitation(invitation, now), token, url } };
    }),
    bindRoute(contract.listInvitations, async ({ query }) => {
      const rows = await listInvitations(db.slow, { limit: query.limit + 1, before: query.cursor });
      const now = clock.now();
      return { status: 200 as const, body: toPage(rows, query.limit, (row) => toWireInvitation(row, now)) };
    }),
    bindRoute(contract.revokeInvitation, async ({ params }) => {
      const revoked = await db.write(revokeInvitation, { id: params.id, now: clock.now() });
      if (!revoked)
        throw new AppError('not_found', { detail: 'There is no unused invitation with this id.' });
      return { status: 204 as const };
    }),
  ];
}

function userRoutes({ db, clock }: AdminRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.listUsers, async ({ query }) => {
      const rows = await listUsers(db.slow, { limit: query.limit + 1, before: query.cursor, q: query.q });
      const identities = await listIdentities(
        db.slow,
        rows.map(({ id }) => id),
      );
      return {
        status: 200 as const,
        body: toPage(rows, query.limit, (user) => toWireUser(user, identities)),
      };
    }),
    bindRoute(contract.getUser, async ({ params }) => ({
      status: 200 as const,
      body: await describeUser(db, await getUser(db.read, params.id)),
    })),
    bindRoute(contract.updateUser, async ({ access, params, body }) => {
      if (body.role !== undefined || body.disabled !== undefined) await refuseSelf(db, access, params.id);
      const user = await db.write(updatePerson, { userId: params.id, ...body, now: clock.now() });
      return { status: 200 as const, body: await describeUser(db, user) };
    }),
    bindRoute(contract.removeUser, async ({ access, params }) => {
      await refuseSelf(db, access, params.id);
      await db.write(removePerson, { userId: params.id, now: clock.now() });
      return { status: 204 as const };
    }),
    bindRoute(contract.createResetLink, async ({ params, baseUrl }) => {
      const now = clock.now();
      const { token, hash } = newLinkToken(RESET_PREFIX);
      const expiresAt = now + RESET_LIFETIME_MS;
      await db.write(putReset, { hash, userId: params.id, now, expiresAt });
      const url = `${baseUrl}/sign-in#reset=${token}`;
      return { status: 201 as const, body: { token, url, expires_at: toTimestamp(expiresAt) } };
    }),
  ];
}

/** So that there is always an administrator left: the one who asks. */
async function refuseSelf(db: Db, access: Access, userId: string): Promise<void> {
  const self = await findPerson({ db }, access);
  if (self?.id !== userId) return;
  throw new AppError('conflict', {
    detail: 'You cannot take away your own rights.',
    fix: 'Ask another administrator, or use the command line on the server.',
  });
}

function toWireInvitation(invitation: Invitation, now: number) {
  const isOpen = invitation.used_at === null && invitation.expires_at > now;
  return {
    id: invitation.id,
    role: invitation.role,
    email: invitation.email,
    account_id: invitation.account_id,
    grant_credits: invitation.grant_credits,
    status: isOpen ? ('open' as const) : invitation.used_at === null ? ('over' as const) : ('used' as const),
    user_id: invitation.used_by,
    created_at: toTimestamp(invitation.created_at),
    expires_at: toTimestamp(invitation.expires_at),
  };
}
