// People's ways in: password, registration, invitation, reset link, and an identity proven elsewhere. Known and unknown
// people are answered alike, in words and in work; each login and address together have ten tries in 15 minutes.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, newSecret, sha256Hex } from '../kernel/id.ts';
import type { Access, Scope } from '../kernel/route.ts';
import { countedAddress } from '../kernel/try-counter.ts';
import { type AccountOpener, newSession, type OpenedSession, type SessionOrigin } from './accounts.ts';
import {
  type Admission,
  changePassword,
  joinAccount,
  openPersonSession,
  resetPassword as resetStoredPassword,
  settleAccount,
} from './admission-store.ts';
import {
  findOpenInvitation,
  findReset,
  type Invitation,
  invitationOver,
  resetOver,
} from './invitation-store.ts';
import { type PasswordHasher, requireGoodPassword } from './passwords.ts';
import {
  findUser,
  findUserByIdentity,
  findUserByLogin,
  getUser,
  linkIdentity,
  type NewIdentity,
  type User,
} from './people-store.ts';
import { ALL_SCOPES, MEMBER_SCOPES } from './scopes.ts';
import { findSession } from './sign-in-store.ts';
import type { Role } from './store.ts';
import { countTry, forgetTries } from './try-store.ts';

export const INVITATION_PREFIX = 'dbi_';
export const RESET_PREFIX = 'dbr_';
export const RESET_LIFETIME_MS = 24 * 3_600_000;
export const MAX_OPEN_INVITATIONS = 1000;

const MEMBER_SCOPE_SET: ReadonlySet<Scope> = new Set(MEMBER_SCOPES);

export interface PeopleParts {
  db: Db;
  clock: Clock;
  opener: AccountOpener;
  hasher: PasswordHasher;
}

/** What a new person says about themselves. */
export interface Newcomer {
  name?: string | undefined;
  username?: string | undefined;
  email?: string | undefined;
}

export const scopesOfRole = (role: Role): ReadonlySet<Scope> =>
  role === 'admin' ? ALL_SCOPES : MEMBER_SCOPE_SET;

/** One spelling of a user name or address, whatever it was typed like. */
export const normaliseLogin = (login: string) => login.normalize('NFKC').trim().toLowerCase();

const wrongPassword = () =>
  new AppError('authentication_required', {
    detail: 'The login or the password is wrong.',
    cause: 'One of them was mistyped, or nobody with this login exists here.',
    fix: 'Try again; an administrator can make a link with which you choose a new password.',
  });

/** Counts a try of `who` from this address. Throws `rate_limited` when there were too many. */
async function requireTry({ db, clock }: PeopleParts, who: string, from: SessionOrigin): Promise<string> {
  const key = sha256Hex(`${who}\n${countedAddress(from.address ?? 'local')}`);
  const { retryAfterMs } = await db.write(countTry, { key, now: clock.now() });
  if (retryAfterMs > 0) {
    throw new AppError('rate_limited', {
      detail: 'There were ten wrong tries with this login from your network; wait a while.',
      retryAfterS: Math.ceil(retryAfterMs / 1000),
    });
  }
  return key;
}

/** Signs a person in. Throws `authentication_required` and `rate_limited`. */
export async function signInWithPassword(
  parts: PeopleParts,
  { login: typed, password }: { login: string; password: string },
  from: SessionOrigin,
): Promise<OpenedSession> {
  const { db, hasher } = parts;
  const login = normaliseLogin(typed);
  const tries = await requireTry(parts, login, from);
  const user = await findUserByLogin(db.read, login);
  const isRight = await hasher.verify(password, user?.password ?? null);
  if (!user || !isRight) throw wrongPassword();
  const opened = await openSessionFor(parts, user, from, user.password_set_at);
  await db.write(forgetTries, { key: tries });
  return opened;
}

async function openSessionFor(
  { db, clock }: PeopleParts,
  user: User,
  from: SessionOrigin,
  passwordSetAt?: number | null,
): Promise<OpenedSession> {
  const scopes = scopesOfRole(user.role);
  const { token, ...session } = newSession(clock.now(), scopes, from);
  await db.write(openPersonSession, { userId: user.id, passwordSetAt, session, replaces: from.replaces });
  return { token, sessionId: session.id, accountId: user.account_id, scopes, expiresAt: session.expiresAt };
}

