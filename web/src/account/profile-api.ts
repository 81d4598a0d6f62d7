// The own person, sessions, keys and ledger: what the account's pages read and change.
import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type {
  createKey,
  getProfile,
  keySchema,
  ownSessionSchema,
  setPassword,
  updateProfile,
} from '../../../src/accounts/contract.ts';
import type { entrySchema, spendingSchema } from '../../../src/credits/contract.ts';
import type { RequestBody } from '../../../src/kernel/route.ts';
import { call } from '../api/client.ts';
import { ApiError } from '../api/problem.ts';
import type { Session } from '../api/resources.ts';
import { sessionQuery } from './queries.ts';

export type Profile = z.output<(typeof getProfile)['responses'][200]['schema']>;
export type User = NonNullable<Profile['user']>;
export type OwnSession = z.output<typeof ownSessionSchema>;
export type ApiKey = z.output<typeof keySchema>;
export type MadeKey = ApiKey & { key: string };
export type Scope = ApiKey['scopes'][number];
export type Entry = z.output<typeof entrySchema>;
export type Spending = z.output<typeof spendingSchema>;

interface Page<Item> {
  data: readonly Item[];
  next_cursor: string | null;
}

const PROFILE_KEY = ['profile'];
const SESSIONS_KEY = ['own-sessions'];
const KEYS_KEY = ['api-keys'];
const PAGE_SIZE = 30;

export const profileQuery = queryOptions({
  queryKey: PROFILE_KEY,
  queryFn: ({ signal }) => call<Profile>('GET', 'v1/account', { signal }),
});

export const sessionsQuery = queryOptions({
  queryKey: SESSIONS_KEY,
  queryFn: async ({ signal }) =>
    (await call<{ data: readonly OwnSession[] }>('GET', 'v1/account/sessions', { signal })).data,
});

const pageOf = (path: string, cursor: string | null) =>
  `${path}?${new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor ? { cursor } : {}) })}`;

export const keysQuery = infiniteQueryOptions({
  queryKey: KEYS_KEY,
  queryFn: ({ signal, pageParam }) => call<Page<ApiKey>>('GET', pageOf('v1/keys', pageParam), { signal }),
  initialPageParam: null as string | null,
  getNextPageParam: (page: Page<ApiKey>) => page.next_cursor,
});

// Under the balance's key, so that what changes the one reads the other again, too.
export const entriesQuery = infiniteQueryOptions({
  queryKey: ['credits', 'entries'],
  queryFn: ({ signal, pageParam }) =>
    call<Page<Entry>>('GET', pageOf('v1/credits/entries', pageParam), { signal }),
  initialPageParam: null as string | null,
  getNextPageParam: (page: Page<Entry>) => page.next_cursor,
});

export const spendingQuery = queryOptions({
  queryKey: ['credits', 'spending'],
  queryFn: ({ signal }) => call<Spending>('GET', 'v1/credits/spending', { signal }),
});

async function takeSession(client: QueryClient, session: Session): Promise<void> {
  client.setQueryData(sessionQuery.queryKey, session);
  await Promise.all([
    client.invalidateQueries({ queryKey: PROFILE_KEY }),
    client.invalidateQueries({ queryKey: SESSIONS_KEY }),
  ]);
}

/** Makes the person of an account that has none yet. */
export function becomePerson(
  client: QueryClient,
  person: { username: string; password: string; email?: string },
): Promise<void> {
  return changePassword(client, person);
}

/** Sets the password; every other session ends. */
export async function changePassword(
  client: QueryClient,
  body: RequestBody<typeof setPassword>,
): Promise<void> {
  await takeSession(client, await call<Session>('POST', 'v1/account/password', { body }));
}

export async function saveProfile(
  client: QueryClient,
  body: RequestBody<typeof updateProfile>,
): Promise<void> {
  client.setQueryData(PROFILE_KEY, await call<Profile>('PATCH', 'v1/account', { body }));
  await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
}

/** Ends these sessions; one that is gone already counts as ended. */
export async function endSessions(client: QueryClient, ids: readonly string[]): Promise<void> {
  try {
    for (const id of ids) await unlessGone(call<null>('DELETE', `v1/account/sessions/${id}`));
  } finally {
    await client.invalidateQueries({ queryKey: SESSIONS_KEY });
  }
}

export async function makeKey(client: QueryClient, body: RequestBody<typeof createKey>): Promise<MadeKey> {
  const made = await call<MadeKey>('POST', 'v1/keys', { body });
  void client.invalidateQueries({ queryKey: KEYS_KEY });
  return made;
}

/** Revokes a key; one that is gone already counts as revoked. */
export async function revokeKey(client: QueryClient, id: string): Promise<void> {
  await unlessGone(call<null>('DELETE', `v1/keys/${id}`));
  await client.invalidateQueries({ queryKey: KEYS_KEY });
}

async function unlessGone(done: Promise<null>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof ApiError && error.problem.status === 404)) throw error;
  }
}
