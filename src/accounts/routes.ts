// Binds the contracts of the accounts slice to its verbs, and every request to its caller.
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import { toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { baseUrlOf } from '../kernel/http-error.ts';
import { newId } from '../kernel/id.ts';
import {
  type Access,
  type BoundRoute,
  bindRoute,
  type HandlerRequest,
  type RouteContract,
  type Scope,
} from '../kernel/route.ts';
import {
  type Account,
  type AccountOpener,
  type Authenticator,
  createKey,
  type OpenedSession,
  signInWithKey,
  signInWithSetupToken,
} from './accounts.ts';
import * as contract from './contract.ts';
import { type OidcSettings, oidcRoutes } from './oidc-routes.ts';
import { PasswordHasher } from './passwords.ts';
import { type PeopleParts, signInWithPassword } from './people.ts';
import { peopleAdminRoutes } from './people-admin-routes.ts';
import { peopleRoutes } from './people-routes.ts';
import { clearedSessionCookie, refuseOtherSites } from './session-cookie.ts';
import { revokeSession } from './sign-in-store.ts';
import { type ApiKey, listAccounts, listKeys, revokeKey, updateAccount } from './store.ts';
import { issueTicket, TICKET_LIFETIME_MS } from './stream-ticket.ts';
import { callerOf, describeSession, originOf, signedIn, toPage, toWireAccount } from './wire.ts';

export interface AccountRouteOptions {
  db: Db;
  clock: Clock;
  authenticator: Authenticator;
  opener: AccountOpener;
  /** From ensureBootstrap: signs stream tickets, and what a browser carries while it signs in elsewhere. */
  ticketSecret: string;
  /** Whether anybody may register. */
  openRegistration: boolean;
  /** Signing in elsewhere; null when it is not configured. */
  oidc: OidcSettings | null;
  /** Disables an account and ends everything that it has; the tasks slice, which ranks higher, gives it. */
  closeAccount(accountId: string): Promise<Account>;
}

/** What the HTTP layer asks for each request. Public routes overlook a credential that does not count. */
export function authenticateRequest(authenticator: Authenticator, publicUrl: string | null) {
  return (request: FastifyRequest, contract: RouteContract): Promise<Access | null> => {
    const takesTicket = contract.access.kind === 'scope' && contract.access.ticket === true;
    const ticket = takesTicket ? (request.query as { ticket?: unknown }).ticket : undefined;
    const caller = {
      ...callerOf({ raw: request, baseUrl: baseUrlOf(request, publicUrl) }),
      ticket: typeof ticket === 'string' ? ticket : undefined,
    };
    return contract.access.kind === 'public'
      ? authenticator.identify(caller)
      : authenticator.authenticate(caller);
  };
}

export function accountRoutes(options: AccountRouteOptions): BoundRoute[] {
  const { db, clock, opener } = options;
  const people: PeopleParts = { db, clock, opener, hasher: new PasswordHasher() };
  return [
    ...sessionRoutes(options, people),
    ...keyRoutes(options),
    ...administrationRoutes(options),
    ...peopleRoutes({ ...options, people }),
    ...peopleAdminRoutes(options),
    ...oidcRoutes({ ...options, people }),
  ];
}

/** By whichever of the three ways the body names. */
async function openSession(
  { db, clock, authenticator }: AccountRouteOptions,
  people: PeopleParts,
  { body, raw, access }: HandlerRequest<typeof contract.createSession>,
): Promise<OpenedSession> {
  const from = originOf({ raw, access });
  const { token, api_key: apiKey, login, password } = body;
  if (token !== undefined) return signInWithSetupToken(db, clock, token, from);
  if (apiKey !== undefined)
    return signInWithKey(db, clock, await authenticator.authenticateKey(apiKey), from);
  return signInWithPassword(people, { login: login ?? '', password: password ?? '' }, from);
}

function sessionRoutes(options: AccountRouteOptions, people: PeopleParts): BoundRoute[] {
  const { db, clock, authenticator, ticketSecret } = options;
  return [
    bindRoute(contract.createSession, async (request) => {
      const caller = callerOf(request);
      refuseOtherSites(caller);
      return signedIn(db, caller, await openSession(options, people, request));
    }),
    bindRoute(contract.getSession, async (request) => {
      const caller = callerOf(request);
      // A public route overlooks a wrong credential; asked again, it says what is wrong with it.
      const access = request.access ?? (await authenticator.authenticate(caller));
      if (!access) throw new AppError('authentication_required', { detail: 'Nobody is signed in here.' });
      return { status: 200 as const, body: await describeSession(db, access, caller) };
    }),
    bindRoute(contract.deleteSession, async (request) => {
      if (request.access?.via === 'session') {
        await db.write(revokeSession, { sessionId: request.access.credentialId, now: clock.now() });
      }
      return { status: 204 as const, headers: { 'set-cookie': clearedSessionCookie(callerOf(request)) } };
    }),
    bindRoute(contract.createStreamTicket, async ({ access }) => ({
      status: 201 as const,
      body: {
        ticket: issueTicket(access, ticketSecret, clock.now()),
        expires_in_s: TICKET_LIFETIME_MS / 1000,
      },
    })),
  ];
}

function keyRoutes({ db, clock }: AccountRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.createKey, async ({ access, body }) => {
      const { row, key } = await createKey(db, clock, access, body);
      return { status: 201 as const, body: { ...toWireKey(row), key } };
    }),
    bindRoute(contract.listKeys, async ({ access, query }) => {
      const rows = await listKeys(db.read, access.accountId, {
        limit: query.limit + 1,
        before: query.cursor,
      });
      return { status: 200 as const, body: toPage(rows, query.limit, toWireKey) };
    }),
    bindRoute(contract.revokeKey, async ({ access, params }) => {
      const revoked = await db.write(revokeKey, {
        accountId: access.accountId,
        keyId: params.id,
        now: clock.now(),
      });
      if (!revoked) throw new AppError('not_found', { detail: 'Your account has no such API key.' });
      return { status: 204 as const };
    }),
  ];
}