/** A person as they are stored, with what they are called when they did not say. */
function personOf(
  { now, role, password }: { now: number; role: Role; password: string | null },
  newcomer: Newcomer,
) {
  const username = newcomer.username === undefined ? null : normaliseLogin(newcomer.username);
  const email = newcomer.email === undefined ? null : normaliseLogin(newcomer.email);
  const name = newcomer.name ?? newcomer.username ?? email?.split('@')[0] ?? 'Somebody';
  return { id: newId('usr', now), role, name, username, email, password };
}

export interface Admitted {
  userId: string;
  accountId: string;
  opened: OpenedSession | null;
}

interface AdmitInput {
  newcomer: Newcomer;
  role: Role;
  password: string | null;
  invitation: (Invitation & { hash: string }) | null;
  identity: NewIdentity | null;
  /** Where the first session is opened from; null opens none. */
  from: SessionOrigin | null;
}

/** Stores a person with all that belongs to them, and opens their account unless they join one. */
async function admit({ db, clock, opener }: PeopleParts, input: AdmitInput): Promise<Admitted> {
  const now = clock.now();
  const { invitation, role, from } = input;
  const person = personOf({ now, role, password: input.password }, input.newcomer);
  const scopes = scopesOfRole(role);
  const session = from ? newSession(now, scopes, from) : null;
  const admission: Admission = {
    person,
    invitationHash: invitation?.hash ?? null,
    identity: input.identity,
    session: session && withoutToken(session),
  };
  const accountId = invitation?.account_id ?? newId('acct', now);
  if (invitation?.account_id) await db.write(joinAccount, { accountId, admission, now });
  else {
    const grantCredits = invitation?.grant_credits ?? undefined;
    const account = { id: accountId, name: person.name, role: 'member' as const, grantCredits, admission };
    await opener.open({ accounts: [account], now });
  }
  const opened = session && toOpened(session, accountId, scopes);
  return { userId: person.id, accountId, opened };
}

function toOpened(
  { token, id, expiresAt }: ReturnType<typeof newSession>,
  accountId: string,
  scopes: ReadonlySet<Scope>,
): OpenedSession {
  return { token, sessionId: id, accountId, scopes, expiresAt };
}

/** A session as the database may see it. */
function withoutToken<Session extends { token: string }>({ token: _token, ...session }: Session) {
  return session;
}

const namesOf = ({ name, username, email }: Newcomer) => [name ?? null, username ?? null, email ?? null];

/** Registers a stranger with an account of their own. Throws `validation_failed` and `conflict`. */
export async function register(
  parts: PeopleParts,
  { password, ...newcomer }: Newcomer & { password: string },
  from: SessionOrigin,
): Promise<OpenedSession> {
  requireGoodPassword(password, namesOf(newcomer));
  const hashed = await parts.hasher.hash(password);
  const { opened } = await admit(parts, {
    newcomer,
    role: 'member',
    password: hashed,
    invitation: null,
    identity: null,
    from,
  });
  if (!opened) throw new Error('A registration opens a session');
  return opened;
}

/** The open invitation of a token. Throws `authentication_required`. */
export async function requireInvitation(
  { db, clock }: PeopleParts,
  token: string,
): Promise<Invitation & { hash: string }> {
  const hash = sha256Hex(token);
  const invitation = await findOpenInvitation(db.read, { hash, now: clock.now() });
  if (!invitation) throw invitationOver();
  return { ...invitation, hash };
}

/** Makes a person of whoever has the invitation. Throws `authentication_required`, `validation_failed`, `conflict`. */
export async function acceptInvitation(
  parts: PeopleParts,
  { token, password, ...said }: Newcomer & { token: string; password: string },
  from: SessionOrigin | null,
): Promise<Admitted> {
  const invitation = await requireInvitation(parts, token);
  const newcomer = { ...said, email: invitation.email ?? said.email };
  if (newcomer.username === undefined && newcomer.email === undefined) {
    const detail = 'Give a user name or an e-mail address to sign in with.';
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/username', detail }] });
  }
  requireGoodPassword(password, namesOf(newcomer));
  const hashed = await parts.hasher.hash(password);
  return admit(parts, {
    newcomer,
    role: invitation.role,
    password: hashed,
    invitation,
    identity: null,
    from,
  });
}

