// The session, the balance, and the calls that begin and end a session.
import { queryOptions } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import { ApiError } from '../api/problem.ts';
import type { CreditBalance, Session } from '../api/resources.ts';

/** Who is signed in on this browser, or null. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await call<Session>('GET', 'v1/auth/session', { signal });
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 401) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const creditsQuery = queryOptions({
  queryKey: ['credits'],
  queryFn: ({ signal }) => call<CreditBalance>('GET', 'v1/credits', { signal }),
});

/** Exchanges a key or a set-up token for a session cookie. */
export function createSession(proof: { token: string } | { api_key: string }): Promise<Session> {
  return call<Session>('POST', 'v1/auth/session', { body: proof });
}

export function removeSession(): Promise<null> {
  return call<null>('DELETE', 'v1/auth/session');
}
