// What a browser carries while it signs in elsewhere: one signed, short-lived cookie with the state, the nonce and the PKCE
// verifier of exactly this attempt. Nothing is stored on the server, so that nobody can fill it with attempts.
import { createHash, createHmac } from 'node:crypto';
import { equalSecrets, newSecret } from '../kernel/id.ts';
import { attemptCookie, type CookieCaller, readAttemptCookie } from './session-cookie.ts';

export const ATTEMPT_LIFETIME_MS = 10 * 60_000;
/** Keeps this use of the server's secret apart from all others. */
const PURPOSE = 'oidc-attempt';
const MAX_ATTEMPT_CHARS = 3000;

export interface Attempt {
  state: string;
  nonce: string;
  verifier: string;
  /** A path of this server. */
  returnTo: string;
  /** Digest of the invitation to accept by this sign-in. */
  invitationHash: string | null;
  /** The person to add this sign-in to. */
  linkTo: string | null;
  expiresAt: number;
}

/** A fresh attempt; state, nonce and verifier have 256 random bits each. */
export function newAttempt(
  now: number,
  wish: Pick<Attempt, 'returnTo' | 'invitationHash' | 'linkTo'>,
): Attempt {
  return {
    ...wish,
    state: newSecret(),
    nonce: newSecret(),
    verifier: newSecret(),
    expiresAt: now + ATTEMPT_LIFETIME_MS,
  };
}

/** The PKCE challenge (S256) of an attempt. */
export function challengeOf({ verifier }: Attempt): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function signatureOf(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(`${PURPOSE}.${payload}`).digest('base64url');
}

/** The `Set-Cookie` value that lets this browser alone finish the attempt. */
export function rememberAttempt(caller: CookieCaller, attempt: Attempt, secret: string): string {
  const payload = Buffer.from(JSON.stringify(attempt)).toString('base64url');
  const value = `${payload}.${signatureOf(payload, secret)}`;
  return attemptCookie(caller, value, ATTEMPT_LIFETIME_MS / 1000);
}

/** The attempt of this browser with this state; undefined when there is none, it is forged or over. */
export function recallAttempt(
  caller: CookieCaller,
  { state, secret, now }: { state: string; secret: string; now: number },
): Attempt | undefined {
  const value = readAttemptCookie(caller);
  if (value === undefined || value.length > MAX_ATTEMPT_CHARS) return undefined;
  const [payload = '', signature = ''] = value.split('.');
  if (!equalSecrets(signature, signatureOf(payload, secret))) return undefined;
  // Signed by us, so its shape is ours.
  const attempt = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Attempt;
  return attempt.expiresAt > now && equalSecrets(attempt.state, state) ? attempt : undefined;
}

/** The `Set-Cookie` value that ends whatever attempt this browser had. */
export function forgetAttempt(caller: CookieCaller): string {
  return attemptCookie(caller, '', 0);
}
