// Binds what people do for themselves: register, accept an invitation, reset a password, and look after their own profile,
// password and sessions. Whatever signs in refuses pages of other sites.
import type { Clock } from '../kernel/clock.ts';
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import type { Caller } from './authenticator.ts';
import { MIN_PASSWORD_CHARS } from './passwords.ts';
import {
  type Admitted,
  acceptInvitation,
  findPerson,
  normaliseLogin,
  type PeopleParts,
  register,
  requireInvitation,
  resetPassword,
  setPassword,
} from './people.ts';
import * as contract from './people-contract.ts';
import { getUser, updateProfile } from './people-store.ts';
import { refuseOtherSites } from './session-cookie.ts';
import {
  endSession,
  isSetupDone,
  listSessions,
  type SessionOwner,
  type SessionRow,
} from './sign-in-store.ts';
import { callerOf, cookieOf, describeUser, getAccount, originOf, signedIn, toWireAccount } from './wire.ts';

export interface PeopleRouteOptions {
  db: Db;
  clock: Clock;
  people: PeopleParts;
  openRegistration: boolean;
  oidc: { name: string } | null;
}

/** More sessions than this are not shown; the oldest of them end by themselves. */
const MAX_LISTED_SESSIONS = 200;

export function peopleRoutes(options: PeopleRouteOptions): BoundRoute[] {
  return [
    ...comingRoutes(options),
    ...linkRoutes(options),
    ...profileRoutes(options),
    ...sessionRoutes(options),
  ];
}

function comingRoutes({ db, people, openRegistration, oidc }: PeopleRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.signInOptions, async ({ baseUrl }) => ({
      status: 200 as const,
      body: {
        password: true as const,
        oidc: oidc ? { name: oidc.name, start_url: `${baseUrl}/v1/auth/oidc/start` } : null,
        registration: openRegistration,
        setup_done: await isSetupDone(db.read),
        password_min_chars: MIN_PASSWORD_CHARS,
      },
    })),
    bindRoute(contract.register, async (request) => {
      const caller = callerOf(request);
      refuseOtherSites(caller);
      if (!openRegistration) {
        throw new AppError('not_found', {
          detail: 'This server takes no registrations.',
          fix: 'Ask its administrator for an invitation.',
        });
      }
      return signedIn(db, caller, await register(people, request.body, originOf(request)));
    }),
  ];
}

function linkRoutes({ db, people }: PeopleRouteOptions): BoundRoute[] {
  const admitted = async (caller: Caller, { userId, accountId, opened }: Admitted) => ({
    status: 200 as const,
    ...(opened ? { headers: { 'set-cookie': cookieOf(caller, opened) } } : {}),
    body: {
      user: await describeUser(db, await getUser(db.read, userId)),
      account: toWireAccount(await getAccount(db, accountId)),
    },
  });
  return [
    bindRoute(contract.checkInvitation, async (request) => {
      refuseOtherSites(callerOf(request));
      const invitation = await requireInvitation(people, request.body.token);
      return {
        status: 200 as const,
        body: {
          role: invitation.role,
          email: invitation.email,
          joins_account: invitation.account_id !== null,
          expires_at: toTimestamp(invitation.expires_at),
        },
      };
    }),
    bindRoute(contract.acceptInvitation, async (request) => {
      const caller = callerOf(request);
      refuseOtherSites(caller);
      const { sign_in: signIn, ...body } = request.body;
      return admitted(caller, await acceptInvitation(people, body, signIn ? originOf(request) : null));
    }),
    bindRoute(contract.resetPassword, async (request) => {
      const caller = callerOf(request);
      refuseOtherSites(caller);
      const { sign_in: signIn, ...body } = request.body;
      return admitted(caller, await resetPassword(people, body, signIn ? originOf(request) : null));
    }),
  ];
}

function profileRoutes({ db, people }: PeopleRouteOptions): BoundRoute[] {
  const profileOf = async (access: Access) => {
    const user = await findPerson({ db }, access);
    const account = toWireAccount(await getAccount(db, access.accountId));
    return { account, user: user ? await describeUser(db, user) : null };
  };
  return [
    bindRoute(contract.getProfile, async ({ access }) => ({
      status: 200 as const,
      body: await profileOf(access),
    })),
    bindRoute(contract.updateProfile, async ({ access, body }) => {
      const user = await findPerson({ db }, access);
      if (!user) {
        throw new AppError('conflict', {
          detail: 'No person is signed in here: a key or the set-up link is.',
          fix: 'Set a password with POST /v1/account/password first, or sign in as a person.',
        });
      }
      const spelled = (login: string | null | undefined) => (login ? normaliseLogin(login) : login);
      const change = { name: body.name, username: spelled(body.username), email: spelled(body.email) };
      await db.write(updateProfile, { userId: user.id, change });
      return { status: 200 as const, body: await profileOf(access) };
    }),
    bindRoute(contract.setPassword, async (request) => {
      const { access, body } = request;
      const opened = await setPassword(people, access, body, originOf(request));
      return signedIn(db, callerOf(request), opened);
    }),
  ];
}

function sessionRoutes({ db, clock }: PeopleRouteOptions): BoundRoute[] {
  const ownerOf = async (access: Access): Promise<SessionOwner> => {
    const user = await findPerson({ db }, access);
    return user ? { userId: user.id } : { accountId: access.accountId };
  };
  return [
    bindRoute(contract.listSessions, async ({ access }) => {
      const rows = await listSessions(db.read, {
        owner: await ownerOf(access),
        now: clock.now(),
        limit: MAX_LISTED_SESSIONS,
      });
      return { status: 200 as const, body: { data: rows.map((row) => toWireSession(row, access)) } };
    }),
    bindRoute(contract.endSession, async ({ access, params }) => {
      const owner = await ownerOf(access);
      const ended = await db.write(endSession, { owner, sessionId: params.id, now: clock.now() });
      if (!ended) throw new AppError('not_found', { detail: 'You have no such session.' });
      return { status: 204 as const };
    }),
  ];
}

function toWireSession(session: SessionRow, access: Access) {
  return {
    id: session.id,
    current: session.id === access.credentialId,
    created_at: toTimestamp(session.created_at),
    last_used_at: toTimestamp(session.last_used_at ?? session.created_at),
    expires_at: toTimestamp(session.expires_at),
    address: session.address,
    user_agent: session.user_agent,
  };
}
