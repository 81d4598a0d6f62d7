// Callers of the older systems had no keys. Where the operator allows it, those paths take them as one account, which has its
// own credits and limits and sees nothing of any other; elsewhere nobody comes in without a credential.
import type { FastifyRequest } from 'fastify';
import { type AccountOpener, findAccount } from '../accounts/accounts.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access, RouteContract, Scope } from '../kernel/route.ts';

/** The account that is opened when none is named: one fixed id, so that all nodes and starts mean the same. */
const OWN_ACCOUNT_ID = 'acct_00000000000070008000616e6f6e796d';
const OWN_ACCOUNT_NAME = 'Callers without a key';
const SCOPES: ReadonlySet<Scope> = new Set<Scope>([
  'tasks:read',
  'tasks:write',
  'images:read',
  'images:write',
]);
/** What our keys begin with; another system's secret in the header means nothing here. */
const OUR_KEY = /^bearer +dbk_/i;

export interface AnonymousOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  opener: AccountOpener;
  config: { compat: { allowAnonymous: boolean; accountId: string | null } };
}

/** The account of callers without a key; null where they are not allowed. Throws `validation_failed` for one that is not there. */
export async function openAnonymousAccount(options: AnonymousOptions): Promise<string | null> {
  if (!options.config.compat.allowAnonymous) return null;
  const accountId = await ensureAccount(options);
  options.log.warn({ account_id: accountId }, 'compat.allow_anonymous: older callers need no key');
  return accountId;
}

async function ensureAccount({ db, clock, opener, config }: AnonymousOptions): Promise<string> {
  const { accountId } = config.compat;
  if (accountId !== null) {
    const account = await findAccount(db.read, accountId);
    if (account?.role === 'member') return accountId;
    const detail = account
      ? 'is an administrator’s account; name one that may be used by anybody'
      : 'names an account that does not exist; list them with "drawbridge accounts list"';
    throw new AppError('validation_failed', {
      detail: `compat.account ${detail}.`,
      errors: [{ pointer: 'compat.account', detail }],
    });
  }
  if (await findAccount(db.read, OWN_ACCOUNT_ID)) return OWN_ACCOUNT_ID;
  const account = { id: OWN_ACCOUNT_ID, name: OWN_ACCOUNT_NAME, role: 'member' as const };
  try {
    await opener.open({ accounts: [account], now: clock.now() });
  } catch (error) {
    // Another node that started at this moment was first.
    if (!(await findAccount(db.read, OWN_ACCOUNT_ID))) throw error;
  }
  return OWN_ACCOUNT_ID;
}

type Authenticate = (request: FastifyRequest, contract: RouteContract) => Promise<Access | null>;

/** `authenticate`, with the account of callers without a key on the routes that take them; `accountId` null changes nothing. */
export function admitAnonymous(authenticate: Authenticate, db: Db, accountId: string | null): Authenticate {
  if (accountId === null) return authenticate;
  return async (request, contract) => {
    if (contract.anonymous !== true) return authenticate(request, contract);
    const access = await authenticate(request, contract).catch((error: unknown) => {
      if (isForeignKey(request, error)) return null;
      throw error;
    });
    return access ?? anonymousAccess(db, accountId);
  };
}

/** Many clients must be given some key: what was one for the older system is none here, and harmless. */
function isForeignKey({ headers }: FastifyRequest, error: unknown): boolean {
  const { authorization } = headers;
  const isRefused = error instanceof AppError && error.code === 'authentication_required';
  return isRefused && authorization !== undefined && !OUR_KEY.test(authorization);
}

async function anonymousAccess(db: Db, accountId: string): Promise<Access> {
  const account = await findAccount(db.read, accountId);
  if (!account || account.disabled_at !== null) {
    throw new AppError('authentication_required', {
      detail: 'Calls without a key are switched off: their account is disabled.',
    });
  }
  return { accountId, scopes: SCOPES, via: 'key', credentialId: 'anonymous', isAnonymous: true };
}
