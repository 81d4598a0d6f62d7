// The calls of the pages before the Studio, and what follows when one of them has signed somebody in.
import { queryOptions, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import type { z } from 'zod';
import type {
  acceptInvitation,
  checkInvitation,
  register,
  signInOptions,
} from '../../../src/accounts/contract.ts';
import type { RequestBody } from '../../../src/kernel/route.ts';
import { call } from '../api/client.ts';
import { sessionQuery } from './queries.ts';

export type SignInOptions = z.output<(typeof signInOptions)['responses'][200]['schema']>;
export type Invitation = z.output<(typeof checkInvitation)['responses'][200]['schema']>;

const OPTIONS_FRESH_MS = 60_000;

export const signInOptionsQuery = queryOptions({
  queryKey: ['sign-in-options'],
  queryFn: ({ signal }) => call<SignInOptions>('GET', 'v1/auth/options', { signal }),
  staleTime: OPTIONS_FRESH_MS,
  retry: false,
});

export function readInvitation(token: string): Promise<Invitation> {
  return call<Invitation>('POST', 'v1/auth/invitations/check', { body: { token } });
}

export function acceptAs(body: RequestBody<typeof acceptInvitation>): Promise<unknown> {
  return call('POST', 'v1/auth/invitations/accept', { body });
}

export function registerAs(body: RequestBody<typeof register>): Promise<unknown> {
  return call('POST', 'v1/auth/register', { body });
}

export function resetPassword(body: { token: string; password: string }): Promise<unknown> {
  return call('POST', 'v1/auth/password-reset', { body });
}

/** The address to sign in elsewhere at, to accept an invitation by it or to add it to who is signed in. */
export async function prepareElsewhere(
  wish: { invitation: string } | { link: true; return_to: string },
): Promise<string> {
  return (await call<{ url: string }>('POST', 'v1/auth/oidc/start', { body: wish })).url;
}

/** Takes what stands under `name` after the # out of the address bar, so that it stays in no history; null without. */
export function takeFromFragment(name: string): string | null {
  const value = new URLSearchParams(location.hash.slice(1)).get(name);
  if (value !== null) history.replaceState(history.state, '', location.pathname + location.search);
  return value;
}

/** Reads who is signed in now, and goes on to `next`, a path of this app. */
export function useEnter(): (next?: string) => Promise<void> {
  const client = useQueryClient();
  const router = useRouter();
  return async (next = '/') => {
    await client.fetchQuery({ ...sessionQuery, staleTime: 0 });
    const [path = '/', query = ''] = next.split(/\?(.*)/s);
    await router.navigate({ to: path as '/', search: router.options.parseSearch(query), replace: true });
  };
}
