// Binds signing in elsewhere: start, and the way back. A callback counts only in the browser that started it, once, within ten
// minutes; what goes wrong is told on the sign-in page in a word, and in the log in a sentence.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { type BoundRoute, bindRoute, type HandlerRequest } from '../kernel/route.ts';
import type { OidcClient } from './oidc.ts';
import { type Attempt, forgetAttempt, newAttempt, recallAttempt, rememberAttempt } from './oidc-attempt.ts';
import {
  addIdentity,
  findPerson,
  IdentityRefused,
  type PeopleParts,
  requireInvitation,
  signInWithIdentity,
} from './people.ts';
import * as contract from './people-contract.ts';
import { refuseOtherSites } from './session-cookie.ts';
import { callerOf, cookieOf, originOf } from './wire.ts';

export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string | null;
  /** What the button says. */
  name: string;
  /** Whoever the provider knows becomes a person here at the first sign-in. */
  autoRegister: boolean;
  /** Lower case; empty: every domain. */
  allowedDomains: readonly string[];
  openOutbound(): Promise<Outbound>;
}

interface OidcRouteOptions {
  db: Db;
  clock: Clock;
  ticketSecret: string;
  people: PeopleParts;
  oidc: OidcSettings | null;
}

const CALLBACK_PATH = '/v1/auth/oidc/callback';

export function oidcRoutes({ db, clock, ticketSecret, people, oidc }: OidcRouteOptions): BoundRoute[] {
  let opened: Promise<OidcClient> | null = null;
  /** Loaded at the first sign-in: most servers never need it. */
  const client = (): Promise<OidcClient> => {
    opened ??= open(requireSettings(oidc), clock);
    return opened;
  };
  const begin = async (baseUrl: string, wish: Pick<Attempt, 'returnTo' | 'invitationHash' | 'linkTo'>) => {
    const attempt = newAttempt(clock.now(), wish);
    const url = await (await client()).authorizationUrl(attempt, `${baseUrl}${CALLBACK_PATH}`);
    return { attempt, url };
  };
  return [
    bindRoute(contract.startOidc, async (request) => {
      requireSettings(oidc);
      const { baseUrl, query, log } = request;
      const caller = callerOf(request);
      try {
        const wish = { returnTo: query.return_to ?? '/', invitationHash: null, linkTo: null };
        const { attempt, url } = await begin(baseUrl, wish);
        return redirect(url, rememberAttempt(caller, attempt, ticketSecret));
      } catch (error) {
        return redirect(failurePage(baseUrl, error, log));
      }
    }),
    bindRoute(contract.prepareOidc, async (request) => {
      requireSettings(oidc);
      const caller = callerOf(request);
      refuseOtherSites(caller);
      const { body, access, log } = request;
      const person = body.link && access ? await findPerson({ db }, access) : undefined;
      if (body.link && !person) throw new AppError('authentication_required', { detail: 'Sign in first.' });
      const invitation =
        body.invitation === undefined ? null : await requireInvitation(people, body.invitation);
      const wish = {
        returnTo: body.return_to ?? '/',
        invitationHash: invitation?.hash ?? null,
        linkTo: person?.id ?? null,
      };
      const { attempt, url } = await begin(request.baseUrl, wish).catch((error: unknown) => {
        log.warn({ err: error }, 'signing in elsewhere could not be started');
        throw new AppError('provider_unavailable', {
          detail: 'The sign-in service does not answer properly.',
        });
      });
      const headers = { 'set-cookie': rememberAttempt(caller, attempt, ticketSecret) };
      return { status: 200 as const, headers, body: { url } };
    }),
    bindRoute(contract.finishOidc, async (request, reply) => {
      const settings = requireSettings(oidc);
      const { baseUrl, log } = request;
      const caller = callerOf(request);
      // Whatever comes of it, this attempt is over; Fastify adds a second cookie to the first.
      reply.header('set-cookie', forgetAttempt(caller));
      try {
        const { attempt, identity } = await identify(request, { client, ticketSecret, now: clock.now() });
        const target = `${baseUrl}${attempt.returnTo}`;
        if (attempt.linkTo !== null) {
          // The session may have ended, or become another's, while the browser was elsewhere.
          const person = request.access ? await findPerson({ db }, request.access) : undefined;
          if (person?.id !== attempt.linkTo) throw new CallbackRefused('oidc_stale');
          await addIdentity(people, attempt.linkTo, identity);
          return redirect(target);
        }
        const session = await signInWithIdentity(people, identity, {
          invitationHash: attempt.invitationHash,
          autoRegister: settings.autoRegister,
          allowedDomains: settings.allowedDomains,
          from: originOf(request),
        });
        return redirect(target, cookieOf(caller, session));
      } catch (error) {
        return redirect(failurePage(baseUrl, error, log));
      }
    }),
  ];
}

class CallbackRefused extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.name = 'CallbackRefused';
    this.reason = reason;
  }
}

function requireSettings(settings: OidcSettings | null): OidcSettings {
  if (settings) return settings;
  throw new AppError('not_found', { detail: 'Signing in elsewhere is not configured on this server.' });
}

async function open(settings: OidcSettings, clock: Clock): Promise<OidcClient> {
  const { OidcClient: Client } = await import('./oidc.ts');
  return new Client({ settings, outbound: await settings.openOutbound(), clock });
}

/** Whom the callback proves, checked against the attempt of this very browser. */
async function identify(
  request: HandlerRequest<typeof contract.finishOidc>,
  { client, ticketSecret, now }: { client: () => Promise<OidcClient>; ticketSecret: string; now: number },
) {
  const { query, baseUrl } = request;
  const attempt = recallAttempt(callerOf(request), { state: query.state ?? '', secret: ticketSecret, now });
  if (!attempt) throw new CallbackRefused('oidc_stale');
  if (query.error !== undefined || query.code === undefined) throw new CallbackRefused('oidc_refused');
  const identity = await (await client()).identify(attempt, {
    code: query.code,
    redirectUri: `${baseUrl}${CALLBACK_PATH}`,
    issuer: query.iss,
  });
  return { attempt, identity };
}

/** The sign-in page with the reason in a word. */
function failurePage(baseUrl: string, error: unknown, log: { warn(fields: object, message: string): void }) {
  const reason =
    error instanceof IdentityRefused || error instanceof CallbackRefused
      ? error.reason
      : error instanceof AppError
        ? error.code === 'authentication_required'
          ? 'disabled'
          : 'oidc_taken'
        : 'oidc_unavailable';
  log.warn({ reason, detail: error instanceof Error ? error.message : '' }, 'a sign-in elsewhere failed');
  return `${baseUrl}/sign-in#error=${reason}`;
}

function redirect(location: string, cookie?: string) {
  const headers = { location, ...(cookie === undefined ? {} : { 'set-cookie': cookie }) };
  return { status: 302 as const, headers };
}