/** Sets a new password by a reset link. Throws `authentication_required` and `validation_failed`. */
export async function resetPassword(
  { db, clock, hasher }: PeopleParts,
  { token, password }: { token: string; password: string },
  from: SessionOrigin | null,
): Promise<Admitted> {
  const now = clock.now();
  const hash = sha256Hex(token);
  const userId = await findReset(db.read, { hash, now });
  const user = userId === undefined ? undefined : await findUser(db.read, userId);
  if (!user) throw resetOver();
  requireGoodPassword(password, namesOf({ ...user, username: user.username ?? '', email: user.email ?? '' }));
  const hashed = await hasher.hash(password);
  const scopes = scopesOfRole(user.role);
  const session = from ? newSession(now, scopes, from) : null;
  const stored = await db.write(resetStoredPassword, {
    hash,
    password: hashed,
    session: session && withoutToken(session),
    now,
  });
  if (!stored) throw resetOver();
  const accountId = user.account_id;
  const opened = session && toOpened(session, accountId, scopes);
  return { userId: user.id, accountId, opened };
}

/** The person whose session this is; undefined for keys, tickets and sessions that no person opened. */
export async function findPerson({ db }: { db: Db }, access: Access): Promise<User | undefined> {
  if (access.via !== 'session') return undefined;
  const session = await findSession(db.read, access.credentialId);
  return session?.user_id ? findUser(db.read, session.user_id) : undefined;
}

/**
 * Changes the password of the person who is signed in, or makes the first person of an account that a set-up link or key
 * signed in to. Every other session ends. Throws `conflict`, `validation_failed`, `authentication_required`, `rate_limited`.
 */
export async function setPassword(
  parts: PeopleParts,
  access: Access,
  input: Newcomer & { password: string; current_password?: string | undefined },
  from: SessionOrigin,
): Promise<OpenedSession> {
  const { db, clock, hasher } = parts;
  const current = access.via === 'session' ? await findSession(db.read, access.credentialId) : undefined;
  if (!current) {
    throw new AppError('conflict', {
      detail: 'A password belongs to a person, and an API key is none.',
      fix: 'Sign in in a browser first.',
    });
  }
  if (current.user_id === null) return settle(parts, access, current, input, from);
  const user = await getUser(db.read, current.user_id);
  if (user.password !== null) await requireCurrentPassword(parts, user, input.current_password, from);
  requireGoodPassword(input.password, [user.name, user.username, user.email]);
  if (user.username === null && user.email === null) {
    throw new AppError('conflict', {
      detail: 'There is neither a user name nor an e-mail address to sign in with.',
      fix: 'Set one in the profile first.',
    });
  }
  const password = await hasher.hash(input.password);
  const scopes = scopesOfRole(user.role);
  const { token, ...session } = newSession(clock.now(), scopes, from);
  await db.write(changePassword, {
    userId: user.id,
    passwordSetAt: user.password_set_at,
    password,
    session,
  });
  return { token, sessionId: session.id, accountId: user.account_id, scopes, expiresAt: session.expiresAt };
}

async function requireCurrentPassword(
  parts: PeopleParts,
  user: User,
  given: string | undefined,
  from: SessionOrigin,
): Promise<void> {
  const pointer = '/current_password';
  if (given === undefined) {
    const detail = 'The current password is needed to set a new one.';
    throw new AppError('validation_failed', { detail, errors: [{ pointer, detail }] });
  }
  const tries = await requireTry(parts, user.id, from);
  if (!(await parts.hasher.verify(given, user.password))) {
    const detail = 'The current password is wrong.';
    throw new AppError('validation_failed', { detail, errors: [{ pointer, detail }] });
  }
  await parts.db.write(forgetTries, { key: tries });
}

