// Binds the contracts of the accounts slice to its verbs, and every request to its caller.
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../kernel/clock.ts';
import { toTimestamp } from '../kernel/clock.ts';
import { controlSocketFlag } from '../kernel/control-socket.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { baseUrlOf } from '../kernel/http-error.ts';
import { newId } from '../kernel/id.ts';
import {
  type Access,
  type BoundRoute,
  bindRoute,
  type RouteContract,
  SCOPES,
  type Scope,
} from '../kernel/route.ts';
import {
  type Account,
  type AccountOpener,
  type Authenticator,
  type Caller,
  createKey,
  type OpenedSession,
  SESSION_LIFETIME_MS,
  signInWithKey,
  signInWithSetupToken,
} from './accounts.ts';
import * as contract from './contract.ts';
import { clearedSessionCookie, isSecureCaller, refuseOtherSites, sessionCookie } from './session-cookie.ts';
import { findSession, revokeSession } from './sign-in-store.ts';
import { type ApiKey, findAccount, listAccounts, listKeys, revokeKey, updateAccount } from './store.ts';
import { issueTicket, TICKET_LIFETIME_MS } from './stream-ticket.ts';

export interface AccountRouteOptions {
  db: Db;
  clock: Clock;
  authenticator: Authenticator;
  opener: AccountOpener;
  ticketSecret: string;
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
  return [...sessionRoutes(options), ...keyRoutes(options), ...administrationRoutes(options)];
}

function sessionRoutes({ db, clock, authenticator, ticketSecret }: AccountRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.createSession, async (request) => {
      const caller = callerOf(request);
      refuseOtherSites(caller);
      const { token, api_key: apiKey } = request.body;
      let opened: OpenedSession;
      if (token !== undefined) {
        opened = await signInWithSetupToken(db, clock, token);
      } else {
        const access = await authenticator.authenticateKey(apiKey ?? '');
        const replaces = request.access?.via === 'session' ? request.access.credentialId : null;
        opened = await signInWithKey(db, clock, access, replaces);
      }
      return {
        status: 200 as const,
        headers: { 'set-cookie': sessionCookie(caller, opened.token, SESSION_LIFETIME_MS / 1000) },
        body: {
          account: toWireAccount(await getAccount(db, opened.accountId)),
          scopes: toWireScopes(opened.scopes),
          via: 'session' as const,
          expires_at: toTimestamp(opened.expiresAt),
          secure_transport: isSecureCaller(caller),
        },
      };
    }),
    bindRoute(contract.getSession, async (request) => {
      // A public route overlooks a wrong credential; asked again, it says what is wrong with it.
      const access = request.access ?? (await authenticator.authenticate(callerOf(request)));
      if (!access) throw new AppError('authentication_required', { detail: 'Nobody is signed in here.' });
      const session = access.via === 'session' ? await findSession(db.read, access.credentialId) : undefined;
      return {
        status: 200 as const,
        body: {
          account: toWireAccount(await getAccount(db, access.accountId)),
          scopes: toWireScopes(access.scopes),
          via: access.via,
          expires_at: session ? toTimestamp(session.expires_at) : null,
          secure_transport: isSecureCaller(callerOf(request)),
        },
      };
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

/** The parts of a handled request that decide who is calling. */
function callerOf(request: { raw: FastifyRequest; baseUrl: string }): Caller {
  const { raw, baseUrl } = request;
  return { method: raw.method, headers: raw.headers, viaControlSocket: controlSocketFlag(raw.raw), baseUrl };
}

async function getAccount(db: Db, id: string): Promise<Account> {
  const account = await findAccount(db.read, id);
  if (!account) throw new AppError('not_found', { detail: 'There is no account with this id.' });
  return account;
}

function toWireAccount(account: Account) {
  return {
    id: account.id,
    name: account.name,
    role: account.role,
    disabled: account.disabled_at !== null,
    created_at: toTimestamp(account.created_at),
  };
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

/** In the order of SCOPES, whatever order they were given in. */
function toWireScopes(scopes: ReadonlySet<Scope>): Scope[] {
  return SCOPES.filter((scope) => scopes.has(scope));
}

/** A page out of one row more than asked for: the extra row says that another page follows. */
function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
): { data: Item[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit);
  return { data: shown.map(toItem), next_cursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}
