// The session, the balance, and the calls that begin and end a session.
import { queryOptions } from '@tanstack/react-query';
import { apiUrl, call } from '../api/client.ts';
import { ApiError } from '../api/problem.ts';
import type { CreditBalance, Session } from '../api/resources.ts';
import { otherServer, saveOtherServer } from '../settings/api-address.ts';
import { readStored, writeStored } from '../ui/stored.ts';

const WAS_SIGNED_IN_STORED = 'drawbridge.was-signed-in';

/** Whether a session on this browser ended without a wish to end it. */
export const wasSignedIn = () => readStored(WAS_SIGNED_IN_STORED) !== null;

/** Nobody has to ask: the page was sent away from its server, or another server's key was forgotten. */
const isSignedOutHere = () => otherServer()?.key === null;

/** Something answered that is no Drawbridge: the page's files may stand on a web server of their own. */
function isNoServer({ problem }: ApiError): boolean {
  return (
    problem.code === 'unknown' && (problem.status < 300 || problem.status === 404 || problem.status === 405)
  );
}

/** Who is signed in on this browser, or null. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    if (isSignedOutHere()) return null;
    try {
      const session = await call<Session>('GET', 'v1/auth/session', { signal });
      writeStored(WAS_SIGNED_IN_STORED, 'yes');
      return session;
    } catch (error) {
      // The sign-in page says what is wrong and offers another server.
      if (error instanceof ApiError && (error.problem.status === 401 || isNoServer(error))) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const creditsQuery = queryOptions({
  queryKey: ['credits'],
  queryFn: ({ signal }) => call<CreditBalance>('GET', 'v1/credits', { signal }),
});

export type Proof = { token: string } | { api_key: string } | { login: string; password: string };

/** Exchanges a password, a key or a set-up token for a session cookie. */
export function createSession(proof: Proof): Promise<Session> {
  return call<Session>('POST', 'v1/auth/session', { body: proof });
}

/** Ends the session; of another server, its key is forgotten on this device. */
export async function removeSession(): Promise<void> {
  const other = otherServer();
  writeStored(WAS_SIGNED_IN_STORED, null);
  if (!other) return void (await call<null>('DELETE', 'v1/auth/session'));
  saveOtherServer({ ...other, key: null });
  location.assign(new URL('sign-in', document.baseURI));
}

/** Where the page goes to sign in elsewhere; the server sends the browser back to `next`, a path of this app. */
export function signInElsewhereUrl(next: string): string {
  return apiUrl(`v1/auth/oidc/start?${new URLSearchParams({ return_to: next })}`);
}