/** The first person of an account, out of a session with every right that the person will have. */
async function settle(
  { db, clock, hasher }: PeopleParts,
  access: Access,
  current: { account_id: string },
  input: Newcomer & { password: string },
  from: SessionOrigin,
): Promise<OpenedSession> {
  const role: Role = access.scopes.has('admin') ? 'admin' : 'member';
  const scopes = scopesOfRole(role);
  const isWide = [...scopes].every((scope) => access.scopes.has(scope));
  if (!isWide || access.accountId !== current.account_id) {
    throw new AppError('conflict', {
      detail: 'This session may do less than the person of its account could, so that it cannot make one.',
      fix: 'Sign in with a key that has all rights of the account, or ask an administrator for an invitation.',
    });
  }
  if (input.username === undefined && input.email === undefined) {
    const detail = 'Give a user name or an e-mail address to sign in with.';
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/username', detail }] });
  }
  requireGoodPassword(input.password, namesOf(input));
  const password = await hasher.hash(input.password);
  const now = clock.now();
  const { token, ...session } = newSession(now, scopes, from);
  const person = personOf({ now, role, password }, input);
  const accountId = await db.write(settleAccount, { sessionId: access.credentialId, person, session });
  return { token, sessionId: session.id, accountId, scopes, expiresAt: session.expiresAt };
}

export interface ProvenIdentity extends NewIdentity {
  name: string | null;
  /** Whether the issuer vouches for the address. */
  isEmailProven: boolean;
}

/** Why somebody with an identity proven elsewhere does not come in. */
export type IdentityRefusal = 'oidc_unknown' | 'oidc_not_allowed' | 'oidc_taken' | 'invitation_over';

export class IdentityRefused extends Error {
  readonly reason: IdentityRefusal;
  constructor(reason: IdentityRefusal) {
    super(reason);
    this.name = 'IdentityRefused';
    this.reason = reason;
  }
}

/**
 * Signs in by an identity proven elsewhere: a known person's, or a newcomer's by invitation or where newcomers register
 * themselves. An address alone never makes somebody a person who exists. Throws `IdentityRefused`.
 */
export async function signInWithIdentity(
  parts: PeopleParts,
  identity: ProvenIdentity,
  options: {
    invitationHash: string | null;
    autoRegister: boolean;
    /** Empty: every domain. */
    allowedDomains: readonly string[];
    from: SessionOrigin;
  },
): Promise<OpenedSession> {
  const { db, clock } = parts;
  const { from, allowedDomains } = options;
  const domain = identity.email?.split('@').at(-1)?.toLowerCase() ?? '';
  if (allowedDomains.length > 0 && !(identity.isEmailProven && allowedDomains.includes(domain)))
    throw new IdentityRefused('oidc_not_allowed');
  const known = await findUserByIdentity(db.read, identity);
  if (known) return openSessionFor(parts, known, from);
  const hash = options.invitationHash;
  const invitation =
    hash === null ? undefined : await findOpenInvitation(db.read, { hash, now: clock.now() });
  if (hash !== null && !invitation) throw new IdentityRefused('invitation_over');
  if (!invitation && !options.autoRegister) throw new IdentityRefused('oidc_unknown');
  const email = identity.email === null ? null : normaliseLogin(identity.email);
  if (invitation?.email && !(identity.isEmailProven && email === invitation.email))
    throw new IdentityRefused('oidc_not_allowed');
  // An address that somebody here has written into their profile stays theirs; this person does without.
  const isFree = email !== null && (await findUserByLogin(db.read, email)) === undefined;
  const { opened } = await admit(parts, {
    newcomer: {
      name: identity.name ?? email?.split('@')[0],
      ...(isFree && email !== null ? { email } : {}),
    },
    role: invitation?.role ?? 'member',
    password: null,
    invitation: invitation && hash !== null ? { ...invitation, hash } : null,
    identity: withoutProof(identity),
    from,
  });
  if (!opened) throw new Error('A sign-in opens a session');
  return opened;
}

const withoutProof = ({ issuer, subject, email }: ProvenIdentity): NewIdentity => ({
  issuer,
  subject,
  email,
});

/** Adds a sign-in elsewhere to a person. Throws `IdentityRefused` when it is another's. */
export async function addIdentity({ db, clock }: PeopleParts, userId: string, identity: ProvenIdentity) {
  try {
    await db.write(linkIdentity, { identity: withoutProof(identity), userId, now: clock.now() });
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') throw new IdentityRefused('oidc_taken');
    throw error;
  }
}

/** A one-time token with its digest. */
export function newLinkToken(prefix: string): { token: string; hash: string } {
  const token = `${prefix}${newSecret()}`;
  return { token, hash: sha256Hex(token) };
}