function administrationRoutes({ db, clock, opener, closeAccount }: AccountRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.createAccounts, async ({ body }) => {
      const now = clock.now();
      const wanted = body.accounts ?? [{ name: body.name ?? '', grant_credits: body.grant_credits }];
      const accounts = wanted.map((account) => ({
        id: newId('acct', now),
        name: account.name,
        role: 'member' as const,
        grantCredits: account.grant_credits ?? body.grant_credits,
      }));
      await opener.open({ accounts, now });
      const data = accounts.map(({ id, name, role }) =>
        toWireAccount({ id, name, role, created_at: now, disabled_at: null }),
      );
      const [first] = data;
      return { status: 201 as const, body: body.accounts || !first ? { data } : first };
    }),
    bindRoute(contract.listAccounts, async ({ query }) => {
      const rows = await listAccounts(db.slow, { limit: query.limit + 1, before: query.cursor });
      return { status: 200 as const, body: toPage(rows, query.limit, toWireAccount) };
    }),
    bindRoute(contract.updateAccount, async ({ params, body }) => {
      const account = await db.write(updateAccount, { accountId: params.id, ...body, now: clock.now() });
      return { status: 200 as const, body: toWireAccount(account) };
    }),
    bindRoute(contract.removeAccount, async ({ params }) => ({
      status: 200 as const,
      body: toWireAccount(await closeAccount(params.id)),
    })),
  ];
}

function toWireKey(key: ApiKey) {
  return {
    id: key.id,
    account_id: key.account_id,
    name: key.name,
    prefix: key.prefix,
    scopes: JSON.parse(key.scopes) as Scope[],
    created_at: toTimestamp(key.created_at),
    last_used_at: key.last_used_at === null ? null : toTimestamp(key.last_used_at),
  };
}
