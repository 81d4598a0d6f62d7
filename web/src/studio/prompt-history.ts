// The account's earlier prompts, kept by the server: they survive the deletion of pictures and are there on every device.
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import type { Prompt, PromptPage } from '../api/resources.ts';

const HISTORY_LENGTH = 200;
const FRESH_MS = 30_000;
const PROMPTS_KEY = ['prompts'];

/** Earlier prompts that hold all words of `search`: pinned ones first, then the newest. */
export const promptsQuery = (search: string) =>
  queryOptions({
    queryKey: [...PROMPTS_KEY, search],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ limit: String(HISTORY_LENGTH), ...(search ? { q: search } : {}) });
      return (await call<PromptPage>('GET', `v1/prompts?${query}`, { signal })).data;
    },
    staleTime: FRESH_MS,
  });

/** Something was made: the history has changed, and is read again before anybody walks through it. */
export function refreshPrompts(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: PROMPTS_KEY, refetchType: 'all' });
}

async function change(client: QueryClient, made: Promise<unknown>): Promise<void> {
  await made;
  await client.invalidateQueries({ queryKey: PROMPTS_KEY });
}

export function pinPrompt(client: QueryClient, id: string, pinned: boolean): Promise<void> {
  return change(client, call<Prompt>('PATCH', `v1/prompts/${id}`, { body: { pinned } }));
}

export function removePrompt(client: QueryClient, id: string): Promise<void> {
  return change(client, call<null>('DELETE', `v1/prompts/${id}`));
}

/** Forgets all that are not pinned. */
export function clearPrompts(client: QueryClient): Promise<void> {
  return change(client, call<{ removed: number }>('DELETE', 'v1/prompts'));
}

/** The prompts as one walks back through them with Alt+↑: by the time of their last use, pinned or not. */
export function byTime(prompts: readonly Prompt[]): string[] {
  return prompts.toSorted((a, b) => b.last_used_at.localeCompare(a.last_used_at)).map(({ prompt }) => prompt);
}
